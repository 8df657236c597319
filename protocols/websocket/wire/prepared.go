package wire

import "sync"

// Prepared is a message framed once by a server, for many connections. It is safe for concurrent use, and what it returns
// must not be changed. It holds the message once, and once more for each window size that was asked for.
type Prepared struct {
	op    Opcode
	size  int
	plain []byte
	lock  sync.Mutex
	// packed holds the compressed frames by window bits.
	packed [maxWindowBits + 1][]byte
}

// Prepare frames a message. It copies the payload.
func Prepare(op Opcode, payload []byte) *Prepared {
	plain := AppendFrame(make([]byte, 0, len(payload)+10), Server, op, true, payload)
	return &Prepared{op: op, size: len(payload), plain: plain}
}

// Plain is the frame for a connection without compression. Every connection may get it.
func (p *Prepared) Plain() []byte { return p.plain }

// Deflated is the frame for a connection that agreed on permessage-deflate with that server window, 8 to 15 bits: made when
// it is first asked for, and the plain one if compression gains nothing. It refers to no message before it, so every such
// connection can read it, with context takeover or without; one whose [Deflater] keeps context must have it forget that:
// [Deflater.Release].
func (p *Prepared) Deflated(bits int) []byte {
	b := windowBits(bits)
	p.lock.Lock()
	defer p.lock.Unlock()
	if p.packed[b] == nil {
		d := Deflater{bits: b}
		payload := p.plain[len(p.plain)-p.size:]
		p.packed[b] = AppendMessage(nil, Server, p.op, payload, &d)
		if len(p.packed[b]) >= len(p.plain) {
			p.packed[b] = p.plain
		}
	}
	return p.packed[b]
}
