package http1

import (
	"errors"
	"fmt"
	"net/http"
	"runtime/debug"
	"sync"
	"time"

	"github.com/calandria-go/calandria/reactor"
)

// Std makes any net/http handler a Handler: each request runs it once, on a worker goroutine of the reactor, with the request
// and the ResponseWriter that net/http would give it; docs/std.md lists where they differ. The writer is also an
// http.Flusher, http.Hijacker, io.StringWriter and io.ReaderFrom, and takes all of http.ResponseController.
//
// The request's body is read ahead by at most 128 KiB; then the socket is paused, and the client's window closes. Write waits
// while more than Config.HighWater of the reactor is unsent. The request's context ends when the client is gone, and when
// the handler returns; a client that only half-closes does not end it, unless Server.CancelOnEOF is set. A panic is logged
// and resets the connection. Requests above the reactor's MaxWorkers and MaxQueued are answered with 503.
//
// Fields that middleware has set by Exchange.SetHeader are in the handler's header from the start, and its values in the context.
//
// A request costs nine allocations and about 1.3 KiB beside the handler's own, no timer, and one wake-up of the loop.
func Std(h http.Handler) Handler {
	_, mux := h.(*http.ServeMux)
	return &stdHandler{h: h, mux: mux}
}

type stdHandler struct {
	h   http.Handler
	mux bool // h is a ServeMux, which does not know OPTIONS *
}

// Handle is part of Handler.
func (h *stdHandler) Handle(x *Exchange) {
	s := x.s
	w := &stdResponse{
		h: h, x: x, gen: x.gen, c: s.c, set: s.set, tls: tlsState(s.c),
		isHead: x.isHead, is11: x.req.Minor() == 1, keepAlive: x.req.KeepAlive(),
		allowKeep: !s.draining && int(s.requests) < s.set.requests,
		length:    -1,
	}
	w.change.L = &w.mu
	w.ctx.w = w
	if !x.bodyDone {
		w.body.init(w)
	}
	if x.hooked {
		w.hooks, x.hooked = x.ext.head, false
	}
	if len(x.fields) > 0 {
		w.header = headerOf(x.fields)
		x.clearFields()
	}
	w.ctx.values = x.snapshotValues()
	x.std = w
	if s.eof && s.set.srv.CancelOnEOF {
		w.ctx.cancel()
	}
	if x.Offload(w.run) != nil {
		x.std = nil
		x.hooked = w.hooks != nil
		x.CloseAfter()
		x.SetHeader("Retry-After", "1")
		x.Respond(http.StatusServiceUnavailable, "text/plain; charset=utf-8", []byte("503 Service Unavailable\n"))
		return
	}
	if !x.bodyDone && !w.body.lazy {
		w.startBody()
	}
}

// stdResponse is one request under a net/http handler: the http.ResponseWriter, with the body and the context of the
// request, so that all three cost one allocation. The loop refers to it from Exchange.std. It is never used again for
// another request, since a handler may keep what it was given.
//
// The fields of the first group do not change; those of the second belong to the writer's side and are guarded by wmu, which
// the loop never takes; those of the third are shared with the loop and guarded by mu, which is never held for long.
type stdResponse struct {
	h         *stdHandler
	x         *Exchange // loop only, once the request is built; only while gen is x.gen
	gen       uint32
	c         *reactor.Conn
	set       *settings
	remote    string
	tls       *connState
	req       *http.Request
	isHead    bool
	is11      bool
	keepAlive bool // the client allows it
	allowKeep bool // we allow it
	body      stdBody
	ctx       stdContext

	wmu        sync.Mutex
	header     http.Header // what the handler sees
	buf        *stdBuffer
	status     int
	length     int64 // of the handler's body, declared or found; -1: not known
	written    int64
	sent       int64 // of the body, as it goes out
	hooks      []func(*Exchange, *Head)
	late       http.Header // as of WriteHeader, if there are hooks
	filter     Filter
	room       []byte // for its output
	err        error  // that ended writing
	snap       headSnapshot
	wrote      bool // WriteHeader was called
	headOut    bool // the head is rendered
	chunked    bool
	closeAfter bool
	fullDuplex bool
	over       bool // the handler has returned
	hijacked   bool
	mute       bool // a hook has taken the body away

	mu     sync.Mutex
	change sync.Cond
	gone   error // the connection has ended, or the exchange
	noHint bool  // 100 (Continue) must not be sent any more
	rd, wd stdDeadline
}

