package http1

import (
	"context"
	"io"
	"net/http"
	"net/http/httptrace"
	"net/textproto"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/calandria-go/calandria/protocols/http1/wire"
	"github.com/calandria-go/calandria/reactor"
)

// syncCall is a request of Client.RoundTrip: the loop fills it, the caller's goroutine waits for it. It is the body of the
// response too. A goroutine is woken once for all that one turn of the loop brings.
type syncCall struct {
	call Call
	cl   *Client
	ctx  context.Context
	req  *http.Request

	mu      sync.Mutex // guards what follows
	body    pieceBuffer
	reader  *sleeper // who waits for the response; nil for nobody
	sender  *sleeper // who waits to send more
	headed  bool     // the head came
	proceed bool     // 100 (Continue) came
	full    bool     // the sender waits for OnWritable
	done    bool     // the response is whole
	closed  bool     // by who reads it
	paused  bool
	sentAll bool
	err     error // why there is no response, or no whole one
	got     int64
	limit   int64
	resp    http.Response
}

// OnInform is part of CallHandler.
func (x *syncCall) OnInform(_ *Call, r *wire.Response) {
	status := r.Status()
	if t := httptrace.ContextClientTrace(x.ctx); t != nil {
		if status == http.StatusContinue && t.Got100Continue != nil {
			t.Got100Continue()
		}
		if t.Got1xxResponse != nil {
			if err := t.Got1xxResponse(status, textproto.MIMEHeader(responseHeader(r))); err != nil {
				x.call.Abort(err)
			}
		}
	}
	if status == http.StatusContinue {
		x.mu.Lock()
		x.proceed = true
		x.wake(x.sender)
		x.mu.Unlock()
	}
}

// wake lets a sleeper look again. With x.mu held.
func (x *syncCall) wake(w *sleeper) {
	if w != nil {
		w.wake()
		x.call.cc.c.WokeGoroutine()
	}
}

// OnHead is part of CallHandler: it makes the http.Response.
func (x *syncCall) OnHead(call *Call, r *wire.Response) {
	kind, length := r.Framing(call.method)
	x.mu.Lock()
	x.headed = true
	x.fill(r, kind, length)
	if length > x.limit {
		x.err = ErrResponseTooLarge
		call.Abort(ErrResponseTooLarge)
	}
	if r.Status() != http.StatusSwitchingProtocols {
		x.mu.Unlock()
		return
	}
	stream := reactor.NewStream() // the body of a 101 is the connection, as with http.Transport
	x.resp.Body = stream
	x.mu.Unlock()
	call.HandOver(stream)
}

// fill makes the response of its head, whose strings are all parts of one.
func (x *syncCall) fill(r *wire.Response, kind wire.BodyKind, length int64) {
	res := &x.resp
	res.StatusCode = r.Status()
	res.Proto, res.ProtoMajor, res.ProtoMinor = "HTTP/1.1", 1, r.Minor()
	if r.Minor() == 0 {
		res.Proto = "HTTP/1.0"
	}
	if reason := r.Reason(); res.StatusCode == 200 && string(reason) == "OK" {
		res.Status = "200 OK"
	} else {
		res.Status = strconv.Itoa(res.StatusCode) + " " + string(reason)
	}
	res.Header = responseHeader(r)
	res.Request = x.req
	res.TLS = tlsState(x.call.cc.c)
	res.Close = !x.call.keep
	res.Body = x
	switch kind {
	case wire.BodyChunked:
		res.TransferEncoding = []string{"chunked"}
		delete(res.Header, "Transfer-Encoding")
		res.ContentLength = -1
		res.Trailer, _ = announced(res.Header)
	case wire.BodyFixed:
		res.ContentLength = length
	case wire.BodyUntilClose:
		res.ContentLength = -1
	default:
		if x.call.method == http.MethodHead {
			res.ContentLength = r.ContentLength()
		}
	}
	if kind == wire.BodyNone || kind == wire.BodyFixed && length == 0 {
		res.Body = http.NoBody
	}
}

// responseHeader is a head's fields as a map of canonical keys.
func responseHeader(r *wire.Response) http.Header {
	n := r.NumFields()
	size := 0
	for i := range n {
		name, value := r.Field(i)
		size += len(name) + len(value)
	}
	var text strings.Builder
	text.Grow(size)
	for i := range n {
		name, value := r.Field(i)
		text.Write(name)
		text.Write(value)
	}
	all := text.String()
	header := make(http.Header, n)
	values := make([]string, n)
	for i := range n {
		nb, vb := r.Field(i)
		key := http.CanonicalHeaderKey(all[:len(nb)])
		values[i] = all[len(nb) : len(nb)+len(vb)]
		all = all[len(nb)+len(vb):]
		if old, ok := header[key]; ok {
			header[key] = append(old, values[i])
		} else {
			header[key] = values[i : i+1 : i+1]
		}
	}
	return header
}

