package wire

import "bytes"

// Field is one field line, with copied strings that stay valid.
type Field struct {
	// Name and Value are as they were sent, the value without the white space around it.
	Name, Value string
}

// tail is the trailer section while it comes.
type tail struct {
	head
	bytes []byte
}

// Trailers returns the fields of the trailer section, in order, once the body is
// Done; nil if there are none. They are copies.
//
// A Content-Length, Transfer-Encoding or Host there is refused: it can only be
// meant for a peer that takes trailers for header fields. Other fields that RFC
// 9110 6.5.1 does not allow in trailers, because they are needed before the body
// (routing, request modifiers, authentication, content format), are dropped.
func (c *Chunked) Trailers() []Field { return c.trailers }

// readTrailer consumes bytes of the trailer section (RFC 9112 7.1.2). They are
// copied line by line, since they may come in many pieces and since what follows
// the section is not ours.
func (c *Chunked) readTrailer(b []byte, lim *Limits) (n int, err *Error) {
	switch {
	case c.state == inTrailerLF:
		if b[0] != '\n' {
			return 1, errBareCR
		}
		c.state = inDone
		return 1, nil
	case c.state == inTrailerStart && b[0] == '\r':
		c.state = inTrailerLF // no fields: nothing to keep
		return 1, nil
	case c.state == inTrailerStart:
		c.state, c.tail = inTrailer, &tail{head: head{state: sField}}
	}
	t, limit := c.tail, or(lim.MaxTrailerBytes, defaultTrailerBytes)
	for n < len(b) {
		piece := b[n:]
		if lf := bytes.IndexByte(piece, '\n'); lf >= 0 {
			piece = piece[:lf+1]
		}
		if room := limit - len(t.bytes); len(piece) > room {
			piece = piece[:room]
		}
		t.bytes = append(t.bytes, piece...)
		n += len(piece)
		done, err := t.read(or(lim.MaxTrailers, defaultTrailers))
		if err != nil {
			return n, err
		}
		if done {
			c.trailers, c.tail, c.state = t.take(), nil, inDone
			return n, nil
		}
		if len(t.bytes) >= limit {
			return n, errTrailerTooLarge
		}
	}
	return n, nil
}

// read looks at the bytes that were added.
func (t *tail) read(maxFields int) (done bool, err *Error) {
	t.buf = t.bytes
	for {
		ev, k, err := t.scan(t.bytes, maxFields)
		switch ev {
		case eMore:
			return false, nil
		case eDone:
			return true, nil
		case eLine:
			if k == kHost || k == kContentLength || k == kTransferEncoding {
				return false, errTrailer
			}
		case eError:
			if err == errTooManyFields {
				err = errTooManyTrailers
			}
			return false, err
		}
	}
}

// take copies out the fields that are allowed: one string for all, and the
// slice.
func (t *tail) take() []Field {
	all := string(t.bytes)
	fields := make([]Field, 0, len(t.fields))
	for _, f := range t.fields {
		if name := all[f.name:f.colon]; !forbiddenTrailer(name) {
			fields = append(fields, Field{name, all[f.value:f.end]})
		}
	}
	if len(fields) == 0 {
		return nil
	}
	return fields
}

// notTrailers are the fields that must be known before the body (RFC 9110
// 6.5.1): framing and routing, connection control, request modifiers,
// authentication, response control, content format.
var notTrailers = [...]string{
	"Content-Length", "Transfer-Encoding", "Host", "Trailer", "Connection", "Keep-Alive",
	"Proxy-Connection", "Upgrade", "TE", "Expect", "Max-Forwards", "Range", "Cache-Control",
	"Pragma", "If-Match", "If-None-Match", "If-Modified-Since", "If-Unmodified-Since", "If-Range",
	"Authorization", "Proxy-Authorization", "WWW-Authenticate", "Proxy-Authenticate", "Cookie",
	"Set-Cookie", "Age", "Expires", "Date", "Location", "Retry-After", "Vary", "Content-Encoding",
	"Content-Type", "Content-Range", "Forwarded", "X-Forwarded-For", "X-Forwarded-Host",
	"X-Forwarded-Proto", "X-Real-IP",
}

func forbiddenTrailer(name string) bool {
	for _, f := range notTrailers {
		if equalFold(name, f) {
			return true
		}
	}
	return false
}
