package http1

import (
	"time"

	"github.com/calandria-go/calandria/protocols/http1/wire"
	"github.com/calandria-go/calandria/reactor"
)

// loopState is what the HTTP connections of one loop share.
type loopState struct {
	out    []byte // answers of the batch that OnData handles
	tmp    []byte // one answer made outside of OnData
	free   []*Exchange
	second int64
	date   []byte // the rendered Date field
}

const (
	// freeExchanges bounds the exchanges that a loop keeps for reuse.
	freeExchanges = 256
	keepScratch   = 128 << 10
)

type loopStateKey struct{}

func loopStateOf(c *reactor.Conn) *loopState {
	return c.LoopLocal(loopStateKey{}, func() any { return &loopState{} }).(*loopState)
}

// dateField renders the Date field once a second (RFC 9110 section 6.6.1).
func (l *loopState) dateField(now time.Time) []byte {
	if s := now.Unix(); s != l.second || l.date == nil {
		l.second = s
		l.date = append(l.date[:0], "Date: "...)
		l.date = wire.AppendDate(l.date, now)
		l.date = append(l.date, "\r\n"...)
	}
	return l.date
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
}
