package udp_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/calandria-go/calandria/reactor"
	"github.com/calandria-go/calandria/reactor/reactortest"
	"github.com/calandria-go/calandria/transports/udp"
)

// TestICMPErrorsDoNotSpinTheLoop: a port that nobody listens on answers each datagram with an ICMP error, of which an
// endpoint must not hear.
func TestICMPErrorsDoNotSpinTheLoop(t *testing.T) {
	gone := listen(t, udp.Config{}, "127.0.0.1:0")
	nobody := addrOf(gone).AddrPort()
	gone.Close()
	for _, addr := range []string{"127.0.0.1:0", ":0"} {
		s := listen(t, udp.Config{}, addr)
		r, es := serve(t, s, reactor.PacketOptions{}, echo{})
		onLoop(t, es[0], func() {
			for range 10 {
				es[0].Send([]byte("x"), nobody)
			}
		})
		c := client(t, addrOf(s))
		ask(t, c, "x")
		before := totals(t, r)
		for range 20 {
			ask(t, c, "x")
		}
		after := totals(t, r)
		if n := after.Batches - before.Batches; n > 500 {
			t.Errorf("%d batches for 20 datagrams", n)
		}
		if after.PacketErrors != before.PacketErrors {
			t.Errorf("%d errors", after.PacketErrors-before.PacketErrors)
		}
	}
}

// writableHandler says when the socket takes datagrams again.
type writableHandler struct {
	funcs
	writable chan int
}

func (h *writableHandler) OnWritable(e *reactor.Endpoint) { h.writable <- e.Unsent() }

// TestFullSocket: what the system has no room for waits, up to the limit, and leaves in order.
func TestFullSocket(t *testing.T) {
	s := listen(t, udp.Config{}, "127.0.0.1:0")
	h := &writableHandler{writable: make(chan int, 100)}
	_, es := serve(t, s, reactor.PacketOptions{MaxUnsent: 10_000}, h)
	e := es[0]
	c := client(t, addrOf(s))
	to := c.LocalAddr().(*net.UDPAddr).AddrPort()
	f := reactortest.Fail(t, reactortest.Write, 1, errAgain)
	sent := 0
	onLoop(t, e, func() {
		for ; sent < 5; sent++ {
			if err := e.Send(numbered(sent), to); err != nil {
				t.Error(err)
			}
		}
	})
	// The socket was full; from the next event on it is not.
	if n := <-h.writable; n != 0 {
		t.Errorf("%d bytes unsent", n)
	}
	f.Stop()
	if !segmenting {
		return // there the queue is the engine's own: it is full or not, whatever is injected
	}
	f = reactortest.FailFrom(t, reactortest.Write, 1, errAgain)
	onLoop(t, e, func() {
		e.Send(numbered(sent), to)
		sent++
	})
	onLoop(t, e, func() {
		for ; ; sent++ {
			if err := e.Send(numbered(sent), to); err == reactor.ErrUnsent {
				break
			} else if err != nil {
				t.Error(err)
				break
			}
		}
		if e.Unsent() > 10_000 || e.Unsent() < 9_000 || e.Stats().Dropped != 1 {
			t.Errorf("%d unsent, %+v", e.Unsent(), e.Stats())
		}
	})
	f.Stop()
	<-h.writable
	for i := range sent {
		if got, want := receive(t, c), string(numbered(i)); got != want {
			t.Fatalf("datagram %d: %.20q", i, got)
		}
	}
}

func numbered(i int) []byte { return fmt.Appendf(nil, "%03d%s", i, strings.Repeat("x", 997)) }

// TestSendErrors: one that the system refuses costs itself, and the handler hears of it.
func TestSendErrors(t *testing.T) {
	for _, want := range []error{syscall.EPERM, syscall.ENETUNREACH} {
		s := listen(t, udp.Config{}, "127.0.0.1:0")
		h := &failing{errs: make(chan error, 10)}
		_, es := serve(t, s, reactor.PacketOptions{}, h)
		e := es[0]
		c := client(t, addrOf(s))
		to := c.LocalAddr().(*net.UDPAddr).AddrPort()
		f := reactortest.Fail(t, reactortest.Write, 1, want)
		onLoop(t, e, func() {
			e.Send([]byte("lost"), to)
			e.Send([]byte("not lost"), to)
		})
		if got := receive(t, c); got != "not lost" {
			t.Errorf("%q", got)
		}
		if err := <-h.errs; err != want {
			t.Errorf("%v", err)
		}
		f.Stop()
		onLoop(t, e, func() {
			if st := e.Stats(); st.Errors != 1 || st.Out != 1 {
				t.Errorf("%+v", st)
			}
		})
	}
}

