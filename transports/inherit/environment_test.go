//go:build unix

package inherit

import (
	"net"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/calandria-go/calandria/transports"
)

// TestEnvironment reads what a service manager or a process before may say, right or wrong. No descriptor but 3 and above 1000 is
// looked at, and these are not open.
func TestEnvironment(t *testing.T) {
	for _, c := range []struct {
		name string
		env  map[string]string
		fail string
	}{
		{"nothing", nil, ""},
		{"another's", map[string]string{"LISTEN_PID": "41", "LISTEN_FDS": "2"}, ""},
		{"no number", map[string]string{"LISTEN_PID": "x", "LISTEN_FDS": "2"}, ""},
		{"none", map[string]string{"LISTEN_PID": "42", "LISTEN_FDS": "0"}, ""},
		{"bad count", map[string]string{"LISTEN_PID": "42", "LISTEN_FDS": "two"}, `LISTEN_FDS is "two"`},
		{"negative", map[string]string{"LISTEN_PID": "42", "LISTEN_FDS": "-1"}, `LISTEN_FDS is "-1"`},
		{"too many", map[string]string{"LISTEN_PID": "42", "LISTEN_FDS": "1000000000"}, "LISTEN_FDS is"},
		{"before: too many", map[string]string{envSockets: strings.Repeat("a,", 2000)}, "names 2001 sockets"},
		{"before: bad escape", map[string]string{envSockets: "%zz"}, "invalid URL escape"},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := &state{ready: -1}
			err := p.read(func(k string) string { return c.env[k] }, 42)
			switch {
			case c.fail == "" && err != nil:
				t.Error(err)
			case c.fail != "" && (err == nil || !strings.Contains(err.Error(), c.fail)):
				t.Errorf("%v, want %q", err, c.fail)
			}
			if len(p.given) != 0 {
				t.Errorf("%+v", p.given)
			}
		})
	}
}

// TestDescriptors: only listening stream sockets are taken, and closed on exec from then on.
func TestDescriptors(t *testing.T) {
	made := func(typ int) int {
		fd, err := unix.Socket(unix.AF_INET, typ, 0)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { unix.Close(fd) })
		return fd
	}
	var pipe [2]int
	if err := unix.Pipe(pipe[:]); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { closeAll(pipe[:]) })
	p := &state{}
	for what, fd := range map[string]int{"not a stream": made(unix.SOCK_DGRAM), "does not listen": made(unix.SOCK_STREAM), "getsockopt": pipe[0]} {
		if err := p.add(fd, "x", false); err == nil || !strings.Contains(err.Error(), what) {
			t.Errorf("%v, want %q", err, what)
		}
	}
	good := made(unix.SOCK_STREAM)
	if err := unix.Listen(good, 1); err != nil {
		t.Fatal(err)
	}
	if err := p.add(good, "web", false); err != nil {
		t.Fatal(err)
	}
	if flags, err := unix.FcntlInt(uintptr(good), unix.F_GETFD, 0); err != nil || flags&unix.FD_CLOEXEC == 0 {
		t.Errorf("flags %#x, %v", flags, err)
	}
	port := p.given[0].addr.(*net.TCPAddr).Port
	if len(p.given) != 1 || port == 0 {
		t.Errorf("%+v", p.given)
	}
}

// TestBound: which addresses are a target's.
func TestBound(t *testing.T) {
	ip := func(s string, port int) net.Addr { return &net.TCPAddr{IP: net.ParseIP(s), Port: port} }
	local := &net.UnixAddr{Name: "/run/s", Net: "unix"}
	for _, c := range []struct {
		a      net.Addr
		target string
		want   bool
	}{
		{ip("127.0.0.1", 80), "127.0.0.1:80", true},
		{ip("127.0.0.1", 80), "127.0.0.1:http", true},
		{ip("127.0.0.1", 80), "127.0.0.1:81", false},
		{ip("127.0.0.1", 80), ":80", false},
		{ip("127.0.0.1", 80), "127.0.0.1:0", false},
		{ip("::", 80), ":80", true},
		{ip("::", 80), "0.0.0.0:80", true},
		{ip("0.0.0.0", 80), "[::]:80", true},
		{ip("::1", 80), "[::1]:80", true},
		{ip("::1", 80), "localhost:80", false}, // by its name only
		{local, "unix:/run/s", true},
		{local, "unix:/run/other", false},
		{local, "127.0.0.1:80", false},
		{ip("127.0.0.1", 80), "unix:/run/s", false},
	} {
		target, err := transports.ParseTarget(c.target)
		if err != nil {
			t.Fatal(err)
		}
		if got := bound(c.a, target); got != c.want {
			t.Errorf("%v at %s: %v", c.a, c.target, got)
		}
	}
}

// TestSuccessorEnvironment: names are read back as they were, and no socket activation goes on.
func TestSuccessorEnvironment(t *testing.T) {
	names := []string{"127.0.0.1:0", "unix:/run/a,b c", "web"}
	env := withSockets([]string{"A=0", "LISTEN_FDS=3", "A=1", "LISTEN_PID=7", envSockets + "=old"}, slices.Clone(names))
	if len(env) != 2 || env[0] != "A=1" {
		t.Errorf("%q", env)
	}
	if got := withSockets(nil, nil); len(got) != 1 || got[0] != envSockets+"=-" {
		t.Errorf("%q", got)
	}
}
