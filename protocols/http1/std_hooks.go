package http1

import (
	"bytes"
	"net/http"
	"slices"
	"strconv"
)

// runHooks calls the functions of OnHead with the header as it was at WriteHeader, and p, the beginning of the body; whole if
// final. It gives the body's beginning as it goes out, and its length, -1 if that is not known.
func (w *stdResponse) runHooks(p []byte, final bool) (body []byte, length int64) {
	header := w.late
	w.late = nil
	if header == nil {
		header = http.Header{}
	}
	if bodyAllowed(w.status) && len(p) > 0 && !slices.ContainsFunc([]string{"Content-Type", "Content-Encoding", "Transfer-Encoding"},
		func(name string) bool { return len(header[name]) > 0 }) {
		header.Set("Content-Type", http.DetectContentType(p))
	}
	h := &Head{Status: w.status, Length: -1, x: w.x, header: header}
	if n, err := strconv.ParseUint(header.Get("Content-Length"), 10, 63); err == nil {
		h.Length = int64(n)
	}
	if final {
		h.Body = p
		if h.Length < 0 && (!w.isHead || len(p) > 0) {
			h.Length = int64(len(p))
		}
	}
	w.callHooks(h)
	if h.Status != w.status && h.Status >= 200 && h.Status <= 999 {
		w.status = h.Status
		w.mute = !bodyAllowed(w.status)
	}
	if w.mute {
		p = nil
		header.Del("Content-Length")
	}
	w.snapshot(header)
	return w.filterHead(p, final)
}

// callHooks leaves no filter open behind a hook that panics: the answer may be over by now, with nobody to close it.
func (w *stdResponse) callHooks(h *Head) {
	defer func() {
		if w.filter == nil && h.filter != nil {
			h.filter.Close()
		}
	}()
	for i := len(w.hooks) - 1; i >= 0; i-- {
		w.hooks[i](w.x, h)
	}
	w.filter = h.filter
}

// headerOf is rendered fields as a header.
func headerOf(fields []byte) http.Header {
	h := http.Header{}
	eachLine(fields, func(line []byte) bool {
		i := bytes.IndexByte(line, ':')
		h.Add(string(line[:i]), string(line[i+2:len(line)-2]))
		return true
	})
	return h
}

// filterHead passes the beginning of a body through the filter that the hooks have set.
func (w *stdResponse) filterHead(p []byte, final bool) (body []byte, length int64) {
	if final && !w.mute && w.length < 0 && bodyAllowed(w.status) && (!w.isHead || len(p) > 0) && !w.snap.trailing && len(w.snap.te) == 0 {
		w.length = int64(len(p))
	}
	switch {
	case w.filter == nil:
		return p, w.length
	case w.isHead || !bodyAllowed(w.status):
		w.closeFilter() // the length of what GET would get is not known without the work
		return nil, -1
	case !final:
		return p, -1
	}
	out, err := w.filter.Append(nil, p, false, true)
	w.closeFilter()
	if err != nil {
		w.failed(err)
		return nil, -1
	}
	if w.snap.trailing || len(w.snap.te) > 0 {
		return out, -1
	}
	return out, int64(len(out))
}

// filtered passes a piece of a streamed body through the filter.
func (w *stdResponse) filtered(p []byte, flush, last bool) []byte {
	out, err := w.filter.Append(w.room[:0], p, flush, last)
	if err != nil {
		w.failed(err)
		return nil
	}
	w.room = out
	return out
}

// failed ends the answer for a filter's error: the client must not take what it got for the whole.
func (w *stdResponse) failed(err error) {
	if w.err == nil {
		w.err = err
		w.ctx.cancel()
	}
}

func (w *stdResponse) closeFilter() {
	if f := w.filter; f != nil {
		w.filter, w.room = nil, nil
		f.Close()
	}
}
