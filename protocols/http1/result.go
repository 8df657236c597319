package http1

import (
	"bytes"
	"time"
)

// Result is how an exchange ended. It is valid during the call that it is given to.
type Result struct {
	// Status is the answer's; 0 if there was none.
	Status int
	// BodyBytes counts the bytes of the answer's body, as they were queued, without the framing.
	BodyBytes int64
	// RequestBytes counts those of the request's body that were read.
	RequestBytes int64
	// Duration is the time from the last byte of the request's head to the last byte of the answer being queued.
	Duration time.Duration
	// Err is why the exchange ended without a whole answer, or why the server refused the request; else nil.
	Err error
	// Refused: the server answered by itself; the handler was not called, and all that is sure to be there of the request is
	// Exchange.RequestLine.
	Refused bool
}

// OnDone has f called once when the exchange has ended: when its answer is queued entirely, or will never be. The head of
// the request can still be read. It runs on the loop, and must not answer.
func (x *Exchange) OnDone(f func(x *Exchange, r *Result)) {
	e := x.extend()
	e.done = append(e.done, f)
	x.watch()
}

// watch notes when the request began, unless that is noted already.
func (x *Exchange) watch() {
	if !x.watched {
		x.watched = true
		x.began = x.s.c.Elapsed()
	}
}

// RequestLine is the request's first line as it was sent, without its end: also of a request that was refused, as far as it
// came. It may hold any bytes.
func (x *Exchange) RequestLine() []byte {
	line := bytes.TrimLeft(x.head, "\r\n")
	if i := bytes.IndexByte(line, '\n'); i >= 0 {
		line = line[:i]
	}
	return bytes.TrimSuffix(line, []byte("\r"))
}

// end marks the exchange as over, and tells those who asked for it. Every path to stateDone but reuse goes through here.
func (x *Exchange) end(err error) {
	if n := x.s.count; n != nil && x.state == stateStreaming {
		n.streaming--
	}
	x.state = stateDone
	if x.ext != nil && x.ext.filter != nil {
		x.closeFilter()
	}
	if x.watched {
		x.report(err)
	}
}

func (x *Exchange) report(err error) {
	x.watched = false
	s := x.s
	r := &x.result
	*r = Result{
		Status: int(x.status), BodyBytes: x.sent, RequestBytes: x.got, Err: err, Refused: x.refused,
		Duration: s.c.Clock() - x.began,
	}
	if s.count != nil {
		s.count.done(x, *r)
	}
	if x.ext != nil {
		for i := len(x.ext.done) - 1; i >= 0; i-- {
			x.ext.done[i](x, r)
		}
	}
	if f := s.set.srv.OnDone; f != nil {
		f(x, r)
	}
	*r = Result{}
}
