package reactor_test

import (
	"syscall"
	"testing"

	"github.com/calandria-go/calandria/reactor"
	"github.com/calandria-go/calandria/reactor/reactortest"
)

// Abort throws away what is unsent: what the turn wrote before does not go out.
func TestAbortSendsNothingMore(t *testing.T) {
	for name, abort := range map[string]func(c *reactor.Conn){
		"Abort":        func(c *reactor.Conn) { c.Abort(nil) },
		"panic":        func(*reactor.Conn) { panic("on purpose") },
		"ErrSlowPeer":  func(c *reactor.Conn) { c.Write(make([]byte, 1<<20)) },
		"Close, Abort": func(c *reactor.Conn) { c.Close(); c.Abort(nil) },
	} {
		got := reactortest.Feed(t, reactor.Config{MaxUnsent: 1000}, reactor.ProtocolFunc(func(*reactor.Conn) reactor.Handler {
			return &hooks{data: func(c *reactor.Conn, in []byte) int {
				c.Write([]byte("half an answer"))
				abort(c)
				return len(in)
			}}
		}), [][]byte{[]byte("request")})
		if len(got.Out) != 0 || !got.Reset || !got.Closed {
			t.Errorf("%s: sent %q, reset %v, closed %v", name, got.Out, got.Reset, got.Closed)
		}
	}
}

// A write that fails ends the connection: the bytes are not tried again.
func TestFailedWriteIsNotRepeated(t *testing.T) {
	f := reactortest.Fail(t, reactortest.Write, 1, syscall.EIO)
	ln := reactortest.Listen()
	r := reactortest.New(t, reactor.Config{Loops: 1})
	ends := make(chan error, 1)
	if _, err := r.Listen(ln, reactor.ProtocolFunc(func(*reactor.Conn) reactor.Handler {
		return &hooks{
			open:   func(c *reactor.Conn) { c.Write([]byte("x")) },
			closed: func(_ *reactor.Conn, err error) { ends <- err },
		}
	})); err != nil {
		t.Fatal(err)
	}
	peer, err := ln.Dial()
	if err != nil {
		t.Fatal(err)
	}
	defer peer.Close()
	if err := <-ends; err != syscall.EIO {
		t.Errorf("closed with %v", err)
	}
	if n := f.Calls(); n != 1 {
		t.Errorf("%d writes", n)
	}
}