var (
	_ http.Flusher  = (*stdResponse)(nil)
	_ http.Hijacker = (*stdResponse)(nil)
)

// stdBuffer is the memory of an answer: the body until its framing is known, and what is rendered but not queued yet.
type stdBuffer struct {
	body []byte
	out  []byte
}

const (
	// bodyBuffer is how large an answer may be to get a Content-Length without being asked: net/http's size.
	bodyBuffer = 2 << 10
	// sendAbove is how much of a streamed answer is gathered before it is queued.
	sendAbove = 4 << 10
	// sendPiece bounds what is queued at a time.
	sendPiece = 32 << 10
)

// stdBuffers keeps buffers for reuse. It is no sync.Pool, so that a burst of requests leaves no more than these behind.
var stdBuffers = make(chan *stdBuffer, 32)

func newStdBuffer() *stdBuffer {
	select {
	case b := <-stdBuffers:
		return b
	default:
		return &stdBuffer{body: make([]byte, 0, bodyBuffer), out: make([]byte, 0, 3<<10)}
	}
}

func (w *stdResponse) freeBuffer() {
	b := w.buf
	w.buf = nil
	if b != nil && cap(b.out) <= 2*sendPiece {
		b.body, b.out = b.body[:0], b.out[:0]
		select {
		case stdBuffers <- b:
		default:
		}
	}
}

// run is the life of the request, on a worker.
func (w *stdResponse) run() {
	returned := false
	defer func() {
		if !returned {
			w.died(recover())
		}
	}()
	w.buf = newStdBuffer()
	w.remote = remoteString(w.c) // not kept with the connection: most are idle
	if w.buildRequest() {
		w.serve()
	} else {
		w.badRequest()
	}
	returned = true
	w.ctx.cancel()
	w.finish()
}

// remoteString is the peer's address as net/http handlers want it.
func remoteString(c *reactor.Conn) string {
	if ap := c.RemoteAddrPort(); ap.IsValid() {
		return ap.String()
	}
	return c.RemoteAddr().String()
}

func (w *stdResponse) serve() {
	if w.h.mux && w.req.RequestURI == "*" && w.req.Method == http.MethodOptions {
		w.Header().Set("Content-Length", "0")
		return
	}
	w.h.h.ServeHTTP(w, w.req)
}

func (w *stdResponse) badRequest() {
	w.closeAfter = true
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(http.StatusBadRequest)
	w.WriteString("Bad Request\n")
}

// died ends a request whose handler did not return: it panicked with v or, if v is nil, called runtime.Goexit.
func (w *stdResponse) died(v any) {
	if v != nil && v != http.ErrAbortHandler {
		w.set.log.Error("http1: panic serving",
			"remote", w.remote, "value", fmt.Sprint(v), "stack", string(debug.Stack()))
	}
	w.ctx.cancel()
	w.mu.Lock()
	w.stopDeadlines()
	w.mu.Unlock()
	if w.isHijacked() {
		return
	}
	w.c.Abort(errHandler)
	w.wmu.Lock()
	w.closeFilter()
	w.wmu.Unlock()
	w.removeForm()
}

func (w *stdResponse) isHijacked() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.gone == http.ErrHijacked
}

func (w *stdResponse) removeForm() {
	if w.req != nil && w.req.MultipartForm != nil {
		w.req.MultipartForm.RemoveAll()
	}
}

