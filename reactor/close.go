package reactor

import "time"

// How a close was asked for; the later, the stronger.
type closeMode uint8

const (
	closeNone closeMode = iota
	closeLinger
	closeFlush
	closeAbort
)

type lingerSpec struct {
	wait  time.Duration
	limit int
}

// Close flushes what is unsent, then closes; OnClose gets nil. Input that was not read makes the kernel answer with a
// reset: where that could cost the peer our last bytes, use CloseLinger. Any goroutine.
func (c *Conn) Close() error {
	c.requestClose(closeFlush, nil, nil)
	return nil
}

// CloseWith is Close with the reason that OnClose gets. Any goroutine.
func (c *Conn) CloseWith(err error) { c.requestClose(closeFlush, err, nil) }

// CloseLinger flushes, sends FIN, and throws input away until the peer's FIN, for wait and for limit bytes at the most:
// so the peer reads our last bytes before a reset can overtake them (RFC 9112 section 9.6). OnClose gets err. Any goroutine.
func (c *Conn) CloseLinger(wait time.Duration, limit int, err error) {
	c.requestClose(closeLinger, err, &lingerSpec{wait, limit})
}

// Abort closes at once: what is unsent is thrown away, and the peer gets a reset, never what looks like a clean end.
// OnClose gets err, or ErrAborted for nil. Any goroutine.
func (c *Conn) Abort(err error) {
	if err == nil {
		err = ErrAborted
	}
	c.requestClose(closeAbort, err, nil)
}

func (c *Conn) requestClose(m closeMode, err error, l *lingerSpec) {
	c.mu.Lock()
	if l := c.layer; l != nil && m != closeAbort && !c.closed && !c.finWanted {
		c.mu.Unlock()
		l.CloseWrite() // a failure shows as the close it leads to
		c.mu.Lock()
	}
	defer c.mu.Unlock()
	if m > c.mode {
		if c.mode == closeNone || m == closeAbort {
			c.reqErr = err
		}
		c.mode, c.linger, c.closed = m, l, true
	}
	c.scheduleLocked()
}

// CloseWrite sends FIN after what is unsent; reading goes on. Any goroutine.
func (c *Conn) CloseWrite() error {
	c.mu.Lock()
	layer, done := c.layer, c.closed || c.finWanted
	c.mu.Unlock()
	if done {
		return nil
	}
	if layer != nil {
		if err := layer.CloseWrite(); err != nil {
			return err
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.finWanted = true
	c.scheduleLocked()
	return nil
}

// fail closes for an error that a turn met. Loop only.
func (c *Conn) fail(err error) { c.requestClose(closeAbort, err, nil) }

// finish ends the connection: timers, registry, OnClose, descriptor. In BatchEnd only.
func (c *Conn) finish(err error, reset bool) {
	if c.state == stateClosed {
		return
	}
	c.state = stateClosed
	c.stopTimers()
	c.mu.Lock()
	c.closed, c.gone, c.mode = true, true, closeAbort
	c.dropQueueLocked()
	c.mu.Unlock()
	c.release()
	if c.carry != nil {
		c.carry.free()
		c.carry = nil
	}
	c.reactor.untrack(c)
	reason := ReasonOf(err)
	c.loop.stats.Closed++
	c.loop.stats.Reasons[reason]++
	c.callClose(err)
	if c.after != nil {
		c.guard(c.after)
	}
	if t := c.reactor.cfg.Trace; t != nil && t.Closed != nil {
		c.guard(func() { t.Closed(c, err, reason) })
	}
	if c.layer != nil {
		c.guard(c.layer.Close)
	}
	c.src.Close(reset)
	c.reactor.release(c)
}

func (c *Conn) callClose(err error) {
	defer c.catch()
	if c.handler != nil {
		c.handler.OnClose(c, err)
	}
}

// AfterClose has f called once, on the loop, when the connection has closed, after OnClose of whatever handler it has then;
// several in the order in which they were given. Loop only, and not after OnClose.
func (c *Conn) AfterClose(f func()) {
	if first := c.after; first != nil {
		last := f
		f = func() { first(); last() }
	}
	c.after = f
}
