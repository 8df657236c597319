package http1

import (
	"slices"
	"sync"
	"time"

	"github.com/calandria-go/calandria/protocols/http1/wire"
	"github.com/calandria-go/calandria/reactor"
)

// ClientConn is the client's end of one HTTP/1.1 connection: a reactor.Handler, for a Dialer or Conn.Upgrade, that sends
// requests and gives each its response. It has no goroutine and, between requests, no buffer: an idle one costs some 800
// bytes beside its Conn. Client and Proxy stand on it.
//
// Responses are parsed as strictly as requests are; one that is ambiguous ends the connection (RFC 9112 section 6.3). So do
// bytes and an end that come while no request is on its way: an idle connection that the server closes is over at once.
//
// The fields must be set before the connection opens.
type ClientConn struct {
	// Limits bound a response's head and trailers; nil: those of package wire.
	Limits *wire.Limits
	// Pipeline is how many requests may be on their way at a time; 0: 1, which is no pipelining.
	Pipeline int
	// OnIdle is called on the loop when a response is complete and the connection can take another request; nil for none.
	OnIdle func(cc *ClientConn)
	// OnOver is called on the loop, once, when the connection takes no more requests; nil for none. One that is still on its
	// way may go on.
	OnOver func(cc *ClientConn)
	// OnGone is called on the loop, once, when the connection has closed, also if it was handed over; nil for none.
	OnGone func(cc *ClientConn)

	c    *reactor.Conn
	pool poolEntry // what a pool knows of it

	mu      sync.Mutex // guards what follows: Send is for any goroutine
	queue   []*Call    // sent and not complete, oldest first
	sending *Call      // of these, the last one, whose body is not complete
	room    [1]*Call
	over    bool

	// Loop only.
	resp     wire.Response
	chunked  wire.Chunked
	phase    clientPhase
	kind     wire.BodyKind
	left     int64 // of a body with Content-Length
	informs  int
	wasOver  bool // OnOver was called
	draining bool
	discard  int64 // above 0: what is left of a body is thrown away, as far as that
	timer    reactor.Timer
}

type clientPhase uint8

const (
	clientHead     clientPhase = iota // between responses, or in a head
	clientBody                        // a body comes
	clientSwitched                    // the connection waits for HandOver
	clientHanded                      // it is another handler's
	clientGone                        // it is closed, or about to be
)

// maxInforms bounds the interim responses to one request.
const maxInforms = 32

// OnOpen is part of reactor.Handler.
func (cc *ClientConn) OnOpen(c *reactor.Conn) {
	cc.c = c
	if cc.OnGone != nil {
		c.AfterClose(func() { cc.OnGone(cc) })
	}
}

// LastWords is part of reactor.LastWordsHandler: a server may answer before it has read all of a request, and close.
func (cc *ClientConn) LastWords() bool { return cc.phase <= clientBody && cc.front() != nil }

// Conn is the connection; nil before it has opened.
func (cc *ClientConn) Conn() *reactor.Conn { return cc.c }

// OnData is part of reactor.Handler.
func (cc *ClientConn) OnData(_ *reactor.Conn, in []byte) int {
	n := cc.advance(in)
	if cc.phase >= clientHanded {
		return n
	}
	if call := cc.front(); call != nil && call.turn != nil && call.heard {
		call.turn.onTurn()
	}
	return n
}

// advance runs the state machine over in, and returns what it consumed.
func (cc *ClientConn) advance(in []byte) (n int) {
	for {
		switch cc.phase {
		case clientHead:
			if n == len(in) {
				return n
			}
			call := cc.front()
			if call == nil {
				cc.end(errUnsolicited)
				return len(in)
			}
			k, err := cc.resp.Parse(in[n:], cc.Limits)
			call.heard = true
			if err != nil {
				cc.end(&ResponseError{err})
				return len(in)
			}
			if k == 0 {
				return n
			}
			n += k
			cc.gotHead(call)
		case clientBody:
			k, more := cc.readBody(in[n:])
			n += k
			if !more {
				return n
			}
		default:
			if cc.phase == clientGone {
				return len(in)
			}
			return n // another handler's
		}
	}
}

