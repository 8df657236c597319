package udp_test

import (
	"context"
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/calandria-go/calandria/reactor"
	"github.com/calandria-go/calandria/reactor/reactortest"
	"github.com/calandria-go/calandria/transports/udp"
)

func TestMain(m *testing.M) { reactortest.Main(m) }

// patience bounds every wait of these tests for something that will happen.
const patience = 30 * time.Second

// echo sends every datagram back, from the address that it came to.
type echo struct{}

func (echo) OnOpen(*reactor.Endpoint) {}

func (echo) OnPacket(e *reactor.Endpoint, p *reactor.Packet) { e.SendFrom(p.Data, p.Peer, p.Local) }

func (echo) OnClose(*reactor.Endpoint, error) {}

// funcs is a handler of functions; each may be nil.
type funcs struct {
	open   func(e *reactor.Endpoint)
	packet func(e *reactor.Endpoint, p *reactor.Packet)
	closed func(e *reactor.Endpoint, err error)
}

func (f *funcs) OnOpen(e *reactor.Endpoint) {
	if f.open != nil {
		f.open(e)
	}
}

func (f *funcs) OnPacket(e *reactor.Endpoint, p *reactor.Packet) {
	if f.packet != nil {
		f.packet(e, p)
	}
}

func (f *funcs) OnClose(e *reactor.Endpoint, err error) {
	if f.closed != nil {
		f.closed(e, err)
	}
}

func listen(t *testing.T, c udp.Config, addr string) *udp.Socket {
	t.Helper()
	s, err := c.Listen(t.Context(), addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// serve gives s to a reactor of its own.
func serve(t *testing.T, s *udp.Socket, o reactor.PacketOptions, h reactor.PacketHandler) (*reactor.Reactor, []*reactor.Endpoint) {
	t.Helper()
	r := reactortest.NewDefault(t, reactor.Config{Loops: 2})
	es, err := udp.Serve(r, s, o, func(int) reactor.PacketHandler { return h })
	if err != nil {
		t.Fatal(err)
	}
	return r, es
}

// addrOf is a socket's address, on the own machine if it is bound to none.
func addrOf(s *udp.Socket) *net.UDPAddr {
	a := *s.LocalAddr().(*net.UDPAddr)
	if a.IP.IsUnspecified() {
		a.IP = net.IPv4(127, 0, 0, 1)
	}
	return &a
}

// client is a connected socket of package net.
func client(t *testing.T, to *net.UDPAddr) *net.UDPConn {
	t.Helper()
	c, err := net.DialUDP("udp", nil, to)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	c.SetDeadline(time.Now().Add(patience))
	return c
}

// ask sends a datagram and waits for one.
func ask(t *testing.T, c *net.UDPConn, b string) string {
	t.Helper()
	if _, err := c.Write([]byte(b)); err != nil {
		t.Fatal(err)
	}
	return receive(t, c)
}

func receive(t *testing.T, c *net.UDPConn) string {
	t.Helper()
	buf := make([]byte, 65536)
	n, err := c.Read(buf)
	if err != nil {
		t.Fatal(err)
	}
	return string(buf[:n])
}

// onLoop runs f on the loop of e and waits.
func onLoop(t *testing.T, e *reactor.Endpoint, f func()) {
	t.Helper()
	done := make(chan struct{})
	if !e.Post(func() { defer close(done); f() }) {
		t.Fatal("the endpoint is closed")
	}
	select {
	case <-done:
	case <-time.After(patience):
		t.Fatal("the loop does not come")
	}
}

func totals(t *testing.T, r *reactor.Reactor) reactor.LoopStats {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	s, err := r.Stats(ctx)
	if err != nil {
		t.Fatal(err)
	}
	return s.Total()
}

func loopback(port int) netip.AddrPort {
	return netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), uint16(port))
}
