package http1

import (
	"crypto/tls"
	"errors"
	"net/http"
	"time"

	"github.com/calandria-go/calandria/protocols/http1/wire"
	"github.com/calandria-go/calandria/reactor"
)

type exchangeState uint8

const (
	stateDone      exchangeState = iota // answered, or the connection is gone
	stateFresh                          // no byte of the answer is out
	stateStreaming                      // Start was called
)

// Exchange is one request and its answer. It belongs to the connection's loop: its methods may be called there only, in the
// handler, in callbacks that it was given, and in functions given to Post. After the answer is complete it is used for
// another request: it must not be touched any more.
type Exchange struct {
	req     wire.Request
	chunked wire.Chunked
	own     []byte     // storage for head
	body    []byte     // collected
	fields  []byte     // of the answer, rendered
	result  Result     // that was reported
	ext     *extension // what middleware has added; nil if none ever has
	gen     uint32     // counts the requests that x was used for
	pace    pace       // of the body that is waited for
	request
}

// request is what an Exchange knows of one request: cleared as a whole before the next one.
type request struct {
	s *serverConn

	state     exchangeState
	keep      bool // the connection goes on after this
	bodyDone  bool
	continued bool // 100 (Continue) was sent
	paused    bool // by PauseBody
	retained  bool // head is our own copy
	isHead    bool // HEAD: no body in the answer
	mode      bodyMode
	chunkedTo bool // the answer is chunked
	noBody    bool // the answer has no body
	hasDate   bool
	hooked    bool // OnHead was called, and the head is not rendered
	watched   bool // somebody wants the Result
	refused   bool // answered by the server itself
	status    int16

	left      int64 // of a request body with Content-Length
	got       int64
	max       int64
	discarded int
	head      []byte // the request's head; aliases the read buffer until retained
	trailers  []wire.Field
	toSend    int64  // of an answer with announced length
	sent      int64  // of the answer's body, as it goes out
	feed      []byte // of a large fixed answer, not queued yet
	began     time.Duration

	onBody     func(*Exchange, []byte)
	onPiece    func(*Exchange, []byte, bool)
	onWritable func(*Exchange)
	onCancel   func(*Exchange, error)
	std        *stdResponse // the net/http handler that answers
}

// begin readies x for the head that was just parsed. It is the only reset between the requests of one batch, so it leaves
// no trace of the last one.
func (x *Exchange) begin(s *serverConn) {
	x.beginRefused(s)
	if s.count != nil {
		s.count.begun++
	}
	r := &x.req
	x.isHead = string(r.Method()) == http.MethodHead
	x.left = max(r.ContentLength(), 0)
	x.bodyDone = !r.HasBody()
	x.keep = r.KeepAlive() && !s.draining && int(s.requests) < s.set.requests
	if r.Chunked() {
		x.chunked.Reset()
	}
}

// beginRefused is begin for a head that is not good: nothing of it is looked at.
func (x *Exchange) beginRefused(s *serverConn) {
	x.gen++
	x.request = request{}
	x.s, x.state, x.bodyDone = s, stateFresh, true
	x.body, x.fields = x.body[:0], x.fields[:0]
	if x.ext != nil {
		x.ext.reset()
	}
	if s != nil && (s.set.srv.OnDone != nil || s.count != nil) {
		x.watch()
	}
}

// beginCut is beginRefused for what came of a head: it says how the answer has to look, and what logs show.
func (x *Exchange) beginCut(s *serverConn, head []byte) {
	x.beginRefused(s)
	if s.count != nil {
		s.count.begun++
	}
	x.head, x.isHead = head, isHead(head)
}

// clear lets go of what an exchange refers to, before it waits for another request.
func (x *Exchange) clear() {
	x.req.Reset()
	x.chunked.Reset()
	x.beginRefused(x.s) // not nil: one who is late with a Post gets false, not a panic
	x.state, x.watched = stateDone, false
	x.own, x.body, x.fields = keepSmall(x.own), keepSmall(x.body), keepSmall(x.fields)
}