// front is the call whose response is next.
func (cc *ClientConn) front() *Call {
	cc.mu.Lock()
	defer cc.mu.Unlock()
	if len(cc.queue) == 0 {
		return nil
	}
	return cc.queue[0]
}

// load is how many requests are on their way; false if there is no room for another.
func (cc *ClientConn) load() (n int, ok bool) {
	cc.mu.Lock()
	defer cc.mu.Unlock()
	n = len(cc.queue)
	return n, !cc.over && cc.sending == nil && n < max(cc.Pipeline, 1)
}

// gotHead takes a complete head (RFC 9112 section 6.3).
func (cc *ClientConn) gotHead(call *Call) {
	r := &cc.resp
	status := r.Status()
	switch {
	case status == 101 && call.upgrade, call.connect && status/100 == 2:
		cc.switched(call)
		return
	case status == 101:
		cc.end(errUnasked)
		return
	case status < 200:
		if cc.informs++; cc.informs > maxInforms {
			cc.end(errInforms)
			return
		}
		call.h.OnInform(call, r)
		return
	}
	cc.informs = 0
	cc.kind, cc.left = r.Framing(call.method)
	call.keep = call.keep && r.KeepAlive() && cc.kind != wire.BodyUntilClose
	if !call.keep {
		cc.noMore()
	}
	cc.phase = clientBody
	if cc.kind == wire.BodyChunked {
		cc.chunked.Reset()
	}
	call.h.OnHead(call, r)
	if cc.phase == clientBody && (cc.kind == wire.BodyNone || cc.kind == wire.BodyFixed && cc.left == 0) {
		cc.complete()
	}
}

// switched has the connection wait for another handler. The request's body, if any, must be complete.
func (cc *ClientConn) switched(call *Call) {
	cc.noMore()
	cc.phase = clientSwitched
	call.h.OnHead(call, &cc.resp)
	if cc.phase == clientSwitched {
		cc.c.Pause()
	}
}

// readBody takes bytes of a body; more is false when there is nothing to do for now.
func (cc *ClientConn) readBody(in []byte) (n int, more bool) {
	call := cc.front()
	if call == nil || len(in) == 0 || call.paused {
		return 0, false
	}
	var piece []byte
	done := false
	switch cc.kind {
	case wire.BodyChunked:
		var err error
		if piece, n, err = cc.chunked.Next(in, cc.Limits); err != nil {
			cc.end(&ResponseError{err})
			return len(in), false
		}
		if done = cc.chunked.Done(); n == 0 && !done {
			return 0, false
		}
	case wire.BodyFixed:
		n = int(min(cc.left, int64(len(in))))
		piece = in[:n]
		cc.left -= int64(n)
		done = cc.left == 0
	default:
		piece, n = in, len(in)
	}
	switch {
	case len(piece) == 0:
	case cc.discard > 0:
		if cc.discard -= int64(len(piece)); cc.discard <= 0 {
			cc.end(ErrBodyUnread)
			return n, false
		}
	default:
		call.h.OnPiece(call, piece)
	}
	if done && cc.phase == clientBody {
		cc.complete()
	}
	return n, true
}

