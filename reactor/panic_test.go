package reactor

import (
	"context"
	"errors"
	"io"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"
)

// TestPanicCostsOneConnection panics in every call into user code while a second connection on the same loop goes on.
func TestPanicCostsOneConnection(t *testing.T) {
	bang := func(*Conn) { panic("on purpose") }
	for _, tc := range []struct {
		name string
		mk   func(*audit) Handler
		poke func(*net.TCPConn)
	}{
		{"NewHandler", func(*audit) Handler { panic("on purpose") }, nil},
		{"OnOpen", func(a *audit) Handler { return &probe{a: a, open: bang} }, nil},
		{"OnData", func(a *audit) Handler {
			return &probe{a: a, data: func(*Conn, []byte) int { panic("on purpose") }}
		}, func(c *net.TCPConn) { c.Write([]byte("x")) }},
		{"OnData takes too much", func(a *audit) Handler {
			return &probe{a: a, data: func(_ *Conn, in []byte) int { return len(in) + 1 }}
		}, func(c *net.TCPConn) { c.Write([]byte("x")) }},
		{"OnData takes less than nothing", func(a *audit) Handler {
			return &probe{a: a, data: func(_ *Conn, in []byte) int { return -1 }}
		}, func(c *net.TCPConn) { c.Write([]byte("x")) }},
		{"OnEOF", func(a *audit) Handler { return full{&probe{a: a, eof: bang}} }, func(c *net.TCPConn) { c.CloseWrite() }},
		{"OnWritable", func(a *audit) Handler {
			return full{&probe{a: a, open: func(c *Conn) { c.Write(make([]byte, 4<<20)) }, writable: bang}}
		}, func(c *net.TCPConn) { go io.Copy(io.Discard, c) }},
		{"OnClose", func(a *audit) Handler {
			return &probe{a: a, close: func(*Conn, error) { panic("on purpose") }}
		}, func(c *net.TCPConn) { c.Close() }},
		{"timer", func(a *audit) Handler {
			return &probe{a: a, open: func(c *Conn) { c.AfterFunc(0, func() { panic("on purpose") }) }}
		}, nil},
		{"post", func(a *audit) Handler {
			return &probe{a: a, open: func(c *Conn) { c.Post(func() { panic("on purpose") }) }}
		}, nil},
		{"Offload", func(a *audit) Handler {
			return &probe{a: a, open: func(c *Conn) { c.Offload(func() { panic("on purpose") }) }}
		}, nil},
		{"carried OnData", func(a *audit) Handler {
			n := 0
			return &probe{a: a, data: func(c *Conn, in []byte) int {
				if n++; n == 2 {
					panic("on purpose")
				}
				c.Resume()
				return 0
			}}
		}, func(c *net.TCPConn) { c.Write([]byte("x")) }},
	} {
		t.Run(tc.name, func(t *testing.T) {
			a, good := newAudit(t), newAudit(t)
			var first atomic.Bool
			first.Store(true)
			s := serve(t, Config{Loops: 1, MaxUnsent: 16 << 20}, func(*Conn) Handler {
				if first.Swap(false) {
					return echoing(good)
				}
				return tc.mk(a)
			})
			other := connect(t, s.addr)
			ping(t, other)
			c := connect(t, s.addr)
			if tc.poke != nil {
				tc.poke(c)
			}
			eventually(t, "the panic is logged", func() bool { return s.log.count("panicked") > 0 })
			eventually(t, "the connection is gone", func() bool { return s.r.open.Load() == 1 })
			a.balanced(t)
			ping(t, other)
			first.Store(true)
			fresh := connect(t, s.addr)
			fresh.Close()
			if n := s.log.count("handler panicked"); n != 1 && tc.name != "NewHandler" && tc.name != "OnOpen" &&
				tc.name != "timer" && tc.name != "post" && tc.name != "Offload" {
				t.Errorf("logged %d times", n)
			}
			if n := total(t, s.r).Panics; n == 0 && tc.name != "Offload" {
				t.Error("not counted")
			}
		})
	}
}

// ping sends a byte and waits for the echo.
func ping(t testing.TB, c net.Conn) {
	t.Helper()
	b := []byte{'p'}
	if _, err := c.Write(b); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(c, b); err != nil {
		t.Fatal(err)
	}
}

