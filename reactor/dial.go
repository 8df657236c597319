package reactor

import (
	"context"
	"errors"
	"net"
	"os"
	"syscall"
	"time"

	"github.com/calandria-go/calandria/reactor/internal/poll"
)

const (
	// defaultDialTimeout ends a dial that has no timeout of its own.
	defaultDialTimeout = 30 * time.Second
	// dialRetry is how long a dial waits for room in a unix listener's backlog.
	dialRetry = 5 * time.Millisecond
)

// DialOptions say how to dial; the zero value is good.
type DialOptions struct {
	// LocalAddr is the address to dial from; nil: any.
	LocalAddr net.Addr
	// Timeout ends the attempt with os.ErrDeadlineExceeded; 0: 30 s; negative: never, so the system decides.
	Timeout time.Duration
	// Near puts the connection on the loop of another one, so that both can be used together without a lock.
	Near *Conn
	// Control is called with the new socket before it connects. Not called on the portable engine.
	Control func(fd int) error
}

// dialing is the state of a Conn that is not connected yet.
type dialing struct {
	target  poll.Target
	handler Handler
	done    func(*Conn, error)
	timeout Timer
	retry   Timer
	ended   bool
}

// DialFunc connects to addr, a *net.TCPAddr or *net.UnixAddr, without waiting. done is called once: on the connection's
// loop with the connection, just before h.OnOpen, or with the reason that there is none, and then h hears nothing. A dial that
// cannot begin, for ErrConnLimit or ErrShutdown, calls it at once, on the caller's goroutine. Any goroutine.
func (r *Reactor) DialFunc(addr net.Addr, o DialOptions, h Handler, done func(*Conn, error)) {
	r.dial(addr, o, h, done)
}

// Dial connects to addr and returns when h.OnOpen has been called, or with the reason that it will not be. It returns
// ErrOnLoop on a loop's goroutine: use DialFunc there.
func (r *Reactor) Dial(ctx context.Context, addr net.Addr, o DialOptions, h Handler) (*Conn, error) {
	if poll.OnLoop() {
		return nil, ErrOnLoop
	}
	type result struct {
		c   *Conn
		err error
	}
	ch := make(chan result, 1)
	c := r.dial(addr, o, h, func(c *Conn, err error) {
		if err != nil {
			ch <- result{nil, err}
			return
		}
		c.loop.post(nil, func() { ch <- result{c, nil} }) // after OnOpen
	})
	select {
	case res := <-ch:
		return res.c, res.err
	case <-ctx.Done():
	}
	if c != nil {
		c.loop.post(nil, func() { c.dialEnded(ctx.Err()) })
	}
	res := <-ch
	if res.c != nil { // it was connected at the same moment
		res.c.Abort(ctx.Err())
	}
	if res.err == nil {
		res.err = dialError(addr, ctx.Err())
	}
	return nil, res.err
}

// DialStream is Dial for a synchronous net.Conn.
func (r *Reactor) DialStream(ctx context.Context, addr net.Addr, o DialOptions) (*Stream, error) {
	s := NewStream()
	if _, err := r.Dial(ctx, addr, o, s); err != nil {
		return nil, err
	}
	return s, nil
}

func (r *Reactor) dial(addr net.Addr, o DialOptions, h Handler, done func(*Conn, error)) *Conn {
	if r.err != nil || r.draining() {
		done(nil, dialError(addr, errors.Join(r.err, ErrShutdown)))
		return nil
	}
	if !r.reserve() {
		done(nil, dialError(addr, ErrConnLimit))
		return nil
	}
	if r.draining() { // it began meanwhile and may not have seen us: its loops need not run any more
		r.unreserve()
		done(nil, dialError(addr, ErrShutdown))
		return nil
	}
	k := 0
	if o.Near != nil && o.Near.reactor == r {
		k = int(o.Near.member)
	} else {
		k = r.place()
	}
	c := r.newConn(k)
	c.loop.conns.Add(1)
	c.remote = poll.AddrPort(addr)
	d := &dialing{handler: h, done: done}
	d.target = poll.Target{Remote: addr, Local: o.LocalAddr, Control: o.Control, Timeout: max(o.Timeout, 0)}
	c.dial = d
	c.loop.post(nil, func() { c.startDial(o.Timeout) })
	return c
}

// startDial runs at the end of a batch.
func (c *Conn) startDial(timeout time.Duration) {
	d := c.dial
	c.reactor.track(c)
	if timeout == 0 {
		timeout = defaultDialTimeout
	}
	c.InitTimer(&d.timeout, func() { c.dialEnded(os.ErrDeadlineExceeded) })
	c.InitTimer(&d.retry, func() { c.loop.post(nil, c.tryDial) })
	if timeout > 0 {
		d.timeout.Reset(timeout)
	}
	if c.reactor.draining() {
		c.dialEnded(ErrShutdown)
		return
	}
	c.tryDial()
}

// tryDial makes the system calls. In BatchEnd only.
func (c *Conn) tryDial() {
	d := c.dial
	if d == nil || d.ended {
		return
	}
	src, err := c.beginDial(d.target)
	switch {
	case err == poll.ErrAgain:
		d.retry.Reset(dialRetry)
	case err != nil:
		c.dialEnded(err)
	default:
		c.src = src
	}
}

// beginDial is the poller's Dial. A Control that panics fails it.
func (c *Conn) beginDial(t poll.Target) (src poll.Source, err error) {
	defer func() {
		if v := recover(); v != nil {
			src, err = nil, c.panicked(v)
		}
	}()
	return c.loop.poll.Dial(t, (*sink)(c))
}

// connected is the poller's call for the end of a dial.
func (c *Conn) connected(err error) {
	d := c.dial
	if d == nil || d.ended {
		return
	}
	if err != nil {
		c.dialEnded(err)
		return
	}
	d.timeout.Stop()
	c.dial = nil
	c.loop.stats.Dialed++
	c.handler, c.caps = d.handler, capsOf(d.handler)
	c.guard(func() { d.done(c, nil) })
	c.open(nil)
}

// dialEnded ends a dial that failed. Loop only; the descriptor is closed at the end of the batch.
func (c *Conn) dialEnded(err error) {
	d := c.dial
	if d == nil || d.ended {
		return
	}
	d.ended = true
	if no, ok := err.(syscall.Errno); ok {
		err = os.NewSyscallError("connect", no)
	}
	c.loop.stats.DialErrors++
	c.loop.post(nil, func() {
		c.state = stateClosed
		c.stopTimers()
		c.reactor.untrack(c)
		if c.src != nil {
			c.src.Close(false)
		}
		c.reactor.release(c)
		c.guard(func() { d.done(nil, dialError(d.target.Remote, err)) })
	})
}

// dialError is what package net would return.
func dialError(addr net.Addr, err error) error {
	var op *net.OpError
	if errors.As(err, &op) {
		return err
	}
	return &net.OpError{Op: "dial", Net: addr.Network(), Addr: addr, Err: err}
}
