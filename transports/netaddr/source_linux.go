package netaddr

import (
	"net/netip"
	"os"

	"golang.org/x/sys/unix"
)

// sourceAddr asks by a socket that is not in the runtime's epoll set, which costs a tenth.
func sourceAddr(to netip.Addr) (netip.Addr, error) {
	var family int
	var sa unix.Sockaddr
	switch {
	case to.Is4():
		family, sa = unix.AF_INET, &unix.SockaddrInet4{Port: discard, Addr: to.As4()}
	case to.Is6() && to.Zone() == "":
		family, sa = unix.AF_INET6, &unix.SockaddrInet6{Port: discard, Addr: to.As16()}
	default:
		return askNet(to)
	}
	fd, err := unix.Socket(family, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return netip.Addr{}, os.NewSyscallError("socket", err)
	}
	defer unix.Close(fd)
	if err := unix.Connect(fd, sa); err != nil {
		return netip.Addr{}, os.NewSyscallError("connect", err)
	}
	name, err := unix.Getsockname(fd)
	if err != nil {
		return netip.Addr{}, os.NewSyscallError("getsockname", err)
	}
	switch sa := name.(type) {
	case *unix.SockaddrInet4:
		return netip.AddrFrom4(sa.Addr), nil
	case *unix.SockaddrInet6:
		return netip.AddrFrom16(sa.Addr).Unmap(), nil
	}
	return netip.Addr{}, os.NewSyscallError("getsockname", unix.EAFNOSUPPORT)
}
