package reactor

import (
	"fmt"
	"net"
	"net/netip"
	"runtime/debug"
	"strings"
	"sync"
	"time"

	"github.com/calandria-go/calandria/reactor/internal/poll"
)

type connState uint8

const (
	stateDialing connState = iota
	stateOpen
	stateClosing   // Close was asked for: flushing, no more input
	stateLingering // FIN was sent: input is thrown away until the peer's FIN
	stateClosed
)

// Conn is one connection on a loop. Post, Write, WriteNow, WriteRaw, WriteShared, SendFile, CloseWrite, Close, CloseLinger, Abort,
// Offload and the addresses are safe from any goroutine; the rest may be called on the connection's loop only, that is: in
// its handler's methods, its timers and its posted functions.
//
// An idle Conn holds no buffer, goroutine or runtime timer: about 500 bytes with its registration.
type Conn struct {
	loop    *loop
	reactor *Reactor
	src     poll.Source
	handler Handler
	layer   Layer

	next, prev *Conn // of the reactor's connections on this loop
	timers     *Timer
	stall      *stallWatch
	carry      *chunk          // unconsumed input
	acceptor   *acceptor       // nil if dialed
	dial       *dialing        // until connected
	remote     netip.AddrPort  // as accepted or dialed; what MaxConnsPerIP counts
	proxied    *netip.AddrPort // what a proxy says instead
	id         uint64
	member     int32
	lingerLeft int32 // bytes still thrown away

	caps       caps
	state      connState
	swaps      uint8 // counts Upgrades
	paused     bool
	redeliver  bool // Resume or Upgrade: what is left has to be delivered again
	sawByte    bool
	carried    bool // it stands on a Channel
	eof        bool // the peer's FIN was read
	eofTold    bool
	delivering bool // OnData runs
	finSent    bool
	wantR      bool // the interest that the source was told
	wantW      bool
	told       bool // it was: a connection that is paused from the start has to be registered, too
	mute       bool // sending has failed, and what the peer said before is waited for

	after    func() // AfterClose
	closeErr error  // why, when state is beyond open; loop only

	mu        sync.Mutex // guards what follows; held for short copies and for the write system call
	head      *chunk     // unsent
	tail      *chunk
	unsent    int
	progress  time.Duration // when the kernel last took something, by the loop's clock
	scheduled bool          // a turn runs or is queued: it will flush
	blocked   bool          // the kernel took less than all: wait for Writable
	overHigh  bool          // unsent passed HighWater: OnWritable is due
	finWanted bool
	closed    bool // no more writes
	direct    bool // WriteNow has sent something since the last flush
	gone      bool // the descriptor may be another's
	mode      closeMode
	reqErr    error
	linger    *lingerSpec // of closeLinger
}

// ID is unique in the process. For logs.
func (c *Conn) ID() uint64 { return c.id }

// Reactor is the reactor that the connection belongs to.
func (c *Conn) Reactor() *Reactor { return c.reactor }

// LoopIndex is the number of the connection's loop, from 0.
func (c *Conn) LoopIndex() int { return c.loop.index }

// Now is the time at which the running hook began: the clock for a handler that does not need it exact. It hardly costs
// anything. Loop only.
func (c *Conn) Now() time.Time { return c.loop.now() }

// Elapsed is the time since the loop began, by the monotonic clock, as of the end of the last hook. It costs nothing. Loop
// only.
func (c *Conn) Elapsed() time.Duration { return c.loop.mark }

// Clock is Elapsed read now, for measuring. It costs a reading of the clock, some 30 ns. Any goroutine.
func (c *Conn) Clock() time.Duration { return c.loop.clock() }

// Buffered is the number of bytes that the handler was given and did not consume. Loop only.
func (c *Conn) Buffered() int {
	if c.carry == nil {
		return 0
	}
	return len(c.carry.rest())
}

// Peek is what the handler was given and did not consume, valid until this hook returns; nil while OnData runs, which has it.
// Loop only.
func (c *Conn) Peek() []byte {
	if c.carry == nil || c.delivering {
		return nil
	}
	return c.carry.rest()
}

// LoopLocal gives the value that mk made for key on this loop: scratch space that the connections of one loop share
// without a lock. Loop only.
func (c *Conn) LoopLocal(key any, mk func() any) any {
	v, ok := c.loop.locals[key]
	if !ok {
		v = mk()
		c.loop.locals[key] = v
	}
	return v
}

// LocalAddr is the address on our side; empty after OnClose. It asks the kernel each time.
func (c *Conn) LocalAddr() net.Addr {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.src == nil || c.gone {
		return &net.TCPAddr{}
	}
	return c.src.LocalAddr()
}

