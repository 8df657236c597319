package tls_test

import (
	"bytes"
	ctls "crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net"
	"os"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/calandria-go/calandria/reactor"
	"github.com/calandria-go/calandria/reactor/reactortest"
	"github.com/calandria-go/calandria/transports/tcp"
	"github.com/calandria-go/calandria/transports/tls"
)

func TestMain(m *testing.M) { reactortest.Main(m) }

// patience bounds every wait for something that will happen.
const patience = 20 * time.Second

// size is n, or more when the full sizes are asked for.
func size(n, soak int) int {
	if os.Getenv("CALANDRIA_SOAK") != "" {
		return soak
	}
	return n
}

// selfSigned is the certificate that most servers here have, and clients trust.
var selfSigned = sync.OnceValue(func() ctls.Certificate {
	cert, err := tls.SelfSigned("localhost", "127.0.0.1")
	if err != nil {
		panic(err)
	}
	return cert
})

func trusting(certs ...ctls.Certificate) *x509.CertPool {
	pool := x509.NewCertPool()
	for _, c := range certs {
		pool.AddCert(c.Leaf)
	}
	return pool
}

func serverConfig() *ctls.Config {
	return &ctls.Config{Certificates: []ctls.Certificate{selfSigned()}}
}

func clientConfig() *ctls.Config {
	return &ctls.Config{RootCAs: trusting(selfSigned()), ServerName: "localhost"}
}

// at gives the Config for one version of TLS.
func at(cfg *ctls.Config, version uint16) *ctls.Config {
	cfg.MinVersion, cfg.MaxVersion = version, version
	return cfg
}

// versions runs a test for each version of TLS.
func versions(t *testing.T, f func(t *testing.T, version uint16)) {
	for _, v := range []uint16{ctls.VersionTLS12, ctls.VersionTLS13} {
		t.Run(strings.ReplaceAll(ctls.VersionName(v), " ", ""), func(t *testing.T) { f(t, v) })
	}
}

// probe is a handler made of functions, which watches the promises about the order of calls.
type probe struct {
	a        *audit
	open     func(c *reactor.Conn)
	data     func(c *reactor.Conn, in []byte) int // nil: takes all
	eof      func(c *reactor.Conn)                // nil: closes
	writable func(c *reactor.Conn)
	opened   bool
	ended    bool
}

// audit counts the calls of a test's probes.
type audit struct {
	t      testing.TB
	mu     sync.Mutex
	opens  int
	closes int
	closed chan error
}

func newAudit(t testing.TB) *audit { return &audit{t: t, closed: make(chan error, 1<<14)} }

func (a *audit) counts() (opens, closes int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.opens, a.closes
}

func (p *probe) OnOpen(c *reactor.Conn) {
	if p.opened || p.ended {
		p.a.t.Error("OnOpen twice, or after OnClose")
	}
	if _, ok := tls.State(c); !ok {
		p.a.t.Error("OnOpen without TLS")
	}
	p.opened = true
	p.a.mu.Lock()
	p.a.opens++
	p.a.mu.Unlock()
	if p.open != nil {
		p.open(c)
	}
}

func (p *probe) OnData(c *reactor.Conn, in []byte) int {
	if !p.opened || p.ended {
		p.a.t.Error("OnData before OnOpen or after OnClose")
	}
	if p.data != nil {
		return p.data(c, in)
	}
	return len(in)
}

func (p *probe) OnEOF(c *reactor.Conn) {
	if p.eof == nil {
		c.Close()
		return
	}
	p.eof(c)
}

func (p *probe) OnWritable(c *reactor.Conn) {
	if p.writable != nil {
		p.writable(c)
	}
}

func (p *probe) OnDrain(c *reactor.Conn) { c.CloseWith(reactor.ErrShutdown) }

func (p *probe) OnClose(_ *reactor.Conn, err error) {
	if !p.opened || p.ended {
		p.a.t.Error("OnClose without OnOpen, or twice")
	}
	p.ended = true
	p.a.mu.Lock()
	p.a.closes++
	p.a.mu.Unlock()
	p.a.closed <- err
}

