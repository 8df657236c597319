//go:build interop

package interop

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// httpd is the path of the program under test.
var httpd string

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "interop")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	httpd = filepath.Join(dir, "httpd")
	build := exec.Command("go", "build", "-tags", serverTags, "-o", httpd, "../cmd/httpd")
	build.Stderr = os.Stderr
	code := 1
	if err := build.Run(); err != nil {
		fmt.Fprintln(os.Stderr, "go build ../cmd/httpd:", err)
	} else {
		code = m.Run()
	}
	os.RemoveAll(dir)
	os.Exit(code)
}

// A server is a running httpd that listens on a TCP port and on a Unix socket.
type server struct {
	t      *testing.T
	cmd    *exec.Cmd
	addr   string // host:port
	port   int
	socket string // path
	exited chan error
	once   sync.Once
}

// start runs httpd, by way of another program if one is given, and waits until it listens. The test fails if httpd does not exit with 0 after SIGTERM at the end.
func start(t *testing.T, handler string, by ...string) *server {
	t.Helper()
	dir, err := os.MkdirTemp("", "httpd") // short: the path of a Unix socket has at most 107 bytes
	if err != nil {
		t.Fatal(err)
	}
	s := &server{t: t, socket: filepath.Join(dir, "s"), exited: make(chan error, 1)}
	argv := append(by, httpd, "-handler", handler, "-listen", "127.0.0.1:0", "-listen", "unix:"+s.socket)
	s.cmd = exec.Command(argv[0], argv[1:]...)
	var stderr bytes.Buffer
	s.cmd.Stderr = &stderr
	stdout, err := s.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ready := make(chan string, 1)
	go s.readOutput(stdout, ready)
	t.Cleanup(func() {
		if err := s.stop(); err != nil {
			t.Errorf("httpd after SIGTERM: %v", err)
		}
		if t.Failed() {
			t.Logf("httpd -handler %s logged\n%s", handler, tail(stderr.String(), 4000))
		}
		os.RemoveAll(dir)
	})
	select {
	case s.addr = <-ready:
	case <-time.After(20 * time.Second):
	}
	_, port, _ := net.SplitHostPort(s.addr)
	if s.port, err = strconv.Atoi(port); err != nil {
		t.Fatal("httpd does not listen")
	}
	return s
}

// readOutput sends the TCP address once both listeners are ready, then waits for the end of the process.
func (s *server) readOutput(stdout io.Reader, ready chan<- string) {
	addr, listening := "", 0
	for sc := bufio.NewScanner(stdout); sc.Scan(); {
		url, ok := strings.CutPrefix(sc.Text(), "listening on ")
		if !ok {
			continue
		}
		if host, ok := strings.CutPrefix(url, "http://127.0.0.1:"); ok {
			addr = "127.0.0.1:" + strings.TrimSuffix(host, "/")
		}
		if listening++; listening == 2 {
			ready <- addr
		}
	}
	if listening < 2 {
		ready <- ""
	}
	s.exited <- s.cmd.Wait()
}

// terminate asks the server to drain.
func (s *server) terminate() {
	if err := s.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		s.t.Error(err)
	}
}

// stop terminates the server unless that was done before, and returns how it exited.
func (s *server) stop() (err error) {
	s.once.Do(func() {
		_ = s.cmd.Process.Signal(syscall.SIGTERM) // may have exited
		err = s.wait(30 * time.Second)
	})
	return err
}

// wait waits for the exit of a terminated server and kills it after the given time.
func (s *server) wait(limit time.Duration) error {
	select {
	case err := <-s.exited:
		return err
	case <-time.After(limit):
		_ = s.cmd.Process.Kill()
		return fmt.Errorf("still running after %v", limit)
	}
}

func (s *server) url(path string) string { return "http://" + s.addr + path }

// dial connects over "tcp" or "unix".
func (s *server) dial(ctx context.Context, network string) (net.Conn, error) {
	addr := s.addr
	if network == "unix" {
		addr = s.socket
	}
	return new(net.Dialer).DialContext(ctx, network, addr)
}

// eachHandler runs f as a subtest against a server of either kind.
func eachHandler(t *testing.T, f func(t *testing.T, s *server)) {
	for _, handler := range []string{"native", "std"} {
		t.Run(handler, func(t *testing.T) { f(t, start(t, handler)) })
	}
}

var networks = []string{"tcp", "unix"}

// soak reports whether the full counts are wanted.
func soak() bool { return os.Getenv("CALANDRIA_SOAK") != "" }

// A result is what a program left behind.
type result struct {
	stdout, stderr string
	err            error
}

// run runs a program to its end, a minute at most unless the context ends before.
func run(t *testing.T, stdin io.Reader, name string, args ...string) result {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, name, args...)
	var stdout, stderr bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = stdin, &stdout, &stderr
	cmd.WaitDelay = time.Second
	err := cmd.Run()
	if ctx.Err() != nil {
		err = fmt.Errorf("%s: %w", name, ctx.Err())
	}
	return result{stdout.String(), stderr.String(), err}
}

// mustRun is run for a program that has to exit with 0.
func mustRun(t *testing.T, stdin io.Reader, name string, args ...string) result {
	t.Helper()
	r := run(t, stdin, name, args...)
	if r.err != nil {
		t.Fatalf("%s %q: %v\n%s%s", name, args, r.err, tail(r.stdout, 2000), tail(r.stderr, 2000))
	}
	return r
}

// need skips the test if a program is not installed; where CI is set, that is a failure.
func need(t *testing.T, program string) {
	t.Helper()
	if _, err := exec.LookPath(program); err == nil {
		return
	}
	if os.Getenv("CI") != "" {
		t.Fatalf("%s is not installed", program)
	}
	t.Skipf("%s is not installed", program)
}

func tail(s string, n int) string { return s[max(0, len(s)-n):] }
