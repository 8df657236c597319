package relay

import (
	"time"

	"golang.org/x/time/rate"

	"github.com/calandria-go/calandria/reactor"
)

// end is one of the two connections of a splice: a handler that passes what comes to the other one, which is on the same loop.
type end struct {
	other  *reactor.Conn
	peer   *end
	c      *reactor.Conn
	ends   *spliced
	slow   bool
	full   bool
	gone   bool
	reset  func(err error) // tells a stream why, before it is reset; nil for none
	closed func()          // when this one has closed
	first  bool            // the one that came to us: its bytes are counted as in
}

// spliced is what both ends share.
type spliced struct {
	limit *rate.Limiter // bytes a second; nil for none
	count func(in, out int)
	done  func(err error) // once, when the first of the two has closed
}

// splice makes the handlers of two connections that are joined. Each may open first; nothing is read before both have.
func splice(s *spliced) (a, b *end) {
	a, b = &end{ends: s, first: true}, &end{ends: s}
	a.peer, b.peer = b, a
	return a, b
}

// OnOpen is part of reactor.Handler.
func (e *end) OnOpen(c *reactor.Conn) {
	e.c = c
	switch {
	case e.peer.gone:
		c.Abort(reactor.ErrAborted)
	case e.peer.c == nil:
		c.Pause()
	default:
		e.other, e.peer.other = e.peer.c, c
		if e.peer.c.EOF() {
			c.CloseWrite()
		}
		e.peer.flow()
		e.flow()
	}
}

// flow reads on, if nothing stands in the way.
func (e *end) flow() {
	if e.other == nil || e.slow || e.full {
		return
	}
	e.c.Resume()
}

// OnData is part of reactor.Handler.
func (e *end) OnData(c *reactor.Conn, in []byte) int {
	if e.other == nil {
		c.Pause()
		return 0
	}
	if _, err := e.other.Write(in); err != nil {
		return len(in) // the other is closing, and takes us along
	}
	if e.ends.count != nil {
		if e.first {
			e.ends.count(len(in), 0)
		} else {
			e.ends.count(0, len(in))
		}
	}
	if e.other.OverHigh() {
		e.full = true
		c.Pause()
	}
	if l := e.ends.limit; l != nil {
		if d := l.ReserveN(c.Now(), min(len(in), l.Burst())).DelayFrom(c.Now()); d > time.Millisecond {
			e.slow = true
			c.Pause()
			c.AfterFunc(d, func() {
				e.slow = false
				e.flow()
			})
		}
	}
	return len(in)
}

// OnWritable is part of reactor.WritableHandler.
func (e *end) OnWritable(*reactor.Conn) {
	e.peer.full = false
	e.peer.flow()
}

// OnEOF is part of reactor.EOFHandler: a half-close goes through.
func (e *end) OnEOF(*reactor.Conn) {
	if e.other != nil {
		e.other.CloseWrite()
	}
}

// OnDrain is part of reactor.DrainHandler: what is open goes on, as long as Shutdown waits.
func (e *end) OnDrain(*reactor.Conn) {}

// OnClose is part of reactor.Handler.
func (e *end) OnClose(_ *reactor.Conn, err error) {
	e.gone = true
	if e.closed != nil {
		e.closed()
	}
	if !e.peer.gone {
		if e.ends.done != nil {
			e.ends.done(err)
		}
		if o := e.peer.c; o != nil {
			if orderly(err) {
				o.CloseWith(err)
			} else {
				if e.peer.reset != nil {
					e.peer.reset(err)
				}
				o.Abort(err)
			}
		}
	}
}
