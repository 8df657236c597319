package reactor

import (
	"fmt"
	"runtime/debug"
	"sync"

	"github.com/calandria-go/calandria/reactor/internal/poll"
)

// workers bounds the goroutines of Offload.
type workers struct {
	mu      sync.Mutex
	max     int
	maxWait int
	running int
	waiting []job
}

type job struct {
	c *Conn
	f func()
}

func (w *workers) init(limit, wait int) { w.max, w.maxWait = limit, wait }

// run starts f on a goroutine, or queues it.
func (w *workers) run(c *Conn, f func()) error {
	w.mu.Lock()
	if w.running >= w.max {
		defer w.mu.Unlock()
		if len(w.waiting) >= w.maxWait {
			return ErrOverload
		}
		w.waiting = append(w.waiting, job{c, f})
		return nil
	}
	w.running++
	w.mu.Unlock()
	c.loop.kick()
	go w.work(job{c, f})
	return nil
}

// work runs a job, then those that wait. A job that ends its goroutine by runtime.Goexit hands its place on.
func (w *workers) work(j job) {
	returned := false
	defer func() {
		if returned {
			return
		}
		if next, ok := w.next(); ok {
			go w.work(next)
		}
	}()
	for ok := true; ok; j, ok = w.next() {
		j.do()
	}
	returned = true
}

// next takes a job that waits; without one, the worker is no longer counted.
func (w *workers) next() (job, bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.waiting) == 0 {
		w.running--
		return job{}, false
	}
	j := w.waiting[0]
	w.waiting[0] = job{}
	w.waiting = w.waiting[1:]
	return j, true
}

func (j job) do() {
	defer func() {
		v := recover()
		if v == nil {
			return
		}
		j.c.reactor.cfg.Logger.Error("reactor: offloaded function panicked",
			"value", fmt.Sprint(v), "conn", j.c.id, "stack", string(debug.Stack()))
		j.c.Abort(&panicError{v})
	}()
	j.f()
}

// kick notes that this batch started or woke a goroutine: its end then lets the scheduler run it. Safe from any goroutine;
// off the loop it does nothing useful and no harm.
func (l *loop) kick() { l.kicked.Store(true) }

// WokeGoroutine tells the loop that this turn made a goroutine runnable, so that the end of the batch yields to it: with all
// loops busy it would else start up to 10 ms late. Offload and Stream do this themselves. Any goroutine.
func (c *Conn) WokeGoroutine() { c.loop.kick() }

// OnLoop says whether the caller runs on a loop's goroutine, where it must not wait. It takes about a microsecond, so ask
// only before waiting.
func OnLoop() bool { return poll.OnLoop() }
