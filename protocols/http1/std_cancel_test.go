package http1

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"testing"
	"time"

	"github.com/calandria-go/calandria/reactor"
)

// waiter is a handler that says when it runs, and what becomes of its context.
type waiter struct {
	entered chan struct{}
	ended   chan error
	release chan struct{}
}

func newWaiter() *waiter {
	return &waiter{make(chan struct{}, 1), make(chan error, 1), make(chan struct{})}
}

func (h *waiter) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithCancel(r.Context()) // derived contexts have to follow
	defer cancel()
	h.entered <- struct{}{}
	select {
	case <-ctx.Done():
		h.ended <- ctx.Err()
	case <-h.release:
		h.ended <- nil
		io.WriteString(w, "released")
	}
}

func TestStdResetCancels(t *testing.T) {
	for _, request := range []string{get("/"), "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\nx", get("/") + get("/")} {
		h := newWaiter()
		s := startStd(t, h)
		c := s.dial().(*net.TCPConn)
		fmt.Fprint(c, request)
		wait(t, h.entered, "handler")
		c.SetLinger(0)
		c.Close()
		if err := wait(t, h.ended, "cancel"); err != context.Canceled {
			t.Errorf("%q: %v", request, err)
		}
	}
}

// A reset is noticed also when the body has filled its buffer and the socket is paused.
func TestStdResetCancelsPaused(t *testing.T) {
	h := newWaiter()
	s := startStd(t, h)
	if s.r.Engine() == "portable" {
		t.Skip("package net shows a reset to readers only, and a paused connection has none")
	}
	c := s.dial().(*net.TCPConn)
	fmt.Fprint(c, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 8000000\r\n\r\n")
	wait(t, h.entered, "handler")
	c.SetWriteDeadline(time.Now().Add(200 * time.Millisecond))
	c.Write(make([]byte, 8_000_000))
	c.SetLinger(0)
	c.Close()
	if err := wait(t, h.ended, "cancel"); err != context.Canceled {
		t.Error(err)
	}
}

func TestStdUnixCloseCancels(t *testing.T) {
	h := newWaiter()
	s := startUnix(t, h)
	if s.r.Engine() == "portable" {
		t.Skip("package net shows a close as an end of file only")
	}
	c := s.dial()
	fmt.Fprint(c, get("/"))
	wait(t, h.entered, "handler")
	c.Close()
	if err := wait(t, h.ended, "cancel"); err != context.Canceled {
		t.Error(err)
	}
}

func TestStdFINDoesNotCancel(t *testing.T) {
	for _, start := range []func(*testing.T, http.Handler, ...func(*Server, *reactor.Config)) *stdServer{startStd, startUnix} {
		h := newWaiter()
		s := start(t, h)
		c := s.dial()
		fmt.Fprint(c, get("/"))
		wait(t, h.entered, "handler")
		c.(interface{ CloseWrite() error }).CloseWrite()
		// Another connection of the same loops goes round, so that the FIN was seen before the handler goes on.
		for range 2 * s.r.Loops() {
			d := s.dial()
			fmt.Fprint(d, "BAD\r\n\r\n")
			io.Copy(io.Discard, d)
		}
		close(h.release)
		if _, body := readAnswer(t, bufio.NewReader(c)); body != "released" {
			t.Errorf("got %q", body)
		}
		if err := wait(t, h.ended, "handler"); err != nil {
			t.Error(err)
		}
	}
}

func TestStdCancelOnEOF(t *testing.T) {
	for _, early := range []bool{false, true} {
		h := newWaiter()
		s := startStd(t, h, func(srv *Server, _ *reactor.Config) { srv.CancelOnEOF = true })
		c := s.dial()
		fmt.Fprint(c, get("/"))
		if !early {
			wait(t, h.entered, "handler")
		}
		c.(*net.TCPConn).CloseWrite()
		if early {
			wait(t, h.entered, "handler")
		}
		if err := wait(t, h.ended, "cancel"); err != context.Canceled {
			t.Error(err)
		}
		if _, body := readAnswer(t, bufio.NewReader(c)); body != "" {
			t.Errorf("got %q", body)
		}
	}
}

func TestStdContextEndsWithHandler(t *testing.T) {
	got := make(chan context.Context, 1)
	s := startStd(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Context().Err() != nil {
			t.Error("ended from the start")
		}
		if _, ok := r.Context().Deadline(); ok {
			t.Error("has a deadline")
		}
		got <- r.Context()
	}))
	s.exchange(get("/"))
	ctx := wait(t, got, "handler")
	<-ctx.Done()
	if ctx.Err() != context.Canceled || context.Cause(ctx) != context.Canceled {
		t.Error(ctx.Err())
	}
	called := make(chan struct{})
	context.AfterFunc(ctx, func() { close(called) })
	wait(t, called, "AfterFunc of an ended context")
}

func TestStdContextAfterFuncStops(t *testing.T) {
	c := &stdContext{}
	ctx, cancel := context.WithCancel(c)
	stop := context.AfterFunc(c, func() { t.Error("was stopped") })
	ran := make(chan struct{})
	context.AfterFunc(c, func() { close(ran) })
	cancel()
	if len(c.afters) != 2 {
		t.Errorf("%d functions are kept", len(c.afters))
	}
	if !stop() || stop() {
		t.Error("stop")
	}
	child, cancelChild := context.WithTimeout(c, time.Hour)
	defer cancelChild()
	c.cancel()
	<-child.Done()
	wait(t, ran, "AfterFunc")
	if ctx.Err() == nil || child.Err() != context.Canceled || c.String() == "" {
		t.Error(ctx.Err(), child.Err())
	}
}

// A handler that writes to a client that is gone hears of it.
func TestStdWriteError(t *testing.T) {
	entered, failed := make(chan struct{}), make(chan error, 1)
	s := startStd(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		close(entered)
		<-r.Context().Done()
		_, err := w.Write(make([]byte, 100_000))
		if err == nil {
			err = http.NewResponseController(w).Flush()
		}
		failed <- err
	}))
	c := s.dial().(*net.TCPConn)
	fmt.Fprint(c, get("/"))
	wait(t, entered, "handler")
	c.SetLinger(0)
	c.Close()
	if err := wait(t, failed, "write"); err == nil {
		t.Error("no error")
	}
}

// A writer that waits for the client is woken when the client goes.
func TestStdBlockedWriteEnds(t *testing.T) {
	failed := make(chan error, 1)
	s := startStd(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for {
			if _, err := w.Write(make([]byte, 64<<10)); err != nil {
				failed <- err
				return
			}
		}
	}))
	c := s.dial().(*net.TCPConn)
	fmt.Fprint(c, get("/"))
	io.ReadFull(c, make([]byte, 1000))
	c.SetLinger(0)
	c.Close()
	wait(t, failed, "write")
}
