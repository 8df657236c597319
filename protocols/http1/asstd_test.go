package http1_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/calandria-go/calandria/protocols/http1"
	"github.com/calandria-go/calandria/reactor"
)

// hosted serves srv under net/http's server, with HTTP/2 over TLS if asked for. wrap is what the host puts around it; nil for
// nothing.
func hosted(t *testing.T, srv *http1.Server, h2 bool, wrap func(http.Handler) http.Handler) (*httptest.Server, *http1.Hosted) {
	t.Helper()
	if srv.Logger == nil {
		srv.Logger = quiet
	}
	h := srv.AsStd(reactor.Config{StallAfter: -1})
	var handler http.Handler = h
	if wrap != nil {
		handler = wrap(h)
	}
	s := httptest.NewUnstartedServer(handler)
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	if h2 {
		s.EnableHTTP2 = true
		s.StartTLS()
	} else {
		s.Start()
	}
	t.Cleanup(func() {
		s.CloseClientConnections()
		s.Close()
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		if err := h.Shutdown(ctx); err != nil {
			t.Errorf("Shutdown: %v", err)
		}
	})
	return s, h
}

// hostDial opens a connection to a host.
func hostDial(t *testing.T, addr net.Addr) net.Conn {
	t.Helper()
	c, err := net.Dial("tcp", addr.String())
	if err != nil {
		t.Fatal(err)
	}
	c.SetDeadline(time.Now().Add(patience))
	t.Cleanup(func() { c.Close() })
	return c
}

// stream answers with n pieces, as the connection takes them, and a trailer.
func stream(n int, size int64, length int64) http1.HandlerFunc {
	return func(x *http1.Exchange) {
		piece := []byte(strings.Repeat("0123456789abcdef", int(size)/16))
		produce := func(x *http1.Exchange) {
			for ; n > 0; n-- {
				if full, err := x.Write(piece); err != nil || full {
					n--
					return
				}
			}
			x.SetTrailer("X-Sum", "42")
			x.Finish()
		}
		x.OnWritable(func(x *http1.Exchange) { produce(x) })
		x.Start(200, "text/plain", length)
		produce(x)
	}
}

// seen answers with what the native side sees of the request.
func seen(x *http1.Exchange) {
	q := x.Request()
	text := fmt.Sprintf("%s %s host=%s tls=%v", q.Method(), q.Target(), q.Host(), x.TLS() != nil)
	for _, name := range []string{"Accept", "X-Two", "Te", "Content-Type", "Expect"} {
		q.Values(name, func(v []byte) bool {
			text += fmt.Sprintf("\n%s: %s", name, v)
			return true
		})
	}
	x.ReadBody(1<<20, func(x *http1.Exchange, b []byte) {
		for _, f := range x.Trailers() {
			text += fmt.Sprintf("\ntrailer %s: %s", f.Name, f.Value)
		}
		x.Respond(200, "text/plain", fmt.Appendf(nil, "%s\n%q", text, b))
	})
}

func see() http1.HandlerFunc   { return seen }
func greet() http1.HandlerFunc { return hello }

