package reactor_test

import (
	"net"
	"syscall"
	"testing"
	"time"

	"github.com/calandria-go/calandria/reactor"
	"github.com/calandria-go/calandria/reactor/reactortest"
)

// These two are about registrations in epoll, so they run on real sockets and in real time.

// A dialed connection that is paused in OnOpen does not keep its loop busy with input that nobody wants.
func TestPauseInOnOpenOfADial(t *testing.T) {
	r := reactortest.NewDefault(t, reactor.Config{Loops: 1})
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	if _, err := r.Dial(t.Context(), ln.Addr(), reactor.DialOptions{}, &hooks{open: (*reactor.Conn).Pause}); err != nil {
		t.Fatal(err)
	}
	peer, err := ln.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer peer.Close()
	peer.Write([]byte("hello"))
	batches := func() uint64 {
		s, err := r.Stats(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return s.Total().Batches
	}
	before := batches()
	pass(50 * time.Millisecond)
	if n := batches() - before; n > 1000 {
		t.Errorf("%d batches in 50 ms: the loop spins", n)
	}
}

// A reset of an accepted connection that is paused in OnOpen is noticed.
func TestPauseInOnOpenThenReset(t *testing.T) {
	r := reactortest.NewDefault(t, reactor.Config{Loops: 1})
	if r.Engine() != "netpoll" {
		t.Skip("the portable engine notices a reset when it reads or writes, and neither happens here")
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	h, ends := ending(&hooks{})
	opened := make(chan struct{})
	h.open = func(c *reactor.Conn) { c.Pause(); close(opened) }
	if _, err := r.Listen(ln, reactor.ProtocolFunc(func(*reactor.Conn) reactor.Handler { return h })); err != nil {
		t.Fatal(err)
	}
	peer, err := net.Dial("tcp", ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	<-opened
	peer.(*net.TCPConn).SetLinger(0)
	peer.Close()
	select {
	case e := <-ends:
		if reactor.ReasonOf(e.err) != "reset" {
			t.Errorf("closed with %v, not %v", e.err, syscall.ECONNRESET)
		}
	case <-time.After(time.Second):
		t.Error("the reset was not noticed")
	}
}
