package wire

import "encoding/binary"

type inflateState uint8

const (
	blockHeader  inflateState = iota
	storedLength              // of a stored block
	storedData
	tableSizes // of a block with codes of its own
	codeLengths
	codes     // the lengths of those codes
	symbols   // what is compressed
	matchCopy // a match that the window had no room for
)

// inflation decompresses DEFLATE (RFC 1951) as its bytes come, into a window that is emptied whenever it is full. It can
// stop at every byte of the input: whatever it reads at once (a symbol with its extra bits and the distance's, 48 bits at
// most) fits into bits, and is taken from there only as a whole.
type inflation struct {
	window  []byte // ring of the latest output; grows to limit, then wraps
	wr, rd  int    // output goes to wr, and was taken up to rd
	limit   int    // size of the window that was agreed
	wrapped bool

	bits  uint64
	nbits uint
	state inflateState
	final bool // the present block is the last of its stream
	ended bool // so was the one before; a new stream may begin
	rest  int  // bytes of a stored block, or of a match, to copy
	dist  int  // of the match

	nlit, ndist, nclen, at int
	lens                   [320]uint8
	lit, dst               []entry
	litRoot, dstRoot       uint8

	litTable [literalRoom]entry
	dstTable [distanceRoom]entry
}

// firstWindow is the size that a window begins with; it doubles while history fills it.
const firstWindow = 1 << 10

// room makes room for output: it reports false if the window must be emptied first.
func (f *inflation) room() bool {
	if f.wr < len(f.window) {
		return true
	}
	if len(f.window) < f.limit && !f.wrapped {
		w := make([]byte, min(f.limit, max(firstWindow, 2*len(f.window))))
		copy(w, f.window)
		f.window = w
		return true
	}
	if f.rd < f.wr {
		return false
	}
	f.wr, f.rd, f.wrapped = 0, 0, true
	return true
}

// need fills bits until there are n, and reports whether there are. It takes input from *in.
func (f *inflation) need(n uint, in *[]byte) bool {
	for f.nbits < n && len(*in) > 0 {
		f.bits |= uint64((*in)[0]) << f.nbits
		f.nbits += 8
		*in = (*in)[1:]
	}
	return f.nbits >= n
}

func (f *inflation) drop(n uint) uint64 {
	v := f.bits & (1<<n - 1)
	f.bits >>= n
	f.nbits -= n
	return v
}

// run decompresses until the input is used up or the window is full, and returns what is left of the input.
func (f *inflation) run(in []byte) (rest []byte, err *Error) {
	for more := true; more && err == nil; {
		switch f.state {
		case blockHeader:
			more, err = f.header(&in)
		case storedLength:
			more, err = f.storedLength(&in)
		case storedData:
			more = f.stored(&in)
		case tableSizes:
			more, err = f.sizes(&in)
		case codeLengths:
			more, err = f.codeLengths(&in)
		case codes:
			more, err = f.codeTables(&in)
		case symbols:
			in, more, err = f.symbols(in)
		case matchCopy:
			more = f.match()
		}
	}
	return in, err
}

func (f *inflation) header(in *[]byte) (bool, *Error) {
	if !f.need(3, in) {
		return false, nil
	}
	f.ended = false
	f.final = f.drop(1) == 1
	switch f.drop(2) {
	case 0:
		f.state = storedLength
		f.drop(f.nbits & 7) // RFC 1951 3.2.4: up to the next byte
	case 1:
		f.lit, f.litRoot, f.dst, f.dstRoot = fixedLiterals[:], 9, fixedDistances[:], 5
		f.state = symbols
	case 2:
		f.state = tableSizes
	default:
		return false, errDeflate
	}
	return true, nil
}

// endBlock goes on behind a block. A last block ends its stream at a byte's edge; RFC 7692 7.2.3.4 has another follow.
func (f *inflation) endBlock() {
	f.state = blockHeader
	if f.final {
		f.drop(f.nbits & 7)
		f.ended = true
	}
}

