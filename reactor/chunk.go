package reactor

import (
	"sync"
	"sync/atomic"
)

// chunk is a piece of a queue: copied bytes in a pooled buffer, shared bytes, or a range of a file. Unconsumed input is
// kept in one, too.
type chunk struct {
	next   *chunk
	b      []byte
	r      int // b[:r] is done with
	class  int8
	shared *Shared
	file   *fileRange
}

// Buffers come in five sizes; larger ones are not pooled. The smallest holds most heads that come in pieces, and most answers of
// an API.
var (
	chunkSizes = [...]int{512, 2 << 10, 8 << 10, 32 << 10, 64 << 10}
	chunkPools [len(chunkSizes)]sync.Pool
)

const classNone = int8(-1)

// newChunk gives an empty chunk with room for n bytes.
func newChunk(n int) *chunk {
	for i, size := range chunkSizes {
		if n <= size {
			if k, ok := chunkPools[i].Get().(*chunk); ok {
				return k
			}
			return &chunk{b: make([]byte, 0, size), class: int8(i)}
		}
	}
	return &chunk{b: make([]byte, 0, n), class: classNone}
}

// free ends a chunk: its buffer goes back, its shared bytes are released, its file is done with.
func (k *chunk) free() {
	k.next = nil
	switch {
	case k.shared != nil:
		k.shared.Release()
	case k.file != nil:
		if k.file.done != nil {
			k.file.done()
		}
	case k.class != classNone:
		k.b, k.r = k.b[:0], 0
		chunkPools[k.class].Put(k)
	}
}

func (k *chunk) rest() []byte { return k.b[k.r:] }

// room is how many bytes can be appended in place.
func (k *chunk) room() int {
	if k.shared != nil || k.file != nil {
		return 0
	}
	return cap(k.b) - len(k.b)
}

// grow gives a chunk with k's remaining bytes followed by p, and ends k if it is another.
func (k *chunk) grow(p []byte) *chunk {
	if k.room() >= len(p) {
		k.b = append(k.b, p...)
		return k
	}
	rest := k.rest()
	if len(rest)+len(p) <= cap(k.b) {
		n := copy(k.b[:cap(k.b)], rest)
		k.b, k.r = append(k.b[:n], p...), 0
		return k
	}
	// Doubling keeps the copying linear in what arrives.
	n := newChunk(max(len(rest)+len(p), min(2*cap(k.b), chunkSizes[len(chunkSizes)-1])))
	n.b = append(append(n.b, rest...), p...)
	k.free()
	return n
}

// Shared is bytes that many connections send without a copy: a hub's frame. It is freed when the last has sent it.
type Shared struct {
	b    []byte
	refs atomic.Int32
	free func()
}

// NewShared gives shared bytes with one reference, its maker's. free is called when the last is released; it may be nil.
// b must not change until then. Any goroutine.
func NewShared(b []byte, free func()) *Shared {
	s := &Shared{b: b, free: free}
	s.refs.Store(1)
	return s
}

// Bytes are the shared bytes.
func (s *Shared) Bytes() []byte { return s.b }

// Retain adds a reference.
func (s *Shared) Retain() { s.refs.Add(1) }

// Release ends one.
func (s *Shared) Release() {
	switch n := s.refs.Add(-1); {
	case n == 0 && s.free != nil:
		s.free()
	case n < 0:
		panic("reactor: Shared released too often")
	}
}