// finish completes the answer when the handler has returned: what is left of it is queued, and sent when the loop runs complete.
func (w *stdResponse) finish() {
	w.wmu.Lock()
	defer w.wmu.Unlock()
	w.over = true
	w.removeForm()
	if w.hijacked {
		w.freeBuffer()
		return
	}
	if !w.wrote {
		status := http.StatusOK
		if w.body.tooLarge() {
			status = http.StatusRequestEntityTooLarge
		}
		w.writeHeader(status)
	}
	w.endBody()
	w.closeFilter()
	w.mu.Lock()
	if w.err == nil {
		w.err = w.sendErrorLocked()
	}
	w.stopDeadlines()
	w.mu.Unlock()
	if w.err == nil && len(w.buf.out) > 0 {
		_, w.err = w.c.Write(w.buf.out) // from here, so that few buffers are in use
	}
	w.freeBuffer()
	if w.err != nil {
		w.c.Abort(w.err)
		return
	}
	w.c.Post(w.complete)
}

// complete ends the exchange, on the loop, and lets the connection go on. Nothing else of w runs any more.
func (w *stdResponse) complete() {
	x := w.x
	if x.gen != w.gen || x.state == stateDone {
		return
	}
	s := x.s
	x.std = nil
	w.body.release()
	x.keep = x.keep && !w.closeAfter
	x.status, x.sent = int16(w.status), w.sent
	if w.short() {
		s.closeLinger(ErrBodyLength)
		x.end(ErrBodyLength)
		return
	}
	s.stalled = s.c.OverHigh()
	s.complete()
}

// short says that fewer bytes were written than declared. The client knows from its count that the answer is not whole.
func (w *stdResponse) short() bool {
	return !w.isHead && w.length >= 0 && w.written != w.length && bodyAllowed(w.status)
}

// lost is the loop's call when the connection ends under the handler.
func (w *stdResponse) lost(err error) {
	w.mu.Lock()
	w.gone = err
	w.change.Broadcast()
	w.mu.Unlock()
	w.c.WokeGoroutine()
	w.ctx.cancel()
}

// writable is the loop's call when an answer may go on.
func (w *stdResponse) writable() {
	w.mu.Lock()
	w.change.Broadcast()
	w.mu.Unlock()
	w.c.WokeGoroutine()
}

// peerEOF is the loop's call when the client has half-closed.
func (w *stdResponse) peerEOF() {
	if w.x.s.set.srv.CancelOnEOF {
		w.ctx.cancel()
	}
}

// errHandler is why a connection is reset whose handler panicked.
var errHandler error = &closeError{"handler ended without an answer", "handler_panic", nil}

// stdDeadline is a deadline of http.ResponseController; a timer exists only while one is set.
type stdDeadline struct {
	at    time.Time
	timer *time.Timer
}

func (d *stdDeadline) passed() bool { return !d.at.IsZero() && !time.Now().Before(d.at) }

func (d *stdDeadline) stop() {
	if d.timer != nil {
		d.timer.Stop()
		d.timer = nil
	}
}

func (w *stdResponse) stopDeadlines() {
	w.rd.stop()
	w.wd.stop()
}

// SetReadDeadline is for http.ResponseController: reads of the request's body fail after t with os.ErrDeadlineExceeded.
func (w *stdResponse) SetReadDeadline(t time.Time) error { return w.setDeadline(&w.rd, t) }

// SetWriteDeadline is for http.ResponseController: what is to be sent after t is not, and the connection is reset.
func (w *stdResponse) SetWriteDeadline(t time.Time) error { return w.setDeadline(&w.wd, t) }

func (w *stdResponse) setDeadline(d *stdDeadline, t time.Time) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.gone != nil {
		return fmt.Errorf("http1: set deadline: %w", errors.Join(ErrAnswered, w.gone))
	}
	d.stop()
	d.at = t
	if wait := time.Until(t); !t.IsZero() && wait > 0 {
		d.timer = time.AfterFunc(wait, w.writable)
	}
	w.change.Broadcast()
	return nil
}

// EnableFullDuplex is for http.ResponseController: the body may still be read after the answer began.
func (w *stdResponse) EnableFullDuplex() error {
	w.wmu.Lock()
	defer w.wmu.Unlock()
	w.fullDuplex = true
	return nil
}
