package wire

import (
	"encoding/binary"
	"math"
)

// Header is the part of a frame before its payload (RFC 6455 5.2).
type Header struct {
	Fin    bool    // the last frame of a message
	RSV    uint8   // RSV1 is 4, RSV2 is 2, RSV3 is 1
	Op     Opcode  // 0 to 15
	Masked bool    // Mask stands in the header
	Mask   [4]byte // the masking key
	Length int64   // of the payload, in bytes; not negative
}

// MaxHeader is the length of the longest header, in bytes.
const MaxHeader = 14

// rsv1 marks the first frame of a compressed message (RFC 7692 6).
const rsv1 = 4

// Size is the length of h on the wire: 2 to 14 bytes.
func (h Header) Size() int {
	n := 2
	switch {
	case h.Length > math.MaxUint16:
		n = 10
	case h.Length > maxControl:
		n = 4
	}
	if h.Masked {
		n += 4
	}
	return n
}

// AppendHeader appends h, with the length in its shortest form. It checks nothing, so that tests can write bad frames.
func AppendHeader(dst []byte, h Header) []byte {
	b := h.RSV&7<<4 | byte(h.Op&0xf)
	if h.Fin {
		b |= 0x80
	}
	var m byte
	if h.Masked {
		m = 0x80
	}
	switch {
	case h.Length > math.MaxUint16:
		dst = binary.BigEndian.AppendUint64(append(dst, b, m|127), uint64(h.Length))
	case h.Length > maxControl:
		dst = binary.BigEndian.AppendUint16(append(dst, b, m|126), uint16(h.Length))
	default:
		dst = append(dst, b, m|byte(h.Length))
	}
	if h.Masked {
		dst = append(dst, h.Mask[:]...)
	}
	return dst
}

// headerSize is the length of the header whose second byte is b.
func headerSize(b byte) int {
	n := 2
	switch b & 0x7f {
	case 126:
		n = 4
	case 127:
		n = 10
	}
	if b&0x80 != 0 {
		n += 4
	}
	return n
}

// parseHeader reads a complete header.
func parseHeader(b []byte) Header {
	h := Header{
		Fin:    b[0]&0x80 != 0,
		RSV:    b[0] >> 4 & 7,
		Op:     Opcode(b[0] & 0xf),
		Masked: b[1]&0x80 != 0,
		Length: int64(b[1] & 0x7f),
	}
	switch n := 2; h.Length {
	case 126:
		h.Length = int64(binary.BigEndian.Uint16(b[n:]))
	case 127:
		h.Length = int64(binary.BigEndian.Uint64(b[n:]))
	}
	if h.Masked {
		copy(h.Mask[:], b[headerSize(b[1])-4:])
	}
	return h
}

// situation is what decides about a header besides its bytes.
type situation struct {
	role       Role
	fragmented bool  // a message has begun and not ended
	deflate    bool  // permessage-deflate was agreed
	compressed bool  // the message that has begun is compressed
	got        int64 // bytes of its payload on the wire before this frame
}

// checkFirst judges the first byte of a header (RFC 6455 5.2, 5.4, 5.5; RFC 7692 6.1).
func checkFirst(b byte, c situation) *Error {
	op, fin := Opcode(b&0xf), b&0x80 != 0
	if !op.Known() {
		return errOpcode
	}
	if rsv := b >> 4 & 7; rsv != 0 {
		if rsv&^rsv1 != 0 || !c.deflate {
			return errRSV
		}
		if op.Control() || op == Continuation {
			return errRSV1Place
		}
	}
	switch {
	case op.Control():
		if !fin {
			return errControlFin
		}
	case op == Continuation:
		if !c.fragmented {
			return errUnexpected
		}
	case c.fragmented:
		return errInterleaved
	}
	return nil
}

// checkSecond judges the second byte, op being known from the first (RFC 6455 5.1, 5.5).
func checkSecond(op Opcode, b byte, role Role) *Error {
	masked := b&0x80 != 0
	switch {
	case role == Server && !masked:
		return errUnmasked
	case role == Client && masked:
		return errMasked
	case op.Control() && b&0x7f > maxControl:
		return errControlLong
	}
	return nil
}

// checkLength judges the first bytes of an extended length of 2 or 8 bytes, as soon as they show something: the sign bit,
// a longer form than needed, or a value above the limits whatever follows (RFC 6455 5.2, 10.4).
func checkLength(ext []byte, size int, over func(int64) *Error) *Error {
	var v uint64
	for _, b := range ext {
		v = v<<8 | uint64(b)
	}
	switch {
	case size == 8 && len(ext) > 0 && ext[0]&0x80 != 0:
		return errLengthSign
	case size == 8 && len(ext) >= 6 && v>>(8*(len(ext)-6)) == 0:
		return errLengthForm
	case size == 2 && len(ext) == 2 && v <= maxControl:
		return errLengthForm
	}
	return over(int64(v << (8 * (size - len(ext)))))
}
