package sse

import (
	"bytes"
	"errors"
	"strings"
	"time"
)

// ErrTooLarge: a line or an event is larger than the Parser takes.
var ErrTooLarge = errors.New("sse: event too large")

const defaultMaxEvent = 1 << 20

// Parser reads a stream of events as it comes, in pieces of any size, by the rules of the HTML standard, section 9.2.6. The
// zero value is ready. It keeps at most MaxEvent bytes twice, and is not safe for concurrent use.
type Parser struct {
	// MaxEvent bounds a line, and an event's data; 0: 1 MiB; negative: unlimited.
	MaxEvent int

	line    []byte // what came of a line
	data    []byte
	hasData bool
	name    string
	id      string // as of this event
	last    string
	retry   time.Duration
	set     time.Duration
	begun   bool // the byte order mark was looked for
	cr      bool // the last byte was CR: LF belongs to it
	err     error
}

// LastEventID is what a client sends as Last-Event-ID when it comes back.
func (p *Parser) LastEventID() string { return p.last }

// Retry is the last time given after which a client comes back; 0: none was.
func (p *Parser) Retry() time.Duration { return p.retry }

// Feed takes the next bytes and calls f with each event that is complete: one with data, whose ID is the last that was given, and
// whose Retry is what it set itself. What is not complete at the end of the stream is to be dropped. ErrTooLarge is final.
func (p *Parser) Feed(b []byte, f func(e Event)) error {
	for len(b) > 0 && p.err == nil {
		if p.cr {
			p.cr = false
			if b[0] == '\n' {
				b = b[1:]
				continue
			}
		}
		i := bytes.IndexAny(b, "\r\n")
		if i < 0 {
			return p.keep(b)
		}
		if err := p.keep(b[:i]); err != nil {
			return err
		}
		p.cr = b[i] == '\r'
		b = b[i+1:]
		p.endLine(f)
	}
	return p.err
}

func (p *Parser) limit() int {
	switch {
	case p.MaxEvent == 0:
		return defaultMaxEvent
	case p.MaxEvent < 0:
		return int(^uint(0) >> 1)
	}
	return p.MaxEvent
}

func (p *Parser) keep(b []byte) error {
	if len(b) > p.limit()-len(p.line) {
		p.err = ErrTooLarge
		return p.err
	}
	p.line = append(p.line, b...)
	return nil
}

var byteOrderMark = []byte("\xef\xbb\xbf")

// endLine interprets a line.
func (p *Parser) endLine(f func(e Event)) {
	line := p.line
	if !p.begun {
		p.begun = true
		line = bytes.TrimPrefix(line, byteOrderMark)
	}
	if len(line) == 0 {
		p.dispatch(f)
	} else {
		name, value, _ := bytes.Cut(line, []byte(":"))
		if len(value) > 0 && value[0] == ' ' {
			value = value[1:]
		}
		p.field(string(name), value)
	}
	p.line = p.line[:0]
}

func (p *Parser) field(name string, value []byte) {
	switch name { // a comment has an empty one
	case "event":
		p.name = text(value)
	case "data":
		if len(value)+1 > p.limit()-len(p.data) {
			p.err = ErrTooLarge
			return
		}
		p.data = append(append(p.data, value...), '\n')
		p.hasData = true
	case "id":
		if bytes.IndexByte(value, 0) < 0 {
			p.id = text(value)
		}
	case "retry":
		if ms, ok := digits(value); ok {
			p.retry, p.set = ms, ms
		}
	}
}

// text replaces what is not UTF-8, as decoding the stream does.
func text(b []byte) string { return strings.ToValidUTF8(string(b), "\ufffd") }

// digits reads milliseconds; a number beyond all reason is not one.
func digits(b []byte) (time.Duration, bool) {
	n := int64(0)
	for _, c := range b {
		if c < '0' || c > '9' || n > 1e11 {
			return 0, false
		}
		n = n*10 + int64(c-'0')
	}
	return time.Duration(n) * time.Millisecond, len(b) > 0
}

// dispatch ends an event.
func (p *Parser) dispatch(f func(e Event)) {
	p.last = p.id
	e := Event{ID: p.last, Name: p.name, Retry: p.set}
	p.name, p.set = "", 0
	if !p.hasData {
		return
	}
	e.Data = text(p.data[:len(p.data)-1]) // without the last LF
	p.data, p.hasData = p.data[:0], false
	if cap(p.data) > 64<<10 {
		p.data = nil
	}
	f(e)
}
