//go:build linux && (amd64 || arm64 || loong64)

package poll

import (
	"errors"
	"fmt"
	"io"
	"reflect"
	"runtime"
	"sync"
	"syscall"
	"unsafe"

	"github.com/cloudwego/netpoll"
	"golang.org/x/sys/unix"
)

// netpoll exports Poll and FDOperator but no way to get a Poll. This file takes one, by reflection, from the operator of a
// connection on a socket pair, and sets its two exported fields. Everything that depends on netpoll's layout is here;
// TestNetpollLayout fails loudly when an upgrade changes it, and docs/adr/0001 says what we do then.

// errLayout says that the netpoll in use is not the one that this file was written for.
var errLayout = errors.New("poll: netpoll's layout has changed; see docs/adr/0001")

// pollOf gives the poller that netpoll chose for a connection.
func pollOf(c netpoll.Connection) (p netpoll.Poll, err error) {
	defer func() {
		if v := recover(); v != nil {
			p, err = nil, fmt.Errorf("%w: %v", errLayout, v)
		}
	}()
	f := reflect.ValueOf(c).Elem().FieldByName("operator").Elem().FieldByName("poll")
	p, ok := reflect.NewAt(f.Type(), unsafe.Pointer(f.UnsafeAddr())).Elem().Interface().(netpoll.Poll)
	if !ok || p == nil {
		return nil, errLayout
	}
	return p, nil
}

// pickPoll asks netpoll for its next poller, round robin.
func pickPoll() (netpoll.Poll, error) {
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("poll: socketpair: %w", err)
	}
	defer unix.Close(fds[1])
	c, err := netpoll.NewFDConnection(fds[0])
	if err != nil {
		unix.Close(fds[0])
		return nil, fmt.Errorf("poll: netpoll: %w", err)
	}
	defer c.Close()
	return pollOf(c)
}

// pickPolls gives n different pollers. It raises netpoll's number of loops when there are fewer, and never lowers it:
// that would close loops that others in the process use.
func pickPolls(n int) ([]netpoll.Poll, error) {
	polls, err := distinctPolls(n)
	if err != nil || len(polls) == n {
		return polls, err
	}
	//lint:ignore SA1019 Configure would set other people's settings back, too
	if err := netpoll.SetNumLoops(n); err != nil {
		return nil, fmt.Errorf("poll: netpoll: %w", err)
	}
	polls, err = distinctPolls(n)
	if err == nil && len(polls) < n {
		err = fmt.Errorf("poll: netpoll gave %d loops of %d", len(polls), n)
	}
	return polls, err
}

// distinctPolls picks until n different pollers were seen, or the round robin has clearly come round.
func distinctPolls(n int) ([]netpoll.Poll, error) {
	var polls []netpoll.Poll
	seen := map[netpoll.Poll]bool{}
	for misses := 0; len(polls) < n && misses < 16*n+64; {
		p, err := pickPoll()
		if err != nil {
			return nil, err
		}
		if seen[p] {
			misses++
			continue
		}
		seen[p] = true
		polls = append(polls, p)
	}
	return polls, nil
}

// wrapPoll sets, on the poller's own goroutine, its Handler to run around the original, and its Reset to a no-op: else the
// event array doubles at 1.3 KB a slot after one burst and never shrinks. A slice of events passes through unread, so its
// element type does not matter here.
//
// netpoll asks twice before it sleeps: epoll_wait with no time-out after every batch, then one without end. As long as stay
// says so, the wrapper does not return but waits itself, once. It must return after operators were freed: netpoll takes them
// back into its cache then.
func wrapPoll(p netpoll.Poll, around func(orig func() (closed bool)) bool, stay, quiet func() bool) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = fmt.Errorf("%w: %v", errLayout, v)
		}
	}()
	v := reflect.ValueOf(p).Elem()
	h, r, epfd := v.FieldByName("Handler"), v.FieldByName("Reset"), int(v.FieldByName("fd").Int())
	if h.Kind() != reflect.Func || h.Type().NumIn() != 1 || h.Type().In(0).Kind() != reflect.Slice ||
		h.Type().NumOut() != 1 || h.Type().Out(0).Kind() != reflect.Bool || !isEpoll(epfd) {
		return errLayout
	}
	r.Set(reflect.ValueOf(func(size, caps int) {}))
	slot := (*func([]byte) bool)(unsafe.Pointer(h.UnsafeAddr()))
	orig := *slot
	var events []byte // len and cap count events
	call := func() bool { return orig(events) }
	*slot = func(e []byte) bool {
		for events = e; ; {
			if around(call) {
				return true
			}
			if !stay() {
				return false
			}
			if !quiet() {
				runtime.Gosched() // what this batch made runnable goes first; it costs two system calls
			}
			n := epollWait(epfd, unsafe.Pointer(unsafe.SliceData(events)), cap(events))
			if n <= 0 {
				return false
			}
			events = events[:n]
		}
	}
	return nil
}

// epollWait waits without end; the array has room for n events.
func epollWait(epfd int, events unsafe.Pointer, n int) int {
	r, _, e := syscall.Syscall6(syscall.SYS_EPOLL_PWAIT, uintptr(epfd), uintptr(events), uintptr(n), ^uintptr(0), 0, 0)
	if e != 0 {
		return -1
	}
	return int(r)
}

// isEpoll says whether fd is an epoll descriptor.
func isEpoll(fd int) bool {
	return unix.EpollCtl(fd, unix.EPOLL_CTL_DEL, fd, nil) == unix.EINVAL
}

var netpollLog struct {
	once sync.Once
	mu   sync.Mutex
	w    io.Writer
}

// SetLog routes netpoll's own log lines to w; the last call wins.
func SetLog(w io.Writer) {
	netpollLog.mu.Lock()
	netpollLog.w = w
	netpollLog.mu.Unlock()
	netpollLog.once.Do(func() { netpoll.SetLoggerOutput(netpollWriter{}) })
}

type netpollWriter struct{}

func (netpollWriter) Write(p []byte) (int, error) {
	netpollLog.mu.Lock()
	defer netpollLog.mu.Unlock()
	if netpollLog.w == nil {
		return len(p), nil
	}
	return netpollLog.w.Write(p)
}
