package websocket

import (
	"math/bits"
	"sync"
)

// buffer is a pooled slice: of a message that comes in pieces, or of a frame that is being made.
type buffer struct{ b []byte }

// Buffers have 1 KiB to 1 MiB, by powers of two; larger ones are not pooled.
const (
	minBufferBits = 10
	maxBufferBits = 20
)

var buffers [maxBufferBits - minBufferBits + 1]sync.Pool

// getBuffer gives an empty buffer with room for n bytes.
func getBuffer(n int) *buffer {
	k := max(bits.Len(uint(max(n, 1)-1)), minBufferBits)
	if k > maxBufferBits {
		return &buffer{make([]byte, 0, n)}
	}
	if b, ok := buffers[k-minBufferBits].Get().(*buffer); ok {
		return b
	}
	return &buffer{make([]byte, 0, 1<<k)}
}

// bytes are what was added; none of a nil buffer.
func (b *buffer) bytes() []byte {
	if b == nil {
		return nil
	}
	return b.b
}

// add appends p, in a buffer twice the size if it has to: memory follows what has come, never what was announced.
func (b *buffer) add(p []byte) *buffer {
	if len(p) == 0 {
		return b
	}
	if b == nil {
		b = getBuffer(len(p))
	} else if need := len(b.b) + len(p); need > cap(b.b) {
		bigger := getBuffer(max(need, min(2*cap(b.b), need+1<<maxBufferBits)))
		bigger.b = append(bigger.b, b.b...)
		b.free()
		b = bigger
	}
	b.b = append(b.b, p...)
	return b
}

// free gives the buffer back, if it is one of the pooled sizes.
func (b *buffer) free() {
	if b == nil {
		return
	}
	k := bits.Len(uint(cap(b.b))) - 1
	if cap(b.b) == 0 || k < minBufferBits || k > maxBufferBits || cap(b.b) != 1<<k {
		return
	}
	b.b = b.b[:0]
	buffers[k-minBufferBits].Put(b)
}
