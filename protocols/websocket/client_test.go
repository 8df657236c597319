package websocket_test

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/calandria-go/calandria/protocols/http1"
	"github.com/calandria-go/calandria/protocols/websocket"
	"github.com/calandria-go/calandria/protocols/websocket/wire"
	"github.com/calandria-go/calandria/reactor"
	"github.com/calandria-go/calandria/transports/tls"
	"github.com/calandria-go/calandria/transports/unix"
)

// roundTrip sends a message and reads the echo.
func roundTrip(t *testing.T, c *websocket.Conn) {
	t.Helper()
	if err := c.Send(websocket.Text, []byte("there and back")); err != nil {
		t.Fatal(err)
	}
	if _, p, err := c.Read(waiting(t)); err != nil || string(p) != "there and back" {
		t.Fatalf("%q, %v", p, err)
	}
}

// The ways to a server: TLS, a unix socket, and the dialers of net/http's Transport.
func TestDialWays(t *testing.T) {
	r := newReactor(t, reactor.Config{})
	srv := &websocket.Server{}
	h := &http1.Server{Handler: http1.HandlerFunc(func(x *http1.Exchange) { srv.Upgrade(x, echo{}) })}
	plain := serveProtocol(t, r, h)
	secure := serveProtocol(t, r, &tls.Server{Config: serverTLS(t), Next: h})
	path := filepath.Join(t.TempDir(), "s")
	ln, err := unix.Listen(path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.Listen(ln, h); err != nil {
		t.Fatal(err)
	}
	std := &http.Transport{DialContext: (&net.Dialer{}).DialContext}
	for name, c := range map[string]*struct {
		url string
		o   *websocket.DialOptions
	}{
		"ws":                       {"ws://" + plain, &websocket.DialOptions{}},
		"http":                     {"http://" + plain, &websocket.DialOptions{}},
		"wss":                      {"wss://" + secure, &websocket.DialOptions{TLS: clientTLS(t)}},
		"unix":                     {"ws+unix:" + path + ":/x?y", &websocket.DialOptions{}},
		"unix without URI":         {"ws+unix://" + path, &websocket.DialOptions{}},
		"net's dialer":             {"ws://" + plain, &websocket.DialOptions{DialContext: std.DialContext}},
		"net's dialer below TLS":   {"wss://" + secure, &websocket.DialOptions{DialContext: std.DialContext, TLS: clientTLS(t)}},
		"net's dialer with TLS":    {"wss://" + secure, &websocket.DialOptions{DialTLSContext: dialTLS(t)}},
		"net's dialer to a socket": {"ws+unix:" + path, &websocket.DialOptions{DialContext: std.DialContext}},
	} {
		t.Run(name, func(t *testing.T) {
			c.o.Reactor = r
			roundTrip(t, dial(t, c.url, c.o))
		})
	}
	t.Run("own reactor", func(t *testing.T) {
		defer websocket.SetFallback(r)()
		roundTrip(t, dial(t, "ws://"+plain, nil))
	})
}

func dialTLS(t *testing.T) func(ctx context.Context, network, addr string) (net.Conn, error) {
	cfg := clientTLS(t)
	return func(ctx context.Context, network, addr string) (net.Conn, error) {
		return (&ctlsDialer{cfg}).DialContext(ctx, network, addr)
	}
}

// What the request says, and what a cookie jar has to do with it.
func TestDialRequest(t *testing.T) {
	r := newReactor(t, reactor.Config{})
	heads := make(chan *websocket.Request, 4)
	srv := &websocket.Server{KeepRequest: true, Origins: []string{"friend.example"}}
	addr := serveHTTP(t, r, http1.HandlerFunc(func(x *http1.Exchange) {
		x.SetHeader("Set-Cookie", "session=7")
		if c, err := srv.Upgrade(x, echo{}); err == nil {
			heads <- c.Request()
		}
	}))
	jar, _ := cookiejar.New(nil)
	u, _ := url.Parse("http://" + addr)
	jar.SetCookies(u, []*http.Cookie{{Name: "a", Value: "1"}, {Name: "b", Value: "2"}})
	var seen http.Header
	o := &websocket.DialOptions{
		Reactor: r, Jar: jar, Origin: "https://friend.example", Host: "virtual.example",
		Header:     http.Header{"X-One": {"1", "2"}, "User-Agent": {"test"}},
		OnResponse: func(_ int, h http.Header) { seen = h },
	}
	roundTrip(t, dial(t, "ws://me:secret@"+addr+"/p%20q?r=s", o))
	q := <-heads
	if q.Path != "/p%20q" || q.RawQuery != "r=s" || q.Host != "virtual.example" || q.Get("cookie") != "a=1; b=2" ||
		q.Get("X-One") != "1" || q.Get("User-Agent") != "test" || q.Get("Authorization") != "Basic bWU6c2VjcmV0" {
		t.Errorf("%+v", q)
	}
	if got := jar.Cookies(u); len(got) != 3 || seen.Get("Set-Cookie") != "session=7" {
		t.Errorf("%v, %v", got, seen)
	}
	for _, bad := range []*websocket.DialOptions{
		{Header: http.Header{"sec-websocket-key": {"x"}}},
		{Header: http.Header{"X": {"a\r\nb: c"}}},
		{Protocols: []string{"a b"}},
		{Host: "a\r\nb"},
	} {
		bad.Reactor = r
		if _, err := websocket.Dial(waiting(t), "ws://"+addr, bad); err == nil {
			t.Errorf("%+v was sent", bad)
		}
	}
}

func TestDialBadURL(t *testing.T) {
	for _, u := range []string{"", "ftp://a", "ws://", "ws://a/#f", "ws://a#", "ws+unix:", "ws+unix:/s:x", "ws://a:b", "://"} {
		if _, err := websocket.Dial(waiting(t), u, nil); err == nil || !websocket.PermanentError(err) {
			t.Errorf("%q: %v", u, err)
		}
	}
}

// Answers that make no WebSocket: the error has the status, the body, and says why.
func TestDialRefused(t *testing.T) {
	r := newReactor(t, reactor.Config{})
	accept := "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: "
	for _, c := range []struct {
		name, answer string // KEY stands for the right value
		reason       string
		status       int
		body         string
	}{
		{"404", "HTTP/1.1 404 Not Found\r\nContent-Length: 5\r\n\r\nhello", "status_not_101", 404, "hello"},
		{"403 without length", "HTTP/1.1 403 Forbidden\r\n\r\nhello", "status_not_101", 403, "hello"},
		{"chunked", "HTTP/1.1 500 Oops\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n", "status_not_101", 500, ""},
		{"long", "HTTP/1.1 404 Not Found\r\nContent-Length: 100000\r\n\r\n" + strings.Repeat("x", 100000), "status_not_101", 404, strings.Repeat("x", 4096)},
		{"200", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", "status_not_101", 200, ""},
		{"wrong accept", accept + "AAAA\r\n\r\n", "bad_accept", 101, ""},
		{"no upgrade", strings.Replace(accept, "Upgrade: websocket\r\n", "", 1) + "KEY\r\n\r\n", "bad_upgrade", 101, ""},
		{"sub-protocol", accept + "KEY\r\nSec-WebSocket-Protocol: x\r\n\r\n", "subprotocol_unasked", 101, ""},
		{"extension", accept + "KEY\r\nSec-WebSocket-Extensions: permessage-deflate\r\n\r\n", "extension_unasked", 101, ""},
		{"no HTTP", "SSH-2.0-OpenSSH\r\n\r\n", "", 0, ""},
		{"nothing", "", "no_close_frame", 0, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			url := "ws://" + answerOnce(t, c.answer)
			_, err := websocket.Dial(waiting(t), url, &websocket.DialOptions{Reactor: r})
			var he *websocket.HandshakeError
			if errors.As(err, &he) != (c.status > 0 || c.reason == "") {
				t.Fatalf("%v", err)
			}
			if c.reason != "" && reactor.ReasonOf(err) != c.reason {
				t.Errorf("reason %q of %v", reactor.ReasonOf(err), err)
			}
			if he != nil && (he.Status != c.status || string(he.Body) != c.body) {
				t.Errorf("%d, %d bytes", he.Status, len(he.Body))
			}
			if websocket.PermanentError(err) != (c.status >= 400 && c.status < 500) {
				t.Errorf("%v is permanent: %v", err, websocket.PermanentError(err))
			}
		})
	}
}

// answerOnce serves one connection with an answer, behind interim ones, and gives the address.
func answerOnce(t *testing.T, answer string) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	wg.Go(func() {
		c, err := ln.Accept()
		if err != nil {
			return
		}
		defer c.Close()
		req, err := http.ReadRequest(bufio.NewReader(c))
		if err != nil {
			t.Error(err)
			return
		}
		if answer == "" {
			return
		}
		io.WriteString(c, "HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n"+
			strings.Replace(answer, "KEY", wire.Accept(req.Header.Get("Sec-WebSocket-Key")), 1))
		c.(*net.TCPConn).CloseWrite()
		io.Copy(io.Discard, c)
	})
	t.Cleanup(func() {
		ln.Close()
		wg.Wait()
	})
	return ln.Addr().String()
}

