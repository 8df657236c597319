package tftp_test

import (
	"bytes"
	"context"
	"math/rand/v2"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/calandria-go/calandria/protocols/tftp"
	"github.com/calandria-go/calandria/protocols/tftp/transfer"
	"github.com/calandria-go/calandria/reactor"
	"github.com/calandria-go/calandria/reactor/reactortest"
	"github.com/calandria-go/calandria/transports/udp"
)

func TestMain(m *testing.M) { reactortest.Main(m) }

// patience bounds every wait of these tests for something that will happen.
const patience = 30 * time.Second

// size is how much of something a test does: little in CI, less under the race detector, all under CALANDRIA_SOAK=1.
func size(short, race, soak int) int {
	switch {
	case os.Getenv("CALANDRIA_SOAK") != "":
		return soak
	case raceEnabled:
		return race
	}
	return short
}

// site is a server with a directory.
type site struct {
	*tftp.Server
	dir  string
	addr string
	r    *reactor.Reactor

	mu    sync.Mutex
	ended []tftp.Info
	more  chan struct{}
}

// quick are the limits of tests: they do not wait long for what is lost.
var quick = transfer.Config{Dally: 50 * time.Millisecond, Retries: 40, MinRTO: 20 * time.Millisecond, InitialRTO: 200 * time.Millisecond, MaxRTO: time.Second}

// newSite serves a directory of its own; set up changes the server before it starts.
func newSite(t testing.TB, setup func(s *tftp.Server, f *tftp.Files)) *site {
	t.Helper()
	s := &site{Server: &tftp.Server{Transfer: quick}, dir: t.TempDir(), more: make(chan struct{}, 1)}
	f, err := tftp.NewFiles(s.dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	s.Source = f
	s.OnEnd = func(i *tftp.Info) {
		s.mu.Lock()
		s.ended = append(s.ended, *i)
		s.mu.Unlock()
		select {
		case s.more <- struct{}{}:
		default:
		}
	}
	if setup != nil {
		setup(s.Server, f)
	}
	s.r = reactortest.NewDefault(t, reactor.Config{Loops: 2})
	socket, err := udp.Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s.addr = socket.LocalAddr().String()
	if err := s.Serve(s.r, socket); err != nil {
		t.Fatal(err)
	}
	return s
}

// writable lets clients write.
func writable(s *tftp.Server, f *tftp.Files) {
	f.Create, f.Overwrite = true, true
	s.Sink = f.Sink()
}

func (s *site) client() tftp.Client {
	return tftp.Client{Reactor: s.r, Addr: s.addr, Transfer: quick}
}

// put makes a file in the server's directory.
func (s *site) put(t testing.TB, name string, b []byte) {
	t.Helper()
	p := filepath.Join(s.dir, filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(p), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(p, b, 0o644); err != nil {
		t.Fatal(err)
	}
}

func (s *site) file(t testing.TB, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(s.dir, name))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// report waits for the report of the nth transfer that ended, from 1.
func (s *site) report(t testing.TB, n int) tftp.Info {
	t.Helper()
	late := time.After(patience)
	for {
		s.mu.Lock()
		if len(s.ended) >= n {
			defer s.mu.Unlock()
			return s.ended[n-1]
		}
		s.mu.Unlock()
		select {
		case <-s.more:
		case <-late:
			t.Fatalf("no report of transfer %d", n)
		}
	}
}

func ctx(t testing.TB) context.Context {
	c, cancel := context.WithTimeout(context.Background(), 4*patience)
	t.Cleanup(cancel)
	return c
}

// get reads a file.
func get(t testing.TB, c tftp.Client, name string) ([]byte, *tftp.Result) {
	t.Helper()
	var b bytes.Buffer
	res, err := c.Get(ctx(t), name, &b)
	if err != nil {
		t.Fatalf("get %s: %v", name, err)
	}
	return b.Bytes(), res
}

// noise is n bytes that are the same in every run.
func noise(n int) []byte {
	b := make([]byte, n)
	rand.NewChaCha8([32]byte{1}).Read(b)
	return b
}

// text is about n bytes with all that netascii changes.
func text(n int) []byte {
	b := noise(n)
	for i, c := range b {
		b[i] = " \n\r\x00abcdefghijkl"[c&15]
	}
	return b
}

// same compares files without printing them.
func same(t testing.TB, what string, got, want []byte) {
	t.Helper()
	if bytes.Equal(got, want) {
		return
	}
	at := 0
	for at < len(got) && at < len(want) && got[at] == want[at] {
		at++
	}
	t.Errorf("%s: %d bytes, want %d; they differ from %d on", what, len(got), len(want), at)
}

// peer is a socket of package net for tests that speak the protocol themselves.
type peer struct {
	*net.UDPConn
	t  testing.TB
	to *net.UDPAddr
}

func newPeer(t testing.TB, addr string) *peer {
	t.Helper()
	to, err := net.ResolveUDPAddr("udp", addr)
	if err != nil {
		t.Fatal(err)
	}
	c, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	c.SetDeadline(time.Now().Add(patience))
	return &peer{c, t, to}
}

func (p *peer) send(b string) {
	p.t.Helper()
	if _, err := p.WriteTo([]byte(b), p.to); err != nil {
		p.t.Fatal(err)
	}
}

// receive gives the next packet; from then on it is sent to where that came from.
func (p *peer) receive() string {
	p.t.Helper()
	b := make([]byte, 65536)
	n, from, err := p.ReadFromUDP(b)
	if err != nil {
		p.t.Fatal(err)
	}
	p.to = from
	return string(b[:n])
}

// silent fails if something comes within the time.
func (p *peer) silent(d time.Duration) {
	p.t.Helper()
	p.SetReadDeadline(time.Now().Add(d))
	b := make([]byte, 65536)
	if n, _, err := p.ReadFromUDP(b); err == nil {
		p.t.Errorf("got %q", b[:n])
	}
	p.SetDeadline(time.Now().Add(patience))
}

func rrq(name string, options ...string) string {
	return "\x00\x01" + name + "\x00octet\x00" + strings.Join(append(options, ""), "\x00")
}

func wrq(name string, options ...string) string {
	return "\x00\x02" + name + "\x00octet\x00" + strings.Join(append(options, ""), "\x00")
}

func addrPort(s string) netip.AddrPort { return netip.MustParseAddrPort(s) }