func TestSendRefused(t *testing.T) {
	s := listen(t, udp.Config{}, "127.0.0.1:0")
	_, es := serve(t, s, reactor.PacketOptions{}, echo{})
	onLoop(t, es[0], func() {
		for _, c := range []struct {
			b  []byte
			to netip.AddrPort
		}{{nil, netip.AddrPort{}}, {nil, loopback(0)}, {make([]byte, 65536), loopback(9)}} {
			if err := es[0].Send(c.b, c.to); err == nil {
				t.Errorf("%d bytes to %v were sent", len(c.b), c.to)
			}
		}
	})
}

// TestNoSegments: where the system cannot send in segments they go one by one.
func TestNoSegments(t *testing.T) {
	for _, fails := range []error{syscall.EINVAL, syscall.EIO} {
		s := listen(t, udp.Config{}, "127.0.0.1:0")
		_, es := serve(t, s, reactor.PacketOptions{}, echo{})
		c := client(t, addrOf(s))
		to := c.LocalAddr().(*net.UDPAddr).AddrPort()
		f := reactortest.Fail(t, reactortest.Write, 1, fails)
		onLoop(t, es[0], func() {
			for i := range 5 {
				es[0].Send(numbered(i), to)
			}
		})
		first := 0
		if !segmenting {
			first = 1 // that was an error like any other
		}
		for i := first; i < 5; i++ {
			if got, want := receive(t, c), string(numbered(i)); got != want {
				t.Fatalf("%v: datagram %d: %.20q", fails, i, got)
			}
		}
		f.Stop()
	}
}

// TestReceiveErrors: some are nothing, many in a row are the end.
func TestReceiveErrors(t *testing.T) {
	s := listen(t, udp.Config{}, "127.0.0.1:0")
	closed := make(chan error, 1)
	_, es := serve(t, s, reactor.PacketOptions{}, &funcs{
		packet: echo{}.OnPacket,
		closed: func(_ *reactor.Endpoint, err error) { closed <- err },
	})
	c := client(t, addrOf(s))
	f := reactortest.Fail(t, reactortest.Read, 1, syscall.ENOBUFS)
	ask(t, c, "x")
	f.Stop()
	if sharding { // the portable engine asks only when there is something
		reactortest.FailFrom(t, reactortest.Read, 1, syscall.ENOTCONN)
		c.Write([]byte("x"))
		if err := <-closed; !errors.Is(err, syscall.ENOTCONN) {
			t.Errorf("%v", err)
		}
		if es[0].Post(func() {}) {
			t.Error("it is closed, and takes posts")
		}
	}
}

func TestRegisterFails(t *testing.T) {
	s := listen(t, udp.Config{}, "127.0.0.1:0")
	r := reactortest.NewDefault(t, reactor.Config{Loops: 1})
	closed := make(chan error, 1)
	reactortest.Fail(t, reactortest.Register, 1, syscall.ENOSPC)
	if _, err := r.OpenPacket(s, reactor.PacketOptions{}, &funcs{closed: func(_ *reactor.Endpoint, err error) { closed <- err }}); err != nil {
		t.Fatal(err)
	}
	if err := <-closed; err != syscall.ENOSPC {
		t.Errorf("%v", err)
	}
}

// TestBudget: a flood to one endpoint does not hold up another on the same loop.
func TestBudget(t *testing.T) {
	var most, run int
	flood := listen(t, udp.Config{ReadBuffer: 1 << 20}, "127.0.0.1:0")
	r := reactortest.NewDefault(t, reactor.Config{Loops: 1})
	got, start := 0, make(chan struct{})
	all := make(chan struct{})
	var turn uint64
	e, err := r.OpenPacket(flood, reactor.PacketOptions{Budget: 5}, &funcs{packet: func(e *reactor.Endpoint, _ *reactor.Packet) {
		if now := uint64(e.Elapsed()); now != turn { // Elapsed stands still within a turn
			turn, run = now, 0
		}
		run++
		most = max(most, run)
		if got++; got == 100 {
			close(all)
		}
	}})
	if err != nil {
		t.Fatal(err)
	}
	if !e.Post(func() { <-start }) { // all are there when it begins
		t.Fatal("closed")
	}
	c := client(t, addrOf(flood))
	for range 100 {
		c.Write([]byte("x"))
	}
	close(start)
	<-all
	if most > 5 {
		t.Errorf("%d in one turn", most)
	}
}

