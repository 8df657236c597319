package tcp_test

import (
	"errors"
	"net"
	"testing"

	"github.com/calandria-go/calandria/transports/tcp"
)

// Without a reactor the Listener is a net.Listener like any other.
func TestAcceptDirectly(t *testing.T) {
	for _, c := range []tcp.Config{{}, {Shards: 3}} {
		if c.Shards > 1 && !sharding {
			continue
		}
		ln := listen(t, c, "127.0.0.1:0")
		var ends []net.Conn
		for range 10 {
			out := dial(t, ln.Addr(), "")
			ends = append(ends, out)
		}
		for range ends {
			in, err := ln.Accept()
			if err != nil {
				t.Fatal(err)
			}
			in.Write([]byte("hello"))
			in.Close()
		}
		for _, e := range ends {
			b := make([]byte, 5)
			if _, err := e.Read(b); err != nil || string(b) != "hello" {
				t.Errorf("got %q, %v", b, err)
			}
		}
		errs := make(chan error)
		go func() { _, err := ln.Accept(); errs <- err }()
		if err := ln.Close(); err != nil {
			t.Error(err)
		}
		if err := <-errs; !errors.Is(err, net.ErrClosed) {
			t.Errorf("Accept ended with %v", err)
		}
		if _, err := ln.Accept(); !errors.Is(err, net.ErrClosed) {
			t.Errorf("Accept after Close: %v", err)
		}
		if err := ln.Close(); !errors.Is(err, net.ErrClosed) {
			t.Errorf("second Close: %v", err)
		}
		if _, err := net.Dial("tcp", ln.Addr().String()); err == nil {
			t.Error("somebody still listens")
		}
	}
}

func TestShards(t *testing.T) {
	if !sharding {
		if _, err := (tcp.Config{Shards: 2}).Listen(t.Context(), "127.0.0.1:0"); !errors.Is(err, errors.ErrUnsupported) {
			t.Errorf("several sockets: %v", err)
		}
		return
	}
	ln := listen(t, tcp.Config{Shards: 2}, "127.0.0.1:0")
	all := ln.Shards()
	if len(all) != 2 || all[0].Addr().String() != all[1].Addr().String() {
		t.Fatalf("sockets %v", all)
	}
	r, l := serve(t, ln)
	before, err := r.Stats(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for range 64 {
		if err := ping(dial(t, ln.Addr(), "")); err != nil {
			t.Fatal(err)
		}
	}
	after, err := r.Stats(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for i := range after.Loops {
		if after.Loops[i].Accepted == before.Loops[i].Accepted {
			t.Errorf("loop %d has accepted nothing", i)
		}
	}
	if l.Conns() != 64 {
		t.Errorf("%d connections", l.Conns())
	}
	addr := l.Addr().String()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := net.Dial("tcp", addr); err == nil {
		t.Error("somebody still listens")
	}
}

func TestReusePortIsShared(t *testing.T) {
	if !sharding {
		t.Skip("only Linux spreads connections over the sockets of an address")
	}
	one := listen(t, tcp.Config{ReusePort: true}, "127.0.0.1:0")
	if len(one.Shards()) < 1 {
		t.Fatal("no sockets")
	}
	two := listen(t, tcp.Config{ReusePort: true, Shards: 1}, one.Addr().String())
	if len(two.Shards()) != 1 {
		t.Errorf("%d sockets", len(two.Shards()))
	}
	if _, err := tcp.Listen(one.Addr().String()); err == nil {
		t.Error("a listener without ReusePort shares the address")
	}
}
