package wire

import (
	"encoding/binary"
	"unicode"
)

// The sizes of frames, in bytes.
const (
	// HeaderSize is type, flags and stream.
	HeaderSize = 6
	// MaxData bounds the body of a DATA frame.
	MaxData = 32 << 10
	// MaxFrame bounds a frame. A WebSocket that carries a link needs to take no larger message.
	MaxFrame = HeaderSize + MaxData
	// MaxName bounds the names of services and agents.
	MaxName = 64
	// MaxAddress bounds an address in text.
	MaxAddress = 255
	// MaxText bounds the text of an error; Append cuts what is longer.
	MaxText = 200
	// MaxWindow bounds every window and limit that a frame grants ahead.
	MaxWindow = 1 << 30
)

// Type says what a frame is.
type Type uint8

// The types of frames. The direction is given where not both sides send it.
const (
	TypeHello    Type = 1  // the first frame of each side
	TypeOpen     Type = 2  // opens a stream
	TypeOpenOK   Type = 3  // the stream reached its target
	TypeOpenErr  Type = 4  // it did not
	TypeData     Type = 5  // bytes of a stream
	TypeWindow   Type = 6  // what was consumed, and how far the peer may send
	TypeFin      Type = 7  // no more bytes in this direction
	TypeRst      Type = 8  // the stream is over, both ways; with FlagStop: send no more
	TypePing     Type = 9  // to be answered by PONG
	TypePong     Type = 10 // the body of the PING
	TypeGoAway   Type = 11 // no new streams; with a code, the link ends
	TypeOffer    Type = 12 // agent to relay: a service; the stream field numbers it
	TypeOffered  Type = 13 // relay to agent: whether it is served, and where
	TypeWithdraw Type = 14 // agent to relay: no longer
	TypeSync     Type = 15 // after a resume: how far a stream got; stream 0 ends the list
)

var typeNames = [...]string{
	TypeHello: "HELLO", TypeOpen: "OPEN", TypeOpenOK: "OPEN_OK", TypeOpenErr: "OPEN_ERR", TypeData: "DATA",
	TypeWindow: "WINDOW", TypeFin: "FIN", TypeRst: "RST", TypePing: "PING", TypePong: "PONG", TypeGoAway: "GOAWAY",
	TypeOffer: "OFFER", TypeOffered: "OFFERED", TypeWithdraw: "WITHDRAW", TypeSync: "SYNC",
}

// String is the type's name in the specification.
func (t Type) String() string {
	if int(t) < len(typeNames) && typeNames[t] != "" {
		return typeNames[t]
	}
	return "unknown"
}

// The flags, each of one type of frame.
const (
	FlagResumed   = 0x01 // HELLO: the session of that token goes on
	FlagEncrypted = 0x01 // OPEN: what the stream carries begins with a Noise handshake
	FlagStop      = 0x01 // RST: only what the receiver of this frame sends has to end
	FlagFin       = 0x01 // SYNC: FIN was received
	FlagAnswered  = 0x02 // SYNC: the sender, which opened the stream, has its OPEN_OK
)

var flagsOf = [...]uint8{TypeHello: FlagResumed, TypeOpen: FlagEncrypted, TypeRst: FlagStop, TypeSync: FlagFin | FlagAnswered}

// Kind is what a service or a stream carries.
type Kind uint8

// The kinds.
const (
	KindTCP  Kind = 1 // a byte stream
	KindHTTP Kind = 2 // a byte stream of HTTP/1.1
	KindUDP  Kind = 3 // datagrams, each behind two bytes of length
)

// String is the kind in one word.
func (k Kind) String() string {
	switch k {
	case KindTCP:
		return "tcp"
	case KindHTTP:
		return "http"
	case KindUDP:
		return "udp"
	}
	return "unknown"
}

// Frame is one parsed frame. Which fields below Stream there are depends on Type; slices alias the message.
type Frame struct {
	Type   Type   // one of those above
	Flags  uint8  // of this type
	Stream uint32 // 0 is the link
	Hello  Hello  // HELLO
	Open   Open   // OPEN, OFFER
	Window uint32 // OPEN_OK
	Code   Code   // OPEN_ERR, RST, GOAWAY, OFFERED
	Text   []byte // of the same, printable UTF-8; of OFFERED without a code, the address
	Data   []byte // DATA
	Ping   uint64 // PING, PONG
	Last   uint32 // GOAWAY, and SYNC of stream 0: the highest stream of the receiver's that the sender has seen
	Offset uint64 // FIN: how many bytes the stream had
	Credit Credit // WINDOW, SYNC
}