// hostCases are native handlers and what they are asked.
var hostCases = []struct {
	name, send string
	h          func() http1.HandlerFunc
}{
	{"get", "GET /a?b=%20c HTTP/1.1\r\nHost: h\r\nAccept: a\r\nX-Two: 1\r\nX-Two: 2\r\n\r\n", see},
	{"encoded path", "GET /a%2Fb/%7e{} HTTP/1.1\r\nHost: h:1\r\n\r\n", see},
	{"absolute target", "GET http://h/a HTTP/1.1\r\nHost: h\r\n\r\n", see},
	{"fixed body", "PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\nContent-Type: x/y\r\n\r\nhello", see},
	{"empty body", "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n", see},
	{
		"chunked body", "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\nTE: trailers\r\nTrailer: X-End\r\n\r\n" +
			"3\r\nabc\r\n2\r\nde\r\n0\r\nX-End: yes\r\n\r\n", see,
	},
	{"head", "HEAD / HTTP/1.1\r\nHost: h\r\n\r\n", greet},
	{"no content", "GET / HTTP/1.1\r\nHost: h\r\n\r\n", func() http1.HandlerFunc {
		return func(x *http1.Exchange) { x.Respond(204, "", nil) }
	}},
	{"not modified", "GET / HTTP/1.1\r\nHost: h\r\n\r\n", func() http1.HandlerFunc {
		return func(x *http1.Exchange) {
			x.SetHeader("ETag", `"1"`)
			x.Respond(304, "", nil)
		}
	}},
	{"fields", "GET / HTTP/1.1\r\nHost: h\r\n\r\n", func() http1.HandlerFunc {
		return func(x *http1.Exchange) {
			x.SetHeader("Set-Cookie", "a=1")
			x.SetHeader("Set-Cookie", "b=2")
			x.SetHeader("x-lower", "1")
			x.Respond(418, "", []byte("<html>"))
		}
	}},
	{"close", "GET / HTTP/1.1\r\nHost: h\r\n\r\n", func() http1.HandlerFunc {
		return func(x *http1.Exchange) {
			x.CloseAfter()
			hello(x)
		}
	}},
	{"early hints", "GET / HTTP/1.1\r\nHost: h\r\n\r\n", func() http1.HandlerFunc {
		return func(x *http1.Exchange) {
			x.Inform(103, "Link", "</a>", "Link", "</b>")
			hello(x)
		}
	}},
	{"chunked answer", "GET / HTTP/1.1\r\nHost: h\r\nTE: trailers\r\n\r\n", func() http1.HandlerFunc {
		return stream(20, 1600, -1)
	}},
	{"long answer", "GET / HTTP/1.1\r\nHost: h\r\n\r\n", func() http1.HandlerFunc {
		return stream(1000, 1600, 1_600_000)
	}},
	{"expect", "PUT / HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\nhi", see},
	{"expect, refused", "PUT / HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n", greet},
	{"too many fields", "GET / HTTP/1.1\r\nHost: h\r\n" + strings.Repeat("A: b\r\n", 120) + "\r\n", greet},
	{"large head", "GET / HTTP/1.1\r\nHost: h\r\nA: " + strings.Repeat("b", 100_000) + "\r\n\r\n", greet},
	{"body too large", "PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: 99999999\r\n\r\n", see},
	{"abort before", "GET / HTTP/1.1\r\nHost: h\r\n\r\n", func() http1.HandlerFunc {
		return func(x *http1.Exchange) { x.Abort(nil) }
	}},
	{"abort within", "GET / HTTP/1.1\r\nHost: h\r\n\r\n", func() http1.HandlerFunc {
		return func(x *http1.Exchange) {
			x.Start(200, "", -1)
			x.Write([]byte("some"))
			x.Offload(func() { x.Post(func(x *http1.Exchange) { x.Abort(nil) }) })
		}
	}},
	{"panic", "GET / HTTP/1.1\r\nHost: h\r\n\r\n", func() http1.HandlerFunc {
		return func(*http1.Exchange) { panic("on purpose") }
	}},
	{"std", "GET /x HTTP/1.1\r\nHost: h\r\n\r\n", func() http1.HandlerFunc {
		return http1.Std(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Trailer", "X-T")
			io.WriteString(w, r.URL.Path)
			w.(http.Flusher).Flush()
			w.Header().Set("X-T", "1")
		})).Handle
	}},
}

// hostRecord is all that an answer says, interim ones included, but for its Date and its framing.
func hostRecord(c net.Conn, head bool) string {
	var out strings.Builder
	br := bufio.NewReader(c)
	method := http.MethodGet
	if head {
		method = http.MethodHead
	}
	for {
		res, err := http.ReadResponse(br, &http.Request{Method: method})
		if err != nil {
			return out.String() + "no answer"
		}
		res.Header.Del("Date")
		fmt.Fprintf(&out, "%d length=%d close=%v\n", res.StatusCode, res.ContentLength, res.Close)
		res.Header.Write(&out)
		if res.StatusCode < 200 {
			continue
		}
		body, err := io.ReadAll(res.Body)
		if len(body) > 1000 {
			body = fmt.Appendf(nil, "%d bytes, %s", len(body), body[:20])
		}
		fmt.Fprintf(&out, "body=%q cut=%v trailer=%v", body, err != nil, res.Trailer)
		return out.String()
	}
}

// TestAsStdDiffersFromServer asks the same native handlers under our server and under net/http's.
func TestAsStdDiffersFromServer(t *testing.T) {
	for _, c := range hostCases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			native := serve(t, "tcp", &http1.Server{Handler: c.h(), Logger: quiet}, reactor.Config{})
			host, _ := hosted(t, &http1.Server{Handler: c.h()}, false, nil)
			record := func(addr net.Addr) string {
				conn := hostDial(t, addr)
				go io.WriteString(conn, c.send)
				return hostRecord(conn, strings.HasPrefix(c.send, "HEAD"))
			}
			want, got := record(native.addr), record(host.Listener.Addr())
			if got != want {
				t.Errorf("under our server:\n%s\nunder net/http:\n%s", want, got)
			}
			t.Log(got)
		})
	}
}
