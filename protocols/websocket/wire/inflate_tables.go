package wire

import "math/bits"

// An entry of a decoding table: the bits of the code in the low byte, then the number of extra bits, four flags, and a
// value: a literal, the base of a length or distance, or the place of a second table.
type entry = uint32

const (
	extraShift = 8
	valueShift = 16
	isLiteral  = 1 << 12
	isEnd      = 1 << 13
	isLink     = 1 << 14 // extra is the width of the second table
	isBad      = 1 << 15

	literalBits  = 10 // width of the first tables
	distanceBits = 8
	lengthBits   = 7

	maxCode      = 15
	numLiterals  = 288
	numDistances = 32
	numLengths   = 19

	// The most entries that complete codes of those sizes need, as zlib's enough.c counts them.
	literalRoom  = 1334
	distanceRoom = 402
)

// What the symbols mean (RFC 1951 3.2.5), as entries without the length of their codes.
var (
	literalSymbols  [numLiterals]entry
	distanceSymbols [numDistances]entry
	lengthSymbols   [numLengths]entry

	fixedLiterals  [512]entry // RFC 1951 3.2.6
	fixedDistances [32]entry
)

func init() {
	for i := range literalSymbols {
		literalSymbols[i] = isBad
		if i < 256 {
			literalSymbols[i] = isLiteral | entry(i)<<valueShift
		}
	}
	literalSymbols[256] = isEnd
	base := 3
	for i := range 28 {
		extra := max(0, i/4-1)
		literalSymbols[257+i] = entry(base)<<valueShift | entry(extra)<<extraShift
		base += 1 << extra
	}
	literalSymbols[285] = 258 << valueShift
	base = 1
	for i := range distanceSymbols {
		extra := max(0, i/2-1)
		distanceSymbols[i] = entry(base)<<valueShift | entry(extra)<<extraShift
		if i >= 30 {
			distanceSymbols[i] = isBad
		}
		base += 1 << extra
	}
	for i := range lengthSymbols {
		lengthSymbols[i] = isLiteral | entry(i)<<valueShift
	}
	var lens [numLiterals]uint8
	for i := range lens {
		switch {
		case i < 144, i >= 280:
			lens[i] = 8
		case i < 256:
			lens[i] = 9
		default:
			lens[i] = 7
		}
	}
	buildTable(fixedLiterals[:], lens[:], literalSymbols[:], 9)
	for i := range numDistances {
		lens[i] = 5
	}
	buildTable(fixedDistances[:], lens[:numDistances], distanceSymbols[:], 5)
}

// buildTable fills t for the canonical code with the given lengths (RFC 1951 3.2.2): a first table of 1<<root entries,
// second ones behind it. It reports false for a code that is over-subscribed or incomplete, but for one code of one bit,
// and none at all, which a block without distances has.
func buildTable(t []entry, lens []uint8, symbols []entry, root int) bool {
	var count, next [maxCode + 2]int
	for _, l := range lens {
		count[l]++
	}
	count[0] = 0
	left, longest := 1, 0
	for l := 1; l <= maxCode; l++ {
		next[l+1] = (next[l] + count[l]) << 1
		if left = left<<1 - count[l]; left < 0 {
			return false
		}
		if count[l] > 0 {
			longest = l
		}
	}
	if left > 0 {
		if longest > 1 {
			return false
		}
		for i := range t[:1<<root] {
			t[i] = isBad | 1
		}
	}
	b := tableBuilder{t: t, root: root, longest: longest, free: 1 << root, prefix: -1, count: count}
	var sorted [numLiterals]uint16
	order, n := firsts(&count), 0
	for sym, l := range lens {
		if l > 0 {
			sorted[order[l]] = uint16(sym)
			order[l]++
			n++
		}
	}
	for _, sym := range sorted[:n] {
		l := int(lens[sym])
		b.put(int(bits.Reverse16(uint16(next[l]))>>(16-l)), l, symbols[sym])
		next[l]++
	}
	return true
}

// firsts is where the codes of each length begin, sorted by length.
func firsts(count *[maxCode + 2]int) (at [maxCode + 2]int) {
	for l := 1; l <= maxCode; l++ {
		at[l+1] = at[l] + count[l]
	}
	return at
}

type tableBuilder struct {
	t             []entry
	root, longest int
	free          int // where the next second table goes
	prefix, at    int // the present second table: the bits that lead to it, its place
	width         int
	count         [maxCode + 2]int // codes of each length still to come
}

// put enters one code, its bits in the order in which they come. Codes come in canonical order.
func (b *tableBuilder) put(code, length int, sym entry) {
	e := sym | entry(length)
	if length <= b.root {
		for i := code; i < 1<<b.root; i += 1 << length {
			b.t[i] = e
		}
		b.count[length]--
		return
	}
	if prefix := code & (1<<b.root - 1); prefix != b.prefix {
		b.prefix, b.at = prefix, b.free
		b.width = length - b.root
		for left := 1 << b.width; b.root+b.width < b.longest; left <<= 1 {
			if left -= b.count[b.root+b.width]; left <= 0 {
				break
			}
			b.width++
		}
		b.free += 1 << b.width
		b.t[prefix] = isLink | entry(b.root) | entry(b.width)<<extraShift | entry(b.at)<<valueShift
	}
	for i := code >> b.root; i < 1<<b.width; i += 1 << (length - b.root) {
		b.t[b.at+i] = e
	}
	b.count[length]--
}