// OnPiece is part of CallHandler.
func (x *syncCall) OnPiece(call *Call, piece []byte) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.got += int64(len(piece)); x.got > x.limit {
		x.err = ErrResponseTooLarge
		call.Abort(ErrResponseTooLarge)
		return
	}
	if x.closed {
		return
	}
	x.body.add(piece)
	if x.body.len() >= bodyAhead {
		x.paused = true
		call.Pause()
	}
}

// onTurn is part of turnHandler.
func (x *syncCall) onTurn() {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.headed {
		x.wake(x.reader)
	}
}

// OnWritable is part of CallHandler.
func (x *syncCall) OnWritable(*Call) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.full = false
	x.wake(x.sender)
}

// OnDone is part of CallHandler.
func (x *syncCall) OnDone(call *Call, err error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	switch {
	case err == nil && x.err == nil:
		x.done = true
		x.paused = false
	case x.err == nil:
		x.err = err
	}
	x.wake(x.reader)
	x.wake(x.sender)
}

// sleep waits for the loop, with x.mu held, which it lets go of meanwhile. place is where the loop finds the sleeper.
func (x *syncCall) sleep(place **sleeper, done <-chan struct{}, d time.Duration) error {
	w := x.cl.sleeper()
	*place = w
	x.mu.Unlock()
	err := w.wait(done, d)
	x.mu.Lock()
	*place = nil
	x.cl.done(w)
	return err
}

// await waits for the response's head.
func (x *syncCall) await(ctx context.Context) error {
	x.mu.Lock()
	defer x.mu.Unlock()
	left := x.cl.set.head
	for {
		switch {
		case x.headed: // if something is wrong with the body, who reads it hears so
			return nil
		case x.err != nil:
			return x.err
		}
		counted := x.sentAll
		err := x.sleep(&x.reader, ctx.Done(), left)
		switch {
		case err == errCanceled:
			x.giveUp(ctx.Err())
		case err == errExpired && counted && !x.headed:
			x.giveUp(ErrResponseTimeout)
		}
	}
}

// giveUp ends the call for its user, and its connection. With x.mu held.
func (x *syncCall) giveUp(err error) {
	if x.err == nil && !x.done {
		x.err = err
		x.call.Abort(err)
		x.wake(x.sender)
	}
}

// Read is part of io.Reader: of the response's body. It waits for the server.
func (x *syncCall) Read(p []byte) (int, error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	for checked := false; ; {
		switch {
		case x.closed:
			return 0, http.ErrBodyReadAfterClose
		case x.body.len() > 0:
			n := x.body.read(p)
			if x.paused && x.body.len() <= bodyAhead/2 {
				x.paused = false
				x.call.cc.c.Post(x.resume)
			}
			if x.done && x.body.len() == 0 && x.resp.ContentLength >= 0 {
				x.body.free()
				return n, io.EOF
			}
			return n, nil
		case x.done:
			x.body.free()
			x.fillTrailer()
			return 0, io.EOF
		case x.err != nil:
			return 0, x.err
		case len(p) == 0:
			return 0, nil
		}
		if !checked {
			checked = true
			if reactor.OnLoop() {
				return 0, reactor.ErrOnLoop
			}
		}
		err := x.sleep(&x.reader, x.ctx.Done(), x.cl.set.body)
		switch {
		case err == errCanceled:
			x.giveUp(x.ctx.Err())
		case err == errExpired && x.body.len() == 0:
			x.giveUp(ErrResponseStalled)
		}
	}
}

// resume is posted: the call may be over by then.
func (x *syncCall) resume() { x.call.Resume() }

func (x *syncCall) fillTrailer() {
	fields := x.call.trailers
	x.call.trailers = nil
	for _, f := range fields {
		if x.resp.Trailer == nil {
			x.resp.Trailer = http.Header{}
		}
		x.resp.Trailer.Add(f.Name, f.Value)
	}
}

const (
	// drainBytes and drainTime bound what is read of a body that was closed early, to keep its connection.
	drainBytes = 256 << 10
	drainTime  = time.Second
)

// Close is part of io.Closer. What is left of the body is read and thrown away if it is little, so that the connection can be
// used again; else the connection is closed.
func (x *syncCall) Close() error {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.closed {
		return nil
	}
	x.closed = true
	x.body.free()
	x.wake(x.reader)
	if !x.done && x.err == nil {
		x.paused = false
		x.call.cc.c.Post(func() { x.call.Discard(drainBytes, drainTime) })
	}
	return nil
}
