package poll

import (
	"net"
	"sync"
	"time"
)

// PortableEngine runs loops as plain goroutines, and every connection with goroutines of its own over package net. It
// works on every OS, and inside a testing/synctest bubble.
type PortableEngine struct{}

// Name is "portable".
func (PortableEngine) Name() string { return "portable" }

// Loops starts n loops; each must be closed.
func (PortableEngine) Loops(n int) ([]Loop, error) {
	out := make([]Loop, n)
	for i := range out {
		out[i] = newPortableLoop()
	}
	return out, nil
}

// Adopt carries the connection as it is.
func (PortableEngine) Adopt(nc net.Conn) (Handle, error) { return Handle{FD: -1, Conn: nc}, nil }

// poster is what the goroutines of a connection need of their loop.
type poster interface{ post(d dispatcher) }

// dispatcher is something that a goroutine posted to be looked at on the loop.
type dispatcher interface{ dispatch() }

type portableLoop struct {
	goid  uint64
	wake  chan struct{}
	start chan Owner
	stop  chan struct{}
	done  chan struct{}
	timer *time.Timer
	once  sync.Once

	mu     sync.Mutex
	notify []dispatcher
}

func newPortableLoop() *portableLoop {
	l := &portableLoop{
		wake:  make(chan struct{}, 1),
		start: make(chan Owner, 1),
		stop:  make(chan struct{}),
		done:  make(chan struct{}),
		timer: time.NewTimer(time.Hour),
	}
	l.timer.Stop()
	ready := make(chan struct{})
	go l.run(ready)
	<-ready
	return l
}

func (l *portableLoop) run(ready chan struct{}) {
	defer close(l.done)
	l.goid = GoroutineID()
	registerLoop(l.goid)
	defer unregisterLoop(l.goid)
	close(ready)
	var o Owner
	select {
	case o = <-l.start:
	case <-l.stop:
		return
	}
	for {
		select {
		case <-l.wake:
		case <-l.timer.C:
		case <-l.stop:
			l.timer.Stop()
			return
		}
		o.BatchStart()
		l.mu.Lock()
		notes := l.notify
		l.notify = nil
		l.mu.Unlock()
		for _, d := range notes {
			d.dispatch()
		}
		o.BatchEnd()
	}
}

func (l *portableLoop) post(d dispatcher) {
	l.mu.Lock()
	l.notify = append(l.notify, d)
	l.mu.Unlock()
	l.Wake()
}

// Start installs the owner.
func (l *portableLoop) Start(o Owner) { l.start <- o }

// Wake makes a batch run soon.
func (l *portableLoop) Wake() {
	select {
	case l.wake <- struct{}{}:
	default:
	}
}

// Arm sets the timer.
func (l *portableLoop) Arm(d time.Duration) {
	if d < 0 {
		l.timer.Stop()
		return
	}
	l.timer.Reset(d)
}

// Goroutine is the loop's goroutine id.
func (l *portableLoop) Goroutine() uint64 { return l.goid }

// Shared is false.
func (l *portableLoop) Shared() bool { return false }

// Close ends the loop and waits for its goroutine.
func (l *portableLoop) Close() {
	l.once.Do(func() { close(l.stop) })
	<-l.done
}

// Attach takes a net.Conn.
func (l *portableLoop) Attach(h Handle, s Sink) (Source, error) {
	if h.Conn == nil {
		return nil, ErrUnsupported
	}
	return newConnSource(l, h.Conn, s), nil
}

// Dial connects on a goroutine.
func (l *portableLoop) Dial(t Target, s Sink) (Source, error) { return dialConn(l, t, s), nil }

// Listen accepts on a goroutine.
func (l *portableLoop) Listen(ln net.Listener, _ int, s AcceptSink) (Acceptor, error) {
	return newConnAcceptor(l, ln, s), nil
}
