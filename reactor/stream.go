package reactor

import (
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"time"

	"github.com/calandria-go/calandria/reactor/internal/poll"
)

// streamBuffer is how many bytes a Stream reads ahead of its reader before it pauses the socket; one more turn's read may
// come on top.
const streamBuffer = 64 << 10

// Stream is a synchronous net.Conn over a Conn: the bridge from the loop to code that blocks. It is a Handler, so it is
// installed by Upgrade, Dial or as a Protocol's; its net.Conn methods belong to other goroutines, and one that would have to
// wait on a loop's goroutine returns ErrOnLoop at once. Deadlines work as those of package net.
//
// Reads come from a buffer of at most 128 KiB; the socket is paused while it is full. Writes are queued, and wait while
// more than Config.HighWater is unsent.
type Stream struct {
	mu       sync.Mutex
	change   sync.Cond // something that a reader or a writer waits for
	conn     *Conn
	buf      *chunk
	paused   bool
	eof      bool
	detached bool // Upgrade took the connection away
	closed   bool // by us
	over     bool // OnClose came
	offLoop  bool // SkipLoopCheck was called
	err      error
	rd, wd   streamDeadline
}

var _ net.Conn = (*Stream)(nil)

// NewStream gives a Stream to install as a handler.
func NewStream() *Stream {
	s := &Stream{}
	s.change.L = &s.mu
	return s
}

// SkipLoopCheck promises that no goroutine of a loop will call Read or Write, so that a call that has to wait need not look
// whose it is: below a deep stack, such as a TLS handshake's, that takes some 20 microseconds. Before the first call.
func (s *Stream) SkipLoopCheck() { s.offLoop = true }

// Conn is the connection below, or nil before OnOpen.
func (s *Stream) Conn() *Conn {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.conn
}

// OnOpen is part of Handler.
func (s *Stream) OnOpen(c *Conn) {
	s.mu.Lock()
	s.conn = c
	s.mu.Unlock()
}

// OnData is part of Handler: it takes all.
func (s *Stream) OnData(c *Conn, in []byte) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return len(in)
	}
	if s.buf == nil {
		s.buf = newChunk(len(in))
	}
	s.buf = s.buf.grow(in)
	if len(s.buf.rest()) >= streamBuffer {
		s.paused = true
		c.Pause()
	}
	s.wake()
	return len(in)
}

// OnEOF is part of EOFHandler.
func (s *Stream) OnEOF(*Conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.eof = true
	s.wake()
}

// OnWritable is part of WritableHandler.
func (s *Stream) OnWritable(*Conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.wake()
}

// OnDrain is part of DrainHandler: whoever uses the Stream decides when it ends.
func (s *Stream) OnDrain(*Conn) {}

// OnClose is part of Handler.
func (s *Stream) OnClose(_ *Conn, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.over, s.err = true, err
	s.rd.stop()
	s.wd.stop()
	s.wake()
}

// wake lets all waiters look again, and the loop yield to them.
func (s *Stream) wake() {
	s.change.Broadcast()
	if s.conn != nil { // nil: Upgrade came when the connection was already closing
		s.conn.WokeGoroutine()
	}
}

// Read is part of net.Conn.
func (s *Stream) Read(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for checked := s.offLoop; ; {
		switch {
		case s.closed, s.detached:
			return 0, s.opError("read", net.ErrClosed)
		case s.rd.passed():
			return 0, s.opError("read", os.ErrDeadlineExceeded)
		case s.buf != nil:
			return s.take(p), nil
		case s.eof:
			return 0, io.EOF
		case s.over:
			return 0, s.opError("read", s.closeError())
		case len(p) == 0:
			return 0, nil
		}
		if !checked {
			checked = true
			if poll.OnLoop() {
				return 0, ErrOnLoop
			}
		}
		s.change.Wait()
	}
}

// take copies buffered bytes out, and lets the socket go on at half a buffer.
func (s *Stream) take(p []byte) int {
	n := copy(p, s.buf.rest())
	s.buf.r += n
	left := len(s.buf.rest())
	if left == 0 {
		s.buf.free()
		s.buf = nil
	}
	if s.paused && left <= streamBuffer/2 {
		s.paused = false
		c := s.conn
		c.Post(c.Resume)
	}
	return n
}

// Unread puts bytes back in front of those that Read gives next, and that Upgrade hands on: for who has buffered them. It copies.
func (s *Stream) Unread(p []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(p) == 0 || s.closed || s.detached {
		return
	}
	k := newChunk(len(p))
	k.b = append(k.b, p...)
	if s.buf != nil {
		k = k.grow(s.buf.rest())
		s.buf.free()
	}
	s.buf = k
	s.change.Broadcast()
}

