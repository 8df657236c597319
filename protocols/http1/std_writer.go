package http1

import (
	"io"
	"net"
	"net/http"
	"os"
	"path"
	"runtime"
	"strings"

	"github.com/calandria-go/calandria/protocols/http1/wire"
	"github.com/calandria-go/calandria/reactor"
)

// Header is part of http.ResponseWriter.
func (w *stdResponse) Header() http.Header {
	if w.header == nil {
		w.header = http.Header{}
	}
	return w.header
}

// WriteHeader is part of http.ResponseWriter. The header is rendered now, so that later changes have no effect.
func (w *stdResponse) WriteHeader(status int) {
	w.wmu.Lock()
	defer w.wmu.Unlock()
	w.writeHeader(status)
}

func (w *stdResponse) writeHeader(status int) {
	switch {
	case w.hijacked:
		w.misuse("WriteHeader on hijacked connection")
		return
	case w.wrote:
		w.misuse("superfluous WriteHeader")
		return
	}
	checkStatus(status)
	if status == http.StatusContinue || status > 199 || status == http.StatusSwitchingProtocols {
		w.noContinue()
	}
	if status < 200 && status != http.StatusSwitchingProtocols {
		w.inform(status)
		return
	}
	w.wrote, w.status = true, status
	if w.hooks != nil && status >= 200 {
		w.late = w.header.Clone() // rendered with what the hooks make of it
		return
	}
	w.snapshot(w.header)
}

// noContinue keeps the body's reader from sending 100 (Continue) once the answer begins.
func (w *stdResponse) noContinue() {
	if w.body.lazy {
		w.mu.Lock()
		w.noHint = true
		w.mu.Unlock()
	}
}

// misuse logs what net/http logs too: a mistake of the handler without effect.
func (w *stdResponse) misuse(what string) {
	var pcs [16]uintptr
	frames := runtime.CallersFrames(pcs[:runtime.Callers(2, pcs[:])])
	for {
		f, more := frames.Next()
		if !strings.Contains(f.Function, "protocols/http1.(*stdResponse)") || !more {
			w.set.log.Warn("http1: "+what, "function", f.Function, "file", path.Base(f.File), "line", f.Line)
			return
		}
	}
}

// Write is part of http.ResponseWriter. It waits while the client takes nothing; on a loop it fails with reactor.ErrOnLoop
// then. An error means that the client is gone, or a deadline passed.
func (w *stdResponse) Write(p []byte) (int, error) {
	w.wmu.Lock()
	defer w.wmu.Unlock()
	if ok, err := w.admit(len(p)); !ok {
		return w.taken(len(p), err)
	}
	return write(w, p)
}

// WriteString is part of io.StringWriter.
func (w *stdResponse) WriteString(s string) (int, error) {
	w.wmu.Lock()
	defer w.wmu.Unlock()
	if ok, err := w.admit(len(s)); !ok {
		return w.taken(len(s), err)
	}
	return write(w, s)
}

// taken is what Write gives for bytes that do not go out: a hook may have taken the body away, which is not the handler's
// mistake.
func (w *stdResponse) taken(n int, err error) (int, error) {
	if err != nil || !w.mute {
		return 0, err
	}
	return n, nil
}

// admit says whether n bytes of body may be written now.
func (w *stdResponse) admit(n int) (bool, error) {
	switch {
	case w.hijacked:
		if n > 0 {
			w.misuse("Write on hijacked connection")
		}
		return false, http.ErrHijacked
	case w.over:
		return false, ErrAnswered
	}
	w.noContinue()
	if !w.wrote {
		w.writeHeader(http.StatusOK)
	}
	switch {
	case n == 0 || w.mute:
		return false, nil
	case !bodyAllowed(w.status):
		return false, http.ErrBodyNotAllowed
	}
	w.written += int64(n)
	if w.length >= 0 && w.written > w.length {
		return false, http.ErrContentLength
	}
	return w.err == nil, w.err
}

