package tftp

import (
	"context"
	"errors"
	"io"
	"net"
	"sync"
)

// Handlers serves functions as github.com/pin/tftp takes them. Each request runs one on a worker goroutine, until the
// transfer has ended, so they may block; at most reactor.Config.MaxWorkers do at a time.
type Handlers struct {
	// Read gives a file: it calls rf.ReadFrom once, which returns when the client has all of it, or with the reason why
	// not. rf has more methods: see Outgoing. An error before ReadFrom refuses the request, with the code that wire.CodeOf has
	// for it. nil refuses all.
	Read func(name string, rf io.ReaderFrom) error
	// Write takes a file: it calls wt.WriteTo once. The client is told that the file arrived when Write has returned nil. wt
	// has more methods: see Incoming. nil refuses all.
	Write func(name string, wt io.WriterTo) error
}

// Outgoing is what Handlers.Read gets: methods of the interfaces that github.com/pin/tftp calls OutgoingTransfer and
// RequestPacketInfo.
type Outgoing interface {
	io.ReaderFrom
	// SetSize announces the size, before ReadFrom. Of an io.Seeker it is found out.
	SetSize(n int64)
	// RemoteAddr is the client's address.
	RemoteAddr() net.UDPAddr
	// LocalIP is our address that it asked; nil if the system does not say.
	LocalIP() net.IP
}

// Incoming is what Handlers.Write gets.
type Incoming interface {
	io.WriterTo
	// Size is what the client announced.
	Size() (n int64, ok bool)
	// RemoteAddr is the client's address.
	RemoteAddr() net.UDPAddr
	// LocalIP is our address that it asked; nil if the system does not say.
	LocalIP() net.IP
}

const (
	pipePart  = 32 << 10
	pipeParts = 2 // that may wait for the loop
)

// errEnded is what a handler gets when the transfer ended without a reason of its own.
var errEnded = errors.New("tftp: the transfer has ended")

// Open is a Source's.
func (h *Handlers) Open(_ context.Context, req *Request, ready func(Content, error)) {
	if h.Read == nil {
		ready(nil, errNoRead)
		return
	}
	p := &outgoing{handled: handled{req: *req}, size: -1, ready: ready}
	p.cond.L = &p.mu
	err := errPanic
	defer func() { p.returned(err) }()
	err = h.Read(req.Name, p)
}

// Create is a Sink's.
func (h *Handlers) Create(_ context.Context, req *Request, ready func(Writer, error)) {
	if h.Write == nil {
		ready(nil, errNoWrite)
		return
	}
	p := &incoming{handled: handled{req: *req}, ready: ready, done: make(chan struct{})}
	p.cond.L = &p.mu
	err := errPanic
	defer func() { p.returned(err) }()
	err = h.Write(req.Name, p)
}

// handled is what both directions have.
type handled struct {
	req  Request
	mu   sync.Mutex
	cond sync.Cond
}

func (h *handled) RemoteAddr() net.UDPAddr { return *net.UDPAddrFromAddrPort(h.req.Client) }

func (h *handled) LocalIP() net.IP {
	if !h.req.Local.IsValid() {
		return nil
	}
	return h.req.Local.AsSlice()
}

// outgoing is a Content whose bytes a handler gives.
type outgoing struct {
	handled
	ready   func(Content, error) // nil once it was called
	size    int64
	parts   [][]byte // that wait
	at      int64    // offset of the first
	spare   []byte
	eof     bool
	err     error
	wake    func()
	over    bool // the transfer has ended, with overErr
	overErr error
}

func (p *outgoing) SetSize(n int64) { p.size = n }

// begin gives the content to the transfer, once.
func (p *outgoing) begin() {
	if f := p.ready; f != nil {
		p.ready = nil
		f(p, nil)
	}
}

func (p *outgoing) ReadFrom(r io.Reader) (n int64, err error) {
	if s, ok := r.(io.Seeker); ok && p.size < 0 {
		if at, err := s.Seek(0, io.SeekCurrent); err == nil {
			if end, err := s.Seek(0, io.SeekEnd); err == nil {
				p.size = end - at
			}
			if _, err := s.Seek(at, io.SeekStart); err != nil {
				return 0, err
			}
		}
	}
	p.begin()
	for err == nil {
		b := p.take()
		var k int
		k, err = io.ReadFull(r, b[:pipePart])
		n += int64(k)
		if k > 0 && !p.put(b[:k]) {
			return n, p.reason()
		}
	}
	if err == io.EOF || err == io.ErrUnexpectedEOF {
		return n, p.finish()
	}
	return n, err
}

