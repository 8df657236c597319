package reactor

import "time"

// AfterFunc calls f on the loop when d has passed: never earlier, and at most 10 ms later than the loop is free. The timer
// ends with the connection. Loop only. It costs one allocation of 80 bytes; InitTimer avoids it.
func (c *Conn) AfterFunc(d time.Duration, f func()) *Timer {
	t := &Timer{}
	c.InitTimer(t, f)
	t.Reset(d)
	return t
}

// InitTimer prepares a Timer that is part of a handler's own state, stopped. Loop only.
func (c *Conn) InitTimer(t *Timer, f func()) {
	*t = Timer{conn: c, loop: c.loop, f: f, slot: -1}
}

// Reset starts the timer, or moves it, to d from now. Loop only. It takes about as long as a clock reading.
func (t *Timer) Reset(d time.Duration) {
	if t.conn != nil && t.conn.state == stateClosed || t.end != nil && t.end.state == endClosed {
		return
	}
	if t.slot >= 0 {
		t.loop.wheel.remove(t)
	} else {
		t.hook()
	}
	t.loop.startTimer(t, d)
}

// Stop keeps f from being called; false if it was not going to be. Loop only.
func (t *Timer) Stop() bool {
	if t.loop == nil || t.slot < 0 {
		return false
	}
	t.loop.wheel.remove(t)
	t.unhook()
	return true
}

// list is where the running timers of the same connection or endpoint begin; nil for those of the reactor itself.
func (t *Timer) list() **Timer {
	switch {
	case t.conn != nil:
		return &t.conn.timers
	case t.end != nil:
		return &t.end.timers
	}
	return nil
}

// hook and unhook keep the running timers of a connection or an endpoint, so that they end with it.
func (t *Timer) hook() {
	head := t.list()
	if head == nil {
		return
	}
	t.cprev = nil
	if t.cnext = *head; t.cnext != nil {
		t.cnext.cprev = t
	}
	*head = t
}

func (t *Timer) unhook() {
	head := t.list()
	if head == nil {
		return
	}
	if t.cprev != nil {
		t.cprev.cnext = t.cnext
	} else {
		*head = t.cnext
	}
	if t.cnext != nil {
		t.cnext.cprev = t.cprev
	}
	t.cnext, t.cprev = nil, nil
}

// stopTimers ends all timers of a closing connection.
func (c *Conn) stopTimers() {
	for c.timers != nil {
		c.timers.Stop()
	}
}
