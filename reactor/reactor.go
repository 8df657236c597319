package reactor

import (
	"bytes"
	"context"
	"log/slog"
	"net"
	"sync"
	"sync/atomic"

	"github.com/calandria-go/calandria/reactor/internal/poll"
)

// Reactor is a set of loops with what is configured for the connections on them. Its methods are safe from any goroutine;
// those that wait return ErrOnLoop on a loop's goroutine.
type Reactor struct {
	cfg     Config
	engine  poll.Engine
	loops   []*loop
	members []*member
	workers workers
	memory  memory
	err     error // why there are no loops

	open    atomic.Int64 // connections, and dials in progress
	carried atomic.Int64 // connections on channels, which take no descriptor
	full    atomic.Bool  // a listener waits for one to close
	closing atomic.Bool
	turn    atomic.Uint32 // breaks ties in placement

	mu        sync.Mutex
	listeners map[*Listener]struct{}
	empty     chan struct{} // closed when the last connection has closed after Shutdown began
	done      chan struct{} // closed when Shutdown has finished
	stopWatch chan struct{}
	stopped   chan struct{} // closed when the loops have ended, if they do
}

// member is a reactor's connections on one loop. Loop only.
type member struct {
	loop *loop
	head *Conn
	ends *Endpoint
	scan *Conn // where the memory budget goes on looking; nil: at head
}

// owned are the loops of the process that have an owner: netpoll's.
var owned struct {
	mu    sync.Mutex
	loops map[poll.Loop]*loop
}

// New makes a reactor. Its loops run from now on; on Linux they are the process's own and shared. An engine that cannot
// start makes Listen and Dial fail with the reason.
func New(cfg Config) *Reactor { return newReactor(poll.Default(), cfg, false) }

func newReactor(e poll.Engine, cfg Config, poison bool) *Reactor {
	r := &Reactor{
		cfg:       cfg.withDefaults(),
		engine:    e,
		listeners: map[*Listener]struct{}{},
		empty:     make(chan struct{}),
		done:      make(chan struct{}),
		stopWatch: make(chan struct{}),
		stopped:   make(chan struct{}),
	}
	r.workers.init(r.cfg.MaxWorkers, r.cfg.MaxQueued)
	poll.SetLog(logWriter{r.cfg.Logger})
	loops, err := e.Loops(r.cfg.Loops)
	if err != nil {
		r.err = err
		r.cfg.Logger.Error("reactor: no loops", "engine", e.Name(), "err", err)
		return r
	}
	for i, p := range loops {
		l := adopt(p, i)
		if poison {
			l.post(nil, func() { l.poison = true })
		}
		r.loops = append(r.loops, l)
		r.members = append(r.members, &member{loop: l})
	}
	if r.cfg.StallAfter > 0 {
		go r.watch()
	}
	r.initMemory(e == poll.Default())
	return r
}

// adopt gives the loop of a poller, made on its first use.
func adopt(p poll.Loop, index int) *loop {
	owned.mu.Lock()
	defer owned.mu.Unlock()
	if l := owned.loops[p]; l != nil {
		return l
	}
	if owned.loops == nil {
		owned.loops = map[poll.Loop]*loop{}
	}
	l := newLoop(p, index)
	owned.loops[p] = l
	noteRunning()
	return l
}

// running are the loops in owned, for reading without a lock.
var running atomic.Pointer[[]*loop]

// noteRunning brings running up to date. With owned.mu held.
func noteRunning() {
	all := make([]*loop, 0, len(owned.loops))
	for _, l := range owned.loops {
		all = append(all, l)
	}
	running.Store(&all)
}

// Engine is "netpoll" or "portable".
func (r *Reactor) Engine() string { return r.engine.Name() }

// Loops is the number of loops in use.
func (r *Reactor) Loops() int { return len(r.loops) }

// Serve accepts connections from ln and gives each a handler of p, until Shutdown has finished or ln is closed by
// Listener.Close; then it returns nil.
func (r *Reactor) Serve(ln net.Listener, p Protocol) error {
	if poll.OnLoop() {
		return ErrOnLoop
	}
	l, err := r.Listen(ln, p)
	if err != nil {
		return err
	}
	return l.Wait()
}

