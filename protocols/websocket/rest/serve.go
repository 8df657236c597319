package rest

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"runtime/debug"
	"time"

	"github.com/calandria-go/calandria/protocols/websocket"
)

// served is a request of the other end's.
type served struct {
	p        *Peer
	id       uint64
	ctx      context.Context // of what is sent: ends with a cancellation and with the connection, not with the deadline
	cancel   context.CancelCauseFunc
	body     *body
	credit   *credit
	noAnswer bool
}

// onRequest begins one. Loop only.
func (p *Peer) onRequest(f *frame) error {
	p.mu.Lock()
	_, twice := p.theirs[f.id]
	full := len(p.theirs) >= p.cfg.MaxRequests || p.draining
	if twice || full {
		p.mu.Unlock()
		if twice {
			return violation("the id of a request is in use")
		}
		p.refuse(f, http.StatusServiceUnavailable)
		return nil
	}
	s := &served{p: p, id: f.id, credit: newCredit(), noAnswer: f.flags&flagNoAnswer != 0}
	s.ctx, s.cancel = context.WithCancelCause(p.ctx)
	s.body = newBody(func(n int) { p.control(&frame{kind: kindWindow, flags: flagAnswer, id: s.id, n: uint64(n)}) })
	p.theirs[f.id] = s
	p.mu.Unlock()
	if !s.body.add(f.data, f.end()) {
		return violation("more of a body than was allowed")
	}
	r, err := p.httpRequest(f.method, f.target, headerOf(f.fields))
	if err != nil {
		s.end()
		p.refuse(f, http.StatusBadRequest)
		return nil
	}
	r.Body = s.body
	if f.end() {
		r.ContentLength = int64(len(f.data))
	}
	timeout := p.cfg.Timeout
	if f.timeout > 0 {
		timeout = time.Duration(min(f.timeout, uint64(1<<62/time.Millisecond))) * time.Millisecond
	}
	if err := p.c.Reactor().Offload(func() { s.run(r, timeout) }); err != nil {
		s.end()
		p.refuse(f, http.StatusServiceUnavailable)
	}
	return nil
}

// refuse answers a request that no handler gets.
func (p *Peer) refuse(f *frame, status int) {
	if f.flags&flagNoAnswer == 0 {
		p.control(&frame{kind: kindResponse, flags: flagAnswer | flagEnd, id: f.id, status: status})
	}
	if !f.end() {
		p.control(&frame{kind: kindCancel, flags: flagAnswer, id: f.id, n: cancelDone})
	}
}

// httpRequest makes what a handler gets.
func (p *Peer) httpRequest(method, target string, h http.Header) (*http.Request, error) {
	u := &url.URL{Path: "*"}
	if target != "*" {
		var err error
		if u, err = url.ParseRequestURI(target); err != nil {
			return nil, err
		}
	}
	r := &http.Request{
		Method: method, URL: u, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Header: h, Host: h.Get("Host"),
		RequestURI: target, RemoteAddr: p.c.Reactor().RemoteAddr().String(), ContentLength: lengthOf(h),
	}
	h.Del("Host")
	return r, nil
}

// on takes a message about the request. Loop only.
func (s *served) on(f *frame) error {
	switch f.kind {
	case kindData:
		if !s.body.add(f.data, f.end()) {
			return violation("more of a body than was allowed")
		}
	case kindWindow:
		if !s.credit.add(f.n) {
			return violation("too large a window")
		}
	case kindCancel:
		err := fmt.Errorf("%w: %s", ErrCanceled, f.data)
		if f.n == cancelDeadline {
			err = fmt.Errorf("rest: %w", os.ErrDeadlineExceeded)
		}
		s.stop(err)
	}
	s.p.c.Reactor().WokeGoroutine()
	return nil
}

// stop ends what the handler waits for.
func (s *served) stop(err error) {
	s.cancel(err)
	s.body.fail(err)
}

// end takes the request out of its place.
func (s *served) end() {
	s.p.mu.Lock()
	delete(s.p.theirs, s.id)
	s.p.mu.Unlock()
	s.cancel(context.Canceled)
}

// run has the request handled, on a worker.
func (s *served) run(r *http.Request, timeout time.Duration) {
	w := &answer{s: s, header: http.Header{}, head: r.Method == http.MethodHead}
	ok := s.p.handle(s.ctx, timeout, w, r)
	switch {
	case s.ctx.Err() != nil || s.noAnswer:
	case ok:
		w.finish()
	case !w.begun:
		w.fail()
	default:
		s.p.control(&frame{kind: kindCancel, flags: flagAnswer, id: s.id, n: cancelInternal, data: []byte("handler failed")})
	}
	if !s.body.ended() && s.ctx.Err() == nil {
		s.p.control(&frame{kind: kindCancel, flags: flagAnswer, id: s.id, n: cancelDone})
	}
	s.end()
	s.body.Close()
	s.p.closeIfIdle()
}

