package reactor_test

import (
	"context"
	"errors"
	"io"
	"os"
	"testing"
	"testing/synctest"
	"time"

	"github.com/calandria-go/calandria/reactor"
	"github.com/calandria-go/calandria/reactor/reactortest"
)

// within says whether something that took so long came in time.
func within(took, want time.Duration) bool { return took >= want && took <= want+slack }

// end is how and when a connection closed.
type end struct {
	err error
	at  time.Time
}

// ending is a handler that reports its end.
func ending(h *hooks) (*hooks, chan end) {
	ends := make(chan end, 1)
	h.closed = func(_ *reactor.Conn, err error) { ends <- end{err, time.Now()} }
	return h, ends
}

func TestWriteStall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, ends := ending(&hooks{})
		c, _ := connect(t, reactor.Config{WriteStall: 30 * time.Second}, h)
		start := time.Now()
		c.Write(make([]byte, 1<<20))
		e := <-ends
		if !errors.Is(e.err, reactor.ErrWriteStall) || !errors.Is(e.err, os.ErrDeadlineExceeded) || !within(e.at.Sub(start), 30*time.Second) {
			t.Errorf("%v after %v", e.err, e.at.Sub(start))
		}
	})
}

// A peer that takes a little now and then is slow, not gone.
func TestWriteStallCountsFromTheLastProgress(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, ends := ending(&hooks{})
		c, peer := connect(t, reactor.Config{WriteStall: 30 * time.Second}, h)
		c.Write(make([]byte, 1<<20))
		for range 8 {
			pass(29 * time.Second)
			if _, err := io.ReadFull(peer, make([]byte, 64<<10)); err != nil {
				t.Fatal(err)
			}
		}
		last := time.Now()
		e := <-ends
		if !errors.Is(e.err, reactor.ErrWriteStall) || !within(e.at.Sub(last), 30*time.Second) {
			t.Errorf("%v, %v after the last progress", e.err, e.at.Sub(last))
		}
	})
}

// An idle connection does not stall, nor does one whose backlog has gone in time.
func TestWriteStallNeedsABacklog(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, ends := ending(&hooks{})
		c, peer := connect(t, reactor.Config{WriteStall: 30 * time.Second}, h)
		for range 3 {
			c.Write(make([]byte, 1<<20))
			pass(20 * time.Second)
			if _, err := io.ReadFull(peer, make([]byte, 1<<20)); err != nil {
				t.Fatal(err)
			}
			pass(time.Hour)
		}
		if len(ends) != 0 {
			t.Errorf("closed: %v", (<-ends).err)
		}
	})
}

func TestWriteStallCanBeOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, ends := ending(&hooks{})
		c, _ := connect(t, reactor.Config{WriteStall: -1}, h)
		c.Write(make([]byte, 1<<20))
		pass(24 * time.Hour)
		if len(ends) != 0 {
			t.Errorf("closed: %v", (<-ends).err)
		}
	})
}

// What is flushed by Close can stall, too.
func TestWriteStallWhileClosing(t *testing.T) {
	for name, shut := range map[string]func(*reactor.Conn){
		"Close":       func(c *reactor.Conn) { c.Close() },
		"CloseLinger": func(c *reactor.Conn) { c.CloseLinger(time.Hour, 1<<20, nil) },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h, ends := ending(&hooks{})
				c, _ := connect(t, reactor.Config{WriteStall: 30 * time.Second}, h)
				start := time.Now()
				c.Write(make([]byte, 1<<20))
				shut(c)
				e := <-ends
				if !errors.Is(e.err, reactor.ErrWriteStall) || !within(e.at.Sub(start), 30*time.Second) {
					t.Errorf("%v after %v", e.err, e.at.Sub(start))
				}
			})
		})
	}
}

func TestDialTimeout(t *testing.T) {
	for _, c := range []struct {
		name          string
		timeout, want time.Duration
		ctx           time.Duration
		err           error
	}{
		{"default", 0, 30 * time.Second, 0, os.ErrDeadlineExceeded},
		{"of its own", 90 * time.Minute, 90 * time.Minute, 0, os.ErrDeadlineExceeded},
		{"none, and a context", -1, 48 * time.Hour, 48 * time.Hour, context.DeadlineExceeded},
		{"the context is first", time.Minute, time.Second, time.Second, context.DeadlineExceeded},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				silent := reactortest.ListenSize(0, 1)
				defer silent.Close()
				r := reactortest.New(t, reactor.Config{Loops: 1, StallAfter: -1})
				ctx := t.Context()
				if c.ctx > 0 {
					var cancel context.CancelFunc
					ctx, cancel = context.WithTimeout(ctx, c.ctx)
					defer cancel()
				}
				h, ends := ending(&hooks{open: func(*reactor.Conn) { t.Error("OnOpen") }})
				start := time.Now()
				_, err := r.Dial(ctx, silent.Addr(), reactor.DialOptions{Timeout: c.timeout}, h)
				if took := time.Since(start); !errors.Is(err, c.err) || !within(took, c.want) {
					t.Errorf("%v after %v", err, took)
				}
				pass(time.Minute)
				if len(ends) != 0 {
					t.Error("the handler of a dial that failed got OnClose")
				}
				if s, err := r.Stats(t.Context()); err != nil || s.Open != 0 || s.Total().DialErrors != 1 {
					t.Errorf("afterwards %d are open, %d failed, %v", s.Open, s.Total().DialErrors, err)
				}
			})
		})
	}
}

