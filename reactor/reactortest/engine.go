package reactortest

import (
	"context"
	"net"
	"sync"
	"testing"

	"github.com/calandria-go/calandria/reactor"
	"github.com/calandria-go/calandria/reactor/internal/hook"
	"github.com/calandria-go/calandria/reactor/internal/poll"
)

// New gives a reactor of the caller's own, whose loops are goroutines, started now, and so part of a testing/synctest
// bubble that the caller is in. It serves any net.Listener; addresses in 192.0.2.0/24 it dials in memory, where a Listener
// answers or the connection is refused. OnData's slice is overwritten as soon as OnData has returned, so that a handler
// that keeps it fails. When the test ends, or after Shutdown, what is still open is aborted and the loops end.
//
// In a bubble Config.StallAfter has a watchdog tick once a second; -1 turns it off for tests that take days.
func New(t testing.TB, cfg reactor.Config) *reactor.Reactor {
	t.Helper()
	e := &memEngine{}
	r := hook.New(e, cfg, true).(*reactor.Reactor)
	t.Cleanup(func() {
		abort(r)
		e.close()
	})
	return r
}

// NewDefault gives a reactor on the engine of this build, with OnData's slice overwritten as in New. It is shut down when
// the test ends. On Linux its loops are the process's own: they go on overwriting.
func NewDefault(t testing.TB, cfg reactor.Config) *reactor.Reactor {
	t.Helper()
	r := hook.New(poll.Default(), cfg, true).(*reactor.Reactor)
	t.Cleanup(func() { abort(r) })
	return r
}

// abort shuts r down without waiting for anything.
func abort(r *reactor.Reactor) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	r.Shutdown(ctx)
}

// memEngine is the portable engine with dials in memory.
type memEngine struct {
	poll.PortableEngine
	loops []poll.Loop
}

// Name is "memory".
func (e *memEngine) Name() string { return "memory" }

func (e *memEngine) Loops(n int) ([]poll.Loop, error) {
	all, err := e.PortableEngine.Loops(n)
	for _, l := range all {
		e.loops = append(e.loops, &memLoop{Loop: l})
	}
	return e.loops, err
}

func (e *memEngine) close() {
	for _, l := range e.loops {
		l.Close()
		hook.Forget(l)
	}
}

// memLoop is a portable loop that knows the Listeners of this package.
type memLoop struct {
	poll.Loop

	mu    sync.Mutex
	owner poll.Owner
	ended []*memDial // dials that ended, for the next batch
}

// Start has the batches of the loop begin with the dials that ended.
func (l *memLoop) Start(o poll.Owner) {
	l.owner = o
	l.Loop.Start(l)
}

func (l *memLoop) BatchStart() {
	l.owner.BatchStart()
	l.mu.Lock()
	ended := l.ended
	l.ended = nil
	l.mu.Unlock()
	for _, d := range ended {
		d.finish()
	}
}

func (l *memLoop) BatchEnd() { l.owner.BatchEnd() }

func (l *memLoop) Dial(t poll.Target, s poll.Sink) (poll.Source, error) {
	if !inMemory(t.Remote) {
		return l.Loop.Dial(t, s)
	}
	ctx, cancel := context.WithCancel(context.Background())
	d := &memDial{loop: l, sink: s, cancel: cancel}
	go func() {
		if d.err = injected(Connect); d.err == nil {
			d.conn, d.err = dialAddr(ctx, t.Remote)
		}
		cancel()
		l.mu.Lock()
		l.ended = append(l.ended, d)
		l.mu.Unlock()
		l.Wake()
	}()
	return d, nil
}

// memDial is a Source from the beginning of a dial on: until it has ended it can only be closed.
type memDial struct {
	poll.Source // nil until connected
	loop        *memLoop
	sink        poll.Sink
	cancel      context.CancelFunc
	closed      bool // loop only
	conn        net.Conn
	err         error
}

// finish runs on the loop.
func (d *memDial) finish() {
	if d.err == nil && d.closed {
		d.conn.Close()
	}
	if d.closed {
		return
	}
	if d.err == nil {
		d.Source, d.err = d.loop.Attach(poll.Handle{FD: -1, Conn: d.conn}, d.sink)
	}
	d.sink.Connected(d.err)
}

func (d *memDial) Close(reset bool) {
	d.closed = true
	d.cancel()
	if d.Source != nil {
		d.Source.Close(reset)
	}
}

func (d *memDial) LocalAddr() net.Addr {
	if d.Source == nil {
		return nil
	}
	return d.Source.LocalAddr()
}
