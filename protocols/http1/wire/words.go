package wire

import "math/bits"

// Eight bytes of a head are looked at together, in one word. A mask has the high
// bit of each byte set for which something holds.
const (
	each01 = 0x0101010101010101
	each05 = 0x0505050505050505
	each1f = 0x1f1f1f1f1f1f1f1f
	each20 = 0x2020202020202020
	each2d = 0x2d2d2d2d2d2d2d2d
	each7f = 0x7f7f7f7f7f7f7f7f
	each80 = 0x8080808080808080
)

// notText masks the bytes that may not stand in a field value, and HTAB: those
// below 0x20, and 0x7f (RFC 9110 5.5). Only its lowest bit is sure: a borrow may
// set one falsely above it.
func notText(x uint64) uint64 {
	return ((x - each20) | ((x ^ each7f) - each01)) & ^x & each80
}

// notName masks the bytes that are neither a letter nor '-': those of which most
// field names are made. Every bit is sure.
func notName(x uint64) uint64 {
	low := x & each7f
	l := low | each20
	letter := (l + each1f) ^ (l + each05) // from 'a' on, but not beyond 'z'
	other := (low ^ each2d) + each7f      // not '-'
	return (other&^letter | x) & each80
}

// firstIn is the index of the lowest byte in a mask that is not 0.
func firstIn(mask uint64) int { return bits.TrailingZeros64(mask) >> 3 }

// wordTail loads the fewer than eight bytes of b from i on, and zeros for what
// is beyond them.
//
//go:noinline
func wordTail(b []byte, i int) uint64 {
	if len(b) >= 8 {
		return le.Uint64(b[len(b)-8:]) >> (8 * (8 - len(b) + i))
	}
	var x uint64
	for j := len(b) - 1; j >= i; j-- {
		x = x<<8 | uint64(b[j])
	}
	return x
}

// skipText returns the index of the first byte of b at or after i that may not
// stand in a field value, HTAB excepted, or len(b).
func skipText(b []byte, i int) int {
	for i < len(b) {
		var x uint64
		if len(b)-i >= 8 {
			x = le.Uint64(b[i:])
		} else {
			x = wordTail(b, i)
		}
		m := notText(x)
		if m == 0 {
			i += 8
			continue
		}
		i += firstIn(m)
		if i >= len(b) || b[i] != '\t' {
			return i
		}
		i++
	}
	return i
}
