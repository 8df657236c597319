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
	if c.waiting != nil {
		close(c.waiting)
		c.waiting = nil
	}
	c.rc.Post(c.awaitClose)
	return err
}

func (c *Conn) closeFrameLocked(code CloseCode, reason string) error {
	b := getBuffer(wire.MaxHeader + 125)
	b.b = wire.AppendClose(b.b, c.role, code, reason)
	_, err := c.rc.Write(b.b)
	b.free()
	return err
}

// awaitClose waits for the peer's answer. Its frames have to be read for that, whoever has paused.
func (c *Conn) awaitClose() {
	if c.state.Load() != stateClosing {
		return
	}
	c.paused, c.held = false, false
	c.piece.free()
	c.piece = nil
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
	cause := c.cause
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
	cause = c.cause
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
	if c.pack != nil {
		c.mu.Lock()
		c.pack.beat()
		c.mu.Unlock()
	}
	now := c.rc.Clock()
	switch silence := now - c.heard; {
	case c.rc.Paused(): // we do not listen
		c.beat(c.set.ping)
	case c.pinged != 0 && now-c.pinged >= c.set.pong:
		c.set.count.shard(c).dead.Add(1)
		c.settle(ErrDeadPeer)
		c.rc.Abort(ErrDeadPeer)
	case c.pinged != 0:
		c.beat(c.set.pong - (now - c.pinged))
	case silence >= c.set.ping:
		c.frame(wire.Ping, nil)
		c.pinged = now
		if c.set.pong == never {
			c.beat(c.set.ping)
			return
		}
		c.beat(c.set.pong)
	default:
		c.beat(c.set.ping - silence)
	}
}
