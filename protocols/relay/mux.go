package relay

import (
	"errors"
	"net"
	"sync"
	"time"

	"github.com/calandria-go/calandria/protocols/relay/link"
	"github.com/calandria-go/calandria/protocols/relay/wire"
	"github.com/calandria-go/calandria/protocols/websocket"
	wswire "github.com/calandria-go/calandria/protocols/websocket/wire"
	"github.com/calandria-go/calandria/reactor"
)

// Subprotocol is the WebSocket sub-protocol of a link.
const Subprotocol = "calandria.relay.v1"

// linkConfig is how the WebSocket of a link is set up: frames bound the messages, the session bounds the queue, and both sides read
// on while they have much to send, since each is bounded by the other's credit.
func linkConfig() websocket.Config {
	return websocket.Config{
		Limits:       wswire.Limits{MaxMessage: wire.MaxFrame},
		MaxQueue:     -1,
		KeepReading:  true,
		PingInterval: -1,
		CloseTimeout: time.Second,
	}
}

// epoch is what the time of all sessions is counted from.
var epoch = time.Now()

// mux is a session on its link. Streams of it live on several loops, so it has a lock; what needs no lock, or must not have
// it, is done when it is let go of.
type mux struct {
	r    *reactor.Reactor
	down func(m *mux, err error, kept bool) // the link broke
	tick func()                             // now and then, with the lock; nil for nothing

	mu    sync.Mutex
	s     *link.Session
	ws    *websocket.Conn // nil while there is none
	after []func()
}

// lock must be paired with unlock.
func (m *mux) lock() {
	m.mu.Lock()
	m.s.Advance(time.Since(epoch))
}

// later has f called without the lock, when it is let go of. With the lock.
func (m *mux) later(f func()) { m.after = append(m.after, f) }

// unlock sends what is due and lets go.
func (m *mux) unlock() {
	m.pump()
	after := m.after
	m.after = nil
	m.mu.Unlock()
	for _, f := range after {
		f()
	}
}

var frameBuffers = sync.Pool{New: func() any { b := make([]byte, 0, wire.MaxFrame); return &b }}

// pump gives the WebSocket as much as it takes for now. With the lock.
func (m *mux) pump() {
	if m.ws == nil || !m.s.Pending() || m.ws.OverHigh() {
		return
	}
	buf := frameBuffers.Get().(*[]byte)
	for !m.ws.OverHigh() {
		f := m.s.Next((*buf)[:0])
		if len(f) == 0 || m.ws.Send(websocket.Binary, f) != nil {
			break
		}
	}
	frameBuffers.Put(buf)
}

// handle takes a frame that came on ws.
func (m *mux) handle(ws *websocket.Conn, p []byte) {
	m.lock()
	defer m.unlock()
	if m.ws != ws {
		return
	}
	if err := m.s.Handle(p); err != nil {
		m.fatal(err)
	}
}

// fatal ends the link for what the peer did, or says so. With the lock.
func (m *mux) fatal(err error) {
	ws := m.ws
	m.ws = nil
	var se *link.StreamError
	if !errors.As(err, &se) { // else the peer said GOAWAY
		ws.Send(websocket.Binary, wire.AppendGoAway(nil, 0, link.CodeOf(err), err.Error()))
	}
	m.s.Fail(link.CodeOf(err), err)
	m.later(func() {
		ws.Close(websocket.PolicyViolation, err.Error())
		m.down(m, err, false)
	})
}

// stop ends the session with a GOAWAY that has a code. Any goroutine.
func (m *mux) stop(code wire.Code, text string) {
	m.lock()
	defer m.unlock()
	m.stopLocked(code, text)
}

func (m *mux) stopLocked(code wire.Code, text string) {
	if ws := m.ws; ws != nil {
		m.pump()
		ws.Send(websocket.Binary, wire.AppendGoAway(nil, 0, code, text))
		ws.Close(websocket.NormalClosure, text)
	}
	had := m.ws != nil
	m.ws = nil
	err := &link.LinkError{Code: code, Text: text}
	m.s.Fail(code, err)
	if had {
		m.later(func() { m.down(m, err, false) })
	}
}

