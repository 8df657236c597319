//go:build linux && !portable

package tcp_test

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/calandria-go/calandria/reactor"
	"github.com/calandria-go/calandria/reactor/reactortest"
	"github.com/calandria-go/calandria/transports/tcp"
)

// epollSets counts the epoll sets of this process that watch the socket of fd, whatever its number there.
func epollSets(t *testing.T, fd int) (n int) {
	t.Helper()
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		t.Fatal(err)
	}
	infos, err := filepath.Glob("/proc/self/fdinfo/*")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range infos {
		if b, err := os.ReadFile(name); err == nil && strings.Contains(string(b), fmt.Sprintf(" ino:%x ", st.Ino)) {
			n++
		}
	}
	return n
}

// A listening socket in the Go runtime's epoll set would wake a thread for every connection.
func TestRuntimeDoesNotPollListeners(t *testing.T) {
	std, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if n := epollSets(t, listening(t, std)); n != 1 {
		t.Fatalf("package net's own listener is in %d epoll sets: this test sees nothing", n)
	}
	from, err := tcp.FromListener(std, tcp.Config{})
	if err != nil {
		t.Fatal(err)
	}
	for name, ln := range map[string]*tcp.Listener{"Listen": listen(t, tcp.Config{}, "127.0.0.1:0"), "FromListener": from} {
		fds := ln.ListenFDs()
		if len(fds) != 1 {
			t.Fatalf("%s: descriptors %v", name, fds)
		}
		if n := epollSets(t, fds[0]); n != 0 {
			t.Errorf("%s: in %d epoll sets before it is served", name, n)
		}
		_, l := serve(t, ln)
		if err := ping(dial(t, ln.Addr(), "")); err != nil {
			t.Fatal(err)
		}
		if n := epollSets(t, fds[0]); n != 1 {
			t.Errorf("%s: in %d epoll sets while it is served", name, n)
		}
		l.Close()
		if fds := ln.ListenFDs(); len(fds) != 0 {
			t.Errorf("%s: descriptors after Close: %v", name, fds)
		}
	}
}

func TestDialedSocket(t *testing.T) {
	ln := listen(t, tcp.Config{}, "127.0.0.1:0")
	r, _ := serve(t, ln)
	for _, c := range []struct {
		name string
		d    tcp.Dialer
		want []option
	}{
		{"default", tcp.Dialer{}, acceptedOptions[0].want},
		{"keep-alive", tcp.Dialer{KeepAlive: acceptedOptions[1].cfg.KeepAlive}, acceptedOptions[1].want},
		{"no keep-alive", tcp.Dialer{KeepAlive: tcp.KeepAlive{Idle: -1}}, acceptedOptions[2].want},
		{"nagle", tcp.Dialer{Nagle: true}, acceptedOptions[3].want},
		{"buffers", tcp.Dialer{ReadBuffer: 20_000, WriteBuffer: 30_000}, acceptedOptions[4].want},
		{"control", tcp.Dialer{Control: func(fd int) error {
			return unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_PRIORITY, 5)
		}}, []option{{"SO_PRIORITY", unix.SOL_SOCKET, unix.SO_PRIORITY, 5}}},
	} {
		s, err := c.d.DialContext(t.Context(), r, ln.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		local := s.LocalAddr().(*net.TCPAddr).Port
		checkOptions(t, descriptor(t, func(fd int) bool {
			return port(unix.Getsockname(fd)) == local && port(unix.Getpeername(fd)) == ln.Addr().(*net.TCPAddr).Port
		}), c.want)
		s.Close()
	}
	d := tcp.Dialer{Control: func(int) error { return unix.EPERM }}
	if _, err := d.DialContext(t.Context(), r, ln.Addr().String()); err == nil {
		t.Error("the error of Control is lost")
	}
}

// A reactor on the portable engine accepts from the descriptor by package net.
func TestServeOnGoroutines(t *testing.T) {
	for _, c := range []tcp.Config{{}, {Shards: 2}} {
		ln := listen(t, c, "127.0.0.1:0")
		r := reactortest.New(t, reactor.Config{Loops: 2})
		if _, err := r.Listen(ln, echoes); err != nil {
			t.Fatal(err)
		}
		for range 8 {
			if err := ping(dial(t, ln.Addr(), "")); err != nil {
				t.Fatal(err)
			}
		}
	}
}
