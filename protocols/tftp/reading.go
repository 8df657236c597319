package tftp

import (
	"io"
	"sync"

	"github.com/calandria-go/calandria/protocols/tftp/transfer"
	"github.com/calandria-go/calandria/protocols/tftp/wire"
)

// held is something whose methods run on workers: it is closed when the transfer has ended and none of them runs.
type held struct {
	mu    sync.Mutex
	busy  int
	ended bool
	run   func(func()) // runs what may block
	close func()
}

func (h *held) begin() {
	h.mu.Lock()
	h.busy++
	h.mu.Unlock()
}

func (h *held) done() {
	h.mu.Lock()
	h.busy--
	last := h.ended && h.busy == 0
	h.mu.Unlock()
	if last {
		h.close()
	}
}

func (h *held) end() {
	h.mu.Lock()
	h.ended = true
	last := h.busy == 0
	h.mu.Unlock()
	if last {
		h.run(h.close)
	}
}

// reading is a read request: a Content on its way into a Sender. Loop only.
type reading struct {
	s       *session
	sender  transfer.Sender
	content Content
	held    held
	cur     []byte // from off on
	off     int64
	loading bool
	ended   bool // Finish was called, or the content failed
	ascii   *wire.NetasciiEncoder
}

// prefetcher is a Content that knows what will be needed next and is not in memory.
type prefetcher interface {
	ahead(off int64) (next int64, missing bool)
}

func newReading(s *session, c Content) *reading {
	r := &reading{s: s, content: c}
	r.held = held{run: s.inBackground, close: c.Close}
	if s.req.Mode == wire.Netascii {
		r.ascii = &wire.NetasciiEncoder{}
	}
	return r
}

// fill gives the sender what there is, as far as it has space.
func (r *reading) fill() {
	for !r.ended && !r.loading && r.sender.Space() > 0 {
		if len(r.cur) == 0 && !r.more() {
			return
		}
		n := 0
		if r.ascii != nil {
			n = translate(&r.sender, r.ascii, r.cur)
		} else {
			n = r.sender.Write(r.cur)
		}
		r.cur = r.cur[n:]
		r.off += int64(n)
	}
}

// more gets the next bytes; false if there are none now.
func (r *reading) more() bool {
	b, err := r.content.Peek(r.off)
	switch {
	case err == ErrWait:
		r.load(r.off, true)
		return false
	case err == io.EOF:
		if r.ascii != nil && r.ascii.Pending() {
			translate(&r.sender, r.ascii, nil)
			return true
		}
		r.ended = true
		r.sender.Finish()
		return false
	case err != nil:
		r.ended = true
		r.sender.AbortCode(codeOf(err), err)
		return false
	}
	r.cur = b
	if p, ok := r.content.(prefetcher); ok {
		if next, missing := p.ahead(r.off); missing {
			r.load(next, false)
		}
	}
	return true
}

// load has a worker bring bytes into memory, and waits for them or not.
func (r *reading) load(off int64, wait bool) {
	r.loading = wait
	if wait {
		r.s.waits(true)
	}
	end := r.s.end
	if f, ok := r.content.(contentFeed); ok {
		f.notify(off, func() { end.Post(r.loaded) })
		return
	}
	r.held.begin()
	err := end.Offload(func() {
		defer r.held.done()
		err := r.s.hub.server.guard("Content", func() error { return r.content.Load(off) })
		if wait {
			end.Post(func() { r.failed(err) })
		}
	})
	if err != nil {
		r.held.done()
		if wait {
			r.ended = true
			r.sender.Abort(errOverload)
		}
	}
}

func (r *reading) loaded() { r.failed(nil) }

// failed goes on after a Load, which may have failed.
func (r *reading) failed(err error) {
	r.loading = false
	r.s.waits(false)
	if err != nil && !r.ended {
		r.ended = true
		r.sender.AbortCode(codeOf(err), err)
	}
	r.s.drive()
}

// translate writes b as netascii and returns how much of it.
func translate(to *transfer.Sender, e *wire.NetasciiEncoder, b []byte) (read int) {
	var buf [1024]byte
	for space := to.Space(); space > 0 && (len(b) > 0 || e.Pending()); space = to.Space() {
		n, k := e.Transform(buf[:min(len(buf), space)], b)
		to.Write(buf[:n])
		b = b[k:]
		read += k
	}
	return read
}
