package reactor

import (
	"errors"
	"math"
	"net"

	"github.com/calandria-go/calandria/reactor/internal/poll"
)

const (
	// flushBudget bounds what one connection sends in one turn, so that others get theirs.
	flushBudget = 1 << 20
	maxIovec    = 64
)

// Write queues a copy of p, to be sent with everything else that this turn writes, by one system call at its end. It never
// blocks and takes all or nothing. Above Config.HighWater a producer should stop until OnWritable; above Config.MaxUnsent
// Write fails with ErrSlowPeer and the connection closes. After Close or CloseWrite it is net.ErrClosed. Any goroutine. It
// takes an uncontended mutex and one copy.
func (c *Conn) Write(p []byte) (int, error) {
	c.mu.Lock()
	if l := c.layer; l != nil && !c.closed && !c.finWanted {
		c.mu.Unlock()
		return l.Write(p)
	}
	defer c.mu.Unlock()
	return c.writeLocked(p)
}

// WriteNow is Write for one whose goroutine is about to wait for the answer: off the loop, with nothing queued in front, it sends
// at once, which saves waking the loop to do it. What the kernel does not take is queued. Any goroutine; on the loop, with a
// Layer, and on the portable engine it is Write.
func (c *Conn) WriteNow(p []byte) (int, error) {
	c.mu.Lock()
	w, ok := c.src.(poll.DirectWriter)
	if !ok || c.layer != nil || c.head != nil || c.scheduled || c.blocked || c.gone || c.closed || c.finWanted {
		c.mu.Unlock()
		return c.Write(p)
	}
	defer c.mu.Unlock()
	n, err := w.WriteDirect(p)
	if n > 0 {
		c.direct = true
		c.loop.directWrites.Add(1)
		c.loop.directBytes.Add(uint64(n))
	}
	if n == len(p) && err == nil {
		return n, nil
	}
	if _, err := c.writeLocked(p[n:]); err != nil { // the loop meets the error that there was, if there was one
		return n, err
	}
	return len(p), nil
}

// WriteRaw is Write past the Layer: for the layer itself. Any goroutine.
func (c *Conn) WriteRaw(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.writeLocked(p)
}

func (c *Conn) writeLocked(p []byte) (int, error) {
	if err := c.admitLocked(len(p)); err != nil {
		return 0, err
	}
	for left := p; len(left) > 0; {
		if c.tail == nil || c.tail.room() == 0 {
			c.pushLocked(newChunk(min(len(left), chunkSizes[len(chunkSizes)-1])))
		}
		n := min(len(left), c.tail.room())
		c.tail.b = append(c.tail.b, left[:n]...)
		left = left[n:]
	}
	c.queuedLocked(len(p))
	return len(p), nil
}

// WriteShared queues shared bytes without a copy; it takes its own reference. A connection with a Layer copies. Any
// goroutine.
func (c *Conn) WriteShared(s *Shared) error {
	c.mu.Lock()
	if l := c.layer; l != nil && !c.closed && !c.finWanted {
		c.mu.Unlock()
		_, err := l.Write(s.b)
		return err
	}
	defer c.mu.Unlock()
	if err := c.admitLocked(len(s.b)); err != nil {
		return err
	}
	if len(s.b) == 0 {
		return nil
	}
	s.Retain()
	c.pushLocked(&chunk{b: s.b, shared: s, class: classNone})
	c.queuedLocked(len(s.b))
	return nil
}

// Unsent is the number of queued bytes that the kernel has not taken. Any goroutine.
func (c *Conn) Unsent() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.unsent
}

// OverHigh says whether a producer should stop: Unsent has passed HighWater and not yet fallen to LowWater. OnWritable will
// tell. Any goroutine.
func (c *Conn) OverHigh() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.overHigh
}

// admitLocked says whether n more bytes may be queued.
func (c *Conn) admitLocked(n int) error {
	if c.closed || c.finWanted {
		return net.ErrClosed
	}
	if n > c.reactor.cfg.MaxUnsent-c.unsent {
		c.mode, c.reqErr, c.closed = closeAbort, ErrSlowPeer, true
		c.scheduleLocked()
		return ErrSlowPeer
	}
	return nil
}

