package rest

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"time"

	"github.com/calandria-go/calandria/protocols/websocket"
	"github.com/calandria-go/calandria/reactor"
)

// call is a request of ours.
type call struct {
	p      *Peer
	id     uint64
	ctx    context.Context // of what is sent: ends with the call
	cancel context.CancelCauseFunc
	head   chan *frame // gets the head of the answer
	body   *body
	credit *credit

	// Guarded by Peer.mu.
	answered, sent, received bool
	err                      error
	unwatch                  func() bool // ends the watch over the request's context
}

// RoundTrip is part of http.RoundTripper: it sends a request and waits for the head of the answer. The deadline of its context goes
// along, its end cancels the request, until the answer's body has been read or closed. What Connection and its like say is
// not carried; a body's trailers are not, either. On a loop's goroutine it returns reactor.ErrOnLoop. A request costs a goroutine
// while its body is sent, if that has more than 16 KiB or no length.
func (p *Peer) RoundTrip(r *http.Request) (*http.Response, error) {
	if reactor.OnLoop() {
		return nil, closing(r, reactor.ErrOnLoop)
	}
	p.mu.Lock()
	opened, synopse := p.c != nil, p.synopse
	p.mu.Unlock()
	if !opened {
		return nil, closing(r, ErrClosed)
	}
	if synopse {
		return p.askSynopse(r)
	}
	f, err := p.requestFrame(r)
	if err != nil {
		return nil, closing(r, err)
	}
	q, err := p.begin()
	if err != nil {
		return nil, closing(r, err)
	}
	f.id = q.id
	if err := q.send(r, f); err != nil {
		q.end(err)
		return nil, err
	}
	return q.await(r)
}

// closing closes a request's body, as a RoundTripper has to.
func closing(r *http.Request, err error) error {
	if r.Body != nil {
		r.Body.Close()
	}
	return err
}

// Notify sends a request to which no answer is wanted: what becomes of it is not known. Its body is sent whole, and has a
// length, of 16 KiB at the most; with synopsejson of Config.MaxBody.
func (p *Peer) Notify(r *http.Request) error {
	p.mu.Lock()
	opened, synopse := p.c != nil && !p.ended, p.synopse
	p.mu.Unlock()
	switch {
	case !opened:
		return closing(r, ErrClosed)
	case synopse:
		m, err := p.synopseOf(r)
		if err != nil {
			return err
		}
		m.noAnswer = true
		return p.sendSynopse(r.Context(), m)
	case r.ContentLength < 0 || r.ContentLength > maxPiece:
		return closing(r, ErrBody)
	}
	f, err := p.requestFrame(r)
	if err != nil {
		return closing(r, err)
	}
	if f.data, err = wholeBody(r, maxPiece); err != nil {
		return err
	}
	f.flags = flagEnd | flagNoAnswer
	p.mu.Lock()
	p.next++
	f.id = p.next
	p.mu.Unlock()
	return p.c.SendContext(r.Context(), websocket.Binary, f.append(nil))
}

// wholeBody reads and closes a body of at most most bytes.
func wholeBody(r *http.Request, most int) ([]byte, error) {
	if r.Body == nil {
		return nil, nil
	}
	defer r.Body.Close()
	b, err := io.ReadAll(io.LimitReader(r.Body, min(int64(most), 1<<62)+1))
	if err == nil && len(b) > most {
		err = ErrBody
	}
	return b, err
}

