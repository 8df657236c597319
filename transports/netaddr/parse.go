package netaddr

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/netip"
)

// ParseConfig has the limits of Parse. The zero value of each is a safe default; a negative one means unlimited.
type ParseConfig struct {
	// MaxEntries bounds the networks of one text, after ranges are cut into networks; 0: 1,048,576. More are ErrTooLarge.
	MaxEntries int
	// MaxLineBytes bounds a line; 0: 1 KiB. A longer one is a bad line.
	MaxLineBytes int
	// MaxBytes bounds the text; 0: 64 MiB. A longer one is ErrTooLarge.
	MaxBytes int64
	// MaxErrors bounds the bad lines that are kept in Report.Bad; all are counted. 0: 100.
	MaxErrors int
	// Strict makes one bad line an error. Without it bad lines are reported and left out.
	Strict bool
}

// Errors of Parse.
var (
	// ErrTooLarge: a text has more bytes or networks than ParseConfig allows. Nothing of it is used.
	ErrTooLarge = errors.New("netaddr: list too large")
	// ErrNoEntries: a text has bad lines and no good one. It is probably something else, such as a server's error page.
	ErrNoEntries = errors.New("netaddr: not a list of networks")
)

const (
	defaultMaxEntries = 1 << 20
	defaultMaxLine    = 1 << 10
	defaultMaxBytes   = 64 << 20
	defaultMaxErrors  = 100
)

// LineError is a bad line.
type LineError struct {
	// Line counts from 1.
	Line int
	// Text is what is wrong with it, as it stands there, cut to 64 bytes.
	Text string
	// Err is why.
	Err error
}

// Error names the line.
func (e *LineError) Error() string {
	return fmt.Sprintf("netaddr: line %d: %q: %v", e.Line, e.Text, e.Err)
}

// Unwrap is the reason.
func (e *LineError) Unwrap() error { return e.Err }

// Report is what Parse saw.
type Report struct {
	// Lines is how many lines the text has; Entries how many networks were in them, repeated ones included.
	Lines, Entries int
	// BadLines is how many lines were left out.
	BadLines int
	// Bad are the first of them, as many as ParseConfig.MaxErrors says.
	Bad []LineError
}

var errLongLine = errors.New("line too long")

// Parse reads networks in the form of Spamhaus's DROP and FireHOL's lists: one to a line, an address, a network or a range
// "a-b" of addresses, IPv4 or IPv6; what follows ';' or '#' is a comment; empty lines, CRLF and a byte order mark are fine.
//
// A bad line is left out and reported, unless c.Strict. A text without any good line but with bad ones is ErrNoEntries; one
// without either is an empty set. On an error there is no set. r is read in pieces of MaxLineBytes at least.
func Parse(r io.Reader, c ParseConfig) (*Set, Report, error) {
	p := parser{
		maxEntries: int64(limit(int64(c.MaxEntries), defaultMaxEntries)), maxBytes: limit(c.MaxBytes, defaultMaxBytes),
		maxErrors: int(limit(int64(c.MaxErrors), defaultMaxErrors)), strict: c.Strict, set: &Set{},
	}
	maxLine := int(min(limit(int64(c.MaxLineBytes), defaultMaxLine), p.maxBytes))
	if err := p.read(r, maxLine); err != nil {
		return nil, p.report, err
	}
	if p.report.Entries == 0 && p.report.BadLines > 0 {
		return nil, p.report, fmt.Errorf("%w: %w", ErrNoEntries, &p.report.Bad[0])
	}
	return p.set, p.report, nil
}

func limit(v, def int64) int64 {
	switch {
	case v == 0:
		return def
	case v < 0:
		return 1<<63 - 1
	}
	return v
}

type parser struct {
	maxEntries, maxBytes int64
	maxErrors            int
	strict               bool
	bytes                int64
	set                  *Set
	report               Report
}

// read takes the text line by line. A line that is longer than maxLine is passed over in pieces.
func (p *parser) read(r io.Reader, maxLine int) error {
	b := bufio.NewReaderSize(r, min(max(maxLine+2, 4<<10), 1<<20)) // the two are CRLF
	var long []byte                                                // the beginning of a line that the buffer does not hold
	isLong := false
	for {
		piece, err := b.ReadSlice('\n')
		if p.bytes += int64(len(piece)); p.bytes > p.maxBytes {
			return ErrTooLarge
		}
		switch {
		case err == nil || err == io.EOF:
			line := piece
			if isLong {
				line = append(long, piece...)
			}
			if len(line) > 0 {
				if e := p.line(line, maxLine); e != nil {
					return e
				}
			}
			long, isLong = long[:0], false
			if err == io.EOF {
				return nil
			}
		case errors.Is(err, bufio.ErrBufferFull):
			isLong = true
			if len(long) <= maxLine { // enough to see that it is too long
				long = append(long, piece...)
			}
		default:
			return err
		}
	}
}

var bom = []byte("\xef\xbb\xbf")

// line takes one line, its end included.
func (p *parser) line(b []byte, maxLine int) error {
	p.report.Lines++
	if p.report.Lines == 1 {
		b = bytes.TrimPrefix(b, bom)
	}
	b = bytes.TrimSuffix(bytes.TrimSuffix(b, []byte("\n")), []byte("\r"))
	if len(b) > maxLine {
		return p.bad(b, errLongLine)
	}
	if i := bytes.IndexAny(b, ";#"); i >= 0 {
		b = b[:i]
	}
	b = bytes.Trim(b, " \t")
	if len(b) == 0 {
		return nil
	}
	err := eachPrefix(string(b), func(n netip.Prefix) error {
		if int64(p.report.Entries) >= p.maxEntries {
			return ErrTooLarge
		}
		p.report.Entries++
		p.set.table.Insert(n)
		return nil
	})
	if err == nil || err == ErrTooLarge {
		return err
	}
	return p.bad(b, err)
}

// bad notes a bad line; in strict mode it is the error.
func (p *parser) bad(b []byte, why error) error {
	p.report.BadLines++
	e := LineError{Line: p.report.Lines, Text: string(b[:min(len(b), 64)]), Err: why}
	if len(p.report.Bad) < max(p.maxErrors, 1) {
		p.report.Bad = append(p.report.Bad, e)
	}
	if p.strict {
		return &e
	}
	return nil
}
