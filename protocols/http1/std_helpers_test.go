package http1

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/calandria-go/calandria/reactor"
)

// testTimeout bounds every wait of these tests: it passes only in a test that fails.
const testTimeout = 20 * time.Second

// stdServer is a Server with a net/http handler on a listener of its own.
type stdServer struct {
	t    *testing.T
	r    *reactor.Reactor
	addr net.Addr
	log  *logLines
}

// startStd serves h over tcp until the test ends.
func startStd(t *testing.T, h http.Handler, change ...func(*Server, *reactor.Config)) *stdServer {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return serveStd(t, ln, h, change...)
}

// startUnix serves h over a unix socket.
func startUnix(t *testing.T, h http.Handler, change ...func(*Server, *reactor.Config)) *stdServer {
	t.Helper()
	ln, err := net.Listen("unix", filepath.Join(t.TempDir(), "s"))
	if err != nil {
		t.Fatal(err)
	}
	return serveStd(t, ln, h, change...)
}

func serveStd(t *testing.T, ln net.Listener, h http.Handler, change ...func(*Server, *reactor.Config)) *stdServer {
	t.Helper()
	lines := &logLines{}
	srv := &Server{Handler: Std(h), Logger: slog.New(slog.NewTextHandler(lines, nil))}
	cfg := reactor.Config{Logger: srv.Logger, StallAfter: -1}
	for _, f := range change {
		f(srv, &cfg)
	}
	r := reactor.New(cfg)
	if _, err := r.Listen(ln, srv); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithCancel(t.Context())
		cancel() // no grace: what is open is aborted
		r.Shutdown(ctx)
		noHandlersLeft(t)
	})
	return &stdServer{t, r, ln.Addr(), lines}
}

// noHandlersLeft fails a test that leaves a goroutine in a handler.
func noHandlersLeft(t *testing.T) {
	t.Helper()
	buf := make([]byte, 1<<20)
	for end := time.Now().Add(testTimeout); ; runtime.Gosched() {
		all := string(buf[:runtime.Stack(buf, true)])
		if !strings.Contains(all, "(*stdResponse)") {
			return
		}
		if time.Now().After(end) {
			t.Errorf("a handler is left:\n%s", all)
			return
		}
	}
}

// logLines collects what a server logs.
type logLines struct {
	mu sync.Mutex
	b  strings.Builder
}

func (l *logLines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logLines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func (s *stdServer) dial() net.Conn {
	s.t.Helper()
	return dialAddr(s.t, s.addr)
}

func dialAddr(t *testing.T, addr net.Addr) net.Conn {
	t.Helper()
	c, err := net.Dial(addr.Network(), addr.String())
	if err != nil {
		t.Fatal(err)
	}
	c.SetDeadline(time.Now().Add(testTimeout))
	t.Cleanup(func() { c.Close() })
	return c
}

// wait takes a value from ch, and fails the test when none comes.
func wait[T any](t *testing.T, ch <-chan T, what string) T {
	t.Helper()
	select {
	case v := <-ch:
		return v
	case <-time.After(testTimeout):
		t.Fatalf("timed out: %s", what)
		panic("unreachable")
	}
}

func get(path string) string { return "GET " + path + " HTTP/1.1\r\nHost: a\r\n\r\n" }

// readAnswer reads one response and its whole body.
func readAnswer(t *testing.T, br *bufio.Reader) (*http.Response, string) {
	t.Helper()
	res, err := http.ReadResponse(br, nil)
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res, string(body)
}

// exchange sends raw on a connection of its own, half-closes, and returns all that comes back.
func (s *stdServer) exchange(raw string) string {
	s.t.Helper()
	c := s.dial()
	fmt.Fprint(c, raw)
	c.(interface{ CloseWrite() error }).CloseWrite()
	all, err := io.ReadAll(c)
	if err != nil {
		s.t.Fatal(err)
	}
	return string(all)
}
