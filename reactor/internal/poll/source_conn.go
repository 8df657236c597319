package poll

import (
	"context"
	"io"
	"net"
	"net/netip"
	"os"
	"sync"
	"time"
)

const (
	connReadSize  = 16 << 10 // read ahead of one connection, held while it is paused
	connWriteSize = 64 << 10 // taken by one Write
	// connCloseWait bounds how long a closed connection may still write what its Source accepted.
	connCloseWait = 5 * time.Second
)

// connSource is a net.Conn on a loop. One goroutine reads, one buffer ahead at the most; another lives while there is
// something to write. Both reach the loop by post.
type connSource struct {
	loop poster
	sink Sink

	wantRead, wantWrite bool // loop only, like closed
	closed              bool

	mu         sync.Mutex
	nc         net.Conn // nil while dialing
	in         []byte   // read, not yet taken; aliases buf
	buf        []byte
	readErr    error
	demand     chan struct{} // asks the reader for more; nil before the first
	out        []byte        // being written
	writing    bool
	writeErr   error
	shut, gone bool // CloseWrite and Close were asked for: the writer does them when it has finished
	posted     bool
	dialed     bool // the dial ended and Connected is due
	dialErr    error
	cancel     context.CancelFunc
}

func newConnSource(l poster, nc net.Conn, s Sink) *connSource {
	return &connSource{loop: l, nc: nc, sink: s}
}

func dialConn(l poster, t Target, sink Sink) *connSource {
	ctx, cancel := context.WithCancel(context.Background())
	s := &connSource{loop: l, sink: sink, cancel: cancel}
	go func() {
		defer cancel()
		nc, err := net.Conn(nil), fault(OpConnect)
		if err == nil {
			d := net.Dialer{LocalAddr: t.Local, Timeout: t.Timeout}
			nc, err = d.DialContext(ctx, t.Remote.Network(), t.Remote.String())
		}
		s.mu.Lock()
		if s.gone && nc != nil {
			nc.Close()
			nc = nil
		}
		s.nc, s.dialErr, s.dialed = nc, err, true
		s.mu.Unlock()
		s.note()
	}()
	return s
}

// note posts the source to its loop, once.
func (s *connSource) note() {
	s.mu.Lock()
	first := !s.posted
	s.posted = true
	s.mu.Unlock()
	if first {
		s.loop.post(s)
	}
}

// dispatch tells the sink what is there. Level-triggered: what is left over posts the source again.
func (s *connSource) dispatch() {
	s.mu.Lock()
	s.posted = false
	dialed, dialErr := s.dialed, s.dialErr
	s.dialed = false
	s.mu.Unlock()
	if s.closed {
		return
	}
	if dialed {
		s.sink.Connected(dialErr)
	}
	if !s.closed && s.wantRead && s.readable() {
		s.sink.Readable()
	}
	if !s.closed && s.wantWrite && s.writable() {
		s.sink.Writable()
	}
	if !s.closed && !s.wantRead {
		if err := s.failed(); err != nil {
			s.sink.Broken(err)
			return
		}
	}
	if !s.closed && (s.wantRead && s.readable() || s.wantWrite && s.writable()) {
		s.note()
	}
}

// failed is the error of a read ahead, other than the end: a paused stream that was reset.
func (s *connSource) failed() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.readErr == io.EOF {
		return nil
	}
	return s.readErr
}

func (s *connSource) readable() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.in) > 0 || s.readErr != nil
}

func (s *connSource) writable() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.nc != nil && !s.writing
}

func (s *connSource) Read(p []byte) (int, error) {
	if err := fault(OpRead); err != nil {
		return 0, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.in) > 0 {
		n := copy(p, s.in)
		if s.in = s.in[n:]; len(s.in) == 0 {
			s.askLocked()
		}
		return n, nil
	}
	if s.readErr != nil {
		return 0, s.readErr
	}
	return 0, ErrAgain
}

// askLocked lets the reader read once more; the first time it starts it.
func (s *connSource) askLocked() {
	if s.readErr != nil || s.gone || s.nc == nil {
		return
	}
	if s.demand == nil {
		s.demand = make(chan struct{}, 1)
		s.buf = make([]byte, connReadSize)
		go s.reader()
	}
	select {
	case s.demand <- struct{}{}:
	default:
	}
}

