package http1_test

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/calandria-go/calandria/protocols/http1"
	"github.com/calandria-go/calandria/protocols/http1/internal/conform"
	"github.com/calandria-go/calandria/reactor"
	"github.com/calandria-go/calandria/reactor/reactortest"
)

// patience bounds every wait for an event over real sockets. It is long: what it catches is a hang.
const patience = 30 * time.Second

// late is how much later than asked for a timer may fire: a tick of the wheel and one of the loop.
const late = 20 * time.Millisecond

func soaking() bool { return os.Getenv("CALANDRIA_SOAK") != "" }

// size is n, less under the race detector, and more in a soak.
func size(n, race, soak int) int {
	switch {
	case soaking():
		return soak
	case raceDetector:
		return race
	}
	return n
}

// report prints what a soak measured, and fails the test beyond the limit.
func report(t *testing.T, name, metric string, value, limit float64) {
	t.Helper()
	if value > limit {
		t.Errorf("FAIL %s %s=%.6g limit=%.6g", name, metric, value, limit)
		return
	}
	if soaking() {
		fmt.Printf("PASS %s %s=%.6g limit=%.6g\n", name, metric, value, limit)
	} else {
		t.Logf("PASS %s %s=%.6g limit=%.6g", name, metric, value, limit)
	}
}

// quiet is a logger that says nothing.
var quiet = slog.New(slog.DiscardHandler)

// journal is a log for looking at while it is written.
type journal struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (j *journal) Write(p []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.buf.Write(p)
}

func (j *journal) count(what string) int {
	j.mu.Lock()
	defer j.mu.Unlock()
	return strings.Count(j.buf.String(), what)
}

func logger(j *journal) *slog.Logger { return slog.New(slog.NewTextHandler(j, nil)) }

// --- servers

// host is a Server on a reactor, and how its connections ended.
type host struct {
	t      testing.TB
	r      *reactor.Reactor
	ln     *reactortest.Listener // in memory
	addr   net.Addr              // over sockets
	log    *journal
	mu     sync.Mutex
	ends   []string // reasons of closes, in order
	change chan struct{}
}

func newHost(t testing.TB, cfg *reactor.Config) *host {
	h := &host{t: t, log: &journal{}, change: make(chan struct{}, 1)}
	if cfg.Logger == nil {
		cfg.Logger = logger(h.log)
	}
	if cfg.StallAfter == 0 {
		cfg.StallAfter = -1
	}
	cfg.Trace = &reactor.Trace{Closed: func(_ *reactor.Conn, _ error, reason string) {
		h.mu.Lock()
		h.ends = append(h.ends, reason)
		h.mu.Unlock()
		select {
		case h.change <- struct{}{}:
		default:
		}
	}}
	return h
}

func (h *host) reasons() []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return append([]string(nil), h.ends...)
}

// closed waits until n connections have ended, and returns the reason of the last.
func (h *host) closed(n int) string {
	h.t.Helper()
	limit := time.After(patience)
	for {
		if got := h.reasons(); len(got) >= n {
			return got[n-1]
		}
		select {
		case <-h.change:
		case <-limit:
			h.t.Fatalf("%d of %d connections have ended within %v", len(h.reasons()), n, patience)
		}
	}
}

// stats are the counters of all loops.
func (h *host) stats() reactor.LoopStats {
	h.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	s, err := h.r.Stats(ctx)
	if err != nil {
		h.t.Fatal(err)
	}
	return s.Total()
}

// bubble runs f with a server in memory, where the clock is synctest's.
func bubble(t *testing.T, srv *http1.Server, cfg reactor.Config, f func(t *testing.T, h *host)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		h := newHost(t, &cfg)
		if cfg.Loops == 0 {
			cfg.Loops = 1
		}
		h.r = reactortest.New(t, cfg)
		h.ln = reactortest.Listen()
		if _, err := h.r.Listen(h.ln, srv); err != nil {
			t.Fatal(err)
		}
		f(t, h)
	})
}

// dial opens a connection in memory.
func (h *host) dial() *peer {
	h.t.Helper()
	c, err := h.ln.Dial()
	if err != nil {
		h.t.Fatal(err)
	}
	h.t.Cleanup(func() { c.Close() })
	return newPeer(h.t, c)
}

