package http1

import "sync"

const (
	// bodyAhead is how much of a body is read ahead of who reads it before the socket is paused; one more read may come on
	// top.
	bodyAhead = 64 << 10
	bodyMax   = 2 * bodyAhead
	bodySmall = 4 << 10
)

// pieceBuffer has the bytes of a body that have come and were not read: none while there are none, else one of two sizes.
type pieceBuffer struct {
	buf []byte // buf[r:] is unread
	mem *[]byte
	r   int
}

var (
	smallBodies = sync.Pool{New: func() any { b := make([]byte, 0, bodySmall); return &b }}
	largeBodies = sync.Pool{New: func() any { b := make([]byte, 0, bodyMax); return &b }}
)

func (b *pieceBuffer) len() int { return len(b.buf) - b.r }

// add appends p.
func (b *pieceBuffer) add(p []byte) {
	need := len(b.buf) - b.r + len(p)
	switch {
	case need == 0:
		return
	case b.mem == nil && need <= bodySmall:
		b.mem = smallBodies.Get().(*[]byte)
		b.buf = (*b.mem)[:0]
	case need > cap(b.buf) && cap(b.buf) < bodyMax:
		large := largeBodies.Get().(*[]byte)
		rest := append((*large)[:0], b.buf[b.r:]...)
		b.free()
		b.mem, b.buf, b.r = large, rest, 0
	case len(b.buf)+len(p) > cap(b.buf):
		b.buf = b.buf[:copy(b.buf, b.buf[b.r:])]
		b.r = 0
	}
	b.buf = append(b.buf, p...)
}

// read copies bytes out.
func (b *pieceBuffer) read(p []byte) int {
	n := copy(p, b.buf[b.r:])
	if b.r += n; b.r == len(b.buf) {
		b.buf, b.r = b.buf[:0], 0
	}
	return n
}

func (b *pieceBuffer) free() {
	m := b.mem
	b.mem, b.buf, b.r = nil, nil, 0
	switch {
	case m == nil:
	case cap(*m) == bodySmall:
		smallBodies.Put(m)
	case cap(*m) == bodyMax:
		largeBodies.Put(m)
	}
}
