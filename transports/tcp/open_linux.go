//go:build linux && !portable

package tcp

import (
	"errors"
	"math"
	"net"
	"net/netip"
	"os"
	"strconv"

	"golang.org/x/sys/unix"

	"github.com/calandria-go/calandria/transports/internal/sock"
)

// open makes one listening socket. An unspecified address takes both families where there is IPv6.
func open(c *Config, ap netip.AddrPort) (net.Listener, error) {
	ip := ap.Addr()
	switch wild := !ip.IsValid() || ip.IsUnspecified(); {
	case c.Network == "tcp4", !wild && ip.Is4():
		return openFamily(c, unix.AF_INET, false, ap)
	case !wild || c.Network == "tcp6":
		return openFamily(c, unix.AF_INET6, wild, ap)
	}
	ln, err := openFamily(c, unix.AF_INET6, false, ap)
	switch {
	case errors.Is(err, unix.EAFNOSUPPORT), errors.Is(err, unix.EADDRNOTAVAIL), errors.Is(err, unix.EPROTONOSUPPORT):
		return openFamily(c, unix.AF_INET, false, ap)
	}
	return ln, err
}

func openFamily(c *Config, family int, v6only bool, ap netip.AddrPort) (*sock.Socket, error) {
	fd, err := unix.Socket(family, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, os.NewSyscallError("socket", err)
	}
	addr, err := listen(c, fd, family, v6only, ap)
	if err != nil {
		unix.Close(fd)
		return nil, err
	}
	return sock.New(fd, addr), nil
}

func listen(c *Config, fd, family int, v6only bool, ap netip.AddrPort) (net.Addr, error) {
	if family == unix.AF_INET6 {
		if err := set(fd, unix.IPPROTO_IPV6, unix.IPV6_V6ONLY, flag(v6only)); err != nil {
			return nil, err
		}
	}
	if err := c.options(fd); err != nil {
		return nil, err
	}
	if err := unix.Bind(fd, sockaddr(family, ap)); err != nil {
		return nil, os.NewSyscallError("bind", err)
	}
	if err := unix.Listen(fd, c.backlog()); err != nil {
		return nil, os.NewSyscallError("listen", err)
	}
	sa, err := unix.Getsockname(fd)
	if err != nil {
		return nil, os.NewSyscallError("getsockname", err)
	}
	switch sa := sa.(type) {
	case *unix.SockaddrInet4:
		return &net.TCPAddr{IP: sa.Addr[:], Port: sa.Port}, nil
	case *unix.SockaddrInet6:
		return &net.TCPAddr{IP: sa.Addr[:], Port: sa.Port, Zone: ap.Addr().Zone()}, nil
	}
	return nil, errors.ErrUnsupported
}

// backlog is what listen(2) gets; the kernel cuts it to net.core.somaxconn.
func (c *Config) backlog() int {
	if c.Backlog > 0 {
		return c.Backlog
	}
	return math.MaxInt32
}

func sockaddr(family int, ap netip.AddrPort) unix.Sockaddr {
	ip := ap.Addr()
	if family == unix.AF_INET {
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
	if ifi, err := net.InterfaceByName(name); err == nil {
		return uint32(ifi.Index)
	}
	n, _ := strconv.ParseUint(name, 10, 32)
	return uint32(n)
}

// adopt takes a listener's descriptor from the Go runtime's set.
func adopt(c *Config, t *net.TCPListener) (net.Listener, error) {
	s, err := sock.Take(t)
	if err != nil {
		return nil, err
	}
	if err = c.inherited(s.FD()); err == nil {
		err = c.relisten(s.FD())
	}
	if err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
}
