package websocket_test

import (
	"context"
	ctls "crypto/tls"
	"crypto/x509"
	"net"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/calandria-go/calandria/protocols/http1"
	"github.com/calandria-go/calandria/protocols/websocket"
	"github.com/calandria-go/calandria/reactor"
	"github.com/calandria-go/calandria/transports/tcp"
	"github.com/calandria-go/calandria/transports/tls"
)

// patience bounds every wait for an event over real sockets. It is long: what it catches is a hang.
const patience = 30 * time.Second

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

// waiting is a context for a wait that only a hang outlasts.
func waiting(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	t.Cleanup(cancel)
	return ctx
}

// newReactor makes a reactor that is shut down with the test.
func newReactor(t testing.TB, cfg reactor.Config) *reactor.Reactor {
	t.Helper()
	if cfg.StallAfter == 0 {
		cfg.StallAfter = -1
	}
	r := reactor.New(cfg)
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		r.Shutdown(ctx)
	})
	return r
}

// serve has every request upgraded to what mk makes; it gives the address.
func serve(t testing.TB, r *reactor.Reactor, s *websocket.Server, mk func() websocket.Handler) string {
	t.Helper()
	return serveHTTP(t, r, http1.HandlerFunc(func(x *http1.Exchange) { s.Upgrade(x, mk()) }))
}

func serveHTTP(t testing.TB, r *reactor.Reactor, h http1.Handler) string {
	t.Helper()
	return serveProtocol(t, r, &http1.Server{Handler: h})
}

func serveProtocol(t testing.TB, r *reactor.Reactor, p reactor.Protocol) string {
	t.Helper()
	ln, err := tcp.Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l, err := r.Listen(ln, p)
	if err != nil {
		t.Fatal(err)
	}
	return l.Addr().String()
}

// echo answers every message with itself.
type echo struct{}

func (echo) OnOpen(*websocket.Conn)                                     {}
func (echo) OnMessage(c *websocket.Conn, op websocket.Opcode, p []byte) { c.Send(op, p) }
func (echo) OnClose(*websocket.Conn, error)                             {}

func newEcho() websocket.Handler { return echo{} }

// dial connects, and closes with the test.
func dial(t testing.TB, url string, o *websocket.DialOptions) *websocket.Conn {
	t.Helper()
	c, err := websocket.Dial(waiting(t), url, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Abort(nil) })
	return c
}

// rawDial opens a plain connection with a deadline.
func rawDial(t testing.TB, addr string) net.Conn {
	t.Helper()
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	c.SetDeadline(time.Now().Add(patience))
	return c
}

const rawKey = "dGhlIHNhbXBsZSBub25jZQ=="

// rawRequest is a handshake as a client sends it, with more fields.
func rawRequest(path string, fields ...string) string {
	return "GET " + path + " HTTP/1.1\r\nHost: server.example.com\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
		"Sec-WebSocket-Key: " + rawKey + "\r\nSec-WebSocket-Version: 13\r\n" + strings.Join(append(fields, ""), "\r\n") + "\r\n"
}

// certificate is the tests', made once.
var certificate = sync.OnceValues(func() (ctls.Certificate, error) { return tls.SelfSigned("127.0.0.1", "localhost") })

func serverTLS(t testing.TB) *ctls.Config {
	t.Helper()
	c, err := certificate()
	if err != nil {
		t.Fatal(err)
	}
	return &ctls.Config{Certificates: []ctls.Certificate{c}}
}

// clientTLS trusts that certificate.
func clientTLS(t testing.TB) *ctls.Config {
	t.Helper()
	c, err := certificate()
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(c.Certificate[0])
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(leaf)
	return &ctls.Config{RootCAs: pool, ServerName: "localhost"}
}

// ctlsDialer dials as an http.Transport's DialTLSContext would.
type ctlsDialer struct{ cfg *ctls.Config }

func (d *ctlsDialer) DialContext(ctx context.Context, network, addr string) (net.Conn, error) {
	return (&ctls.Dialer{Config: d.cfg}).DialContext(ctx, network, addr)
}
