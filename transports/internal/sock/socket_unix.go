//go:build unix

package sock

import (
	"net"
	"os"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"
)

// Socket is a listening descriptor that is not in the Go runtime's epoll set: there every connection would wake a thread
// for nothing while the reactor's own set accepts it. Only a direct Accept puts a duplicate there.
type Socket struct {
	addr net.Addr

	mu  sync.Mutex
	fd  int          // -1 when closed
	std net.Listener // made by the first Accept
}

// New takes over fd, which is bound, listening, non-blocking and close-on-exec.
func New(fd int, addr net.Addr) *Socket { return &Socket{fd: fd, addr: addr} }

// FD is the descriptor, or -1 when closed. It stays the Socket's own.
func (s *Socket) FD() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.fd
}

// Addr is the address that it is bound to.
func (s *Socket) Addr() net.Addr { return s.addr }

// Accept waits for a connection, by a duplicate of the descriptor that package net makes on the first call.
func (s *Socket) Accept() (net.Conn, error) {
	std, err := s.listener()
	if err != nil {
		return nil, err
	}
	return std.Accept()
}

func (s *Socket) listener() (net.Listener, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.fd < 0:
		return nil, s.closedError("accept")
	case s.std != nil:
		return s.std, nil
	}
	fd, err := Dup(s.fd)
	if err != nil {
		return nil, &net.OpError{Op: "accept", Net: s.addr.Network(), Addr: s.addr, Err: err}
	}
	f := os.NewFile(uintptr(fd), "listener")
	defer f.Close() // FileListener makes a duplicate of its own
	s.std, err = net.FileListener(f)
	return s.std, err
}

// Close ends a waiting Accept and closes the descriptor. A second call returns net.ErrClosed.
func (s *Socket) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.fd < 0 {
		return s.closedError("close")
	}
	if s.std != nil {
		s.std.Close()
	}
	err := unix.Close(s.fd)
	s.fd = -1
	return os.NewSyscallError("close", err)
}

func (s *Socket) closedError(op string) error {
	return &net.OpError{Op: op, Net: s.addr.Network(), Addr: s.addr, Err: net.ErrClosed}
}

// Dup duplicates fd, close-on-exec.
func Dup(fd int) (int, error) {
	d, err := unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, 0)
	return d, os.NewSyscallError("fcntl", err)
}

// Take gives a duplicate of a listener's descriptor, which the runtime does not poll, and closes the listener.
func Take(ln interface {
	net.Listener
	syscall.Conn
},
) (*Socket, error) {
	rc, err := ln.SyscallConn()
	if err != nil {
		return nil, err
	}
	fd, derr := -1, error(nil)
	if err := rc.Control(func(s uintptr) { fd, derr = Dup(int(s)) }); err != nil {
		return nil, err
	}
	if derr != nil {
		return nil, derr
	}
	s := New(fd, ln.Addr())
	ln.Close()
	return s, nil
}
