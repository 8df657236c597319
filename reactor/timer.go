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
	*t = Timer{owner: c, f: f, slot: -1}
}

func (c *Conn) timerLoop() *loop   { return c.loop }
func (c *Conn) timerList() **Timer { return &c.timers }
func (c *Conn) ended() bool        { return c.state == stateClosed }

// Reset starts the timer, or moves it, to d from now. Loop only. It takes about as long as a clock reading.
func (t *Timer) Reset(d time.Duration) {
	if t.owner.ended() {
		return
	}
	l := t.owner.timerLoop()
	if t.slot >= 0 {
		l.wheel.remove(t)
	} else {
		t.hook()
	}
	l.startTimer(t, d)
}

// Stop keeps f from being called; false if it was not going to be. Loop only.
func (t *Timer) Stop() bool {
	if t.owner == nil || t.slot < 0 {
		return false
	}
	t.owner.timerLoop().wheel.remove(t)
	t.unhook()
	return true
}

// hook and unhook keep the running timers of a connection or an endpoint, so that they end with it.
func (t *Timer) hook() {
	head := t.owner.timerList()
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
	head := t.owner.timerList()
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