// RemoteAddr is the peer's address: a *net.TCPAddr or *net.UnixAddr; empty for a unix socket after OnClose.
func (c *Conn) RemoteAddr() net.Addr {
	if a := c.RemoteAddrPort(); a.IsValid() {
		return net.TCPAddrFromAddrPort(a)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.src == nil || c.gone {
		return &net.UnixAddr{Net: "unix"}
	}
	return c.src.RemoteAddr()
}

// RemoteAddrPort is the peer's address without an allocation; invalid for unix sockets.
func (c *Conn) RemoteAddrPort() netip.AddrPort {
	if c.proxied != nil {
		return *c.proxied
	}
	return c.remote
}

// SetRemoteAddr replaces the peer's address by what a trusted proxy says. Loop only, before another goroutine may
// ask for it.
func (c *Conn) SetRemoteAddr(a netip.AddrPort) { c.proxied = &a }

// Handler is the one installed now. Loop only.
func (c *Conn) Handler() Handler { return c.handler }

// Upgrade replaces the handler in place: h.OnOpen is called at once, and the bytes that the old one left unconsumed go to h.
// The old handler hears nothing more. Limits, timers and drain still apply. On a connection that is closing it does
// nothing, and the old handler gets OnClose. Loop only.
func (c *Conn) Upgrade(h Handler) {
	if c.state != stateOpen {
		return
	}
	c.handler, c.caps = h, capsOf(h)
	c.swaps++
	c.callOpen()
	c.eofTold = false // the new one has to hear it
	c.redeliver = true
	c.schedule()
}

// SetLayer puts a Layer between the socket and the handler; bytes not consumed so far go through it. On a connection that has
// one the new one goes on top of it, and has to write what it makes to that one in place of Conn.WriteRaw. Loop only.
func (c *Conn) SetLayer(l Layer) {
	c.mu.Lock()
	if c.layer != nil {
		l = &stack{lower: c.layer, upper: l}
	}
	c.layer = l
	c.mu.Unlock()
	if c.carry != nil && !c.delivering {
		raw := c.carry
		c.carry = nil
		c.feedRaw(raw.rest())
		raw.free()
	}
	c.redeliver = true
	c.schedule()
}

// Layer is the one installed, the topmost of several, or nil. Loop only.
func (c *Conn) Layer() Layer {
	if s, ok := c.layer.(*stack); ok {
		return s.upper
	}
	return c.layer
}

// Pause stops reading the socket from the end of this turn on: the peer's window closes and memory stays flat. A reset is
// still noticed; on the portable engine only once up to 16 KiB that it reads ahead have been filled. Loop only.
func (c *Conn) Pause() {
	if !c.paused {
		c.paused = true
		c.schedule()
	}
}

// Resume goes on after Pause. Input that was left unconsumed is delivered again soon after this turn, paused or not, even if
// no new byte comes. Loop only.
func (c *Conn) Resume() {
	c.paused = false
	c.redeliver = true
	c.schedule()
}

// Paused says whether input is paused. Loop only.
func (c *Conn) Paused() bool { return c.paused }

// EOF says whether the peer has half-closed and all its bytes were delivered. Loop only.
func (c *Conn) EOF() bool { return c.eofTold }

// Post runs f on the loop, soon; false, and never, if the connection has closed; true does not
// promise that it runs, as the connection may close first. Posts of one goroutine keep their order. Any goroutine.
func (c *Conn) Post(f func()) bool {
	c.mu.Lock()
	closed := c.closed && c.mode == closeAbort
	c.mu.Unlock()
	if closed {
		return false
	}
	c.loop.post(c, f)
	return true
}

// schedule has the connection settled at the end of the batch, once.
func (c *Conn) schedule() {
	c.mu.Lock()
	c.scheduleLocked()
	c.mu.Unlock()
}

func (c *Conn) scheduleLocked() {
	if !c.scheduled {
		c.scheduled = true
		c.loop.enqueue(c)
	}
}

// catch is deferred around every call into user code: a panic there costs this connection only.
func (c *Conn) catch() {
	v := recover()
	if v == nil {
		return
	}
	c.delivering = false
	c.fail(c.panicked(v))
}

// panicked counts and logs a panic, once.
func (c *Conn) panicked(v any) error {
	c.loop.stats.Panics++
	c.reactor.cfg.Logger.Error("reactor: handler panicked",
		"value", fmt.Sprint(v), "handler", handlerName(c.handler), "conn", c.id, "stack", string(debug.Stack()))
	return &panicError{v}
}

func handlerName(h Handler) string { return strings.TrimPrefix(fmt.Sprintf("%T", h), "*") }

// open gives the connection to its handler.
func (c *Conn) open(mk func() Handler) {
	if c.state != stateDialing || c.acceptor != nil {
		c.reactor.track(c)
	}
	c.state = stateOpen
	c.loop.stats.Opened++
	c.turn(func() {
		if t := c.reactor.cfg.Trace; t != nil && t.Open != nil {
			t.Open(c)
		}
		if c.handler == nil {
			h := mk()
			c.handler, c.caps = h, capsOf(h)
		}
		c.callOpen()
	})
}

// callOpen calls OnOpen, and OnDrain if Shutdown has begun: not of a handler that has upgraded meanwhile, nor twice of its
// successor.
func (c *Conn) callOpen() {
	swaps := c.swaps
	c.handler.OnOpen(c)
	if swaps == c.swaps && c.reactor.draining() {
		c.drain()
	}
}

// drain tells the handler of a Shutdown.
func (c *Conn) drain() {
	if c.state == stateDialing {
		c.dialEnded(ErrShutdown)
	}
	if c.state != stateOpen {
		return
	}
	if c.caps&capDrain != 0 {
		c.handler.(DrainHandler).OnDrain(c)
		return
	}
	c.CloseWith(ErrShutdown)
}

// Offload runs f, which may block, on a goroutine of its own, at most Config.MaxWorkers at a time; more wait in a queue of
// Config.MaxQueued, then ErrOverload. f comes back to the loop by Post. A panic in f closes this connection. Any goroutine.
// It costs about half a microsecond.
func (c *Conn) Offload(f func()) error {
	return c.reactor.workers.run(c.loop, job{c: c, f: f})
}

// Stream turns the connection into a synchronous net.Conn: it is Upgrade to a Stream. Loop only.
func (c *Conn) Stream() *Stream {
	s := NewStream()
	c.Upgrade(s)
	if s.Conn() == nil { // the connection is closing: nobody else would wake its readers
		s.OnClose(c, nil)
	}
	return s
}