// serve starts a server on the engine of this build, over "tcp" or "unix".
func serve(t testing.TB, network string, srv *http1.Server, cfg reactor.Config) *host {
	t.Helper()
	h := newHost(t, &cfg)
	h.r = reactortest.NewDefault(t, cfg)
	addr := "127.0.0.1:0"
	if network == "unix" {
		dir, err := os.MkdirTemp("", "h1") // a short name: a socket's path has 107 bytes
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { os.RemoveAll(dir) })
		addr = filepath.Join(dir, "s")
	}
	ln, err := net.Listen(network, addr)
	if err != nil {
		t.Fatal(err)
	}
	h.addr = ln.Addr()
	if _, err := h.r.Listen(ln, srv); err != nil {
		t.Fatal(err)
	}
	return h
}

// connect opens a real connection with a deadline, closed when the test ends.
func (h *host) connect() *peer {
	h.t.Helper()
	p, err := h.tryConnect()
	if err != nil {
		h.t.Fatal(err)
	}
	h.t.Cleanup(func() { p.Close() })
	return p
}

// tryConnect is connect for other goroutines and for great numbers: the caller closes.
func (h *host) tryConnect() (*peer, error) {
	c, err := net.Dial(h.addr.Network(), h.addr.String())
	if err != nil {
		return nil, err
	}
	c.SetDeadline(time.Now().Add(patience))
	return newPeer(h.t, c), nil
}

// eventually waits for what no channel tells.
func eventually(t testing.TB, what string, cond func() bool) {
	t.Helper()
	limit, tick := time.After(patience), time.NewTicker(2*time.Millisecond)
	defer tick.Stop()
	for !cond() {
		select {
		case <-tick.C:
		case <-limit:
			t.Fatalf("not within %v: %s", patience, what)
		}
	}
}

// --- without sockets

var dateField = regexp.MustCompile(`Date: [^\r\n]*\r\n`)

// undated takes the Date out of answers.
func undated(b []byte) string { return string(dateField.ReplaceAll(b, nil)) }

// fed is what a handler answers to input, without Date.
func fed(t testing.TB, h http1.HandlerFunc, input string) string {
	t.Helper()
	got := reactortest.Feed(t, reactor.Config{}, &http1.Server{Handler: h, Logger: quiet}, [][]byte{[]byte(input)})
	return undated(got.Out)
}

// everySplit wants the same answers to input at every cut.
func everySplit(t *testing.T, h http1.HandlerFunc, input, want string) {
	t.Helper()
	reactortest.SplitsHandler(t, reactor.Config{}, &http1.Server{Handler: h, Logger: quiet}, []byte(input),
		func(t *testing.T, got reactortest.Fed) {
			if out := undated(got.Out); out != want {
				t.Errorf("got  %q\nwant %q", out, want)
			}
		})
}

// answers parses what was sent in answer to requests of these methods; all of it must be well formed, interim answers
// included.
func answers(t testing.TB, out []byte, methods ...string) []*conform.Response {
	t.Helper()
	var all []*conform.Response
	br := bufio.NewReader(bytes.NewReader(out))
	for final := 0; ; {
		if _, err := br.Peek(1); err == io.EOF {
			return all
		}
		method := "GET"
		if final < len(methods) {
			method = methods[final]
		}
		r, err := conform.ReadResponse(br, &conform.Answer{Method: method})
		if err != nil {
			t.Fatalf("answer %d: %v\nin %q", len(all)+1, err, out)
		}
		if r.Status >= 200 {
			final++
		}
		all = append(all, r)
	}
}

// hello answers with a text.
func hello(x *http1.Exchange) { x.Respond(200, "text/plain", []byte("hello")) }

const helloAnswer = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 5\r\n\r\nhello"

// echo answers with the body.
func echo(x *http1.Exchange) {
	x.ReadBody(1<<40, func(x *http1.Exchange, b []byte) { x.Respond(200, "", b) })
}

func itoa(n int) string { return strconv.Itoa(n) }

// readAnswer reads a whole answer and gives its body, at the speed that large ones need.
func readAnswer(br *bufio.Reader) ([]byte, error) {
	res, err := http.ReadResponse(br, nil)
	if err != nil {
		return nil, err
	}
	if res.StatusCode != 200 {
		return nil, fmt.Errorf("answer is %s", res.Status)
	}
	var body bytes.Buffer
	if res.ContentLength > 0 {
		body.Grow(int(res.ContentLength))
	}
	_, err = body.ReadFrom(res.Body)
	return body.Bytes(), err
}

// pass lets the clock of a synctest bubble run on by d.
func pass(d time.Duration) { <-time.After(d) }