func (s *Stream) closeError() error {
	if s.err == nil {
		return net.ErrClosed
	}
	return s.err
}

// Write is part of net.Conn.
func (s *Stream) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	written, checked := 0, s.offLoop
	for {
		switch {
		case s.closed, s.detached, s.conn == nil:
			return written, s.opError("write", net.ErrClosed)
		case s.wd.passed():
			return written, s.opError("write", os.ErrDeadlineExceeded)
		case s.over:
			return written, s.opError("write", s.closeError())
		case len(p) == 0:
			return written, nil
		case !s.conn.OverHigh():
			n, err := s.conn.Write(p[:min(len(p), streamBuffer)])
			written += n
			p = p[n:]
			if err != nil {
				return written, s.opError("write", err)
			}
			continue
		}
		if !checked {
			checked = true
			if poll.OnLoop() {
				return written, ErrOnLoop
			}
		}
		s.change.Wait()
	}
}

func (s *Stream) opError(op string, err error) error {
	var oe *net.OpError
	if errors.As(err, &oe) {
		return err
	}
	oe = &net.OpError{Op: op, Net: "tcp", Err: err}
	if s.conn != nil {
		if oe.Addr = s.conn.RemoteAddr(); oe.Addr != nil {
			oe.Net = oe.Addr.Network()
		}
	}
	return oe
}

// Close is part of net.Conn: what was written is still sent.
func (s *Stream) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed || s.detached {
		return s.opError("close", net.ErrClosed)
	}
	s.closed = true
	s.rd.stop()
	s.wd.stop()
	if s.buf != nil {
		s.buf.free()
		s.buf = nil
	}
	s.change.Broadcast()
	if s.conn != nil {
		s.conn.Close()
	}
	return nil
}

// CloseWrite sends FIN after what was written; reading goes on.
func (s *Stream) CloseWrite() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed || s.detached || s.conn == nil {
		return s.opError("close", net.ErrClosed)
	}
	return s.conn.CloseWrite()
}

// Upgrade gives the connection to h on its loop, with the bytes that were not read first, and ends the Stream. False if the
// connection has closed; if it closes before the loop gets there, h hears nothing.
func (s *Stream) Upgrade(h Handler) bool {
	s.mu.Lock()
	c, usable := s.conn, !s.closed && !s.detached && s.conn != nil
	s.mu.Unlock()
	return usable && c.Post(func() {
		s.mu.Lock()
		buf, resume := s.buf, s.paused
		s.buf, s.detached, s.paused = nil, true, false
		s.rd.stop()
		s.wd.stop()
		s.change.Broadcast()
		s.mu.Unlock()
		c.unread(buf)
		if resume {
			c.Resume()
		}
		c.Upgrade(h)
	})
}

// unread puts bytes back in front of what is carried; k is taken over.
func (c *Conn) unread(k *chunk) {
	if k == nil {
		return
	}
	if c.carry != nil {
		k = k.grow(c.carry.rest())
		c.carry.free()
	}
	c.carry = k
}

// LocalAddr is part of net.Conn.
func (s *Stream) LocalAddr() net.Addr {
	if c := s.Conn(); c != nil {
		return c.LocalAddr()
	}
	return nil
}

// RemoteAddr is part of net.Conn.
func (s *Stream) RemoteAddr() net.Addr {
	if c := s.Conn(); c != nil {
		return c.RemoteAddr()
	}
	return nil
}

// SetDeadline is part of net.Conn.
func (s *Stream) SetDeadline(t time.Time) error {
	return errors.Join(s.SetReadDeadline(t), s.SetWriteDeadline(t))
}

// SetReadDeadline is part of net.Conn.
func (s *Stream) SetReadDeadline(t time.Time) error { return s.setDeadline(&s.rd, t) }

// SetWriteDeadline is part of net.Conn.
func (s *Stream) SetWriteDeadline(t time.Time) error { return s.setDeadline(&s.wd, t) }

func (s *Stream) setDeadline(d *streamDeadline, t time.Time) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed || s.detached || s.over {
		return s.opError("set", net.ErrClosed)
	}
	d.stop()
	d.at = t
	if wait := time.Until(t); !t.IsZero() && wait > 0 {
		d.timer = time.AfterFunc(wait, func() {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.change.Broadcast()
		})
	}
	s.change.Broadcast()
	return nil
}

// streamDeadline is one direction's deadline; a timer exists only while one is set.
type streamDeadline struct {
	at    time.Time
	timer *time.Timer
}

func (d *streamDeadline) passed() bool { return !d.at.IsZero() && !time.Now().Before(d.at) }

func (d *streamDeadline) stop() {
	if d.timer != nil {
		d.timer.Stop()
		d.timer = nil
	}
}
