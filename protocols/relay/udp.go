package relay

import (
	"context"
	"encoding/binary"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"time"

	"github.com/calandria-go/calandria/protocols/relay/wire"
	"github.com/calandria-go/calandria/reactor"
	"github.com/calandria-go/calandria/transports/udp"
)

const (
	// maxDatagram bounds a datagram: what UDP carries over IPv4.
	maxDatagram = 65507
	// udpPending bounds what a flow holds, in bytes, until its stream is there; more is dropped.
	udpPending = 32 << 10
	// agentIdle ends a flow at the agent, if the relay does not before.
	agentIdle = 5 * time.Minute
)

// appendDatagram frames a datagram for a stream.
func appendDatagram(dst, p []byte) []byte {
	return append(binary.BigEndian.AppendUint16(dst, uint16(len(p))), p...)
}

// eachDatagram takes the datagrams in in, and returns what it consumed.
func eachDatagram(in []byte, f func(p []byte)) (n int) {
	for len(in)-n >= 2 {
		size := int(binary.BigEndian.Uint16(in[n:]))
		if len(in)-n < 2+size {
			break
		}
		f(in[n+2 : n+2+size])
		n += 2 + size
	}
	return n
}

// listenUDP serves a UDP service at a public address.
func (s *Server) listenUDP(v *service, target, key string) (net.Addr, error) {
	addr, ok := strings.CutPrefix(target, "udp://")
	if !ok {
		return nil, fmt.Errorf("relay: service %q is udp, and %q is not", v.Name, target)
	}
	sock, err := udp.Config{}.Listen(context.Background(), addr)
	if err != nil {
		return nil, err
	}
	local := sock.LocalAddr()
	f := &flows{srv: s, svc: v, peers: map[netip.AddrPort]*flow{}}
	if _, err := s.Reactor.OpenPacket(sock, reactor.PacketOptions{}, f); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.listeners[key] = &listening{svc: v, addr: local}
	return local, nil
}

// flows are the peers of one public UDP address: the handler of its endpoint.
type flows struct {
	srv   *Server
	svc   *service
	peers map[netip.AddrPort]*flow
}

// flow is one peer: the handler of its stream. It is on the endpoint's loop.
type flow struct {
	f       *flows
	e       *reactor.Endpoint
	peer    netip.AddrPort
	from    netip.Addr
	c       *reactor.Conn
	attempt *attempt
	p       *peer
	timer   reactor.Timer
	pending []byte
	buf     []byte
	over    bool
}

// OnOpen is part of reactor.PacketHandler.
func (f *flows) OnOpen(*reactor.Endpoint) {}

// OnClose is part of reactor.PacketHandler.
func (f *flows) OnClose(_ *reactor.Endpoint, err error) {
	for _, w := range f.peers {
		w.end()
	}
}

// OnPacket is part of reactor.PacketHandler.
func (f *flows) OnPacket(e *reactor.Endpoint, p *reactor.Packet) {
	if p.Truncated || p.Broadcast || len(p.Data) > maxDatagram {
		return
	}
	w := f.peers[p.Peer]
	if w == nil {
		if w = f.begin(e, p); w == nil {
			return
		}
	}
	w.timer.Reset(f.svc.IdleTimeout)
	f.svc.in.Add(uint64(len(p.Data)))
	switch {
	case w.c == nil:
		if len(w.pending)+len(p.Data) <= udpPending {
			w.pending = appendDatagram(w.pending, p.Data)
		}
	case !w.c.OverHigh(): // else it is dropped, as the line would
		w.buf = appendDatagram(w.buf[:0], p.Data)
		w.c.Write(w.buf)
	}
}

// begin makes the flow of a peer.
func (f *flows) begin(e *reactor.Endpoint, p *reactor.Packet) *flow {
	if !f.svc.admit(p.Peer.Addr()) {
		return nil
	}
	w := &flow{f: f, e: e, peer: p.Peer, from: p.Local}
	f.peers[p.Peer] = w
	e.InitTimer(&w.timer, w.end)
	w.attempt = &attempt{
		srv: f.srv, svc: f.svc, c: e, client: p.Peer.Addr(), addr: p.Peer.AppendTo(nil),
		handler: func(p *peer) reactor.Handler {
			w.p = p
			return w
		},
		done: func(_ *peer, c *reactor.Conn, err error) {
			if err != nil {
				f.svc.failed.Add(1)
				w.end()
				return
			}
			f.svc.opened.Add(1)
			w.c = c
			c.Write(w.pending)
			w.pending = nil
		},
	}
	w.attempt.start()
	if w.over {
		return nil
	}
	return w
}

