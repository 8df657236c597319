package health_test

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/calandria-go/calandria/protocols/http1"
	"github.com/calandria-go/calandria/protocols/http1/health"
	"github.com/calandria-go/calandria/reactor"
	"github.com/calandria-go/calandria/reactor/reactortest"
)

func TestMain(m *testing.M) { reactortest.Main(m) }

// host is a server in memory.
type host struct {
	r  *reactor.Reactor
	ln *reactortest.Listener
}

func start(t *testing.T, h http1.Handler) *host {
	t.Helper()
	r := reactortest.New(t, reactor.Config{Loops: 1, StallAfter: -1})
	ln := reactortest.Listen()
	if _, err := r.Listen(ln, &http1.Server{Handler: h}); err != nil {
		t.Fatal(err)
	}
	return &host{r, ln}
}

func (h *host) ask(t *testing.T, method string) (int, string) {
	t.Helper()
	c, err := h.ln.Dial()
	if err != nil {
		t.Error(err)
		return 0, ""
	}
	defer c.Close()
	io.WriteString(c, method+" /healthz HTTP/1.1\r\nHost: a\r\n\r\n")
	resp, err := http.ReadResponse(bufio.NewReader(c), &http.Request{Method: method})
	if err != nil {
		t.Error(err)
		return 0, ""
	}
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Error(err)
	}
	if resp.Header.Get("Cache-Control") != "no-store" {
		t.Error("the answer may be cached")
	}
	return resp.StatusCode, string(body)
}

func TestDrain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var h health.Handler
		s := start(t, &h)
		if status, text := s.ask(t, "GET"); status != 200 || text != "ok\n" {
			t.Errorf("%d %q", status, text)
		}
		if status, text := s.ask(t, "HEAD"); status != 200 || text != "" {
			t.Errorf("HEAD: %d %q", status, text)
		}
		if status, _ := s.ask(t, "POST"); status != 405 {
			t.Errorf("POST: %d", status)
		}
		h.Drain()
		if status, text := s.ask(t, "GET"); status != 503 || text != "draining\n" {
			t.Errorf("draining: %d %q", status, text)
		}
	})
}

// TestShutdown: a connection that was open before hears of the drain without a call of Drain.
func TestShutdown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := start(t, &health.Handler{})
		c, err := s.ln.Dial()
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		synctest.Wait()
		done := make(chan error, 1)
		go func() { done <- s.r.Shutdown(context.Background()) }()
		synctest.Wait()
		io.WriteString(c, "GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n")
		resp, err := http.ReadResponse(bufio.NewReader(c), nil)
		if err != nil || resp.StatusCode != 503 {
			t.Errorf("%v, %v", resp, err)
		}
		c.Close()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

func TestChecks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var runs atomic.Int32
		var bad atomic.Bool
		h := &health.Handler{Verbose: true, Checks: []health.Check{
			{"database", func(context.Context) error {
				runs.Add(1)
				if bad.Load() {
					return errors.New("refused")
				}
				return nil
			}},
			{"disk", func(context.Context) error {
				if bad.Load() {
					panic("boom")
				}
				return nil
			}},
		}}
		s := start(t, h)
		for range 3 { // within a second: one run
			if status, _ := s.ask(t, "GET"); status != 200 {
				t.Errorf("%d", status)
			}
		}
		bad.Store(true)
		if status, _ := s.ask(t, "GET"); status != 200 || runs.Load() != 1 {
			t.Errorf("%d, %d runs", status, runs.Load())
		}
		<-time.After(time.Second)
		if status, text := s.ask(t, "GET"); status != 503 || text != "not ready\ndatabase: refused\ndisk: panic: boom\n" {
			t.Errorf("%d %q", status, text)
		}
		bad.Store(false)
		<-time.After(time.Second)
		if status, _ := s.ask(t, "GET"); status != 200 || runs.Load() != 3 {
			t.Errorf("%d, %d runs", status, runs.Load())
		}
	})
}

// TestHangingCheck: a check that hangs costs the time limit, and one goroutine however often it is asked for.
func TestHangingCheck(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var runs atomic.Int32
		free := make(chan struct{})
		h := &health.Handler{Timeout: 2 * time.Second, Every: -1, Verbose: true, Checks: []health.Check{
			{"stuck", func(context.Context) error { // does not look at its context
				runs.Add(1)
				<-free
				return nil
			}},
		}}
		s := start(t, h)
		began := time.Now()
		var wg sync.WaitGroup
		for range 5 { // all wait for the one run
			wg.Go(func() {
				if status, text := s.ask(t, "GET"); status != 503 || !strings.Contains(text, "no answer within 2s") {
					t.Errorf("%d %q", status, text)
				}
			})
		}
		wg.Wait()
		if took := time.Since(began); took != 2*time.Second {
			t.Errorf("took %v", took)
		}
		if _, text := s.ask(t, "GET"); !strings.Contains(text, "stuck: the check hangs") {
			t.Errorf("%q", text)
		}
		if runs.Load() != 1 {
			t.Errorf("%d runs", runs.Load())
		}
		close(free)
		synctest.Wait()
		if status, _ := s.ask(t, "GET"); status != 200 {
			t.Errorf("%d", status)
		}
	})
}

// TestQuiet: without Verbose the answer says nothing about the inside.
func TestQuiet(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := start(t, &health.Handler{Checks: []health.Check{
			{"secret", func(context.Context) error { return errors.New("password wrong") }},
		}})
		if status, text := s.ask(t, "GET"); status != 503 || text != "not ready\n" {
			t.Errorf("%d %q", status, text)
		}
	})
}
