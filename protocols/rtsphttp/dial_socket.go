package rtsphttp

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"time"

	"github.com/calandria-go/calandria/protocols/websocket"
)

// socketConn is a tunnel over a WebSocket: one stream, however it is framed.
type socketConn struct {
	c      *websocket.Conn
	rd, wd deadline

	rmu  sync.Mutex
	rest []byte // of the message that was read last
}

// deadline is a context that ends at a time which may be changed while somebody waits for it.
type deadline struct {
	mu    sync.Mutex
	timer *time.Timer
	done  chan struct{} // closed at the deadline
	over  bool
}

func (d *deadline) set(t time.Time) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.timer != nil && !d.timer.Stop() && !d.over {
		<-d.done // its function runs, and closes the channel without the lock
		d.over = true
	}
	d.timer = nil
	if d.done == nil || d.over {
		d.done, d.over = make(chan struct{}), false
	}
	if t.IsZero() {
		return
	}
	wait, done := time.Until(t), d.done
	if wait <= 0 {
		d.over = true
		close(done)
		return
	}
	d.timer = time.AfterFunc(wait, func() { close(done) })
}

// Done is part of context.Context.
func (d *deadline) Done() <-chan struct{} {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.done == nil {
		d.done = make(chan struct{})
	}
	return d.done
}

// Err is part of context.Context.
func (d *deadline) Err() error {
	select {
	case <-d.Done():
		return os.ErrDeadlineExceeded
	default:
		return nil
	}
}

// Deadline is part of context.Context: it may change, so there is none.
func (d *deadline) Deadline() (time.Time, bool) { return time.Time{}, false }

// Value is part of context.Context.
func (d *deadline) Value(any) any { return nil }

var _ context.Context = (*deadline)(nil)

// Read is part of net.Conn.
func (s *socketConn) Read(p []byte) (int, error) {
	s.rmu.Lock()
	defer s.rmu.Unlock()
	for len(s.rest) == 0 {
		_, b, err := s.c.Read(&s.rd)
		if err != nil {
			return 0, streamError(err)
		}
		s.rest = b
	}
	n := copy(p, s.rest)
	s.rest = s.rest[n:]
	return n, nil
}

// streamError is what a net.Conn would say.
func streamError(err error) error {
	var ce *websocket.CloseError
	if errors.As(err, &ce) && (ce.Code == websocket.NormalClosure || ce.Code == websocket.GoingAway) {
		return io.EOF
	}
	return err
}

// Write is part of net.Conn. It waits while too much is unsent.
func (s *socketConn) Write(p []byte) (int, error) {
	if err := s.c.SendContext(&s.wd, websocket.Binary, p); err != nil {
		return 0, err
	}
	return len(p), nil
}

// Close is part of net.Conn.
func (s *socketConn) Close() error { return s.c.Close(websocket.NormalClosure, "") }

// LocalAddr is part of net.Conn.
func (s *socketConn) LocalAddr() net.Addr { return s.c.Reactor().LocalAddr() }

// RemoteAddr is part of net.Conn.
func (s *socketConn) RemoteAddr() net.Addr { return s.c.Reactor().RemoteAddr() }

// SetDeadline is part of net.Conn.
func (s *socketConn) SetDeadline(t time.Time) error {
	s.rd.set(t)
	s.wd.set(t)
	return nil
}

// SetReadDeadline is part of net.Conn.
func (s *socketConn) SetReadDeadline(t time.Time) error {
	s.rd.set(t)
	return nil
}

// SetWriteDeadline is part of net.Conn.
func (s *socketConn) SetWriteDeadline(t time.Time) error {
	s.wd.set(t)
	return nil
}