// end forgets the flow. Loop only.
func (w *flow) end() {
	if w.over {
		return
	}
	w.over = true
	w.timer.Stop()
	w.attempt.cancel()
	delete(w.f.peers, w.peer)
	w.f.svc.leave(w.peer.Addr())
	if w.c != nil {
		w.c.Close()
	}
}

// OnOpen is part of reactor.Handler.
func (w *flow) OnOpen(*reactor.Conn) {}

// OnData is part of reactor.Handler.
func (w *flow) OnData(_ *reactor.Conn, in []byte) int {
	return eachDatagram(in, func(p []byte) {
		if !w.over {
			w.timer.Reset(w.f.svc.IdleTimeout)
			w.f.svc.out.Add(uint64(len(p)))
			w.e.SendFrom(p, w.peer, w.from)
		}
	})
}

// OnClose is part of reactor.Handler.
func (w *flow) OnClose(*reactor.Conn, error) {
	w.p.load.Add(-1)
	w.end()
}

// serveUDP opens a socket for the flow.
func (in *incoming) serveUDP() {
	t := in.v.target
	if t.Addr.IsValid() || t.Host == "localhost" {
		a := t.Addr
		if !a.IsValid() {
			a = netip.AddrFrom4([4]byte{127, 0, 0, 1})
		}
		in.openUDP(netip.AddrPortFrom(a, t.Port))
		return
	}
	err := in.near.Offload(func() {
		ctx, cancel := context.WithTimeout(context.Background(), in.l.a.timeout())
		defer cancel()
		addrs, err := in.l.a.lookup(ctx, t)
		if err != nil {
			in.refuse(codeOfTarget(err), err.Error())
			return
		}
		in.near.Post(func() { in.openUDP(addrs[0].(*net.TCPAddr).AddrPort()) })
	})
	if err != nil {
		in.refuse(wire.CodeLimit, "too many look-ups")
	}
}

// openUDP joins a new socket to the stream, on the link's loop.
func (in *incoming) openUDP(to netip.AddrPort) {
	from := netip.AddrPortFrom(netip.IPv4Unspecified(), 0)
	if to.Addr().Is6() {
		from = netip.AddrPortFrom(netip.IPv6Unspecified(), 0)
	}
	sock, err := udp.Config{}.Open(from)
	if err != nil {
		in.refuse(wire.CodeLimit, err.Error())
		return
	}
	w := &udpTarget{to: to}
	e, err := in.l.a.Reactor.OpenPacket(sock, reactor.PacketOptions{Near: in.near}, w)
	if err != nil {
		in.refuse(wire.CodeLimit, err.Error())
		return
	}
	w.e = e
	c, err := in.accept(in.secured((*udpStream)(w)))
	if err != nil {
		e.Close()
		return
	}
	w.c = c
}

// udpTarget joins a socket and a stream: the handler of the socket's endpoint.
type udpTarget struct {
	to    netip.AddrPort
	e     *reactor.Endpoint
	c     *reactor.Conn
	timer reactor.Timer
	buf   []byte
}

// OnOpen is part of reactor.PacketHandler.
func (w *udpTarget) OnOpen(e *reactor.Endpoint) {
	e.InitTimer(&w.timer, func() { w.c.Close() })
	w.timer.Reset(agentIdle)
}

// OnPacket is part of reactor.PacketHandler: datagrams of others than the target are not for the flow.
func (w *udpTarget) OnPacket(_ *reactor.Endpoint, p *reactor.Packet) {
	if p.Peer != w.to || p.Truncated || w.c == nil || w.c.OverHigh() {
		return
	}
	w.timer.Reset(agentIdle)
	w.buf = appendDatagram(w.buf[:0], p.Data)
	w.c.Write(w.buf)
}

// OnClose is part of reactor.PacketHandler.
func (w *udpTarget) OnClose(*reactor.Endpoint, error) {
	if w.c != nil {
		w.c.Close()
	}
}

// udpStream is the handler of the stream.
type udpStream udpTarget

// OnOpen is part of reactor.Handler.
func (w *udpStream) OnOpen(*reactor.Conn) {}

// OnData is part of reactor.Handler.
func (w *udpStream) OnData(_ *reactor.Conn, in []byte) int {
	return eachDatagram(in, func(p []byte) {
		w.timer.Reset(agentIdle)
		w.e.Send(p, w.to)
	})
}

// OnClose is part of reactor.Handler.
func (w *udpStream) OnClose(*reactor.Conn, error) { w.e.Close() }
