//go:build linux && (amd64 || arm64 || loong64)

package poll

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// auxSet is a loop's second epoll set, itself readable in the first. Paused and half-closed descriptors live here: with no
// events a reset is still reported, EPOLLOUT is asked for while there is a backlog, and no goroutine waits in poll(2).
type auxSet struct {
	fd     int
	byFD   map[int32]*fdSource
	events [64]unix.EpollEvent
}

func (a *auxSet) open() error {
	fd, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return fmt.Errorf("poll: epoll_create1: %w", err)
	}
	a.fd, a.byFD = fd, map[int32]*fdSource{}
	return nil
}

func auxEvent(s *fdSource, write bool) *unix.EpollEvent {
	ev := &unix.EpollEvent{Fd: int32(s.fd)}
	if write {
		ev.Events = unix.EPOLLOUT
	}
	return ev
}

func (a *auxSet) add(s *fdSource, write bool) error {
	if err := unix.EpollCtl(a.fd, unix.EPOLL_CTL_ADD, s.fd, auxEvent(s, write)); err != nil {
		return err
	}
	a.byFD[int32(s.fd)] = s
	return nil
}

func (a *auxSet) modify(s *fdSource, write bool) error {
	return unix.EpollCtl(a.fd, unix.EPOLL_CTL_MOD, s.fd, auxEvent(s, write))
}

func (a *auxSet) remove(s *fdSource) {
	unix.EpollCtl(a.fd, unix.EPOLL_CTL_DEL, s.fd, nil)
	delete(a.byFD, int32(s.fd))
}

// dispatch runs one round of events. A source may leave the set for another's event, so each is looked up when its turn
// comes; the descriptors themselves are closed at the end of the batch only.
func (a *auxSet) dispatch() {
	n, err := unix.EpollWait(a.fd, a.events[:], 0)
	if err != nil {
		return // EINTR: still readable, comes again
	}
	for i := range a.events[:n] {
		ev := &a.events[i]
		s := a.byFD[ev.Fd]
		if s == nil {
			continue
		}
		if ev.Events&(unix.EPOLLERR|unix.EPOLLHUP) != 0 {
			a.end(s, ev.Events&unix.EPOLLERR != 0)
			continue
		}
		if ev.Events&unix.EPOLLOUT != 0 && s.wantWrite {
			s.sink.Writable()
		}
	}
}

// end takes a failed or hung-up source out of the set: it would be reported for ever.
func (a *auxSet) end(s *fdSource, failed bool) {
	a.remove(s)
	s.reg, s.over = regNone, true
	if failed {
		err := socketError(s.fd)
		if err == nil {
			err = unix.ECONNRESET
		}
		s.sink.Broken(err)
		return
	}
	if s.wantWrite {
		s.sink.Writable() // the write says EPIPE
	}
	s.sink.Hangup()
}
