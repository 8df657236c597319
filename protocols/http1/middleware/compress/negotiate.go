package compress

import (
	"bytes"

	"github.com/calandria-go/calandria/protocols/http1/wire"
)

// coding is a content coding (RFC 9110 section 8.4.1).
type coding uint8

const (
	identity coding = iota
	gzipCoding
	deflate // the zlib format, RFC 9110 section 8.4.1.2
	br
	zstdCoding
	codings
)

var codingNames = [codings]string{"identity", "gzip", "deflate", "br", "zstd"}

// codingOf is the coding of that name, in any letter case. x-gzip is gzip (RFC 9110 section 8.4.1.3).
func codingOf(name []byte) (c coding, ok bool) {
	for c, n := range codingNames {
		if len(n) == len(name) && equalFold(name, n) {
			return coding(c), true
		}
	}
	return gzipCoding, equalFold(name, "x-gzip")
}

// equalFold compares with lower-case ASCII.
func equalFold(b []byte, lower string) bool {
	if len(b) != len(lower) {
		return false
	}
	for i, c := range b {
		if 'A' <= c && c <= 'Z' {
			c |= 0x20
		}
		if c != lower[i] {
			return false
		}
	}
	return true
}

// weights are the quality values of an Accept-Encoding, in thousandths; negative: not mentioned.
type weights struct {
	of    [codings]int
	star  int
	field bool // there is the field
}

func readWeights(r *wire.Request) (w weights) {
	w.star = -1
	for c := range w.of {
		w.of[c] = -1
	}
	for i := range r.NumFields() {
		name, value := r.Field(i)
		if len(name) == len("Accept-Encoding") && equalFold(name, "accept-encoding") {
			w.field = true
			w.add(value)
		}
	}
	return w
}

// add takes a list of codings with weights (RFC 9110 section 12.5.3). What is malformed is as if it were not there; of two
// weights of one coding the lower one counts, so that one who excludes a coding never gets it.
func (w *weights) add(list []byte) {
	for len(list) > 0 {
		element := list
		if i := bytes.IndexByte(list, ','); i >= 0 {
			element, list = list[:i], list[i+1:]
		} else {
			list = nil
		}
		name, q, ok := parseElement(element)
		if !ok {
			continue
		}
		at := &w.star
		if c, known := codingOf(name); known {
			at = &w.of[c]
		} else if string(name) != "*" {
			continue
		}
		if *at < 0 || q < *at {
			*at = q
		}
	}
}

// parseElement reads "coding", or "coding;q=0.5" with optional white space around the semicolon.
func parseElement(e []byte) (name []byte, q int, ok bool) {
	name, weight, weighted := bytes.Cut(e, []byte(";"))
	name = bytes.Trim(name, " \t")
	if !weighted {
		return name, 1000, len(name) > 0
	}
	weight = bytes.Trim(weight, " \t")
	if len(weight) < 3 || weight[0]|0x20 != 'q' || weight[1] != '=' {
		return nil, 0, false
	}
	q, ok = qvalue(weight[2:])
	return name, q, ok && len(name) > 0
}

// qvalue reads a weight of RFC 9110 section 12.4.2 in thousandths.
func qvalue(b []byte) (q int, ok bool) {
	if len(b) > 5 || b[0] != '0' && b[0] != '1' || len(b) > 1 && b[1] != '.' {
		return 0, false
	}
	q = int(b[0]-'0') * 1000
	unit := 100
	for _, c := range b[min(2, len(b)):] {
		if c < '0' || c > '9' {
			return 0, false
		}
		q += int(c-'0') * unit
		unit /= 10
	}
	return q, q <= 1000
}

// choose gives the coding of those offered that the client likes best; the first one among equals, and before identity. A
// request that accepts none, not even identity, gets identity all the same (RFC 9110 section 12.5.3 allows it). One without
// the field gets identity: it would have to take anything, but those that do not ask are those that cannot decode.
func (w *weights) choose(offered []coding) coding {
	best, bestQ := identity, max(w.of[identity], 0)
	for _, c := range offered {
		q := w.of[c]
		if q < 0 {
			q = w.star
		}
		if q > bestQ || q > 0 && q == bestQ && best == identity {
			best, bestQ = c, q
		}
	}
	return best
}
