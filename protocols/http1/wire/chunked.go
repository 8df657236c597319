package wire

import "math"

// Chunked decodes one chunked body (RFC 9112 7.1), as its bytes come. The zero
// value is ready. It costs less than 100 bytes and allocates nothing, but for a
// trailer section with fields, which it copies as it comes.
//
// Chunk extensions are checked and dropped. The bytes of the chunk-size lines,
// 16 bytes for each chunk deducted, may exceed twice those of the data by 16 KiB
// in all, then the body is refused: else a peer could keep a server busy at next to
// no data (CVE-2023-39326).
//
// It is not safe for concurrent use.
type Chunked struct {
	left     int64 // of the chunk's data; while its size is read, the size so far
	excess   int64
	line     int64 // bytes of the chunk-size line so far
	ext      int64 // of these, in extensions
	digits   uint8
	state    chunkState
	err      *Error
	tail     *tail
	trailers []Field
}

// maxExcess is what the chunk-size lines may have over their due.
const maxExcess = 16 << 10

type chunkState uint8

const (
	inSize       chunkState = iota
	inExtName               // behind ';', nothing of the name seen
	inExtNameIn             // in the name
	inExtValue              // behind '=', nothing of the value seen
	inExtToken              // in a token
	inExtQuoted             // in a quoted-string
	inExtEscaped            // behind '\' in it
	inExtEnd                // behind it
	inSizeLF
	inData
	inDataCR
	inDataLF
	inTrailerStart
	inTrailer
	inTrailerLF
	inDone
)

// Reset makes c ready for the next body. Trailers that were returned stay valid.
func (c *Chunked) Reset() { *c = Chunked{} }

// Done reports whether the body is complete, its trailer section included.
func (c *Chunked) Done() bool { return c.state == inDone }

// Next consumes n bytes of b and returns the body's bytes among them, which
// alias b; there may be none. Call it with the bytes that follow, until it is
// Done or n is 0, when it needs more. It consumes nothing beyond the final CRLF.
// A nil lim means the defaults. An error is always an [*Error], comes with no
// data, and is repeated until Reset.
func (c *Chunked) Next(b []byte, lim *Limits) (data []byte, n int, err error) {
	if c.err != nil {
		return nil, 0, c.err
	}
	if lim == nil {
		lim = &defaultLimits
	}
	for n < len(b) && c.err == nil {
		switch c.state {
		case inData:
			end := len(b)
			if int64(end-n) >= c.left {
				end = n + int(c.left)
				c.state = inDataCR
			}
			c.left -= int64(end - n)
			return b[n:end:end], end, nil
		case inDataCR:
			n++
			c.expect(b[n-1], '\r', inDataLF)
		case inDataLF:
			n++
			c.expect(b[n-1], '\n', inSize)
		case inTrailerStart, inTrailer, inTrailerLF:
			var m int
			m, c.err = c.readTrailer(b[n:], lim)
			n += m
		case inDone:
			return nil, n, nil
		default:
			n++
			c.err = c.sizeLine(b[n-1], or(lim.MaxChunkExtBytes, defaultChunkExtBytes))
		}
	}
	if c.err != nil {
		return nil, n, c.err
	}
	return nil, n, nil
}

// expect takes one byte of the CRLF behind a chunk's data.
func (c *Chunked) expect(got, want byte, next chunkState) {
	if got != want {
		c.err = errChunkEnd
	}
	c.state = next
}

// sizeLine takes one byte of a chunk-size line:
//
//	chunk-size [ *( ";" token [ "=" ( token / quoted-string ) ] ) ] CRLF
//
// RFC 9112 7.1.1 would have bad white space parsed around ";" and "=". Nobody
// generates it but to see who reads past it, so it is refused.
func (c *Chunked) sizeLine(b byte, maxExt int) *Error {
	c.line++
	switch c.state {
	case inSize:
		return c.size(b)
	case inSizeLF:
		if b != '\n' {
			return errBareCR
		}
		return c.startChunk()
	}
	if b != '\r' {
		if c.ext++; c.ext > int64(maxExt) {
			return errChunkExtLong
		}
	}
	if c.overhead() > maxExcess {
		return errChunkOverhead
	}
	class := chars[b]
	switch c.state {
	case inExtName, inExtValue:
		switch {
		case class&cToken != 0:
			c.state++
			return nil
		case b == '"' && c.state == inExtValue:
			c.state = inExtQuoted
			return nil
		}
		return badExt(b)
	case inExtNameIn:
		if class&cToken != 0 {
			return nil
		}
		if b == '=' {
			c.state = inExtValue
			return nil
		}
	case inExtToken:
		if class&cToken != 0 {
			return nil
		}
	case inExtQuoted, inExtEscaped:
		// RFC 9110 5.6.4: qdtext and quoted-pair, text but for control characters.
		if class&cText == 0 {
			return badExt(b)
		}
		switch {
		case c.state == inExtEscaped:
			c.state = inExtQuoted
		case b == '"':
			c.state = inExtEnd
		case b == '\\':
			c.state = inExtEscaped
		}
		return nil
	}
	return c.endOfExt(b)
}

// size takes a byte of the size itself: one to sixteen hex digits, below 2^63.
func (c *Chunked) size(b byte) *Error {
	if chars[b]&cHex == 0 {
		if c.digits == 0 {
			return c.badSize(b)
		}
		return c.endOfExt(b)
	}
	if c.digits++; c.digits > 16 {
		return errChunkDigits
	}
	if c.left > math.MaxInt64>>4 {
		return errChunkOverflow
	}
	d := b | 0x20
	if d >= 'a' {
		d -= 'a' - 10
	} else {
		d -= '0'
	}
	c.left = c.left<<4 | int64(d&0xf)
	return nil
}

// endOfExt takes the byte that ends the size or an extension.
func (c *Chunked) endOfExt(b byte) *Error {
	switch b {
	case ';':
		if c.state == inSize {
			c.ext++
		}
		c.state = inExtName
		return nil
	case '\r':
		c.state = inSizeLF
		return nil
	}
	if c.state == inSize {
		return c.badSize(b)
	}
	return badExt(b)
}

func (c *Chunked) badSize(b byte) *Error {
	switch {
	case b == '\n':
		return errBareLF
	case isOWS(b):
		return errChunkSpace
	}
	return errChunkSize
}

func badExt(b byte) *Error {
	switch {
	case b == '\n':
		return errBareLF
	case isOWS(b):
		return errChunkSpace
	}
	return errChunkExt
}

// overhead is the excess with the present line counted in. A declared size earns
// credit at once, as no other line can come before its data.
func (c *Chunked) overhead() int64 {
	return c.excess + c.line - 16 - 2*min(c.left, math.MaxInt32)
}

// startChunk takes a complete chunk-size line.
func (c *Chunked) startChunk() *Error {
	c.excess = max(0, c.overhead())
	if c.excess > maxExcess {
		return errChunkOverhead
	}
	c.state = inData
	if c.left == 0 {
		c.state = inTrailerStart // last-chunk
	}
	c.line, c.ext, c.digits = 0, 0, 0
	return nil
}