func (p *outgoing) take() []byte {
	p.mu.Lock()
	defer p.mu.Unlock()
	if b := p.spare; b != nil {
		p.spare = nil
		return b
	}
	return make([]byte, pipePart)
}

// put waits for room; false if the transfer has ended.
func (p *outgoing) put(b []byte) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	for len(p.parts) >= pipeParts && !p.over {
		p.cond.Wait()
	}
	if p.over {
		return false
	}
	p.parts = append(p.parts, b)
	p.wakeLocked()
	return true
}

func (p *outgoing) wakeLocked() {
	if f := p.wake; f != nil {
		p.wake = nil
		f()
	}
}

// finish says that this was all, and waits for the end of the transfer.
func (p *outgoing) finish() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.eof = true
	p.wakeLocked()
	for !p.over {
		p.cond.Wait()
	}
	return p.overErr
}

func (p *outgoing) reason() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.overErr == nil {
		return errEnded
	}
	return p.overErr
}

// returned is the handler's end.
func (p *outgoing) returned(err error) {
	if f := p.ready; f != nil && err != nil {
		p.ready = nil
		f(nil, err)
		return
	}
	p.begin() // it has read nothing: an empty file
	p.mu.Lock()
	defer p.mu.Unlock()
	if err != nil && !p.eof {
		p.err = err
	}
	p.eof = true
	p.wakeLocked()
}

func (p *outgoing) Size() int64 { return p.size }

func (p *outgoing) Load(int64) error { return nil }

func (p *outgoing) Peek(off int64) ([]byte, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for len(p.parts) > 0 && off >= p.at+int64(len(p.parts[0])) {
		b := p.parts[0]
		p.at += int64(len(b))
		p.parts = append(p.parts[:0], p.parts[1:]...)
		p.spare = b[:cap(b)]
		p.cond.Broadcast()
	}
	switch {
	case len(p.parts) > 0:
		return p.parts[0][off-p.at:], nil
	case p.err != nil:
		return nil, p.err
	case p.eof:
		return nil, io.EOF
	}
	return nil, ErrWait
}

func (p *outgoing) notify(off int64, wake func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.parts) > 0 || p.eof || p.err != nil {
		wake()
		return
	}
	p.wake = wake
}

func (p *outgoing) ended(err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.over, p.overErr = true, err
	p.cond.Broadcast()
}

func (p *outgoing) Close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.over {
		p.over, p.overErr = true, errEnded
	}
	p.cond.Broadcast()
}

// incoming is a Writer whose bytes a handler takes.
type incoming struct {
	handled
	ready  func(Writer, error)
	part   []byte
	taken  func(error) // of part
	eof    bool
	err    error
	done   chan struct{} // closed when the handler has returned
	result error
}

func (p *incoming) Size() (int64, bool) { return p.req.Size, p.req.Size >= 0 }

func (p *incoming) WriteTo(w io.Writer) (n int64, err error) {
	if f := p.ready; f != nil {
		p.ready = nil
		f(p, nil)
	}
	for {
		p.mu.Lock()
		for p.part == nil && !p.eof && p.err == nil {
			p.cond.Wait()
		}
		part, taken, err := p.part, p.taken, p.err
		p.part, p.taken = nil, nil
		p.mu.Unlock()
		if part == nil {
			return n, err
		}
		k, err := w.Write(part)
		n += int64(k)
		taken(err)
		if err != nil {
			return n, err
		}
	}
}

func (p *incoming) returned(err error) {
	p.mu.Lock()
	p.result = err
	if err == nil && !p.eof {
		p.result = errEnded // it does not want the rest
	}
	taken := p.taken
	p.taken = nil
	p.mu.Unlock()
	close(p.done)
	if f := p.ready; f != nil {
		p.ready = nil
		if err == nil {
			err = errNoWrite
		}
		f(nil, err)
	}
	if taken != nil {
		taken(p.result)
	}
}

func (p *incoming) feed(b []byte, done func(error)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	select {
	case <-p.done:
		done(p.result)
	default:
		p.part, p.taken = b, done
		p.cond.Broadcast()
	}
}

func (p *incoming) Write(b []byte) (int, error) {
	got := make(chan error, 1)
	p.feed(b, func(err error) { got <- err })
	return len(b), <-got
}

// Commit waits for the handler.
func (p *incoming) Commit() error {
	p.mu.Lock()
	p.eof = true
	p.cond.Broadcast()
	p.mu.Unlock()
	<-p.done
	return p.result
}

func (p *incoming) Abort() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.err == nil {
		p.err = errEnded
	}
	p.cond.Broadcast()
}
