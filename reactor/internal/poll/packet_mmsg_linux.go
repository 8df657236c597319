//go:build linux && (amd64 || arm64 || loong64)

package poll

import (
	"net/netip"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

const (
	// recvBatch and sendBatch are the most datagrams of one recvmmsg and one sendmmsg.
	recvBatch = 16
	sendBatch = 64
	// maxZones bounds the names of interfaces that a loop remembers.
	maxZones = 256
)

type mmsghdr struct {
	hdr unix.Msghdr
	n   uint32
	_   [4]byte
}

// packetMsg is what one datagram needs beside its bytes.
type packetMsg struct {
	name unix.RawSockaddrInet6 // or its first part as a RawSockaddrInet4
	iov  unix.Iovec
	oob  [oobSize]byte
}

// packetBuffers are a loop's, shared by all its datagram sockets: 1 MiB to receive into, of which the pages that are never
// touched cost nothing.
type packetBuffers struct {
	in    [recvBatch]packetMsg
	inH   [recvBatch]mmsghdr
	out   [sendBatch]packetMsg
	outH  [sendBatch]mmsghdr
	bytes []byte
	got   [recvBatch]Datagram
	names map[uint32]string // of interfaces, by index
	ids   map[string]uint32
}

func newPacketBuffers() *packetBuffers {
	b := &packetBuffers{bytes: make([]byte, recvBatch*MaxDatagram), names: map[uint32]string{}, ids: map[string]uint32{}}
	for i := range b.in {
		m := &b.in[i]
		m.iov.Base = &b.bytes[i*MaxDatagram]
		m.iov.SetLen(MaxDatagram)
		h := &b.inH[i].hdr
		h.Name = (*byte)(unsafe.Pointer(&m.name))
		h.Iov, h.Control = &m.iov, &m.oob[0]
		h.SetIovlen(1)
	}
	for i := range b.out {
		m := &b.out[i]
		h := &b.outH[i].hdr
		h.Name, h.Iov = (*byte)(unsafe.Pointer(&m.name)), &m.iov
		h.SetIovlen(1)
	}
	return b
}

func (b *packetBuffers) recv(fd, limit int) ([]Datagram, error) {
	limit = min(limit, recvBatch)
	for i := range limit {
		h := &b.inH[i].hdr
		h.Namelen = uint32(unsafe.Sizeof(b.in[i].name))
		h.SetControllen(oobSize)
	}
	for {
		n, _, e := syscall.RawSyscall6(unix.SYS_RECVMMSG, uintptr(fd), uintptr(unsafe.Pointer(&b.inH[0])), uintptr(limit),
			unix.MSG_DONTWAIT, 0, 0)
		switch e {
		case 0:
			for i := range int(n) {
				b.take(i)
			}
			return b.got[:n], nil
		case syscall.EINTR:
		case syscall.EAGAIN:
			return nil, ErrAgain
		default:
			return nil, e
		}
	}
}

// take makes a Datagram of message i.
func (b *packetBuffers) take(i int) {
	m, h := &b.in[i], &b.inH[i]
	at := i * MaxDatagram
	d := &b.got[i]
	*d = Datagram{
		Data:      b.bytes[at : at+int(h.n) : at+MaxDatagram],
		Truncated: h.hdr.Flags&unix.MSG_TRUNC != 0,
		Peer:      b.peer(&m.name),
	}
	localOf(m.oob[:h.hdr.Controllen], d)
}

func (b *packetBuffers) peer(n *unix.RawSockaddrInet6) netip.AddrPort {
	if n.Family == unix.AF_INET {
		a := (*unix.RawSockaddrInet4)(unsafe.Pointer(n))
		return netip.AddrPortFrom(netip.AddrFrom4(a.Addr), swapped(a.Port))
	}
	ip := netip.AddrFrom16(n.Addr)
	switch {
	case ip.Is4In6():
		ip = ip.Unmap()
	case n.Scope_id != 0 && ip.IsLinkLocalUnicast():
		ip = ip.WithZone(b.zone(n.Scope_id))
	}
	return netip.AddrPortFrom(ip, swapped(n.Port))
}

// zone and zoneID ask the system once for each interface: it takes several system calls.
func (b *packetBuffers) zone(id uint32) string {
	name, ok := b.names[id]
	if !ok {
		if len(b.names) >= maxZones {
			clear(b.names)
		}
		name = zoneName(id)
		b.names[id] = name
	}
	return name
}

func (b *packetBuffers) zoneID(name string) uint32 {
	if name == "" {
		return 0
	}
	id, ok := b.ids[name]
	if !ok {
		if len(b.ids) >= maxZones {
			clear(b.ids)
		}
		id = zoneID(name)
		b.ids[name] = id
	}
	return id
}

func (b *packetBuffers) send(fd int, six bool, ds []Datagram) (int, error) {
	n := 0
	for n < len(ds) {
		k := min(len(ds)-n, sendBatch)
		for i := range k {
			b.fill(i, six, &ds[n+i])
		}
		sent, err := b.sendmmsg(fd, k)
		n += sent
		if err != nil {
			return n, err
		}
		// Less than all: the next call says why.
	}
	return n, nil
}

func (b *packetBuffers) sendmmsg(fd, k int) (int, error) {
	defer func() {
		for i := range k {
			b.out[i].iov.Base = nil // the bytes are the caller's
		}
	}()
	for {
		n, _, e := syscall.RawSyscall6(unix.SYS_SENDMMSG, uintptr(fd), uintptr(unsafe.Pointer(&b.outH[0])), uintptr(k),
			unix.MSG_DONTWAIT|unix.MSG_NOSIGNAL, 0, 0)
		switch e {
		case 0:
			return int(n), nil
		case syscall.EINTR:
		case syscall.EAGAIN:
			return 0, ErrAgain
		default:
			return 0, e
		}
	}
}

// fill makes message i of d.
func (b *packetBuffers) fill(i int, six bool, d *Datagram) {
	m, h := &b.out[i], &b.outH[i].hdr
	m.iov.Base = unsafe.SliceData(d.Data)
	m.iov.SetLen(len(d.Data))
	ip, port := d.Peer.Addr(), swapped(d.Peer.Port())
	if six {
		m.name = unix.RawSockaddrInet6{Family: unix.AF_INET6, Port: port, Addr: ip.As16(), Scope_id: b.zoneID(ip.Zone())}
		h.Namelen = unix.SizeofSockaddrInet6
	} else {
		a := (*unix.RawSockaddrInet4)(unsafe.Pointer(&m.name))
		*a = unix.RawSockaddrInet4{Family: unix.AF_INET, Port: port}
		if ip.Is4() {
			a.Addr = ip.As4()
		} else {
			a.Family = unix.AF_INET6 // which the socket refuses
		}
		h.Namelen = unix.SizeofSockaddrInet4
	}
	h.Control = nil
	h.SetControllen(0)
	oob := m.oob[:0]
	if d.Local.IsValid() {
		oob = appendLocal(oob, d.Local, six)
	}
	if d.Segment > 0 {
		oob = appendSegment(oob, d.Segment)
	}
	if len(oob) > 0 {
		h.Control = &oob[0]
		h.SetControllen(len(oob))
	}
}

// swapped turns a port to and from network order.
func swapped(p uint16) uint16 {
	b := (*[2]byte)(unsafe.Pointer(&p))
	return uint16(b[0])<<8 | uint16(b[1])
}
