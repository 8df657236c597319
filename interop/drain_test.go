//go:build interop

package interop

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// TestDrain: SIGTERM under load. Requests that the server has begun are answered, the process exits with 0, and nobody
// listens any more.
func TestDrain(t *testing.T) {
	need(t, "wrk")
	need(t, "curl")
	repeats := 5
	if soak() {
		repeats = 100
	}
	for i := range repeats {
		t.Run(strconv.Itoa(i), func(t *testing.T) { eachHandler(t, drain) })
	}
}

func drain(t *testing.T, s *server) {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	load := exec.CommandContext(ctx, "wrk", "-t1", "-c32", "-d30s", s.url("/plaintext"))
	if err := load.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		_ = load.Process.Kill()
		_ = load.Wait() // killed: its status says so
	}()
	stopped, served := closedLoop(ctx, t, s)

	var begun sync.WaitGroup
	var ports []int
	for i := range 20 {
		network := networks[i%2]
		conn, err := s.dial(ctx, network)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(conn, "GET /sleep?ms=3000 HTTP/1.1\r\nHost: localhost\r\n\r\n"); err != nil {
			t.Fatal(err)
		}
		switch conn := conn.(type) {
		case *net.TCPConn:
			ports = append(ports, conn.LocalAddr().(*net.TCPAddr).Port)
		case *net.UnixConn:
			poll(ctx, t, "the server to read a request", func() bool { return unread(t, conn) == 0 })
		}
		begun.Go(func() {
			defer conn.Close()
			if err := readAnswer(conn); err != nil {
				t.Errorf("a request in flight over %s: %v", network, err)
			}
		})
	}
	curl := exec.CommandContext(ctx, "curl", "-sv", "-o", os.DevNull, "-w", "%{http_code}", s.url("/sleep?ms=3000"))
	var code bytes.Buffer
	curl.Stdout = &code
	sent, err := curl.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := curl.Start(); err != nil {
		t.Fatal(err)
	}
	s.waitUntilRead(ctx, t, append(ports, s.curlPort(t, curl.Process.Pid, sent)))

	s.terminate()
	begun.Wait()
	_, _ = io.Copy(io.Discard, sent) // to the end of curl, before Wait closes the pipe
	if err := curl.Wait(); err != nil || code.String() != "200" {
		t.Errorf("curl in flight: %v, status %q", err, code.String())
	}
	if err := s.stop(); err != nil {
		t.Errorf("exit: %v", err)
	}
	for _, network := range networks {
		if conn, err := s.dial(ctx, network); err == nil {
			conn.Close()
			t.Errorf("%s still accepts after the exit", network)
		}
	}
	<-stopped
	t.Logf("%d requests were answered meanwhile", served.Load())
}

// closedLoop sends requests on 8 connections, one after another, until the server is gone. An answer may be missing, when
// the connection was idle in the server's eyes, but not begun and broken off.
func closedLoop(ctx context.Context, t *testing.T, s *server) (stopped <-chan struct{}, served *atomic.Int64) {
	served = new(atomic.Int64)
	done := make(chan struct{})
	var loops sync.WaitGroup
	for i := range 8 {
		loops.Go(func() {
			for ctx.Err() == nil {
				conn, err := s.dial(ctx, networks[i%2])
				if err != nil {
					return
				}
				for err == nil {
					if err = request(conn); err == nil {
						served.Add(1)
					}
				}
				conn.Close()
				if !errors.Is(err, errNoMore) {
					t.Errorf("a request under load: %v", err)
				}
			}
		})
	}
	go func() { loops.Wait(); close(done) }()
	return done, served
}

// errNoMore: the server closed the connection between two answers.
var errNoMore = errors.New("connection closed by the server")

// request sends one request and reads the answer.
func request(conn net.Conn) error {
	if _, err := io.WriteString(conn, "GET /plaintext HTTP/1.1\r\nHost: localhost\r\n\r\n"); err != nil {
		return errNoMore
	}
	return readAnswer(conn)
}