func TestCloseLinger(t *testing.T) {
	why := errors.New("why")
	const wait, limit = 5 * time.Second, 1000
	for _, c := range []struct {
		name string
		peer func(t *testing.T, p *reactortest.Conn)
		want time.Duration
	}{
		{"a silent peer", func(*testing.T, *reactortest.Conn) {}, wait},
		{"one that goes on writing", func(_ *testing.T, p *reactortest.Conn) {
			for range 20 {
				p.Write(make([]byte, 10))
				pass(time.Second)
			}
		}, wait},
		{"one that ends", func(_ *testing.T, p *reactortest.Conn) {
			pass(time.Second)
			p.Write([]byte("too late"))
			p.CloseWrite()
		}, time.Second},
		{"one that closes", func(_ *testing.T, p *reactortest.Conn) {
			pass(2 * time.Second)
			io.ReadAll(p)
			p.Close()
		}, 2 * time.Second},
		{"one that writes too much", func(_ *testing.T, p *reactortest.Conn) {
			pass(3 * time.Second)
			p.Write(make([]byte, limit))
		}, 3 * time.Second},
		{"one that resets", func(_ *testing.T, p *reactortest.Conn) {
			pass(4 * time.Second)
			p.SetLinger(0)
			p.Close()
		}, 4 * time.Second},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h, ends := ending(&hooks{data: func(*reactor.Conn, []byte) int {
					t.Error("OnData while lingering")
					return 0
				}})
				conn, peer := connect(t, reactor.Config{}, h)
				start := time.Now()
				conn.Write([]byte("last words"))
				conn.CloseLinger(wait, limit, why)
				synctest.Wait()
				if n := peer.Unread(); n != len("last words") {
					t.Errorf("the peer can read %d bytes", n)
				}
				go c.peer(t, peer)
				if e := <-ends; e.err != why || !within(e.at.Sub(start), c.want) {
					t.Errorf("%v after %v, want %v", e.err, e.at.Sub(start), c.want)
				}
				pass(time.Minute)
			})
		})
	}
}

// The wait begins when the last byte is out, not when CloseLinger is called.
func TestCloseLingerWaitsFromTheFIN(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, ends := ending(&hooks{})
		c, peer := connect(t, reactor.Config{}, h)
		c.Write(make([]byte, 1<<20))
		c.CloseLinger(5*time.Second, 1000, nil)
		pass(20 * time.Second)
		if n, err := io.Copy(io.Discard, peer); n != 1<<20 || err != nil {
			t.Fatalf("the peer got %d bytes, %v", n, err)
		}
		last := time.Now()
		if e := <-ends; e.err != nil || !within(e.at.Sub(last), 5*time.Second) {
			t.Errorf("%v, %v after the FIN", e.err, e.at.Sub(last))
		}
	})
}

func TestShutdownWaitsAsLongAsItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		drained := make(chan *reactor.Conn, 2)
		ends := make(chan end, 2)
		r := reactortest.New(t, reactor.Config{Loops: 1, StallAfter: -1})
		ln := reactortest.Listen()
		if _, err := r.Listen(ln, reactor.ProtocolFunc(func(*reactor.Conn) reactor.Handler {
			return &draining{hooks{closed: func(_ *reactor.Conn, err error) { ends <- end{err, time.Now()} }}, drained}
		})); err != nil {
			t.Fatal(err)
		}
		for range 2 {
			peer, err := ln.Dial()
			if err != nil {
				t.Fatal(err)
			}
			defer peer.Close()
		}
		synctest.Wait()
		start := time.Now()
		go func() {
			c := <-drained
			pass(3 * time.Second)
			c.Close()
		}()
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if err := r.Shutdown(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Shutdown: %v", err)
		}
		if e := <-ends; e.err != nil || e.at.Sub(start) != 3*time.Second {
			t.Errorf("the first closed with %v after %v", e.err, e.at.Sub(start))
		}
		if e := <-ends; !errors.Is(e.err, reactor.ErrShutdown) || !within(e.at.Sub(start), time.Minute) {
			t.Errorf("the second closed with %v after %v", e.err, e.at.Sub(start))
		}
	})
}

// draining is a handler that closes when somebody tells it.
type draining struct {
	hooks
	drained chan *reactor.Conn
}

func (h *draining) OnDrain(c *reactor.Conn) { h.drained <- c }
