//go:build unix

package unix

import (
	"fmt"
	"io/fs"
	"math"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/calandria-go/calandria/transports/internal/sock"
)

const (
	// pathMax is the longest path: sun_path without the final NUL. An abstract name has none, and could be one byte longer,
	// were it not for x/sys, by which the reactor dials.
	pathMax = len(unix.RawSockaddrUnix{}.Path) - 1
	// lockWait bounds the wait for another starter; one takes well under a millisecond.
	lockWait  = time.Second
	lockRetry = 5 * time.Millisecond
)

func abstract(path string) bool { return runtime.GOOS == "linux" && strings.HasPrefix(path, "@") }

func checkPath(path string) error {
	switch {
	case path == "" || path == "@":
		return fmt.Errorf("unix: the path is empty: %w", syscall.EINVAL)
	case len(path) > pathMax:
		return fmt.Errorf("unix: the path has %d bytes, and the system takes %d: %w", len(path), pathMax, syscall.ENAMETOOLONG)
	case strings.IndexByte(path, 0) >= 0:
		return fmt.Errorf("unix: the path has a NUL byte: %w", syscall.EINVAL)
	}
	return nil
}

// open makes the socket, binds it, sets the file's mode, and only then listens.
func (l *Listener) open(c *Config, addr *net.UnixAddr) error {
	fd, err := newSocket()
	if err != nil {
		return err
	}
	if err := l.bind(c, fd, addr.Name); err != nil {
		unix.Close(fd)
		return err
	}
	backlog := c.Backlog
	if backlog <= 0 {
		backlog = math.MaxInt32 // cut by the system
	}
	if err := unix.Listen(fd, backlog); err != nil {
		if l.path != "" {
			os.Remove(l.path)
		}
		unix.Close(fd)
		return os.NewSyscallError("listen", err)
	}
	l.ln = sock.New(fd, addr)
	return nil
}

func newSocket() (int, error) {
	syscall.ForkLock.RLock()
	defer syscall.ForkLock.RUnlock()
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM, 0)
	if err != nil {
		return -1, os.NewSyscallError("socket", err)
	}
	unix.CloseOnExec(fd)
	if err := unix.SetNonblock(fd, true); err != nil {
		unix.Close(fd)
		return -1, os.NewSyscallError("fcntl", err)
	}
	return fd, nil
}

// bind makes the socket's file, in place of a stale one.
func (l *Listener) bind(c *Config, fd int, path string) error {
	if abstract(path) {
		return os.NewSyscallError("bind", unix.Bind(fd, &unix.SockaddrUnix{Name: path}))
	}
	if c.Mode != 0 && runtime.GOOS == "linux" {
		// Linux makes the file with the mode of the socket, less the umask: it never has a bit too many.
		if err := unix.Fchmod(fd, uint32(c.Mode.Perm())); err != nil {
			return os.NewSyscallError("fchmod", err)
		}
	}
	err := unix.Bind(fd, &unix.SockaddrUnix{Name: path})
	if err == unix.EADDRINUSE {
		// Only removing needs the lock: bind itself fails wherever there is a file.
		unlock := lockDir(filepath.Dir(path))
		if removeStale(path) {
			err = unix.Bind(fd, &unix.SockaddrUnix{Name: path})
		}
		unlock()
	}
	if err != nil {
		return os.NewSyscallError("bind", err)
	}
	file, err := os.Lstat(path)
	if err != nil {
		return err
	}
	if c.Mode != 0 && file.Mode().Perm() != c.Mode.Perm() {
		if err := os.Chmod(path, c.Mode.Perm()); err != nil {
			os.Remove(path)
			return err
		}
	}
	l.path, l.file = path, file
	return nil
}

// removeStale removes a socket file that no process has bound. A datagram socket asks: it is refused if there is no socket
// at all, and told of the wrong type where there is one, which does not notice.
func removeStale(path string) bool {
	before, err := os.Lstat(path)
	if err != nil || before.Mode().Type() != fs.ModeSocket {
		return false
	}
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_DGRAM, 0)
	if err != nil {
		return false
	}
	defer unix.Close(fd)
	if unix.Connect(fd, &unix.SockaddrUnix{Name: path}) != unix.ECONNREFUSED {
		return false
	}
	now, err := os.Lstat(path)
	return err == nil && os.SameFile(before, now) && os.Remove(path) == nil
}

// lockDir has those take turns who look for stale files in a directory. Without the lock, which another program may hold or the file system
// may not have, we go on all the same: it only closes the window between two starters.
func lockDir(dir string) (unlock func()) {
	d, err := os.Open(dir)
	if err != nil {
		return func() {}
	}
	for end := time.Now().Add(lockWait); ; {
		err := unix.Flock(int(d.Fd()), unix.LOCK_EX|unix.LOCK_NB)
		if err != unix.EWOULDBLOCK && err != unix.EINTR || time.Now().After(end) {
			return func() { d.Close() }
		}
		time.Sleep(lockRetry)
	}
}

// adopt takes a listener's descriptor from the Go runtime's set.
func adopt(ln *net.UnixListener) (net.Listener, error) { return sock.Take(ln) }
