package wire

import (
	"encoding/binary"
	"math/bits"
	"math/rand/v2"

	"github.com/gobwas/ws"
)

// longPayload is the length from which gobwas/ws's assembly is the faster: twice as fast from 1 KiB on, and slower below 250 bytes, or
// with an offset, for which the mask is turned here.
const longPayload = 512

// Cipher masks p in place, or unmasks it, which is the same (RFC 6455 5.3). The offset is that of p's first byte in the
// payload of the frame, so that a payload can be masked in pieces. It works on 32 bytes at a time or more, and allocates nothing.
func Cipher(p []byte, mask [4]byte, offset int) {
	m := bits.RotateLeft32(binary.LittleEndian.Uint32(mask[:]), -8*(offset&3))
	if len(p) >= longPayload {
		var turned [4]byte
		binary.LittleEndian.PutUint32(turned[:], m)
		ws.Cipher(p, turned, 0)
		return
	}
	m8 := uint64(m)<<32 | uint64(m)
	for len(p) >= 32 {
		q := (*[32]byte)(p)
		binary.LittleEndian.PutUint64(q[0:8], binary.LittleEndian.Uint64(q[0:8])^m8)
		binary.LittleEndian.PutUint64(q[8:16], binary.LittleEndian.Uint64(q[8:16])^m8)
		binary.LittleEndian.PutUint64(q[16:24], binary.LittleEndian.Uint64(q[16:24])^m8)
		binary.LittleEndian.PutUint64(q[24:32], binary.LittleEndian.Uint64(q[24:32])^m8)
		p = p[32:]
	}
	for len(p) >= 8 {
		binary.LittleEndian.PutUint64(p, binary.LittleEndian.Uint64(p)^m8)
		p = p[8:]
	}
	for i := range p {
		p[i] ^= byte(m8 >> (8 * i))
	}
}

// NewMask returns an unpredictable masking key (RFC 6455 10.3), from the runtime's ChaCha8 generator, which the system's
// entropy seeds. It is safe from any goroutine, and takes nanoseconds.
func NewMask() (mask [4]byte) {
	binary.LittleEndian.PutUint32(mask[:], rand.Uint32())
	return mask
}
