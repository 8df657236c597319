package tcp_test

import (
	"io"
	"net"
	"testing"
	"time"

	"github.com/calandria-go/calandria/reactor"
	"github.com/calandria-go/calandria/reactor/reactortest"
	"github.com/calandria-go/calandria/transports/tcp"
)

func TestMain(m *testing.M) { reactortest.Main(m) }

// patience bounds every wait of these tests for something that will happen.
const patience = 10 * time.Second

// echo sends everything back.
type echo struct{}

func (echo) OnOpen(*reactor.Conn) {}

func (echo) OnData(c *reactor.Conn, in []byte) int {
	n, _ := c.Write(in)
	return n
}

func (echo) OnClose(*reactor.Conn, error) {}

var echoes = reactor.ProtocolFunc(func(*reactor.Conn) reactor.Handler { return echo{} })

func listen(t *testing.T, c tcp.Config, addr string) *tcp.Listener {
	t.Helper()
	ln, err := c.Listen(t.Context(), addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ln.Close() })
	return ln
}

// serve serves ln with echo on two loops.
func serve(t *testing.T, ln net.Listener) (*reactor.Reactor, *reactor.Listener) {
	t.Helper()
	r := reactortest.NewDefault(t, reactor.Config{Loops: 2})
	l, err := r.Listen(ln, echoes)
	if err != nil {
		t.Fatal(err)
	}
	return r, l
}

// dial connects from host, or from anywhere.
func dial(t *testing.T, addr net.Addr, host string) *net.TCPConn {
	t.Helper()
	d := net.Dialer{Timeout: patience}
	if host != "" {
		d.LocalAddr = &net.TCPAddr{IP: net.ParseIP(host)}
	}
	c, err := d.Dial("tcp", addr.String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	c.SetDeadline(time.Now().Add(patience))
	return c.(*net.TCPConn)
}

// ping sends a byte and waits for its echo.
func ping(c net.Conn) error {
	if _, err := c.Write([]byte("x")); err != nil {
		return err
	}
	_, err := io.ReadFull(c, make([]byte, 1))
	return err
}

// eventually waits until f is true.
func eventually(t *testing.T, what string, f func() bool) {
	t.Helper()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(patience); !f(); <-tick.C {
		if time.Now().After(end) {
			t.Fatalf("waited in vain: %s", what)
		}
	}
}
