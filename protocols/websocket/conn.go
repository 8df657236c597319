package websocket

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/calandria-go/calandria/protocols/websocket/wire"
	"github.com/calandria-go/calandria/reactor"
)

// The states of a connection: they only rise.
const (
	stateOpening uint32 = iota // the handshake is not done
	stateOpen
	stateClosing // our close frame is queued: nothing more is sent, and no message is delivered
	stateClosed  // OnClose was called, or is about to be
)

// Conn is one WebSocket, a server's or a client's. Send, SendContext, SendPrepared, Ping, Close, Abort, Unsent, OverHigh and Read are
// safe from any goroutine; the rest says so. With its reactor.Conn an idle one takes about 1,000 bytes.
type Conn struct {
	rc      *reactor.Conn
	set     *settings
	handler Handler
	inbox   *inbox // nil with a handler
	pack    *compressor
	request *Request
	piece   *buffer // a message that has not come whole
	late    *lateControl
	dec     wire.Decoder
	timer   reactor.Timer // the heartbeat, then the end of the close handshake

	next, prev *Conn // of the same Server on this loop

	heard    time.Duration // when bytes came last, by the loop's clock
	pinged   time.Duration // when the heartbeat's ping went out; 0: none is due an answer
	second   uint32        // in which controls were counted
	controls int32

	caps   caps
	role   wire.Role
	layer  bool // frames have to be written in one piece
	paused bool // by Pause
	held   bool // by a full queue

	state atomic.Uint32

	mu       sync.Mutex // guards what follows; held while a frame is made and queued
	waiting  chan struct{}
	done     chan struct{} // closed behind OnClose; nil if nobody asked
	cause    error         // for OnClose, when settled
	settled  bool
	over     bool
	head     [wire.MaxHeader]byte
	protocol string
	value    any
}

// lateControl is a pong that waits until the peer reads again.
type lateControl struct {
	n       int
	payload [125]byte
}

// newConn makes a connection whose handshake is done. A nil handler is for Read.
func newConn(set *settings, role wire.Role, h Handler, pack *compressor, protocol string) *Conn {
	c := &Conn{set: set, role: role, pack: pack, protocol: protocol}
	if h == nil {
		c.inbox = newInbox()
		h = c.inbox
	}
	c.handler, c.caps = h, capsOf(h)
	var z *wire.Inflater
	if pack != nil {
		z = pack.agreed.Inflater(role)
	}
	c.dec.Reset(role, &set.lim, z)
	return c
}

// Subprotocol is the one that was agreed on; empty for none. Any goroutine.
func (c *Conn) Subprotocol() string { return c.protocol }

// Compression is what was agreed on; false for none. Any goroutine.
func (c *Conn) Compression() (wire.Deflate, bool) {
	if c.pack == nil {
		return wire.Deflate{}, false
	}
	return c.pack.agreed, true
}

// Reactor is the connection below: for its timers, Post, Offload, addresses and loop. Writing to it, or installing another
// handler, breaks the WebSocket. It is nil before OnOpen. Any goroutine.
func (c *Conn) Reactor() *reactor.Conn { return c.rc }

// Done gives a channel that is closed when OnClose has returned. Any goroutine.
func (c *Conn) Done() <-chan struct{} {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.done == nil {
		c.done = make(chan struct{})
		if c.over {
			close(c.done)
		}
	}
	return c.done
}

// Err is why the connection has ended, as OnClose gets it, and nil before. Any goroutine.
func (c *Conn) Err() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.over {
		return nil
	}
	return c.cause
}

// Request is the handshake's, on a server with KeepRequest set; else nil. Any goroutine.
func (c *Conn) Request() *Request { return c.request }

// Value is what SetValue was given last. Loop only.
func (c *Conn) Value() any { return c.value }

// SetValue keeps something of the application's with the connection. Loop only.
func (c *Conn) SetValue(v any) { c.value = v }

// Unsent is the number of bytes that the kernel has not taken. Any goroutine.
func (c *Conn) Unsent() int { return c.rc.Unsent() }

// OverHigh says whether a producer should stop until OnWritable. Any goroutine.
func (c *Conn) OverHigh() bool { return c.rc.OverHigh() }

// Pause stops the delivery of messages at once, and the reading of the socket: the peer's window closes. Pings are not
// answered meanwhile, and the peer is not taken for dead. Loop only.
func (c *Conn) Pause() {
	c.paused = true
	c.rc.Pause()
}

// Resume goes on after Pause, with what has been read first. Loop only.
func (c *Conn) Resume() {
	c.paused = false
	if !c.held {
		c.resumed()
	}
}

// resumed gives the peer a new interval: its silence was ours.
func (c *Conn) resumed() {
	c.heard, c.pinged = c.rc.Elapsed(), 0
	c.rc.Resume()
}

// hold stops reading from a peer that does not read.
func (c *Conn) hold() {
	if !c.held && !c.set.keepReading && c.rc.OverHigh() {
		c.held = true
		c.rc.Pause()
	}
}

// link is a Conn as its reactor.Conn sees it, so that these methods are not the user's.
type link Conn

// OnOpen is part of reactor.Handler.
func (l *link) OnOpen(rc *reactor.Conn) {
	c := (*Conn)(l)
	c.rc = rc
	c.layer = rc.Layer() != nil
	c.heard = rc.Elapsed()
	rc.InitTimer(&c.timer, c.tick)
	c.set.count.opened(c)
	if !c.state.CompareAndSwap(stateOpening, stateOpen) {
		return
	}
	c.beat(c.set.ping)
	c.handler.OnOpen(c)
}

// OnData is part of reactor.Handler.
func (l *link) OnData(rc *reactor.Conn, in []byte) int { return (*Conn)(l).receive(rc, in) }

// OnEOF is part of reactor.EOFHandler.
func (l *link) OnEOF(rc *reactor.Conn) {
	c := (*Conn)(l)
	c.settle(ErrNoCloseFrame)
	rc.CloseWith(c.reason())
}

// OnWritable is part of reactor.WritableHandler.
func (l *link) OnWritable(*reactor.Conn) { (*Conn)(l).writable() }

// OnDrain is part of reactor.DrainHandler.
func (l *link) OnDrain(*reactor.Conn) {
	c := (*Conn)(l)
	if c.caps&capDrain != 0 {
		c.handler.(DrainHandler).OnDrain(c)
		return
	}
	c.Close(GoingAway, "")
}

// OnClose is part of reactor.Handler.
func (l *link) OnClose(_ *reactor.Conn, err error) {
	c := (*Conn)(l)
	c.state.Store(stateClosed)
	c.settle(err)
	c.mu.Lock()
	err = c.cause
	if c.waiting != nil {
		close(c.waiting)
		c.waiting = nil
	}
	if c.pack != nil {
		c.pack.end()
	}
	c.mu.Unlock()
	c.dec.Release()
	c.piece.free()
	c.piece, c.late = nil, nil
	c.set.count.closed(c)
	defer c.ended()
	c.handler.OnClose(c, err)
}

// ended tells those who wait for the end.
func (c *Conn) ended() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.over = true
	if c.done != nil {
		close(c.done)
		c.rc.WokeGoroutine()
	}
}

// settle keeps the first reason for the end.
func (c *Conn) settle(err error) {
	c.mu.Lock()
	c.settleLocked(err)
	c.mu.Unlock()
}

func (c *Conn) settleLocked(err error) {
	if !c.settled {
		c.settled, c.cause = true, err
	}
}

// reason is what was settled.
func (c *Conn) reason() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.cause
}