// The end of the context ends a dial whose server does not answer, and costs no connection.
func TestDialContext(t *testing.T) {
	r := newReactor(t, reactor.Config{})
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	ctx, cancel := context.WithCancel(context.Background())
	accepted := make(chan net.Conn, 1)
	go func() {
		c, err := ln.Accept()
		if err != nil {
			t.Error(err)
			cancel()
			return
		}
		c.Read(make([]byte, 1))
		accepted <- c
		cancel()
	}()
	if _, err := websocket.Dial(ctx, "ws://"+ln.Addr().String(), &websocket.DialOptions{Reactor: r}); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	(<-accepted).Close()
}

// Early frames of the server's come behind its answer, in one piece with it.
func TestDialEarlyFrames(t *testing.T) {
	r := newReactor(t, reactor.Config{})
	frames := wire.AppendMessage(nil, wire.Server, wire.Text, []byte("at once"), nil)
	url := "ws://" + answerOnce(t, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: KEY\r\n\r\n"+string(frames))
	c := dial(t, url, &websocket.DialOptions{Reactor: r})
	if _, p, err := c.Read(waiting(t)); string(p) != "at once" || err != nil {
		t.Errorf("%q, %v", p, err)
	}
}

// The client comes back after the server has gone, subscribes again, and ends with its context.
func TestClient(t *testing.T) {
	r := newReactor(t, reactor.Config{})
	rec := newRecord()
	srv := &websocket.Server{}
	addr := serve(t, r, srv, rec.handler)
	ctx, cancel := context.WithCancel(context.Background())
	var downs []error
	cl := &websocket.Client{
		URL: "ws://" + addr, Options: &websocket.DialOptions{Reactor: r}, MinBackoff: time.Millisecond, MaxBackoff: time.Millisecond,
		Subscribe: func(_ context.Context, c *websocket.Conn, again bool) error {
			word := "first"
			if again {
				word = "again"
			}
			return c.Send(websocket.Text, []byte(word))
		},
		OnDown: func(err error, _ time.Duration) { downs = append(downs, err) },
	}
	done := make(chan error, 1)
	go func() { done <- cl.Run(ctx) }()
	for i, want := range []string{"text:first", "text:again", "text:again"} {
		c := <-rec.open
		if got := <-rec.log; got != want {
			t.Fatal(got)
		}
		if i < 2 {
			c.Close(websocket.ServiceRestart, "")
			if err := <-rec.end; err != nil {
				t.Error(err)
			}
			<-rec.log // the close frame
		}
	}
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	if err := <-rec.end; websocket.CloseStatus(err) != websocket.GoingAway {
		t.Error(err)
	}
	if len(downs) != 2 || websocket.CloseStatus(downs[0]) != websocket.ServiceRestart {
		t.Error(downs)
	}
	if cl.Conn() != nil || !errors.Is(cl.Send(websocket.Text, nil), websocket.ErrClosed) {
		t.Error("there still is a connection")
	}
}

// A permanent error ends Run; Serve's end closes the connection.
func TestClientEnds(t *testing.T) {
	r := newReactor(t, reactor.Config{})
	cl := &websocket.Client{URL: "ws://" + answerOnce(t, "HTTP/1.1 401 No\r\nContent-Length: 0\r\n\r\n"), Options: &websocket.DialOptions{Reactor: r}}
	var he *websocket.HandshakeError
	if err := cl.Run(waiting(t)); !errors.As(err, &he) || he.Status != 401 {
		t.Error(err)
	}
	stop := errors.New("enough")
	cl = &websocket.Client{
		URL: "ws://" + serve(t, r, &websocket.Server{}, newEcho), Options: &websocket.DialOptions{Reactor: r},
		Serve: func(_ context.Context, c *websocket.Conn) error {
			roundTrip(t, c)
			return stop
		},
		Permanent: func(err error) bool { return err == stop },
	}
	if err := cl.Run(waiting(t)); err != stop {
		t.Error(err)
	}
}
