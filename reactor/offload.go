package reactor

import (
	"fmt"
	"runtime"
	"runtime/debug"
	"sync"
	"time"

	"github.com/calandria-go/calandria/reactor/internal/poll"
)

const (
	// idleFor is how long a worker waits for another task: a fresh goroutine has to grow its stack first, which costs more
	// than a short task does.
	idleFor = time.Second
	// yieldAfter is how many tasks in a row a worker runs before it lets others of its processor run, such as the loop that
	// waits for their results.
	yieldAfter = 16
)

// workers bounds the goroutines of Offload, and keeps those that were needed within the last idleFor.
//
// A task that is queued wakes one worker, if none is on its way. A worker that begins with a task wakes the next one first,
// if more tasks wait; and it goes on with the queue when it is done. So short tasks are run by as few workers as there are
// processors, with warm stacks; and a task that blocks holds up no other, since there is always one more worker ready to run.
type workers struct {
	mu      sync.Mutex
	max     int
	maxWait int
	running int   // tasks that run
	queue   []job // tasks that wait: queue[first:]
	first   int
	waking  bool      // a worker was woken and has not come to the queue yet
	idle    []*worker // the one that was busy last is last, and the first to be used again
	unused  int       // of these, the first ones that were not needed since the last trim
	trimmer *time.Timer
	closed  bool
}

type worker struct{ wake chan struct{} }

// job is a function for a connection or an endpoint.
type job struct {
	c *Conn
	e *Endpoint
	f func()
}

func (w *workers) init(limit, wait int) { w.max, w.maxWait = limit, wait }

// run queues a task of something on l.
func (w *workers) run(l *loop, j job) error {
	w.mu.Lock()
	if w.running+w.waitingLocked()-w.maxWait >= w.max {
		w.mu.Unlock()
		return ErrOverload
	}
	w.queue = append(w.queue, j)
	k, wake := w.nextLocked()
	w.mu.Unlock()
	l.kick()
	if wake {
		w.start(k)
	}
	return nil
}

func (w *workers) waitingLocked() int { return len(w.queue) - w.first }

// nextLocked says whether another worker is needed, and gives an idle one if there is one.
func (w *workers) nextLocked() (k *worker, wake bool) {
	if w.waking || w.running >= w.max || w.waitingLocked() == 0 {
		return nil, false
	}
	w.waking = true
	n := len(w.idle)
	if n == 0 {
		return nil, true
	}
	k = w.idle[n-1]
	w.idle[n-1] = nil
	w.idle = w.idle[:n-1]
	w.unused = min(w.unused, n-1)
	return k, true
}

func (w *workers) start(k *worker) {
	if k != nil {
		k.wake <- struct{}{}
		return
	}
	go w.work(&worker{wake: make(chan struct{}, 1)})
}

// work is the life of a worker.
func (w *workers) work(k *worker) {
	returned := false
	defer func() {
		if !returned {
			w.died()
		}
	}()
	for ok := true; ok; _, ok = <-k.wake {
		j, more := w.take(k, true)
		for n := 1; more; n++ {
			j.do()
			j, more = w.take(k, false)
			if n%yieldAfter == 0 && more {
				runtime.Gosched()
			}
		}
	}
	returned = true
}

// take gives k the next task; without one k is idle from now on. woken says that k was woken for it, else it has ended one.
func (w *workers) take(k *worker, woken bool) (job, bool) {
	w.mu.Lock()
	if woken {
		w.waking = false
	} else {
		w.running--
	}
	if w.waitingLocked() == 0 {
		w.parkLocked(k)
		w.mu.Unlock()
		return job{}, false
	}
	j := w.queue[w.first]
	w.queue[w.first] = job{}
	if w.first++; w.first == len(w.queue) {
		w.queue, w.first = shrink(w.queue), 0
	} else if w.first >= 1024 && w.first*2 >= len(w.queue) {
		n := copy(w.queue, w.queue[w.first:])
		clear(w.queue[n:])
		w.queue, w.first = w.queue[:n], 0
	}
	w.running++
	next, wake := w.nextLocked()
	w.mu.Unlock()
	if wake {
		w.start(next)
	}
	return j, true
}

// died counts a worker out that a task has ended by runtime.Goexit, and has another one go on.
func (w *workers) died() {
	w.mu.Lock()
	w.running--
	k, wake := w.nextLocked()
	w.mu.Unlock()
	if wake {
		w.start(k)
	}
}

func (w *workers) parkLocked(k *worker) {
	if w.closed {
		close(k.wake)
		return
	}
	w.idle = append(w.idle, k)
	if w.trimmer == nil {
		w.trimmer = time.AfterFunc(idleFor, w.trim)
	}
}

// trim ends the workers that were not needed since it last ran.
func (w *workers) trim() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, k := range w.idle[:w.unused] {
		close(k.wake)
	}
	w.idle = append([]*worker(nil), w.idle[w.unused:]...)
	w.unused = len(w.idle)
	w.trimmer = nil
	if len(w.idle) > 0 {
		w.trimmer = time.AfterFunc(idleFor, w.trim)
	}
}

// close ends the idle workers, and those that run when they are done.
func (w *workers) close() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.closed = true
	for _, k := range w.idle {
		close(k.wake)
	}
	w.idle, w.unused = nil, 0
	if w.trimmer != nil {
		w.trimmer.Stop()
		w.trimmer = nil
	}
}

func (j job) do() {
	defer func() {
		v := recover()
		if v == nil {
			return
		}
		if j.e != nil {
			j.e.panicked("offloaded function", v)
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

// OnLoop says whether the caller runs on a loop's goroutine, where it must not wait. While any loop handles events it takes about
// a microsecond, so ask only before waiting.
func OnLoop() bool {
	all := running.Load()
	if all == nil {
		return false
	}
	for _, l := range *all {
		if l.since.Load() != 0 { // only then does anybody's code run on it
			return poll.OnLoop()
		}
	}
	return false
}
