//go:build linux

package tcp_test

import (
	"net"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/calandria-go/calandria/reactor"
	"github.com/calandria-go/calandria/transports/tcp"
)

const sharding = true

// descriptor finds the open socket for which is is true.
func descriptor(t *testing.T, is func(fd int) bool) int {
	t.Helper()
	dir, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range dir {
		if fd, err := strconv.Atoi(e.Name()); err == nil && is(fd) {
			return fd
		}
	}
	t.Fatal("no such socket")
	return -1
}

func port(sa unix.Sockaddr, err error) int {
	switch sa := sa.(type) {
	case *unix.SockaddrInet4:
		return sa.Port
	case *unix.SockaddrInet6:
		return sa.Port
	}
	return -1
}

// acceptedFrom is the server's end of c.
func acceptedFrom(t *testing.T, c net.Conn) int {
	return descriptor(t, func(fd int) bool { return port(unix.Getpeername(fd)) == c.LocalAddr().(*net.TCPAddr).Port })
}

// listening is the socket of ln.
func listening(t *testing.T, ln net.Listener) int {
	return descriptor(t, func(fd int) bool {
		on, _ := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_ACCEPTCONN)
		return on == 1 && port(unix.Getsockname(fd)) == ln.Addr().(*net.TCPAddr).Port
	})
}

func getsockopt(t *testing.T, fd, level, name int) int {
	t.Helper()
	v, err := unix.GetsockoptInt(fd, level, name)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

type option struct {
	name       string
	level, opt int
	want       int
}

func checkOptions(t *testing.T, fd int, all []option) {
	t.Helper()
	for _, o := range all {
		if got := getsockopt(t, fd, o.level, o.opt); got != o.want {
			t.Errorf("%s is %d, want %d", o.name, got, o.want)
		}
	}
}

// What the zero value and the fields of Config make of an accepted socket.
var acceptedOptions = []struct {
	name string
	cfg  tcp.Config
	want []option
}{
	{"default", tcp.Config{}, []option{
		{"TCP_NODELAY", unix.IPPROTO_TCP, unix.TCP_NODELAY, 1},
		{"SO_KEEPALIVE", unix.SOL_SOCKET, unix.SO_KEEPALIVE, 1},
		{"TCP_KEEPIDLE", unix.IPPROTO_TCP, unix.TCP_KEEPIDLE, 120},
		{"TCP_KEEPINTVL", unix.IPPROTO_TCP, unix.TCP_KEEPINTVL, 30},
		{"TCP_KEEPCNT", unix.IPPROTO_TCP, unix.TCP_KEEPCNT, 4},
	}},
	{"keep-alive", tcp.Config{KeepAlive: tcp.KeepAlive{Idle: 1500 * time.Millisecond, Interval: 7 * time.Second, Count: 9}}, []option{
		{"SO_KEEPALIVE", unix.SOL_SOCKET, unix.SO_KEEPALIVE, 1},
		{"TCP_KEEPIDLE", unix.IPPROTO_TCP, unix.TCP_KEEPIDLE, 2},
		{"TCP_KEEPINTVL", unix.IPPROTO_TCP, unix.TCP_KEEPINTVL, 7},
		{"TCP_KEEPCNT", unix.IPPROTO_TCP, unix.TCP_KEEPCNT, 9},
	}},
	{"no keep-alive", tcp.Config{KeepAlive: tcp.KeepAlive{Idle: -1}}, []option{
		{"SO_KEEPALIVE", unix.SOL_SOCKET, unix.SO_KEEPALIVE, 0},
	}},
	{"nagle", tcp.Config{Nagle: true}, []option{
		{"TCP_NODELAY", unix.IPPROTO_TCP, unix.TCP_NODELAY, 0},
	}},
	{"buffers", tcp.Config{ReadBuffer: 20_000, WriteBuffer: 30_000}, []option{
		{"SO_RCVBUF", unix.SOL_SOCKET, unix.SO_RCVBUF, 40_000},
		{"SO_SNDBUF", unix.SOL_SOCKET, unix.SO_SNDBUF, 60_000},
	}},
}

func TestAcceptedSocketsInherit(t *testing.T) {
	for _, c := range acceptedOptions {
		t.Run(c.name, func(t *testing.T) {
			t.Run("on a loop", func(t *testing.T) {
				ln := listen(t, c.cfg, "127.0.0.1:0")
				serve(t, ln)
				out := dial(t, ln.Addr(), "")
				if err := ping(out); err != nil {
					t.Fatal(err)
				}
				checkOptions(t, acceptedFrom(t, out), c.want)
			})
			t.Run("directly", func(t *testing.T) {
				ln := listen(t, c.cfg, "127.0.0.1:0")
				out := dial(t, ln.Addr(), "")
				in, err := ln.Accept()
				if err != nil {
					t.Fatal(err)
				}
				defer in.Close()
				checkOptions(t, acceptedFrom(t, out), c.want)
			})
			t.Run("from a listener", func(t *testing.T) {
				std, err := net.Listen("tcp", "127.0.0.1:0")
				if err != nil {
					t.Fatal(err)
				}
				ln, err := tcp.FromListener(std, c.cfg)
				if err != nil {
					t.Fatal(err)
				}
				serve(t, ln)
				out := dial(t, ln.Addr(), "")
				if err := ping(out); err != nil {
					t.Fatal(err)
				}
				checkOptions(t, acceptedFrom(t, out), c.want)
			})
		})
	}
}

func TestListeningSocket(t *testing.T) {
	info := func(fd int) uint32 {
		i, err := unix.GetsockoptTCPInfo(fd, unix.IPPROTO_TCP, unix.TCP_INFO)
		if err != nil {
			t.Fatal(err)
		}
		return i.Sacked // of a listener: the backlog
	}
	b, err := os.ReadFile("/proc/sys/net/core/somaxconn")
	if err != nil {
		t.Fatal(err)
	}
	somaxconn, err := strconv.Atoi(strings.TrimSpace(string(b)))
	if err != nil {
		t.Fatal(err)
	}
	fd := listening(t, listen(t, tcp.Config{}, "127.0.0.1:0"))
	checkOptions(t, fd, []option{
		{"SO_REUSEADDR", unix.SOL_SOCKET, unix.SO_REUSEADDR, 1},
		{"SO_REUSEPORT", unix.SOL_SOCKET, unix.SO_REUSEPORT, 0},
		{"TCP_DEFER_ACCEPT", unix.IPPROTO_TCP, unix.TCP_DEFER_ACCEPT, 0},
	})
	if got := info(fd); got != uint32(somaxconn) {
		t.Errorf("backlog %d, want %d", got, somaxconn)
	}
	called := 0
	fd = listening(t, listen(t, tcp.Config{
		Backlog: 17, ReusePort: true, Shards: 1, DeferAccept: 3 * time.Second,
		Control: func(fd int) error {
			called++
			return unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_PRIORITY, 5)
		},
	}, "127.0.0.1:0"))
	checkOptions(t, fd, []option{
		{"SO_REUSEPORT", unix.SOL_SOCKET, unix.SO_REUSEPORT, 1},
		{"SO_PRIORITY", unix.SOL_SOCKET, unix.SO_PRIORITY, 5},
	})
	if got := info(fd); got != 17 || called != 1 {
		t.Errorf("backlog %d, Control called %d times", got, called)
	}
	if got := getsockopt(t, fd, unix.IPPROTO_TCP, unix.TCP_DEFER_ACCEPT); got < 3 {
		t.Errorf("TCP_DEFER_ACCEPT is %d", got)
	}
	if flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0); err != nil || flags&unix.FD_CLOEXEC == 0 {
		t.Errorf("not close-on-exec: %v", err)
	}
	std, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ln, err := tcp.FromListener(std, tcp.Config{Backlog: 23})
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	if got := info(listening(t, ln)); got != 23 {
		t.Errorf("FromListener: backlog %d", got)
	}
}

