package reactortest

import (
	"io"
	"net"
	"os"
	"sync"
	"syscall"
	"time"
)

// half is one direction of a Pipe. Its two ends share it. Whoever waits here waits on a condition, which is durable in a
// testing/synctest bubble; so no mutex is held while waiting, not even one that would put Writes in order.
type half struct {
	mu      sync.Mutex
	change  sync.Cond
	buf     []byte
	limit   int
	writing bool  // a Write is in progress, which may have several parts
	fin     bool  // the writer has finished
	deaf    bool  // the reader has closed
	rerr    error // what the reader gets, and the writer, for good
	werr    error
	rd, wd  deadline
}

func newHalf(limit int) *half {
	h := &half{limit: limit}
	h.change.L = &h.mu
	return h
}

func (h *half) read(p []byte) (int, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for {
		switch {
		case h.rerr != nil:
			return 0, h.rerr
		case h.rd.passed():
			return 0, os.ErrDeadlineExceeded
		case len(p) == 0:
			return 0, nil
		case len(h.buf) > 0:
			n := copy(p, h.buf)
			h.buf = append(h.buf[:0], h.buf[n:]...)
			h.change.Broadcast()
			return n, nil
		case h.fin:
			return 0, io.EOF
		}
		h.change.Wait()
	}
}

// write waits for its turn and for room.
func (h *half) write(p []byte) (n int, err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	mine := false
	defer func() {
		if mine {
			h.writing = false
			h.change.Broadcast()
		}
	}()
	for {
		switch room := h.limit - len(h.buf); {
		case h.werr != nil:
			return n, h.werr
		case h.wd.passed():
			return n, os.ErrDeadlineExceeded
		case h.fin || h.deaf:
			return n, os.NewSyscallError("write", syscall.EPIPE)
		case !mine && h.writing:
		case !mine:
			h.writing, mine = true, true
			continue
		case len(p) == 0:
			return n, nil
		case room > 0:
			k := min(room, len(p))
			h.buf = append(h.buf, p[:k]...)
			p, n = p[k:], n+k
			h.change.Broadcast()
			continue
		}
		h.change.Wait()
	}
}

// finish is the writer's FIN.
func (h *half) finish() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.fin = true
	h.change.Broadcast()
}

// reset throws away what is on its way; from now on the reader gets rerr and the writer werr, whoever did not know before.
func (h *half) reset(rerr, werr error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.buf = nil
	if h.rerr == nil {
		h.rerr = rerr
	}
	if h.werr == nil {
		h.werr = werr
	}
	h.change.Broadcast()
}

// closeReader ends the reading side, by a reset if asked to or if bytes are left unread; it says whether it was one. In one
// step, so that a writer that waits sees a reset, never the plain end first.
func (h *half) closeReader(reset bool) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	reset = reset || len(h.buf) > 0
	h.buf = nil
	h.deaf, h.rerr = true, net.ErrClosed
	if reset && h.werr == nil {
		h.werr = os.NewSyscallError("write", syscall.ECONNRESET)
	}
	h.rd.stop()
	h.change.Broadcast()
	return reset
}

// closeWriter ends the writing side with a FIN.
func (h *half) closeWriter() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.fin, h.werr = true, net.ErrClosed
	h.wd.stop()
	h.change.Broadcast()
}

func (h *half) unread() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.buf)
}

// setDeadline sets d, one of the half's own.
func (h *half) setDeadline(d *deadline, t time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	d.stop()
	d.at = t
	if wait := time.Until(t); !t.IsZero() && wait > 0 {
		d.timer = time.AfterFunc(wait, func() {
			h.mu.Lock()
			defer h.mu.Unlock()
			h.change.Broadcast()
		})
	}
	h.change.Broadcast()
}

type deadline struct {
	at    time.Time
	timer *time.Timer
}

func (d *deadline) passed() bool { return !d.at.IsZero() && !time.Now().Before(d.at) }

func (d *deadline) stop() {
	if d.timer != nil {
		d.timer.Stop()
		d.timer = nil
	}
}
