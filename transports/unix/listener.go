package unix

import (
	"errors"
	"io/fs"
	"net"
	"os"
	"sync"
	"sync/atomic"

	"github.com/calandria-go/calandria/reactor"
)

// Config is how to listen. The zero value is good.
type Config struct {
	// Mode is the permission bits of the socket's file, whatever the umask is; to connect takes write permission. 0: 0777
	// without the bits of the umask. It does nothing for abstract sockets and on Windows.
	Mode fs.FileMode
	// Backlog is how many connections may wait to be accepted; 0 or negative: as many as the system allows
	// (net.core.somaxconn). It is the system's choice on Windows.
	Backlog int
	// Limits are what the reactor that serves the listener keeps to: AcceptBudget, MaxConns, Admit. MaxConnsPerIP does
	// nothing, and Admit gets the zero address.
	Limits reactor.ListenLimits
}

// Listener is a net.Listener on a unix socket. Give it to Reactor.Serve, which polls its descriptor and applies its limits;
// Accept is for use without a reactor. Its methods are safe from any goroutine.
type Listener struct {
	ln     net.Listener // *sock.Socket, or package net's
	limits reactor.ListenLimits
	path   string      // to be removed; empty for none
	file   fs.FileInfo // what path was when we made it
	keep   atomic.Bool
	once   sync.Once
}

var _ reactor.LimitedListener = (*Listener)(nil)

// Listen listens on path, or on "@name", with the zero Config.
func Listen(path string) (*Listener, error) { return Config{}.Listen(path) }

// Listen listens on path, or on "@name" for an abstract socket. A socket file that no process has bound is removed first;
// where one has, even if it does not listen yet, or where path is anything but a socket, the error is syscall.EADDRINUSE.
// Of several processes that start at once on the same stale file one wins: they take turns by a lock on the directory
// (flock(2)), for which they wait a second at the most; a file system without such locks leaves a window of microseconds.
//
// The file gets its Mode before the socket listens, so nobody can connect by another one. A path that is longer than the
// system takes is syscall.ENAMETOOLONG. Errors are *net.OpError.
func (c Config) Listen(path string) (*Listener, error) {
	addr := &net.UnixAddr{Name: path, Net: "unix"}
	l := &Listener{limits: c.Limits}
	err := checkPath(path)
	if err == nil {
		err = l.open(&c, addr)
	}
	if err == nil {
		return l, nil
	}
	var op *net.OpError
	if !errors.As(err, &op) {
		err = &net.OpError{Op: "listen", Net: "unix", Addr: addr, Err: err}
	}
	return nil, err
}

// FromListener wraps a listener that exists already, such as one from systemd or from the process before, and takes it
// over: use only the result from then on. Of c it applies Limits. Its file is left in place on Close, whatever
// UnixListener.SetUnlinkOnClose said.
func FromListener(ln *net.UnixListener, c Config) (*Listener, error) {
	ln.SetUnlinkOnClose(false)
	l := &Listener{limits: c.Limits}
	var err error
	if l.ln, err = adopt(ln); err != nil {
		return nil, &net.OpError{Op: "listen", Net: "unix", Addr: ln.Addr(), Err: err}
	}
	return l, nil
}

// Addr is a *net.UnixAddr.
func (l *Listener) Addr() net.Addr { return l.ln.Addr() }

// ListenLimits is part of reactor.LimitedListener.
func (l *Listener) ListenLimits() reactor.ListenLimits { return l.limits }

// ListenFDs is its descriptor, in a slice, where it has one of its own. It stays the Listener's: duplicate it, and before
// Close.
func (l *Listener) ListenFDs() []int {
	if f, ok := l.ln.(interface{ FD() int }); ok && f.FD() >= 0 {
		return []int{f.FD()}
	}
	return nil
}

// SetUnlinkOnClose says whether Close removes the socket's file; it does so unless told otherwise. A process that has
// passed the socket on leaves the file to the other.
func (l *Listener) SetUnlinkOnClose(unlink bool) { l.keep.Store(!unlink) }

// Accept waits for a connection without a reactor. The Limits do not apply.
func (l *Listener) Accept() (net.Conn, error) { return l.ln.Accept() }

// Close removes the socket's file, if it is still the one that Listen made, and closes the socket. It ends a waiting
// Accept. A second call returns net.ErrClosed.
func (l *Listener) Close() error {
	l.once.Do(func() {
		if l.path == "" || l.keep.Load() {
			return
		}
		// The socket is still open, so no other file can have its inode number, and no other process takes it for stale.
		if now, err := os.Lstat(l.path); err == nil && os.SameFile(now, l.file) {
			os.Remove(l.path)
		}
	})
	return l.ln.Close()
}
