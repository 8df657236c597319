package http1_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/calandria-go/calandria/protocols/http1"
	"github.com/calandria-go/calandria/protocols/http1/wire"
	"github.com/calandria-go/calandria/reactor"
	"github.com/calandria-go/calandria/reactor/reactortest"
)

// scribe writes down what comes of its calls. It is on the accepting side, which a ClientConn does not mind.
type scribe struct {
	*http1.ClientConn
	calls [3]http1.Call
	text  strings.Builder
}

func (s *scribe) OnOpen(c *reactor.Conn) {
	s.ClientConn.OnOpen(c)
	for i, method := range []string{"GET", "HEAD", "POST"} {
		q := &http1.ClientRequest{Method: method, Target: fmt.Sprint("/", i), Host: "h", Length: int64(len("x") * (i / 2))}
		if err := s.Send(&s.calls[i], q, []byte("x")[:i/2], s); err != nil {
			s.text.WriteString(err.Error())
		}
	}
}

func (s *scribe) OnInform(_ *http1.Call, r *wire.Response) { fmt.Fprintf(&s.text, "<%d>", r.Status()) }
func (s *scribe) OnHead(call *http1.Call, r *wire.Response) {
	a, _ := r.Get("A")
	fmt.Fprintf(&s.text, "[%s %d %s]", call.Method(), r.Status(), a)
}
func (s *scribe) OnPiece(_ *http1.Call, piece []byte) { s.text.Write(piece) }
func (s *scribe) OnWritable(_ *http1.Call)            {}
func (s *scribe) OnDone(call *http1.Call, err error) {
	fmt.Fprintf(&s.text, "{%v %v}", err, call.Trailers())
}

// TestClientConnSplits: three pipelined responses, cut everywhere, come out the same.
func TestClientConnSplits(t *testing.T) {
	input := []byte("HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\nA: one\r\nTransfer-Encoding: chunked\r\n\r\n" +
		"4\r\nbody\r\n0\r\nT: r\r\n\r\nHTTP/1.1 204 No Content\r\nA: two\r\n\r\nHTTP/1.1 200 OK\r\nA: three\r\nContent-Length: 4\r\n\r\nlast")
	const want = "<103>[GET 200 one]body{<nil> [{T r}]}[HEAD 204 two]{<nil> []}[POST 200 three]last{<nil> []}"
	var made []*scribe
	protocol := reactor.ProtocolFunc(func(*reactor.Conn) reactor.Handler {
		s := &scribe{ClientConn: &http1.ClientConn{Pipeline: 3}}
		made = append(made, s)
		return s
	})
	reactortest.SplitsHandler(t, reactor.Config{}, protocol, input, func(t *testing.T, got reactortest.Fed) {
		if text := made[len(made)-1].text.String(); text != want {
			t.Errorf("%s; want %s", text, want)
		}
		if n := strings.Count(string(got.Out), " HTTP/1.1\r\nHost: h\r\n"); n != 3 || !strings.HasSuffix(string(got.Out), "\r\n\r\nx") {
			t.Errorf("sent %q", got.Out)
		}
	})
}
