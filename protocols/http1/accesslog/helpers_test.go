package accesslog_test

import (
	"bytes"
	"io"
	"log/slog"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/calandria-go/calandria/protocols/http1"
	"github.com/calandria-go/calandria/protocols/http1/accesslog"
	"github.com/calandria-go/calandria/reactor"
	"github.com/calandria-go/calandria/reactor/reactortest"
)

func TestMain(m *testing.M) { reactortest.Main(m) }

const patience = 30 * time.Second

// sink is an output that can be looked at.
type sink struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (s *sink) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.buf.Write(p)
}

func (s *sink) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.buf.String()
}

// start gives a log that is closed with the test.
func start(t testing.TB, c accesslog.Config) *accesslog.Log {
	t.Helper()
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	l, err := c.New()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

// ask sends one request in memory to a server with the log, on a connection of its own, and reads what comes until the end.
func ask(t testing.TB, l *accesslog.Log, h http1.HandlerFunc, request string) string {
	t.Helper()
	r := reactortest.New(t, reactor.Config{Loops: 1})
	ln := reactortest.Listen()
	if _, err := r.Listen(ln, &http1.Server{Handler: h, OnDone: l.OnDone}); err != nil {
		t.Fatal(err)
	}
	c, err := ln.Dial()
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	return exchange(t, c, request)
}

func exchange(t testing.TB, c net.Conn, request string) string {
	t.Helper()
	c.SetDeadline(time.Now().Add(patience))
	if _, err := io.WriteString(c, request); err != nil {
		t.Fatal(err)
	}
	if w, ok := c.(interface{ CloseWrite() error }); ok {
		w.CloseWrite()
	}
	answer, err := io.ReadAll(c)
	if err != nil {
		t.Fatal(err)
	}
	return string(answer)
}

func flush(t testing.TB, l *accesslog.Log) {
	t.Helper()
	if err := l.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func hello(x *http1.Exchange) { x.Respond(200, "text/plain", []byte("hello")) }
