package multipart

import (
	"bytes"
	"mime"
	"strings"
)

// Limits bound what a Parser takes. 0 is the default, negative unlimited.
type Limits struct {
	// MaxParts bounds the parts; 0: 100.
	MaxParts int
	// MaxHeadBytes bounds the head of each part; 0: 8 KiB.
	MaxHeadBytes int
	// MaxHeadFields bounds its fields; 0: 16.
	MaxHeadFields int
}

const (
	defaultParts      = 100
	defaultHeadBytes  = 8 << 10
	defaultHeadFields = 16
	// maxPadding bounds the white space behind a boundary.
	maxPadding = 256
)

// Event is what Parser.Next has met.
type Event uint8

const (
	// More: nothing yet; the next bytes are needed.
	More Event = iota
	// PartBegin: the head of a part is complete; Part has it.
	PartBegin
	// Data: bytes of the part.
	Data
	// PartEnd: the part is complete.
	PartEnd
)

type parserState uint8

const (
	inPreamble parserState = iota
	inDelimiter
	inHead
	inBody
	inEpilogue
)

// Where in a delimiter line behind the boundary.
type delimiterState uint8

const (
	atStart delimiterState = iota
	atDash
	atPadding
	atCR
	atFinal
	atFinalCR
)

// Parser takes a multipart/form-data body apart, as it comes. It holds the head of one part at the most, and no byte of the
// parts' data. It is not safe for concurrent use.
type Parser struct {
	lim       Limits
	delimiter []byte // CRLF, two dashes, the boundary
	state     parserState
	at        delimiterState
	matched   int  // bytes of delimiter that the input so far ends with
	virtual   bool // its CRLF is that of the line before
	last      byte // of the preamble
	padding   int
	line      []byte // of a head
	headBytes int
	fields    int
	parts     int
	part      Part
	err       error
}

// Boundary gives the boundary parameter of a Content-Type field.
func Boundary(contentType string) (string, error) {
	typ, params, err := mime.ParseMediaType(contentType)
	if typ != "multipart/form-data" {
		return "", ErrType
	}
	b := params["boundary"]
	if err != nil || !validBoundary(b) {
		return "", ErrBoundary
	}
	return b, nil
}

// validBoundary is RFC 2046 section 5.1.1.
func validBoundary(b string) bool {
	if b == "" || len(b) > 70 || b[len(b)-1] == ' ' {
		return false
	}
	for i := range len(b) {
		c := b[i]
		alnum := '0' <= c && c <= '9' || 'a' <= c|0x20 && c|0x20 <= 'z'
		if !alnum && strings.IndexByte("'()+_,-./:=? ", c) < 0 {
			return false
		}
	}
	return true
}

// NewParser gives a Parser for a body with that boundary.
func NewParser(boundary string, lim Limits) (*Parser, error) {
	if !validBoundary(boundary) {
		return nil, ErrBoundary
	}
	lim.MaxParts = or(lim.MaxParts, defaultParts)
	lim.MaxHeadBytes = or(lim.MaxHeadBytes, defaultHeadBytes)
	lim.MaxHeadFields = or(lim.MaxHeadFields, defaultHeadFields)
	p := &Parser{lim: lim, delimiter: []byte("\r\n--" + boundary)}
	p.lineBegins()
	return p, nil
}

func or[T int | int64](v, def T) T {
	switch {
	case v == 0:
		return def
	case v < 0:
		return T(^uint(0) >> 1)
	}
	return v
}

// Part is the head of the part that began last. It does not change later.
func (p *Parser) Part() Part { return p.part }

// Next goes on with in and returns how many bytes it took, and what it met there; More only when it has taken all. data is for
// Data only: a part of in, or of the Parser, valid until the next call. An error is final.
func (p *Parser) Next(in []byte) (n int, ev Event, data []byte, err error) {
	for p.err == nil {
		if n == len(in) {
			return n, More, nil, nil
		}
		var k int
		switch p.state {
		case inPreamble:
			k, data, _ = p.scan(in[n:])
			p.preamble(data)
			data = nil
		case inBody:
			var found bool
			k, data, found = p.scan(in[n:])
			switch {
			case found:
				return n + k, PartEnd, nil, nil
			case len(data) > 0:
				return n + k, Data, data, nil
			}
		case inDelimiter:
			k = p.readDelimiter(in[n:])
		case inHead:
			var done bool
			if k, done = p.readHead(in[n:]); done {
				return n + k, PartBegin, nil, nil
			}
		case inEpilogue: // RFC 2046 section 5.1.1: to be ignored
			k = len(in) - n
		}
		n += k
	}
	return n, More, nil, p.err
}

