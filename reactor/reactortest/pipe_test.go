package reactortest

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"os"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

func TestPipeBuffersAndBlocks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := PipeSize(100)
		defer a.Close()
		defer b.Close()
		if n, err := a.Write(make([]byte, 100)); n != 100 || err != nil {
			t.Fatalf("a write that fits: %d, %v", n, err)
		}
		if b.Unread() != 100 {
			t.Fatalf("%d bytes unread", b.Unread())
		}
		done := make(chan int)
		go func() {
			n, _ := a.Write(make([]byte, 150))
			done <- n
		}()
		synctest.Wait()
		select {
		case <-done:
			t.Fatal("a write into a full buffer returned")
		default:
		}
		if n, err := io.ReadFull(b, make([]byte, 250)); n != 250 || err != nil {
			t.Fatalf("read %d, %v", n, err)
		}
		if n := <-done; n != 150 {
			t.Fatalf("wrote %d", n)
		}
	})
}

// Writes of two goroutines do not mix, even when each has to wait for room several times.
func TestPipeWritesStayWhole(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := PipeSize(7)
		for _, c := range []byte("xyz") {
			go a.Write(bytes.Repeat([]byte{c}, 50))
		}
		got := make([]byte, 150)
		if _, err := io.ReadFull(b, got); err != nil {
			t.Fatal(err)
		}
		for i := 0; i < 150; i += 50 {
			if !bytes.Equal(got[i:i+50], bytes.Repeat(got[i:i+1], 50)) {
				t.Fatalf("mixed: %q", got)
			}
		}
	})
}

func TestPipeHalfClose(t *testing.T) {
	a, b := Pipe()
	a.Write([]byte("last"))
	if err := a.CloseWrite(); err != nil {
		t.Fatal(err)
	}
	if _, err := a.Write([]byte("x")); !errors.Is(err, syscall.EPIPE) {
		t.Errorf("write after CloseWrite: %v", err)
	}
	if got, err := io.ReadAll(b); string(got) != "last" || err != nil {
		t.Errorf("read %q, %v", got, err)
	}
	b.Write([]byte("answer"))
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	if got, err := io.ReadAll(a); string(got) != "answer" || err != nil {
		t.Errorf("read %q, %v", got, err)
	}
	a.Close()
	if err := a.Close(); !errors.Is(err, net.ErrClosed) {
		t.Errorf("second Close: %v", err)
	}
	for name, err := range map[string]error{
		"SetLinger": a.SetLinger(0), "CloseWrite": a.CloseWrite(), "SetDeadline": a.SetDeadline(time.Now()),
	} {
		if !errors.Is(err, net.ErrClosed) {
			t.Errorf("%s after Close: %v", name, err)
		}
	}
	if _, err := a.Read(make([]byte, 1)); !errors.Is(err, net.ErrClosed) {
		t.Errorf("Read after Close: %v", err)
	}
	if _, err := a.Write(make([]byte, 1)); !errors.Is(err, net.ErrClosed) {
		t.Errorf("Write after Close: %v", err)
	}
}

func TestPipeReset(t *testing.T) {
	check := func(t *testing.T, peer *Conn, err error) {
		t.Helper()
		var op *net.OpError
		if !errors.Is(err, syscall.ECONNRESET) || !errors.As(err, &op) || op.Addr != peer.RemoteAddr() {
			t.Errorf("the peer got %v", err)
		}
	}
	t.Run("linger 0", func(t *testing.T) {
		a, b := Pipe()
		a.Write([]byte("lost"))
		a.SetLinger(0)
		a.Close()
		_, err := b.Read(make([]byte, 10))
		check(t, b, err)
		_, err = b.Write([]byte("x"))
		check(t, b, err)
	})
	t.Run("unread bytes", func(t *testing.T) {
		a, b := Pipe()
		b.Write([]byte("never read"))
		a.Write([]byte("lost"))
		a.Close()
		_, err := b.Read(make([]byte, 10))
		check(t, b, err)
	})
	t.Run("wakes", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			a, b := PipeSize(1)
			errs := make(chan error, 2)
			go func() { _, err := b.Read(make([]byte, 1)); errs <- err }()
			go func() { _, err := b.Write(make([]byte, 9)); errs <- err }()
			synctest.Wait()
			a.SetLinger(0)
			a.Close()
			check(t, b, <-errs)
			check(t, b, <-errs)
		})
	})
	t.Run("peer closed", func(t *testing.T) {
		a, b := Pipe()
		a.Close()
		if _, err := b.Write([]byte("x")); !errors.Is(err, syscall.EPIPE) {
			t.Errorf("write to a closed peer: %v", err)
		}
	})
}

func TestPipeDeadlines(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := PipeSize(1)
		defer b.Close()
		defer a.Close()
		start := time.Now()
		a.SetReadDeadline(start.Add(time.Hour))
		_, err := a.Read(make([]byte, 1))
		var ne net.Error
		if !errors.Is(err, os.ErrDeadlineExceeded) || !errors.As(err, &ne) || !ne.Timeout() {
			t.Errorf("read: %v", err)
		}
		if d := time.Since(start); d != time.Hour {
			t.Errorf("read waited %v", d)
		}
		a.SetWriteDeadline(time.Now().Add(time.Minute))
		if n, err := a.Write([]byte("ab")); n != 1 || !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("write: %d, %v", n, err)
		}
		b.Read(make([]byte, 1))
		a.SetDeadline(time.Time{})
		if _, err := a.Write([]byte("c")); err != nil {
			t.Errorf("write after the deadline was cleared: %v", err)
		}
		b.SetDeadline(time.Now())
		if _, err := b.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("a passed deadline, with bytes to read: %v", err)
		}
		b.SetReadDeadline(time.Time{})
		b.Read(make([]byte, 1))
		// A deadline that moves while a read waits.
		go func() {
			<-time.After(time.Second)
			b.SetReadDeadline(time.Now().Add(time.Second))
		}()
		start = time.Now()
		b.Read(make([]byte, 1))
		if d := time.Since(start); d != 2*time.Second {
			t.Errorf("a deadline set during the read ended it after %v", d)
		}
	})
}

func TestListener(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := ListenSize(2, 10)
		a, _ := l.Dial()
		l.Dial()
		if l.Waiting() != 2 {
			t.Fatalf("%d wait", l.Waiting())
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := l.DialContext(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("dial into a full backlog: %v", err)
		}
		s, err := l.Accept()
		if err != nil || s.RemoteAddr().String() != a.LocalAddr().String() || s.LocalAddr().String() != l.Addr().String() {
			t.Errorf("accepted %v, %v", s, err)
		}
		l.Accept()
		got := make(chan error)
		go func() { _, err := l.Accept(); got <- err }()
		synctest.Wait()
		l.Close()
		if err := <-got; !errors.Is(err, net.ErrClosed) {
			t.Errorf("Accept ended with %v", err)
		}
		if _, err := l.Dial(); !errors.Is(err, syscall.ECONNREFUSED) {
			t.Errorf("dial after Close: %v", err)
		}
		if err := l.Close(); !errors.Is(err, net.ErrClosed) {
			t.Errorf("second Close: %v", err)
		}
		l = ListenSize(1, 10)
		c, _ := l.Dial()
		l.Close()
		if _, err := c.Read(make([]byte, 1)); !errors.Is(err, syscall.ECONNRESET) {
			t.Errorf("a connection that was never accepted ended with %v", err)
		}
	})
}