func (c *Conn) pushLocked(k *chunk) {
	if c.tail == nil {
		c.head = k
	} else {
		c.tail.next = k
	}
	c.tail = k
}

func (c *Conn) queuedLocked(n int) {
	c.unsent += n
	if c.unsent > c.reactor.cfg.HighWater {
		c.overHigh = true
	}
	if !c.blocked {
		c.scheduleLocked()
	}
}

func (c *Conn) popLocked() {
	k := c.head
	if c.head = k.next; c.head == nil {
		c.tail = nil
	}
	if k.shared != nil || k.file != nil {
		k.next = nil
		c.loop.spent = append(c.loop.spent, k) // its end calls user code, which may call us: not under the lock
		return
	}
	k.free()
}

// release ends the shared and file chunks that were sent or dropped, after the lock was let go of. Loop only.
func (c *Conn) release() {
	for l := c.loop; len(l.spent) > 0; {
		k := l.spent[0]
		l.spent[0] = nil
		if l.spent = l.spent[1:]; len(l.spent) == 0 {
			l.spent = nil
		}
		c.guard(k.free)
	}
}

func (c *Conn) dropQueueLocked() {
	for c.head != nil {
		c.popLocked()
	}
	c.unsent = 0
}

// flushLocked sends what it may: until the queue is empty, the kernel takes no more, a file has to be read, or the budget is
// used up.
func (c *Conn) flushLocked() error {
	if c.mute {
		c.dropQueueLocked()
		return nil
	}
	if c.direct {
		c.direct, c.progress = false, c.loop.mark
	}
	budget := flushBudget
	for c.head != nil && !c.blocked && !c.diskLocked() && budget > 0 && c.mode != closeAbort {
		n, asked, err := c.sendLocked()
		if n > 0 {
			c.progress = c.loop.mark
			c.loop.stats.Writes++
			c.loop.stats.BytesWritten += uint64(n)
			budget -= n
		}
		switch {
		case err == poll.ErrAgain:
			c.blocked = true
		case err != nil:
			return err
		case n < asked:
			c.blocked = true // a full buffer: the next attempt would say so
		}
	}
	return nil
}

// sendLocked makes one system call for the chunks at the head, and takes what was sent off the queue.
func (c *Conn) sendLocked() (n, asked int, err error) {
	k := c.head
	if k.file != nil {
		return c.sendFileLocked(k)
	}
	if k.next == nil || k.next.file != nil {
		b := k.rest()
		n, err = c.src.Write(b)
		asked = len(b)
	} else {
		bufs := c.loop.bufs[:0]
		for ; k != nil && k.file == nil && len(bufs) < maxIovec; k = k.next {
			bufs = append(bufs, k.rest())
			asked += len(k.rest())
		}
		n, err = c.src.Writev(bufs)
		clear(bufs)
	}
	c.unsent -= n
	for left := n; left > 0; {
		k := c.head
		m := min(left, len(k.rest()))
		k.r += m
		left -= m
		if k.r == len(k.b) {
			c.popLocked()
		}
	}
	return n, asked, err
}

// end closes a turn: what it wrote is sent now. What may only happen at the end of the batch is queued for it.
func (c *Conn) end() {
	c.mu.Lock()
	c.flushAndRefill()
	if c.unsettledLocked() {
		c.loop.enqueue(c)
	} else {
		c.scheduled = false
	}
	c.mu.Unlock()
	c.release()
}

// flushAndRefill sends, and lets the handler produce more when the queue has fallen to LowWater. It is called with c.mu
// held, and lets go of it meanwhile.
func (c *Conn) flushAndRefill() {
	for range rounds {
		err := c.flushLocked()
		refill := c.overHigh && c.unsent <= c.reactor.cfg.LowWater && err == nil
		if !refill && err == nil {
			return
		}
		c.overHigh = c.overHigh && !refill
		c.mu.Unlock()
		if err != nil {
			c.sendFailed(err)
		} else if c.caps&capWritable != 0 && c.state == stateOpen {
			c.guard(func() { c.handler.(WritableHandler).OnWritable(c) })
		}
		c.mu.Lock()
		if err != nil {
			return
		}
	}
}

