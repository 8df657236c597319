package reactor

import (
	"net"

	"github.com/calandria-go/calandria/reactor/internal/poll"
)

// Adopt takes an open connection over: one that a net/http server gave away, or that another dialer opened. early is what has been
// read of it already; h gets that first. It returns when h.OnOpen has been called. nc must not be used any more, whatever
// happens: after an error it is closed.
//
// On Linux a *net.TCPConn and a *net.UnixConn move onto the loop, by a duplicate of their descriptor. Any other net.Conn, and
// every one on the portable engine, keeps a goroutine of its own that reads it. Any goroutine but a loop's, where it returns
// ErrOnLoop.
func (r *Reactor) Adopt(nc net.Conn, early []byte, h Handler) (*Conn, error) {
	if poll.OnLoop() {
		return nil, ErrOnLoop
	}
	c, handle, err := r.adoptable(nc)
	if err != nil {
		nc.Close()
		return nil, err
	}
	done := make(chan error, 1)
	c.loop.post(nil, func() { done <- c.adopted(handle, early, h) })
	if err := <-done; err != nil {
		return nil, err
	}
	return c, nil
}

// adoptable reserves a place for nc.
func (r *Reactor) adoptable(nc net.Conn) (*Conn, poll.Handle, error) {
	switch {
	case r.err != nil:
		return nil, poll.Handle{}, r.err
	case r.draining():
		return nil, poll.Handle{}, ErrShutdown
	case !r.reserve():
		return nil, poll.Handle{}, ErrConnLimit
	}
	var handle poll.Handle
	err := error(ErrShutdown)
	if !r.draining() { // it may have begun meanwhile, and not have seen us: its loops need not run any more
		handle, err = r.engine.Adopt(nc)
	}
	if err != nil {
		r.unreserve()
		return nil, poll.Handle{}, err
	}
	c := r.newConn(r.place())
	c.loop.conns.Add(1)
	if c.remote = handle.Remote; !c.remote.IsValid() {
		c.remote = poll.AddrPort(nc.RemoteAddr())
	}
	return c, handle, nil
}

// adopted runs on the loop at the end of a batch, as attach does.
func (c *Conn) adopted(handle poll.Handle, early []byte, h Handler) error {
	src, err := c.loop.poll.Attach(handle, (*sink)(c))
	if err != nil {
		handle.Close()
		c.reactor.release(c)
		return err
	}
	c.src = src
	if len(early) > 0 {
		c.carry = newChunk(len(early))
		c.carry.b = append(c.carry.b, early...)
		c.redeliver = true
	}
	c.reactor.track(c)
	c.open(func() Handler { return h })
	return nil
}