func (f *inflation) storedLength(in *[]byte) (bool, *Error) {
	if !f.need(32, in) {
		return false, nil
	}
	n := f.drop(16)
	if n != ^f.drop(16)&0xffff {
		return false, errDeflate
	}
	f.rest = int(n)
	f.state = storedData
	return true, nil
}

func (f *inflation) stored(in *[]byte) bool {
	for f.rest > 0 {
		if !f.room() {
			return false
		}
		if f.nbits > 0 {
			f.window[f.wr] = byte(f.drop(8))
			f.wr++
			f.rest--
			continue
		}
		n := copy(f.window[f.wr:], (*in)[:min(f.rest, len(*in))])
		if n == 0 {
			return false
		}
		f.wr += n
		f.rest -= n
		*in = (*in)[n:]
	}
	f.endBlock()
	return true
}

// sizes reads HLIT, HDIST and HCLEN (RFC 1951 3.2.7).
func (f *inflation) sizes(in *[]byte) (bool, *Error) {
	if !f.need(14, in) {
		return false, nil
	}
	f.nlit = int(f.drop(5)) + 257
	f.ndist = int(f.drop(5)) + 1
	f.nclen = int(f.drop(4)) + 4
	if f.nlit > 286 || f.ndist > 30 {
		return false, errDeflate
	}
	f.lens = [320]uint8{}
	f.at = 0
	f.state = codeLengths
	return true, nil
}

var codeOrder = [numLengths]uint8{16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15}

func (f *inflation) codeLengths(in *[]byte) (bool, *Error) {
	for f.at < f.nclen {
		if !f.need(3, in) {
			return false, nil
		}
		f.lens[codeOrder[f.at]] = uint8(f.drop(3))
		f.at++
	}
	if !buildTable(f.litTable[:], f.lens[:numLengths], lengthSymbols[:], lengthBits) || f.lens == [320]uint8{} {
		return false, errDeflate
	}
	f.lens, f.at, f.state = [320]uint8{}, 0, codes
	return true, nil
}

// codeTables reads the lengths of the codes and builds their tables.
func (f *inflation) codeTables(in *[]byte) (bool, *Error) {
	for f.at < f.nlit+f.ndist {
		if !f.need(14, in) && f.nbits == 0 {
			return false, nil
		}
		e := f.litTable[f.bits&(1<<lengthBits-1)]
		n := uint(e & 0xff)
		if n > f.nbits {
			return false, nil
		}
		if e&isBad != 0 {
			return false, errDeflate
		}
		sym := uint8(e >> valueShift)
		if sym < 16 {
			f.drop(n)
			f.lens[f.at] = sym
			f.at++
			continue
		}
		extra, least, value := uint(2), 3, uint8(0)
		switch {
		case sym == 17:
			extra = 3
		case sym == 18:
			extra, least = 7, 11
		case f.at == 0:
			return false, errDeflate
		default:
			value = f.lens[f.at-1]
		}
		if n+extra > f.nbits {
			return false, nil
		}
		f.drop(n)
		end := f.at + least + int(f.drop(extra))
		if end > f.nlit+f.ndist {
			return false, errDeflate
		}
		for ; f.at < end; f.at++ {
			f.lens[f.at] = value
		}
	}
	lit, dist := f.lens[:f.nlit], f.lens[f.nlit:f.nlit+f.ndist]
	if lit[256] == 0 || !buildTable(f.litTable[:], lit, literalSymbols[:], literalBits) ||
		!buildTable(f.dstTable[:], dist, distanceSymbols[:], distanceBits) {
		return false, errDeflate
	}
	f.lit, f.litRoot, f.dst, f.dstRoot = f.litTable[:], literalBits, f.dstTable[:], distanceBits
	f.state = symbols
	return true, nil
}

