package wire

import "encoding/binary"

// Version is that of the protocol.
const Version = 1

// helloMagic begins a HELLO, so that what is not a relay's link is told at once.
const helloMagic = "CRLY"

// Role is what the sender of a HELLO is.
type Role uint8

// The roles.
const (
	RoleRelay  Role = 1
	RoleAgent  Role = 2
	RoleClient Role = 3
)

// String is the role in one word.
func (r Role) String() string {
	switch r {
	case RoleRelay:
		return "relay"
	case RoleAgent:
		return "agent"
	case RoleClient:
		return "client"
	}
	return "unknown"
}

// Token names a session that may be resumed; the zero value names none.
type Token [16]byte

// Hello is the first frame of each side.
type Hello struct {
	Version    uint8  // 1
	Role       Role   // of the sender
	Caps       uint16 // of later versions; 0 now, and ignored
	LinkWindow uint32 // bytes of all streams together that the sender takes at first
	MaxStreams uint32 // streams that the receiver may have open
	KeepAlive  uint32 // ms between PINGs of the sender, for information
	Resume     uint32 // ms for which the sender keeps its streams when the link breaks; 0: not at all
	Token      Token  // dialer: the session to resume; relay: the name of this one
	ID         []byte // of the agent
}

const helloSize = 4 + 1 + 1 + 2 + 4*4 + 16

// AppendHello appends a HELLO.
func AppendHello(dst []byte, flags uint8, h *Hello) []byte {
	dst = append(header(dst, TypeHello, flags, 0), helloMagic...)
	dst = append(dst, h.Version, byte(h.Role))
	dst = binary.BigEndian.AppendUint16(dst, h.Caps)
	dst = binary.BigEndian.AppendUint32(dst, h.LinkWindow)
	dst = binary.BigEndian.AppendUint32(dst, h.MaxStreams)
	dst = binary.BigEndian.AppendUint32(dst, h.KeepAlive)
	dst = binary.BigEndian.AppendUint32(dst, h.Resume)
	dst = append(dst, h.Token[:]...)
	return appendShort(dst, h.ID)
}

func (h *Hello) parse(b []byte) error {
	switch {
	case len(b) < helloSize+1:
		return errShort
	case string(b[:4]) != helloMagic:
		return errMagic
	case b[4] != Version:
		return errVersion
	}
	h.Version, h.Role = b[4], Role(b[5])
	h.Caps = binary.BigEndian.Uint16(b[6:])
	h.LinkWindow = binary.BigEndian.Uint32(b[8:])
	h.MaxStreams = binary.BigEndian.Uint32(b[12:])
	h.KeepAlive = binary.BigEndian.Uint32(b[16:])
	h.Resume = binary.BigEndian.Uint32(b[20:])
	copy(h.Token[:], b[24:40])
	id, rest, ok := takeShort(b[helloSize:])
	switch {
	case !ok:
		return errShort
	case len(rest) > 0:
		return errLong
	case h.Role < RoleRelay || h.Role > RoleClient:
		return errRole
	case h.LinkWindow > MaxWindow:
		return errWindow
	case len(id) > 0 && !Name(id):
		return errName
	}
	h.ID = id
	return nil
}
