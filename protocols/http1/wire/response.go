package wire

// BodyKind says how the end of a response's body is found (RFC 9112 6.3).
type BodyKind uint8

// The kinds of a body.
const (
	BodyNone       BodyKind = iota // there is none
	BodyFixed                      // so many bytes as said
	BodyChunked                    // chunked; see [Chunked]
	BodyUntilClose                 // all until the server closes
)

// String returns "none", "fixed", "chunked" or "until-close".
func (k BodyKind) String() string {
	switch k {
	case BodyNone:
		return "none"
	case BodyFixed:
		return "fixed"
	case BodyChunked:
		return "chunked"
	case BodyUntilClose:
		return "until-close"
	}
	return "unknown kind"
}

// Response is the parsed head of one response, and the state of parsing it: the
// client's counterpart of [Request], with the same costs and the same rules for
// its zero value, for reuse and for what its methods return.
type Response struct {
	head
	reason, reasonEnd int32
	status            int16
}

// Reset makes r ready for the next head. It keeps the field table and lets go of
// the bytes.
func (r *Response) Reset() {
	f := r.fields
	*r = Response{}
	r.fields = f[:0]
}

// Parse goes on with the head that starts at b[0], as [Request.Parse] does, and
// is as strict; no empty line may come before a status line. An interim (1xx)
// response is a head of its own: parse it, Reset, and go on with what follows
// it.
func (r *Response) Parse(b []byte, lim *Limits) (n int, err error) {
	if lim == nil {
		lim = &defaultLimits
	}
	if r.state == sDone {
		r.Reset()
	}
	if r.err == nil {
		n, r.err = r.parse(b, lim)
	}
	if r.err != nil {
		return 0, r.err
	}
	return n, nil
}

func (r *Response) parse(b []byte, lim *Limits) (int, *Error) {
	r.buf = b
	maxHead := or(lim.MaxHeadBytes, defaultHeadBytes)
	var tooLarge *Error
	if len(b) >= maxHead {
		b = b[:maxHead]
		tooLarge = errHeadTooLarge
	}
	if r.state < sField {
		if err := r.scanLine(b); err != nil {
			return 0, err
		}
		if r.state < sField {
			return 0, tooLarge
		}
	}
	maxFields := or(lim.MaxFields, defaultFields)
	for {
		var err *Error
		ev, k := r.takeLines(b, maxFields)
		if ev == eMore {
			ev, k, err = r.scan(b, maxFields)
		}
		switch ev {
		case eMore:
			return 0, tooLarge
		case eLine:
			err = r.note(k)
		case eDone:
			if err = r.body.codings(); err == nil {
				return int(r.pos), nil
			}
		}
		if err != nil {
			return 0, err
		}
	}
}

// scanLine goes on with the status line (RFC 9112 4).
func (r *Response) scanLine(b []byte) (err *Error) {
	i := int(r.pos)
	if r.state == sStart {
		if i, err = r.scanVersion(b, i); err != nil {
			return err
		}
	}
	if r.state == sStatus {
		if i, err = r.scanStatus(b, i); err != nil {
			return err
		}
	}
	if r.state == sReason {
		i = skipText(b, i)
		if i < len(b) {
			if b[i] != '\r' {
				return badStatusLine(b[i])
			}
			r.reasonEnd, r.state = int32(i), sLineLF
			i++
		}
	}
	if r.state == sLineLF && i < len(b) {
		if b[i] != '\n' {
			return errBareCR
		}
		r.state = sField
		i++
	}
	r.pos = int32(i)
	return nil
}

// scanVersion goes on in the version, until the SP behind it.
func (r *Response) scanVersion(b []byte, i int) (int, *Error) {
	i, err := skipVersion(b, 0, i)
	if err != nil || i == len(b) {
		return i, err
	}
	if b[i] != ' ' {
		return i, badStatusLine(b[i])
	}
	if r.body.minor, err = version(b); err != nil {
		return i, err
	}
	r.state, r.mark = sStatus, int32(i+1)
	return i + 1, nil
}

// scanStatus goes on in the code: three digits (RFC 9112 4), and a SP. Without a
// reason some servers leave the SP out as well; nothing else can be meant.
func (r *Response) scanStatus(b []byte, i int) (int, *Error) {
	end := int(r.mark) + 3
	for ; i < len(b) && i < end; i++ {
		switch c := b[i]; {
		case c == '\n':
			return i, errBareLF
		case chars[c]&cDigit == 0, r.status == 0 && c == '0':
			return i, errStatusCode // RFC 9110 15: below 100 there is no class
		default:
			r.status = r.status*10 + int16(c-'0')
		}
	}
	if i == len(b) {
		return i, nil
	}
	switch b[i] {
	case ' ':
		r.state, r.reason = sReason, int32(i+1)
	case '\r':
		r.state, r.reason, r.reasonEnd = sLineLF, int32(i), int32(i)
	default:
		return i, badStatusLine(b[i])
	}
	return i + 1, nil
}

func badStatusLine(c byte) *Error {
	if c == '\n' {
		return errBareLF
	}
	return errStatusLine
}

// note takes a complete field of a known kind.
func (r *Response) note(k kind) *Error {
	_, v := r.Field(len(r.fields) - 1)
	switch k {
	case kContentLength:
		return r.body.noteLength(v)
	case kTransferEncoding:
		if r.status < 200 || r.status == 204 {
			return errCodingStatus // RFC 9112 6.1: MUST NOT send
		}
		return r.body.noteCoding(v)
	case kConnection:
		r.body.noteConnection(v)
	}
	return nil
}

// Status returns the status code: 100 to 999. One above 599 belongs to no class;
// RFC 9110 15 has a client take it as a 5xx.
func (r *Response) Status() int { return int(r.status) }

// Reason returns the reason phrase, perhaps empty. It means nothing to a
// program.
func (r *Response) Reason() []byte { return r.buf[r.reason:r.reasonEnd:r.reasonEnd] }

// Framing says how the body of this response to a request with that method is
// delimited, and its length if that is [BodyFixed] (RFC 9112 6.3). The answer to
// HEAD and the statuses 1xx, 204 and 304 have none, whatever the fields say; after a
// 2xx to CONNECT what follows is the tunnel, not a body.
func (r *Response) Framing(method string) (kind BodyKind, length int64) {
	switch s := r.status; {
	case method == "HEAD", s < 200, s == 204, s == 304:
		return BodyNone, 0
	case method == "CONNECT" && s < 300:
		return BodyNone, 0
	case r.Chunked():
		return BodyChunked, 0
	case r.body.has(fLength):
		return BodyFixed, r.body.length
	}
	return BodyUntilClose, 0
}
