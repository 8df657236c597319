package reactor

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"syscall"
	"testing"
	"time"
)

func TestDialRefused(t *testing.T) {
	r, _ := newTest(t, Config{})
	ln := listenTCP(t)
	ln.Close()
	h := &probe{a: newAudit(t), open: func(*Conn) { t.Error("OnOpen") }}
	for range 50 {
		c, err := r.Dial(context.Background(), ln.Addr(), DialOptions{}, h)
		var oe *net.OpError
		if c != nil || !errors.Is(err, syscall.ECONNREFUSED) || !errors.As(err, &oe) || oe.Op != "dial" {
			t.Fatalf("%v, %v", c, err)
		}
	}
	if n := r.open.Load(); n != 0 {
		t.Errorf("%d open", n)
	}
}

// TestDialBannerAndFIN: a peer that speaks and ends before we have looked is heard to its end.
func TestDialBannerAndFIN(t *testing.T) {
	r, _ := newTest(t, Config{})
	ln := listenTCP(t)
	go func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			c.Write([]byte("banner"))
			c.(*net.TCPConn).CloseWrite()
			go func() { io.Copy(io.Discard, c); c.Close() }()
		}
	}()
	for range size(200, 5000) {
		a := newAudit(t)
		var got string
		_, err := r.Dial(context.Background(), ln.Addr(), DialOptions{}, full{&probe{
			a:    a,
			data: func(_ *Conn, in []byte) int { got += string(in); return len(in) },
			eof:  func(c *Conn) { c.Close() },
		}})
		if err != nil {
			t.Fatal(err)
		}
		if err := await(t, "OnClose", a.closed); err != nil {
			t.Fatalf("OnClose got %v", err)
		}
		if got != "banner" {
			t.Fatalf("got %q", got)
		}
	}
}

// TestDialUnixBacklog: a unix listener whose backlog is full is tried again until it has room, or time is up.
func TestDialUnixBacklog(t *testing.T) {
	r, _ := newTest(t, Config{})
	if r.Engine() == "portable" {
		t.Skip("package net's dialer has its own way")
	}
	fd, err := syscall.Socket(syscall.AF_UNIX, syscall.SOCK_STREAM, 0)
	if err != nil {
		t.Fatal(err)
	}
	f := os.NewFile(uintptr(fd), "listener")
	defer f.Close()
	addr := &net.UnixAddr{Name: t.TempDir() + "/s", Net: "unix"}
	if err := errors.Join(syscall.Bind(fd, &syscall.SockaddrUnix{Name: addr.Name}), syscall.Listen(fd, 0)); err != nil {
		t.Fatal(err)
	}
	a := newAudit(t)
	var first []*Conn // fill it
	for {
		c, err := r.Dial(context.Background(), addr, DialOptions{Timeout: 100 * time.Millisecond}, echoing(a))
		if err != nil {
			if !errors.Is(err, os.ErrDeadlineExceeded) {
				t.Fatal(err)
			}
			break
		}
		if first = append(first, c); len(first) > 10 {
			t.Fatal("a backlog of 0 is never full")
		}
	}
	done := make(chan error, 1)
	go func() {
		_, err := r.Dial(context.Background(), addr, DialOptions{Timeout: patience}, echoing(a))
		done <- err
	}()
	ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer cancel()
	if _, err := r.Dial(ctx, addr, DialOptions{}, echoing(a)); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a dial whose context ended: %v", err)
	}
	if len(done) > 0 {
		t.Fatalf("connected to a full backlog: %v", <-done)
	}
	for range first {
		nfd, _, err := syscall.Accept(fd)
		if err != nil {
			t.Fatal(err)
		}
		defer syscall.Close(nfd)
	}
	if err := await(t, "the dial that waited", done); err != nil {
		t.Error(err)
	}
	for _, c := range first {
		c.Abort(nil)
	}
}

// TestDialUnix connects at once.
func TestDialUnix(t *testing.T) {
	ln, err := net.Listen("unix", t.TempDir()+"/s")
	if err != nil {
		t.Fatal(err)
	}
	r, _ := newTest(t, Config{})
	if _, err := r.Listen(ln, ProtocolFunc(func(*Conn) Handler { return echoing(nil) })); err != nil {
		t.Fatal(err)
	}
	for range 50 {
		s, err := r.DialStream(context.Background(), ln.Addr(), DialOptions{})
		if err != nil {
			t.Fatal(err)
		}
		ping(t, s)
		s.Close()
	}
}

// TestDialCancel: contexts that end while a dial does leave one outcome and no connection.
func TestDialCancel(t *testing.T) {
	a := newAudit(t)
	s := serve(t, Config{}, func(*Conn) Handler { return echoing(nil) })
	var wg sync.WaitGroup
	for i := range size(300, 5000) {
		wg.Go(func() {
			ctx, cancel := context.WithTimeout(context.Background(), time.Duration(i%50)*20*time.Microsecond)
			defer cancel()
			c, err := s.r.Dial(ctx, s.addr, DialOptions{}, echoing(a))
			if err == nil {
				c.Abort(nil)
			} else if c != nil || !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("%v, %v", c, err)
			}
		})
		if i%30 == 0 {
			wg.Wait()
		}
	}
	finish(t, "dials", wg.Wait)
	eventually(t, "nothing is open", func() bool { return s.r.open.Load() == 0 })
	a.balanced(t)
}

// TestDialLimit: MaxConns counts dials.
func TestDialLimit(t *testing.T) {
	ln := listenTCP(t)
	r, _ := newTest(t, Config{MaxConns: 2})
	for range 2 {
		if _, err := r.Dial(context.Background(), ln.Addr(), DialOptions{}, echoing(nil)); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := r.Dial(context.Background(), ln.Addr(), DialOptions{}, echoing(nil)); !errors.Is(err, ErrConnLimit) {
		t.Errorf("the third: %v", err)
	}
}

// TestDialThenPause: a connection that is paused from the start does not spin over the bytes that come.
func TestDialThenPause(t *testing.T) {
	ln := listenTCP(t)
	go func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			c.Write([]byte("banner"))
		}
	}()
	r, _ := newTest(t, Config{})
	got := make(chan string, 1)
	c, err := r.Dial(context.Background(), ln.Addr(), DialOptions{}, &probe{
		open: func(c *Conn) { c.Pause() },
		data: func(_ *Conn, in []byte) int { got <- string(in); return len(in) },
	})
	if err != nil {
		t.Fatal(err)
	}
	before, cpu := total(t, r).Batches, cpuTime()
	within(quiet, func() bool { return false })
	if n, spent := total(t, r).Batches-before, cpuTime()-cpu; n > 100 || spent > quiet/2 {
		t.Errorf("%d batches, %v of CPU time while paused", n, spent)
	}
	c.Post(c.Resume)
	if b := await(t, "OnData", got); b != "banner" {
		t.Errorf("got %q", b)
	}
}
