package reactor

import (
	"errors"
	"net"
	"net/netip"

	"github.com/calandria-go/calandria/reactor/internal/poll"
)

// PacketHandler is what an Endpoint's datagrams are for. All its methods run on the endpoint's loop, one at a time, and must
// not block. A panic in one of them costs the datagram, the timer or the posted function that it was in: the endpoint is
// everybody's, and goes on.
type PacketHandler interface {
	// OnOpen says that the endpoint can send, and will receive. It comes first, in the batch in which OpenPacket was called.
	OnOpen(e *Endpoint)
	// OnPacket gives one datagram. p and its bytes are the loop's: valid until it returns.
	OnPacket(e *Endpoint, p *Packet)
	// OnClose comes exactly once, last, also if OnOpen never did since the socket could not be registered. err is nil after
	// Close, else what went wrong.
	OnClose(e *Endpoint, err error)
}

// PacketWritableHandler is for handlers that stop sending at ErrUnsent.
type PacketWritableHandler interface {
	// OnWritable says that the socket has taken all that was queued.
	OnWritable(e *Endpoint)
}

// PacketDrainHandler is for handlers that have something to finish when Shutdown begins. Without it the endpoint is closed.
type PacketDrainHandler interface {
	// OnDrain says that Shutdown began: finish what is in flight, then Close.
	OnDrain(e *Endpoint)
}

// SendErrorHandler is for handlers that want to know of datagrams that the system refuses, such as for want of a route.
type SendErrorHandler interface {
	// OnSendError says that a datagram to that address was not sent. It comes soon after Send, for one of several at most.
	OnSendError(e *Endpoint, to netip.AddrPort, err error)
}

// Packet is a datagram that came.
type Packet struct {
	// Data are its bytes.
	Data []byte
	// Peer is where it comes from. IPv4 addresses are always plain, also on a socket of both families.
	Peer netip.AddrPort
	// Local is the address that it was sent to, for SendFrom: a host with several addresses has to answer from that one.
	// Invalid where the system does not say.
	Local netip.Addr
	// Interface is the index of the network interface that it came by; 0: not known.
	Interface int
	// Truncated: the system cut it.
	Truncated bool
	// Broadcast: it was sent to a broadcast or multicast address. Few protocols may answer these.
	Broadcast bool
}

// PacketOptions are how an endpoint is run. The zero value is good.
type PacketOptions struct {
	// Near is a Conn or an Endpoint on whose loop it is to be, or a LoopNumber; nil: the loop with the fewest.
	Near interface{ LoopIndex() int }
	// Budget bounds the datagrams that are received in one turn; 0 or negative: 64.
	Budget int
	// MaxUnsent bounds the bytes of datagrams that wait because the socket has no room; 0: 256 KiB; negative: none wait.
	MaxUnsent int
}

// LoopNumber is the number of a loop, for PacketOptions.Near.
type LoopNumber int

// LoopIndex is n.
func (n LoopNumber) LoopIndex() int { return int(n) }

const (
	defaultPacketBudget = 64
	defaultPacketUnsent = 256 << 10
)

// PacketSocket is a bound datagram socket for OpenPacket: one of transports/udp, a *net.UDPConn, or any net.PacketConn whose
// addresses are *net.UDPAddr.
type PacketSocket interface {
	// LocalAddr is the address that it is bound to.
	LocalAddr() net.Addr
	// Close closes one that was not given to a reactor.
	Close() error
}

// ErrUnsent is returned by Endpoint.Send when more than PacketOptions.MaxUnsent would wait for the socket.
var ErrUnsent error = &reasonError{"reactor: too many unsent datagrams", "unsent", nil}

