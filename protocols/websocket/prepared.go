package websocket

import (
	"sync"

	"github.com/calandria-go/calandria/protocols/websocket/wire"
	"github.com/calandria-go/calandria/reactor"
)

// Prepared is a message framed once for many connections: the frame is made, and compressed for each size of window, once, and
// all queues refer to the same bytes. It is safe for concurrent use, and is freed with the last that refers to it.
type Prepared struct {
	op    Opcode
	size  int
	frame *wire.Prepared
	plain *reactor.Shared
	mu    sync.Mutex
	packs [16]*reactor.Shared // by window bits
}

// Prepare frames a message, Text or Binary; it copies the payload. See Conn.SendPrepared.
func Prepare(op Opcode, payload []byte) *Prepared {
	f := wire.Prepare(op, payload)
	return &Prepared{op: op, size: len(payload), frame: f, plain: reactor.NewShared(f.Plain(), nil)}
}

// Size is the length of the payload.
func (p *Prepared) Size() int { return p.size }

func (p *Prepared) payload() []byte {
	b := p.frame.Plain()
	return b[len(b)-p.size:]
}

// deflated is the frame for a server's window of so many bits.
func (p *Prepared) deflated(bits int) *reactor.Shared {
	p.mu.Lock()
	defer p.mu.Unlock()
	s := &p.packs[wireBits(bits)]
	if *s == nil {
		b := p.frame.Deflated(bits)
		if len(b) == len(p.frame.Plain()) {
			*s = p.plain
		} else {
			*s = reactor.NewShared(b, nil)
		}
	}
	return *s
}
