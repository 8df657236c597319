package reactor

import (
	"context"
	"errors"
	"io"
	"net"
	"runtime"
	"sync"
	"testing"
	"time"
)

// TestDrain: work in flight is finished, and Shutdown and Serve return nil after it.
func TestDrain(t *testing.T) {
	r, _ := newTest(t, Config{})
	ln := listenTCP(t)
	served := make(chan error, 1)
	draining := make(chan *Conn, 1)
	go func() {
		served <- r.Serve(ln, ProtocolFunc(func(*Conn) Handler {
			return full{&probe{
				data:  func(_ *Conn, in []byte) int { return len(in) },
				open:  func(c *Conn) { c.Write([]byte("o")) },
				drain: func(c *Conn) { draining <- c },
			}}
		}))
	}()
	c := connect(t, ln.Addr())
	io.ReadFull(c, make([]byte, 1))
	down := make(chan error, 3)
	go func() { down <- r.Shutdown(context.Background()) }()
	sc := await(t, "OnDrain", draining)
	if len(down)+len(served) > 0 {
		t.Fatal("returned with work in flight")
	}
	if _, err := net.Dial("tcp", ln.Addr().String()); err == nil {
		t.Error("the listener still accepts")
	}
	go func() { down <- r.Shutdown(context.Background()) }()
	go func() { sc.Write([]byte("the answer")); sc.Close() }()
	if b, err := io.ReadAll(c); string(b) != "the answer" || err != nil {
		t.Errorf("%q, %v", b, err)
	}
	for range 2 {
		if err := await(t, "Shutdown", down); err != nil {
			t.Errorf("Shutdown: %v", err)
		}
	}
	if err := await(t, "Serve", served); err != nil {
		t.Errorf("Serve: %v", err)
	}
	if err := r.Shutdown(context.Background()); err != nil {
		t.Errorf("Shutdown after: %v", err)
	}
	if _, err := r.Listen(listenTCP(t), ProtocolFunc(nil)); !errors.Is(err, ErrShutdown) {
		t.Errorf("Listen after: %v", err)
	}
	if err := r.Serve(listenTCP(t), ProtocolFunc(nil)); !errors.Is(err, ErrShutdown) {
		t.Errorf("Serve after: %v", err)
	}
	if _, err := r.Dial(context.Background(), ln.Addr(), DialOptions{}, echoing(nil)); !errors.Is(err, ErrShutdown) {
		t.Errorf("Dial after: %v", err)
	}
}

// TestDrainDeadline: what does not finish is aborted, dials in progress too.
func TestDrainDeadline(t *testing.T) {
	a := newAudit(t)
	opened := make(chan struct{}, 10)
	s := serve(t, Config{}, func(*Conn) Handler {
		return full{&probe{a: a, open: func(*Conn) { opened <- struct{}{} }, drain: func(*Conn) {}}}
	})
	for range 10 {
		connect(t, s.addr)
		await(t, "OnOpen", opened)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer cancel()
	down := make(chan error, 1)
	go func() { down <- s.r.Shutdown(ctx) }()
	if err := await(t, "Shutdown", down); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Shutdown: %v", err)
	}
	for range 10 {
		if err := await(t, "OnClose", a.closed); !errors.Is(err, ErrShutdown) {
			t.Errorf("OnClose got %v", err)
		}
	}
	if n := s.r.open.Load(); n != 0 {
		t.Errorf("%d open after Shutdown", n)
	}
}

// TestShutdownRaces: listening, dialing, accepting and closing while a Shutdown begins; all calls return, and nothing is
// left.
func TestShutdownRaces(t *testing.T) {
	for range size(100, 1000) {
		a := newAudit(t)
		s := serve(t, Config{MaxConns: 20}, func(*Conn) Handler { return echoing(a) })
		var wg sync.WaitGroup
		for i := range 4 {
			wg.Go(func() {
				for range 5 {
					if c, err := net.Dial("tcp", s.addr.String()); err == nil {
						c.Write([]byte("x"))
						c.Close()
					}
				}
			})
			wg.Go(func() {
				for range 5 {
					c, err := s.r.Dial(context.Background(), s.addr, DialOptions{}, echoing(a))
					if err == nil {
						c.Close()
					}
				}
			})
			wg.Go(func() {
				ln, err := net.Listen("tcp", "127.0.0.1:0")
				if err != nil {
					t.Error(err)
					return
				}
				if l, err := s.r.Listen(ln, ProtocolFunc(func(*Conn) Handler { return echoing(a) })); err == nil && i%2 == 0 {
					l.Close()
				}
			})
		}
		wg.Go(func() {
			for range 100 {
				runtime.Gosched()
			}
			ctx, cancel := context.WithTimeout(context.Background(), 5*time.Millisecond)
			defer cancel()
			s.r.Shutdown(ctx)
		})
		finish(t, "all calls", wg.Wait)
		a.balanced(t)
		// A place is given back behind OnClose, and a listener that is just being stopped may take one for the moment of an accept.
		eventually(t, "nothing is open after Shutdown", func() bool { return s.r.open.Load() == 0 })
		if t.Failed() {
			return
		}
	}
}

// TestTwoReactors share the process's loops and know nothing of each other.
func TestTwoReactors(t *testing.T) {
	a1, a2 := newAudit(t), newAudit(t)
	s1 := serve(t, Config{}, func(*Conn) Handler { return echoing(a1) })
	s2 := serve(t, Config{}, func(*Conn) Handler { return echoing(a2) })
	c1, c2 := connect(t, s1.addr), connect(t, s2.addr)
	ping(t, c1)
	ping(t, c2)
	finish(t, "Shutdown", func() { s1.r.Shutdown(context.Background()) })
	if _, err := c1.Read(make([]byte, 1)); err != io.EOF {
		t.Errorf("the first reactor's client got %v", err)
	}
	ping(t, c2)
	if _, n := a2.counts(); n != 0 {
		t.Error("the second reactor's connection was closed")
	}
}

// TestManyReactors come and go without leaving goroutines or descriptors.
func TestManyReactors(t *testing.T) {
	cycle := func() {
		s := serve(t, Config{}, func(*Conn) Handler { return echoing(nil) })
		c := connect(t, s.addr)
		ping(t, c)
		c.Close()
		finish(t, "Shutdown", func() { s.r.Shutdown(context.Background()) })
	}
	cycle()
	goroutines, fds := runtime.NumGoroutine(), openFDs()
	for range size(100, 1000) {
		cycle()
	}
	if !within(patience, func() bool { return runtime.NumGoroutine() <= goroutines+2 }) {
		t.Errorf("%d goroutines, then %d", goroutines, runtime.NumGoroutine())
	}
	if fds >= 0 && !within(patience, func() bool { return openFDs() <= fds+2 }) {
		t.Errorf("%d descriptors, then %d", fds, openFDs())
	}
}

// TestListenerClose: the listener ends, its connections go on.
func TestListenerClose(t *testing.T) {
	s := serve(t, Config{}, func(*Conn) Handler { return echoing(nil) })
	c := connect(t, s.addr)
	ping(t, c)
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() { s.l.Close() })
	}
	finish(t, "Close", wg.Wait)
	finish(t, "Wait", func() { s.l.Wait() })
	if _, err := net.Dial("tcp", s.addr.String()); err == nil {
		t.Error("still accepts")
	}
	ping(t, c)
}