func TestControlCanRefuse(t *testing.T) {
	if _, err := (tcp.Config{Control: func(int) error { return unix.EPERM }}).Listen(t.Context(), "127.0.0.1:0"); err == nil {
		t.Error("the error of Control is lost")
	}
}

func TestFamilies(t *testing.T) {
	if ln, err := net.Listen("tcp6", "[::1]:0"); err != nil {
		t.Skip("this machine has no IPv6: ", err)
	} else {
		ln.Close()
	}
	for _, c := range []struct {
		network, addr string
		domain, v6    int
		four, six     bool
	}{
		{"", ":0", unix.AF_INET6, 0, true, true},
		{"tcp", "[::]:0", unix.AF_INET6, 0, true, true},
		{"tcp", "0.0.0.0:0", unix.AF_INET6, 0, true, true},
		{"tcp6", "[::]:0", unix.AF_INET6, 1, false, true},
		{"tcp6", ":0", unix.AF_INET6, 1, false, true},
		{"tcp4", ":0", unix.AF_INET, -1, true, false},
		{"tcp4", "0.0.0.0:0", unix.AF_INET, -1, true, false},
		{"tcp", "127.0.0.1:0", unix.AF_INET, -1, true, false},
		{"tcp", "[::1]:0", unix.AF_INET6, -1, false, true},
		{"tcp", "[::ffff:127.0.0.1]:0", unix.AF_INET, -1, true, false},
		{"tcp", "localhost:0", unix.AF_INET, -1, true, false},
	} {
		ln := listen(t, tcp.Config{Network: c.network}, c.addr)
		fd := listening(t, ln)
		if got := getsockopt(t, fd, unix.SOL_SOCKET, unix.SO_DOMAIN); got != c.domain {
			t.Errorf("%s %s: family %d", c.network, c.addr, got)
		}
		if c.v6 >= 0 {
			if got := getsockopt(t, fd, unix.IPPROTO_IPV6, unix.IPV6_V6ONLY); got != c.v6 {
				t.Errorf("%s %s: IPV6_V6ONLY %d", c.network, c.addr, got)
			}
		}
		_, p, _ := net.SplitHostPort(ln.Addr().String())
		for host, want := range map[string]bool{"127.0.0.1": c.four, "::1": c.six} {
			out, err := net.Dial("tcp", net.JoinHostPort(host, p))
			if (err == nil) != want {
				t.Errorf("%s %s from %s: %v", c.network, c.addr, host, err)
			}
			if err == nil {
				out.Close()
			}
		}
	}
}

var _ reactor.LimitedListener = (*tcp.Listener)(nil)