// Credit is how far a direction has come, in bytes from the stream's beginning.
type Credit struct {
	Received uint64 // SYNC: what the receiver has
	Consumed uint64 // what it has passed on; behind the end of a stream, one more
	Limit    uint64 // how far the sender may go
}

// Open is a request for a stream to a service, or an offer of one.
type Open struct {
	Kind    Kind   // what it carries
	Window  uint32 // OPEN: how many bytes the opener takes at first
	Service []byte // its name
	Address []byte // OPEN: the client's; OFFER: where the agent would like the service to be, may be empty
}

func header(dst []byte, t Type, flags uint8, stream uint32) []byte {
	return binary.BigEndian.AppendUint32(append(dst, byte(t), flags), stream)
}

// AppendOpen appends an OPEN.
func AppendOpen(dst []byte, stream uint32, flags uint8, o *Open) []byte {
	dst = header(dst, TypeOpen, flags, stream)
	dst = append(dst, byte(o.Kind))
	dst = binary.BigEndian.AppendUint32(dst, o.Window)
	return appendShort(appendShort(dst, o.Service), o.Address)
}

// AppendOffer appends an OFFER with a number of the agent's choice.
func AppendOffer(dst []byte, number uint32, o *Open) []byte {
	dst = append(header(dst, TypeOffer, 0, number), byte(o.Kind))
	return appendShort(appendShort(dst, o.Service), o.Address)
}

// AppendOpenOK appends an OPEN_OK with the number of bytes that are taken at first.
func AppendOpenOK(dst []byte, stream, window uint32) []byte {
	return binary.BigEndian.AppendUint32(header(dst, TypeOpenOK, 0, stream), window)
}

// AppendCode appends one of the frames that are a code and a text: OPEN_ERR, RST, OFFERED.
func AppendCode(dst []byte, t Type, flags uint8, stream uint32, code Code, text string) []byte {
	dst = binary.BigEndian.AppendUint16(header(dst, t, flags, stream), uint16(code))
	return append(dst, cutText(text)...)
}

// AppendGoAway appends a GOAWAY.
func AppendGoAway(dst []byte, last uint32, code Code, text string) []byte {
	dst = binary.BigEndian.AppendUint16(header(dst, TypeGoAway, 0, 0), uint16(code))
	return append(binary.BigEndian.AppendUint32(dst, last), cutText(text)...)
}

// AppendData appends the header of a DATA frame; its bytes, 1 to MaxData, are the caller's to append.
func AppendData(dst []byte, stream uint32) []byte { return header(dst, TypeData, 0, stream) }

// AppendWindow appends a WINDOW; stream 0 is the link.
func AppendWindow(dst []byte, stream uint32, consumed, limit uint64) []byte {
	dst = binary.BigEndian.AppendUint64(header(dst, TypeWindow, 0, stream), consumed)
	return binary.BigEndian.AppendUint64(dst, limit)
}

// AppendFin appends a FIN behind that many bytes.
func AppendFin(dst []byte, stream uint32, offset uint64) []byte {
	return binary.BigEndian.AppendUint64(header(dst, TypeFin, 0, stream), offset)
}

// AppendPing appends a PING, or a PONG.
func AppendPing(dst []byte, t Type, value uint64) []byte {
	return binary.BigEndian.AppendUint64(header(dst, t, 0, 0), value)
}

// AppendWithdraw appends a WITHDRAW of the offer with that number.
func AppendWithdraw(dst []byte, number uint32) []byte { return header(dst, TypeWithdraw, 0, number) }

// AppendSync appends the SYNC of a stream.
func AppendSync(dst []byte, stream uint32, flags uint8, c Credit) []byte {
	dst = binary.BigEndian.AppendUint64(header(dst, TypeSync, flags, stream), c.Received)
	dst = binary.BigEndian.AppendUint64(dst, c.Consumed)
	return binary.BigEndian.AppendUint64(dst, c.Limit)
}

// AppendSyncEnd appends the SYNC that ends the list.
func AppendSyncEnd(dst []byte, last uint32) []byte {
	return binary.BigEndian.AppendUint32(header(dst, TypeSync, 0, 0), last)
}

func appendShort(dst, b []byte) []byte {
	b = b[:min(len(b), 255)]
	return append(append(dst, byte(len(b))), b...)
}

// cutText makes a text fit, at the beginning of a rune, and printable.
func cutText(s string) []byte {
	out := make([]byte, 0, min(len(s), MaxText))
	for _, r := range s {
		if !unicode.IsPrint(r) {
			r = '?'
		}
		if len(out)+len(string(r)) > MaxText {
			break
		}
		out = append(out, string(r)...)
	}
	return out
}
