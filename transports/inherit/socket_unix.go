//go:build unix

package inherit

import (
	"context"
	"fmt"
	"net"
	"net/url"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/calandria-go/calandria/reactor"
	"github.com/calandria-go/calandria/transports"
	"github.com/calandria-go/calandria/transports/internal/sock"
	"github.com/calandria-go/calandria/transports/tcp"
	unixsock "github.com/calandria-go/calandria/transports/unix"
)

const (
	// envSockets has the names of the sockets that a successor gets, query-escaped, with commas between; the descriptors begin
	// at firstFD + 1, behind the one for Ready.
	envSockets = "CALANDRIA_INHERIT"
	firstFD    = 3 // SD_LISTEN_FDS_START
	// maxSockets bounds what an environment may claim.
	maxSockets = 1024
)

// load reads the environment once.
func (p *state) load() error {
	p.once.Do(func() {
		p.err = p.read(os.Getenv, os.Getpid())
		for _, k := range []string{envSockets, "LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES", "LISTEN_PIDFDID"} {
			os.Unsetenv(k)
		}
	})
	return p.err
}

func (p *state) read(getenv func(string) string, pid int) error {
	if v := getenv(envSockets); v != "" {
		return p.fromBefore(v)
	}
	// Without our own number the variables are another process's, from which we have inherited them by mistake.
	if n, err := strconv.Atoi(getenv("LISTEN_PID")); err != nil || n != pid {
		return nil
	}
	n, err := strconv.Atoi(getenv("LISTEN_FDS"))
	if err != nil || n < 0 || n > maxSockets {
		return fmt.Errorf("inherit: LISTEN_FDS is %q", getenv("LISTEN_FDS"))
	}
	var names []string
	if v := getenv("LISTEN_FDNAMES"); v != "" {
		names = strings.Split(v, ":")
	}
	for i := range n {
		name := "unknown" // what sd_listen_fds_with_names(3) says
		if i < len(names) {
			name = names[i]
		}
		if err := p.add(firstFD+i, name, false); err != nil {
			return err
		}
	}
	return nil
}

// fromBefore takes what the process before has passed on. "-" stands for no sockets.
func (p *state) fromBefore(v string) error {
	unix.CloseOnExec(firstFD)
	p.ready = firstFD
	if v == "-" {
		return nil
	}
	list := strings.Split(v, ",")
	if len(list) > maxSockets {
		return fmt.Errorf("inherit: %s names %d sockets", envSockets, len(list))
	}
	for i, one := range list {
		name, err := url.QueryUnescape(one)
		if err != nil {
			return fmt.Errorf("inherit: %s: %w", envSockets, err)
		}
		if err := p.add(firstFD+1+i, name, true); err != nil {
			return err
		}
	}
	return nil
}

// add checks a descriptor. What is no listening stream socket is an error: the process was started in another way than it
// is made for, and to guess would hide it.
func (p *state) add(fd int, name string, old bool) error {
	addr, err := listening(fd)
	if err != nil {
		return fmt.Errorf("inherit: descriptor %d (%s): %w", fd, name, err)
	}
	unix.CloseOnExec(fd)
	p.given = append(p.given, socket{fd, name, addr, old})
	return nil
}

// listening gives the address of a listening stream socket.
func listening(fd int) (net.Addr, error) {
	typ, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_TYPE)
	switch {
	case err != nil:
		return nil, os.NewSyscallError("getsockopt", err)
	case typ != unix.SOCK_STREAM:
		return nil, fmt.Errorf("socket of type %d, not a stream", typ)
	}
	on, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_ACCEPTCONN)
	switch {
	case err != nil:
		return nil, os.NewSyscallError("getsockopt", err)
	case on == 0:
		return nil, fmt.Errorf("socket does not listen")
	}
	sa, err := unix.Getsockname(fd)
	if err != nil {
		return nil, os.NewSyscallError("getsockname", err)
	}
	switch sa := sa.(type) {
	case *unix.SockaddrInet4:
		return &net.TCPAddr{IP: sa.Addr[:], Port: sa.Port}, nil
	case *unix.SockaddrInet6:
		a := &net.TCPAddr{IP: sa.Addr[:], Port: sa.Port}
		if sa.ZoneId != 0 {
			a.Zone = strconv.Itoa(int(sa.ZoneId))
			if ifi, err := net.InterfaceByIndex(int(sa.ZoneId)); err == nil {
				a.Zone = ifi.Name
			}
		}
		return a, nil
	case *unix.SockaddrUnix:
		return &net.UnixAddr{Name: sa.Name, Net: "unix"}, nil
	}
	return nil, fmt.Errorf("socket of an unknown family")
}

// open makes a listener of sockets, or a new one if there are none.
func (c *Config) open(ctx context.Context, t transports.Target, socks []socket) (net.Listener, error) {
	switch {
	case len(socks) == 0 && t.Network == "unix":
		return c.Unix.Listen(t.Address)
	case len(socks) == 0:
		return c.TCP.Listen(ctx, t.Address)
	}
	var all listener
	for i, s := range socks {
		ln, err := c.adopt(s)
		if err != nil {
			all.Close()
			for _, s := range socks[i+1:] {
				unix.Close(s.fd)
			}
			return nil, err
		}
		all.lns = append(all.lns, ln)
	}
	if len(all.lns) == 1 {
		return all.lns[0], nil
	}
	all.limits = c.TCP.Limits
	return &all, nil
}

// adopt makes a listener of one socket.
func (c *Config) adopt(s socket) (net.Listener, error) {
	_, local := s.addr.(*net.UnixAddr)
	if s.old {
		// Not by way of net.FileListener, which makes a descriptor blocking for a moment: that would be the same socket
		// from which the loops of the process before accept.
		if err := unix.SetNonblock(s.fd, true); err != nil {
			unix.Close(s.fd)
			return nil, os.NewSyscallError("fcntl", err)
		}
		one := sock.New(s.fd, s.addr)
		if !local {
			return tcp.FromListener(one, c.TCP)
		}
		return newUnixListener(one, c.Unix.Limits), nil
	}
	f := os.NewFile(uintptr(s.fd), s.name)
	defer f.Close()
	ln, err := net.FileListener(f)
	if err != nil {
		return nil, err
	}
	if local {
		return unixsock.FromListener(ln.(*net.UnixListener), c.Unix)
	}
	return tcp.FromListener(ln, c.TCP)
}

// listener is several sockets on one address: the reactor puts one on each loop.
type listener struct {
	lns    []net.Listener
	limits reactor.ListenLimits
}

var _ reactor.LimitedListener = (*listener)(nil)

// Addr is the address of all.
func (l *listener) Addr() net.Addr { return l.lns[0].Addr() }

// ListenLimits is part of reactor.LimitedListener.
func (l *listener) ListenLimits() reactor.ListenLimits { return l.limits }

// Shards are the sockets.
func (l *listener) Shards() []net.Listener { return l.lns }

// ListenFDs are their descriptors.
func (l *listener) ListenFDs() (fds []int) {
	for _, ln := range l.lns {
		fds = append(fds, descriptors(ln)...)
	}
	return fds
}

// Accept is for use without a reactor: of the first socket only.
func (l *listener) Accept() (net.Conn, error) { return l.lns[0].Accept() }

// Close closes all.
func (l *listener) Close() (err error) {
	for _, ln := range l.lns {
		if e := ln.Close(); err == nil {
			err = e
		}
	}
	return err
}

func descriptors(ln net.Listener) []int {
	if f, ok := ln.(interface{ ListenFDs() []int }); ok {
		return f.ListenFDs()
	}
	return nil
}
