package websocket

import (
	"bytes"
	"context"
	"sync"

	"github.com/calandria-go/calandria/reactor"
)

// inboxBytes is how much may wait for Read before the socket is paused.
const inboxBytes = 64 << 10

// inbox is the handler of a connection without one: it keeps messages for Read.
type inbox struct {
	mu     sync.Mutex
	queue  []inMessage
	bytes  int
	full   bool
	closed bool
	err    error
	signal chan struct{} // has room for one: something is there
}

type inMessage struct {
	op Opcode
	p  []byte
}

func newInbox() *inbox { return &inbox{signal: make(chan struct{}, 1)} }

// OnOpen is part of Handler.
func (b *inbox) OnOpen(*Conn) {}

// OnMessage is part of Handler.
func (b *inbox) OnMessage(c *Conn, op Opcode, p []byte) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.queue = append(b.queue, inMessage{op, bytes.Clone(p)})
	b.bytes += len(p)
	if len(b.queue) >= c.set.inbox || b.bytes >= inboxBytes {
		b.full = true
		c.Pause()
	}
	b.wake(c)
}

// OnClose is part of Handler.
func (b *inbox) OnClose(c *Conn, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.closed, b.err = true, err
	b.wake(c)
}

func (b *inbox) wake(c *Conn) {
	select {
	case b.signal <- struct{}{}:
		c.rc.WokeGoroutine()
	default:
	}
}

// Read waits for the next message. It is for a connection without a Handler, else ErrHandler. The end of ctx ends the call and does
// not harm the connection. After the last message it gives the reason for the end: what OnClose would get, and io.EOF's place
// is taken by ErrClosed if that is nil. On a loop's goroutine it returns reactor.ErrOnLoop instead of waiting. Several
// goroutines may read; each message goes to one. It costs an allocation for the message, which is the caller's.
func (c *Conn) Read(ctx context.Context) (Opcode, []byte, error) {
	b := c.seldom().inbox
	if b == nil {
		return 0, nil, ErrHandler
	}
	for {
		m, ok, err := b.take(c)
		if ok || err != nil {
			return m.op, m.p, err
		}
		if reactor.OnLoop() {
			return 0, nil, reactor.ErrOnLoop
		}
		select {
		case <-b.signal:
		case <-ctx.Done():
			return 0, nil, context.Cause(ctx)
		}
	}
}

// take gives the first message, and lets the socket go on at half an inbox.
func (b *inbox) take(c *Conn) (m inMessage, ok bool, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.queue) == 0 {
		if b.closed {
			b.again()
			if err = b.err; err == nil {
				err = ErrClosed
			}
		}
		return m, false, err
	}
	m = b.queue[0]
	b.queue[0] = inMessage{}
	b.bytes -= len(m.p)
	if b.queue = b.queue[1:]; len(b.queue) == 0 {
		b.queue = nil
	} else {
		b.again()
	}
	if b.full && len(b.queue) <= c.set.inbox/2 && b.bytes <= inboxBytes/2 {
		b.full = false
		c.rc.Post(c.Resume)
	}
	return m, true, nil
}

// again wakes the next reader: there is more.
func (b *inbox) again() {
	select {
	case b.signal <- struct{}{}:
	default:
	}
}
