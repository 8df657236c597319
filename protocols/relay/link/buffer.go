package link

import "sync"

// chunk is a piece of a buffer. b is what was filled in, r how much of it was taken.
type chunk struct {
	next *chunk
	b    []byte
	r    int
}

// The sizes of chunks: small for small messages, so that a peer which sends single bytes costs no more than it sends.
var (
	chunkSizes = [...]int{1 << 10, 4 << 10, 16 << 10, 32 << 10}
	chunkPools [len(chunkSizes)]sync.Pool
)

func newChunk(n int) *chunk {
	for i, size := range chunkSizes {
		if n <= size || i == len(chunkSizes)-1 {
			if k, ok := chunkPools[i].Get().(*chunk); ok {
				return k
			}
			return &chunk{b: make([]byte, 0, size)}
		}
	}
	panic("unreachable")
}

func (k *chunk) free() {
	for i, size := range chunkSizes {
		if cap(k.b) == size {
			k.next, k.b, k.r = nil, k.b[:0], 0
			chunkPools[i].Put(k)
			return
		}
	}
}

// buffer is a queue of bytes with a second reader: next is what peek and advance read, and discard drops from the front,
// never beyond it. An empty one holds nothing.
type buffer struct {
	head, tail *chunk
	cur        *chunk // where next is; nil: at the end
	curAt      int
	n          int // bytes held
	ahead      int // bytes before next
}

// append copies p to the end.
func (b *buffer) append(p []byte) {
	b.n += len(p)
	for len(p) > 0 {
		if b.tail == nil || len(b.tail.b) == cap(b.tail.b) {
			k := newChunk(len(p))
			if b.tail == nil {
				b.head = k
			} else {
				b.tail.next = k
			}
			b.tail = k
		}
		at := len(b.tail.b)
		m := min(len(p), cap(b.tail.b)-at)
		b.tail.b = append(b.tail.b, p[:m]...)
		if b.cur == nil {
			b.cur, b.curAt = b.tail, at
		}
		p = p[m:]
	}
}

// unread is how many bytes peek has not been advanced over.
func (b *buffer) unread() int { return b.n - b.ahead }

// take appends up to n bytes at next to dst, and moves next behind them.
func (b *buffer) take(dst []byte, n int) []byte {
	for n > 0 && b.cur != nil {
		piece := b.cur.b[b.curAt:]
		m := min(n, len(piece))
		dst = append(dst, piece[:m]...)
		b.curAt += m
		b.ahead += m
		n -= m
		b.step()
	}
	return dst
}

// read is take into a slice that is there.
func (b *buffer) read(p []byte) (n int) {
	for n < len(p) && b.cur != nil {
		m := copy(p[n:], b.cur.b[b.curAt:])
		b.curAt += m
		b.ahead += m
		n += m
		b.step()
	}
	return n
}

func (b *buffer) step() {
	for b.cur != nil && b.curAt == len(b.cur.b) {
		b.cur, b.curAt = b.cur.next, 0
		if b.cur != nil {
			b.curAt = b.cur.r
		}
	}
}

// discard drops n bytes from the front, which next has passed.
func (b *buffer) discard(n int) {
	b.n -= n
	b.ahead -= n
	for b.head != nil {
		k := b.head
		m := min(n, len(k.b)-k.r)
		k.r += m
		n -= m
		if k.r < len(k.b) {
			return
		}
		if b.head = k.next; b.head == nil {
			b.tail = nil
		}
		k.free()
	}
}

// rewind puts next behind the first n bytes.
func (b *buffer) rewind(n int) {
	b.cur, b.ahead = b.head, n
	for b.cur != nil {
		if have := len(b.cur.b) - b.cur.r; n < have {
			b.curAt = b.cur.r + n
			return
		} else {
			n -= have
		}
		b.cur = b.cur.next
	}
	b.curAt = 0
}

// drop empties it.
func (b *buffer) drop() {
	for b.head != nil {
		k := b.head
		b.head = k.next
		k.free()
	}
	*b = buffer{}
}
