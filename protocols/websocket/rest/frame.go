package rest

import (
	"encoding/binary"

	hwire "github.com/calandria-go/calandria/protocols/http1/wire"
)

// The kinds of messages. docs/websocket-rest.md describes them.
const (
	kindRequest  = 1
	kindResponse = 2
	kindData     = 3
	kindWindow   = 4
	kindCancel   = 5
	kindGoAway   = 6
)

// The flags of a message.
const (
	flagEnd      = 1 // the body ends with this message
	flagAnswer   = 2 // of the one who answers the request, not of the one who made it
	flagNoAnswer = 4 // no answer is wanted
	allFlags     = flagEnd | flagAnswer | flagNoAnswer
)

// The codes of a cancellation.
const (
	cancelDone     = 0 // nothing more of the body is wanted; the answer stands
	cancelGiven    = 1 // the one who asked has given up
	cancelDeadline = 2 // the deadline has passed
	cancelInternal = 3 // the handler failed in the middle of its answer
)

const (
	// window is how many bytes of a body may be on the way before the receiver has allowed more.
	window = 64 << 10
	// maxWindow bounds what may have been allowed.
	maxWindow = 1<<31 - 1
	// maxPiece is the most of a body that one message of ours has, so that bodies share the connection.
	maxPiece = 16 << 10
	// maxReason bounds the text of a cancellation.
	maxReason = 256
	// fieldCost is added for each field in Config.MaxHeadBytes.
	fieldCost = 32
)

// field is a header field.
type field struct{ name, value string }

// frame is a message.
type frame struct {
	kind, flags    byte
	id             uint64
	timeout        uint64 // milliseconds; 0: none
	method, target string
	status         int
	fields         []field
	n              uint64 // the increment of a window, the code of a cancellation
	data           []byte // a piece of a body, or the text of a cancellation
}

func (f *frame) end() bool { return f.flags&flagEnd != 0 }

// append renders the message.
func (f *frame) append(b []byte) []byte {
	b = append(b, f.kind, f.flags)
	b = binary.AppendUvarint(b, f.id)
	switch f.kind {
	case kindRequest:
		b = binary.AppendUvarint(b, f.timeout)
		b = appendString(appendString(b, f.method), f.target)
		b = appendFields(b, f.fields)
	case kindResponse:
		b = binary.AppendUvarint(b, uint64(f.status))
		b = appendFields(b, f.fields)
	case kindWindow, kindCancel:
		b = binary.AppendUvarint(b, f.n)
	}
	return append(b, f.data...)
}

func appendString(b []byte, s string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

func appendFields(b []byte, fields []field) []byte {
	b = binary.AppendUvarint(b, uint64(len(fields)))
	for _, f := range fields {
		b = appendString(appendString(b, f.name), f.value)
	}
	return b
}

// scanner takes a message apart. After the first error it gives nothing.
type scanner struct {
	b   []byte
	err error
}

func (s *scanner) fail(why violation) {
	if s.err == nil {
		s.err = why
	}
	s.b = nil
}

// number takes a varint, in its shortest form.
func (s *scanner) number() uint64 {
	v, n := binary.Uvarint(s.b)
	if n <= 0 || n > 1 && s.b[n-1] == 0 {
		s.fail("bad number")
		return 0
	}
	s.b = s.b[n:]
	return v
}

func (s *scanner) text() string {
	n := s.number()
	if n > uint64(len(s.b)) {
		s.fail("a string is longer than its message")
		return ""
	}
	v := string(s.b[:n])
	s.b = s.b[n:]
	return v
}

// fields takes the fields of a head. Memory follows what is there, not the number that is announced.
func (s *scanner) fields(lim *Config, used int) (all []field) {
	n := s.number()
	for range n {
		if s.err != nil {
			return nil
		}
		f := field{s.text(), s.text()}
		used += len(f.name) + len(f.value) + fieldCost
		switch {
		case s.err != nil:
		case len(all) >= lim.MaxFields || used > lim.MaxHeadBytes:
			s.fail("head is too large")
		case !hwire.ValidToken(f.name) || !hwire.ValidFieldValue(f.value):
			s.fail("bad field")
		}
		all = append(all, f)
	}
	return all
}

// parseFrame reads a message. Its data is a part of b.
func parseFrame(b []byte, lim *Config) (frame, error) {
	if len(b) < 2 {
		return frame{}, violation("message is too short")
	}
	f := frame{kind: b[0], flags: b[1]}
	s := &scanner{b: b[2:]}
	f.id = s.number()
	answers, want := byte(0), byte(allFlags)
	switch f.kind {
	case kindRequest:
		f.timeout = s.number()
		f.method, f.target = s.text(), s.text()
		used := len(f.method) + len(f.target)
		if s.err == nil && used > lim.MaxHeadBytes {
			s.fail("head is too large")
		}
		if s.err == nil && (!hwire.ValidToken(f.method) || !validTarget(f.target)) {
			s.fail("bad method or target")
		}
		f.fields = s.fields(lim, used)
		f.data, want = s.b, flagEnd|flagNoAnswer
	case kindResponse:
		status := s.number()
		if s.err == nil && (status < 200 || status > 999) {
			s.fail("bad status")
		}
		f.status = int(min(status, 999))
		f.fields = s.fields(lim, 0)
		f.data, answers, want = s.b, flagAnswer, flagEnd|flagAnswer
	case kindData:
		f.data, want = s.b, flagEnd|flagAnswer
	case kindWindow:
		if f.n = s.number(); s.err == nil && (f.n == 0 || f.n > maxWindow || len(s.b) > 0) {
			s.fail("bad window")
		}
		want = flagAnswer
	case kindCancel:
		f.n = s.number()
		if f.data, want = s.b, flagAnswer; len(f.data) > maxReason {
			s.fail("reason is too long")
		}
	case kindGoAway:
		if want = 0; s.err == nil && (f.id != 0 || len(s.b) > 0) {
			s.fail("bad message")
		}
	default:
		s.fail("unknown kind of message")
	}
	if f.flags&^want != 0 || f.flags&answers != answers {
		s.fail("bad flags")
	}
	if s.err != nil {
		return frame{}, s.err
	}
	return f, nil
}

// validTarget says whether a target is printable ASCII and begins as one: with a slash, or as "*" alone.
func validTarget(t string) bool {
	if t == "*" {
		return true
	}
	if t == "" || t[0] != '/' {
		return false
	}
	for i := range len(t) {
		if t[i] <= ' ' || t[i] >= 0x7f {
			return false
		}
	}
	return true
}