// complete ends a response that is whole.
func (cc *ClientConn) complete() {
	cc.mu.Lock()
	call := cc.queue[0]
	cc.queue = slices.Delete(cc.queue, 0, 1)
	cut := cc.sending == call
	if cut { // the server does not want the rest: nothing can follow it (RFC 9112 section 9.3)
		cc.sending, cc.over = nil, true
	}
	call.over = true
	over, waiting := cc.over, len(cc.queue)
	cc.mu.Unlock()
	if cc.discard > 0 {
		cc.discard = 0
		cc.timer.Stop()
	}
	call.Resume() // it may have paused for its last piece
	if cc.kind == wire.BodyChunked {
		call.trailers = cc.chunked.Trailers()
	}
	cc.phase = clientHead
	if call.keep && !over && !cc.draining {
		// First, so that who hears of the end finds the connection free.
		if waiting == 0 && cc.OnIdle != nil {
			cc.OnIdle(cc)
		}
		call.h.OnDone(call, nil)
		return
	}
	call.h.OnDone(call, nil)
	cc.noMore()
	if waiting > 0 {
		cc.end(ErrServerClosed) // they will not be answered (RFC 9112 section 9.6)
		return
	}
	cc.end(nil)
	if cut {
		cc.c.Abort(ErrBodyUnread) // what is queued is not wanted
	}
}

// end closes the connection; calls that wait for a response get err.
func (cc *ClientConn) end(err error) {
	cc.noMore()
	if cc.phase >= clientHanded {
		return
	}
	cc.phase = clientGone
	if err == nil || cc.front() == nil {
		cc.c.CloseWith(err)
	} else {
		cc.c.Abort(err)
	}
	cc.fail(err)
}

// noMore has the connection take no more requests.
func (cc *ClientConn) noMore() {
	cc.mu.Lock()
	cc.over = true
	cc.mu.Unlock()
	if !cc.wasOver {
		cc.wasOver = true
		if cc.OnOver != nil {
			cc.OnOver(cc)
		}
	}
}

// fail ends all calls that are on their way.
func (cc *ClientConn) fail(err error) {
	cc.mu.Lock()
	all := cc.queue
	cc.queue, cc.sending = nil, nil
	for _, call := range all {
		call.over = true
	}
	cc.mu.Unlock()
	for _, call := range all {
		call.h.OnDone(call, call.failure(err))
	}
}

// OnEOF is part of reactor.EOFHandler. It ends a body that has no other end; anything else it cuts short.
func (cc *ClientConn) OnEOF(c *reactor.Conn) {
	switch {
	case cc.phase >= clientHanded:
	case cc.front() == nil:
		cc.end(nil)
	case cc.phase == clientBody && cc.kind == wire.BodyUntilClose && c.Buffered() == 0:
		cc.complete()
	default:
		cc.end(ErrServerClosed)
	}
}

// OnWritable is part of reactor.WritableHandler.
func (cc *ClientConn) OnWritable(*reactor.Conn) {
	cc.mu.Lock()
	call := cc.sending
	cc.mu.Unlock()
	if call != nil {
		call.h.OnWritable(call)
	}
}

// OnDrain is part of reactor.DrainHandler: what is on its way is finished.
func (cc *ClientConn) OnDrain(*reactor.Conn) {
	cc.draining = true
	cc.noMore()
	if cc.front() == nil {
		cc.end(reactor.ErrShutdown)
	}
}

// Idle is part of reactor.IdleHandler: between two requests nothing is lost.
func (cc *ClientConn) Idle() bool { return cc.front() == nil }

// OnClose is part of reactor.Handler.
func (cc *ClientConn) OnClose(_ *reactor.Conn, err error) {
	cc.phase = clientGone
	cc.noMore()
	if err == nil {
		err = ErrServerClosed
	}
	cc.fail(err)
}

// Close ends the connection when what is queued has been sent; calls that wait for a response fail with net.ErrClosed. Any
// goroutine, once it has opened.
func (cc *ClientConn) Close() { cc.c.Post(func() { cc.end(errClientClosed) }) }

// startDiscard throws away what is left of a body, as far as limit and wait allow, so that the connection can be used again.
func (cc *ClientConn) startDiscard(limit int64, wait time.Duration) {
	cc.discard = limit
	cc.c.InitTimer(&cc.timer, func() {
		if cc.discard > 0 {
			cc.end(ErrBodyUnread)
		}
	})
	cc.timer.Reset(wait)
}