func (s *connSource) reader() {
	for range s.demand {
		n, err := s.nc.Read(s.buf)
		s.mu.Lock()
		s.in, s.readErr = s.buf[:n], err
		gone := s.gone
		s.mu.Unlock()
		if gone {
			return
		}
		s.note()
		if err != nil {
			return
		}
	}
}

func (s *connSource) Write(p []byte) (int, error) {
	if err := fault(OpWrite); err != nil {
		return 0, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.writeErr != nil {
		return 0, s.writeErr
	}
	if s.writing || s.nc == nil {
		return 0, ErrAgain
	}
	s.out = append(s.out[:0], p[:min(len(p), connWriteSize)]...)
	s.writing = true
	go s.writer()
	return len(s.out), nil
}

func (s *connSource) writer() {
	_, err := s.nc.Write(s.out)
	s.mu.Lock()
	s.writing, s.writeErr, s.out = false, err, nil
	shut, gone := s.shut, s.gone
	s.mu.Unlock()
	switch {
	case gone:
		s.nc.Close()
		return
	case shut:
		closeWrite(s.nc)
	}
	s.note()
}

func (s *connSource) Writev(bufs [][]byte) (int, error) {
	if len(bufs) == 1 {
		return s.Write(bufs[0])
	}
	var flat []byte
	for _, b := range bufs {
		flat = append(flat, b[:min(len(b), connWriteSize-len(flat))]...)
	}
	return s.Write(flat)
}

func (s *connSource) SendFile(*os.File, int64, int) (int, error) { return 0, ErrUnsupported }

func (s *connSource) Interest(read, write bool) { s.wantRead, s.wantWrite = read, write }

func (s *connSource) Update() error {
	if err := fault(OpRegister); err != nil {
		return err
	}
	s.mu.Lock()
	if s.wantRead && s.demand == nil {
		s.askLocked()
	}
	due := s.wantRead && (len(s.in) > 0 || s.readErr != nil) || s.wantWrite && s.nc != nil && !s.writing
	s.mu.Unlock()
	if due {
		s.note()
	}
	return nil
}

func closeWrite(nc net.Conn) error {
	if c, ok := nc.(interface{ CloseWrite() error }); ok {
		return c.CloseWrite()
	}
	return ErrUnsupported
}

func (s *connSource) CloseWrite() error {
	if err := fault(OpShutdown); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.writing {
		s.shut = true
		return nil
	}
	return closeWrite(s.nc)
}

func (s *connSource) Close(reset bool) {
	if s.closed {
		return
	}
	s.closed = true
	fault(OpClose)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.gone = true
	if s.demand != nil {
		close(s.demand)
	}
	if s.cancel != nil {
		s.cancel()
	}
	if s.nc == nil {
		return
	}
	if reset {
		if c, ok := s.nc.(interface{ SetLinger(int) error }); ok {
			c.SetLinger(0)
		}
	} else if s.writing {
		// The writer closes; what it still has may not take for ever, and the reader must end now.
		s.nc.SetWriteDeadline(time.Now().Add(connCloseWait))
		s.nc.SetReadDeadline(time.Now())
		return
	}
	s.nc.Close()
}

func (s *connSource) LocalAddr() net.Addr {
	if nc := s.conn(); nc != nil {
		return nc.LocalAddr()
	}
	return nil
}

func (s *connSource) RemoteAddr() net.Addr {
	if nc := s.conn(); nc != nil {
		return nc.RemoteAddr()
	}
	return nil
}

func (s *connSource) conn() net.Conn {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.nc
}

func (s *connSource) Unacked() int { return -1 }

// AddrPort is the IP address and port of a, or the zero value.
func AddrPort(a net.Addr) netip.AddrPort {
	t, ok := a.(*net.TCPAddr)
	if !ok || t == nil {
		return netip.AddrPort{}
	}
	ap := t.AddrPort()
	return netip.AddrPortFrom(ap.Addr().Unmap(), ap.Port())
}
