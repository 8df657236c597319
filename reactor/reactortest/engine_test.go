package reactortest

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/calandria-go/calandria/reactor"
)

// keeper keeps OnData's slice, which no handler may.
type keeper struct{ kept chan []byte }

func (k *keeper) OnOpen(*reactor.Conn) {}

func (k *keeper) OnData(c *reactor.Conn, in []byte) int {
	if len(in) > 0 {
		k.kept <- in
		c.Post(func() { close(k.kept) })
	}
	return len(in)
}

func (k *keeper) OnClose(*reactor.Conn, error) {}

func TestNewPoisons(t *testing.T) {
	t.Run("memory", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			ln := Listen()
			poisons(t, New(t, reactor.Config{Loops: 1}), ln, func() (net.Conn, error) { return ln.Dial() })
		})
	})
	t.Run("default", func(t *testing.T) {
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		poisons(t, NewDefault(t, reactor.Config{Loops: 1}), ln, func() (net.Conn, error) {
			return net.Dial("tcp", ln.Addr().String())
		})
	})
}

func poisons(t *testing.T, r *reactor.Reactor, ln net.Listener, dial func() (net.Conn, error)) {
	k := &keeper{kept: make(chan []byte, 1)}
	if _, err := r.Listen(ln, reactor.ProtocolFunc(func(*reactor.Conn) reactor.Handler { return k })); err != nil {
		t.Fatal(err)
	}
	c, err := dial()
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	c.Write([]byte("hello"))
	in := <-k.kept
	<-k.kept // OnData has returned
	if string(in) != "\xdb\xdb\xdb\xdb\xdb" {
		t.Errorf("what OnData got is %q after it returned", in)
	}
}

func echo(*reactor.Conn) reactor.Handler {
	return &funcHandler{func(c *reactor.Conn, in []byte) int {
		n, _ := c.Write(in)
		return n
	}, func(c *reactor.Conn) { c.Close() }}
}

func TestNewServesAndDialsInMemory(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := New(t, reactor.Config{Loops: 2})
		ln := Listen()
		if _, err := r.Listen(ln, reactor.ProtocolFunc(echo)); err != nil {
			t.Fatal(err)
		}
		if r.Engine() != "memory" {
			t.Errorf("engine %q", r.Engine())
		}
		s, err := r.DialStream(t.Context(), ln.Addr(), reactor.DialOptions{})
		if err != nil {
			t.Fatal(err)
		}
		if s.RemoteAddr().String() != ln.Addr().String() || s.LocalAddr() == nil {
			t.Errorf("addresses %v, %v", s.LocalAddr(), s.RemoteAddr())
		}
		s.Write([]byte("over and back"))
		s.CloseWrite()
		if got, err := io.ReadAll(s); string(got) != "over and back" || err != nil {
			t.Errorf("got %q, %v", got, err)
		}
		s.Close()
		if err := r.Shutdown(t.Context()); err != nil {
			t.Error(err)
		}
	})
}

func TestNewDialFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := New(t, reactor.Config{Loops: 1})
		gone := Listen()
		gone.Close()
		if _, err := r.DialStream(t.Context(), gone.Addr(), reactor.DialOptions{}); !errors.Is(err, syscall.ECONNREFUSED) {
			t.Errorf("nobody there: %v", err)
		}
		silent := ListenSize(0, 1)
		defer silent.Close()
		start := time.Now()
		_, err := r.DialStream(t.Context(), silent.Addr(), reactor.DialOptions{Timeout: time.Hour})
		if !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("no answer: %v", err)
		}
		if d := time.Since(start); d < time.Hour || d > time.Hour+10*time.Millisecond {
			t.Errorf("the dial ended after %v", d)
		}
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Second, cancel)
		if _, err := r.DialStream(ctx, silent.Addr(), reactor.DialOptions{}); !errors.Is(err, context.Canceled) {
			t.Errorf("cancelled: %v", err)
		}
	})
}

func TestNewDialsRealAddresses(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	r := New(t, reactor.Config{Loops: 1})
	if _, err := r.Listen(ln, reactor.ProtocolFunc(echo)); err != nil {
		t.Fatal(err)
	}
	s, err := r.DialStream(t.Context(), ln.Addr(), reactor.DialOptions{})
	if err != nil {
		t.Fatal(err)
	}
	s.Write([]byte("x"))
	s.CloseWrite()
	if got, err := io.ReadAll(s); string(got) != "x" || err != nil {
		t.Errorf("got %q, %v", got, err)
	}
	s.Close()
}
