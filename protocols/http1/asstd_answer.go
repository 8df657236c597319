package http1

import (
	"context"
	"errors"
	"io"
	"math"
	"net/http"
	"slices"
	"sync"

	"github.com/calandria-go/calandria/protocols/http1/wire"
)

// hostedLimits: our own server has made the answer, so its limits are the native handler's matter.
var hostedLimits = wire.Limits{MaxHeadBytes: -1, MaxFields: -1, MaxTrailerBytes: -1, MaxTrailers: -1}

var answerBuffers = sync.Pool{New: func() any { return new([32 << 10]byte) }}

// receive reads the answer and passes it on. It panics with http.ErrAbortHandler if that cannot be whole.
func (q *hostedRequest) receive() {
	room := answerBuffers.Get().(*[32 << 10]byte)
	defer answerBuffers.Put(room)
	buf, have := room[:], 0
	var res wire.Response
	for {
		k, err := res.Parse(buf[:have], &hostedLimits)
		if err != nil {
			q.cut(err)
			panic(http.ErrAbortHandler)
		}
		if k == 0 {
			if have == len(buf) {
				buf = append(buf, make([]byte, len(buf))...)
			}
			n, err := q.down.Read(buf[have:])
			if have += n; err != nil && n == 0 {
				q.lost()
				return
			}
			continue
		}
		switch status := res.Status(); {
		case status == http.StatusSwitchingProtocols, status < 300 && status >= 200 && q.r.Method == http.MethodConnect:
			q.switchOver(buf[:k], buf[k:have])
			return
		case status < 200:
			q.interim(&res)
			have = copy(buf, buf[k:have])
			res.Reset()
			continue
		}
		q.answer(&res, buf, k, have)
		return
	}
}

// lost is what the host does when the native side has ended without an answer.
func (q *hostedRequest) lost() {
	ctx := q.r.Context()
	switch {
	case q.tooBig.Load():
		http.Error(q.w, "413 Request Entity Too Large", http.StatusRequestEntityTooLarge)
	case errors.Is(context.Cause(ctx), context.DeadlineExceeded), ctx.Err() == nil && q.h.isClosed():
		http.Error(q.w, "503 Service Unavailable", http.StatusServiceUnavailable)
	default:
		panic(http.ErrAbortHandler)
	}
}

// interim passes an interim answer on. 100 (Continue) is the host's to send, when the body is read.
func (q *hostedRequest) interim(res *wire.Response) {
	if res.Status() == http.StatusContinue {
		select {
		case q.wanted <- struct{}{}:
		default:
		}
		return
	}
	if !q.r.ProtoAtLeast(1, 1) {
		return // RFC 9110 section 15.2
	}
	header := q.w.Header()
	before := header.Clone()
	copyFields(header, res)
	q.w.WriteHeader(res.Status())
	clear(header)
	for name, values := range before {
		header[name] = values
	}
}

// copyFields adds the fields of an answer to a header, but for those that are about the connection to the native side. Those
// that a message has once replace what a handler before this one has set.
func copyFields(header http.Header, res *wire.Response) {
	for i := range res.NumFields() {
		n, v := res.Field(i)
		name := http.CanonicalHeaderKey(string(n))
		switch {
		case name == "Content-Length", name == "Content-Type", name == "Date", name == "Server":
			header[name] = []string{string(v)}
		case !framingField(name):
			header[name] = append(slices.Clip(header[name]), string(v))
		}
	}
}

// answer passes the final answer on, whose head is the first k bytes of buf, of which have are read.
func (q *hostedRequest) answer(res *wire.Response, buf []byte, k, have int) {
	header := q.w.Header()
	if _, ok := header["Content-Type"]; !ok {
		header["Content-Type"] = nil // nothing is to be guessed from the body
	}
	copyFields(header, res)
	if q.r.ProtoMajor == 1 && (!res.KeepAlive() || !q.whole.Load()) {
		header.Set("Connection", "close")
	}
	kind, length := res.Framing(q.r.Method)
	q.w.WriteHeader(res.Status())
	if kind == wire.BodyNone || kind == wire.BodyFixed && length == 0 {
		return
	}
	b := answerBody{left: length, chunked: kind == wire.BodyChunked}
	if kind == wire.BodyUntilClose { // of a handler that took the connection over
		b.left = math.MaxInt64
	}
	for rest := buf[k:have]; ; {
		n, done, err := b.pass(q.w, rest)
		if err != nil {
			q.cut(err)
			panic(http.ErrAbortHandler)
		}
		if done {
			q.trailers(&b, header)
			return
		}
		q.ctl.Flush() // a host that cannot flush sends when it likes
		have = copy(buf, rest[n:])
		n, err = q.down.Read(buf[have:])
		if err != nil && n == 0 {
			if kind == wire.BodyUntilClose && err == io.EOF && !q.native.reset.Load() {
				return
			}
			panic(http.ErrAbortHandler) // the client must not take this for the whole
		}
		rest = buf[:have+n]
	}
}

// answerBody is an answer's body on its way to the host.
type answerBody struct {
	left    int64 // of one with a length
	chunked bool
	decoder wire.Chunked
}

// pass writes what in has of the body, and says how much of in was taken and whether that was the end.
func (b *answerBody) pass(w http.ResponseWriter, in []byte) (taken int, done bool, err error) {
	if !b.chunked {
		n := int(min(b.left, int64(len(in))))
		b.left -= int64(n)
		if n > 0 {
			_, err = w.Write(in[:n])
		}
		return n, b.left == 0, err
	}
	for taken < len(in) && !b.decoder.Done() {
		data, n, err := b.decoder.Next(in[taken:], &hostedLimits)
		if err != nil {
			return taken, false, err
		}
		if n == 0 {
			break
		}
		taken += n
		if len(data) > 0 {
			if _, err := w.Write(data); err != nil {
				return taken, false, err
			}
		}
	}
	return taken, b.decoder.Done(), nil
}

// trailers gives the host those of a chunked answer.
func (q *hostedRequest) trailers(b *answerBody, header http.Header) {
	if !b.chunked || len(b.decoder.Trailers()) == 0 {
		return
	}
	q.ctl.Flush() // else net/http may give a short answer a length, and no trailers
	for _, f := range b.decoder.Trailers() {
		name := http.TrailerPrefix + http.CanonicalHeaderKey(f.Name)
		header[name] = append(header[name], f.Value)
	}
}