// Shutdown closes the listeners, tells every connection to drain (DrainHandler, or flush and close), and waits until all
// have closed. When ctx ends first it aborts the rest with ErrShutdown and returns ctx's error. Later calls wait for the
// first.
func (r *Reactor) Shutdown(ctx context.Context) error {
	if poll.OnLoop() {
		return ErrOnLoop
	}
	if r.closing.Swap(true) {
		select {
		case <-r.done:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	defer close(r.done)
	close(r.stopWatch)
	r.workers.close()
	r.closeListeners()
	r.each((*Conn).drain)
	r.eachEndpoint((*Endpoint).drain)
	if r.open.Load() == 0 && r.carried.Load() == 0 {
		r.signalEmpty()
	}
	var err error
	select {
	case <-r.empty:
	case <-ctx.Done():
		err = ctx.Err()
		r.each(func(c *Conn) { c.Abort(ErrShutdown) })
		r.eachEndpoint(func(e *Endpoint) { e.CloseWith(ErrShutdown) })
		<-r.empty // aborts and dials end within a turn
	}
	r.stopLoops()
	return err
}

// Draining says whether Shutdown has begun. Any goroutine.
func (r *Reactor) Draining() bool { return r.closing.Load() }

func (r *Reactor) draining() bool { return r.closing.Load() }

// each runs f in a turn of every connection, and returns when all loops have done so.
func (r *Reactor) each(f func(*Conn)) {
	var wg sync.WaitGroup
	for _, m := range r.members {
		wg.Add(1)
		m.loop.post(nil, func() {
			defer wg.Done()
			for c := m.head; c != nil; {
				next := c.next
				c.turn(func() { f(c) })
				c = next
			}
		})
	}
	wg.Wait()
}

func (r *Reactor) closeListeners() {
	r.mu.Lock()
	var all []*Listener
	for l := range r.listeners {
		all = append(all, l)
	}
	r.mu.Unlock()
	for _, l := range all {
		l.stop()
	}
}

// stopLoops ends loops that are this reactor's own; netpoll's go on.
func (r *Reactor) stopLoops() {
	if len(r.loops) == 0 || r.loops[0].poll.Shared() {
		return
	}
	close(r.stopped)
	for _, l := range r.loops {
		l.poll.Close()
		owned.mu.Lock()
		delete(owned.loops, l.poll)
		noteRunning()
		owned.mu.Unlock()
	}
}

func (r *Reactor) signalEmpty() {
	r.mu.Lock()
	defer r.mu.Unlock()
	select {
	case <-r.empty:
	default:
		close(r.empty)
	}
}

// reserve counts a connection to be; false at MaxConns.
func (r *Reactor) reserve() bool {
	for {
		n := r.open.Load()
		if n >= int64(r.cfg.MaxConns) {
			return false
		}
		if r.open.CompareAndSwap(n, n+1) {
			return true
		}
	}
}

func (r *Reactor) unreserve() {
	n := r.open.Add(-1)
	if r.full.Load() {
		r.wakeListeners()
	}
	if n == 0 && r.carried.Load() == 0 && r.closing.Load() {
		r.signalEmpty()
	}
}

// uncarry ends what a connection on a channel counted for. Whoever is last, of these and of the others, sees both at zero.
func (r *Reactor) uncarry() {
	if r.carried.Add(-1) == 0 && r.open.Load() == 0 && r.closing.Load() {
		r.signalEmpty()
	}
}

// release ends what an open connection counted for.
func (r *Reactor) release(c *Conn) {
	c.loop.conns.Add(-1)
	if c.carried {
		r.uncarry()
		return
	}
	if c.acceptor != nil {
		c.acceptor.listener.left(c)
	}
	r.unreserve()
}

// place chooses the loop with the fewest connections and endpoints; ties go round.
func (r *Reactor) place() int {
	n := len(r.loops)
	start := int(r.turn.Add(1) % uint32(n))
	best, least := start, r.loops[start].load()
	for i := 1; i < n; i++ {
		k := (start + i) % n
		if v := r.loops[k].load(); v < least {
			best, least = k, v
		}
	}
	return best
}

// track and untrack keep the list of a loop's connections. Loop only.
func (r *Reactor) track(c *Conn) {
	m := r.members[c.member]
	if c.next = m.head; c.next != nil {
		c.next.prev = c
	}
	m.head = c
}

func (r *Reactor) untrack(c *Conn) {
	m := r.members[c.member]
	if m.scan == c {
		m.scan = c.next
	}
	switch {
	case c.prev != nil:
		c.prev.next = c.next
	case m.head == c:
		m.head = c.next
	default:
		return // never tracked: a dial that failed
	}
	if c.next != nil {
		c.next.prev = c.prev
	}
	c.next, c.prev = nil, nil
}

var connIDs atomic.Uint64

func (r *Reactor) newConn(member int) *Conn {
	l := r.loops[member]
	return &Conn{loop: l, reactor: r, member: int32(member), id: connIDs.Add(1)}
}

// logWriter routes netpoll's log lines into ours.
type logWriter struct{ log *slog.Logger }

func (w logWriter) Write(p []byte) (int, error) {
	w.log.Warn("netpoll", "line", string(bytes.TrimSpace(p)))
	return len(p), nil
}