// requestFrame makes the head.
func (p *Peer) requestFrame(r *http.Request) (*frame, error) {
	f := &frame{kind: kindRequest, method: r.Method, target: r.URL.RequestURI()}
	if f.method == "" {
		f.method = http.MethodGet
	}
	if d, ok := r.Context().Deadline(); ok {
		f.timeout = uint64(max(time.Until(d).Milliseconds(), 1))
	}
	var err error
	h := r.Header
	host := r.Host
	if host == "" {
		host = r.URL.Host
	}
	if host != "" || r.ContentLength > 0 {
		if h = h.Clone(); h == nil {
			h = http.Header{}
		}
		if host != "" {
			h.Set("Host", host)
		}
		if r.ContentLength > 0 {
			h.Set("Content-Length", fmt.Sprint(r.ContentLength))
		}
	}
	f.fields, err = fieldsOf(h, len(f.method)+len(f.target), &p.cfg)
	if err == nil && !validTarget(f.target) {
		err = ErrHead
	}
	return f, err
}

// begin makes the place of a call.
func (p *Peer) begin() (*call, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case p.ended:
		return nil, ErrClosed
	case p.draining || p.away:
		return nil, ErrDraining
	case len(p.ours) >= p.cfg.MaxCalls:
		return nil, ErrBusy
	}
	p.next++
	q := &call{p: p, id: p.next, head: make(chan *frame, 1), credit: newCredit()}
	q.ctx, q.cancel = context.WithCancelCause(context.Background())
	q.body = newBody(func(n int) { p.control(&frame{kind: kindWindow, id: q.id, n: uint64(n)}) })
	q.body.closed = func() { q.giveUp(cancelGiven, ErrClosed) }
	p.ours[q.id] = q
	return q, nil
}

// send sends the head, with the body if that is short, else with a goroutine that sends it.
func (q *call) send(r *http.Request, f *frame) error {
	stream := r.Body != nil && r.Body != http.NoBody && (r.ContentLength < 0 || r.ContentLength > maxPiece || r.ContentLength == 0)
	if !stream {
		b, err := wholeBody(r, maxPiece)
		if err != nil {
			return err
		}
		f.data, f.flags = b, flagEnd
		if len(b) > 0 {
			q.credit.take(r.Context(), len(b)) // all is allowed yet
		}
		q.p.mu.Lock()
		q.sent = true
		q.p.mu.Unlock()
	}
	if err := q.p.c.SendContext(r.Context(), websocket.Binary, f.append(nil)); err != nil {
		if stream {
			r.Body.Close()
		}
		return err
	}
	if stream {
		go q.sendBody(r.Body)
	}
	return nil
}

// sendBody sends a body in pieces, as the other end makes room.
func (q *call) sendBody(from io.ReadCloser) {
	defer from.Close()
	err := sendPieces(q.ctx, q.p, from, q.credit, frame{kind: kindData, id: q.id})
	p := q.p
	p.mu.Lock()
	q.sent = true
	over := q.received
	p.mu.Unlock()
	switch {
	case q.ctx.Err() != nil: // it has ended otherwise, or nothing more was wanted
	case err != nil:
		q.giveUp(cancelGiven, fmt.Errorf("rest: request body: %w", err))
	case over:
		q.end(nil)
	}
}

// sendPieces sends what a reader gives, and the end.
func sendPieces(ctx context.Context, p *Peer, from io.Reader, c *credit, f frame) error {
	buf := make([]byte, maxPiece)
	for {
		n, err := from.Read(buf)
		for part := buf[:n]; len(part) > 0; {
			k, cerr := c.take(ctx, len(part))
			if cerr != nil {
				return cerr
			}
			f.data = part[:k]
			if serr := p.c.SendContext(ctx, websocket.Binary, f.append(nil)); serr != nil {
				return serr
			}
			part = part[k:]
		}
		if err == io.EOF {
			f.data, f.flags = nil, f.flags|flagEnd
			return p.c.SendContext(ctx, websocket.Binary, f.append(nil))
		}
		if err != nil {
			return err
		}
	}
}

// await waits for the head of the answer.
func (q *call) await(r *http.Request) (*http.Response, error) {
	ctx := r.Context()
	select {
	case f := <-q.head:
		if f == nil {
			return nil, q.reason()
		}
		return q.response(r, f), nil
	case <-ctx.Done():
		err := context.Cause(ctx)
		code := uint64(cancelGiven)
		if ctx.Err() == context.DeadlineExceeded {
			code = cancelDeadline
		}
		q.giveUp(code, err)
		return nil, err
	}
}

