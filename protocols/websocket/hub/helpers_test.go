package hub_test

import (
	"bufio"
	"context"
	"net"
	"net/http"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/calandria-go/calandria/protocols/http1"
	"github.com/calandria-go/calandria/protocols/websocket"
	"github.com/calandria-go/calandria/protocols/websocket/hub"
	"github.com/calandria-go/calandria/reactor"
	"github.com/calandria-go/calandria/transports/tcp"
)

const patience = 30 * time.Second

// size is n, less under the race detector, and more in a soak.
func size(n, race, soak int) int {
	switch {
	case os.Getenv("CALANDRIA_SOAK") != "":
		return soak
	case raceDetector:
		return race
	}
	return n
}

func newReactor(t testing.TB, cfg reactor.Config) *reactor.Reactor {
	t.Helper()
	if cfg.StallAfter == 0 {
		cfg.StallAfter = -1
	}
	r := reactor.New(cfg)
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		r.Shutdown(ctx)
	})
	return r
}

// newHub makes a hub that is closed with the test.
func newHub(t testing.TB, cfg hub.Config) *hub.Hub {
	t.Helper()
	h, err := hub.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { h.Close() })
	return h
}

// member is the server's end of a connection: it does on the loop what open says.
type member struct{ open func(c *websocket.Conn) }

func (m member) OnOpen(c *websocket.Conn)                            { m.open(c) }
func (m member) OnMessage(*websocket.Conn, websocket.Opcode, []byte) {}
func (m member) OnClose(*websocket.Conn, error)                      {}

// serve has every connection do what open says.
func serve(t testing.TB, r *reactor.Reactor, s *websocket.Server, open func(c *websocket.Conn)) string {
	t.Helper()
	return serveAt(t, r, tcp.Config{}, s, open)
}

func serveAt(t testing.TB, r *reactor.Reactor, cfg tcp.Config, s *websocket.Server, open func(c *websocket.Conn)) string {
	t.Helper()
	ln, err := cfg.Listen(context.Background(), "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l, err := r.Listen(ln, &http1.Server{Handler: http1.HandlerFunc(func(x *http1.Exchange) { s.Upgrade(x, member{open}) })})
	if err != nil {
		t.Fatal(err)
	}
	return l.Addr().String()
}

// collector is a client that keeps what it gets.
type collector struct {
	mu     sync.Mutex
	got    []string
	err    error
	ended  bool
	change chan struct{}
}

func newCollector() *collector { return &collector{change: make(chan struct{}, 1)} }

func (k *collector) OnOpen(*websocket.Conn) {}

func (k *collector) OnMessage(_ *websocket.Conn, _ websocket.Opcode, p []byte) {
	k.mu.Lock()
	k.got = append(k.got, string(p))
	k.mu.Unlock()
	k.wake()
}

func (k *collector) OnClose(_ *websocket.Conn, err error) {
	k.mu.Lock()
	k.err, k.ended = err, true
	k.mu.Unlock()
	k.wake()
}

func (k *collector) wake() {
	select {
	case k.change <- struct{}{}:
	default:
	}
}

// wait waits for n messages, or the end, and gives what came.
func (k *collector) wait(t testing.TB, n int) []string {
	t.Helper()
	limit := time.After(patience)
	for {
		k.mu.Lock()
		got, ended := k.got[:len(k.got):len(k.got)], k.ended
		k.mu.Unlock()
		if len(got) >= n {
			return got
		}
		if ended {
			t.Fatalf("the connection ended with %d of %d messages: %v", len(got), n, k.err)
		}
		select {
		case <-k.change:
		case <-limit:
			t.Fatalf("%d of %d messages", len(got), n)
		}
	}
}

// waitEnd waits for the end of the connection.
func (k *collector) waitEnd(t testing.TB) error {
	t.Helper()
	limit := time.After(patience)
	for {
		k.mu.Lock()
		ended, err := k.ended, k.err
		k.mu.Unlock()
		if ended {
			return err
		}
		select {
		case <-k.change:
		case <-limit:
			t.Fatal("the connection does not end")
		}
	}
}

func join(t testing.TB, r *reactor.Reactor, addr string, d *websocket.Deflate) (*websocket.Conn, *collector) {
	t.Helper()
	k := newCollector()
	return dial(t, r, addr, k, d), k
}

func dial(t testing.TB, r *reactor.Reactor, addr string, h websocket.Handler, d *websocket.Deflate) *websocket.Conn {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	c, err := websocket.Dial(ctx, "ws://"+addr, &websocket.DialOptions{Reactor: r, Handler: h, Config: websocket.Config{Deflate: d}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Abort(nil) })
	return c
}

// stall opens a WebSocket that never reads.
func stall(t testing.TB, addr string) net.Conn {
	t.Helper()
	d := net.Dialer{Timeout: patience}
	c, err := d.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	c.(*net.TCPConn).SetReadBuffer(4096)
	c.SetDeadline(time.Now().Add(patience))
	c.Write([]byte("GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
		"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"))
	resp, err := http.ReadResponse(bufio.NewReaderSize(c, 16), nil)
	if err != nil || resp.StatusCode != 101 {
		t.Fatal(resp, err)
	}
	return c
}

// eventually waits for what only a hang keeps from happening.
func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	if ok() {
		return
	}
	limit, tick := time.After(patience), time.NewTicker(2*time.Millisecond)
	defer tick.Stop()
	for !ok() {
		select {
		case <-tick.C:
		case <-limit:
			t.Fatalf("not within %v: %s", patience, what)
		}
	}
}
