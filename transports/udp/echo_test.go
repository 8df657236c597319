package udp_test

import (
	"bytes"
	"errors"
	"net"
	"net/netip"
	"runtime"
	"strings"
	"testing"

	"github.com/calandria-go/calandria/reactor"
	"github.com/calandria-go/calandria/transports/udp"
)

func TestEcho(t *testing.T) {
	for _, c := range []struct{ network, listen, ask string }{
		{"", "127.0.0.1:0", "127.0.0.1"},
		{"", "localhost:0", ""},
		{"", ":0", "127.0.0.1"},
		{"", ":0", "::1"},
		{"", "0.0.0.0:0", "127.0.0.1"},
		{"udp4", ":0", "127.0.0.1"},
		{"udp6", "[::1]:0", "::1"},
		{"udp6", ":0", "::1"},
	} {
		s := listen(t, udp.Config{Network: c.network}, c.listen)
		_, es := serve(t, s, reactor.PacketOptions{}, echo{})
		to := addrOf(s)
		if c.ask != "" {
			to.IP = net.ParseIP(c.ask)
		}
		peer := client(t, to)
		for _, b := range []string{"x", "", strings.Repeat("long", 16000)} {
			if got := ask(t, peer, b); got != b {
				t.Errorf("%v: %d bytes came back as %d", c, len(b), len(got))
			}
		}
		onLoop(t, es[0], func() {
			if got := es[0].Stats(); got.In != 3 || got.Out != 3 || got.BytesIn != 64001 || got.BytesOut != 64001 {
				t.Errorf("%v: %+v", c, got)
			}
			if a := es[0].LocalAddr().(*net.UDPAddr); a.Port != to.Port {
				t.Errorf("%v: bound to %v", c, a)
			}
		})
	}
}

// TestAnswersFromTheAddressThatWasAsked: a client that has connected its socket hears no other.
func TestAnswersFromTheAddressThatWasAsked(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("only Linux has all of 127.0.0.0/8, and tells the address here")
	}
	for _, addr := range []string{":0", "0.0.0.0:0", "127.0.0.77:0"} {
		s := listen(t, udp.Config{}, addr)
		seen := make(chan netip.Addr, 1)
		h := &funcs{packet: func(e *reactor.Endpoint, p *reactor.Packet) {
			seen <- p.Local
			echo{}.OnPacket(e, p)
		}}
		serve(t, s, reactor.PacketOptions{}, h)
		to := addrOf(s)
		to.IP = net.IPv4(127, 0, 0, 77)
		if got := ask(t, client(t, to), "x"); got != "x" {
			t.Errorf("%q", got)
		}
		if got := <-seen; addr != "127.0.0.77:0" && got != netip.AddrFrom4([4]byte{127, 0, 0, 77}) {
			t.Errorf("%s: sent to %v", addr, got)
		}
	}
}

func TestAddressThatIsNotOurs(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("elsewhere the system chooses")
	}
	s := listen(t, udp.Config{Network: "udp4"}, ":0")
	failed := make(chan error, 1)
	h := &failing{errs: failed}
	_, es := serve(t, s, reactor.PacketOptions{}, h)
	onLoop(t, es[0], func() {
		for range 3 { // also in segments
			if err := es[0].SendFrom([]byte("x"), loopback(9), netip.MustParseAddr("198.51.100.1")); err != nil {
				t.Error(err)
			}
		}
	})
	if err := <-failed; err == nil {
		t.Error("no error")
	}
}

// failing is a handler that hears of errors.
type failing struct {
	funcs
	errs chan error
}

func (h *failing) OnSendError(_ *reactor.Endpoint, _ netip.AddrPort, err error) {
	select {
	case h.errs <- err:
	default:
	}
}

// TestSegments: what goes as one through the kernel arrives as it was sent.
func TestSegments(t *testing.T) {
	s := listen(t, udp.Config{ReadBuffer: 1 << 20}, "127.0.0.1:0")
	_, es := serve(t, s, reactor.PacketOptions{}, echo{})
	sizes := []int{1000, 1000, 1000, 400, 400, 1, 0, 0, 5, 1000, 1000, 1428, 1428, 1428, 1427, 1428, 9000, 9000, 40000, 40000}
	var peers []*net.UDPConn
	for range 2 {
		peers = append(peers, client(t, addrOf(s)))
	}
	send := func(to ...*net.UDPConn) {
		onLoop(t, es[0], func() {
			for i, n := range sizes {
				for _, p := range to {
					if err := es[0].Send(lettered(i, n), p.LocalAddr().(*net.UDPAddr).AddrPort()); err != nil {
						t.Error(err)
					}
				}
			}
		})
		for _, p := range to {
			for i, n := range sizes {
				if got, want := receive(t, p), string(lettered(i, n)); got != want {
					t.Fatalf("datagram %d: %d bytes of %.1q; want %d", i, len(got), got, n)
				}
			}
		}
	}
	send(peers...) // in turns
	send(peers[0]) // in a row
}

