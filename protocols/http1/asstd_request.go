package http1

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"sync"
	"sync/atomic"
	"time"

	"github.com/calandria-go/calandria/protocols/http1/wire"
	"github.com/calandria-go/calandria/reactor"
)

// hostedRequest is one request of a host on its way through a native server. The host's goroutine reads the answer; another one
// sends the request.
type hostedRequest struct {
	h      *Hosted
	w      http.ResponseWriter
	r      *http.Request
	ctl    *http.ResponseController
	up     net.Conn // to the native side
	down   net.Conn // from it
	native *nativeEnd
	stop   func() bool // ends the watch over the host's context

	hasBody bool
	chunked bool
	expect  bool          // the body waits for 100 (Continue)
	wanted  chan struct{} // gets a value when that came
	sent    chan struct{} // closed when the sender has ended
	stopped atomic.Bool   // the sender should end
	reading atomic.Bool   // the sender is in Body.Read
	whole   atomic.Bool   // all of the body was read
	tooBig  atomic.Bool   // the host has bounded the body, and it is larger

	mu   sync.Mutex
	conn *reactor.Conn // on the native side, once there
	err  error         // it is to be aborted with
}

func newHostedRequest(h *Hosted, w http.ResponseWriter, r *http.Request) *hostedRequest {
	q := &hostedRequest{
		h: h, w: w, r: r, ctl: http.NewResponseController(w), wanted: make(chan struct{}, 1), sent: make(chan struct{}),
	}
	q.hasBody = r.Body != nil && r.Body != http.NoBody && r.ContentLength != 0
	q.chunked = q.hasBody && (r.ContentLength < 0 || len(r.Trailer) > 0)
	q.expect = q.hasBody && r.ProtoAtLeast(1, 1) && wire.ContainsToken([]byte(r.Header.Get("Expect")), "100-continue")
	q.whole.Store(!q.hasBody)
	return q
}

