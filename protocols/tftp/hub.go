package tftp

import (
	"errors"
	"hash/maphash"
	"math/rand/v2"
	"net/netip"
	"sync/atomic"
	"time"

	"github.com/calandria-go/calandria/protocols/tftp/transfer"
	"github.com/calandria-go/calandria/protocols/tftp/wire"
	"github.com/calandria-go/calandria/reactor"
	"github.com/calandria-go/calandria/transports/udp"
)

// hub is a socket that requests come to, with the transfers that began there. Loop only.
type hub struct {
	server   *Server
	end      atomic.Pointer[reactor.Endpoint] // set in OnOpen; read by others
	bound    netip.Addr
	sessions map[netip.AddrPort]*session // by the client's address
	waiting  []*session                  // for room in the socket
	scratch  [128]byte
}

var seed = maphash.MakeSeed()

// stale is how long a client must have been silent before the same request from the same port begins anew: it has been
// restarted, which takes longer. Before that it is a duplicate: one that waited in the socket of a busy server must not end its
// own transfer.
const stale = 10 * time.Second

func (h *hub) OnOpen(e *reactor.Endpoint) { h.end.Store(e) }

// OnPacket takes requests, and on a single port everything.
func (h *hub) OnPacket(e *reactor.Endpoint, p *reactor.Packet) {
	pkt, err := wire.Parse(p.Data)
	if err == nil && pkt.Op != wire.OpRRQ && pkt.Op != wire.OpWRQ {
		if s := h.sessions[p.Peer]; s != nil && s.end == e {
			s.handle(&pkt)
			return
		}
		h.server.counts.strangers.Add(1)
		h.reply(e, p, transfer.Stranger(p.Data, h.scratch[:0]))
		return
	}
	if err != nil && !request(p.Data) {
		if s := h.sessions[p.Peer]; s == nil || s.end != e {
			h.server.counts.strangers.Add(1)
		}
		return // damaged, and as good as lost
	}
	if p.Broadcast {
		h.server.counts.broadcasts.Add(1) // RFC 1123 4.2.3.5: not to be answered
		return
	}
	if err != nil {
		h.server.counts.malformed.Add(1)
		h.refuse(e, p, Request{Client: p.Peer, Local: p.Local, Size: -1}, err)
		return
	}
	h.begin(e, p, &pkt)
}

// request says whether what does not parse has the opcode of a request.
func request(b []byte) bool { return len(b) >= 2 && b[0] == 0 && (b[1] == 1 || b[1] == 2) }

// begin takes a request.
func (h *hub) begin(e *reactor.Endpoint, p *reactor.Packet, pkt *wire.Packet) {
	sum := maphash.Bytes(seed, p.Data)
	now := e.Now()
	if old := h.sessions[p.Peer]; old != nil {
		if old.sum == sum && !old.ended() && now.Sub(old.heard) < stale {
			h.server.counts.repeated.Add(1)
			old.repeat()
			return
		}
		old.replaced()
	}
	req := Request{
		Name: string(pkt.Filename), Client: p.Peer, Local: p.Local, Write: pkt.Op == wire.OpWRQ, Mode: pkt.Mode, Size: -1,
	}
	req.Asked = req.Name
	if v, _, ok := pkt.Options.Get(wire.OptTransferSize); ok && req.Write && v > 0 {
		req.Size = v
	}
	srv := h.server
	var err error
	switch {
	case !req.Write && srv.Source == nil:
		err = errNoRead
	case req.Write && srv.Sink == nil:
		err = errNoWrite
	case srv.reactor.MemoryStats().Level != reactor.MemoryFine:
		err = errMemory
	default:
		err = srv.admit(p.Peer.Addr())
	}
	if err != nil {
		h.refuse(e, p, req, err)
		return
	}
	s := &session{
		hub: h, id: srv.ids.Add(1), req: req, raw: append([]byte(nil), p.Data...), sum: sum, began: now, heard: now, size: -1,
	}
	s.peer, s.local, s.all, s.pace.rate = p.Peer, p.Local, srv.all, srv.TransferRate
	if req.Write {
		srv.counts.writes.Add(1)
	} else {
		srv.counts.reads.Add(1)
	}
	srv.counts.active.Add(1)
	h.sessions[p.Peer] = s
	s.open(e)
}

// refuse answers a request with an ERROR.
func (h *hub) refuse(e *reactor.Endpoint, p *reactor.Packet, req Request, err error) {
	h.reply(e, p, wire.AppendError(h.scratch[:0], codeOf(err)))
	h.server.refused(req, e.Now(), err)
}

func (h *hub) reply(e *reactor.Endpoint, p *reactor.Packet, b []byte) {
	if b != nil && !p.Broadcast {
		e.SendFrom(b, p.Peer, p.Local)
	}
}

// OnWritable lets those go on that waited for room.
func (h *hub) OnWritable(*reactor.Endpoint) {
	waiting := h.waiting
	h.waiting = nil
	for _, s := range waiting {
		s.queued = false
		if s.m != nil {
			s.drive()
		}
	}
}

// OnDrain has the transfers end first.
func (h *hub) OnDrain(e *reactor.Endpoint) {
	s := h.server
	s.mu.Lock()
	s.draining = true
	s.mu.Unlock()
	h.drained()
}

// drained closes the socket when nothing is left to do.
func (h *hub) drained() {
	s := h.server
	s.mu.Lock()
	draining := s.draining
	s.mu.Unlock()
	if e := h.end.Load(); draining && len(h.sessions) == 0 && e.Reactor().Draining() {
		e.CloseWith(reactor.ErrShutdown)
	}
}

// OnClose ends the transfers that are left.
func (h *hub) OnClose(*reactor.Endpoint, error) { h.abort() }

// abort ends all transfers with ERROR 0.
func (h *hub) abort() {
	for _, s := range h.sessions {
		s.abort(errShutdown)
	}
}

func (h *hub) active(most int) []Info {
	var all []Info
	for _, s := range h.sessions {
		if most > 0 && len(all) >= most {
			break
		}
		if !s.told {
			all = append(all, s.info())
		}
	}
	return all
}

// errNoPort says that all ports of the range are taken.
var errNoPort = errors.New("tftp: no port of the range is free")

// portTries bounds the ports that are tried of a range.
const portTries = 32

// openPort opens a socket for one transfer, on the address that the request was sent to.
func (h *hub) openPort(s *session) error {
	ip := s.local
	if !ip.IsValid() {
		ip = h.bound
	}
	if ip.IsLinkLocalUnicast() && ip.Is6() {
		ip = ip.WithZone(s.peer.Addr().Zone())
	}
	srv := h.server
	var socket *udp.Socket
	var err error
	if srv.PortHigh != 0 {
		socket, err = h.openInRange(ip)
	} else {
		socket, err = udp.Config{}.Open(netip.AddrPortFrom(ip, 0))
	}
	if err != nil {
		return err
	}
	s.local = netip.Addr{} // the socket's own
	_, err = srv.reactor.OpenPacket(socket, reactor.PacketOptions{Near: h.end.Load()}, (*transferSocket)(s))
	return err
}

func (h *hub) openInRange(ip netip.Addr) (*udp.Socket, error) {
	low, n := int(h.server.PortLow), int(h.server.PortHigh)-int(h.server.PortLow)+1
	start := rand.IntN(n)
	for i := range min(n, portTries) {
		port := low + (start+i)%n
		if s, err := (udp.Config{}).Open(netip.AddrPortFrom(ip, uint16(port))); err == nil {
			return s, nil
		}
	}
	return nil, errNoPort
}
