package reactor_test

import (
	"errors"
	"io"
	"net"
	"os"
	"testing"
	"testing/synctest"
	"time"

	"github.com/calandria-go/calandria/reactor"
	"github.com/calandria-go/calandria/reactor/reactortest"
)

// stream gives a Stream on a loop and its peer. In a bubble.
func stream(t *testing.T, cfg reactor.Config) (*reactor.Stream, *reactortest.Conn) {
	t.Helper()
	s := reactor.NewStream()
	_, peer := connect(t, cfg, s)
	return s, peer
}

// timedOut says whether a call ended by its deadline, as package net has it.
func timedOut(err error) bool {
	var ne net.Error
	return errors.Is(err, os.ErrDeadlineExceeded) && errors.As(err, &ne) && ne.Timeout()
}

func TestStreamReadDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, peer := stream(t, reactor.Config{})
		b := make([]byte, 10)

		start := time.Now()
		s.SetReadDeadline(start.Add(time.Hour))
		if _, err := s.Read(b); !timedOut(err) || time.Since(start) != time.Hour {
			t.Errorf("a blocked read: %v after %v", err, time.Since(start))
		}

		start = time.Now()
		if _, err := s.Read(b); !timedOut(err) || time.Since(start) != 0 {
			t.Errorf("the next read: %v after %v", err, time.Since(start))
		}

		peer.Write([]byte("x"))
		synctest.Wait()
		s.SetReadDeadline(time.Now().Add(-time.Second))
		if _, err := s.Read(b); !timedOut(err) {
			t.Errorf("a deadline in the past, with bytes to read: %v", err)
		}

		s.SetReadDeadline(time.Time{})
		if n, err := s.Read(b); n != 1 || err != nil {
			t.Errorf("without a deadline: %d, %v", n, err)
		}

		// A deadline that comes while the read waits, is moved, and is taken away.
		go func() {
			s.SetReadDeadline(time.Now().Add(time.Second))
			pass(time.Second / 2)
			s.SetReadDeadline(time.Now().Add(time.Minute))
			pass(59 * time.Second)
			s.SetReadDeadline(time.Time{})
			pass(time.Hour)
			peer.Write([]byte("late"))
		}()
		start = time.Now()
		if n, err := s.Read(b); n != 4 || err != nil {
			t.Errorf("%d, %v after %v", n, err, time.Since(start))
		}

		// And one that comes in the past, while the read waits.
		go func() {
			pass(time.Second)
			s.SetReadDeadline(time.Now())
		}()
		start = time.Now()
		if _, err := s.Read(b); !timedOut(err) || time.Since(start) != time.Second {
			t.Errorf("%v after %v", err, time.Since(start))
		}
	})
}

func TestStreamWriteDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, peer := stream(t, reactor.Config{HighWater: 64 << 10, LowWater: 16 << 10, WriteStall: -1})
		start := time.Now()
		s.SetWriteDeadline(start.Add(time.Hour))
		n, err := s.Write(make([]byte, 4<<20))
		if !timedOut(err) || n == 0 || n == 4<<20 || time.Since(start) != time.Hour {
			t.Errorf("%d, %v after %v", n, err, time.Since(start))
		}
		if m, err := s.Write([]byte("x")); m != 0 || !timedOut(err) {
			t.Errorf("the next write: %d, %v", m, err)
		}
		// Reading is not concerned.
		peer.Write([]byte("y"))
		if m, err := s.Read(make([]byte, 1)); m != 1 || err != nil {
			t.Errorf("read: %d, %v", m, err)
		}
		s.SetWriteDeadline(time.Time{})
		done := make(chan error, 1)
		go func() {
			_, err := s.Write([]byte("the end"))
			s.CloseWrite()
			done <- err
		}()
		got, err := io.ReadAll(peer)
		if err != nil || len(got) != n+len("the end") {
			t.Errorf("the peer got %d bytes of %d, %v", len(got), n+len("the end"), err)
		}
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

// SetDeadline is both, and each direction has its own.
func TestStreamDeadlinesAreApart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, _ := stream(t, reactor.Config{HighWater: 64 << 10, WriteStall: -1})
		s.SetDeadline(time.Now().Add(time.Minute))
		s.SetReadDeadline(time.Now().Add(time.Second))
		start := time.Now()
		read := make(chan time.Duration, 1)
		go func() {
			if _, err := s.Read(make([]byte, 1)); !timedOut(err) {
				t.Errorf("read: %v", err)
			}
			read <- time.Since(start)
		}()
		if _, err := s.Write(make([]byte, 4<<20)); !timedOut(err) || time.Since(start) != time.Minute {
			t.Errorf("write: %v after %v", err, time.Since(start))
		}
		if took := <-read; took != time.Second {
			t.Errorf("the read ended after %v", took)
		}
	})
}

func TestStreamEndsWakeItsUsers(t *testing.T) {
	for name, c := range map[string]struct {
		end  func(s *reactor.Stream, peer *reactortest.Conn)
		want error
	}{
		"Close":      {func(s *reactor.Stream, _ *reactortest.Conn) { s.Close() }, net.ErrClosed},
		"peer's end": {func(_ *reactor.Stream, p *reactortest.Conn) { p.CloseWrite() }, io.EOF},
		"abort":      {func(s *reactor.Stream, _ *reactortest.Conn) { s.Conn().Abort(io.ErrNoProgress) }, io.ErrNoProgress},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s, peer := stream(t, reactor.Config{})
				s.SetDeadline(time.Now().Add(time.Hour))
				errs := make(chan error, 1)
				go func() { _, err := s.Read(make([]byte, 1)); errs <- err }()
				synctest.Wait()
				start := time.Now()
				c.end(s, peer)
				if err := <-errs; !errors.Is(err, c.want) || time.Since(start) != 0 {
					t.Errorf("%v after %v", err, time.Since(start))
				}
				s.Close()
				if err := s.SetDeadline(time.Now()); !errors.Is(err, net.ErrClosed) {
					t.Errorf("SetDeadline after Close: %v", err)
				}
			})
		})
	}
}
