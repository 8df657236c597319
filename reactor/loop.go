package reactor

import (
	"log/slog"
	"runtime"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"github.com/calandria-go/calandria/reactor/internal/poll"
)

const (
	// scratchSize is read at a time; one buffer per loop.
	scratchSize = 64 << 10
	// rounds bounds how often one end of a batch looks again for what its own work has posted.
	rounds = 4
	// wallEvery bounds how far Now may miss a step of the wall clock.
	wallEvery = 50 * time.Millisecond
)

// loop is the reactor's side of a poller goroutine. Every connection belongs to one loop for life.
type loop struct {
	poll    poll.Loop
	index   int
	scratch []byte
	plain   []byte // what a Layer's Read fills; made on first need
	poison  bool   // tests: overwrite the scratch buffer after each OnData

	// Loop only.
	noisy     bool          // something in this batch may have made a goroutine runnable
	yielded   time.Duration // when the loop last yielded, since base
	base      time.Time
	mark      time.Duration // since base: the last reading of the clock, when the running hook began
	wall      time.Time     // the wall clock, as of wallAt
	wallAt    time.Duration
	busyFrom  time.Duration
	wheel     wheel
	armedAt   uint64 // the tick that the poller's timer is set to; 0: none
	stats     LoopStats
	locals    map[any]any
	spareRun  []task
	spareConn []*Conn
	bufs      [][]byte // for one writev
	out       outbox   // datagrams of this turn
	packet    Packet   // the one that OnPacket sees
	spent     []*chunk // shared and file chunks to release when no lock is held

	kicked atomic.Bool          // this batch started or woke a goroutine
	conns  atomic.Int64         // open connections, for placement
	cur    atomic.Pointer[Conn] // whose hook runs, for the watchdog
	curEnd atomic.Pointer[Endpoint]
	ends   atomic.Int64 // open endpoints

	directWrites, directBytes atomic.Uint64 // of WriteNow: system calls off the loop
	since                     atomic.Int64  // when the running batch began, since base; 0: idle

	// A poster queues first and looks at awake then; the loop clears awake first and looks at queued then. So one of them
	// sees the other, and no wake-up is lost.
	awake  atomic.Bool  // a batch is running or a wake-up is on its way
	queued atomic.Int64 // tasks and pending

	mu      sync.Mutex
	tasks   []task
	pending []*Conn // scheduled connections
}

// task is a posted function, and the connection or endpoint it dies with, or neither.
type task struct {
	c *Conn
	e *Endpoint
	f func()
}

func newLoop(p poll.Loop, index int) *loop {
	l := &loop{
		poll:    p,
		index:   index,
		scratch: make([]byte, scratchSize),
		base:    time.Now(),
		locals:  map[any]any{},
		bufs:    make([][]byte, 0, maxIovec),
	}
	l.wall = l.base
	l.stats.Loop = index
	l.stats.Reasons = map[string]uint64{}
	p.Start(l)
	return l
}

// since base, by the monotonic clock.
func (l *loop) clock() time.Duration { return time.Since(l.base) }

// now is the wall clock, read at most every wallEvery.
func (l *loop) now() time.Time {
	if l.mark-l.wallAt >= wallEvery {
		l.wall = time.Now()
		l.wallAt = l.clock()
	}
	return l.wall.Add(l.mark - l.wallAt)
}

// post queues a task for the end of the running batch, or wakes the loop. Any goroutine.
func (l *loop) post(c *Conn, f func()) {
	l.queue(task{c: c, f: f})
}

func (l *loop) queue(t task) {
	l.mu.Lock()
	l.tasks = append(l.tasks, t)
	l.queued.Add(1)
	l.mu.Unlock()
	l.wake()
}

// enqueue schedules a connection to be settled at the end of the batch. Any goroutine; the caller holds c.mu.
func (l *loop) enqueue(c *Conn) {
	l.mu.Lock()
	l.pending = append(l.pending, c)
	l.queued.Add(1)
	l.mu.Unlock()
	l.wake()
}

// wake makes a batch run unless one does.
func (l *loop) wake() {
	if !l.awake.Load() && !l.awake.Swap(true) {
		l.poll.Wake()
	}
}

// BatchStart is the poller's call before the first hook.
func (l *loop) BatchStart() {
	l.awake.Store(true)
	l.mark = l.clock()
	l.busyFrom = l.mark
	l.since.Store(int64(l.mark) + 1)
	l.stats.Batches++
}

