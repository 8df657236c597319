package reactor

import (
	"errors"
	"io"
	"time"

	"github.com/calandria-go/calandria/reactor/internal/poll"
)

// turn runs f as one hook of the connection: framed for the watchdog, panics contained, and what f wrote flushed with one
// system call at its end.
func (c *Conn) turn(f func()) {
	c.loop.enter(c)
	c.begin()
	c.guard(f)
	c.end()
	c.loop.leave(c)
}

func (c *Conn) guard(f func()) {
	defer c.catch()
	f()
}

// begin marks the turn, so that writes in it are not scheduled one by one.
func (c *Conn) begin() {
	c.mu.Lock()
	c.scheduled = true
	c.mu.Unlock()
}

// readable is the poller's call: one read of at most 64 KiB.
func (c *Conn) readable() {
	if !c.reads() {
		return
	}
	l := c.loop
	l.enter(c)
	c.begin()
	n := c.readTurn()
	if c.mute && !c.waits() {
		c.fail(c.closeErr)
	}
	c.end()
	took := l.leave(c)
	if t := c.reactor.cfg.Trace; t != nil && t.Handled != nil && n > 0 {
		c.guard(func() { t.Handled(c, n, took) })
	}
}

// sink is a Conn as the poller sees it, so that these methods are not the user's.
type sink Conn

func (s *sink) Readable()           { (*Conn)(s).readable() }
func (s *sink) Writable()           { (*Conn)(s).writable() }
func (s *sink) Broken(err error)    { (*Conn)(s).broken(err) }
func (s *sink) Hangup()             { (*Conn)(s).hangup() }
func (s *sink) Connected(err error) { (*Conn)(s).connected(err) }

// reads says whether input is wanted at all.
func (c *Conn) reads() bool {
	return !c.eof && (c.state == stateOpen && !c.paused || c.state == stateLingering)
}

func (c *Conn) readTurn() int {
	defer c.catch()
	l := c.loop
	n, err := c.src.Read(l.scratch)
	if err != nil {
		switch {
		case err == poll.ErrAgain:
		case err == io.EOF:
			c.sawEOF()
		case c.state == stateLingering:
			c.endLinger() // the peer has gone, and why we close was decided before
		default:
			c.fail(err)
		}
		return 0
	}
	l.stats.Reads++
	l.stats.BytesRead += uint64(n)
	if c.state == stateLingering {
		if c.lingerLeft -= int32(n); c.lingerLeft <= 0 {
			c.endLinger()
		}
		return 0
	}
	if !c.sawByte {
		c.sawByte = true
		if t := c.reactor.cfg.Trace; t != nil && t.FirstByte != nil {
			t.FirstByte(c)
		}
	}
	if c.layer != nil {
		if !c.eofTold { // after its orderly end a layer would keep what nobody takes
			c.feed(l.scratch[:n])
		}
	} else {
		c.deliver(l.scratch[:n])
	}
	if l.poison {
		poisonBytes(l.scratch[:n])
	}
	return n
}

const (
	// lastWordReads bounds what is read after sending has failed: no more can be in the kernel than a receive buffer holds.
	lastWordReads = 256
	// lastWordsWait is how long an engine that reads on goroutines of its own has for it.
	lastWordsWait = time.Second
)

// sendFailed ends a connection that cannot send any more, but for what the peer sent before it broke it off, if the handler
// waits for that.
func (c *Conn) sendFailed(err error) {
	for n := 0; n < lastWordReads && c.waits() && c.readTurn() > 0; n++ {
		continue
	}
	if c.mute || !c.waits() {
		c.fail(err)
		return
	}
	c.mu.Lock()
	c.mute = true
	c.dropQueueLocked()
	c.mu.Unlock()
	c.closeErr = err
	c.AfterFunc(lastWordsWait, func() { c.fail(err) })
}

// waits says whether the handler waits for what the peer may have said.
func (c *Conn) waits() bool {
	return c.caps&capLastWords != 0 && c.reads() && c.handler.(LastWordsHandler).LastWords()
}

func poisonBytes(b []byte) {
	for i := range b {
		b[i] = 0xdb
	}
}

// sawEOF handles the peer's FIN.
func (c *Conn) sawEOF() {
	c.eof = true
	if c.state == stateLingering {
		return // end of turn finishes it
	}
	if c.layer != nil {
		c.layer.EOF()
		c.pump()
		return
	}
	c.tellEOF()
}

