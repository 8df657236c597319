package rest

import (
	"context"
	"io"
	"sync"

	"github.com/calandria-go/calandria/reactor"
)

// body is what has come of a body and was not read. It holds no more than window bytes.
type body struct {
	allow  func(n int)   // tells the sender of room
	closed func()        // called at Close before the end; nil: nothing is
	signal chan struct{} // has room for one: something is there

	mu      sync.Mutex
	pieces  [][]byte
	size    int   // of pieces
	room    int   // what the sender may still send
	taken   int   // read, and not allowed again
	err     error // after pieces; io.EOF at the end
	dropped bool  // nobody reads it any more
}

func newBody(allow func(n int)) *body {
	return &body{allow: allow, signal: make(chan struct{}, 1), room: window}
}

// add appends a piece, of which it keeps a copy; false if the sender was not allowed to send so much.
func (b *body) add(p []byte, end bool) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.err != nil {
		return b.err != io.EOF // after the end nothing may come; after a failure it does not matter
	}
	if len(p) > b.room {
		return false
	}
	b.room -= len(p)
	if len(p) > 0 && !b.dropped {
		b.pieces = append(b.pieces, append([]byte(nil), p...))
		b.size += len(p)
	}
	if end {
		b.err = io.EOF
	}
	b.wake()
	return true
}

// fail ends the body with an error, if it has not ended.
func (b *body) fail(err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.err == nil {
		b.err = err
		b.wake()
	}
}

func (b *body) wake() {
	select {
	case b.signal <- struct{}{}:
	default:
	}
}

// ended says whether all has come.
func (b *body) ended() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.err != nil
}

// Read is part of io.Reader. On a loop's goroutine it returns reactor.ErrOnLoop instead of waiting.
func (b *body) Read(p []byte) (int, error) {
	for {
		n, more, err := b.take(p)
		if more > 0 {
			b.allow(more)
		}
		if n > 0 || err != nil || len(p) == 0 {
			return n, err
		}
		if reactor.OnLoop() {
			return 0, reactor.ErrOnLoop
		}
		<-b.signal
	}
}

// take reads what is there, and says how much room to tell of.
func (b *body) take(p []byte) (n, more int, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.dropped {
		return 0, 0, io.ErrClosedPipe
	}
	for len(b.pieces) > 0 && n < len(p) {
		k := copy(p[n:], b.pieces[0])
		n += k
		if k == len(b.pieces[0]) {
			b.pieces[0] = nil
			b.pieces = b.pieces[1:]
		} else {
			b.pieces[0] = b.pieces[0][k:]
		}
	}
	b.size -= n
	if b.err == nil {
		if b.taken += n; b.taken >= window/2 {
			more, b.taken = b.taken, 0
			b.room += more
		}
	}
	if n == 0 && len(b.pieces) == 0 && b.err != nil {
		b.wake() // for another one who reads
		return 0, more, b.err
	}
	return n, more, nil
}

// Close is part of io.Closer: what still comes is thrown away, and the sender told.
func (b *body) Close() error {
	b.mu.Lock()
	early := b.err == nil && !b.dropped
	b.dropped, b.pieces, b.size = true, nil, 0
	b.wake()
	b.mu.Unlock()
	if early && b.closed != nil {
		b.closed()
	}
	return nil
}

// credit is what the other end allows us to send of a body.
type credit struct {
	mu     sync.Mutex
	n      int
	signal chan struct{}
}

func newCredit() *credit { return &credit{n: window, signal: make(chan struct{}, 1)} }

// add allows more; false if that is too much.
func (c *credit) add(n uint64) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if n > uint64(maxWindow-c.n) {
		return false
	}
	c.n += int(n)
	select {
	case c.signal <- struct{}{}:
	default:
	}
	return true
}

// take waits for some, at most n.
func (c *credit) take(ctx context.Context, n int) (int, error) {
	for {
		c.mu.Lock()
		if k := min(n, c.n); k > 0 {
			c.n -= k
			c.mu.Unlock()
			return k, nil
		}
		c.mu.Unlock()
		if reactor.OnLoop() {
			return 0, reactor.ErrOnLoop
		}
		select {
		case <-c.signal:
		case <-ctx.Done():
			return 0, context.Cause(ctx)
		}
	}
}