// BatchEnd is the poller's call after the last hook: posted tasks, timers, and whatever may happen only here, which is
// attaching, updating and closing descriptors.
func (l *loop) BatchEnd() {
	for range rounds {
		ran := l.runPending()
		l.runTimers()
		l.out.flush()
		if l.kicked.Load() {
			// With all loops busy a new goroutine would else wait for the scheduler's next preemption, 10 ms away.
			l.kicked.Store(false)
			l.since.Store(0)
			runtime.Gosched()
			l.mark = l.clock() // what others ran for is not the next handler's
			l.since.Store(int64(l.mark) + 1)
			ran = true
		}
		if !ran {
			break
		}
	}
	l.armTimer()
	l.stats.Busy += l.mark - l.busyFrom
	l.since.Store(0)
	l.rest()
}

// runPending runs what was posted and settles what was scheduled when it began; false if there was nothing.
func (l *loop) runPending() bool {
	if l.queued.Load() == 0 {
		return false
	}
	l.mu.Lock()
	l.queued.Store(0)
	tasks, conns := l.tasks, l.pending
	l.tasks, l.pending = l.spareRun, l.spareConn
	l.mu.Unlock()
	for i := range tasks {
		l.runTask(tasks[i])
		tasks[i] = task{}
	}
	for i, c := range conns {
		conns[i] = nil
		c.settle()
	}
	l.spareRun, l.spareConn = shrink(tasks), shrink(conns)
	l.mark = l.clock()
	return true
}

// shrink empties a queue for reuse, and drops one that a burst has made large.
func shrink[T any](s []T) []T {
	if cap(s) > 4096 {
		return nil
	}
	return s[:0]
}

func (l *loop) runTask(t task) {
	l.noisy = true
	if t.e != nil {
		t.e.posted(t.f)
		return
	}
	if t.c == nil {
		l.guardTask(t.f)
		l.mark = l.clock()
		return
	}
	if t.c.state == stateClosed {
		return
	}
	l.stats.Posts++
	t.c.turn(t.f)
}

// guardTask runs a function of the reactor itself.
func (l *loop) guardTask(f func()) {
	defer func() {
		if v := recover(); v != nil {
			l.stats.Panics++
			slog.Error("reactor: task panicked", "value", v, "stack", string(debug.Stack()))
		}
	}()
	f()
}

// rest lets the loop sleep, or has it come back at once for what is still queued.
func (l *loop) rest() {
	l.awake.Store(false)
	if l.queued.Load() > 0 {
		l.wake()
	}
}

// runTimers fires what has expired. A timer is due when its tick has passed entirely.
func (l *loop) runTimers() {
	if l.wheel.armed == 0 {
		return
	}
	l.wheel.advance(uint64(l.mark/wheelTick), l.fire)
}

func (l *loop) fire(t *Timer) {
	l.stats.Timers++
	t.unhook()
	t.owner.turn(t.f)
}

// armTimer sets the poller's timer to the next expiry, if that has changed.
func (l *loop) armTimer() {
	_, at, ok := l.wheel.next()
	if !ok {
		if l.armedAt != 0 {
			l.armedAt = 0
			l.poll.Arm(-1)
		}
		return
	}
	left := time.Duration(at)*wheelTick - l.mark
	if l.armedAt == at && left > 0 {
		return
	}
	l.armedAt = at
	l.poll.Arm(max(left, 0))
}

// startTimer puts t into the wheel.
func (l *loop) startTimer(t *Timer, d time.Duration) {
	now := l.clock()
	if l.wheel.armed == 0 {
		l.wheel.now = uint64(now / wheelTick)
	}
	l.wheel.add(t, ticksUp(now+min(max(d, 0), 1<<62))) // for ever is not to wrap around to the past
}

// enter and leave frame every hook: leave measures it, and its end is the next one's beginning.
func (l *loop) enter(c *Conn) {
	l.noisy = true
	l.cur.Store(c)
}

// yieldEvery is how long batches may follow each other without a yield.
const yieldEvery = time.Millisecond

// Quiet is the poller's question behind BatchEnd: only datagrams and timers of endpoints were handled, and nothing said that it
// woke a goroutine.
func (l *loop) Quiet() bool {
	if !l.noisy && l.mark-l.yielded < yieldEvery {
		return true
	}
	l.noisy, l.yielded = false, l.mark
	return false
}

func (l *loop) leave(c *Conn) time.Duration {
	now := l.clock()
	took := now - l.mark
	l.mark = now
	if limit := c.reactor.cfg.StallAfter; limit > 0 && took > limit {
		l.stall(c, took)
	}
	l.cur.Store(nil)
	return took
}

// stall counts and reports a hook that held the loop.
func (l *loop) stall(c *Conn, took time.Duration) {
	l.stats.Stalls++
	l.stats.LongestStall = max(l.stats.LongestStall, took)
	c.reactor.cfg.Logger.Warn("reactor: handler held its loop",
		"loop", l.index, "took", took, "handler", handlerName(c.handler), "conn", c.id)
}