// handle calls the handler within a deadline; false if it panicked.
func (p *Peer) handle(ctx context.Context, timeout time.Duration, w http.ResponseWriter, r *http.Request) (ok bool) {
	if timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, timeout)
		defer cancel()
	}
	defer func() {
		if v := recover(); v != nil && v != http.ErrAbortHandler {
			p.cfg.Logger.Error("rest: handler panicked", "value", fmt.Sprint(v), "stack", string(debug.Stack()))
		}
	}()
	p.cfg.Handler.ServeHTTP(w, r.WithContext(ctx))
	return true
}

// answer is the http.ResponseWriter of a request.
type answer struct {
	s      *served
	header http.Header
	sent   []field // the head, as of WriteHeader
	status int
	buf    []byte
	begun  bool // the head was sent
	head   bool // of HEAD
	err    error
}

// Header is part of http.ResponseWriter.
func (w *answer) Header() http.Header { return w.header }

// WriteHeader is part of http.ResponseWriter. Interim answers are not carried.
func (w *answer) WriteHeader(status int) {
	if w.status != 0 || status < 200 {
		return
	}
	w.status = min(status, 999)
	if w.sent, w.err = fieldsOf(w.header, 0, &w.s.p.cfg); w.err != nil {
		w.s.p.cfg.Logger.Error("rest: answer cannot be sent", "err", w.err)
		w.status, w.sent = http.StatusInternalServerError, nil
	}
}

// bodyless says whether the answer may have no body.
func (w *answer) bodyless() bool {
	return w.status == http.StatusNoContent || w.status == http.StatusNotModified
}

// Write is part of io.Writer. It waits while the other end makes no room.
func (w *answer) Write(p []byte) (int, error) {
	if w.status == 0 {
		if w.header.Get("Content-Type") == "" && len(p) > 0 {
			w.header.Set("Content-Type", http.DetectContentType(p))
		}
		w.WriteHeader(http.StatusOK)
	}
	switch {
	case w.err != nil:
		return 0, w.err
	case w.bodyless():
		return 0, http.ErrBodyNotAllowed
	case w.head || w.s.noAnswer:
		return len(p), nil
	}
	n := 0
	for n < len(p) {
		k := min(len(p)-n, maxPiece-len(w.buf))
		w.buf = append(w.buf, p[n:n+k]...)
		n += k
		if len(w.buf) == maxPiece && n < len(p) {
			if w.err = w.push(0); w.err != nil {
				return n, w.err
			}
		}
	}
	return n, nil
}

// Flush is part of http.Flusher.
func (w *answer) Flush() {
	if w.status == 0 {
		w.WriteHeader(http.StatusOK)
	}
	if w.err == nil && !w.s.noAnswer {
		w.err = w.push(0)
	}
}

// push sends the head, if that was not done, and what is buffered.
func (w *answer) push(end byte) error {
	p, s := w.s.p, w.s
	for {
		k := 0
		if len(w.buf) > 0 {
			var err error
			if k, err = s.credit.take(s.ctx, len(w.buf)); err != nil {
				return err
			}
		}
		f := frame{kind: kindData, flags: flagAnswer, id: s.id, data: w.buf[:k]}
		if !w.begun {
			f.kind, f.status, f.fields = kindResponse, w.status, w.sent
		}
		last := k == len(w.buf)
		if last {
			f.flags |= end
		}
		if k > 0 || !w.begun || f.flags&flagEnd != 0 {
			w.begun = true
			if err := p.c.SendContext(s.ctx, websocket.Binary, f.append(make([]byte, 0, 64+k))); err != nil {
				return err
			}
		}
		w.buf = append(w.buf[:0], w.buf[k:]...)
		if last {
			return nil
		}
	}
}

// finish sends what is left, and the end. An answer that is whole by then has a length.
func (w *answer) finish() {
	if w.status == 0 {
		w.WriteHeader(http.StatusOK)
	}
	if !w.begun && !w.head && !w.bodyless() && w.header.Get("Content-Length") == "" && w.err == nil {
		w.sent = append(w.sent, field{"Content-Length", fmt.Sprint(len(w.buf))})
	}
	w.push(flagEnd)
}

// fail answers in place of a handler that panicked before it did.
func (w *answer) fail() {
	w.status, w.sent, w.buf = http.StatusInternalServerError, nil, nil
	w.push(flagEnd)
}
