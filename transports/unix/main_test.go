package unix_test

import (
	"io"
	"net"
	"path/filepath"
	"testing"
	"time"

	"github.com/calandria-go/calandria/reactor"
	"github.com/calandria-go/calandria/reactor/reactortest"
	"github.com/calandria-go/calandria/transports/unix"
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

func listen(t *testing.T, c unix.Config, path string) *unix.Listener {
	t.Helper()
	ln, err := c.Listen(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ln.Close() })
	return ln
}

func serve(t *testing.T, ln net.Listener) (*reactor.Reactor, *reactor.Listener) {
	t.Helper()
	r := reactortest.NewDefault(t, reactor.Config{Loops: 2})
	l, err := r.Listen(ln, echoes)
	if err != nil {
		t.Fatal(err)
	}
	return r, l
}

// ping connects to path, sends a byte and waits for its echo.
func ping(path string) error {
	c, err := net.DialTimeout("unix", path, patience)
	if err != nil {
		return err
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(patience))
	if _, err := c.Write([]byte("x")); err != nil {
		return err
	}
	_, err = io.ReadFull(c, make([]byte, 1))
	return err
}

// path gives a path for a socket, in a directory of the test's own.
func path(t *testing.T) string { return filepath.Join(t.TempDir(), "s") }

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
