package reactor_test

import (
	"fmt"
	"math/rand/v2"
	"net"
	"testing"
	"testing/synctest"
	"time"

	"github.com/calandria-go/calandria/reactor"
	"github.com/calandria-go/calandria/reactor/reactortest"
)

// slack is how late a timer may be.
const slack = 10 * time.Millisecond

// hooks is a handler out of functions, each of which may be nil.
type hooks struct {
	open   func(c *reactor.Conn)
	data   func(c *reactor.Conn, in []byte) int
	eof    func(c *reactor.Conn)
	closed func(c *reactor.Conn, err error)
}

func (h *hooks) OnOpen(c *reactor.Conn) {
	if h.open != nil {
		h.open(c)
	}
}

func (h *hooks) OnData(c *reactor.Conn, in []byte) int {
	if h.data != nil {
		return h.data(c, in)
	}
	return len(in)
}

func (h *hooks) OnEOF(c *reactor.Conn) {
	if h.eof != nil {
		h.eof(c)
		return
	}
	c.Close()
}

func (h *hooks) OnClose(c *reactor.Conn, err error) {
	if h.closed != nil {
		h.closed(c, err)
	}
}

// connect serves h in memory, on one loop without a watchdog, and gives both ends of a connection to it. In a bubble.
func connect(t *testing.T, cfg reactor.Config, h reactor.Handler) (*reactor.Conn, *reactortest.Conn) {
	t.Helper()
	cfg.Loops, cfg.StallAfter = 1, -1
	r := reactortest.New(t, cfg)
	ln := reactortest.Listen()
	got := make(chan *reactor.Conn, 1)
	if _, err := r.Listen(ln, reactor.ProtocolFunc(func(c *reactor.Conn) reactor.Handler {
		got <- c
		return h
	})); err != nil {
		t.Fatal(err)
	}
	peer, err := ln.Dial()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { peer.Close() })
	c := <-got
	on(c, func() {}) // after OnOpen
	return c, peer
}

// on runs f on the connection's loop and waits for it.
func on(c *reactor.Conn, f func()) {
	done := make(chan struct{})
	if !c.Post(func() { f(); close(done) }) {
		return
	}
	<-done
}

func pass(d time.Duration) { <-time.After(d) }

// delays has every edge of the timing wheel's levels with its neighbours, and some between.
func delays() []time.Duration {
	const tick = 4 * time.Millisecond
	out := []time.Duration{-time.Hour, 0, 1, time.Microsecond, time.Millisecond, 24 * time.Hour, 400 * 24 * time.Hour}
	for level := tick; level < 400*24*time.Hour; level *= 64 {
		for _, k := range []time.Duration{1, 2, 33, 63} {
			for _, off := range []time.Duration{-tick, -1, 0, 1, tick} {
				out = append(out, max(level*k+off, 0))
			}
		}
	}
	rng := rand.New(rand.NewPCG(1, 2))
	for range 200 {
		out = append(out, time.Duration(rng.Float64()*float64(time.Second)), time.Duration(rng.Int64N(int64(400*24*time.Hour))))
	}
	return out
}

func TestAfterFuncIsNeverEarlyAndHardlyLate(t *testing.T) {
	for _, offset := range []time.Duration{0, time.Millisecond, 4 * time.Millisecond, 255 * time.Millisecond, 16*time.Second + 380*time.Millisecond, 49 * 24 * time.Hour} {
		t.Run(fmt.Sprint("from ", offset), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c, _ := connect(t, reactor.Config{}, &hooks{})
				pass(offset)
				all := delays()
				took := make([]time.Duration, len(all))
				left := len(all)
				done := make(chan struct{})
				on(c, func() {
					start := time.Now()
					for i, d := range all {
						c.AfterFunc(d, func() {
							took[i] = time.Since(start)
							if left--; left == 0 {
								close(done)
							}
						})
					}
				})
				<-done
				for i, d := range all {
					if d = max(d, 0); took[i] < d || took[i] > d+slack {
						t.Errorf("%v took %v", d, took[i])
					}
				}
			})
		})
	}
}

// Timers that are started one by one, each when the last has fired: the wheel turns empty in between.
func TestAfterFuncInARow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, _ := connect(t, reactor.Config{}, &hooks{})
		for _, d := range delays() {
			fired := make(chan time.Time, 1)
			on(c, func() { c.AfterFunc(d, func() { fired <- time.Now() }) })
			start := time.Now()
			d = max(d, 0)
			if took := (<-fired).Sub(start); took < d || took > d+slack {
				t.Fatalf("%v took %v", d, took)
			}
		}
	})
}

