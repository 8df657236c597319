package reactor

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/calandria-go/calandria/reactor/internal/poll"
)

// patience bounds every wait for an event. It is long: what it catches is a hang.
const patience = 20 * time.Second

// soaking says whether the full sizes are asked for.
func soaking() bool { return os.Getenv("CALANDRIA_SOAK") != "" }

// size is n, or more when soaking.
func size(n, soak int) int {
	if soaking() {
		return soak
	}
	return n
}

// children are the functions that run in a process of their own, by name: they change what belongs to the whole process.
var children = map[string]func(){}

const childEnv = "CALANDRIA_TEST_CHILD"

func TestMain(m *testing.M) {
	if name := os.Getenv(childEnv); name != "" {
		children[name]()
		os.Exit(0)
	}
	code := m.Run()
	if code == 0 {
		code = leaks()
	}
	os.Exit(code)
}

// leaks waits until no goroutine of this package is left, except for the process's loops.
func leaks() int {
	deadline := time.After(patience)
	tick := time.NewTicker(10 * time.Millisecond)
	for {
		left := strays()
		if left == "" {
			return 0
		}
		select {
		case <-tick.C:
		case <-deadline:
			fmt.Fprintf(os.Stderr, "goroutines left after the tests:\n%s\n", left)
			return 1
		}
	}
}

// strays gives the stacks of goroutines that run this module's code and should have ended.
func strays() string {
	buf := make([]byte, 8<<20)
	var left []string
	for i, g := range strings.Split(string(buf[:runtime.Stack(buf, true)]), "\n\n") {
		switch {
		case i == 0, !strings.Contains(g, "calandria"):
		case strings.Contains(g, "poll.wrapPoll"), strings.Contains(g, "defaultPoll).Wait"):
		default:
			left = append(left, g)
		}
	}
	return strings.Join(left, "\n\n")
}

// journal is a logger's output, for looking at while it is written.
type journal struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (j *journal) Write(p []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.buf.Write(p)
}

func (j *journal) count(what string) int { return strings.Count(j.text(), what) }

func (j *journal) text() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.buf.String()
}

// newTest makes a reactor whose scratch buffers are poisoned, and aborts what is left of it when the test ends.
func newTest(t testing.TB, cfg Config) (*Reactor, *journal) {
	t.Helper()
	j := &journal{}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.NewTextHandler(j, nil))
	}
	r := newReactor(poll.Default(), cfg, true)
	t.Cleanup(func() { kill(t, r) })
	return r, j
}

// kill ends a reactor without waiting for its connections.
func kill(t testing.TB, r *Reactor) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	finish(t, "Shutdown", func() { r.Shutdown(ctx) })
}

// finish fails the test when f does not return.
func finish(t testing.TB, what string, f func()) {
	t.Helper()
	done := make(chan struct{})
	go func() { defer close(done); f() }()
	await(t, what, done)
}

// await waits for a value.
func await[T any](t testing.TB, what string, ch <-chan T) T {
	t.Helper()
	select {
	case v := <-ch:
		return v
	case <-time.After(patience):
		buf := make([]byte, 1<<20)
		t.Fatalf("no %s within %v\n%s", what, patience, buf[:runtime.Stack(buf, true)])
		panic("unreachable")
	}
}

// eventually waits for what no channel tells.
func eventually(t testing.TB, what string, cond func() bool) {
	t.Helper()
	if !within(patience, cond) {
		t.Fatalf("not within %v: %s", patience, what)
	}
}

func within(d time.Duration, cond func() bool) bool {
	deadline := time.After(d)
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for !cond() {
		select {
		case <-tick.C:
		case <-deadline:
			return cond()
		}
	}
	return true
}

// server is a reactor with one TCP listener.
type server struct {
	r    *Reactor
	l    *Listener
	addr net.Addr
	log  *journal
}

func serve(t testing.TB, cfg Config, mk func(*Conn) Handler) *server {
	t.Helper()
	r, j := newTest(t, cfg)
	l, err := r.Listen(listenTCP(t), ProtocolFunc(mk))
	if err != nil {
		t.Fatal(err)
	}
	return &server{r, l, l.Addr(), j}
}

func listenTCP(t testing.TB) net.Listener {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ln.Close() })
	return ln
}

// connect opens a plain client connection with a deadline, closed when the test ends.
func connect(t testing.TB, addr net.Addr) *net.TCPConn {
	t.Helper()
	c, err := net.Dial(addr.Network(), addr.String())
	if errors.Is(err, syscall.ECONNRESET) { // the server was quicker with its reset than we with looking
		c, err = net.Dial("tcp", listenTCP(t).Addr().String())
		if err == nil {
			c.Close()
		}
	}
	if err != nil {
		t.Fatal(err)
	}
	c.SetDeadline(time.Now().Add(patience))
	t.Cleanup(func() { c.Close() })
	return c.(*net.TCPConn)
}

