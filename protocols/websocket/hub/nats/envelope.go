package nats

import (
	"encoding/binary"
	"errors"

	"github.com/calandria-go/calandria/protocols/websocket"
)

// origin is one topic of one hub, as long as that hub has it.
type origin struct {
	node   [8]byte
	stream uint32
}

// envelope is what goes over NATS: version, opcode, node, stream, number, all of fixed size, and the payload.
type envelope struct {
	op   websocket.Opcode
	from origin
	seq  uint64
	data []byte
}

const (
	version  = 1
	headSize = 2 + 8 + 4 + 8
)

var errEnvelope = errors.New("nats: not a hub's message")

func (e *envelope) append(b []byte) []byte {
	b = append(b, version, byte(e.op))
	b = append(b, e.from.node[:]...)
	b = binary.BigEndian.AppendUint32(b, e.from.stream)
	b = binary.BigEndian.AppendUint64(b, e.seq)
	return append(b, e.data...)
}

func parseEnvelope(b []byte) (e envelope, err error) {
	if len(b) < headSize || b[0] != version {
		return e, errEnvelope
	}
	e.op = websocket.Opcode(b[1])
	copy(e.from.node[:], b[2:])
	e.from.stream = binary.BigEndian.Uint32(b[10:])
	e.seq = binary.BigEndian.Uint64(b[14:])
	e.data = b[headSize:len(b):len(b)]
	if e.op != websocket.Text && e.op != websocket.Binary || e.seq == 0 {
		return envelope{}, errEnvelope
	}
	return e, nil
}
