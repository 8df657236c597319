//go:build linux && (amd64 || arm64 || loong64)

package poll

import (
	"fmt"
	"net"
	"os"

	"golang.org/x/sys/unix"
)

// Dial connects first and registers then: an unconnected socket in epoll is at once hung up. A refusal arrives as a
// hang-up with SO_ERROR set. ErrAgain: the backlog of a unix listener is full; try later.
func (l *netpollLoop) Dial(t Target, s Sink) (Source, error) {
	family, sa, err := sockaddr(t.Remote)
	if err != nil {
		return nil, err
	}
	fd, err := unix.Socket(family, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, os.NewSyscallError("socket", err)
	}
	src := &fdSource{loop: l, sink: s, fd: fd}
	connected := false
	defer func() {
		if !connected { // also when Control panicked
			unix.Close(fd)
		}
	}()
	if err := connect(fd, family, sa, t); err != nil {
		return nil, err
	}
	connected = true
	if err := src.register(regConnect); err != nil {
		src.Close(false)
		return nil, os.NewSyscallError("epoll_ctl", err)
	}
	return src, nil
}

func connect(fd, family int, sa unix.Sockaddr, t Target) error {
	if family != unix.AF_UNIX { // as package net does; Control may set it back
		if err := unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_NODELAY, 1); err != nil {
			return os.NewSyscallError("setsockopt", err)
		}
	}
	if t.Control != nil {
		if err := t.Control(fd); err != nil {
			return err
		}
	}
	if t.Local != nil {
		lf, lsa, err := localSockaddr(family, t.Local)
		if err != nil {
			return err
		}
		if lf != family {
			return fmt.Errorf("poll: local address %v does not fit %v", t.Local, t.Remote)
		}
		if err := unix.Bind(fd, lsa); err != nil {
			return os.NewSyscallError("bind", err)
		}
	}
	err := fault(OpConnect)
	if err == nil {
		err = unix.Connect(fd, sa)
	}
	switch err {
	case nil, unix.EINPROGRESS, unix.EINTR:
		return nil
	case unix.EAGAIN:
		return ErrAgain
	}
	return os.NewSyscallError("connect", err)
}

func sockaddr(a net.Addr) (family int, sa unix.Sockaddr, err error) {
	switch a := a.(type) {
	case *net.TCPAddr:
		if ip4 := a.IP.To4(); ip4 != nil {
			return unix.AF_INET, &unix.SockaddrInet4{Port: a.Port, Addr: [4]byte(ip4)}, nil
		}
		if len(a.IP) == 0 {
			return unix.AF_INET, &unix.SockaddrInet4{Port: a.Port, Addr: [4]byte{127, 0, 0, 1}}, nil
		}
		if ip6 := a.IP.To16(); ip6 != nil {
			return unix.AF_INET6, &unix.SockaddrInet6{Port: a.Port, Addr: [16]byte(ip6), ZoneId: zoneID(a.Zone)}, nil
		}
	case *net.UnixAddr:
		return unix.AF_UNIX, &unix.SockaddrUnix{Name: a.Name}, nil
	}
	return 0, nil, fmt.Errorf("poll: cannot dial %v: not a TCP or unix address", a)
}

// localSockaddr is sockaddr for binding: no address means any, of the remote's family.
func localSockaddr(family int, a net.Addr) (int, unix.Sockaddr, error) {
	if t, ok := a.(*net.TCPAddr); ok && len(t.IP) == 0 {
		if family == unix.AF_INET6 {
			return family, &unix.SockaddrInet6{Port: t.Port}, nil
		}
		return family, &unix.SockaddrInet4{Port: t.Port}, nil
	}
	return sockaddr(a)
}
