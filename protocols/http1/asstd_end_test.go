package http1_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/calandria-go/calandria/protocols/http1"
	"github.com/calandria-go/calandria/reactor"
)

// A client that goes away cancels the native exchange, whatever it waits for.
func TestAsStdClientGone(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, send string }{
		{"waiting", "GET / HTTP/1.1\r\nHost: h\r\n\r\n"},
		{"streaming", "GET /stream HTTP/1.1\r\nHost: h\r\n\r\n"},
		{"in the body", "PUT /body HTTP/1.1\r\nHost: h\r\nContent-Length: 100\r\n\r\nabc"},
		{"in a paused body", "PUT /pause HTTP/1.1\r\nHost: h\r\nContent-Length: 100\r\n\r\nabc"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			began, ended := make(chan struct{}), make(chan error, 1)
			s, _ := hosted(t, &http1.Server{Handler: http1.HandlerFunc(func(x *http1.Exchange) {
				x.OnCancel(func(_ *http1.Exchange, err error) { ended <- err })
				switch string(x.Path()) {
				case "/stream":
					x.Start(200, "", -1)
					x.Write([]byte("some"))
				case "/body":
					x.StreamBody(func(*http1.Exchange, []byte, bool) {})
				case "/pause":
					x.StreamBody(func(x *http1.Exchange, _ []byte, _ bool) { x.PauseBody() })
				}
				close(began)
			})}, false, nil)
			c := hostDial(t, s.Listener.Addr())
			io.WriteString(c, tt.send)
			await(t, began)
			c.Close()
			select {
			case err := <-ended:
				if err == nil {
					t.Error("canceled without an error")
				}
			case <-timeout():
				t.Fatal("the exchange goes on")
			}
		})
	}
}

func await(t *testing.T, c <-chan struct{}) {
	t.Helper()
	select {
	case <-c:
	case <-timeout():
		t.Fatal("waited for too long")
	}
}

func timeout() <-chan struct{} {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	context.AfterFunc(ctx, cancel)
	return ctx.Done()
}

// An HTTP/2 stream that is reset cancels the native exchange, and only that.
func TestAsStdStreamReset(t *testing.T) {
	t.Parallel()
	began, ended := make(chan struct{}, 1), make(chan error, 1)
	s, _ := hosted(t, &http1.Server{Handler: http1.HandlerFunc(func(x *http1.Exchange) {
		if string(x.Path()) == "/other" {
			hello(x)
			return
		}
		x.OnCancel(func(_ *http1.Exchange, err error) { ended <- err })
		began <- struct{}{}
	})}, true, nil)
	ctx, cancel := context.WithCancel(context.Background())
	req, err := http.NewRequestWithContext(ctx, "GET", s.URL, nil)
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { _, err := s.Client().Do(req); done <- err }()
	await(t, began)
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Errorf("the client got %v", err)
	}
	select {
	case <-ended:
	case <-timeout():
		t.Fatal("the exchange goes on")
	}
	res, err := s.Client().Get(s.URL + "/other")
	if err != nil {
		t.Fatal(err)
	}
	if body, _ := io.ReadAll(res.Body); string(body) != "hello" || res.ProtoMajor != 2 {
		t.Errorf("another request got %q by %s", body, res.Proto)
	}
	res.Body.Close()
}

// A native answer that comes before the body was sent does not wait for it, and ends an HTTP/1 connection.
func TestAsStdEarlyAnswer(t *testing.T) {
	t.Parallel()
	s, _ := hosted(t, &http1.Server{Handler: http1.HandlerFunc(hello)}, false, nil)
	c := hostDial(t, s.Listener.Addr())
	io.WriteString(c, "PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: 100\r\n\r\nabc")
	res, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(res.Body)
	if string(body) != "hello" || !res.Close || err != nil {
		t.Errorf("got %q, close %v, %v", body, res.Close, err)
	}
}

// Connections are kept when nothing stands against it, also with bodies.
func TestAsStdKeepsConnections(t *testing.T) {
	t.Parallel()
	s, _ := hosted(t, &http1.Server{Handler: http1.HandlerFunc(echo)}, false, nil)
	c := hostDial(t, s.Listener.Addr())
	br := bufio.NewReader(c)
	for i := range 50 {
		text := strings.Repeat("x", i*100)
		if i%2 == 0 {
			fmt.Fprintf(c, "PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: %d\r\n\r\n%s", len(text), text)
		} else {
			fmt.Fprintf(c, "PUT / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n", len(text), text)
		}
		res, err := http.ReadResponse(br, nil)
		if err != nil {
			t.Fatalf("request %d: %v", i, err)
		}
		body, err := io.ReadAll(res.Body)
		if string(body) != text || res.Close || err != nil {
			t.Fatalf("request %d: %d bytes of %d, close %v, %v", i, len(body), len(text), res.Close, err)
		}
	}
}

