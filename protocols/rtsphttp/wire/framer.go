package wire

import (
	"bytes"
	"encoding/binary"
)

// Kind is what Framer.Next has found.
type Kind uint8

const (
	// More: the bytes that are there begin something that needs more of them.
	More Kind = iota
	// Media are bytes of interleaved frames (RFC 2326 section 10.12), to be passed on as they are: several frames, or a part of one.
	Media
	// Message is a message: head and body, or the head alone if bodies come apart.
	Message
	// Body are bytes of a message's body.
	Body
)

// String is the kind's name.
func (k Kind) String() string { return [...]string{"More", "Media", "Message", "Body"}[k] }

const (
	// DefaultHead bounds a message's head, in bytes.
	DefaultHead = 16 << 10
	// DefaultBody bounds the body of a message that is looked at as a whole, in bytes. With a head it stays below what a
	// reactor keeps unconsumed by default.
	DefaultBody = 44 << 10
	// maxMethod bounds the first word of a message.
	maxMethod = 32
)

// Framer finds the messages and the media of one direction of an RTSP connection. The zero value takes whole messages of any
// method, with the default limits. It holds no bytes.
type Framer struct {
	// MaxHead bounds a head; 0: DefaultHead.
	MaxHead int
	// MaxBody bounds a body, where it belongs to the message; 0: DefaultBody.
	MaxBody int
	// Bodies has bodies come as Body, in pieces, and not with their message.
	Bodies bool
	// Known refuses what is neither a response nor one of the methods that a server sends: so that a stream which is no RTSP
	// shows at its first bytes.
	Known bool

	left   int  // of a frame, or of a body that comes in pieces
	body   bool // left is of a body
	seen   int  // of a head that is not complete: so far no end of it
	length int  // of the body of the message that was found
}

// Boundary reports whether a message or a frame may begin at the next byte: nothing has begun that is not complete. A head of
// which Next said More has begun, but none of it was passed on.
func (f *Framer) Boundary() bool { return f.left == 0 }

// Left is how many bytes are missing of the frame, or of the body that comes in pieces, which Next has begun to give.
func (f *Framer) Left() int { return f.left }

// Next looks at b, which is what was not consumed of the stream so far, and says what it begins with, and how many bytes that
// are. Media is taken as far as it is there. For More call again with the same bytes and those that follow. An error is always
// an *Error; nothing can be found behind it. It allocates nothing.
func (f *Framer) Next(b []byte) (Kind, int, error) {
	if f.body {
		n := min(f.left, len(b))
		if n == 0 {
			return More, 0, nil
		}
		f.left -= n
		f.body = f.left > 0
		return Body, n, nil
	}
	if n := f.media(b); n > 0 {
		return Media, n, nil
	}
	if len(b) == 0 || b[0] == '$' {
		return More, 0, nil
	}
	return f.message(b)
}

// media returns how many bytes of b are of interleaved frames. A frame's head that is cut is left.
func (f *Framer) media(b []byte) (n int) {
	for {
		k := min(f.left, len(b)-n)
		n += k
		if f.left -= k; f.left > 0 || len(b)-n < 4 || b[n] != '$' {
			return n
		}
		f.left = 4 + int(binary.BigEndian.Uint16(b[n+2:]))
	}
}

// message finds a message at the beginning of b, which is not empty.
func (f *Framer) message(b []byte) (Kind, int, error) {
	if n := len(b) - len(bytes.TrimLeft(b, "\r\n")); n > 0 {
		return Media, n, nil // empty lines in front of a message are ignored (RFC 2326 section 4.1), and so passed on
	}
	if err := f.checkStart(b); err != nil {
		return More, 0, err
	}
	limit := or(f.MaxHead, DefaultHead)
	end := f.headEnd(b[:min(len(b), limit)])
	if end == 0 {
		if len(b) >= limit {
			return More, 0, ErrHeadTooLarge
		}
		return More, 0, nil
	}
	length, err := contentLength(b[:end])
	if err != nil {
		return More, 0, err
	}
	if f.Bodies {
		f.seen, f.length = 0, length
		f.left, f.body = length, length > 0
		return Message, end, nil
	}
	if length > or(f.MaxBody, DefaultBody) {
		return More, 0, ErrBodyTooLarge
	}
	if len(b) < end+length {
		return More, 0, nil
	}
	f.seen, f.length = 0, length
	return Message, end + length, nil
}

// BodyLength is the length of the body of the message that Next has found.
func (f *Framer) BodyLength() int { return f.length }

// headEnd returns the length of the head at b[0], 0 if it is not complete. It goes on where it was.
func (f *Framer) headEnd(b []byte) int {
	for i := max(f.seen-3, 0); ; {
		k := bytes.IndexByte(b[min(i, len(b)):], '\n')
		if k < 0 {
			f.seen = len(b)
			return 0
		}
		i += k
		i++
		switch rest := b[i:]; {
		case len(rest) > 0 && rest[0] == '\n':
			return i + 1
		case len(rest) > 1 && rest[0] == '\r' && rest[1] == '\n':
			return i + 2
		}
	}
}

// serverMethods are the methods that a server may send (RFC 2326 section 10, RFC 7826 section 13).
var serverMethods = []string{
	"OPTIONS ", "ANNOUNCE ", "GET_PARAMETER ", "SET_PARAMETER ", "REDIRECT ", "PLAY_NOTIFY ", "TEARDOWN ",
}

// checkStart refuses what cannot begin a message, at the first byte that shows it.
func (f *Framer) checkStart(b []byte) error {
	if begins(b, "RTSP/") {
		return nil
	}
	if f.Known {
		for _, m := range serverMethods {
			if begins(b, m) {
				return nil
			}
		}
		return ErrStart
	}
	for i, c := range b[:min(len(b), maxMethod+1)] {
		switch {
		case c == ' ' && i > 0:
			return nil
		case c >= 'A' && c <= 'Z', c == '_' && i > 0, c == '-' && i > 0:
		default:
			return ErrStart
		}
	}
	if len(b) > maxMethod {
		return ErrStart
	}
	return nil
}

// begins reports whether b begins with s, as far as b goes.
func begins(b []byte, s string) bool {
	n := min(len(b), len(s))
	return string(b[:n]) == s[:n]
}

// contentLength finds the length of the body in a head.
func contentLength(head []byte) (int, error) {
	length, found := 0, false
	for line := range bytes.Lines(head) {
		name, value, ok := bytes.Cut(line, colon)
		if !ok || !equalFold(bytes.TrimRight(name, " \t"), "content-length") {
			continue
		}
		n, ok := number(bytes.TrimSpace(value))
		if !ok || found && n != length {
			return 0, ErrLength
		}
		length, found = n, true
	}
	return length, nil
}

var colon = []byte(":")

// number reads a decimal number of at most nine digits.
func number(b []byte) (n int, ok bool) {
	if len(b) == 0 || len(b) > 9 {
		return 0, false
	}
	for _, c := range b {
		if c < '0' || c > '9' {
			return 0, false
		}
		n = n*10 + int(c-'0')
	}
	return n, true
}

func equalFold(b []byte, lower string) bool {
	if len(b) != len(lower) {
		return false
	}
	for i, c := range b {
		if c >= 'A' && c <= 'Z' {
			c += 'a' - 'A'
		}
		if c != lower[i] {
			return false
		}
	}
	return true
}

func or(v, def int) int {
	if v == 0 {
		return def
	}
	return v
}
