package reactor

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"testing"
	"time"
)

// streamPair is a Stream on the loops and a plain connection.
func streamPair(t *testing.T, cfg Config) (*Stream, *net.TCPConn, *Reactor) {
	t.Helper()
	r, _ := newTest(t, cfg)
	ln := listenTCP(t)
	accepted := make(chan net.Conn, 1)
	go func() {
		if c, err := ln.Accept(); err == nil {
			accepted <- c
		}
	}()
	s, err := r.DialStream(t.Context(), ln.Addr(), DialOptions{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	c := await(t, "accept", accepted)
	t.Cleanup(func() { c.Close() })
	c.SetDeadline(time.Now().Add(patience))
	return s, c.(*net.TCPConn), r
}

func TestStreamBothDirectionsAtOnce(t *testing.T) {
	data := pattern(size(32<<20, 256<<20))
	s, c, _ := streamPair(t, Config{})
	var wg sync.WaitGroup
	for _, w := range []interface {
		io.Writer
		CloseWrite() error
	}{s, c} {
		wg.Go(func() {
			if _, err := w.Write(data); err != nil {
				t.Error(err)
			}
			w.CloseWrite()
		})
	}
	for _, r := range []io.Reader{s, c} {
		wg.Go(func() {
			got, err := io.ReadAll(r)
			if err != nil || !bytes.Equal(got, data) {
				t.Errorf("%d bytes of %d, or others: %v", len(got), len(data), err)
			}
		})
	}
	finish(t, "end of both transfers", wg.Wait)
}

// TestStreamDeadlines: past, future, moved and cleared, for reads and writes that wait.
func TestStreamDeadlines(t *testing.T) {
	s, c, _ := streamPair(t, Config{HighWater: 1000})
	block := func(op func([]byte) (int, error), size int) chan error {
		ch := make(chan error, 1)
		go func() { _, err := op(make([]byte, size)); ch <- err }()
		return ch
	}
	timeout := func(what string, err error) {
		t.Helper()
		var ne net.Error
		if !errors.Is(err, os.ErrDeadlineExceeded) || !errors.As(err, &ne) || !ne.Timeout() {
			t.Errorf("%s: %v", what, err)
		}
	}
	past := time.Now().Add(-time.Second)
	s.SetReadDeadline(past)
	_, err := s.Read(make([]byte, 1))
	timeout("Read past its deadline", err)
	s.SetReadDeadline(time.Now().Add(20 * time.Millisecond))
	timeout("Read", await(t, "Read", block(s.Read, 1)))
	s.SetReadDeadline(time.Now().Add(time.Hour))
	r := block(s.Read, 1)
	s.SetReadDeadline(past) // wakes it, or is there before it
	timeout("Read whose deadline moved", await(t, "Read", r))
	s.SetReadDeadline(time.Now().Add(30 * time.Millisecond))
	r = block(s.Read, 1)
	s.SetReadDeadline(time.Time{})
	c.Write([]byte("x"))
	if err := await(t, "Read", r); err != nil {
		t.Errorf("Read whose deadline was cleared: %v", err)
	}
	// Writes, with a peer that reads nothing.
	s.SetWriteDeadline(past)
	_, err = s.Write([]byte("x"))
	timeout("Write past its deadline", err)
	s.SetWriteDeadline(time.Now().Add(100 * time.Millisecond))
	timeout("Write", await(t, "Write", block(s.Write, 64<<20)))
	s.SetDeadline(time.Time{})
	w := block(s.Write, 64<<20)
	s.SetWriteDeadline(past)
	timeout("Write whose deadline moved", await(t, "Write", w))
	s.SetWriteDeadline(time.Time{})
	go io.Copy(io.Discard, c)
	if err := await(t, "Write", block(s.Write, 1<<20)); err != nil {
		t.Errorf("Write after a deadline was cleared: %v", err)
	}
}

// TestStreamCloseUnblocks: Close wakes what waits, with net.ErrClosed, and later calls fail too.
func TestStreamCloseUnblocks(t *testing.T) {
	s, _, _ := streamPair(t, Config{})
	errs := make(chan error, 4)
	for range 2 {
		go func() { _, err := s.Read(make([]byte, 1)); errs <- err }()
		go func() { _, err := s.Write(make([]byte, 64<<20)); errs <- err }()
	}
	eventually(t, "the writers are stopped", s.Conn().OverHigh)
	s.Close()
	for range 4 {
		if err := await(t, "error", errs); !errors.Is(err, net.ErrClosed) {
			t.Error(err)
		}
	}
	for what, err := range map[string]error{
		"Close": s.Close(), "CloseWrite": s.CloseWrite(), "SetDeadline": s.SetDeadline(time.Time{}),
	} {
		if !errors.Is(err, net.ErrClosed) {
			t.Errorf("%s: %v", what, err)
		}
	}
}

// TestStreamOnLoop: a call that would wait on a loop returns at once; one that need not wait works.
func TestStreamOnLoop(t *testing.T) {
	s, c, r := streamPair(t, Config{HighWater: 1000})
	type result struct {
		read, write, dial, stats, shutdown error
		first                              int
	}
	got := make(chan result, 1)
	c.Write([]byte("x"))
	eventually(t, "the byte is there", func() bool { s.mu.Lock(); defer s.mu.Unlock(); return s.buf != nil })
	s.Conn().Post(func() {
		var res result
		res.first, _ = s.Read(make([]byte, 1)) // is there already
		_, res.read = s.Read(make([]byte, 1))
		_, res.write = s.Write(make([]byte, 64<<20))
		_, res.dial = r.Dial(context.Background(), c.LocalAddr(), DialOptions{}, echoing(nil))
		_, res.stats = r.Stats(context.Background())
		res.shutdown = r.Shutdown(context.Background())
		got <- res
	})
	res := await(t, "the calls' return", got)
	if res.first != 1 {
		t.Error("a Read that need not wait failed")
	}
	for i, err := range []error{res.read, res.write, res.dial, res.stats, res.shutdown} {
		if !errors.Is(err, ErrOnLoop) {
			t.Errorf("call %d: %v", i, err)
		}
	}
}

// TestStreamHalfCloses: both sides end their writing and read on, a thousand times.
func TestStreamHalfCloses(t *testing.T) {
	r, _ := newTest(t, Config{})
	l, err := r.Listen(listenTCP(t), ProtocolFunc(func(*Conn) Handler {
		s := NewStream()
		go func() {
			b, err := io.ReadAll(s)
			if err != nil {
				t.Error(err)
			}
			s.Write(b)
			s.CloseWrite()
			s.Close()
		}()
		return s
	}))
	if err != nil {
		t.Fatal(err)
	}
	msg := pattern(3000)
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for range size(250, 2500) {
				s, err := r.DialStream(context.Background(), l.Addr(), DialOptions{})
				if err != nil {
					t.Error(err)
					return
				}
				s.SetDeadline(time.Now().Add(patience))
				s.Write(msg)
				s.CloseWrite()
				got, err := io.ReadAll(s)
				if err != nil || !bytes.Equal(got, msg) {
					t.Errorf("%d bytes, %v", len(got), err)
				}
				s.Close()
			}
		})
	}
	finish(t, "half-closes", wg.Wait)
}