// symbols decompresses a block's data: the hot loop.
func (f *inflation) symbols(in []byte) (rest []byte, more bool, err *Error) {
	bits, nbits, wr, window := f.bits, f.nbits, f.wr, f.window
	lit, litRoot, litMask := f.lit, uint(f.litRoot), uint64(1)<<f.litRoot-1
	i := 0
	for {
		if wr == len(window) {
			f.wr = wr
			if !f.room() {
				break
			}
			wr, window = f.wr, f.window
		}
		if nbits < 48 {
			if len(in)-i >= 8 {
				bits |= binary.LittleEndian.Uint64(in[i:]) << nbits
				i += int((63 - nbits) >> 3)
				nbits |= 56
			} else {
				for nbits <= 56 && i < len(in) {
					bits |= uint64(in[i]) << nbits
					i++
					nbits += 8
				}
			}
		}
		e := lit[bits&litMask]
		if e&isLink != 0 {
			e = lit[uint64(e>>valueShift)+bits>>litRoot&(1<<(e>>extraShift&0xf)-1)]
		}
		n := uint(e & 0xff)
		if n > nbits {
			break
		}
		if e&isLiteral != 0 {
			window[wr] = byte(e >> valueShift)
			wr++
			bits >>= n & 63
			nbits -= n
			continue
		}
		if e&(isEnd|isBad) != 0 {
			if e&isBad != 0 {
				err = errDeflate
				break
			}
			bits >>= n & 63
			nbits -= n
			f.endAt(bits, nbits, wr)
			return in[i:], true, nil
		}
		length, dist, used, bad := f.pair(e, bits)
		if used > nbits {
			break
		}
		if bad {
			err = errDeflate
			break
		}
		bits >>= used & 63
		nbits -= used
		if err = f.reach(dist, wr); err != nil {
			break
		}
		if src := wr - dist; src >= 0 && wr+length <= len(window) {
			end := wr + length
			for wr < end {
				wr += copy(window[wr:end], window[src:wr])
			}
			continue
		}
		f.wr, f.rest, f.dist = wr, length, dist
		f.match()
		wr, window = f.wr, f.window
		if f.state == matchCopy {
			break
		}
	}
	f.bits, f.nbits, f.wr = bits&(1<<nbits-1), nbits, wr
	return in[i:], false, err
}

func (f *inflation) endAt(bits uint64, nbits uint, wr int) {
	f.bits, f.nbits, f.wr = bits&(1<<nbits-1), nbits, wr
	f.endBlock()
}

// pair reads what follows the symbol of a length: its extra bits, the symbol of the distance, and its extra bits. It says
// how many bits that is; if there are fewer the values mean nothing.
func (f *inflation) pair(e entry, bits uint64) (length, dist int, used uint, bad bool) {
	used = uint(e & 0xff)
	extra := uint(e >> extraShift & 0xf)
	length = int(e>>valueShift) + int(bits>>used&(1<<extra-1))
	used += extra
	b := bits >> used
	d := f.dst[b&(1<<f.dstRoot-1)]
	if d&isLink != 0 {
		d = f.dst[uint64(d>>valueShift)+b>>f.dstRoot&(1<<(d>>extraShift&0xf)-1)]
	}
	n := uint(d & 0xff)
	extra = uint(d >> extraShift & 0xf)
	dist = int(d>>valueShift) + int(b>>n&(1<<extra-1))
	return length, dist, used + n + extra, d&isBad != 0
}

// reach judges a distance at the place wr of the window.
func (f *inflation) reach(dist, wr int) *Error {
	switch {
	case dist > f.limit:
		return errDistance
	case dist > wr && !f.wrapped:
		return errDeflate // before the first byte
	}
	return nil
}

// match copies what is left of a match, and reports whether it could.
func (f *inflation) match() bool {
	for f.rest > 0 {
		if !f.room() {
			f.state = matchCopy
			return false
		}
		src := f.wr - f.dist
		if src < 0 {
			src += len(f.window)
		}
		end := min(f.wr+f.rest, len(f.window))
		n := len(f.window) - src
		if src < f.wr {
			n = f.wr - src
		}
		n = copy(f.window[f.wr:end], f.window[src:src+n])
		f.wr += n
		f.rest -= n
	}
	f.state = symbols
	return true
}
