//go:build interop

package proxy_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/calandria-go/calandria/reactor"
	"github.com/calandria-go/calandria/reactor/reactortest"
	"github.com/calandria-go/calandria/transports/proxy"
	"github.com/calandria-go/calandria/transports/tcp"
)

// startProxy runs a proxy until the test ends, and returns when it listens at addr.
func startProxy(t *testing.T, addr, name string, args ...string) {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		path = filepath.Join("/usr/sbin", name) // daemons are not in everybody's path
		if _, err := os.Stat(path); err != nil {
			if os.Getenv("CI") != "" {
				t.Fatalf("%s is not installed", name)
			}
			t.Skipf("%s is not installed", name)
		}
	}
	cmd := exec.Command(path, args...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	log, err := os.Create(filepath.Join(t.TempDir(), "log"))
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) // its children too
		cmd.Wait()
		if t.Failed() {
			text, _ := os.ReadFile(log.Name())
			t.Logf("%s: %s", name, text)
		}
	})
	for end := time.Now().Add(patience); ; <-time.After(10 * time.Millisecond) {
		c, err := net.Dial("tcp", addr)
		if err == nil {
			c.Close()
			return
		}
		if time.Now().After(end) {
			t.Fatalf("%s: %v", name, err)
		}
	}
}

// echoes is a server that sends back what it gets.
func echoes(t *testing.T, r *reactor.Reactor) string {
	t.Helper()
	ln, err := tcp.Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.Listen(ln, reactor.ProtocolFunc(func(*reactor.Conn) reactor.Handler { return echoer{} })); err != nil {
		t.Fatal(err)
	}
	return ln.Addr().String()
}

func TestSOCKS5Microsocks(t *testing.T) {
	r := reactortest.NewDefault(t, reactor.Config{Loops: 2})
	target := echoes(t, r)
	closed := freePort(t)
	for _, login := range []bool{false, true} {
		port := freePort(t)
		d := proxy.SOCKS5{Proxy: fmt.Sprint("127.0.0.1:", port)}
		args := []string{"-i", "127.0.0.1", "-p", fmt.Sprint(port)}
		if login {
			args = append(args, "-u", "anna", "-P", "secret")
		}
		startProxy(t, d.Proxy, "microsocks", args...)
		if login {
			if _, err := askThrough(t, r, &d, target); !errors.Is(err, proxy.ErrSOCKSMethod) {
				t.Errorf("without a login: %v", err)
			}
			d.Username, d.Password = "anna", "wrong"
			if _, err := askThrough(t, r, &d, target); !errors.Is(err, proxy.ErrSOCKSLogin) {
				t.Errorf("with a wrong login: %v", err)
			}
			d.Password = "secret"
		}
		_, service, _ := net.SplitHostPort(target)
		for _, addr := range []string{target, "localhost:" + service} {
			if err := talkThrough(t, r, &d, addr); err != nil {
				t.Errorf("%s: %v", addr, err)
			}
		}
		if _, err := askThrough(t, r, &d, fmt.Sprint("127.0.0.1:", closed)); !errors.Is(err, syscall.ECONNREFUSED) {
			t.Errorf("nobody there: %v", err)
		}
	}
}

func TestSOCKS5Dante(t *testing.T) {
	r := reactortest.NewDefault(t, reactor.Config{Loops: 2})
	target := echoes(t, r)
	port, blocked, closed := freePort(t), freePort(t), freePort(t)
	d := proxy.SOCKS5{Proxy: fmt.Sprint("127.0.0.1:", port)}
	dir := t.TempDir()
	conf := filepath.Join(dir, "danted.conf")
	text := fmt.Sprintf(`logoutput: stderr
internal: 127.0.0.1 port = %d
external: 127.0.0.1
clientmethod: none
socksmethod: none
client pass { from: 0.0.0.0/0 to: 0.0.0.0/0 }
socks block { from: 0.0.0.0/0 to: 127.0.0.1/32 port = %d }
socks pass { from: 0.0.0.0/0 to: 0.0.0.0/0 }
`, port, blocked)
	if err := os.WriteFile(conf, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	startProxy(t, d.Proxy, "danted", "-f", conf, "-p", filepath.Join(dir, "pid"))
	_, service, _ := net.SplitHostPort(target)
	for _, addr := range []string{target, "localhost:" + service} {
		if got, err := askThrough(t, r, &d, addr); err != nil || got != "open" {
			t.Errorf("%s: %q, %v", addr, got, err)
		}
	}
	if _, err := askThrough(t, r, &d, fmt.Sprint("127.0.0.1:", blocked)); !errors.Is(err, proxy.ErrSOCKSNotAllowed) {
		t.Errorf("blocked: %v", err)
	}
	if _, err := askThrough(t, r, &d, fmt.Sprint("127.0.0.1:", closed)); !errors.Is(err, proxy.ErrSOCKSRefused) {
		t.Errorf("nobody there: %v", err)
	}
	if _, err := askThrough(t, r, &d, "[::1]:"+service); err == nil {
		t.Error("IPv6 through a proxy without it")
	}
	bulk(t, r, &d, target)
}

// bulk is a large transfer both ways at once, in which the client half-closes first.
func bulk(t *testing.T, r *reactor.Reactor, d *proxy.SOCKS5, target string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	s, err := d.DialContext(ctx, r, target)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	s.SetDeadline(time.Now().Add(patience))
	const size = 32 << 20
	go func() {
		io.CopyN(s, zeros{}, size)
		s.CloseWrite()
	}()
	n, err := io.Copy(io.Discard, s)
	if err != nil || n < size {
		t.Errorf("%d bytes, %v", n, err)
	}
}

// talkThrough sends and reads by a dialer, without a half-close: microsocks ends a connection at the first end of either side.
func talkThrough(t *testing.T, r *reactor.Reactor, d *proxy.SOCKS5, addr string) error {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	s, err := d.DialContext(ctx, r, addr)
	if err != nil {
		return err
	}
	defer s.Close()
	s.SetDeadline(time.Now().Add(patience))
	want := append([]byte("open|"), bytes.Repeat([]byte("0123456789abcdef"), 10_000)...)
	go s.Write(want[len("open|"):])
	got := make([]byte, len(want))
	if _, err := io.ReadFull(s, got); err != nil {
		return err
	}
	if !bytes.Equal(got, want) {
		return errors.New("other bytes")
	}
	return nil
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}