// total is the sum of the loops' counters.
func total(t testing.TB, r *Reactor) LoopStats {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	s, err := r.Stats(ctx)
	if err != nil {
		t.Fatal(err)
	}
	return s.Total()
}

// audit watches the promises about the order of calls: for all connections of a test.
type audit struct {
	t  testing.TB
	mu sync.Mutex

	inside        map[uint64]int  // calls that run, by connection
	ended         map[uint64]bool // connections whose OnClose came
	opens, closes int
	errs          []error // what the OnCloses got
	closed        chan error
}

func newAudit(t testing.TB) *audit {
	return &audit{t: t, inside: map[uint64]int{}, ended: map[uint64]bool{}, closed: make(chan error, 1<<16)}
}

// in frames one call into user code.
func (a *audit) in(c *Conn, what string, f func()) {
	a.mu.Lock()
	if a.ended[c.ID()] {
		a.t.Errorf("connection %d: %s after OnClose", c.ID(), what)
	}
	a.inside[c.ID()]++
	a.mu.Unlock()
	defer func() {
		a.mu.Lock()
		a.inside[c.ID()]--
		a.mu.Unlock()
	}()
	f()
}

func (a *audit) counts() (opens, closes int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.opens, a.closes
}

// balanced waits until every OnOpen has had its OnClose.
func (a *audit) balanced(t testing.TB) {
	t.Helper()
	if !within(patience, func() bool { o, c := a.counts(); return o == c }) {
		o, c := a.counts()
		t.Fatalf("%d OnOpens, %d OnCloses", o, c)
	}
}

// probe is a handler made of functions, each of which may be nil. It has no optional methods.
type probe struct {
	a        *audit
	open     func(c *Conn)
	data     func(c *Conn, in []byte) int // nil: takes all
	eof      func(c *Conn)                // nil: as a handler without OnEOF
	writable func(c *Conn)
	drain    func(c *Conn) // nil: as a handler without OnDrain
	hangup   func(c *Conn)
	close    func(c *Conn, err error)
}

func (p *probe) OnOpen(c *Conn) {
	if p.a != nil {
		p.a.mu.Lock()
		p.a.opens++
		p.a.mu.Unlock()
	}
	p.in(c, "OnOpen", p.open)
}

func (p *probe) OnData(c *Conn, in []byte) (n int) {
	n = len(in)
	p.in(c, "OnData", func(c *Conn) {
		if p.data != nil {
			n = p.data(c, in)
		}
	})
	return n
}

func (p *probe) OnClose(c *Conn, err error) {
	if p.a != nil {
		p.a.mu.Lock()
		if p.a.inside[c.ID()] > 0 {
			p.a.t.Errorf("connection %d: OnClose inside another call", c.ID())
		}
		if p.a.ended[c.ID()] {
			p.a.t.Errorf("connection %d: a second OnClose", c.ID())
		}
		p.a.ended[c.ID()] = true
		p.a.closes++
		p.a.errs = append(p.a.errs, err)
		p.a.mu.Unlock()
		defer func() { p.a.closed <- err }()
	}
	if p.close != nil {
		p.close(c, err)
	}
}

func (p *probe) in(c *Conn, what string, f func(*Conn)) {
	switch {
	case f == nil:
	case p.a == nil:
		f(c)
	default:
		p.a.in(c, what, func() { f(c) })
	}
}

// full is a probe with all optional methods.
type full struct{ *probe }

func (p full) OnEOF(c *Conn) {
	if p.eof == nil {
		c.CloseWith(io.EOF)
		return
	}
	p.in(c, "OnEOF", p.eof)
}
func (p full) OnWritable(c *Conn) { p.in(c, "OnWritable", p.writable) }
func (p full) OnHangup(c *Conn)   { p.in(c, "OnHangup", p.hangup) }
func (p full) OnDrain(c *Conn) {
	if p.drain == nil {
		c.CloseWith(ErrShutdown)
		return
	}
	p.in(c, "OnDrain", p.drain)
}

// echoing answers with what came, and closes after the peer's FIN.
func echoing(a *audit) Handler {
	return &probe{a: a, data: func(c *Conn, in []byte) int {
		c.Write(in)
		return len(in)
	}}
}

// pattern is n bytes that repeat only after a long while, so that lost, repeated and moved bytes show.
func pattern(n int) []byte {
	b := make([]byte, n)
	x := uint32(2463534242)
	for i := range b {
		x ^= x << 13
		x ^= x >> 17
		x ^= x << 5
		b[i] = byte(x)
	}
	return b
}

// sameBytes fails the test at the first difference.
func sameBytes(t testing.TB, got, want []byte) {
	t.Helper()
	if bytes.Equal(got, want) {
		return
	}
	i := 0
	for i < min(len(got), len(want)) && got[i] == want[i] {
		i++
	}
	t.Fatalf("%d bytes of %d; the first difference is at %d", len(got), len(want), i)
}