// http.MaxBytesHandler of the host.
func TestAsStdMaxBytesHandler(t *testing.T) {
	t.Parallel()
	s, _ := hosted(t, &http1.Server{Handler: http1.HandlerFunc(echo)}, false, func(h http.Handler) http.Handler {
		return http.MaxBytesHandler(h, 1000)
	})
	res, err := s.Client().Post(s.URL, "", io.MultiReader(strings.NewReader(strings.Repeat("x", 5000))))
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	if res.StatusCode != 413 {
		t.Errorf("got %s", res.Status)
	}
}

// hostShout is a protocol that answers in capitals, and closes when the peer half-closes.
type hostShout struct{}

func (hostShout) OnOpen(*reactor.Conn)         {}
func (hostShout) OnClose(*reactor.Conn, error) {}
func (hostShout) OnEOF(c *reactor.Conn)        { c.Write([]byte("BYE")); c.Close() }

func (hostShout) OnData(c *reactor.Conn, in []byte) int {
	if strings.HasPrefix(string(in), "reset") {
		c.Abort(nil)
		return len(in)
	}
	c.Write([]byte(strings.ToUpper(string(in))))
	return len(in)
}

func hostShouting(x *http1.Exchange) {
	var err error
	if string(x.Method()) == "CONNECT" {
		err = x.Connect(hostShout{})
	} else {
		err = x.SwitchProtocols("shout", hostShout{})
	}
	if err != nil {
		x.Respond(426, "", []byte(err.Error()))
	}
}

// Upgrades and tunnels work where the host lets its connection go, with early bytes, half-closes and resets.
func TestAsStdUpgrade(t *testing.T) {
	t.Parallel()
	s, _ := hosted(t, &http1.Server{Handler: http1.HandlerFunc(hostShouting)}, false, nil)
	for _, tt := range []struct{ head, first string }{
		{"GET / HTTP/1.1\r\nHost: h\r\nConnection: keep-alive, Upgrade\r\nUpgrade: shout\r\n\r\n", "101"},
		{"CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n\r\n", "200"},
	} {
		for _, reset := range []bool{false, true} {
			c := hostDial(t, s.Listener.Addr())
			io.WriteString(c, tt.head+"early ")
			br := bufio.NewReader(c)
			line, err := br.ReadString('\n')
			if err != nil || !strings.Contains(line, " "+tt.first+" ") {
				t.Fatalf("%q, %v", line, err)
			}
			for line != "\r\n" {
				if line, err = br.ReadString('\n'); err != nil {
					t.Fatal(err)
				}
			}
			expectText(t, br, "EARLY ")
			io.WriteString(c, "then")
			expectText(t, br, "THEN")
			if reset {
				io.WriteString(c, "reset")
				if rest, err := io.ReadAll(br); err == nil || len(rest) > 0 {
					t.Errorf("after a reset: %q, %v", rest, err)
				}
				continue
			}
			c.(*net.TCPConn).CloseWrite()
			if rest, err := io.ReadAll(br); string(rest) != "BYE" || err != nil {
				t.Errorf("after a half-close: %q, %v", rest, err)
			}
		}
	}
}

func expectText(t *testing.T, r io.Reader, text string) {
	t.Helper()
	got := make([]byte, len(text))
	if _, err := io.ReadFull(r, got); err != nil || string(got) != text {
		t.Fatalf("got %q, %v; want %q", got, err, text)
	}
}

// Where the host cannot let its connection go, upgrades are refused.
func TestAsStdUpgradeWithoutHijacker(t *testing.T) {
	t.Parallel()
	h := http1.AsStd(http1.HandlerFunc(hostShouting))
	defer h.Close()
	r := httptest.NewRequest("GET", "/", nil)
	r.Header.Set("Connection", "upgrade")
	r.Header.Set("Upgrade", "shout")
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	if w.Code != 501 || !strings.Contains(w.Body.String(), "cannot switch protocols") {
		t.Errorf("got %d %q", w.Code, w.Body)
	}
}