// TestPanics: one costs its datagram, its timer or its function.
func TestPanics(t *testing.T) {
	s := listen(t, udp.Config{}, "127.0.0.1:0")
	fired := make(chan struct{})
	_, es := serve(t, s, reactor.PacketOptions{}, &funcs{packet: func(e *reactor.Endpoint, p *reactor.Packet) {
		if string(p.Data) == "panic" {
			panic("packet")
		}
		echo{}.OnPacket(e, p)
	}})
	e := es[0]
	c := client(t, addrOf(s))
	c.Write([]byte("panic"))
	e.Post(func() { panic("post") })
	onLoop(t, e, func() {
		e.AfterFunc(0, func() { panic("timer") })
		e.AfterFunc(time.Millisecond, func() { close(fired) })
	})
	<-fired
	done := make(chan struct{})
	if err := e.Offload(func() { defer close(done); panic("offload") }); err != nil {
		t.Error(err)
	}
	<-done
	if got := ask(t, c, "fine"); got != "fine" {
		t.Errorf("%q", got)
	}
}

// drainer closes when it was told to.
type drainer struct {
	funcs
	draining chan struct{}
}

func (h *drainer) OnDrain(*reactor.Endpoint) { close(h.draining) }

func TestShutdown(t *testing.T) {
	s := listen(t, udp.Config{}, "127.0.0.1:0")
	closed := make(chan error, 1)
	r, _ := serve(t, s, reactor.PacketOptions{}, &funcs{closed: func(e *reactor.Endpoint, err error) {
		closed <- err
	}})
	if err := r.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := <-closed; err != reactor.ErrShutdown {
		t.Errorf("%v", err)
	}
	if _, err := r.OpenPacket(listen(t, udp.Config{}, "127.0.0.1:0"), reactor.PacketOptions{}, echo{}); err != reactor.ErrShutdown {
		t.Errorf("%v", err)
	}
}

func TestDrain(t *testing.T) {
	s := listen(t, udp.Config{}, "127.0.0.1:0")
	h := &drainer{draining: make(chan struct{})}
	h.packet = echo{}.OnPacket
	r, es := serve(t, s, reactor.PacketOptions{}, h)
	c := client(t, addrOf(s))
	ask(t, c, "x")
	done := make(chan error)
	go func() { done <- r.Shutdown(context.Background()) }()
	<-h.draining
	ask(t, c, "still here")
	es[0].Close()
	if err := <-done; err != nil {
		t.Error(err)
	}
}

func TestCloseEndsTimersAndPosts(t *testing.T) {
	s := listen(t, udp.Config{}, "127.0.0.1:0")
	closed := make(chan error, 1)
	last := errors.New("last")
	_, es := serve(t, s, reactor.PacketOptions{}, &funcs{closed: func(e *reactor.Endpoint, err error) {
		e.Send([]byte("bye"), s.LocalAddr().(*net.UDPAddr).AddrPort()) // nobody hears it
		closed <- err
	}})
	e := es[0]
	onLoop(t, e, func() {
		e.AfterFunc(0, func() { t.Error("a timer of a closed endpoint fired") })
		e.CloseWith(last)
		e.CloseWith(nil)
		if e.Post(func() { t.Error("posted") }) {
			t.Error("Post to a closed endpoint")
		}
	})
	if err := <-closed; err != last {
		t.Errorf("%v", err)
	}
}

// TestMaxConns: endpoints have their places among the connections.
func TestMaxConns(t *testing.T) {
	r := reactortest.NewDefault(t, reactor.Config{Loops: 1, MaxConns: 2})
	closed := make(chan error, 10)
	h := &funcs{closed: func(_ *reactor.Endpoint, err error) { closed <- err }}
	var es []*reactor.Endpoint
	for range 2 {
		e, err := r.OpenPacket(listen(t, udp.Config{}, "127.0.0.1:0"), reactor.PacketOptions{}, h)
		if err != nil {
			t.Fatal(err)
		}
		es = append(es, e)
	}
	if _, err := r.OpenPacket(listen(t, udp.Config{}, "127.0.0.1:0"), reactor.PacketOptions{}, h); err != reactor.ErrConnLimit {
		t.Errorf("%v", err)
	}
	es[0].Close()
	<-closed
	for end := time.Now().Add(patience); ; {
		if _, err := r.OpenPacket(listen(t, udp.Config{}, "127.0.0.1:0"), reactor.PacketOptions{}, h); err == nil {
			break
		} else if time.Now().After(end) {
			t.Fatal(err)
		}
	}
}