// End says whether the body may end here.
func (p *Parser) End() error {
	switch {
	case p.err != nil:
		return p.err
	case p.state == inEpilogue, p.state == inDelimiter && p.at == atFinal:
		return nil
	}
	p.err = ErrTruncated
	return p.err
}

// preamble looks at what comes before the first boundary, which is to be ignored (RFC 2046 section 5.1.1). One with a bare LF is
// refused: others would see a line end there, and perhaps a boundary.
func (p *Parser) preamble(b []byte) {
	for _, c := range b {
		if c == '\n' && p.last != '\r' {
			p.err = ErrDelimiter
			return
		}
		p.last = c
	}
}

// lineBegins has the delimiter match without a CRLF of its own.
func (p *Parser) lineBegins() { p.matched, p.virtual = 2, true }

// scan looks for the delimiter. It gives the bytes before it, or says that it was found; neither if more is needed. The delimiter
// has one CR, its first byte, so what began like it and is not can only begin again at another CR.
func (p *Parser) scan(in []byte) (n int, data []byte, found bool) {
	d := p.delimiter
	if p.matched > 0 {
		for n < len(in) && p.matched < len(d) && in[n] == d[p.matched] {
			n++
			p.matched++
		}
		switch {
		case p.matched == len(d):
			p.startDelimiter()
			return n, nil, true
		case n == len(in):
			return n, nil, false
		}
		data = d[:p.matched]
		if p.virtual {
			data = d[2:p.matched]
		}
		p.matched, p.virtual = 0, false
		return n, data, false
	}
	if i := bytes.Index(in, d); i == 0 {
		p.startDelimiter()
		return len(d), nil, true
	} else if i > 0 {
		return i, in[:i], false
	}
	for i := max(0, len(in)-len(d)+1); i < len(in); i++ {
		if in[i] == '\r' && bytes.HasPrefix(d, in[i:]) {
			p.matched = len(in) - i
			return len(in), in[:i], false
		}
	}
	return len(in), in, false
}

func (p *Parser) startDelimiter() {
	p.state, p.at = inDelimiter, atStart
	p.matched, p.virtual, p.padding = 0, false, 0
}

// readDelimiter reads the rest of a delimiter line (RFC 2046 section 5.1.1).
func (p *Parser) readDelimiter(in []byte) int {
	for i, c := range in {
		pad := c == ' ' || c == '\t'
		if pad {
			p.padding++
		}
		switch {
		case p.padding > maxPadding:
			p.err = ErrDelimiter
		case p.at == atStart && c == '-':
			p.at = atDash
		case p.at == atDash && c == '-':
			p.at = atFinal
		case p.at == atStart && pad:
			p.at = atPadding
		case (p.at == atPadding || p.at == atFinal) && pad:
		case (p.at == atStart || p.at == atPadding) && c == '\r':
			p.at = atCR
		case p.at == atFinal && c == '\r':
			p.at = atFinalCR
		case p.at == atCR && c == '\n':
			p.startHead()
			return i + 1
		case p.at == atFinalCR && c == '\n':
			p.state = inEpilogue
			return i + 1
		default:
			p.err = ErrDelimiter
		}
		if p.err != nil {
			return i
		}
	}
	return len(in)
}

func (p *Parser) startHead() {
	p.state = inHead
	p.line, p.headBytes, p.fields = p.line[:0], 0, 0
	p.part = Part{}
	if p.parts++; p.parts > p.lim.MaxParts {
		p.err = ErrTooManyParts
	}
}

// readHead reads a line of a part's head, or a piece of it; done at the empty line.
func (p *Parser) readHead(in []byte) (n int, done bool) {
	i := bytes.IndexByte(in, '\n')
	n = i + 1
	if i < 0 {
		n = len(in)
	}
	if p.headBytes += n; p.headBytes > p.lim.MaxHeadBytes {
		p.err = ErrHeadTooLarge
		return 0, false
	}
	p.line = append(p.line, in[:n]...)
	if i < 0 {
		return n, false
	}
	line, ok := bytes.CutSuffix(p.line, []byte("\r\n"))
	if !ok {
		p.err = ErrHead
		return 0, false
	}
	p.line = p.line[:0]
	if len(line) > 0 {
		if p.fields++; p.fields > p.lim.MaxHeadFields {
			p.err = ErrHeadTooLarge
			return 0, false
		}
		p.err = p.part.field(line)
		return n, false
	}
	if !p.part.disposed {
		p.err = ErrDisposition
		return 0, false
	}
	p.state = inBody
	p.lineBegins() // a part without data may end at once
	return n, true
}
