//go:build interop

package interop

import (
	"bufio"
	"bytes"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// A site is a running httpd with whatever flags, whose listeners are known by what it prints. It may be replaced by a
// successor.
type site struct {
	t      *testing.T
	urls   []string // of the first process, in the order of its flags
	stderr *notes
	lines  chan string // that follow on standard output: the successors'

	mu  sync.Mutex
	pid int // of the process that serves now
}

// notes is a program's standard error, which is read while it runs.
type notes struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (n *notes) Write(p []byte) (int, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.text.Write(p)
}

func (n *notes) String() string {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.text.String()
}

// runSite runs httpd with these flags and waits until it has printed want listeners. At the end it is terminated, and must
// exit with 0.
func runSite(t *testing.T, want int, args ...string) *site {
	t.Helper()
	out, in, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	errOut, errIn, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	s := &site{t: t, stderr: &notes{}, lines: make(chan string, 1000)}
	cmd := exec.Command(httpd, args...)
	cmd.Stdout, cmd.Stderr = in, errIn
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	in.Close()
	errIn.Close()
	s.pid = cmd.Process.Pid
	exited := make(chan error, 1)
	go func() { exited <- cmd.Wait() }()
	var read sync.WaitGroup
	read.Go(func() { io.Copy(s.stderr, errOut) })
	read.Go(func() {
		for sc := bufio.NewScanner(out); sc.Scan(); {
			s.lines <- sc.Text()
		}
	})
	t.Cleanup(func() {
		s.end(exited)
		read.Wait() // until the last process has closed its ends
		out.Close()
		errOut.Close()
		if t.Failed() {
			t.Logf("httpd %q logged\n%s", args, tail(s.stderr.String(), 4000))
		}
	})
	s.urls = s.listening(want)
	return s
}

// listening reads the next lines of standard output.
func (s *site) listening(want int) (urls []string) {
	s.t.Helper()
	for range want {
		select {
		case line := <-s.lines:
			url, ok := strings.CutPrefix(line, "listening on ")
			if !ok {
				s.t.Fatalf("httpd printed %q", line)
			}
			urls = append(urls, strings.TrimSuffix(url, "/"))
		case <-time.After(20 * time.Second):
			s.t.Fatalf("httpd does not listen; it logged\n%s", tail(s.stderr.String(), 4000))
		}
	}
	return urls
}

func (s *site) signal(sig syscall.Signal) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := syscall.Kill(s.pid, sig); err != nil {
		s.t.Errorf("%v to process %d: %v", sig, s.pid, err)
	}
}

// end terminates the process that serves, and waits for it and for the first one.
func (s *site) end(first <-chan error) {
	s.signal(syscall.SIGTERM)
	select {
	case err := <-first:
		if err != nil {
			s.t.Errorf("httpd: %v", err)
		}
	case <-time.After(40 * time.Second):
		s.t.Error("httpd does not end")
		s.signal(syscall.SIGKILL)
		<-first
	}
	for deadline := time.Now().Add(40 * time.Second); syscall.Kill(s.pid, 0) == nil; {
		if time.Now().After(deadline) {
			s.t.Errorf("process %d does not end", s.pid)
			syscall.Kill(s.pid, syscall.SIGKILL)
			return
		}
		<-time.After(20 * time.Millisecond)
	}
}
