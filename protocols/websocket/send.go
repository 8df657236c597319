package websocket

import (
	"context"

	"github.com/calandria-go/calandria/protocols/websocket/wire"
	"github.com/calandria-go/calandria/reactor"
)

// twoWrites is the length from which a frame is queued as header and payload, which saves a copy: below, the copy costs less than a
// writev of two pieces.
const twoWrites = 8 << 10

// sharedBytes is the length from which a prepared frame is referred to: a copy of a shorter one is smaller than what refers to it.
const sharedBytes = 512

// Send queues a message, Text or Binary, in one frame. It never blocks, and copies p. Text must be UTF-8, or the peer will close
// the connection; that is not checked. The message goes out with all else that this turn of the loop writes. If more than
// Config.MaxQueue is unsent, Config.Overflow decides. After Close, or when the connection has ended, it is ErrClosed. Any
// goroutine; messages of one goroutine keep their order. It takes two uncontended mutexes and one copy.
func (c *Conn) Send(op Opcode, p []byte) error {
	if op != Text && op != Binary {
		return ErrOpcode
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.admitLocked(); err != nil {
		return err
	}
	return c.putLocked(op, p)
}

// SendContext is Send that waits, instead of meeting Config.Overflow, while more than the reactor's HighWater is unsent. ctx bounds
// the wait; its end does not harm the connection. Those who wait go on in no particular order. On a loop's goroutine it
// returns reactor.ErrOnLoop instead of waiting.
func (c *Conn) SendContext(ctx context.Context, op Opcode, p []byte) error {
	if op != Text && op != Binary {
		return ErrOpcode
	}
	for {
		room, err := c.trySend(op, p)
		if room == nil {
			return err
		}
		if reactor.OnLoop() {
			return reactor.ErrOnLoop
		}
		select {
		case <-room:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// trySend sends, or gives what to wait for.
func (c *Conn) trySend(op Opcode, p []byte) (room <-chan struct{}, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.state.Load() != stateOpen {
		return nil, ErrClosed
	}
	if c.rc.OverHigh() {
		r := c.more()
		if r.waiting == nil {
			r.waiting = make(chan struct{})
		}
		if c.rc.OverHigh() { // OnWritable will come, and needs the lock first
			return r.waiting, nil
		}
	}
	return nil, c.putLocked(op, p)
}

// SendPrepared is Send of a message that was framed once for many connections. A server's connection takes a reference, not a
// copy; a client has to mask, so it copies.
func (c *Conn) SendPrepared(p *Prepared) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.admitLocked(); err != nil {
		return err
	}
	if c.role == wire.Client {
		return c.putLocked(p.op, p.payload())
	}
	n := c.set.count.shard(c)
	n.messagesOut.Add(1)
	n.bytesOut.Add(uint64(p.size))
	s := p.plain
	if z := c.pack(); z != nil && p.size >= z.set.min {
		s = p.deflated(z.agreed.ServerMaxWindowBits)
		if s != p.plain && z.takeover {
			z.forget()
		}
	}
	if len(s.Bytes()) < sharedBytes {
		_, err := c.rc.Write(s.Bytes())
		return err
	}
	return c.rc.WriteShared(s)
}

// admitLocked says whether a message may be queued.
func (c *Conn) admitLocked() error {
	if c.state.Load() != stateOpen {
		return ErrClosed
	}
	unsent := c.rc.Unsent()
	if unsent >= listedBytes {
		c.set.count.list(c)
	}
	if unsent < c.set.queue {
		return nil
	}
	n := c.set.count.shard(c)
	n.drops.Add(1)
	if c.set.overflow == Drop {
		return ErrQueueFull
	}
	n.slow.Add(1)
	code := TryAgainLater
	if c.set.overflow == ClosePolicy {
		code = PolicyViolation
	}
	c.closeLocked(code, "reads too slowly", ErrSlowConsumer)
	return ErrSlowConsumer
}

// putLocked makes a frame of p and queues it.
func (c *Conn) putLocked(op Opcode, p []byte) error {
	n := c.set.count.shard(c)
	n.messagesOut.Add(1)
	n.bytesOut.Add(uint64(len(p)))
	z := c.pack()
	if z == nil && c.role == wire.Server && !c.layer && len(p) >= twoWrites {
		b := getBuffer(wire.MaxHeader)
		b.b = wire.AppendHeader(b.b, wire.Header{Fin: true, Op: op, Length: int64(len(p))})
		if err := c.write(b); err != nil {
			return err
		}
		_, err := c.rc.Write(p)
		return err
	}
	b := getBuffer(len(p) + wire.MaxHeader)
	if z != nil {
		b.b = z.message(b.b, c.role, op, p)
	} else {
		b.b = wire.AppendFrame(b.b, c.role, op, true, p)
	}
	return c.write(b)
}

// Ping sends a ping with at most 125 bytes, more are cut off. OnPong tells of the answer. The heartbeat sends its own. Any
// goroutine.
func (c *Conn) Ping(p []byte) error { return c.frame(wire.Ping, p) }

// frame sends a ping or a pong, past Config.MaxQueue.
func (c *Conn) frame(op Opcode, p []byte) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.state.Load() != stateOpen {
		return ErrClosed
	}
	return c.controlLocked(op, p)
}

func (c *Conn) controlLocked(op Opcode, p []byte) error {
	b := getBuffer(len(p) + wire.MaxHeader)
	b.b = wire.AppendControl(b.b, c.role, op, p)
	return c.write(b)
}

// write queues a buffer's bytes, and frees it.
func (c *Conn) write(b *buffer) error {
	_, err := c.rc.Write(b.b)
	b.free()
	return err
}
