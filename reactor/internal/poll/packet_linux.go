//go:build linux && (amd64 || arm64 || loong64)

package poll

import (
	"net"
	"net/netip"
	"sync"
	"syscall"

	"github.com/cloudwego/netpoll"
	"golang.org/x/sys/unix"
)

// fdPackets is a datagram descriptor on a netpoll loop. It is never connected and never asks for errors (IP_RECVERR): an
// ICMP error would else be an event that nobody can take, and spin the loop.
type fdPackets struct {
	loop *netpollLoop
	sink PacketSink
	op   *netpoll.FDOperator
	fd   int

	six                bool
	wantWrite, writing bool
	registered, closed bool
	broken             bool
}

// AdoptPacket takes a socket apart. Of a *net.UDPConn it takes a duplicate of the descriptor and closes it; any other
// net.PacketConn is carried as it is.
func (NetpollEngine) AdoptPacket(s PacketSocket) (PacketHandle, error) {
	h, err := adoptPacket(s)
	if err != nil {
		return h, err
	}
	u, ok := h.Conn.(*net.UDPConn)
	if !ok || u == nil {
		return h, nil
	}
	rc, err := u.SyscallConn()
	if err != nil {
		return h, err
	}
	if a, ok := u.LocalAddr().(*net.UDPAddr); ok && a.IP.IsUnspecified() {
		wantLocal(u, a.IP.To4() == nil)
	}
	fd, derr := -1, error(nil)
	if err := rc.Control(func(s uintptr) { fd, derr = dupFD(int(s)) }); err != nil {
		return h, err
	}
	if derr != nil {
		return h, derr
	}
	u.Close()
	return PacketHandle{FD: fd}, nil
}

// AttachPacket registers a descriptor, or a net.PacketConn with goroutines of its own.
func (l *netpollLoop) AttachPacket(h PacketHandle, s PacketSink) (PacketSource, error) {
	if h.Conn != nil {
		return newConnPackets(l, h.Conn, s), nil
	}
	family, err := unix.GetsockoptInt(h.FD, unix.SOL_SOCKET, unix.SO_DOMAIN)
	if err != nil {
		return nil, err
	}
	if l.packets == nil {
		l.packets = newPacketBuffers()
	}
	return &fdPackets{loop: l, sink: s, fd: h.FD, six: family == unix.AF_INET6}, nil
}

// Recv is one recvmmsg.
func (p *fdPackets) Recv(limit int) ([]Datagram, error) {
	if err := packetFault(OpRead); err != nil {
		return nil, err
	}
	return p.loop.packets.recv(p.fd, limit)
}

// Send is one sendmmsg.
func (p *fdPackets) Send(ds []Datagram) (int, error) {
	if err := packetFault(OpWrite); err != nil {
		return 0, err
	}
	return p.loop.packets.send(p.fd, p.six, ds)
}

// segments asks the kernel once whether it knows UDP_SEGMENT.
var segments = sync.OnceValue(func() int {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return 1
	}
	defer unix.Close(fd)
	if _, err := unix.GetsockoptInt(fd, unix.IPPROTO_UDP, unix.UDP_SEGMENT); err != nil {
		return 1
	}
	return 64 // UDP_MAX_SEGMENTS of every kernel that has it
})

func (p *fdPackets) Segments() int { return segments() }

func (p *fdPackets) Interest(write bool) { p.wantWrite = write }

func (p *fdPackets) Update() error {
	if p.closed || p.broken {
		return nil
	}
	if !p.registered || p.wantWrite != p.writing {
		if err := fault(OpRegister); err != nil {
			return err
		}
	}
	if !p.registered {
		if err := p.register(); err != nil {
			return err
		}
	}
	if p.wantWrite == p.writing {
		return nil
	}
	event := netpoll.PollRW2R
	if p.wantWrite {
		p.op.OnWrite = p.onWrite
		event = netpoll.PollR2RW
	}
	p.writing = p.wantWrite
	return p.op.Control(event)
}

func (p *fdPackets) register() error {
	p.op = p.loop.poll.Alloc()
	p.op.FD = p.fd
	p.op.OnRead = p.onRead
	p.op.OnHup = p.onHup
	if err := p.op.Control(netpoll.PollReadable); err != nil {
		p.loop.free(p.op)
		p.op = nil
		return err
	}
	p.registered = true
	return nil
}

func (p *fdPackets) onRead(netpoll.Poll) error {
	if !p.closed {
		p.sink.Readable()
	}
	return nil
}

func (p *fdPackets) onWrite(netpoll.Poll) error {
	if !p.closed && p.wantWrite {
		p.sink.Writable()
	}
	return nil
}

// onHup runs on netpoll's goroutine: the socket has an error of its own, as when an administrator destroys it (ss -K).
// netpoll has forgotten the operator.
func (p *fdPackets) onHup(netpoll.Poll) error {
	p.loop.post(p)
	return nil
}

// dispatch is what onHup posts.
func (p *fdPackets) dispatch() {
	if p.closed || p.broken {
		return
	}
	p.broken = true
	err := socketError(p.fd)
	if err == nil {
		err = syscall.ECONNABORTED
	}
	p.sink.Broken(err)
}

// Close is detach, Free, close, in this order.
func (p *fdPackets) Close() {
	if p.closed {
		return
	}
	fault(OpClose)
	p.closed = true
	if p.op != nil {
		p.op.Control(netpoll.PollDetach)
		p.loop.free(p.op)
		p.op = nil
	}
	unix.Close(p.fd)
}

func (p *fdPackets) LocalAddr() net.Addr {
	sa, err := unix.Getsockname(p.fd)
	if err != nil {
		return nil
	}
	switch a := sa.(type) {
	case *unix.SockaddrInet4:
		return net.UDPAddrFromAddrPort(netip.AddrPortFrom(netip.AddrFrom4(a.Addr), uint16(a.Port)))
	case *unix.SockaddrInet6:
		ip := netip.AddrFrom16(a.Addr).Unmap()
		if a.ZoneId != 0 {
			ip = ip.WithZone(zoneName(a.ZoneId))
		}
		return net.UDPAddrFromAddrPort(netip.AddrPortFrom(ip, uint16(a.Port)))
	}
	return nil
}