func readAnswer(conn net.Conn) error {
	br := bufio.NewReader(conn)
	if _, err := br.Peek(1); errors.Is(err, io.EOF) || errors.Is(err, syscall.ECONNRESET) {
		return errNoMore
	}
	resp, err := http.ReadResponse(br, nil)
	if err != nil {
		return err
	}
	if _, err := io.Copy(io.Discard, resp.Body); err != nil {
		return fmt.Errorf("body: %w", err)
	}
	if resp.StatusCode != http.StatusOK {
		return errors.New(resp.Status)
	}
	return nil
}

// waitUntilRead waits until the server has read all that came from the given TCP ports.
func (s *server) waitUntilRead(ctx context.Context, t *testing.T, clientPorts []int) {
	t.Helper()
	poll(ctx, t, "the server to read the requests", func() bool {
		read := map[int]bool{}
		for _, c := range s.tcpTable(t) {
			if c.remote != s.port {
				read[c.remote] = c.unread == 0
			}
		}
		for _, p := range clientPorts {
			if !read[p] {
				return false
			}
		}
		return true
	})
}

// unread is what the peer of a Unix socket has not read yet: the kernel accounts it to the sender.
func unread(t *testing.T, conn *net.UnixConn) (n int) {
	t.Helper()
	raw, err := conn.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	if err2 := raw.Control(func(fd uintptr) { n, err = unix.IoctlGetInt(int(fd), unix.SIOCOUTQ) }); err != nil || err2 != nil {
		t.Fatal(err, err2)
	}
	return n
}

// curlPort waits until curl, started with -v, reports that it has sent its request, and returns its local port.
func (s *server) curlPort(t *testing.T, pid int, verbose io.Reader) int {
	t.Helper()
	for sc := bufio.NewScanner(verbose); ; {
		if !sc.Scan() {
			t.Fatal("curl ended before its request was sent")
		}
		if strings.HasPrefix(sc.Text(), "> GET ") {
			break
		}
	}
	dir := fmt.Sprintf("/proc/%d/fd/", pid)
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	sockets := map[string]bool{}
	for _, e := range entries {
		if link, err := os.Readlink(dir + e.Name()); err == nil {
			sockets[strings.Trim(strings.TrimPrefix(link, "socket:"), "[]")] = true
		}
	}
	for _, c := range s.tcpTable(t) {
		if sockets[c.inode] {
			return c.local
		}
	}
	t.Fatal("curl has no connection")
	return 0
}

// A tcpConn is one end of an established connection.
type tcpConn struct {
	local, remote int
	unread        uint64
	inode         string
}

// tcpTable reads from /proc/net/tcp the established connections to s, both ends of each. There may be 100,000 other lines,
// of connections that are long closed, so it looks before it parses.
func (s *server) tcpTable(t *testing.T) []tcpConn {
	t.Helper()
	b, err := os.ReadFile("/proc/net/tcp")
	if err != nil {
		t.Fatal(err)
	}
	const established = " 01 "
	port := fmt.Sprintf(":%04X ", s.port)
	var conns []tcpConn
	for line := range strings.Lines(string(b)) {
		if !strings.Contains(line, port) || !strings.Contains(line, established) {
			continue
		}
		var n, laddr, raddr, state, txq uint64
		var c tcpConn
		_, err := fmt.Sscanf(line, "%d: %x:%x %x:%x %x %x:%x", &n, &laddr, &c.local, &raddr, &c.remote, &state, &txq, &c.unread)
		if f := strings.Fields(line); err == nil && len(f) > 9 && state == 1 {
			c.inode = f[9]
			conns = append(conns, c)
		}
	}
	return conns
}

// poll asks every 2 ms.
func poll(ctx context.Context, t *testing.T, what string, ok func() bool) {
	t.Helper()
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for !ok() {
		select {
		case <-ctx.Done():
			t.Fatalf("waited in vain for %s", what)
		case <-tick.C:
		}
	}
}
