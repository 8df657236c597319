package wire

import "unicode/utf8"

// utf8Check checks text that comes in pieces. It carries an unfinished character of at most three bytes from one piece to
// the next, and fails at the first byte that no valid text can have there (RFC 3629; RFC 6455 8.1).
type utf8Check struct {
	carry [4]byte
	n     uint8
}

// push takes the next piece and reports whether the text may still become valid. Whole pieces are checked by utf8.Valid,
// at many bytes per cycle for ASCII.
func (c *utf8Check) push(p []byte) bool {
	for c.n > 0 && len(p) > 0 {
		c.carry[c.n] = p[0]
		c.n++
		p = p[1:]
		if seq := c.carry[:c.n]; utf8.FullRune(seq) { // complete, or bad already
			if r, size := utf8.DecodeRune(seq); r == utf8.RuneError && size <= 1 {
				return false
			}
			c.n = 0
		}
	}
	tail := unfinished(p)
	if !utf8.Valid(p[:len(p)-tail]) {
		return false
	}
	if tail > 0 {
		c.n = uint8(copy(c.carry[:], p[len(p)-tail:]))
	}
	return true
}

// done reports whether the text may end here, and makes c ready for the next.
func (c *utf8Check) done() bool {
	whole := c.n == 0
	c.n = 0
	return whole
}

// unfinished is the length of a character that p ends inside of: 0 to 3.
func unfinished(p []byte) int {
	for i := 1; i <= min(3, len(p)); i++ {
		if b := p[len(p)-i]; utf8.RuneStart(b) {
			if utf8.FullRune(p[len(p)-i:]) {
				return 0
			}
			return i
		}
	}
	return 0
}
