//go:build linux && !portable

package inherit_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
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

// line is what a server says: what it is about, of which process, and the rest.
type line struct {
	what string
	pid  int
	rest string
}

// family is a server with all its successors.
type family struct {
	t     testing.TB
	lines chan line
	mu    sync.Mutex
	pids  []int
}

// seen notes a process, to be killed if the test fails.
func (f *family) seen(pid int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.pids = append(f.pids, pid)
}

// start runs the test binary as a server.
func start(t testing.TB, role, targets string, prepare func(*exec.Cmd)) *family {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), envRole+"="+role, envTargets+"="+targets)
	cmd.Stdout, cmd.Stderr = w, os.Stderr
	if prepare != nil {
		prepare(cmd)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	w.Close()
	f := &family{t: t, lines: make(chan line, 64)}
	read := make(chan struct{})
	go func() { // ends when the last of the family has
		defer close(read)
		for in := bufio.NewScanner(r); in.Scan(); {
			what, rest, _ := strings.Cut(in.Text(), " ")
			id, rest, _ := strings.Cut(rest, " ")
			pid, _ := strconv.Atoi(id)
			f.seen(pid)
			select {
			case f.lines <- line{what, pid, rest}:
			default:
			}
		}
	}()
	t.Cleanup(func() {
		if t.Failed() {
			cmd.Process.Kill()
			f.mu.Lock()
			for _, pid := range f.pids {
				syscall.Kill(pid, syscall.SIGKILL)
			}
			f.mu.Unlock()
			r.SetReadDeadline(time.Now().Add(time.Second))
		}
		cmd.Wait()
		<-read
		r.Close()
	})
	return f
}

// next is the next line, which must be of that kind.
func (f *family) next(what string) line {
	f.t.Helper()
	select {
	case l := <-f.lines:
		if l.what != what {
			f.t.Fatalf("got %+v, want a line %q", l, what)
		}
		return l
	case <-time.After(patience):
		f.t.Fatalf("no line %q within %v", what, patience)
	}
	return line{}
}

func (f *family) signal(pid int, s syscall.Signal) {
	f.t.Helper()
	if err := syscall.Kill(pid, s); err != nil {
		f.t.Fatalf("%v to %d: %v", s, pid, err)
	}
}

// stop ends the last of the family.
func (f *family) stop(pid int) {
	f.t.Helper()
	f.signal(pid, syscall.SIGTERM)
	if l := f.next("drained"); l.pid != pid || l.rest != "<nil>" {
		f.t.Errorf("drained: %+v", l)
	}
}

// socketPath gives a path short enough for a socket.
func socketPath(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "inh")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return filepath.Join(dir, "s")
}

// client asks for the process id, on one connection for as long as the server keeps it.
type client struct {
	network, addr string
	fresh         bool // a connection for each request
	c             net.Conn
	br            *bufio.Reader
}

func (k *client) ask() (pid string, err error) {
	if k.c == nil {
		if k.c, err = net.DialTimeout(k.network, k.addr, patience); err != nil {
			return "", fmt.Errorf("connect: %w", err)
		}
		k.br = bufio.NewReader(k.c)
		k.c.SetDeadline(time.Now().Add(patience))
	}
	if _, err := io.WriteString(k.c, "GET / HTTP/1.1\r\nHost: a\r\n\r\n"); err != nil {
		return "", err
	}
	resp, err := http.ReadResponse(k.br, nil)
	if err != nil {
		return "", err
	}
	body, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode != 200 {
		err = fmt.Errorf("status %d", resp.StatusCode)
	}
	if k.fresh || resp.Close {
		k.close()
	}
	return string(body), err
}

func (k *client) close() {
	if k.c != nil {
		k.c.Close()
		k.c = nil
	}
}

// load asks from several clients until stop is called, which gives the number of requests and the failures.
func load(network, addr string, clients int) (stop func() (done int, failed []error)) {
	var wg sync.WaitGroup
	var mu sync.Mutex
	var done int
	var failed []error
	quit := make(chan struct{})
	for i := range clients {
		wg.Go(func() {
			k := &client{network: network, addr: addr, fresh: i%4 == 0}
			defer k.close()
			tick := time.NewTicker(time.Millisecond)
			defer tick.Stop()
			for {
				_, err := k.ask()
				mu.Lock()
				done++
				if err != nil {
					failed = append(failed, err)
				}
				mu.Unlock()
				if err != nil {
					k.close()
				}
				select {
				case <-quit:
					return
				case <-tick.C:
				}
			}
		})
	}
	return func() (int, []error) {
		close(quit)
		wg.Wait()
		return done, failed
	}
}