func (q *call) reason() error {
	q.p.mu.Lock()
	defer q.p.mu.Unlock()
	return q.err
}

// response makes what RoundTrip returns, and watches over the context from here on.
func (q *call) response(r *http.Request, f *frame) *http.Response {
	resp := responseOf(r, f.status, headerOf(f.fields))
	resp.Body = q.body
	unwatch := context.AfterFunc(r.Context(), func() { q.giveUp(cancelGiven, context.Cause(r.Context())) })
	q.p.mu.Lock()
	q.unwatch = unwatch
	over := q.received
	q.p.mu.Unlock()
	if over {
		unwatch()
	}
	return resp
}

func responseOf(r *http.Request, status int, h http.Header) *http.Response {
	return &http.Response{
		Status: fmt.Sprintf("%d %s", status, http.StatusText(status)), StatusCode: status, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: h, ContentLength: lengthOf(h), Request: r,
	}
}

// on takes a message about the call. Loop only.
func (q *call) on(f *frame) error {
	p := q.p
	switch f.kind {
	case kindResponse:
		p.mu.Lock()
		again := q.answered
		q.answered = true
		p.mu.Unlock()
		if again {
			return violation("a second answer")
		}
		if !q.body.add(f.data, f.end()) {
			return violation("more of a body than was allowed")
		}
		f.data = nil
		q.head <- f
		p.c.Reactor().WokeGoroutine()
	case kindData:
		p.mu.Lock()
		early := !q.answered
		p.mu.Unlock()
		if early || !q.body.add(f.data, f.end()) {
			return violation("more of a body than was allowed")
		}
		p.c.Reactor().WokeGoroutine()
	case kindWindow:
		if !q.credit.add(f.n) {
			return violation("too large a window")
		}
		p.c.Reactor().WokeGoroutine()
		return nil
	case kindCancel:
		q.canceled(f)
		return nil
	}
	if f.end() {
		p.mu.Lock()
		q.received = true
		over, unwatch := q.sent, q.unwatch
		p.mu.Unlock()
		if unwatch != nil {
			unwatch()
		}
		if over {
			q.end(nil)
		}
	}
	return nil
}

// canceled takes a cancellation of the other end's.
func (q *call) canceled(f *frame) {
	p := q.p
	if f.n != cancelDone {
		err := fmt.Errorf("%w: %s", ErrCanceled, f.data)
		if f.n == cancelDeadline {
			err = fmt.Errorf("rest: %w", os.ErrDeadlineExceeded)
		}
		q.end(err)
		return
	}
	p.mu.Lock()
	q.sent = true
	over := q.received
	p.mu.Unlock()
	q.cancel(nil) // ends what sends the body
	if over {
		q.end(nil)
	}
}

// giveUp cancels the call, unless it has ended.
func (q *call) giveUp(code uint64, err error) {
	if q.end(err) {
		q.p.control(&frame{kind: kindCancel, id: q.id, n: code})
	}
}

// end takes the call out of its place; false if that was done. What has not come fails with err.
func (q *call) end(err error) bool {
	p := q.p
	p.mu.Lock()
	_, there := p.ours[q.id]
	delete(p.ours, q.id)
	p.mu.Unlock()
	if !there {
		return false
	}
	q.fail(err)
	p.closeIfIdle()
	return true
}

// fail ends whatever waits.
func (q *call) fail(err error) {
	q.p.mu.Lock()
	q.err = err
	first := !q.answered
	q.answered = true
	unwatch := q.unwatch
	q.p.mu.Unlock()
	q.cancel(err)
	if unwatch != nil {
		unwatch()
	}
	if err != nil {
		q.body.fail(err)
	}
	if first {
		q.head <- nil
	}
}
