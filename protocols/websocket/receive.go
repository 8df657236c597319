package websocket

import (
	"math"
	"time"

	"github.com/calandria-go/calandria/protocols/websocket/wire"
	"github.com/calandria-go/calandria/reactor"
)

// receive takes bytes off the socket, until the handler pauses.
func (c *Conn) receive(rc *reactor.Conn, in []byte) int {
	c.heard, c.pinged = rc.Elapsed(), false
	n := 0
	for {
		ev, m, err := c.dec.Next(in[n:])
		n += m
		if err != nil {
			c.violated(err.(*wire.Error))
			return len(in)
		}
		switch ev.Kind {
		case wire.None:
			c.hold()
			return n
		case wire.Message:
			c.message(ev)
		case wire.Closed:
			c.peerClosed(ev.Code, string(ev.Data))
			return len(in)
		default:
			if !c.control(ev) {
				return len(in)
			}
		}
		if rc.Paused() {
			return n
		}
	}
}

// message delivers a piece of a message, or collects it. Once our close frame is out nobody wants messages any more.
func (c *Conn) message(ev wire.Event) {
	if c.state.Load() != stateOpen {
		c.dropPiece()
		return
	}
	n := c.set.count.shard(c)
	if ev.First {
		n.messagesIn.Add(1)
	}
	n.bytesIn.Add(uint64(len(ev.Data)))
	if c.caps&capPiece != 0 {
		c.handler.(PieceHandler).OnPiece(c, ev.Op, ev.Data, ev.First, ev.Last)
		return
	}
	if ev.First && ev.Last {
		c.handler.OnMessage(c, ev.Op, ev.Data)
		return
	}
	c.piece = c.piece.add(ev.Data)
	if !ev.Last {
		return
	}
	whole := c.piece
	c.piece = nil
	defer whole.free()
	c.handler.OnMessage(c, ev.Op, whole.bytes())
}

// control answers a ping and tells of both; false if there were too many.
func (c *Conn) control(ev wire.Event) bool {
	c.set.count.shard(c).controlsIn.Add(1)
	if !c.countControl() {
		c.set.count.shard(c).floods.Add(1)
		c.shut(PolicyViolation, "too many control frames", ErrControlFlood)
		return false
	}
	if ev.Kind == wire.PingFrame {
		c.pong(ev.Data)
		if c.caps&capPing != 0 {
			c.handler.(PingHandler).OnPing(c, ev.Data)
		}
		return true
	}
	if c.caps&capPong != 0 {
		c.handler.(PongHandler).OnPong(c, ev.Data)
	}
	return true
}

// countControl says whether a ping or a pong is within the rate.
func (c *Conn) countControl() bool {
	if s := uint16(c.heard / time.Second); s != c.second {
		c.second, c.controls = s, 0
	}
	if c.controls < math.MaxUint16 {
		c.controls++
	}
	return int(c.controls) <= c.set.controlRate
}

// pong answers a ping: at once, or, if the peer does not read, the last one only, when it does (RFC 6455 5.5.3).
func (c *Conn) pong(p []byte) {
	if c.rc.OverHigh() {
		r := c.more()
		if r.late == nil {
			r.late = new(lateControl)
		}
		r.late.n = copy(r.late.payload[:], p)
		return
	}
	c.frame(wire.Pong, p) // after our close frame there is nobody to answer
}

// writable goes on with what waited for the peer to read.
func (c *Conn) writable() {
	c.mu.Lock()
	c.releaseWaiters()
	c.mu.Unlock()
	if r := c.seldom(); r.late != nil {
		p := r.late
		r.late = nil
		c.frame(wire.Pong, p.payload[:p.n])
	}
	if c.held {
		c.held = false
		if !c.paused {
			c.resumed()
		}
	}
	if c.caps&capWritable != 0 && c.state.Load() == stateOpen {
		c.handler.(WritableHandler).OnWritable(c)
	}
}
