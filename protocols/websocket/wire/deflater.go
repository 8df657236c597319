package wire

import (
	"sync"

	"github.com/klauspost/compress/flate"
)

// appendTo is where a writer's output goes.
type appendTo struct{ b []byte }

// Write appends p.
func (a *appendTo) Write(p []byte) (int, error) {
	a.b = append(a.b, p...)
	return len(p), nil
}

// packer is a compressor for one size of window, with the place that its output goes to.
type packer struct {
	w   *flate.Writer
	out appendTo
}

func newPacker(bits uint8) *packer {
	p := new(packer)
	w, err := flate.NewWriterWindow(&p.out, 1<<bits)
	if err != nil {
		panic(err) // 256 to 32,768 are in its range
	}
	p.w = w
	return p
}

// packers are shared by all that keep no context between messages, by window bits.
var packers [maxWindowBits + 1]sync.Pool

func getPacker(bits uint8) *packer {
	if p, ok := packers[bits].Get().(*packer); ok {
		return p
	}
	return newPacker(bits)
}

// Deflater compresses the messages of one direction (RFC 7692 7.2.1), with a window that is really no larger than agreed.
//
// Without context takeover it holds nothing between messages. With it, it keeps a compressor, which is about 1 MiB
// (see [Deflater.Memory]): klauspost/compress sizes its tables for throughput. [Deflater.Release] gives that back at any
// time, at the price of the history only, so a caller can keep a budget over many connections. klauspost/compress
// looks for no matches in a write of less than 128 bytes, and forgets its history after one: messages so small gain about a
// third at best, with or without takeover, and are better sent as they are.
//
// It is not safe for concurrent use.
type Deflater struct {
	p        *packer
	bits     uint8
	takeover bool
}

// NewDeflater returns a deflater for the agreed window, 8 to 15 bits, anything else meaning 15, that refers to earlier
// messages if takeover is true: see [Deflate.Deflater].
func NewDeflater(bits int, takeover bool) *Deflater {
	return &Deflater{bits: windowBits(bits), takeover: takeover}
}

// packerMemory is what a compressor takes: measured, see TestDeflaterMemory.
const packerMemory = 1 << 20

// Memory is what the deflater keeps at present, in bytes, about, beside what is pooled.
func (d *Deflater) Memory() int {
	if d.p == nil {
		return 0
	}
	return packerMemory
}

// Release forgets the history and gives its memory back. It is right at any time between messages: the next message then
// refers to none before it. It must be called after a compressed message that went to the peer past this deflater, such as
// a [Prepared] one, which shifted the peer's window.
func (d *Deflater) Release() {
	if d.p != nil {
		d.put()
	}
}

func (d *Deflater) put() {
	d.p.w.Reset(nil)
	d.p.out.b = nil
	packers[d.bits].Put(d.p)
	d.p = nil
}

// Append compresses a whole message, p, and appends the payload to send, with RSV1 set on its first frame. The peer needs
// each one, in order, if context takeover was agreed.
func (d *Deflater) Append(dst, p []byte) []byte {
	if d.p == nil {
		d.p = getPacker(d.bits)
		d.p.w.Reset(&d.p.out)
	}
	before := len(dst)
	d.p.out.b = dst
	// Neither fails: out never does, and the writer was reset.
	_, _ = d.p.w.Write(p)
	_ = d.p.w.Flush()
	dst = d.p.out.b
	d.p.out.b = nil
	if !d.takeover {
		d.put()
	}
	if n := len(dst) - len(deflateTail); n > before && [4]byte(dst[n:]) == deflateTail {
		return dst[:n]
	}
	return append(dst, 0) // cannot be: a flush ends with an empty stored block
}
