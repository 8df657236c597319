package poll

import (
	"encoding/binary"
	"net"
	"net/netip"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Our own address of a datagram, in control messages: IP_PKTINFO and IPV6_PKTINFO. A socket of both families has the latter
// for both, with IPv4 addresses mapped.

// oobSize has room for the control messages that are asked for.
const oobSize = 96

// setLocal asks for them.
func setLocal(fd int, six bool) error {
	if six {
		return unix.SetsockoptInt(fd, unix.IPPROTO_IPV6, unix.IPV6_RECVPKTINFO, 1)
	}
	return unix.SetsockoptInt(fd, unix.IPPROTO_IP, unix.IP_PKTINFO, 1)
}

// wantLocal is setLocal for a socket of package net.
func wantLocal(u *net.UDPConn, six bool) bool {
	rc, err := u.SyscallConn()
	if err != nil {
		return false
	}
	ok := false
	rc.Control(func(fd uintptr) { ok = setLocal(int(fd), six) == nil })
	return ok
}

func truncated(flags int) bool { return flags&unix.MSG_TRUNC != 0 }

// localOf reads what the kernel said of d.
func localOf(oob []byte, d *Datagram) {
	for len(oob) >= unix.SizeofCmsghdr {
		h := (*unix.Cmsghdr)(unsafe.Pointer(&oob[0]))
		size := int(h.Len)
		if size < unix.SizeofCmsghdr || size > len(oob) {
			return
		}
		data := oob[unix.CmsgLen(0):size]
		switch {
		case h.Level == unix.IPPROTO_IP && h.Type == unix.IP_PKTINFO && len(data) >= unix.SizeofInet4Pktinfo:
			i := (*unix.Inet4Pktinfo)(unsafe.Pointer(&data[0]))
			d.Interface, d.Local = int(i.Ifindex), netip.AddrFrom4(i.Spec_dst)
			d.Broadcast = i.Addr != i.Spec_dst
		case h.Level == unix.IPPROTO_IPV6 && h.Type == unix.IPV6_PKTINFO && len(data) >= unix.SizeofInet6Pktinfo:
			i := (*unix.Inet6Pktinfo)(unsafe.Pointer(&data[0]))
			d.Interface, d.Local = int(i.Ifindex), netip.AddrFrom16(i.Addr).Unmap()
			d.Broadcast = everyone(d.Local)
		case h.Level == unix.IPPROTO_UDP && h.Type == unix.UDP_GRO && len(data) >= 4:
			if n := int(binary.NativeEndian.Uint32(data)); n > 0 && n < len(d.Data) {
				d.Segment = n
			}
		}
		next := unix.CmsgSpace(size - unix.CmsgLen(0))
		if next >= len(oob) {
			return
		}
		oob = oob[next:]
	}
}

// appendLocal has a datagram sent from a.
func appendLocal(b []byte, a netip.Addr, six bool) []byte {
	if six {
		b, data := appendCmsg(b, unix.IPPROTO_IPV6, unix.IPV6_PKTINFO, unix.SizeofInet6Pktinfo)
		(*unix.Inet6Pktinfo)(unsafe.Pointer(&data[0])).Addr = a.As16()
		return b
	}
	if !a.Is4() {
		return b
	}
	b, data := appendCmsg(b, unix.IPPROTO_IP, unix.IP_PKTINFO, unix.SizeofInet4Pktinfo)
	(*unix.Inet4Pktinfo)(unsafe.Pointer(&data[0])).Spec_dst = a.As4()
	return b
}

// appendSegment has b's datagram cut into several (UDP_SEGMENT).
func appendSegment(b []byte, size int) []byte {
	b, data := appendCmsg(b, unix.IPPROTO_UDP, unix.UDP_SEGMENT, 2)
	binary.NativeEndian.PutUint16(data, uint16(size))
	return b
}

// appendCmsg appends one control message of n zero bytes, and gives these.
func appendCmsg(b []byte, level, kind int32, n int) (all, data []byte) {
	at, space := len(b), unix.CmsgSpace(n)
	for range space {
		b = append(b, 0)
	}
	h := (*unix.Cmsghdr)(unsafe.Pointer(&b[at]))
	h.Level, h.Type = level, kind
	h.SetLen(unix.CmsgLen(n))
	return b, b[at+unix.CmsgLen(0) : at+space]
}
