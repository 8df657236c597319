package reactortest

import (
	"errors"
	"io"
	"net"
	"syscall"
	"testing"

	"github.com/calandria-go/calandria/reactor"
)

// server gives an echo server on the engine of this build, over a real socket.
func server(t *testing.T) (r *reactor.Reactor, addr net.Addr) {
	t.Helper()
	return serverOf(t, reactor.Config{Loops: 1})
}

func serverOf(t *testing.T, cfg reactor.Config) (r *reactor.Reactor, addr net.Addr) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	r = NewDefault(t, cfg)
	if _, err := r.Listen(ln, reactor.ProtocolFunc(echo)); err != nil {
		t.Fatal(err)
	}
	return r, ln.Addr()
}

// exchange sends a byte and waits for its echo, or says what went wrong.
func exchange(addr net.Addr) error {
	c, err := net.Dial("tcp", addr.String())
	if err != nil {
		return err
	}
	defer c.Close()
	if _, err := c.Write([]byte("x")); err != nil {
		return err
	}
	_, err = io.ReadFull(c, make([]byte, 1))
	return err
}

func TestFaults(t *testing.T) {
	closed := make(chan struct{}, 1)
	trace := &reactor.Trace{Closed: func(*reactor.Conn, error, string) { closed <- struct{}{} }}
	_, addr := serverOf(t, reactor.Config{Loops: 1, Trace: trace})
	fails := func(t *testing.T, want ...bool) {
		t.Helper()
		for i, w := range want {
			if err := exchange(addr); (err != nil) != w {
				t.Errorf("exchange %d: %v, want failure: %v", i+1, err, w)
			}
			<-closed // else its last read is counted by the next fault
		}
	}
	t.Run("none", func(t *testing.T) { fails(t, false) })
	t.Run("nth", func(t *testing.T) {
		f := Fail(t, Write, 2, syscall.EIO)
		fails(t, false, true, false)
		if f.Hits() != 1 || f.Calls() != 3 {
			t.Errorf("%d of %d failed", f.Hits(), f.Calls())
		}
	})
	t.Run("every", func(t *testing.T) {
		FailEvery(t, Write, 2, syscall.EPIPE)
		fails(t, false, true, false, true)
	})
	t.Run("from", func(t *testing.T) {
		f := FailFrom(t, Write, 2, syscall.ECONNRESET)
		fails(t, false, true, true)
		f.Stop()
		f.Stop()
		fails(t, false)
	})
	t.Run("two", func(t *testing.T) {
		w, r := Fail(t, Write, 1, syscall.EIO), Fail(t, Read, 3, syscall.EIO)
		fails(t, true)
		if w.Hits() != 1 || r.Calls() == 0 {
			t.Errorf("write failed %d times, read was called %d times", w.Hits(), r.Calls())
		}
	})
	t.Run("restored", func(t *testing.T) { fails(t, false, false, false) })
}

func TestFaultsReachEveryOperation(t *testing.T) {
	r, addr := server(t)
	var faults []*Fault
	for op := Read; op <= Shutdown; op++ {
		faults = append(faults, Fail(t, op, -1, errors.New("never"))) // only counts
	}
	s, err := r.DialStream(t.Context(), addr, reactor.DialOptions{})
	if err != nil {
		t.Fatal(err)
	}
	s.Write([]byte("x"))
	s.CloseWrite()
	if got, err := io.ReadAll(s); string(got) != "x" || err != nil {
		t.Fatalf("got %q, %v", got, err)
	}
	s.Close()
	if err := r.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	for op, f := range faults {
		if f.Calls() == 0 {
			t.Errorf("%v was never called", Op(op))
		}
	}
}

func TestFaultConnect(t *testing.T) {
	r, addr := server(t)
	Fail(t, Connect, 1, syscall.EHOSTUNREACH)
	if _, err := r.DialStream(t.Context(), addr, reactor.DialOptions{}); !errors.Is(err, syscall.EHOSTUNREACH) {
		t.Errorf("dial: %v", err)
	}
	s, err := r.DialStream(t.Context(), addr, reactor.DialOptions{})
	if err != nil {
		t.Fatal(err)
	}
	s.Close()
}
