package poll

import (
	"errors"
	"net"
	"sync"
)

// connAccepted bounds how many connections an accepting goroutine holds for its loop.
const connAccepted = 16

// connAcceptor is a net.Listener on a loop, with a goroutine that accepts.
type connAcceptor struct {
	loop poster
	sink AcceptSink
	ln   net.Listener
	on   bool // loop only, like closed
	done bool

	mu     sync.Mutex
	room   *sync.Cond // the goroutine waits here while the queue is full or an error was not taken
	queue  []net.Conn
	err    error
	closed bool
	posted bool
}

func newConnAcceptor(l poster, ln net.Listener, s AcceptSink) *connAcceptor {
	a := &connAcceptor{loop: l, sink: s, ln: ln}
	a.room = sync.NewCond(&a.mu)
	go a.run()
	return a
}

func (a *connAcceptor) run() {
	for {
		nc, err := a.ln.Accept()
		a.mu.Lock()
		if a.closed {
			a.mu.Unlock()
			if nc != nil {
				nc.Close()
			}
			return
		}
		if err != nil {
			a.err = err
		} else {
			a.queue = append(a.queue, nc)
		}
		a.mu.Unlock()
		a.note()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		a.mu.Lock()
		for !a.closed && (len(a.queue) >= connAccepted || a.err != nil) {
			a.room.Wait()
		}
		a.mu.Unlock()
	}
}

func (a *connAcceptor) note() {
	a.mu.Lock()
	first := !a.posted
	a.posted = true
	a.mu.Unlock()
	if first {
		a.loop.post(a)
	}
}

func (a *connAcceptor) due() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return len(a.queue) > 0 || a.err != nil
}

func (a *connAcceptor) dispatch() {
	a.mu.Lock()
	a.posted = false
	a.mu.Unlock()
	if a.done || !a.on {
		return
	}
	if a.due() {
		a.sink.Acceptable()
	}
	if !a.done && a.on && a.due() {
		a.note()
	}
}

func (a *connAcceptor) Accept() (Handle, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	defer a.room.Signal()
	if len(a.queue) == 0 {
		if err := a.err; err != nil {
			a.err = nil
			return Handle{FD: -1}, err
		}
		return Handle{FD: -1}, ErrAgain
	}
	if err := fault(OpAccept); err != nil {
		return Handle{FD: -1}, err
	}
	nc := a.queue[0]
	a.queue = append(a.queue[:0], a.queue[1:]...)
	return Handle{FD: -1, Conn: nc, Remote: AddrPort(nc.RemoteAddr())}, nil
}

// Shed closes a connection that was accepted and cannot be served.
func (a *connAcceptor) Shed() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	if len(a.queue) == 0 {
		return false
	}
	a.queue[0].Close()
	a.queue = append(a.queue[:0], a.queue[1:]...)
	a.room.Signal()
	return true
}

func (a *connAcceptor) Enable(on bool) error {
	if a.done {
		return nil
	}
	a.on = on
	if on && a.due() {
		a.note()
	}
	return nil
}

func (a *connAcceptor) Close() {
	if a.done {
		return
	}
	a.done = true
	a.ln.Close()
	a.mu.Lock()
	defer a.mu.Unlock()
	a.closed = true
	for _, nc := range a.queue {
		nc.Close()
	}
	a.queue = nil
	a.room.Broadcast()
}