func lettered(i, n int) []byte { return bytes.Repeat([]byte{byte('a' + i)}, n) }

// TestCoalesced: what the kernel puts together the endpoint takes apart.
func TestCoalesced(t *testing.T) {
	in := listen(t, udp.Config{Coalesce: true, ReadBuffer: 1 << 20}, "127.0.0.1:0")
	out := listen(t, udp.Config{}, "127.0.0.1:0")
	got := make(chan string, 1000)
	r, _ := serve(t, in, reactor.PacketOptions{}, &funcs{packet: func(_ *reactor.Endpoint, p *reactor.Packet) {
		got <- string(p.Data)
	}})
	e, err := r.OpenPacket(out, reactor.PacketOptions{}, &funcs{})
	if err != nil {
		t.Fatal(err)
	}
	to := in.LocalAddr().(*net.UDPAddr).AddrPort()
	onLoop(t, e, func() {
		for i := range 100 {
			e.Send([]byte(strings.Repeat(string(rune('0'+i)), 1000+i/99)), to)
		}
	})
	for i := range 100 {
		if s, want := <-got, strings.Repeat(string(rune('0'+i)), 1000+i/99); s != want {
			t.Fatalf("datagram %d has %d bytes", i, len(s))
		}
	}
}

func TestShards(t *testing.T) {
	if !sharding {
		if _, err := (udp.Config{Shards: 3}).Listen(t.Context(), "127.0.0.1:0"); !errors.Is(err, errors.ErrUnsupported) {
			t.Fatal(err)
		}
		return
	}
	s := listen(t, udp.Config{Shards: 2}, "127.0.0.1:0")
	all := s.Shards()
	if len(all) != 2 || all[0].LocalAddr().String() != all[1].LocalAddr().String() {
		t.Fatalf("%v", all)
	}
	_, es := serve(t, s, reactor.PacketOptions{}, echo{})
	if es[0].LoopIndex() == es[1].LoopIndex() {
		t.Error("both are on one loop")
	}
	for range 64 {
		ask(t, client(t, addrOf(s)), "x")
	}
	for _, e := range es {
		onLoop(t, e, func() {
			if e.Stats().In == 0 {
				t.Error("one of the sockets got nothing of 64 peers")
			}
		})
	}
}

func TestListenErrors(t *testing.T) {
	one := listen(t, udp.Config{}, "127.0.0.1:0")
	for _, addr := range []string{one.LocalAddr().String(), "no port", "127.0.0.1:http-of-nobody", "nowhere.invalid:1", "[::1]:0"} {
		c := udp.Config{}
		if addr == "[::1]:0" {
			c.Network = "udp4"
		}
		s, err := c.Listen(t.Context(), addr)
		var op *net.OpError
		if !errors.As(err, &op) || op.Op != "listen" {
			t.Errorf("%s: %v, %v", addr, s, err)
		}
	}
}

func TestSocketIsUsedOnce(t *testing.T) {
	s := listen(t, udp.Config{}, "127.0.0.1:0")
	r, _ := serve(t, s, reactor.PacketOptions{}, echo{})
	if _, err := r.OpenPacket(s, reactor.PacketOptions{}, echo{}); err == nil {
		t.Error("a socket was given away twice")
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	ask(t, client(t, addrOf(s)), "x") // closing it has not closed what the reactor has
}

// TestPacketConnOfOthers: a socket of package net, and any net.PacketConn.
func TestPacketConnOfOthers(t *testing.T) {
	for _, wrap := range []func(net.PacketConn) reactor.PacketSocket{
		func(pc net.PacketConn) reactor.PacketSocket { return pc },
		func(pc net.PacketConn) reactor.PacketSocket { return odd{pc} },
	} {
		pc, err := net.ListenPacket("udp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		to := pc.LocalAddr().(*net.UDPAddr)
		r, _ := serve(t, listen(t, udp.Config{}, "127.0.0.1:0"), reactor.PacketOptions{}, echo{})
		if _, err := r.OpenPacket(wrap(pc), reactor.PacketOptions{}, echo{}); err != nil {
			t.Fatal(err)
		}
		if got := ask(t, client(t, to), "over there"); got != "over there" {
			t.Errorf("%q", got)
		}
	}
}

// odd is a net.PacketConn that nobody has seen before.
type odd struct{ net.PacketConn }