// TestPanicInHooksOfTheReactor: hooks that are not a handler's end no process either.
func TestPanicInHooksOfTheReactor(t *testing.T) {
	bang := func(*Conn) { panic("on purpose") }
	for _, tc := range []struct {
		name  string
		trace Trace
	}{
		{"Trace.Open", Trace{Open: bang}},
		{"Trace.FirstByte", Trace{FirstByte: bang}},
		{"Trace.Handled", Trace{Handled: func(*Conn, int, time.Duration) { panic("on purpose") }}},
		{"Trace.Closed", Trace{Closed: func(*Conn, error, string) { panic("on purpose") }}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			a := newAudit(t)
			s := serve(t, Config{Trace: &tc.trace}, func(*Conn) Handler { return echoing(a) })
			c := connect(t, s.addr)
			c.Write([]byte("x"))
			c.CloseWrite()
			io.Copy(io.Discard, c)
			eventually(t, "the panic is logged", func() bool { return s.log.count("on purpose") > 0 })
			eventually(t, "the connection is gone", func() bool { return s.r.open.Load() == 0 })
			a.balanced(t)
		})
	}
}

// admitting is a listener whose Admit is the test's.
type admitting struct {
	net.Listener
	limits ListenLimits
}

func (l admitting) ListenLimits() ListenLimits { return l.limits }

func TestPanicInAdmit(t *testing.T) {
	r, j := newTest(t, Config{})
	n := 0
	l, err := r.Listen(admitting{listenTCP(t), ListenLimits{Admit: func(netip.AddrPort) bool {
		if n++; n == 1 {
			panic("on purpose")
		}
		return true
	}}}, ProtocolFunc(func(*Conn) Handler { return echoing(nil) }))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := connect(t, l.Addr()).Read(make([]byte, 1)); err == nil {
		t.Error("a connection whose admission panicked was served")
	}
	ping(t, connect(t, l.Addr()))
	if j.count("on purpose") != 1 {
		t.Errorf("logged: %s", j.text())
	}
	eventually(t, "one open connection", func() bool { return r.open.Load() == 1 })
}

// TestPanicInDialDone: the function that hears of a dial's end may panic, with a connection and without.
func TestPanicInDialDone(t *testing.T) {
	s := serve(t, Config{}, func(*Conn) Handler { return echoing(nil) })
	a := newAudit(t)
	s.r.DialFunc(s.addr, DialOptions{}, echoing(a), func(*Conn, error) { panic("on purpose") })
	if err := await(t, "OnClose", a.closed); !errors.Is(err, ErrPanic) {
		t.Errorf("OnClose got %v", err)
	}
	a.balanced(t)
	ln := listenTCP(t)
	ln.Close()
	s.r.DialFunc(ln.Addr(), DialOptions{}, echoing(a), func(*Conn, error) { panic("on purpose") })
	eventually(t, "both panics are in our log", func() bool { return s.log.count("on purpose") >= 2 })
	eventually(t, "nothing is open", func() bool { return s.r.open.Load() == 0 })
	a.balanced(t)
}

// TestPanicInDialControl: a Control that panics fails its dial at once.
func TestPanicInDialControl(t *testing.T) {
	s := serve(t, Config{}, func(*Conn) Handler { return echoing(nil) })
	if s.r.Engine() == "portable" {
		t.Skip("the portable engine does not call Control")
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience/2)
	defer cancel()
	_, err := s.r.Dial(ctx, s.addr, DialOptions{Control: func(int) error { panic("on purpose") }}, echoing(nil))
	if !errors.Is(err, ErrPanic) {
		t.Errorf("Dial: %v", err)
	}
}

// TestCallbacksMayCallTheConnection: what is told that bytes or a file are done with may write and close. With the
// connection's lock held it would wait for itself.
func TestCallbacksMayCallTheConnection(t *testing.T) {
	f := tempFile(t, []byte("the file"))
	var own *Conn
	shared := NewShared([]byte("shared "), nil)
	shared.free = func() { own.Write([]byte("then ")) }
	s := serve(t, Config{}, func(*Conn) Handler {
		return &probe{open: func(c *Conn) {
			own = c
			c.WriteShared(shared)
			shared.Release()
			c.SendFile(f, 0, 8, func() {
				c.Write([]byte(" and more"))
				c.SendFile(f, 0, 0, func() { c.Close() })
			})
		}}
	})
	got, err := io.ReadAll(connect(t, s.addr))
	if err != nil {
		t.Fatal(err)
	}
	if g := string(got); g != "shared the filethen  and more" && g != "shared the file and morethen " && g != "shared then the file and more" {
		t.Errorf("got %q", g)
	}
}

func TestPanicInDone(t *testing.T) {
	f := tempFile(t, []byte("the file"))
	a := newAudit(t)
	s := serve(t, Config{}, func(*Conn) Handler {
		return &probe{a: a, open: func(c *Conn) { c.SendFile(f, 0, 8, func() { panic("on purpose") }) }}
	})
	io.Copy(io.Discard, connect(t, s.addr))
	if err := await(t, "OnClose", a.closed); !errors.Is(err, ErrPanic) {
		t.Errorf("OnClose got %v", err)
	}
}

func tempFile(t testing.TB, b []byte) *os.File {
	t.Helper()
	name := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(name, b, 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}
