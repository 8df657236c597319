package http1

import (
	"net/http"
	"time"

	"github.com/calandria-go/calandria/protocols/http1/wire"
	"github.com/calandria-go/calandria/reactor"
)

// loopState is what the HTTP connections of one loop share.
type loopState struct {
	out      []byte // answers of the batch that OnData handles
	tmp      []byte // one answer made outside of OnData
	filtered []byte // what a filter has made
	free     []*Exchange
	second   int64
	dateAt   time.Duration // the loop's clock when the second was looked at
	date     []byte        // the rendered Date field
	ok       []byte        // the status line of a 200, and date
	ctype    string        // the content type that was rendered last
	cfield   []byte        // and its field

	// The head of the last answer that needed nothing but a 200, a type and a length: many have the same.
	plain     []byte
	plainType string
	plainLen  int
	plainSet  *settings
}

const (
	// freeExchanges bounds the exchanges that a loop keeps for reuse.
	freeExchanges = 32
	keepScratch   = 128 << 10
)

type loopStateKey struct{}

func loopStateOf(c *reactor.Conn) *loopState {
	return c.LoopLocal(loopStateKey{}, func() any { return &loopState{} }).(*loopState)
}

// dateField renders the Date field once a second (RFC 9110 section 6.6.1).
func (l *loopState) dateField(c *reactor.Conn) []byte {
	at := c.Elapsed()
	if at == l.dateAt && l.date != nil {
		return l.date // the same turn
	}
	l.dateAt = at
	now := c.Now()
	if s := now.Unix(); s != l.second || l.date == nil {
		l.second = s
		l.date = append(l.date[:0], "Date: "...)
		l.date = wire.AppendDate(l.date, now)
		l.date = append(l.date, "\r\n"...)
		l.plainSet = nil
		l.ok = append(wire.AppendStatusLine(l.ok[:0], http.StatusOK), l.date...)
	}
	return l.date
}

// appendStart begins an answer: its status line and Date. That of a 200 is rendered once a second.
func (l *loopState) appendStart(dst []byte, status int, c *reactor.Conn) []byte {
	date := l.dateField(c)
	if status == http.StatusOK {
		return append(dst, l.ok...)
	}
	return append(wire.AppendStatusLine(dst, status), date...)
}

// appendPlain appends the whole head of a 200 on a connection that goes on.
func (l *loopState) appendPlain(dst []byte, c *reactor.Conn, set *settings, contentType string, n int) []byte {
	l.dateField(c)
	if l.plainSet != set || l.plainLen != n || l.plainType != contentType {
		head := append(append(l.plain[:0], l.ok...), set.server...)
		head = l.appendContentType(head, contentType)
		l.plain = append(wire.AppendContentLength(head, int64(n)), crlf...)
		l.plainType, l.plainLen, l.plainSet = contentType, n, set
	}
	return append(dst, l.plain...)
}

// appendContentType adds the field, unless the value could break the message apart. Most answers of a loop have the same, so
// the last one is kept rendered.
func (l *loopState) appendContentType(dst []byte, value string) []byte {
	if value == "" {
		return dst
	}
	if value != l.ctype {
		field, err := wire.AppendField(l.cfield[:0], "Content-Type", value)
		if err != nil {
			return dst
		}
		l.ctype, l.cfield = value, field
	}
	return append(dst, l.cfield...)
}

func (l *loopState) get() *Exchange {
	n := len(l.free)
	if n == 0 {
		return &Exchange{}
	}
	x := l.free[n-1]
	l.free[n-1] = nil
	l.free = l.free[:n-1]
	return x
}

func (l *loopState) put(x *Exchange) {
	x.clear()
	if len(l.free) < freeExchanges {
		l.free = append(l.free, x)
	}
}

// trim lets go of scratch space that one large batch has made.
func (l *loopState) trim() {
	if cap(l.out) > keepScratch {
		l.out = nil
	}
	if cap(l.tmp) > keepScratch {
		l.tmp = nil
	}
	if cap(l.filtered) > keepScratch {
		l.filtered = nil
	}
}
