package http1

import (
	"errors"
	"io"
	"net/http"
	"sync"
	"time"

	"github.com/calandria-go/calandria/protocols/http1/wire"
	"github.com/calandria-go/calandria/reactor"
)

// CallHandler gets what comes of a Call. Its methods run on the connection's loop and must not block.
type CallHandler interface {
	// OnInform gives an interim (1xx) response but 101, such as 100 (Continue). r is valid until it returns.
	OnInform(call *Call, r *wire.Response)
	// OnHead gives the head of the final response. r is valid until it returns. After 101 (Switching Protocols) and after a 2xx
	// to CONNECT the connection waits for Call.HandOver; OnDone follows that.
	OnHead(call *Call, r *wire.Response)
	// OnPiece gives bytes of the body, decoded if it is chunked; valid until it returns. Call.Pause stops them.
	OnPiece(call *Call, piece []byte)
	// OnWritable says that the request's body may go on, after Call.Write has reported a full queue.
	OnWritable(call *Call)
	// OnDone ends the call, once: err is nil if the response is whole. Trailers and Reusable tell more.
	OnDone(call *Call, err error)
}

// turnHandler is for those that gather what one turn brings.
type turnHandler interface{ onTurn() }

// Call is one request on a ClientConn and its response. The zero value is ready; it may be used again after OnDone. It costs
// no allocation as a field of its handler.
type Call struct {
	cc       *ClientConn
	h        CallHandler
	turn     turnHandler
	method   string
	trailers []wire.Field
	toSend   int64 // of the request's body; negative: chunked

	connect, upgrade bool
	keep             bool // the connection goes on after the response
	paused           bool // loop only
	heard            bool // loop only: a byte of the response came
	over             bool // guarded by cc.mu
}

// ClientRequest is a request as a Call sends it.
type ClientRequest struct {
	// Method is the method; empty: GET.
	Method string
	// Target is in the form that suits the method (RFC 9112 section 3.2), percent-encoded.
	Target string
	// Host is the Host field's value.
	Host string
	// Fields are further field lines, each made by wire.AppendField, which checks them; not Host, and none that frames the
	// message or concerns the connection.
	Fields []byte
	// Length is the body's; negative: not known, so it is chunked.
	Length int64
	// NoLength leaves the Content-Length out of a request without a body: for methods that do not expect one (RFC 9110 section
	// 8.6).
	NoLength bool
	// Expect has the server say 100 (Continue) before the body is sent: to wait for it is the caller's affair.
	Expect bool
	// Upgrade asks for another protocol, by its name (RFC 9110 section 7.8).
	Upgrade string
	// Close makes this the connection's last request.
	Close bool
	// Trailers says that trailers are welcome (TE: trailers).
	Trailers bool
}

// Append appends the head of the request. An error says which part cannot be sent: no CR or LF gets out in any.
func (q *ClientRequest) Append(dst []byte) ([]byte, error) {
	method := q.Method
	if method == "" {
		method = http.MethodGet
	}
	start := len(dst)
	dst, err := wire.AppendRequestLine(dst, method, q.Target)
	if err == nil {
		dst, err = wire.AppendField(dst, "Host", q.Host)
	}
	if err != nil {
		return dst[:start], err
	}
	dst = append(dst, q.Fields...)
	switch {
	case q.Length < 0:
		dst = append(dst, "Transfer-Encoding: chunked\r\n"...)
	case q.Length > 0 || !q.NoLength:
		dst = wire.AppendContentLength(dst, q.Length)
	}
	if q.Expect {
		dst = append(dst, "Expect: 100-continue\r\n"...)
	}
	switch {
	case q.Upgrade != "":
		if dst, err = wire.AppendField(dst, "Upgrade", q.Upgrade); err != nil {
			return dst[:start], err
		}
		dst = append(dst, "Connection: Upgrade"...)
		if q.Trailers {
			dst = append(dst, ", TE\r\nTE: trailers"...)
		}
		dst = append(dst, crlf...)
	case q.Trailers && q.Close:
		dst = append(dst, "Connection: close, TE\r\nTE: trailers\r\n"...)
	case q.Trailers:
		dst = append(dst, "Connection: TE\r\nTE: trailers\r\n"...)
	case q.Close:
		dst = append(dst, "Connection: close\r\n"...)
	}
	return append(dst, crlf...), nil
}

var requestHeads = sync.Pool{New: func() any { b := make([]byte, 0, 4<<10); return &b }}

// Send sends a request: its head, and body right behind it, which is all of the request's body or its beginning; what is
// missing of Length follows by Call.Write. h hears what comes of it, also if the connection is about to close. An error says that
// nothing was sent and h hears nothing: ErrConnOver, ErrConnBusy when as many requests as Pipeline allows are on their way or
// the body of one is not complete, or what is wrong with q. Any goroutine, once the connection is open. Nothing waits; on
// the loop it goes out at the end of the turn.
func (cc *ClientConn) Send(call *Call, q *ClientRequest, body []byte, h CallHandler) error {
	head := requestHeads.Get().(*[]byte)
	defer func() {
		if cap(*head) <= keepScratch {
			requestHeads.Put(head)
		}
	}()
	b, err := q.Append((*head)[:0])
	if err != nil {
		return err
	}
	if q.Length >= 0 && int64(len(body)) > q.Length {
		return ErrBodyLength
	}
	if q.Length < 0 {
		b = wire.AppendChunk(b, body)
	} else {
		b = append(b, body...)
	}
	*head = b
	turn, _ := h.(turnHandler)
	next := Call{
		cc: cc, h: h, turn: turn, method: q.Method, toSend: q.Length,
		connect: q.Method == http.MethodConnect, upgrade: q.Upgrade != "", keep: !q.Close,
	}
	if q.Length >= 0 {
		next.toSend -= int64(len(body))
	}
	cc.mu.Lock()
	defer cc.mu.Unlock()
	switch {
	case cc.over:
		return ErrConnOver
	case cc.sending != nil, len(cc.queue) >= max(cc.Pipeline, 1):
		return ErrConnBusy
	}
	*call = next
	if cc.queue == nil {
		cc.queue = cc.room[:0]
	}
	cc.queue = append(cc.queue, call)
	if call.toSend != 0 {
		cc.sending = call
	}
	if q.Close || call.connect || call.upgrade {
		cc.over = true
	}
	cc.used = true
	cc.c.WriteNow(b) // a connection that does not take it closes, and h hears of that
	return nil
}

