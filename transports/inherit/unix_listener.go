//go:build unix

package inherit

import (
	"io/fs"
	"net"
	"os"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/calandria-go/calandria/reactor"
	"github.com/calandria-go/calandria/transports/internal/sock"
)

// unixListener is a unix socket of the process before. Its file is ours now, to be removed in the end.
type unixListener struct {
	*sock.Socket
	limits reactor.ListenLimits
	path   string
	file   fs.FileInfo // what path is at the beginning; nil for an abstract socket
	keep   atomic.Bool
	once   sync.Once
}

var _ reactor.LimitedListener = (*unixListener)(nil)

func newUnixListener(s *sock.Socket, limits reactor.ListenLimits) *unixListener {
	l := &unixListener{Socket: s, limits: limits, path: s.Addr().(*net.UnixAddr).Name}
	if l.path != "" && !strings.HasPrefix(l.path, "@") {
		l.file, _ = os.Lstat(l.path)
	}
	return l
}

// ListenLimits is part of reactor.LimitedListener.
func (l *unixListener) ListenLimits() reactor.ListenLimits { return l.limits }

// ListenFDs is its descriptor.
func (l *unixListener) ListenFDs() []int {
	if fd := l.FD(); fd >= 0 {
		return []int{fd}
	}
	return nil
}

// SetUnlinkOnClose says whether Close removes the socket's file; it does so unless told otherwise.
func (l *unixListener) SetUnlinkOnClose(unlink bool) { l.keep.Store(!unlink) }

// Close removes the file, if it is still the one that was there at the beginning, and closes the socket.
func (l *unixListener) Close() error {
	l.once.Do(func() {
		if l.file == nil || l.keep.Load() {
			return
		}
		if now, err := os.Lstat(l.path); err == nil && os.SameFile(now, l.file) {
			os.Remove(l.path)
		}
	})
	return l.Socket.Close()
}