// attach is told of the connection, on its loop.
func (q *hostedRequest) attach(c *reactor.Conn) {
	if a := remoteOf(q.r); a.IsValid() {
		c.SetRemoteAddr(a)
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.conn = c; q.err != nil {
		c.Abort(q.err)
	}
}

// cut aborts the native side. Any goroutine.
func (q *hostedRequest) cut(err error) {
	q.mu.Lock()
	if q.err == nil {
		q.err = err
	}
	c := q.conn
	q.mu.Unlock()
	if c != nil {
		c.Abort(err)
	}
	q.up.Close()
	q.down.Close()
}

// serve is the life of the request.
func (q *hostedRequest) serve(ln *hostListener) {
	head, err := q.head()
	if err != nil {
		http.Error(q.w, "400 Bad Request: "+err.Error(), http.StatusBadRequest)
		return
	}
	if q.hasBody {
		q.ctl.EnableFullDuplex() // else net/http reads the body on its own when the answer begins; a host without it may not do that
	}
	q.up, q.down, q.native = newHostPipe(q)
	if err := ln.connect(q.r.Context(), q.native); err != nil {
		q.native.Close()
		q.lost()
		return
	}
	q.stop = context.AfterFunc(q.r.Context(), func() { q.cut(context.Cause(q.r.Context())) })
	go q.send(head)
	defer q.end()
	q.receive()
}

// end leaves nothing of the request behind: after it the host may not be touched.
func (q *hostedRequest) end() {
	q.stop()
	q.stopped.Store(true)
	q.up.Close()
	q.down.Close()
	if q.reading.Load() { // from a client that may never send more
		if q.ctl.SetReadDeadline(time.Now()) != nil {
			q.r.Body.Close()
		}
	}
	<-q.sent
}

// head renders the request's head.
func (q *hostedRequest) head() ([]byte, error) {
	r := q.r
	dst, err := wire.AppendRequestLine(nil, r.Method, hostedTarget(r))
	if err != nil {
		return nil, err
	}
	if dst, err = wire.AppendField(dst, "Host", r.Host); err != nil {
		return nil, err
	}
	for name, values := range r.Header {
		if hostField(name) {
			continue
		}
		for _, v := range values {
			if dst, err = wire.AppendField(dst, name, v); err != nil {
				return nil, err
			}
		}
	}
	if up := r.Header["Upgrade"]; len(up) > 0 && r.ProtoMajor == 1 && hasToken(r.Header["Connection"], "upgrade") {
		dst = append(dst, "Connection: Upgrade\r\n"...)
		for _, v := range up {
			if dst, err = wire.AppendField(dst, "Upgrade", v); err != nil {
				return nil, err
			}
		}
	}
	switch {
	case q.chunked:
		dst = append(dst, "Transfer-Encoding: chunked\r\n"...)
		for name := range r.Trailer {
			if dst, err = wire.AppendField(dst, "Trailer", name); err != nil {
				return nil, err
			}
		}
	case q.hasBody:
		dst = wire.AppendContentLength(dst, r.ContentLength)
	case len(r.Header["Content-Length"]) > 0:
		dst = wire.AppendContentLength(dst, 0)
	}
	return append(dst, crlf...), nil
}

// hostField says whether a field of the host's request is about its own connection, or rendered by head.
func hostField(name string) bool {
	return framingField(name) || name == "Host" || name == "Proxy-Connection"
}

func hasToken(values []string, token string) bool {
	for _, v := range values {
		if wire.ContainsToken([]byte(v), token) {
			return true
		}
	}
	return false
}

// hostedTarget is the request's target: as it was sent, unless a handler before this one has changed the URL.
func hostedTarget(r *http.Request) string {
	if r.Method == http.MethodConnect && r.RequestURI != "" || r.RequestURI == "*" {
		return r.RequestURI
	}
	u, err := url.ParseRequestURI(r.RequestURI)
	if err != nil || u.Path != r.URL.Path || u.RawPath != r.URL.RawPath || u.RawQuery != r.URL.RawQuery {
		return r.URL.RequestURI()
	}
	return r.RequestURI
}

// send writes the request. The pipe has no room of its own, so each piece waits until the native side takes it: a handler that
// does not read the body stops the client.
func (q *hostedRequest) send(head []byte) {
	defer close(q.sent)
	if _, err := q.up.Write(head); err != nil || !q.hasBody {
		return
	}
	if q.expect {
		select {
		case <-q.wanted:
		case <-q.native.gone:
			return
		}
	}
	buf := hostBuffers.Get().(*hostBuffer)
	defer hostBuffers.Put(buf)
	var left int64 = -1
	if !q.chunked {
		left = q.r.ContentLength
	}
	for {
		n, err := q.read(buf.in[:])
		if left >= 0 {
			n = int(min(int64(n), left))
			left -= int64(n)
		}
		end := err == io.EOF && left <= 0 || left == 0
		q.whole.Store(end)
		out := buf.in[:n]
		if q.chunked {
			out = q.chunk(buf.out[:0], out, end)
		}
		if len(out) > 0 {
			if _, werr := q.up.Write(out); werr != nil {
				return
			}
		}
		if end {
			return
		}
		if err != nil {
			q.broken(err)
			return
		}
	}
}

// read reads from the body, unless the request is over.
func (q *hostedRequest) read(p []byte) (int, error) {
	q.reading.Store(true)
	defer q.reading.Store(false)
	if q.stopped.Load() {
		return 0, net.ErrClosed
	}
	return q.r.Body.Read(p)
}

// chunk frames a piece of the body.
func (q *hostedRequest) chunk(dst, piece []byte, end bool) []byte {
	if len(piece) > 0 {
		dst = wire.AppendChunk(dst, piece)
	}
	if !end {
		return dst
	}
	var trailers []wire.Field
	for name, values := range q.r.Trailer {
		for _, v := range values {
			f := wire.Field{Name: name, Value: v}
			if _, err := wire.AppendLastChunk(nil, []wire.Field{f}); err == nil {
				trailers = append(trailers, f)
			}
		}
	}
	dst, _ = wire.AppendLastChunk(dst, trailers)
	return dst
}

// broken ends a body that does not come to its end: the native side sees a request that is cut short.
func (q *hostedRequest) broken(err error) {
	var large *http.MaxBytesError
	if errors.As(err, &large) {
		q.tooBig.Store(true)
		q.cut(ErrBodyTooLarge)
		return
	}
	q.up.Close()
}

// hostBuffer is what a request needs to send its body, and one to read its answer.
type hostBuffer struct {
	in  [hostPiece]byte
	out []byte
}

// hostPiece is how much of a body is passed on at a time.
const hostPiece = 16 << 10

var hostBuffers = sync.Pool{New: func() any { return &hostBuffer{out: make([]byte, 0, hostPiece+64)} }}