// Method is the request's.
func (call *Call) Method() string { return call.method }

// Conn is the connection that it was sent on.
func (call *Call) Conn() *ClientConn { return call.cc }

// Trailers are the trailer fields of a chunked response, from OnDone on.
func (call *Call) Trailers() []wire.Field { return call.trailers }

// Heard says whether any byte of a response came: until then a request that may be repeated may be sent again. Loop only.
func (call *Call) Heard() bool { return call.heard }

// Write adds to the request's body. It copies p, never blocks, and says whether the queue is full: then the caller stops until
// OnWritable. ErrAnswered after the call has ended; ErrBodyLength, and the connection is aborted, for more bytes than
// announced. Any goroutine.
func (call *Call) Write(p []byte) (full bool, err error) {
	cc := call.cc
	cc.mu.Lock()
	defer cc.mu.Unlock()
	switch {
	case call.over || cc.sending != call:
		return false, ErrAnswered
	case len(p) == 0:
		return cc.c.OverHigh(), nil
	case call.toSend < 0:
		b := requestHeads.Get().(*[]byte)
		*b = wire.AppendChunkHeader((*b)[:0], len(p))
		cc.c.Write(*b)
		cc.c.Write(p)
		_, err = cc.c.Write(crlf)
		requestHeads.Put(b)
	case int64(len(p)) > call.toSend:
		cc.c.Abort(ErrBodyLength)
		return false, ErrBodyLength
	default:
		_, err = cc.c.Write(p)
		if call.toSend -= int64(len(p)); call.toSend == 0 {
			cc.sending = nil
		}
	}
	return cc.c.OverHigh(), err
}

// Finish ends the request's body. trailers are for a chunked one. One that is shorter than announced is ErrBodyLength, and the
// connection is aborted. Any goroutine.
func (call *Call) Finish(trailers []wire.Field) error {
	cc := call.cc
	cc.mu.Lock()
	defer cc.mu.Unlock()
	switch {
	case call.over:
		return ErrAnswered
	case cc.sending != call:
		return nil // it was complete with its last byte
	case call.toSend > 0:
		cc.c.Abort(ErrBodyLength)
		return ErrBodyLength
	}
	end, err := wire.AppendLastChunk(nil, trailers)
	if err != nil {
		cc.c.Abort(err)
		return err
	}
	cc.sending = nil
	_, err = cc.c.Write(end)
	return err
}

// Pause stops OnPiece until Resume: the socket is not read, and the server's window closes. Loop only.
func (call *Call) Pause() {
	if call.cc.front() == call && !call.paused {
		call.paused = true
		call.cc.c.Pause()
	}
}

// Resume goes on after Pause. Loop only.
func (call *Call) Resume() {
	if call.paused {
		call.paused = false
		call.cc.c.Resume()
	}
}

// Discard throws away what is left of the response's body, as far as limit bytes and wait allow, so that the connection can
// be used again. OnPiece is not called any more. Loop only.
func (call *Call) Discard(limit int64, wait time.Duration) {
	cc := call.cc
	if cc.front() != call || cc.phase >= clientHanded {
		return
	}
	switch {
	case cc.kind == wire.BodyUntilClose && cc.phase == clientBody, cc.kind == wire.BodyFixed && cc.left > limit:
		cc.end(ErrBodyUnread)
		return
	}
	cc.startDiscard(max(limit, 1), wait)
	call.Resume()
}

// HandOver gives the connection to h in place after a 101, or a 2xx to CONNECT, with the bytes that came early. The call is
// over: OnDone is called before h.OnOpen. Loop only, in OnHead or later.
func (call *Call) HandOver(h reactor.Handler) error {
	cc := call.cc
	if cc.phase != clientSwitched || cc.front() != call {
		return ErrNoUpgrade
	}
	cc.mu.Lock()
	cc.queue, cc.sending, call.over = nil, nil, true
	cc.mu.Unlock()
	cc.phase = clientHanded
	c := cc.c
	call.h.OnDone(call, nil)
	if c.Paused() {
		c.Resume()
	}
	c.Upgrade(h)
	return nil
}

// Abort ends the connection at once; OnDone gets err, or ErrAborted of the reactor for nil. Any goroutine.
func (call *Call) Abort(err error) { call.cc.c.Abort(err) }

// failure is what a call hears when its connection ends for err.
func (call *Call) failure(err error) error {
	switch {
	case err == nil:
		err = ErrServerClosed
	case errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF):
		err = ErrServerClosed
	}
	if call.heard && err == ErrServerClosed {
		return ErrResponseTruncated
	}
	return err
}
