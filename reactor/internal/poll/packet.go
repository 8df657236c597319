package poll

import (
	"errors"
	"net"
	"net/netip"
	"syscall"
)

// MaxDatagram is the size of a buffer that takes any datagram.
const MaxDatagram = 64 << 10

// Datagram is one datagram on its way in or out.
type Datagram struct {
	// Data are its bytes. What Recv gives is the loop's own, valid until the next Recv.
	Data []byte
	// Peer is whom it comes from or goes to. IPv4 addresses are never mapped into IPv6 here.
	Peer netip.AddrPort
	// Local is our address: what it was sent to, or what it is to be sent from. Invalid: not known, or the system's choice.
	Local netip.Addr
	// Segment says that Data are several datagrams of so many bytes, the last one perhaps shorter; 0: one.
	Segment int
	// Interface is the index of the one that it came by; 0: not known.
	Interface int
	// Truncated: it was longer than the buffer. Broadcast: it was sent to a broadcast or multicast address.
	Truncated, Broadcast bool
}

// PacketSink receives the events of one PacketSource, on the loop.
type PacketSink interface {
	// Readable: Recv may give datagrams. Level-triggered.
	Readable()
	// Writable: Send may take some. Level-triggered while write interest is set.
	Writable()
	// Broken: the socket failed; nothing more comes.
	Broken(err error)
	// SendFailed: one that Send had taken could not be sent.
	SendFailed(to netip.AddrPort, err error)
}

// PacketSource is a datagram socket on a loop. All methods belong to the loop.
type PacketSource interface {
	// Recv gives up to limit datagrams, in a slice of the loop's own, or ErrAgain.
	Recv(limit int) ([]Datagram, error)
	// Send takes datagrams and returns how many. The error is about the first that it did not take: ErrAgain, wait for
	// Writable; any other, leave it out.
	Send(ds []Datagram) (int, error)
	// Segments is how many datagrams one call may carry in one Datagram with Segment set; 1: none but one.
	Segments() int
	// Interest says whether Writable is wanted, from the next Update on. Reading always is, from the first on.
	Interest(write bool)
	// Update applies Interest. In BatchEnd only.
	Update() error
	// Close ends it. In BatchEnd only.
	Close()
	// LocalAddr asks the system.
	LocalAddr() net.Addr
}

// PacketSocket is a bound datagram socket that has not been given to a loop yet.
type PacketSocket interface {
	LocalAddr() net.Addr
	Close() error
}

// DetachablePacket is a PacketSocket that gives away what it consists of: a non-blocking descriptor that the Go runtime does
// not poll, or else a net.PacketConn. It has nothing to close then.
type DetachablePacket interface {
	PacketSocket
	Detach() (fd int, pc net.PacketConn)
}

// PacketHandle is an open datagram socket on its way to a loop.
type PacketHandle struct {
	FD   int
	Conn net.PacketConn // used when not nil
}

// Close closes a PacketHandle that no loop took.
func (h PacketHandle) Close() {
	if h.Conn != nil {
		h.Conn.Close()
		return
	}
	if h.FD >= 0 {
		closeFD(h.FD)
	}
}

// errNotPacket says that a PacketSocket is neither of the kinds that there are, or was given away before.
var errNotPacket = errors.New("poll: not a datagram socket, or used before")

// adoptPacket takes a socket apart as far as any engine can.
func adoptPacket(s PacketSocket) (PacketHandle, error) {
	if d, ok := s.(DetachablePacket); ok {
		fd, pc := d.Detach()
		if fd < 0 && pc == nil {
			return PacketHandle{FD: -1}, errNotPacket
		}
		return PacketHandle{FD: fd, Conn: pc}, nil
	}
	if pc, ok := s.(net.PacketConn); ok {
		return PacketHandle{FD: -1, Conn: pc}, nil
	}
	return PacketHandle{FD: -1}, errNotPacket
}

// AdoptPacket carries the socket as it is.
func (PortableEngine) AdoptPacket(s PacketSocket) (PacketHandle, error) { return adoptPacket(s) }

// AttachPacket takes a net.PacketConn.
func (l *portableLoop) AttachPacket(h PacketHandle, s PacketSink) (PacketSource, error) {
	if h.Conn == nil {
		return nil, ErrUnsupported
	}
	return newConnPackets(l, h.Conn, s), nil
}

// packetFault is fault for datagram sockets: an injected EAGAIN is ErrAgain there, so that full sockets can be tested.
func packetFault(o Op) error {
	err := fault(o)
	if err == syscall.EAGAIN {
		return ErrAgain
	}
	return err
}

// unmapped is a with an IPv4 address as one.
func unmapped(a netip.AddrPort) netip.AddrPort { return netip.AddrPortFrom(a.Addr().Unmap(), a.Port()) }

// everyone says whether a is an address of many.
func everyone(a netip.Addr) bool {
	return a.IsMulticast() || a == netip.AddrFrom4([4]byte{255, 255, 255, 255})
}