// TestStreamBounded: a reader that stops makes the peer stop, with little kept.
func TestStreamBounded(t *testing.T) {
	s, c, _ := streamPair(t, Config{})
	c.SetWriteDeadline(time.Now().Add(300 * time.Millisecond))
	sent := 0
	for {
		n, err := c.Write(make([]byte, 1<<20))
		sent += n
		if err != nil {
			break
		}
		if sent > 1<<30 {
			t.Fatal("the window never closed")
		}
		c.SetWriteDeadline(time.Now().Add(300 * time.Millisecond))
	}
	s.mu.Lock()
	kept := len(s.buf.rest())
	s.mu.Unlock()
	if kept > 2*streamBuffer {
		t.Errorf("%d bytes are kept", kept)
	}
	c.CloseWrite()
	if n, err := io.Copy(io.Discard, s); n != int64(sent) || err != nil {
		t.Errorf("%d bytes of %d, %v", n, sent, err)
	}
}

// TestStreamUpgrade: back to the loop, with the bytes that were not read first, also when the Stream had paused.
func TestStreamUpgrade(t *testing.T) {
	for _, n := range []int{10, 1 << 20} {
		data := pattern(n)
		s, c, _ := streamPair(t, Config{InputLimit: 1 << 20})
		go func() { c.Write(data); c.CloseWrite() }()
		var got bytes.Buffer
		head := make([]byte, 4)
		if _, err := io.ReadFull(s, head); err != nil {
			t.Fatal(err)
		}
		got.Write(head)
		a := newAudit(t)
		if !s.Upgrade(&probe{a: a, data: func(_ *Conn, in []byte) int { got.Write(in); return len(in) }}) {
			t.Fatal("refused")
		}
		if err := await(t, "OnClose", a.closed); err != io.EOF {
			t.Errorf("OnClose got %v", err)
		}
		sameBytes(t, got.Bytes(), data)
		if _, err := s.Read(head); !errors.Is(err, net.ErrClosed) {
			t.Errorf("the old Stream: %v", err)
		}
	}
}

// TestStreamRaces: everything at once, for the race detector.
func TestStreamRaces(t *testing.T) {
	for range size(20, 200) {
		s, c, _ := streamPair(t, Config{})
		var wg sync.WaitGroup
		for range 2 {
			wg.Go(func() { io.Copy(io.Discard, s) })
			wg.Go(func() {
				for range 50 {
					if _, err := s.Write(make([]byte, 10_000)); err != nil {
						return
					}
				}
			})
			wg.Go(func() { s.SetDeadline(time.Now().Add(time.Minute)); s.LocalAddr(); s.RemoteAddr() })
		}
		wg.Go(func() { c.Write(make([]byte, 100_000)); io.CopyN(io.Discard, c, 100_000) })
		wg.Go(func() { within(3*time.Millisecond, func() bool { return false }); s.Close() })
		finish(t, "all", wg.Wait)
		c.Close()
	}
}
