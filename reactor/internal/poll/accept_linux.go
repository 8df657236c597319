//go:build linux && (amd64 || arm64 || loong64)

package poll

import (
	"net"
	"net/netip"
	"os"
	"syscall"
	"unsafe"

	"github.com/cloudwego/netpoll"
	"golang.org/x/sys/unix"
)

// fdAcceptor is a listening descriptor on a netpoll loop.
type fdAcceptor struct {
	loop   *netpollLoop
	sink   AcceptSink
	op     *netpoll.FDOperator
	fd     int
	spare  int // kept open so that there is one to accept with, and close, when there are no more; -1 if there is none
	on     bool
	closed bool
}

func newFDAcceptor(l *netpollLoop, fd int, s AcceptSink) *fdAcceptor {
	return &fdAcceptor{loop: l, sink: s, fd: fd, spare: openSpare()}
}

func openSpare() int {
	fd, err := unix.Open(os.DevNull, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return -1
	}
	return fd
}

func (a *fdAcceptor) Accept() (Handle, error) {
	if err := fault(OpAccept); err != nil {
		return Handle{FD: -1}, err
	}
	fd, remote, err := accept4(a.fd)
	return Handle{FD: fd, Remote: remote}, err
}

func accept4(ln int) (int, netip.AddrPort, error) {
	var rsa syscall.RawSockaddrAny
	size := uint32(unsafe.Sizeof(rsa))
	for {
		fd, _, e := syscall.RawSyscall6(syscall.SYS_ACCEPT4, uintptr(ln), uintptr(unsafe.Pointer(&rsa)),
			uintptr(unsafe.Pointer(&size)), syscall.SOCK_NONBLOCK|syscall.SOCK_CLOEXEC, 0, 0)
		switch e {
		case 0:
			return int(fd), rawAddrPort(&rsa), nil
		case syscall.EINTR:
		case syscall.EAGAIN:
			return -1, netip.AddrPort{}, ErrAgain
		default:
			return -1, netip.AddrPort{}, e
		}
	}
}

func (a *fdAcceptor) Shed() bool {
	if a.spare < 0 {
		if a.spare = openSpare(); a.spare < 0 {
			return false
		}
	}
	unix.Close(a.spare)
	a.spare = -1
	fd, _, err := accept4(a.fd)
	if err == nil {
		unix.Close(fd)
	}
	a.spare = openSpare()
	return err == nil
}

func (a *fdAcceptor) Enable(on bool) error {
	if a.closed || on == a.on {
		return nil
	}
	if !on {
		a.disable()
		return nil
	}
	if err := fault(OpRegister); err != nil {
		return err
	}
	a.op = a.loop.poll.Alloc()
	a.op.FD = a.fd
	a.op.OnRead = func(netpoll.Poll) error {
		if a.on && !a.closed {
			a.sink.Acceptable()
		}
		return nil
	}
	a.op.OnHup = func(netpoll.Poll) error { return nil }
	if err := a.op.Control(netpoll.PollReadable); err != nil {
		a.loop.free(a.op)
		a.op = nil
		return err
	}
	a.on = true
	return nil
}

func (a *fdAcceptor) disable() {
	a.on = false
	if a.op != nil {
		a.op.Control(netpoll.PollDetach)
		a.loop.free(a.op)
		a.op = nil
	}
}

func (a *fdAcceptor) Close() {
	if a.closed {
		return
	}
	a.disable()
	a.closed = true
	unix.Close(a.fd)
	if a.spare >= 0 {
		unix.Close(a.spare)
	}
}

// dupListener gives a duplicate of a listener's descriptor that the Go runtime does not poll: ErrUnsupported for a
// listener without one.
func dupListener(ln net.Listener) (int, error) {
	if f, ok := ln.(FDListener); ok {
		if fds := f.ListenFDs(); len(fds) > 0 {
			return dupFD(fds[0])
		}
	}
	switch ln.(type) {
	case *net.TCPListener, *net.UnixListener:
	default:
		return -1, ErrUnsupported
	}
	rc, err := ln.(syscall.Conn).SyscallConn()
	if err != nil {
		return -1, err
	}
	fd, derr := -1, error(nil)
	if err := rc.Control(func(s uintptr) { fd, derr = dupFD(int(s)) }); err != nil {
		return -1, err
	}
	if _, tcp := ln.(*net.TCPListener); tcp && derr == nil {
		// Accepted sockets inherit it. Package net sets it on each that it accepts.
		derr = unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_NODELAY, 1)
	}
	return fd, derr
}

func dupFD(fd int) (int, error) {
	d, err := unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		return -1, os.NewSyscallError("fcntl", err)
	}
	if err := unix.SetNonblock(d, true); err != nil {
		unix.Close(d)
		return -1, os.NewSyscallError("fcntl", err)
	}
	return d, nil
}

// Adopt turns an open net.Conn into a Handle: TCP and unix connections give a duplicate of their descriptor and are
// closed, which leaves the stream open; any other is carried as it is.
func (NetpollEngine) Adopt(nc net.Conn) (Handle, error) {
	switch nc.(type) {
	case *net.TCPConn, *net.UnixConn:
	default:
		return Handle{FD: -1, Conn: nc}, nil
	}
	rc, err := nc.(syscall.Conn).SyscallConn()
	if err != nil {
		return Handle{}, err
	}
	h, derr := Handle{FD: -1}, error(nil)
	if err := rc.Control(func(s uintptr) { h.FD, derr = dupFD(int(s)) }); err != nil {
		return Handle{}, err
	}
	if derr != nil {
		return Handle{}, derr
	}
	if a, ok := nc.RemoteAddr().(*net.TCPAddr); ok {
		ap := a.AddrPort()
		h.Remote = netip.AddrPortFrom(ap.Addr().Unmap(), ap.Port())
	}
	nc.Close()
	return h, nil
}