// A wheel that is never empty, with timers added at times that have nothing to do with its ticks.
func TestAfterFuncAmongOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, _ := connect(t, reactor.Config{}, &hooks{})
		rng := rand.New(rand.NewPCG(3, 4))
		on(c, func() { c.AfterFunc(1000*time.Hour, func() {}) })
		for range 3000 {
			d := time.Duration(rng.Int64N(int64(10 * time.Minute)))
			on(c, func() {
				start := time.Now()
				c.AfterFunc(d, func() {
					if took := time.Since(start); took < d || took > d+slack {
						t.Errorf("%v took %v", d, took)
					}
				})
			})
			pass(time.Duration(rng.Int64N(int64(time.Second))))
		}
		pass(10 * time.Minute)
	})
}

func TestTimerStop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, _ := connect(t, reactor.Config{}, &hooks{})
		fired := map[string]int{}
		var stopped, firedOnce, never reactor.Timer
		on(c, func() {
			c.InitTimer(&stopped, func() { fired["stopped"]++ })
			c.InitTimer(&firedOnce, func() { fired["once"]++ })
			c.InitTimer(&never, func() { fired["never"]++ })
			stopped.Reset(time.Second)
			firedOnce.Reset(time.Second)
		})
		pass(500 * time.Millisecond)
		on(c, func() {
			if !stopped.Stop() || stopped.Stop() {
				t.Error("Stop of a running timer, and again")
			}
			if never.Stop() {
				t.Error("Stop of a timer that was never started")
			}
		})
		pass(time.Hour)
		on(c, func() {
			if firedOnce.Stop() {
				t.Error("Stop of a timer that has fired")
			}
			if fired["stopped"] != 0 || fired["once"] != 1 || fired["never"] != 0 {
				t.Errorf("fired: %v", fired)
			}
			stopped.Reset(time.Second)
		})
		pass(time.Second + slack)
		on(c, func() {
			if fired["stopped"] != 1 {
				t.Error("a stopped timer cannot be started again")
			}
		})
	})
}

// Timers of one tick: the first stops the others, and adds one.
func TestTimerStopInATimer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, _ := connect(t, reactor.Config{}, &hooks{})
		fired, added := 0, 0
		on(c, func() {
			all := make([]*reactor.Timer, 5)
			for i := range all {
				all[i] = c.AfterFunc(time.Second, func() {
					fired++
					for _, other := range all {
						other.Stop()
					}
					c.AfterFunc(0, func() { added++ })
				})
			}
		})
		pass(time.Minute)
		on(c, func() {
			if fired != 1 || added != 1 {
				t.Errorf("%d fired, %d were added", fired, added)
			}
		})
	})
}

func TestTimerReset(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, _ := connect(t, reactor.Config{}, &hooks{})
		fired := make(chan time.Time, 10)
		var timer reactor.Timer
		on(c, func() { c.InitTimer(&timer, func() { fired <- time.Now() }) })
		for _, step := range []struct{ first, after, second time.Duration }{
			{time.Second, 500 * time.Millisecond, time.Hour},  // later
			{time.Hour, time.Second, time.Millisecond},        // sooner
			{time.Hour, time.Minute, time.Hour},               // again
			{20 * 24 * time.Hour, time.Hour, 0},               // now
			{time.Second, time.Second - 1, 100 * time.Second}, // at the last moment
		} {
			on(c, func() { timer.Reset(step.first) })
			pass(step.after)
			start := time.Now()
			on(c, func() { timer.Reset(step.second) })
			if took := (<-fired).Sub(start); took < step.second || took > step.second+slack {
				t.Errorf("%+v: fired after %v", step, took)
			}
		}
		pass(30 * 24 * time.Hour)
		if n := len(fired); n != 0 {
			t.Errorf("it fired %d times too often", n)
		}
	})
}

// A timer that starts itself again keeps its pace.
func TestTimerResetInItself(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, _ := connect(t, reactor.Config{}, &hooks{})
		const every, times = 100 * time.Millisecond, 1000
		n := 0
		start := time.Now()
		done := make(chan time.Duration, 1)
		on(c, func() {
			timer := new(reactor.Timer)
			c.InitTimer(timer, func() {
				if n++; n == times {
					done <- time.Since(start)
					return
				}
				timer.Reset(every)
			})
			timer.Reset(every)
		})
		if took := <-done; took < times*every || took > times*(every+slack) {
			t.Errorf("%d times %v took %v", times, every, took)
		}
	})
}

func TestTimersEndWithTheirConnection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		closed := make(chan struct{})
		fired := false
		var timer reactor.Timer
		c, _ := connect(t, reactor.Config{}, &hooks{closed: func(*reactor.Conn, error) { close(closed) }})
		on(c, func() {
			c.InitTimer(&timer, func() { fired = true })
			timer.Reset(time.Second)
			c.AfterFunc(time.Second, func() { fired = true })
			c.Close()
		})
		<-closed
		pass(time.Hour)
		synctest.Wait()
		if fired {
			t.Error("a timer has fired after OnClose")
		}
	})
}

var _ net.Conn = (*reactor.Stream)(nil)
