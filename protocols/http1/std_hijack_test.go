package http1

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/calandria-go/calandria/reactor"
)

// hijackEcho takes the connection, says so, and sends back what comes, starting with what it finds buffered.
func hijackEcho(t *testing.T, readBody bool) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if readBody {
			io.Copy(io.Discard, r.Body)
		}
		c, brw, err := w.(http.Hijacker).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		defer c.Close()
		if _, ok := c.(*reactor.Stream); !ok {
			t.Errorf("a %T", c)
		}
		if _, err := w.Write([]byte("x")); err != http.ErrHijacked {
			t.Error("write:", err)
		}
		if _, _, err := http.NewResponseController(w).Hijack(); err != http.ErrHijacked {
			t.Error("hijack again:", err)
		}
		if err := http.NewResponseController(w).Flush(); err != http.ErrHijacked {
			t.Error("flush:", err)
		}
		if err := http.NewResponseController(w).SetReadDeadline(time.Now()); err == nil {
			t.Error("no error of SetReadDeadline")
		}
		w.WriteHeader(500) // logged only
		fmt.Fprintf(brw, "HTTP/1.1 101 Switching Protocols\r\nEarly: %d\r\n\r\n", brw.Reader.Buffered())
		if err := brw.Flush(); err != nil {
			t.Error(err)
		}
		n, err := io.Copy(c, brw)
		if err != nil {
			t.Error("after", n, err)
		}
	})
}

func TestStdHijack(t *testing.T) {
	const head = "GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n"
	const withBody = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nbody"
	cases := []struct {
		name, send string
		readBody   bool
		echo       string
	}{
		{"nothing early", head, false, ""},
		{"early bytes", head + "early", false, "early"},
		{"many early bytes", head + strings.Repeat("early", 5000), false, strings.Repeat("early", 5000)},
		{"body read", withBody + "early", true, "early"},
		{"body not read", withBody + "early", false, "bodyearly"},
		{"body expected", "POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n", false, ""},
	}
	for _, c := range cases {
		for network, start := range map[string]func(*testing.T, http.Handler, ...func(*Server, *reactor.Config)) *stdServer{"tcp": startStd, "unix": startUnix} {
			t.Run(c.name+"/"+network, func(t *testing.T) {
				s := start(t, hijackEcho(t, c.readBody))
				conn := s.dial()
				fmt.Fprint(conn, c.send)
				br := bufio.NewReader(conn)
				res, err := http.ReadResponse(br, nil)
				if err != nil || res.StatusCode != 101 {
					t.Fatal(res, err)
				}
				fmt.Fprint(conn, "late")
				conn.(interface{ CloseWrite() error }).CloseWrite()
				got, err := io.ReadAll(br)
				if string(got) != c.echo+"late" || err != nil {
					t.Errorf("echoed %d bytes %.60q, %v", len(got), got, err)
				}
			})
		}
	}
}

// What is on the connection already is Buffered, as with net/http.
func TestStdHijackBuffersEarlyBytes(t *testing.T) {
	got := make(chan string, 1)
	s := startStd(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		<-r.Context().Done() // CancelOnEOF: all bytes have come
		c, brw, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		defer c.Close()
		p, _ := brw.Peek(brw.Reader.Buffered())
		got <- string(p)
	}), func(srv *Server, _ *reactor.Config) { srv.CancelOnEOF = true })
	c := s.dial()
	fmt.Fprint(c, get("/")+"early bytes")
	c.(*net.TCPConn).CloseWrite()
	if p := wait(t, got, "hijack"); p != "early bytes" {
		t.Errorf("buffered %q", p)
	}
}

// A handler may go on with the connection after it has returned.
func TestStdHijackOutlivesHandler(t *testing.T) {
	s := startStd(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c, _, err := w.(http.Hijacker).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		go func() {
			defer c.Close()
			<-r.Context().Done()
			io.WriteString(c, "from afar")
		}()
	}))
	if got := s.exchange(get("/")); got != "from afar" {
		t.Errorf("got %q", got)
	}
}

func TestStdHijackAfterAnswer(t *testing.T) {
	s := startStd(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Length", "5")
		w.WriteHeader(200)
		c, brw, err := w.(http.Hijacker).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		defer c.Close()
		brw.WriteString("hello")
		brw.Flush()
	}))
	if got := s.exchange(get("/")); !strings.HasPrefix(got, "HTTP/1.1 200 OK\r\n") || !strings.HasSuffix(got, "\r\n\r\nhello") {
		t.Errorf("got %q", got)
	}
}

func TestStdHijackOfLostConnection(t *testing.T) {
	entered, failed := make(chan struct{}), make(chan error, 1)
	s := startStd(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		close(entered)
		<-r.Context().Done()
		_, _, err := w.(http.Hijacker).Hijack()
		failed <- err
	}))
	c := s.dial().(*net.TCPConn)
	fmt.Fprint(c, get("/"))
	wait(t, entered, "handler")
	c.SetLinger(0)
	c.Close()
	if err := wait(t, failed, "hijack"); err == nil || errors.Is(err, http.ErrHijacked) {
		t.Error(err)
	}
}