// unsettledLocked says whether there is work for the end of the batch.
func (c *Conn) unsettledLocked() bool {
	if c.state == stateClosed {
		return false
	}
	empty := c.head == nil
	return c.redeliver ||
		c.mode == closeAbort ||
		c.mode == closeFlush && (empty || c.state != stateClosing) ||
		c.mode == closeLinger && (c.state == stateOpen || empty && (c.state != stateLingering || c.eof)) ||
		c.finWanted && !c.finSent && empty ||
		c.finSent && c.eofTold ||
		!c.told || c.wantR != c.reads() || c.wantW != (c.blocked && !empty) ||
		!empty && !c.blocked && !c.diskLocked() ||
		c.overHigh && c.unsent <= c.reactor.cfg.LowWater
}

// settle does what only the end of the batch may: redelivery, interest, FIN, close.
func (c *Conn) settle() {
	if c.state == stateClosed || c.state == stateDialing {
		return
	}
	c.loop.enter(c)
	if c.redeliver {
		c.guard(c.again)
	}
	c.mu.Lock()
	c.flushAndRefill()
	c.mu.Unlock()
	c.release()
	c.apply()
	c.mu.Lock()
	if c.unsettledLocked() {
		c.loop.enqueue(c)
	} else {
		c.scheduled = false
	}
	c.mu.Unlock()
	c.loop.leave(c)
}

// apply brings the state and the source in line with what was asked for.
func (c *Conn) apply() {
	c.mu.Lock()
	mode, err, linger := c.mode, c.reqErr, c.linger
	empty, fin := c.head == nil, c.finWanted
	c.mu.Unlock()
	switch mode {
	case closeAbort:
		c.finish(err, true)
		return
	case closeFlush:
		c.state = stateClosing
		if empty {
			c.finish(err, false)
			return
		}
	case closeLinger:
		if !c.lingering(empty, linger, err) {
			return
		}
	}
	if fin && empty && !c.finSent && !c.sendFIN() {
		return
	}
	if c.finSent && c.eofTold && mode == closeNone {
		c.finish(nil, false)
		return
	}
	c.interest()
}

// lingering goes on with a CloseLinger; false if the connection is finished.
func (c *Conn) lingering(empty bool, l *lingerSpec, err error) bool {
	if c.state == stateOpen {
		c.state = stateClosing
		c.closeErr = err
	}
	if !empty {
		return true
	}
	if !c.finSent && !c.sendFIN() {
		return false
	}
	if c.eof {
		c.finish(err, false)
		return false
	}
	if c.state == stateClosing {
		c.state = stateLingering
		c.lingerLeft = int32(min(l.limit, math.MaxInt32))
		if c.carry != nil {
			c.carry.free()
			c.carry = nil
		}
		c.AfterFunc(l.wait, c.endLinger)
	}
	return true
}

// endLinger closes a lingering connection without a reset of our own.
func (c *Conn) endLinger() { c.requestClose(closeFlush, c.closeErr, nil) }

func (c *Conn) sendFIN() bool {
	c.finSent = true
	err := c.src.CloseWrite()
	if err != nil && !errors.Is(err, errors.ErrUnsupported) {
		c.finish(err, true)
		return false
	}
	return true
}

// interest tells the source what is wanted now, and keeps the stall timer running while there is a backlog.
func (c *Conn) interest() {
	c.mu.Lock()
	backlog := c.blocked && c.head != nil
	c.mu.Unlock()
	if backlog && !c.wantW {
		c.watchStall()
	}
	if r := c.reads(); !c.told || r != c.wantR || backlog != c.wantW {
		c.told, c.wantR, c.wantW = true, r, backlog
		c.src.Interest(r, backlog)
		if err := c.src.Update(); err != nil {
			c.finish(err, true)
		}
	}
}
