package wire

import "math"

// flags is what the known fields said, of which framing and persistence follow.
type flags uint16

const (
	fLength       flags = 1 << iota // Content-Length was there
	fCoding                         // Transfer-Encoding was there
	fChunked                        // and its last coding so far is chunked
	fOtherCoding                    // and names another one too
	fClose                          // Connection: close
	fKeepAlive                      // Connection: keep-alive
	fUpgradeToken                   // Connection: upgrade
	fContinue                       // Expect: 100-continue
	fOtherExpect                    // any other expectation
	fTrailers                       // TE: trailers
)

// bodyFraming is the part of a head that says how long the body is and what
// becomes of the connection.
type bodyFraming struct {
	length int64
	flags  flags
	minor  uint8
}

func (f *bodyFraming) has(x flags) bool { return f.flags&x != 0 }

// noteLength takes a Content-Length: 1*DIGIT, once (RFC 9110 8.6). A recipient
// may also take a list of equal numbers (RFC 9112 6.3); this one does not, as
// who sends it has already read two messages as one.
func (f *bodyFraming) noteLength(v []byte) *Error {
	if f.has(fLength) {
		return errLengthRepeated
	}
	if f.has(fCoding) {
		return errBothLengths // RFC 9112 6.3
	}
	n, ok := parseLength(v)
	if !ok {
		return errLength
	}
	f.length = n
	f.flags |= fLength
	return nil
}

// parseLength reads 1*DIGIT below 2^63. More than 19 digits are refused also if
// they are zeros.
func parseLength(v []byte) (n int64, ok bool) {
	if len(v) == 0 || len(v) > 19 {
		return 0, false
	}
	for _, c := range v {
		d := c - '0'
		if d > 9 || n > (math.MaxInt64-int64(d))/10 {
			return 0, false
		}
		n = n*10 + int64(d)
	}
	return n, true
}

// noteCoding takes a Transfer-Encoding: a list of transfer codings, which goes
// on over all fields of that name (RFC 9112 6.1). Empty elements, which a list
// may have elsewhere (RFC 9110 5.6.1.2), are refused: peers skip or trip over
// them, and what they make of the rest decides where the message ends.
func (f *bodyFraming) noteCoding(v []byte) *Error {
	if f.minor == 0 {
		return errCodingOn10 // RFC 9112 6.1: faulty framing
	}
	if f.has(fLength) {
		return errBothLengths // RFC 9112 6.3
	}
	f.flags |= fCoding
	for {
		i := skip(v, 0, cToken)
		name := v[:i]
		i, params, ok := skipCodingParams(v, i)
		if !ok || len(name) == 0 {
			return errCoding
		}
		if err := f.noteOneCoding(name, params); err != nil {
			return err
		}
		if i == len(v) {
			return nil
		}
		if v[i] != ',' {
			return errCoding
		}
		v = v[skipOWS(v, i+1):]
	}
}

func (f *bodyFraming) noteOneCoding(name []byte, params bool) *Error {
	if !equalFold(name, "chunked") {
		if f.has(fChunked) {
			return errChunkedLast // RFC 9112 6.3 rule 4
		}
		f.flags |= fOtherCoding
		return nil
	}
	if params {
		return errCoding // RFC 9112 7.1: chunked defines none, an error
	}
	if f.has(fChunked) {
		return errChunkedTwice // RFC 9112 6.1
	}
	f.flags |= fChunked
	return nil
}

// skipCodingParams skips *( OWS ";" OWS token "=" ( token / quoted-string ) )
// and white space (RFC 9112 7).
func skipCodingParams(v []byte, i int) (end int, any, ok bool) {
	for {
		i = skipOWS(v, i)
		if i == len(v) || v[i] != ';' {
			return i, any, true
		}
		any = true
		name := skipOWS(v, i+1)
		i = skip(v, name, cToken)
		if i == name || i == len(v) || v[i] != '=' {
			return i, any, false
		}
		i++
		value := i
		if i < len(v) && v[i] == '"' {
			i = skipQuoted(v, i)
		} else {
			i = skip(v, i, cToken)
		}
		if i == value {
			return i, any, false
		}
	}
}

// skipQuoted skips a quoted-string (RFC 9110 5.6.4), of which control characters
// are known not to be there; it returns i if the string does not end.
func skipQuoted(v []byte, i int) int {
	for j := i + 1; j < len(v); j++ {
		switch v[j] {
		case '"':
			return j + 1
		case '\\':
			j++
		}
	}
	return i
}

func skipOWS(v []byte, i int) int {
	for i < len(v) && isOWS(v[i]) {
		i++
	}
	return i
}

// codings says, at the end of a head, what is wrong with the codings as a
// whole. Only now is it known that none comes after the last.
func (f *bodyFraming) codings() *Error {
	if f.has(fOtherCoding) {
		return errCodingUnknown // RFC 9112 6.1: SHOULD respond with 501
	}
	return nil
}

// noteConnection takes a Connection field: a list of options, of which three
// mean something here (RFC 9110 7.6.1).
func (f *bodyFraming) noteConnection(v []byte) {
	for len(v) > 0 {
		var e []byte
		e, v = nextElement(v)
		switch len(e) {
		case 5:
			f.flagIf(e, "close", fClose)
		case 7:
			f.flagIf(e, "upgrade", fUpgradeToken)
		case 10:
			f.flagIf(e, "keep-alive", fKeepAlive)
		}
	}
}

func (f *bodyFraming) flagIf(e []byte, token string, x flags) {
	if equalFold(e, token) {
		f.flags |= x
	}
}

// Minor returns the minor version: 1, which stands for 1.2 to 1.9 too (RFC 9110
// 2.5), or 0.
func (h *head) Minor() int { return int(h.body.minor) }

// ContentLength returns the Content-Length, or -1 if none was given. It is what
// the peer declares: never allocate by it.
func (h *head) ContentLength() int64 {
	if !h.body.has(fLength) {
		return -1
	}
	return h.body.length
}

// Chunked reports whether the body is in chunked transfer coding (RFC 9112 7.1).
func (h *head) Chunked() bool { return h.body.has(fChunked) }

// KeepAlive reports whether the head allows the connection to be used again
// (RFC 9112 9.3): HTTP/1.1 unless it says close, HTTP/1.0 only if it says
// keep-alive and not close.
func (h *head) KeepAlive() bool {
	if h.body.has(fClose) {
		return false
	}
	return h.body.minor == 1 || h.body.has(fKeepAlive)
}
