package http1

import (
	"errors"
	"io"
	"net/http"
	"os"

	"github.com/calandria-go/calandria/protocols/http1/wire"
	"github.com/calandria-go/calandria/reactor"
)

// stdBody is http.Request.Body. The loop fills it, a goroutine of the handler empties it. All fields are guarded by w.mu, but
// for those that init sets.
type stdBody struct {
	w     *stdResponse
	lazy  bool  // the client waits for 100 (Continue): nothing is read before the handler reads
	total int64 // -1: chunked

	pieceBuffer       // what the handler has not read
	got         int64 // bytes that came
	dropped     int   // of them, thrown away
	started     bool
	paused      bool // the loop has paused for want of room
	waiting     bool // Read waits
	done        bool // all has come
	closed      bool // by the handler or, in effect, by the answer's beginning: what still comes is thrown away
	trailers    []wire.Field
	err         error
}

func (b *stdBody) init(w *stdResponse) {
	q := &w.x.req
	b.w, b.total = w, q.ContentLength()
	b.lazy = q.Expect100()
	if q.Chunked() {
		b.total = -1
	}
	b.started = !b.lazy
}

// startBody has the loop read the body.
func (w *stdResponse) startBody() {
	x := w.x
	x.mode, x.max = bodyStream, w.set.body
	x.continued = true // or not wanted any more
	x.wantBody()
}

// startLater is startBody as a posted function.
func (w *stdResponse) startLater() {
	if w.live() && w.x.mode == bodyUnread {
		w.startBody()
	}
}

// live says, on the loop, that the exchange is still w's.
func (w *stdResponse) live() bool { return w.x.gen == w.gen && w.x.std == w && w.x.state != stateDone }

func (w *stdResponse) resumeBody() {
	if w.live() {
		w.x.ResumeBody()
	}
}

// piece takes bytes of the body, on the loop.
func (b *stdBody) piece(x *Exchange, p []byte, last bool) {
	w := b.w
	w.mu.Lock()
	b.got += int64(len(p))
	pause := false
	if b.closed {
		b.dropped += len(p)
		pause = b.dropped > discardLimit && !last
	} else {
		b.add(p)
		pause = b.len() >= bodyAhead && !last
	}
	if last {
		b.done = true
		b.trailers = x.chunked.Trailers()
		if b.total >= 0 {
			b.trailers = nil
		}
	}
	b.paused = pause
	woke := b.waiting
	if woke {
		w.change.Broadcast()
	}
	w.mu.Unlock()
	if woke {
		w.c.WokeGoroutine()
	}
	if pause {
		x.PauseBody()
	}
}

// release ends the body with the request.
func (b *stdBody) release() {
	if b.w == nil {
		return
	}
	b.w.mu.Lock()
	defer b.w.mu.Unlock()
	b.closed = true
	b.free()
}

// failed is the loop's call for a body that cannot be read to its end. The handler hears it from Read.
func (b *stdBody) failed(err error) {
	w := b.w
	switch {
	case errors.Is(err, ErrBodyTooLarge):
		err = &http.MaxBytesError{Limit: w.set.body}
	case err == ErrTruncated:
		err = io.ErrUnexpectedEOF
	}
	w.mu.Lock()
	b.err = err
	w.change.Broadcast()
	w.mu.Unlock()
	w.c.WokeGoroutine()
}

// wanted says whether a reader waits for the client: else it is not the client that is slow.
func (b *stdBody) wanted() bool {
	b.w.mu.Lock()
	defer b.w.mu.Unlock()
	return b.waiting
}

func (b *stdBody) tooLarge() bool {
	if b.w == nil {
		return false
	}
	b.w.mu.Lock()
	defer b.w.mu.Unlock()
	var e *http.MaxBytesError
	return errors.As(b.err, &e)
}

// Read is part of io.Reader. It waits for the client, so it fails with reactor.ErrOnLoop on a loop.
func (b *stdBody) Read(p []byte) (int, error) {
	w := b.w
	w.mu.Lock()
	defer w.mu.Unlock()
	for checked := false; ; {
		switch {
		case b.closed:
			return 0, http.ErrBodyReadAfterClose
		case w.rd.passed():
			return 0, os.ErrDeadlineExceeded
		case b.len() > 0:
			return b.take(p)
		case b.done:
			b.fillTrailer()
			return 0, io.EOF
		case b.err != nil:
			return 0, b.err
		case w.gone != nil:
			return 0, w.gone
		case len(p) == 0:
			return 0, nil
		}
		if !checked {
			checked = true
			if reactor.OnLoop() {
				return 0, reactor.ErrOnLoop
			}
		}
		b.start()
		b.waiting = true
		w.change.Wait()
		b.waiting = false
	}
}

// start begins to read a body that was not wanted before (RFC 9110 section 10.1.1).
func (b *stdBody) start() {
	if b.started {
		return
	}
	b.started = true
	w := b.w
	if !w.noHint {
		w.noHint = true
		w.c.Write(continueLine)
	}
	w.c.Post(w.startLater)
}

// take copies bytes out, and lets the socket go on at half a buffer.
func (b *stdBody) take(p []byte) (int, error) {
	n := b.read(p)
	left := b.len()
	if b.paused && left <= bodyAhead/2 {
		b.paused = false
		b.w.c.Post(b.w.resumeBody)
	}
	if left == 0 && b.done && b.total >= 0 {
		return n, io.EOF
	}
	return n, nil
}

// fillTrailer gives the request its trailers, on the goroutine that reads its end.
func (b *stdBody) fillTrailer() {
	fields := b.trailers
	b.trailers = nil
	if len(fields) == 0 {
		return
	}
	r := b.w.req
	if r.Trailer == nil {
		r.Trailer = http.Header{}
	}
	seen := map[string]bool{}
	for _, f := range fields {
		key := http.CanonicalHeaderKey(f.Name)
		if !seen[key] {
			seen[key] = true
			r.Trailer[key] = nil
		}
		r.Trailer[key] = append(r.Trailer[key], f.Value)
	}
}

// Close is part of io.Closer: what still comes of the body is thrown away, on the loop.
func (b *stdBody) Close() error {
	b.w.mu.Lock()
	defer b.w.mu.Unlock()
	b.closeLocked()
	return nil
}

func (b *stdBody) closeLocked() {
	if b.closed {
		return
	}
	b.closed = true
	b.free()
	if b.paused {
		b.paused = false
		b.w.c.Post(b.w.resumeBody)
	}
	b.w.change.Broadcast()
}

// settle decides, when the answer's head is rendered, what becomes of the rest of the body, and whether the connection has to
// be closed for it. As in net/http, a handler that answers is done with the body, unless it asked for full duplex: else a
// client that sends all before it reads could never finish.
func (b *stdBody) settle(closing, fullDuplex bool) (mustClose bool) {
	if b.w == nil {
		return false
	}
	b.w.mu.Lock()
	defer b.w.mu.Unlock()
	switch {
	case b.err != nil:
		return true
	case b.lazy && !b.done:
		return true // it may never come, or as the next request
	case closing || fullDuplex:
		return false
	case b.done:
	case b.total >= 0 && b.total-b.got+int64(b.len()) >= discardLimit:
		return true
	}
	b.closeLocked()
	return false
}
