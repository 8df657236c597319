package middleware

import (
	"net/http"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/calandria-go/calandria/protocols/http1"
	"github.com/calandria-go/calandria/reactor"
)

// Timeout bounds the time in which a native handler has to begin its answer: after it the client gets 503 with Connection:
// close, and what the handler answers later is ignored. An answer that has begun may take as long as it takes: the reactor's
// WriteStall and the server's BodyTimeout watch the transfers.
//
// A net/http handler under http1.Std is not ended: give it http.TimeoutHandler, or a context with a deadline.
type Timeout struct {
	// After is the time from the head of the request; 0: 30 s; negative: none.
	After time.Duration
	// RetryAfter is the Retry-After of the 503, rounded up to a second; 0: none is sent.
	RetryAfter time.Duration

	expired atomic.Uint64
}

const defaultTimeout = 30 * time.Second

// ErrTimeout: a handler did not begin to answer in time. It is what a function that OnTimeout has registered gets.
var ErrTimeout error = timeoutError{}

type timeoutError struct{}

func (timeoutError) Error() string       { return "middleware: handler took too long" }
func (timeoutError) CloseReason() string { return "handler_timeout" }
func (timeoutError) Timeout() bool       { return true }

// Expired counts the answers that came too late, or never. Any goroutine.
func (m *Timeout) Expired() uint64 { return m.expired.Load() }

type timeoutKey struct{}

// running is the timeout of one exchange.
type running struct {
	m     *Timeout
	x     *http1.Exchange
	timer reactor.Timer
	stop  []func(error)
	retry string
}

// OnTimeout has f called if the exchange runs into a Timeout: with ErrTimeout, on the loop, so that the handler can stop what
// it does. Without a Timeout around the handler it is never called. For a client that is gone there is Exchange.OnCancel, which
// a timeout does not call.
func OnTimeout(x *http1.Exchange, f func(err error)) {
	if r, ok := x.Value(timeoutKey{}).(*running); ok {
		r.stop = append(r.stop, f)
	}
}

// Middleware gives the http1.Middleware. It costs a timer of the loop, and three allocations a request.
func (m *Timeout) Middleware() http1.Middleware {
	after := m.After
	if after == 0 {
		after = defaultTimeout
	}
	if after < 0 {
		return func(next http1.Handler) http1.Handler { return next }
	}
	retry := ""
	if m.RetryAfter > 0 {
		retry = strconv.FormatInt(int64((m.RetryAfter+time.Second-1)/time.Second), 10)
	}
	return func(next http1.Handler) http1.Handler {
		return http1.HandlerFunc(func(x *http1.Exchange) {
			r := &running{m: m, x: x, retry: retry}
			x.SetValue(timeoutKey{}, r)
			x.Conn().InitTimer(&r.timer, r.expire)
			r.timer.Reset(after)
			x.OnDone(r.done)
			next.Handle(x)
		})
	}
}

func (r *running) done(*http1.Exchange, *http1.Result) {
	r.timer.Stop()
	r.stop = nil
}

// expire answers in the handler's place. The connection is closed behind it, so that the exchange is never used for another
// request: a handler that is late finds an answered one.
func (r *running) expire() {
	x := r.x
	if x.Answering() {
		return
	}
	r.m.expired.Add(1)
	stop := r.stop
	if r.retry != "" {
		x.SetHeader("Retry-After", r.retry)
	}
	x.OnHead(dropRepresentation)
	x.CloseAfter()
	x.Respond(http.StatusServiceUnavailable, plain, []byte("Service Unavailable: timeout\n"))
	for _, f := range stop {
		f(ErrTimeout)
	}
}
