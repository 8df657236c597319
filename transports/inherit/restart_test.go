//go:build linux && !portable

package inherit_test

import (
	"context"
	"errors"
	"net"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/calandria-go/calandria/reactor"
	"github.com/calandria-go/calandria/reactor/reactortest"
	"github.com/calandria-go/calandria/transports/inherit"
)

// TestHotRestart restarts a server again and again under load: no connection may be refused, and no request lost.
func TestHotRestart(t *testing.T) {
	restarts := 5
	if os.Getenv("CALANDRIA_SOAK") != "" {
		restarts = 50
	}
	for _, network := range []string{"tcp", "sharded", "unix"} {
		t.Run(network, func(t *testing.T) {
			target := "127.0.0.1:0"
			switch network {
			case "sharded":
				target = "sharded=" + target
			case "unix":
				target = "unix:" + socketPath(t)
			}
			f := start(t, "server", target, nil)
			now := f.next("ready")
			kind, _, _ := strings.Cut(network, "sharded")
			if kind == "" {
				kind = "tcp"
			}
			stop := load(kind, now.rest, 8)
			for range restarts {
				f.signal(now.pid, syscall.SIGHUP)
				next := f.next("ready")
				if next.rest != now.rest || next.pid == now.pid {
					t.Errorf("%+v, then %+v", now, next)
				}
				if l := f.next("drained"); l.pid != now.pid || l.rest != "<nil>" {
					t.Errorf("the one before: %+v", l)
				}
				k := &client{network: kind, addr: now.rest}
				if _, err := k.ask(); err != nil {
					t.Error(err)
				}
				k.close()
				now = next
			}
			n, failed := stop()
			if len(failed) > 0 {
				t.Errorf("%d of %d failed: %v", len(failed), n, failed[:min(len(failed), 5)])
			}
			t.Logf("%d requests, %d failed", n, len(failed))
			f.stop(now.pid)
			if network == "unix" {
				if _, err := os.Lstat(now.rest); !errors.Is(err, os.ErrNotExist) {
					t.Errorf("the socket's file is left: %v", err)
				}
			}
		})
	}
}

// TestFailedSuccessor: one that exits, and one that is never ready, leave the process before as it was.
func TestFailedSuccessor(t *testing.T) {
	f := start(t, "server", "127.0.0.1:0 unix:"+socketPath(t), nil)
	first := f.next("ready")
	tcpAddr, path, _ := strings.Cut(first.rest, " ")
	stop := load("tcp", tcpAddr, 4)
	for _, c := range []struct {
		s    syscall.Signal
		want string
	}{{syscall.SIGUSR1, "exit status 3"}, {syscall.SIGUSR2, "within 200ms"}} {
		f.signal(first.pid, c.s)
		if l := f.next("alone"); l.pid != first.pid || !strings.Contains(l.rest, c.want) {
			t.Errorf("%v: %+v, want %q", c.s, l, c.want)
		}
	}
	for _, k := range []*client{{network: "tcp", addr: tcpAddr}, {network: "unix", addr: path}} {
		pid, err := k.ask()
		if err != nil || pid == "" {
			t.Errorf("%s: %q, %v", k.network, pid, err)
		}
		k.close()
	}
	if n, failed := stop(); len(failed) > 0 {
		t.Errorf("%d of %d failed: %v", len(failed), n, failed[0])
	}
	f.signal(first.pid, syscall.SIGHUP) // a good one, after all
	next := f.next("ready")
	f.next("drained")
	f.stop(next.pid)
}

// TestActivation has the sockets from one who plays systemd, by address and by port 0, and passes them on.
func TestActivation(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	path := socketPath(t)
	local, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	local.(*net.UnixListener).SetUnlinkOnClose(false)
	defer local.Close()
	notes, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: socketPath(t), Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer notes.Close()

	// The first request waits in the backlog before there is a server.
	early := make(chan error, 1)
	go func() {
		k := &client{network: "tcp", addr: ln.Addr().String(), fresh: true}
		_, err := k.ask()
		early <- err
	}()
	f := start(t, "activate", ln.Addr().String()+" unix:"+path, func(cmd *exec.Cmd) {
		a, _ := ln.(*net.TCPListener).File()
		b, _ := local.(*net.UnixListener).File()
		t.Cleanup(func() { a.Close(); b.Close() })
		cmd.ExtraFiles = []*os.File{a, b}
		cmd.Env = append(cmd.Env, "LISTEN_FDS=2", "LISTEN_FDNAMES=web:local", "NOTIFY_SOCKET="+notes.LocalAddr().String())
	})
	first := f.next("ready")
	if want := ln.Addr().String() + " " + path; first.rest != want {
		t.Errorf("listens at %q, want %q", first.rest, want)
	}
	if err := <-early; err != nil {
		t.Errorf("the early request: %v", err)
	}
	f.signal(first.pid, syscall.SIGHUP)
	second := f.next("ready")
	f.next("drained")
	if _, err := os.Lstat(path); err != nil {
		t.Errorf("systemd's socket file: %v", err)
	}
	f.stop(second.pid)
	var got []string
	buf := make([]byte, 100)
	notes.SetReadDeadline(time.Now().Add(patience))
	for range 4 {
		n, err := notes.Read(buf)
		if err != nil {
			t.Fatalf("after %q: %v", got, err)
		}
		state, _, _ := strings.Cut(string(buf[:n]), "=")
		got = append(got, state)
	}
	if want := "READY READY MAINPID STOPPING"; strings.Join(got, " ") != want && strings.Join(got, " ") != "READY MAINPID READY STOPPING" {
		t.Errorf("systemd was told %q, want %q", got, want)
	}
}

func TestRestartOnLoop(t *testing.T) {
	r := reactortest.NewDefault(t, reactor.Config{Loops: 1})
	got := make(chan error, 1)
	if err := r.EachLoop(t.Context(), func(int) {
		_, err := inherit.Restart(context.Background(), inherit.Successor{})
		got <- err
	}); err != nil {
		t.Fatal(err)
	}
	if err := <-got; !errors.Is(err, reactor.ErrOnLoop) {
		t.Errorf("%v", err)
	}
}

// TestNoProgram: a program that is not there is an error, and the next attempt may succeed.
func TestNoProgram(t *testing.T) {
	for range 2 {
		if _, err := inherit.Restart(t.Context(), inherit.Successor{Path: "/nonexistent/program"}); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("%v", err)
		}
	}
}

// TestCanceled: a context that ends kills the successor.
func TestCanceled(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	_, err := inherit.Restart(ctx, inherit.Successor{Env: append(os.Environ(), envRole+"=hangs")})
	if !errors.Is(err, context.DeadlineExceeded) || !errors.Is(err, inherit.ErrNotReady) {
		t.Errorf("%v", err)
	}
}