// goAway says that no new streams are taken.
func (m *mux) goAway(text string) {
	m.lock()
	defer m.unlock()
	m.s.GoAway(wire.CodeNone, text)
}

// carrier is one WebSocket of a link: the handler of its messages.
type carrier struct {
	m     *mux // nil until the session is known
	first func(c *carrier, ws *websocket.Conn, p []byte) *mux
	timer reactor.Timer
	ended func(ws *websocket.Conn, err error) // nil for none
}

// OnOpen is part of websocket.Handler.
func (c *carrier) OnOpen(ws *websocket.Conn) {
	rc := ws.Reactor()
	rc.InitTimer(&c.timer, func() { c.tick(ws) })
	c.timer.Reset(helloTimeout)
	if c.m != nil {
		c.m.lock()
		c.m.ws = ws
		c.m.s.Attach()
		c.m.unlock()
		c.rearm()
	}
}

// helloTimeout is how long one who was let in may take for HELLO.
const helloTimeout = 10 * time.Second

// OnMessage is part of websocket.Handler.
func (c *carrier) OnMessage(ws *websocket.Conn, op websocket.Opcode, p []byte) {
	switch {
	case op != websocket.Binary:
		ws.Close(websocket.UnsupportedData, "a link has binary messages")
	case c.m != nil:
		c.m.handle(ws, p)
	default:
		if c.m = c.first(c, ws, p); c.m != nil {
			c.rearm()
		}
	}
}

// OnWritable is part of websocket.WritableHandler.
func (c *carrier) OnWritable(*websocket.Conn) {
	if c.m != nil {
		c.m.lock()
		c.m.unlock()
	}
}

// OnDrain is part of websocket.DrainHandler: streams that are open go on, and the link with them.
func (c *carrier) OnDrain(ws *websocket.Conn) {
	if c.m == nil {
		ws.Close(websocket.GoingAway, "")
		return
	}
	c.m.lock()
	defer c.m.unlock()
	c.m.s.GoAway(wire.CodeNone, "shutting down")
	if c.m.s.Len() == 0 {
		c.m.stopLocked(wire.CodeShutdown, "shutting down")
		return
	}
	c.timer.Reset(drainCheck)
}

// drainCheck is how often a link that drains looks whether its streams are over.
const drainCheck = 50 * time.Millisecond

// tick is the session's clock, and that of who has sent no HELLO.
func (c *carrier) tick(ws *websocket.Conn) {
	if c.m == nil {
		ws.Close(websocket.PolicyViolation, "no HELLO")
		return
	}
	c.m.lock()
	var dead error
	if c.m.ws == ws {
		if c.m.tick != nil {
			c.m.tick()
		}
		if dead = c.m.s.Tick(); dead == nil && ws.Reactor().Reactor().Draining() && c.m.s.Len() == 0 {
			c.m.stopLocked(wire.CodeShutdown, "shutting down")
		}
	}
	c.m.unlock()
	if dead != nil {
		ws.Abort(dead)
		return
	}
	c.rearm()
	if ws.Reactor().Reactor().Draining() {
		c.timer.Reset(drainCheck)
	}
}

// rearm sets the timer to when the session wants it.
func (c *carrier) rearm() {
	c.m.mu.Lock()
	at, ok := c.m.s.Wake()
	c.m.mu.Unlock()
	if !ok {
		c.timer.Stop()
		return
	}
	c.timer.Reset(max(at-time.Since(epoch), 10*time.Millisecond))
}

// OnClose is part of websocket.Handler.
func (c *carrier) OnClose(ws *websocket.Conn, err error) {
	if c.ended != nil {
		defer c.ended(ws, err)
	}
	if c.m == nil {
		return
	}
	c.m.lock()
	defer c.m.unlock()
	if c.m.ws != ws {
		return // another took over, or it was ended before
	}
	c.m.ws = nil
	if err == nil {
		err = net.ErrClosed
	}
	kept := c.m.s.Detach(err)
	c.m.later(func() { c.m.down(c.m, err, kept) })
}
