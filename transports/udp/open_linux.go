//go:build linux && !portable

package udp

import (
	"errors"
	"net"
	"net/netip"
	"os"
	"strconv"

	"golang.org/x/sys/unix"
)

const sharding = true

// open makes one socket. An unspecified address takes both families where there is IPv6.
func open(c *Config, ap netip.AddrPort) (*Socket, error) {
	ip := ap.Addr()
	switch wild := !ip.IsValid() || ip.IsUnspecified(); {
	case c.Network == "udp4", !wild && ip.Is4():
		return openFamily(c, unix.AF_INET, false, ap)
	case !wild || c.Network == "udp6":
		return openFamily(c, unix.AF_INET6, wild, ap)
	}
	s, err := openFamily(c, unix.AF_INET6, false, ap)
	switch {
	case errors.Is(err, unix.EAFNOSUPPORT), errors.Is(err, unix.EADDRNOTAVAIL), errors.Is(err, unix.EPROTONOSUPPORT):
		return openFamily(c, unix.AF_INET, false, ap)
	}
	return s, err
}

func openFamily(c *Config, family int, v6only bool, ap netip.AddrPort) (*Socket, error) {
	fd, err := unix.Socket(family, unix.SOCK_DGRAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, os.NewSyscallError("socket", err)
	}
	if err := bind(c, fd, family, v6only, ap); err != nil {
		unix.Close(fd)
		return nil, err
	}
	return &Socket{fd: fd}, nil
}

func bind(c *Config, fd, family int, v6only bool, ap netip.AddrPort) error {
	six := family == unix.AF_INET6
	wild := !ap.Addr().IsValid() || ap.Addr().IsUnspecified()
	for _, o := range []struct {
		wanted             bool
		level, name, value int
	}{
		{six && wild, unix.IPPROTO_IPV6, unix.IPV6_V6ONLY, flag(v6only)},
		{six && wild, unix.IPPROTO_IPV6, unix.IPV6_RECVPKTINFO, 1},
		{!six && wild, unix.IPPROTO_IP, unix.IP_PKTINFO, 1},
		{c.ReusePort, unix.SOL_SOCKET, unix.SO_REUSEPORT, 1},
		{c.Broadcast, unix.SOL_SOCKET, unix.SO_BROADCAST, 1},
		{c.ReadBuffer > 0, unix.SOL_SOCKET, unix.SO_RCVBUF, c.ReadBuffer},
		{c.WriteBuffer > 0, unix.SOL_SOCKET, unix.SO_SNDBUF, c.WriteBuffer},
	} {
		if !o.wanted {
			continue
		}
		if err := unix.SetsockoptInt(fd, o.level, o.name, o.value); err != nil {
			return os.NewSyscallError("setsockopt", err)
		}
	}
	if c.Coalesce {
		unix.SetsockoptInt(fd, unix.IPPROTO_UDP, unix.UDP_GRO, 1) // a kernel before 5.0 does not know it
	}
	if c.Control != nil {
		if err := c.Control(fd); err != nil {
			return err
		}
	}
	return os.NewSyscallError("bind", unix.Bind(fd, sockaddr(six, ap)))
}

func flag(b bool) int {
	if b {
		return 1
	}
	return 0
}

func sockaddr(six bool, ap netip.AddrPort) unix.Sockaddr {
	ip := ap.Addr()
	if !six {
		sa := &unix.SockaddrInet4{Port: int(ap.Port())}
		if ip.Is4() {
			sa.Addr = ip.As4()
		}
		return sa
	}
	sa := &unix.SockaddrInet6{Port: int(ap.Port())}
	if ip.Is6() {
		sa.Addr, sa.ZoneId = ip.As16(), zone(ip.Zone())
	}
	return sa
}

func zone(name string) uint32 {
	if name == "" {
		return 0
	}
	if ifi, err := net.InterfaceByName(name); err == nil {
		return uint32(ifi.Index)
	}
	n, _ := strconv.ParseUint(name, 10, 32)
	return uint32(n)
}

func localAddr(s *Socket) net.Addr {
	sa, err := unix.Getsockname(s.fd)
	if err != nil {
		return &net.UDPAddr{}
	}
	switch sa := sa.(type) {
	case *unix.SockaddrInet4:
		return &net.UDPAddr{IP: net.IP(sa.Addr[:]), Port: sa.Port}
	case *unix.SockaddrInet6:
		return net.UDPAddrFromAddrPort(netip.AddrPortFrom(netip.AddrFrom16(sa.Addr), uint16(sa.Port)))
	}
	return &net.UDPAddr{}
}

func closeSocket(s *Socket) {
	if s.fd >= 0 {
		unix.Close(s.fd)
		s.fd = -1
	}
	if s.pc != nil {
		s.pc.Close()
		s.pc = nil
	}
}