// OpenPacket makes an endpoint of a socket, which belongs to the reactor from now on, also after an error. It never waits: h
// hears OnOpen in the running batch of the loop, or in its next. The endpoint has a place in Config.MaxConns. Any
// goroutine. It costs some 400 bytes with the registration; the kernel's socket comes to that. No buffer is held while
// nothing is queued, and no goroutine unless the engine is the portable one.
func (r *Reactor) OpenPacket(s PacketSocket, o PacketOptions, h PacketHandler) (*Endpoint, error) {
	if r.err != nil {
		s.Close()
		return nil, r.err
	}
	if !r.reserve() {
		s.Close()
		return nil, ErrConnLimit
	}
	if r.draining() {
		s.Close()
		r.unreserve()
		return nil, ErrShutdown
	}
	ph, err := r.engine.AdoptPacket(s)
	if err != nil {
		s.Close()
		r.unreserve()
		return nil, err
	}
	member := r.placeNear(o.Near)
	e := &Endpoint{loop: r.loops[member], reactor: r, member: int32(member), id: connIDs.Add(1), handler: h}
	e.caps = packetCapsOf(h)
	e.budget, e.maxUnsent = defaultPacketBudget, defaultPacketUnsent
	if o.Budget > 0 {
		e.budget = o.Budget
	}
	switch {
	case o.MaxUnsent > 0:
		e.maxUnsent = o.MaxUnsent
	case o.MaxUnsent < 0:
		e.maxUnsent = 0
	}
	e.loop.ends.Add(1)
	e.loop.post(nil, func() { e.attach(ph) })
	return e, nil
}

// attach runs at the end of a batch: OnOpen, and then the registration.
func (e *Endpoint) attach(h poll.PacketHandle) {
	e.reactor.trackEndpoint(e)
	src, err := e.loop.poll.AttachPacket(h, (*packetSink)(e))
	if err != nil {
		h.Close()
		e.fail(err)
		return
	}
	e.src = src
	if src.Segments() > 1 {
		e.segment = maxPacket
	}
	e.state = endOpen
	e.turn(func() {
		e.handler.OnOpen(e)
		if e.reactor.draining() {
			e.drain()
		}
	})
	if e.unsent != nil && !e.closing.Load() {
		e.writable()
	}
	e.update()
}

// update brings the registration in line. In BatchEnd only.
func (e *Endpoint) update() {
	if e.state != endOpen {
		return
	}
	e.src.Interest(e.unsent != nil)
	if err := e.src.Update(); err != nil {
		e.fail(err)
	}
}

// What a PacketHandler implements beside it.
const (
	packetWritable = 1 << iota
	packetDrain
	packetSendError
)

func packetCapsOf(h PacketHandler) (k uint8) {
	if _, ok := h.(PacketWritableHandler); ok {
		k |= packetWritable
	}
	if _, ok := h.(PacketDrainHandler); ok {
		k |= packetDrain
	}
	if _, ok := h.(SendErrorHandler); ok {
		k |= packetSendError
	}
	return k
}

// eachEndpoint runs f in a turn of every endpoint, and returns when all loops have done so.
func (r *Reactor) eachEndpoint(f func(*Endpoint)) {
	done := make(chan struct{}, len(r.members))
	for _, m := range r.members {
		m.loop.post(nil, func() {
			defer func() { done <- struct{}{} }()
			for e := m.ends; e != nil; {
				next := e.next
				e.turn(func() { f(e) })
				e = next
			}
		})
	}
	for range r.members {
		<-done
	}
}

// trackEndpoint and untrackEndpoint keep the list of a loop's endpoints. Loop only.
func (r *Reactor) trackEndpoint(e *Endpoint) {
	m := r.members[e.member]
	if e.next = m.ends; e.next != nil {
		e.next.prev = e
	}
	m.ends = e
}

func (r *Reactor) untrackEndpoint(e *Endpoint) {
	if e.prev != nil {
		e.prev.next = e.next
	} else {
		r.members[e.member].ends = e.next
	}
	if e.next != nil {
		e.next.prev = e.prev
	}
	e.next, e.prev = nil, nil
}

// load is what placement goes by.
func (l *loop) load() int64 { return l.conns.Load() + l.ends.Load() }

// errPacketAddress says that a datagram has no address to go to.
var errPacketAddress = errors.New("reactor: datagram without a valid address and port")