// keepSmall gives a buffer back for reuse, if it is not large.
func keepSmall(b []byte) []byte {
	if cap(b) > 4<<10 {
		return nil
	}
	return b[:0]
}

// retain copies what aliases the loop's read buffer, for an exchange that outlives the call.
func (x *Exchange) retain() {
	if x.retained {
		return
	}
	x.retained = true
	if len(x.head) > 0 {
		x.own = append(x.own[:0], x.head...)
		x.head = x.own
		x.req.Rebase(x.own)
	}
}

// Request is the parsed head, until the exchange is answered. The slices that its methods return, and those of Method and
// Path, are the loop's read buffer's: valid until the handler or callback that took them returns. One that goes on later
// takes them anew, or a copy.
func (x *Exchange) Request() *wire.Request { return &x.req }

// Method is the request's method.
func (x *Exchange) Method() []byte { return x.req.Method() }

// Path is the path of the request's target, percent-encoded as it was sent.
func (x *Exchange) Path() []byte { return x.req.Path() }

// Trailers are the trailer fields of a chunked request body that was read to its end.
func (x *Exchange) Trailers() []wire.Field {
	if !x.req.Chunked() || !x.bodyDone { // the decoder may still hold those of another request
		return nil
	}
	return x.chunked.Trailers()
}

// TLS is the state of the connection's TLS, or nil without.
func (x *Exchange) TLS() *tls.ConnectionState { return tlsState(x.s.c) }

// Conn is the connection. Writing to it would break the answers apart: use the Exchange.
func (x *Exchange) Conn() *reactor.Conn { return x.s.c }

// Now is the time at which the running batch of events began.
func (x *Exchange) Now() time.Time { return x.s.c.Now() }

// Answered says whether the answer is complete, or the connection gone.
func (x *Exchange) Answered() bool { return x.state == stateDone }

// Offload runs f, which may block, on a goroutine of its own. f must not touch the Exchange but for Post, with which it goes
// on; what it needs of the head must be copied before, as by string(x.Path()). ErrOverload of the reactor means that there
// are too many already: answer 503.
func (x *Exchange) Offload(f func()) error {
	x.detach()
	return x.s.c.Offload(f)
}

// detach readies the exchange for another goroutine: its bytes are its own, and earlier answers are queued.
func (x *Exchange) detach() {
	x.retain()
	if x.s.batching {
		x.s.flush()
	}
}

// Post runs f on the loop, unless the exchange is over by then: false if it is known to be. Any goroutine, but only while
// the exchange is not answered.
func (x *Exchange) Post(f func(x *Exchange)) bool {
	gen := x.gen
	return x.s.c.Post(func() {
		if x.gen == gen && x.state != stateDone {
			f(x)
		}
	})
}

// OnCancel has f called if the exchange ends before it is answered: the client is gone, its body was bad or too slow, or the
// server shut down. After f the exchange is over.
func (x *Exchange) OnCancel(f func(x *Exchange, err error)) { x.onCancel = f }

// OnWritable has f called when a streamed answer may go on, after Write reported a full queue.
func (x *Exchange) OnWritable(f func(x *Exchange)) { x.onWritable = f }

func (x *Exchange) cancel(err error) {
	if x.state == stateDone {
		return
	}
	if x.std != nil {
		x.std.lost(err)
	}
	f := x.onCancel
	x.onCancel = nil
	if f != nil {
		f(x, err)
	}
}

// Abort closes the connection at once, so that the client cannot take what it got for a whole answer. err is what OnDone and the
// connection's OnClose get; nil: reactor.ErrAborted.
func (x *Exchange) Abort(err error) {
	if x.state != stateDone {
		if err == nil {
			err = reactor.ErrAborted
		}
		x.s.to(phaseClosing)
		x.end(err)
		x.s.c.Abort(err)
	}
}

func statusOf(err error) int {
	var we *wire.Error
	switch {
	case errors.As(err, &we):
		return we.Status
	case errors.Is(err, ErrBodyTooLarge):
		return http.StatusRequestEntityTooLarge
	}
	return http.StatusBadRequest
}
