package websocket

import (
	"time"

	"github.com/calandria-go/calandria/protocols/websocket/wire"
)

const (
	// lingerTime is how long, and lingerBytes for how much input, a close waits for the peer to read our last frame.
	lingerTime  = time.Second
	lingerBytes = 256 << 10
)

// Close begins the close handshake (RFC 6455 7.1.2): what was sent before goes out, then a close frame. A code that may not
// stand in one, such as NoStatus, sends a frame without; the reason is cut to 123 bytes. Messages that still come are dropped.
// OnClose follows when the peer has answered, with nil, or after Config.CloseTimeout, with ErrCloseTimeout. It returns at
// once; ErrClosed if the connection is closing already. Any goroutine.
func (c *Conn) Close(code CloseCode, reason string) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.closeLocked(code, reason, nil)
}

// Abort ends the connection without a close frame, and throws away what is unsent. OnClose gets err; nil: reactor.ErrAborted. Any
// goroutine.
func (c *Conn) Abort(err error) { c.rc.Abort(err) }

// closeLocked sends a close frame for a reason of ours. A nil cause is that of a close in order, if the peer answers.
func (c *Conn) closeLocked(code CloseCode, reason string, cause error) error {
	if !c.state.CompareAndSwap(stateOpen, stateClosing) {
		return ErrClosed
	}
	if cause != nil {
		c.settleLocked(cause)
	}
	err := c.closeFrameLocked(code, reason)
	c.releaseWaiters()
	c.rc.Post(c.awaitClose)
	return err
}

func (c *Conn) closeFrameLocked(code CloseCode, reason string) error {
	b := getBuffer(wire.MaxHeader + 125)
	b.b = wire.AppendClose(b.b, c.role, code, reason)
	return c.write(b)
}

// awaitClose waits for the peer's answer. Its frames have to be read for that, whoever has paused.
func (c *Conn) awaitClose() {
	if c.state.Load() != stateClosing {
		return
	}
	c.paused, c.held = false, false
	c.dropPiece()
	c.rc.Resume()
	c.beat(c.set.closeTimeout)
}

// peerClosed ends the handshake with the peer's close frame, answering it if that is due (RFC 6455 5.5.1).
func (c *Conn) peerClosed(code CloseCode, reason string) {
	c.mu.Lock()
	answered := !c.state.CompareAndSwap(stateOpen, stateClosing)
	if answered {
		c.settleLocked(nil)
	} else {
		c.settleLocked(&CloseError{code, reason})
		c.closeFrameLocked(code, "")
	}
	cause := c.seldom().cause
	c.mu.Unlock()
	if c.caps&capCloseFrame != 0 {
		c.handler.(CloseFrameHandler).OnCloseFrame(c, code, reason)
	}
	c.beat(c.set.closeTimeout)
	if c.role == wire.Server {
		c.rc.CloseLinger(lingerTime, lingerBytes, cause)
	}
	// A client waits for the server to end the connection (RFC 6455 7.1.1).
}

// violated fails the connection for what the peer has done (RFC 6455 7.1.7).
func (c *Conn) violated(err *wire.Error) {
	c.set.count.shard(c).violations.Add(1)
	c.shut(err.Code, err.Msg, err)
}

// shut sends a close frame and ends the connection without waiting for one: the peer gets the time to read ours.
func (c *Conn) shut(code CloseCode, reason string, cause error) {
	c.mu.Lock()
	if c.state.CompareAndSwap(stateOpen, stateClosing) {
		c.closeFrameLocked(code, reason)
	}
	c.settleLocked(cause)
	cause = c.seldom().cause
	c.mu.Unlock()
	c.beat(c.set.closeTimeout)
	c.rc.CloseLinger(lingerTime, lingerBytes, cause)
}

// beat has tick called when d has passed.
func (c *Conn) beat(d time.Duration) {
	if d == never {
		c.timer.Stop()
		return
	}
	c.timer.Reset(d)
}

// tick is the timer's: the end of the close handshake, or a beat.
func (c *Conn) tick() {
	if c.state.Load() != stateOpen {
		c.settle(ErrCloseTimeout)
		c.rc.Abort(c.reason())
		return
	}
	if z := c.pack(); z != nil {
		c.mu.Lock()
		z.beat()
		c.mu.Unlock()
	}
	switch silence := c.rc.Clock() - c.heard; {
	case c.rc.Paused(): // we do not listen
		c.beat(c.set.ping)
	case c.pinged: // the timer was set for this
		c.set.count.shard(c).dead.Add(1)
		c.settle(ErrDeadPeer)
		c.rc.Abort(ErrDeadPeer)
	case silence >= c.set.ping:
		c.frame(wire.Ping, nil)
		if c.set.pong == never {
			c.beat(c.set.ping)
			return
		}
		c.pinged = true
		c.beat(c.set.pong)
	default:
		c.beat(c.set.ping - silence)
	}
}
