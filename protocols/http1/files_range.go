package http1

import (
	"cmp"
	"crypto/rand"
	"fmt"
	"slices"
	"strconv"
)

// byteRange is a part of a file: n bytes from off.
type byteRange struct{ off, n int64 }

// rangeGap is how many bytes between two ranges are sent rather than a new part's head (RFC 9110 section 15.3.7.2).
const rangeGap = 80

// parseRanges reads a Range field (RFC 9110 section 14.1.1) for a file of size bytes. ok is false for a field that is to be
// ignored: another unit, what is not well formed, more than limit ranges, and any range of an empty file. Ranges that cannot
// be satisfied are left out; if none is left, the answer is 416.
//
// Ranges that overlap, or that hardly anything lies between, come out as one, and then in ascending order: so an answer is
// never larger than the file and the heads of limit parts (RFC 9110 section 17.15).
func parseRanges(v string, size int64, limit int) (ranges []byteRange, ok bool) {
	const unit = "bytes="
	if len(v) < len(unit) || !foldEqual(v[:len(unit)], unit) || size == 0 {
		return nil, false
	}
	v = v[len(unit):]
	specs := 0
	for more := true; more; {
		spec := v
		i := indexComma(v)
		if more = i >= 0; more {
			spec, v = v[:i], v[i+1:]
		}
		spec = trimSpace(spec)
		if spec == "" { // an empty list element (RFC 9110 section 5.6.1.2)
			continue
		}
		if specs++; specs > limit {
			return nil, false
		}
		r, good := parseRange(spec, size)
		if !good {
			return nil, false
		}
		if r.n > 0 {
			ranges = append(ranges, r)
		}
	}
	return coalesce(ranges), specs > 0
}

func foldEqual(a, lower string) bool {
	for i := range len(a) {
		c := a[i]
		if 'A' <= c && c <= 'Z' {
			c |= 0x20
		}
		if c != lower[i] {
			return false
		}
	}
	return true
}

func indexComma(s string) int {
	for i := range len(s) {
		if s[i] == ',' {
			return i
		}
	}
	return -1
}

func trimSpace(s string) string {
	for s != "" && (s[0] == ' ' || s[0] == '\t') {
		s = s[1:]
	}
	for s != "" && (s[len(s)-1] == ' ' || s[len(s)-1] == '\t') {
		s = s[:len(s)-1]
	}
	return s
}

// parseRange reads one range; n is 0 if it cannot be satisfied.
func parseRange(spec string, size int64) (r byteRange, ok bool) {
	dash := -1
	for i := range len(spec) {
		if c := spec[i]; c == '-' && dash < 0 {
			dash = i
		} else if c < '0' || c > '9' {
			return r, false
		}
	}
	if dash < 0 {
		return r, false
	}
	first, last := spec[:dash], spec[dash+1:]
	switch {
	case first == "" && last == "":
		return r, false
	case first == "": // the last bytes
		n := min(position(last), size)
		return byteRange{size - n, n}, true
	}
	from := position(first)
	to := size - 1
	if last != "" {
		if to = position(last); to < from {
			return r, false // RFC 9110 section 14.1.1: not valid
		}
		to = min(to, size-1)
	}
	if from >= size {
		return r, true
	}
	return byteRange{from, to - from + 1}, true
}

// position reads digits; what is too large for any file is the largest number.
func position(s string) int64 {
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil {
		return 1<<63 - 1
	}
	return n
}

// coalesce joins ranges that overlap or almost touch; if none do, they stay in the order of the request.
func coalesce(ranges []byteRange) []byteRange {
	if len(ranges) < 2 {
		return ranges
	}
	sorted := slices.Clone(ranges)
	slices.SortFunc(sorted, func(a, b byteRange) int { return cmp.Compare(a.off, b.off) })
	joined := sorted[:1]
	for _, r := range sorted[1:] {
		last := &joined[len(joined)-1]
		if r.off-(last.off+last.n) < rangeGap {
			last.n = max(last.n, r.off+r.n-last.off)
			continue
		}
		joined = append(joined, r)
	}
	if len(joined) == len(ranges) {
		return ranges
	}
	return joined
}

// appendContentRange appends the value of Content-Range (RFC 9110 section 14.4).
func (r byteRange) appendContentRange(dst []byte, size int64) []byte {
	dst = append(dst, "bytes "...)
	dst = strconv.AppendInt(dst, r.off, 10)
	dst = append(dst, '-')
	dst = strconv.AppendInt(dst, r.off+r.n-1, 10)
	dst = append(dst, '/')
	return strconv.AppendInt(dst, size, 10)
}

// rangeParts are the heads of a multipart/byteranges body (RFC 9110 section 14.6), and its end.
type rangeParts struct {
	ctype  string
	heads  [][]byte
	end    []byte
	length int64 // of the whole body
}

func makeParts(ranges []byteRange, ctype string, size int64) rangeParts {
	var random [15]byte
	rand.Read(random[:]) // never fails
	boundary := fmt.Sprintf("%x", random)
	p := rangeParts{ctype: "multipart/byteranges; boundary=" + boundary}
	for i, r := range ranges {
		var h []byte
		if i > 0 {
			h = append(h, crlf...)
		}
		h = append(h, "--"+boundary+"\r\n"...)
		if ctype != "" {
			h = append(h, "Content-Type: "+ctype+"\r\n"...)
		}
		h = append(h, "Content-Range: "...)
		h = append(r.appendContentRange(h, size), "\r\n\r\n"...)
		p.heads = append(p.heads, h)
		p.length += int64(len(h)) + r.n
	}
	p.end = []byte("\r\n--" + boundary + "--\r\n")
	p.length += int64(len(p.end))
	return p
}
