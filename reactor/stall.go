package reactor

// stallWatch is the timer of a connection with a backlog. It is made with the first one.
type stallWatch struct {
	timer   Timer
	unacked int // what the peer had not acknowledged when the timer was set
}

// watchStall starts the clock of a backlog.
func (c *Conn) watchStall() {
	limit := c.reactor.cfg.WriteStall
	if limit < 0 {
		return
	}
	if c.stall == nil {
		c.stall = &stallWatch{}
		c.InitTimer(&c.stall.timer, c.checkStall)
	}
	if c.stall.timer.slot < 0 {
		c.mu.Lock()
		c.progress = c.loop.mark // not that of an earlier backlog
		c.mu.Unlock()
		c.stall.unacked = c.src.Unacked()
		c.stall.timer.Reset(limit)
	}
}

// checkStall closes a connection whose peer takes nothing. The kernel takes more from us only when a good part of its buffer
// is free: a peer that reads slowly shows by what it has acknowledged meanwhile.
func (c *Conn) checkStall() {
	c.mu.Lock()
	backlog := c.head != nil
	idle := c.loop.clock() - c.progress
	c.mu.Unlock()
	limit := c.reactor.cfg.WriteStall
	switch {
	case !backlog:
		return
	case idle < limit:
		c.stall.timer.Reset(limit - idle)
		return
	}
	if n := c.src.Unacked(); n >= 0 && n < c.stall.unacked {
		c.stall.unacked = n
		c.stall.timer.Reset(limit)
		return
	}
	c.fail(ErrWriteStall)
}
