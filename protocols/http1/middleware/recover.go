package middleware

import (
	"fmt"
	"log/slog"
	"net/http"
	"runtime/debug"
	"sync/atomic"

	"github.com/calandria-go/calandria/protocols/http1"
)

// Recover turns a panic of a native handler into 500, or into a reset if a part of the answer is out or one of its
// hooks is what panics. Without it the connection
// is reset, and nothing worse happens either.
//
// A net/http handler under http1.Std runs elsewhere, where this does not see it: there a panic resets the connection, as in
// net/http.
type Recover struct {
	// Logger gets each panic once, with its stack; nil: slog.Default.
	Logger *slog.Logger

	panics atomic.Uint64
}

// ErrPanic is why an exchange ended whose handler panicked in the middle of the answer.
var ErrPanic error = panicError{}

type panicError struct{}

func (panicError) Error() string       { return "middleware: handler panicked" }
func (panicError) CloseReason() string { return "handler_panic" }

// Panics counts the panics so far. Any goroutine.
func (m *Recover) Panics() uint64 { return m.panics.Load() }

// Middleware gives the http1.Middleware: for what the handler does before it returns. A callback that it leaves behind is not in there:
// see Run. Nor is a handler that another middleware calls later, as compress.Requests does: so Recover belongs within that one.
func (m *Recover) Middleware() http1.Middleware {
	return func(next http1.Handler) http1.Handler {
		return http1.HandlerFunc(func(x *http1.Exchange) { m.Run(x, next.Handle) })
	}
}

// Run calls f as the middleware calls a handler: for the callbacks of ReadBody, Post and timers. Loop only.
func (m *Recover) Run(x *http1.Exchange, f func(x *http1.Exchange)) {
	returned := false
	defer func() {
		if !returned {
			if v := recover(); v != nil { // nil: runtime.Goexit, which nobody can stop
				m.died(x, v)
			}
		}
	}()
	f(x)
	returned = true
}

// died ends the exchange. http.ErrAbortHandler asks for a reset without a word, as in net/http.
func (m *Recover) died(x *http1.Exchange, v any) {
	if v == http.ErrAbortHandler {
		x.Abort(ErrPanic)
		return
	}
	m.panics.Add(1)
	log := m.Logger
	if log == nil {
		log = slog.Default()
	}
	// Of the request only what cannot break a log apart: %q.
	log.Error("middleware: handler panicked", "value", fmt.Sprint(v), "remote", x.Conn().RemoteAddrPort(),
		"request", fmt.Sprintf("%q", x.RequestLine()), "stack", string(debug.Stack()))
	if x.Answering() {
		x.Abort(ErrPanic) // nothing, if the answer is complete
		return
	}
	answer500(x)
}

// answer500 has the answer's hooks run, of which one may have been what panicked: then the connection is reset.
func answer500(x *http1.Exchange) {
	defer func() {
		if recover() != nil {
			x.Abort(ErrPanic)
		}
	}()
	x.OnHead(dropRepresentation)
	x.Respond(http.StatusInternalServerError, plain, []byte("Internal Server Error\n"))
}

const plain = "text/plain; charset=utf-8"

// ofRepresentation are the fields that say what is not true of an error's body.
var ofRepresentation = []string{
	"Content-Encoding", "Content-Range", "Content-Language", "Content-Location", "Content-Disposition", "ETag", "Last-Modified",
	"Cache-Control", "Expires", "Accept-Ranges", "Content-Digest", "Repr-Digest", "Digest", "Content-MD5",
}

func dropRepresentation(_ *http1.Exchange, h *http1.Head) {
	for _, name := range ofRepresentation {
		h.Del(name)
	}
}
