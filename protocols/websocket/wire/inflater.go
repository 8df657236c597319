package wire

import "sync"

// inflations is shared by all that keep no context between messages. One is about 7 KiB, and its window up to 32 KiB.
var inflations = sync.Pool{New: func() any { return new(inflation) }}

// Inflater decompresses the messages of one direction (RFC 7692 7.2.2), as their bytes come: nothing of a compressed
// message is collected, and its output is handed on whenever the window is full, so a message costs the same memory
// whatever its size. A reference beyond the agreed window is an error.
//
// With context takeover it keeps the window between messages: up to 1 << bits bytes, grown as history comes. Without, it
// keeps nothing: less than 100 bytes, and a share of a pool while a message is under way.
//
// It belongs to one [Decoder], and is not safe for concurrent use.
type Inflater struct {
	f        *inflation // nil between messages
	window   []byte     // kept between messages
	at       int
	wrapped  bool
	bits     uint8
	takeover bool
	ended    bool // the message is over; the output may still be in use
	tail     int  // bytes of the tail that were fed
}

// NewInflater returns an inflater for the agreed window, 8 to 15 bits, anything else meaning 15, and for messages that may
// refer to those before them if takeover is true: see [Deflate.Inflater].
func NewInflater(bits int, takeover bool) *Inflater {
	return &Inflater{bits: windowBits(bits), takeover: takeover}
}

func windowBits(n int) uint8 {
	if n < minWindowBits || n > maxWindowBits {
		return maxWindowBits
	}
	return uint8(n)
}

// Memory is what the inflater keeps at present, in bytes, beside what is pooled.
func (z *Inflater) Memory() int { return cap(z.window) }

// Release ends a message that is under way, and forgets all history. The next message must not refer to it.
func (z *Inflater) Release() {
	if z.f != nil {
		z.put()
	}
	z.window, z.at, z.wrapped, z.ended = nil, 0, false, false
}

// put gives the working memory back. A window that was kept stays here.
func (z *Inflater) put() {
	f := z.f
	z.f = nil
	if z.takeover {
		z.window, z.at, z.wrapped = f.window, f.wr, f.wrapped
		f.window = nil
	}
	inflations.Put(f)
}

// settle gives the working memory back if the last message is over.
func (z *Inflater) settle() {
	if z.ended {
		z.ended = false
		z.put()
	}
}

// begin starts a message.
func (z *Inflater) begin() {
	z.settle()
	f := inflations.Get().(*inflation)
	window := f.window
	wr, wrapped := 0, false
	if z.takeover {
		window, wr, wrapped = z.window, z.at, z.wrapped
		z.window = nil
	}
	limit := 1 << z.bits
	if len(window) > limit {
		window = window[:limit] // without takeover: a larger one from the pool
	} else if !z.takeover && cap(window) > len(window) {
		window = window[:min(cap(window), limit)]
	}
	f.window, f.wr, f.rd, f.wrapped, f.limit = window, wr, wr, wrapped, limit
	f.bits, f.nbits, f.state, f.final, f.ended, f.rest = 0, 0, blockHeader, false, false, 0
	z.f, z.tail = f, 0
}

// write takes bytes of the message. It takes all, unless full reports true then.
func (z *Inflater) write(p []byte) (n int, err *Error) {
	rest, err := z.f.run(p)
	return len(p) - len(rest), err
}

// full reports whether output must be taken before more can be written.
func (z *Inflater) full() bool {
	f := z.f
	return f.rd < f.wr && f.wr == len(f.window) && len(f.window) == f.limit
}

// take returns the output that was not yet taken. It is valid until the next call of begin, write, finish or settle.
func (z *Inflater) take() []byte {
	f := z.f
	p := f.window[f.rd:f.wr:f.wr]
	f.rd = f.wr
	return p
}

// deflateTail is what the sender took away from the end of each message (RFC 7692 7.2.1).
var deflateTail = [4]byte{0x00, 0x00, 0xff, 0xff}

// finish ends the message. It reports false if output must be taken before it can go on.
func (z *Inflater) finish() (done bool, err *Error) {
	f := z.f
	// A last block ends the stream; some senders leave out the byte 0x00 behind it that RFC 7692 7.2.3.4 asks for.
	if !(f.state == blockHeader && f.ended && f.nbits == 0) || z.tail > 0 {
		rest, err := f.run(deflateTail[z.tail:])
		z.tail = len(deflateTail) - len(rest)
		switch {
		case err != nil:
			return false, err
		case z.full() && (len(rest) > 0 || f.state != blockHeader):
			return false, nil
		case f.state != blockHeader || f.nbits > 0:
			return false, errDeflateEnd
		}
	}
	z.ended = true
	return true, nil
}