// echoing sends everything back, and closes after the client's end.
func echoing(a *audit) reactor.Protocol {
	return reactor.ProtocolFunc(func(*reactor.Conn) reactor.Handler {
		return &probe{a: a, data: func(c *reactor.Conn, in []byte) int {
			n, _ := c.Write(in)
			return n
		}}
	})
}

// host is a Server on a reactor of this build's engine.
type host struct {
	t    testing.TB
	r    *reactor.Reactor
	addr net.Addr
	srv  *tls.Server
	log  *journal
	ends chan end
}

// end is how a connection ended.
type end struct {
	err    error
	reason string
}

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

func (j *journal) String() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.buf.String()
}

func serve(t testing.TB, cfg reactor.Config, srv *tls.Server) *host {
	t.Helper()
	h := newHost(t, &cfg, srv)
	h.r = reactortest.NewDefault(t, cfg)
	ln, err := tcp.Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	h.addr = ln.Addr()
	if _, err := h.r.Listen(ln, srv); err != nil {
		t.Fatal(err)
	}
	return h
}

func newHost(t testing.TB, cfg *reactor.Config, srv *tls.Server) *host {
	h := &host{t: t, srv: srv, log: &journal{}, ends: make(chan end, 1<<14)}
	cfg.Logger = slog.New(slog.NewTextHandler(h.log, nil))
	cfg.StallAfter = -1
	cfg.Trace = &reactor.Trace{Closed: func(_ *reactor.Conn, err error, reason string) { h.ends <- end{err, reason} }}
	return h
}

// ended waits for the next connection's end, and wants its reason.
func (h *host) ended(reason string, is error) {
	h.t.Helper()
	e := await(h.t, "end", h.ends)
	if e.reason != reason || is != nil && !errors.Is(e.err, is) {
		h.t.Errorf("the connection ended for %q (%v), want %q (%v)", e.reason, e.err, reason, is)
	}
}

func (h *host) raw() *net.TCPConn {
	h.t.Helper()
	c, err := net.Dial("tcp", h.addr.String())
	if err != nil {
		h.t.Fatal(err)
	}
	h.t.Cleanup(func() { c.Close() })
	c.SetDeadline(time.Now().Add(patience))
	return c.(*net.TCPConn)
}

func (h *host) dial(cfg *ctls.Config) *ctls.Conn {
	h.t.Helper()
	c := ctls.Client(h.raw(), cfg)
	if err := c.Handshake(); err != nil {
		h.t.Fatal(err)
	}
	return c
}

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
	deadline := time.After(patience)
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for !cond() {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("not within %v: %s", patience, what)
		}
	}
}

// pattern is n bytes in which lost, repeated and moved ones show.
func pattern(n int) []byte {
	b := make([]byte, n)
	rnd := rand.NewChaCha8([32]byte{1})
	rnd.Read(b)
	return b
}

// roundTrip sends p and wants it back.
func roundTrip(c io.ReadWriter, p []byte) error {
	done := make(chan error, 1)
	go func() {
		_, err := c.Write(p)
		done <- err
	}()
	got := make([]byte, len(p))
	if n, err := io.ReadFull(c, got); err != nil {
		return fmt.Errorf("echo after %d of %d bytes: %w", n, len(p), err)
	}
	if !bytes.Equal(got, p) {
		return errors.New("echo differs")
	}
	return <-done
}

func clientTo(c net.Conn) *ctls.Conn { return ctls.Client(c, clientConfig()) }

func listen(t testing.TB) net.Listener {
	t.Helper()
	ln, err := tcp.Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return ln
}

// leave ends a connection without a reset, which what is unread would cause and which may overtake an alert.
func leave(c *net.TCPConn) {
	c.CloseWrite()
	io.Copy(io.Discard, c)
	c.Close()
}