// write gathers small pieces, up to bodyBuffer, so that a small answer gets its length; what is larger is sent.
func write[T []byte | string](w *stdResponse, p T) (n int, err error) {
	for b := w.buf; len(p) > bodyBuffer-len(b.body); {
		if len(b.body) == 0 && w.headOut {
			k := min(len(p), sendPiece)
			err = emit(w, p[:k])
			n, p = n+k, p[k:]
		} else {
			k := bodyBuffer - len(b.body)
			b.body = append(b.body, p[:k]...)
			n, p = n+k, p[k:]
			err = w.flushBody()
		}
		if err != nil {
			return 0, err
		}
	}
	w.buf.body = append(w.buf.body, p...)
	return n + len(p), nil
}

// flushBody sends what is gathered.
func (w *stdResponse) flushBody() error {
	b := w.buf
	p := w.renderHead(b.body, false)
	b.body = b.body[:0]
	if len(p) == 0 {
		return w.err
	}
	return emit(w, p)
}

// emit frames a piece of the body behind a rendered head, and queues what has become large.
func emit[T []byte | string](w *stdResponse, p T) error {
	if w.isHead || w.mute {
		return w.err
	}
	if w.filter != nil {
		frame(w, w.filtered([]byte(p), false, false))
	} else {
		frame(w, p)
	}
	if b := w.buf; len(b.out) >= sendAbove {
		return w.send()
	}
	return w.err
}

// frame renders a piece of the body as it goes out.
func frame[T []byte | string](w *stdResponse, p T) {
	if len(p) == 0 {
		return
	}
	b := w.buf
	w.sent += int64(len(p))
	if w.chunked {
		b.out = wire.AppendChunkHeader(b.out, len(p))
		b.out = append(b.out, p...)
		b.out = append(b.out, crlf...)
	} else {
		b.out = append(b.out, p...)
	}
}

// send queues what is rendered, as soon as the connection takes it.
func (w *stdResponse) send() error {
	b := w.buf
	if w.err != nil || len(b.out) == 0 {
		return w.err
	}
	w.err = w.await()
	if w.err == nil {
		_, w.err = w.c.Write(b.out)
	}
	if w.err != nil {
		w.ctx.cancel()
	}
	b.out = b.out[:0]
	return w.err
}

// await waits until the connection takes more.
func (w *stdResponse) await() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	for checked := false; ; {
		if err := w.sendErrorLocked(); err != nil {
			return err
		}
		if !w.c.OverHigh() {
			return nil
		}
		if !checked {
			checked = true
			if reactor.OnLoop() {
				return reactor.ErrOnLoop
			}
		}
		w.change.Wait()
	}
}

// sendErrorLocked says why nothing more can be sent.
func (w *stdResponse) sendErrorLocked() error {
	switch {
	case w.gone != nil:
		return &net.OpError{Op: "write", Net: "tcp", Err: w.gone}
	case w.wd.passed():
		return os.ErrDeadlineExceeded
	}
	return nil
}

// Flush is part of http.Flusher.
func (w *stdResponse) Flush() { w.FlushError() }

// FlushError is Flush with its error, for http.ResponseController.
func (w *stdResponse) FlushError() error {
	w.wmu.Lock()
	defer w.wmu.Unlock()
	switch {
	case w.hijacked:
		return http.ErrHijacked
	case w.over:
		return ErrAnswered
	}
	if !w.wrote {
		w.writeHeader(http.StatusOK)
	}
	if err := w.flushBody(); err != nil {
		return err
	}
	if w.filter != nil {
		frame(w, w.filtered(nil, true, false))
	}
	return w.send()
}

// ReadFrom is part of io.ReaderFrom: a copy with a buffer of its own.
func (w *stdResponse) ReadFrom(src io.Reader) (int64, error) {
	buf := copyBuffers.Get().(*[]byte)
	defer copyBuffers.Put(buf)
	return io.CopyBuffer(struct{ io.Writer }{w}, src, *buf)
}

// endBody renders what is left of the answer when the handler has returned.
func (w *stdResponse) endBody() {
	b := w.buf
	p := w.renderHead(b.body, true)
	if !w.isHead && !w.mute {
		if w.filter != nil {
			p = w.filtered(p, false, true)
			w.closeFilter()
		}
		frame(w, p)
	}
	if w.chunked && !w.isHead {
		b.out = w.appendTrailers(append(b.out, "0\r\n"...))
		b.out = append(b.out, crlf...)
	}
}
