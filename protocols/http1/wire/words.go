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

// notPlain masks the bytes that are not visible ASCII or SP. Only its lowest bit is
// sure: what is not can carry into, and borrow from, the bytes above it.
func notPlain(x uint64) uint64 {
	return ((x - each20) | (x + each01)) & each80
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

// word loads the eight bytes of b from i on, and zeros for what is beyond its
// end. b must be eight bytes long at least, and i not behind its end.
func word(b []byte, i int) uint64 {
	if i <= len(b)-8 {
		return le.Uint64(b[i : i+8]) // b[i:] alone would cost twice as many instructions
	}
	half := uint(i-(len(b)-8)) * 4 & 63 // twice, as a shift by 64 is one too far
	return le.Uint64(b[len(b)-8:]) >> half >> half
}

// skipText returns the index of the first byte of b at or after i that may not
// stand in a field value, HTAB excepted, or len(b).
func skipText(b []byte, i int) int {
	for i < len(b) {
		if len(b) < 8 {
			if chars[b[i]]&cText == 0 {
				return i
			}
			i++
			continue
		}
		m := notText(word(b, i))
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
