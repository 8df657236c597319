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

// Conn is one WebSocket, a server's or a client's. Send, SendContext, SendPrepared, Ping, Close, Abort, Unsent, OverHigh, Read, Done and
// Err are safe from any goroutine; the rest says so. It takes 256 bytes, and with its reactor.Conn and its place in the poller about
// 900, while it is idle.
type Conn struct {
	rc      *reactor.Conn
	set     *settings
	handler Handler
	rare    atomic.Pointer[rare]
	piece   *buffer // a message that has not come whole
	dec     wire.Decoder
	timer   reactor.Timer // the heartbeat, then the end of the close handshake
	heard   time.Duration // when bytes came last, by the loop's clock
	mu      sync.Mutex    // held while a frame is made and queued; guards what is said to be guarded
	state   atomic.Uint32

	second   uint16 // in which controls were counted
	controls uint16
	caps     caps
	role     wire.Role
	layer    bool // frames have to be written in one piece
	paused   bool // by Pause
	held     bool // by a full queue
	pinged   bool // the heartbeat waits for a sign of life
	settled  bool // guarded: rare's cause is final
	over     bool // guarded: OnClose has returned
}

// rare is what most connections do without.
type rare struct {
	inbox    *inbox // nil with a handler
	pack     *compressor
	request  *Request
	protocol string
	value    any           // loop only
	late     *lateControl  // loop only
	slow     atomic.Bool   // listed as having a queue
	waiting  chan struct{} // guarded
	done     chan struct{} // guarded; closed behind OnClose; nil if nobody asked
	cause    error         // guarded; for OnClose, when settled
}

// lateControl is a pong that waits until the peer reads again.
type lateControl struct {
	n       int
	payload [125]byte
}

// more is the rare part, made when it is first written to.
func (c *Conn) more() *rare {
	if r := c.rare.Load(); r != nil {
		return r
	}
	c.rare.CompareAndSwap(nil, new(rare))
	return c.rare.Load()
}

// none is the rare part of those that have none: only for reading.
var none rare

// seldom is the rare part for reading.
func (c *Conn) seldom() *rare {
	if r := c.rare.Load(); r != nil {
		return r
	}
	return &none
}

func (c *Conn) pack() *compressor { return c.seldom().pack }

// newConn makes a connection whose handshake is done. A nil handler is for Read.
func newConn(set *settings, role wire.Role, h Handler, pack *compressor, protocol string) *Conn {
	c := &Conn{set: set, role: role}
	if h == nil || pack != nil || protocol != "" {
		r := c.more()
		r.pack, r.protocol = pack, protocol
		if h == nil {
			r.inbox = newInbox()
			h = r.inbox
		}
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
func (c *Conn) Subprotocol() string { return c.seldom().protocol }

// Compression is what was agreed on; false for none. Any goroutine.
func (c *Conn) Compression() (wire.Deflate, bool) {
	if z := c.pack(); z != nil {
		return z.agreed, true
	}
	return wire.Deflate{}, false
}

// Reactor is the connection below: for its timers, Post, Offload, addresses and loop. Writing to it, or installing another
// handler, breaks the WebSocket. It is nil before OnOpen. Any goroutine.
func (c *Conn) Reactor() *reactor.Conn { return c.rc }

// Done gives a channel that is closed when OnClose has returned. Any goroutine.
func (c *Conn) Done() <-chan struct{} {
	c.mu.Lock()
	defer c.mu.Unlock()
	r := c.more()
	if r.done == nil {
		r.done = make(chan struct{})
		if c.over {
			close(r.done)
		}
	}
	return r.done
}

// Err is why the connection has ended, as OnClose gets it, and nil before. Any goroutine.
func (c *Conn) Err() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.over {
		return nil
	}
	return c.seldom().cause
}

// Request is the handshake's, on a server with KeepRequest set; else nil. Any goroutine.
func (c *Conn) Request() *Request { return c.seldom().request }

// Value is what SetValue was given last. Loop only.
func (c *Conn) Value() any { return c.seldom().value }

// SetValue keeps something of the application's with the connection. Loop only.
func (c *Conn) SetValue(v any) { c.more().value = v }

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
	c.heard, c.pinged = c.rc.Elapsed(), false
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
	err = c.seldom().cause
	c.releaseWaiters()
	c.end()
	c.mu.Unlock()
	c.dec.Release()
	c.dropPiece()
	c.set.count.closed(c)
	defer c.ended()
	c.handler.OnClose(c, err)
}

// ended tells those who wait for the end.
func (c *Conn) ended() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.over = true
	if done := c.seldom().done; done != nil {
		close(done)
		c.rc.WokeGoroutine()
	}
}

// releaseWaiters lets those go on who wait for room. The lock is held.
func (c *Conn) releaseWaiters() {
	if r := c.seldom(); r.waiting != nil {
		close(r.waiting)
		r.waiting = nil
		c.rc.WokeGoroutine()
	}
}

func (c *Conn) dropPiece() {
	c.piece.free()
	c.piece = nil
}

// settle keeps the first reason for the end.
func (c *Conn) settle(err error) {
	c.mu.Lock()
	c.settleLocked(err)
	c.mu.Unlock()
}

func (c *Conn) settleLocked(err error) {
	if c.settled {
		return
	}
	c.settled = true
	if err != nil {
		c.more().cause = err
	}
}

// reason is what was settled.
func (c *Conn) reason() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.seldom().cause
}
