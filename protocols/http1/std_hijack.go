package http1

import (
	"bufio"
	"bytes"
	"io"
	"net"
	"net/http"
	"time"

	"github.com/calandria-go/calandria/reactor"
)

// Hijack is part of http.Hijacker: the connection as a *reactor.Stream, whose loop goes on in the background, and a
// bufio.ReadWriter that has buffered what came early. It waits for the loop, and fails with reactor.ErrOnLoop on one.
func (w *stdResponse) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	w.wmu.Lock()
	defer w.wmu.Unlock()
	switch {
	case w.hijacked:
		return nil, nil, http.ErrHijacked
	case w.over:
		panic("http1: Hijack called after ServeHTTP finished")
	case reactor.OnLoop():
		return nil, nil, reactor.ErrOnLoop
	}
	w.noContinue()
	if w.wrote {
		if w.late != nil { // hooks are for answers
			w.snapshot(w.late)
		}
		w.hooks, w.late = nil, nil
		w.renderHead(nil, false)
		if err := w.send(); err != nil {
			return nil, nil, err
		}
	}
	h := &handOver{w: w, stream: reactor.NewStream()}
	w.mu.Lock()
	w.stopDeadlines()
	ok := w.gone == nil && w.c.Post(h.run)
	for ok && w.gone == nil {
		w.change.Wait()
	}
	gone := w.gone
	w.mu.Unlock()
	if gone != http.ErrHijacked {
		if gone == nil {
			gone = net.ErrClosed
		}
		return nil, nil, gone
	}
	w.hijacked = true
	br, err := h.reader()
	if err != nil {
		return nil, nil, err
	}
	return h.stream, bufio.NewReadWriter(br, bufio.NewWriter(h.stream)), nil
}

// handOver is the step of a Hijack that the loop takes.
type handOver struct {
	w      *stdResponse
	stream *reactor.Stream
	left   []byte // of the body, read from the connection but not by the handler
	early  int    // bytes that wait in the connection
}

func (h *handOver) run() {
	w := h.w
	if !w.live() {
		return
	}
	x := w.x
	if !w.body.lazy || w.body.started {
		x.PauseBody() // so that no more is taken as body
	}
	h.early = w.c.Buffered()
	x.std = nil
	x.HandOver(h.stream)
	w.mu.Lock()
	if b := &w.body; b.w != nil {
		h.left = bytes.Clone(b.buf[b.r:])
		b.closed = true
		b.free()
	}
	w.gone = http.ErrHijacked
	w.change.Broadcast()
	w.mu.Unlock()
	w.c.WokeGoroutine()
}

// reader makes the buffered reader, with what came early in its buffer.
func (h *handOver) reader() (*bufio.Reader, error) {
	var src io.Reader = h.stream
	if len(h.left) > 0 {
		src = io.MultiReader(bytes.NewReader(h.left), src)
	}
	early := len(h.left) + h.early
	br := bufio.NewReaderSize(src, max(early, 4<<10))
	if early > 0 {
		h.stream.SetReadDeadline(time.Now().Add(time.Minute)) // they are there: this is for a connection that dies
		if _, err := br.Peek(early); err != nil {
			h.stream.Close()
			return nil, err
		}
		h.stream.SetReadDeadline(time.Time{})
	}
	return br, nil
}
