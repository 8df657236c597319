//go:build linux

package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"time"
)

// Bounds of a server's life cycle.
const (
	readyTimeout   = 10 * time.Second
	controlTimeout = 60 * time.Second
	stopTimeout    = 5 * time.Second
)

// server is a running target.
type server struct {
	cmd     *exec.Cmd
	addr    string
	input   io.WriteCloser
	answers chan string // lines of standard output; of interest only to control
	log     *tail
	done    chan struct{} // closed when the process has ended
	tls     string        // as in target
	workers []int         // processes of its own, if it is nginx
}

// startServer starts the target on a free port and waits until it has answered a request.
func startServer(ctx context.Context, t *target, control bool) (*server, error) {
	addr, err := freeAddr()
	if err != nil {
		return nil, err
	}
	s := &server{addr: addr, tls: t.tls, log: &tail{}, answers: make(chan string, 64), done: make(chan struct{})}
	if s.cmd, err = t.command(ctx, addr, control); err != nil {
		return nil, err
	}
	s.cmd.Env = cleanEnv(os.Environ())
	s.cmd.Stderr = s.log
	if s.input, err = s.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := s.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := s.cmd.Start(); err != nil {
		return nil, err
	}
	go s.collect(out)
	if err := s.waitReady(); err != nil {
		s.stop()
		return nil, fmt.Errorf("%s: %w; it said: %s", t.name, err, s.log)
	}
	if t.nginx != nil {
		if s.workers, err = s.waitWorkers(nginxWorkers); err != nil {
			s.stop()
			return nil, err
		}
	}
	return s, nil
}

// waitWorkers waits until the server has n processes of its own: one may answer before the next one is there.
func (s *server) waitWorkers(n int) ([]int, error) {
	for deadline := time.Now().Add(readyTimeout); ; time.Sleep(time.Millisecond) {
		pids, err := childrenOf(s.pid())
		if err != nil || len(pids) == n {
			return pids, err
		}
		if time.Now().After(deadline) {
			return pids, fmt.Errorf("%d of %d workers after %v", len(pids), n, readyTimeout)
		}
	}
}

// command prepares the process.
func (t *target) command(ctx context.Context, addr string, control bool) (*exec.Cmd, error) {
	if t.nginx != nil {
		return t.nginx.command(ctx, t.path, addr)
	}
	args := append([]string{}, t.args...)
	if t.name == floorName {
		args = append(args, addr)
	} else {
		args = append(args, "-listen", addr)
	}
	if control && t.control {
		args = append(args, "-control")
	}
	return exec.CommandContext(ctx, t.path, args...), nil
}

// collect hands on the server's lines until it closes its output, then reaps it.
func (s *server) collect(out io.Reader) {
	for lines := bufio.NewScanner(out); lines.Scan(); {
		select {
		case s.answers <- lines.Text():
		default: // nobody listens
		}
	}
	_ = s.cmd.Wait()
	close(s.done)
}

func (s *server) pid() int { return s.cmd.Process.Pid }

// pids are all its processes.
func (s *server) pids() []int { return append([]int{s.pid()}, s.workers...) }

// url is that of a path on the server.
func (s *server) url(path string) string {
	if s.tls != "" {
		return "https://" + s.addr + path
	}
	return "http://" + s.addr + path
}

// waitReady connects until the server accepts, then checks its answers.
func (s *server) waitReady() error {
	for deadline := time.Now().Add(readyTimeout); ; {
		select {
		case <-s.done:
			return errors.New("it ended at once")
		default:
		}
		c, err := dialVersion(s.addr, "", s.tls)
		if err == nil {
			defer c.close()
			return c.check()
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("not ready after %v: %w", readyTimeout, err)
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// ask sends a control command and returns the server's answer.
func (s *server) ask(command string) (string, error) {
	for drained := false; !drained; {
		select {
		case <-s.answers: // what it said on its own, such as "listening on"
		default:
			drained = true
		}
	}
	if _, err := fmt.Fprintln(s.input, command); err != nil {
		return "", err
	}
	select {
	case line := <-s.answers:
		return line, nil
	case <-s.done:
		return "", fmt.Errorf("%s: the server has ended: %s", command, s.log)
	case <-time.After(controlTimeout):
		return "", fmt.Errorf("%s: no answer in %v", command, controlTimeout)
	}
}

// stop ends the server, in the end by force, and waits for it.
func (s *server) stop() {
	_ = s.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-s.done:
		return
	case <-time.After(stopTimeout):
	}
	_ = s.cmd.Process.Kill()
	for _, pid := range s.workers { // whose master could not see to them, and which hold our pipe
		_ = syscall.Kill(pid, syscall.SIGKILL)
	}
	<-s.done
}

// freeAddr is a loopback address whose port nobody listens on now.
func freeAddr() (string, error) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer ln.Close()
	return ln.Addr().String(), nil
}

// cleanEnv drops the variables that would tune the Go runtime of the servers.
func cleanEnv(env []string) []string {
	var kept []string
	for _, entry := range env {
		switch name, _, _ := strings.Cut(entry, "="); name {
		case "GOGC", "GOMEMLIMIT", "GODEBUG", "GOMAXPROCS", "GOTRACEBACK":
		default:
			kept = append(kept, entry)
		}
	}
	return kept
}

// tail keeps the last 2 KiB written to it, for messages. Safe for concurrent use.
type tail struct {
	mu   sync.Mutex
	text []byte
}

func (t *tail) Write(p []byte) (int, error) {
	const most = 2 << 10
	t.mu.Lock()
	defer t.mu.Unlock()
	t.text = append(t.text, p...)
	t.text = bytes.Clone(t.text[max(0, len(t.text)-most):])
	return len(p), nil
}

func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	if text := strings.TrimSpace(string(t.text)); text != "" {
		return text
	}
	return "nothing"
}