// tellEOF gives the handler the end of input, once, after all data.
func (c *Conn) tellEOF() {
	if c.eofTold || c.state != stateOpen {
		return
	}
	c.eofTold = true
	if c.caps&capEOF != 0 {
		c.handler.(EOFHandler).OnEOF(c)
		return
	}
	c.CloseWith(io.EOF)
}

// feed passes ciphertext to the layer and delivers what comes of it.
func (c *Conn) feed(in []byte) {
	l := c.layer
	if err := l.Feed(in); err != nil {
		c.layerFailed(err)
	}
	c.pump()
	if k, ok := l.(KeepingLayer); ok {
		k.Keep()
	}
}

// feedRaw passes ciphertext to the layer that was just installed, for later.
func (c *Conn) feedRaw(in []byte) {
	if s, ok := c.layer.(*stack); ok { // it has been through the lower one
		if err := s.feedUpper(in); err != nil {
			c.layerFailed(err)
		}
		return
	}
	if err := c.layer.Feed(in); err != nil {
		c.layerFailed(err)
	}
	if k, ok := c.layer.(KeepingLayer); ok {
		k.Keep()
	}
}

// layerFailed closes for an error of the layer, unless that has asked for a close of its own, behind its alert.
func (c *Conn) layerFailed(err error) {
	if !c.closeAsked() {
		c.fail(err)
	}
}

// pump delivers plaintext until the layer needs more, or the handler pauses.
func (c *Conn) pump() {
	l := c.loop
	if l.plain == nil {
		l.plain = make([]byte, scratchSize)
	}
	for c.state == stateOpen && !c.paused && !c.eofTold && !c.closeAsked() {
		n, err := c.layer.Read(l.plain)
		if n > 0 {
			c.deliver(l.plain[:n])
			if l.poison {
				poisonBytes(l.plain[:n])
			}
		}
		switch {
		case err == nil:
		case errors.Is(err, ErrWouldBlock):
			return
		case errors.Is(err, io.EOF) && err != io.ErrUnexpectedEOF:
			c.tellEOF()
			return
		default:
			c.layerFailed(err)
			return
		}
	}
}

func (c *Conn) closeAsked() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.mode != closeNone
}

// deliver gives the handler what was carried over and in; what it leaves is carried. A handler that upgrades hands the
// rest to its successor at once.
func (c *Conn) deliver(in []byte) {
	carried := c.carry
	if carried != nil {
		if len(in) > 0 {
			carried = carried.grow(in)
			c.carry = carried
		}
		in = carried.rest()
	}
	total := len(in)
	c.delivering = true
	for {
		swaps, layer := c.swaps, c.layer
		n := c.handler.OnData(c, in)
		if n < 0 || n > len(in) {
			panic("reactor: OnData consumed bytes that it was not given")
		}
		in = in[n:]
		if layer != c.layer {
			c.feedRaw(in) // what is left was not for a handler; the end of the batch pumps
			in = nil
			break
		}
		if len(in) == 0 || swaps == c.swaps || c.paused || c.state != stateOpen {
			break
		}
		c.redeliver = false // done here
	}
	c.delivering = false
	c.keep(carried, total, in)
}

// keep carries over what is left of a delivery.
func (c *Conn) keep(carried *chunk, total int, left []byte) {
	if carried != nil {
		carried.r += total - len(left)
		if len(left) == 0 {
			carried.free()
			c.carry = nil
		}
	} else if len(left) > 0 {
		c.carry = newChunk(len(left))
		c.carry.b = append(c.carry.b, left...)
	}
	if len(left) > c.reactor.cfg.InputLimit && !c.paused {
		c.fail(ErrInputLimit)
	}
}

// again delivers what was left, after Resume or Upgrade: carried bytes, then the layer's, then the end.
func (c *Conn) again() {
	c.redeliver = false
	if c.state != stateOpen || c.paused {
		return
	}
	if c.carry != nil {
		c.deliver(nil)
	}
	if c.layer != nil {
		if c.eof { // which may have come before the layer
			c.layer.EOF()
		}
		c.pump()
	} else if c.eof && !c.paused {
		c.tellEOF()
	}
}

// broken is the poller's call for a stream that failed while it was not read.
func (c *Conn) broken(err error) { c.turn(func() { c.fail(err) }) }

// hangup is the poller's call for a peer that closed both directions.
func (c *Conn) hangup() {
	c.turn(func() {
		if c.caps&capHangup != 0 && c.state == stateOpen {
			c.handler.(HangupHandler).OnHangup(c)
		}
	})
}

// writable is the poller's call for room in the kernel's buffer.
func (c *Conn) writable() {
	c.mu.Lock()
	c.blocked = false
	c.mu.Unlock()
	c.turn(func() {})
}
