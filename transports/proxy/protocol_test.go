package proxy_test

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/calandria-go/calandria/reactor"
	"github.com/calandria-go/calandria/reactor/reactortest"
	"github.com/calandria-go/calandria/transports/netaddr"
	"github.com/calandria-go/calandria/transports/proxy"
	"github.com/calandria-go/calandria/transports/tcp"
	"github.com/calandria-go/calandria/transports/unix"
)

func TestMain(m *testing.M) { reactortest.Main(m) }

const patience = 20 * time.Second

var anybody = netaddr.MustSet("0.0.0.0/0", "::/0")

// teller says who the client is, then sends everything back.
type teller struct{}

func (teller) OnOpen(c *reactor.Conn) { fmt.Fprintf(c, "%v|", c.RemoteAddrPort()) }

func (teller) OnData(c *reactor.Conn, in []byte) int {
	n, _ := c.Write(in)
	return n
}

func (teller) OnEOF(c *reactor.Conn) {
	c.Write([]byte("|EOF"))
	c.Close()
}

func (teller) OnClose(*reactor.Conn, error) {}

var tellers = reactor.ProtocolFunc(func(*reactor.Conn) reactor.Handler { return teller{} })

// Every good header, cut at every place, in front of bytes for the next handler.
func TestProtocolSplits(t *testing.T) {
	t.Parallel()
	for _, c := range good {
		p := &proxy.Protocol{Next: tellers, Trusted: anybody}
		want := c.want.Source.String()
		reactortest.SplitsHandler(t, reactor.Config{}, p, []byte(c.text+"PROXY early"), func(t *testing.T, got reactortest.Fed) {
			addr, rest, _ := strings.Cut(string(got.Out), "|")
			if rest != "PROXY early|EOF" || c.want.Source.IsValid() && addr != want || !c.want.Source.IsValid() && strings.HasPrefix(addr, "invalid") {
				t.Errorf("%s: %q, %v", c.name, got.Out, got.Err)
			}
		})
	}
}

// No bad header reaches the next handler, and the peer gets a reset, not an answer.
func TestProtocolBad(t *testing.T) {
	t.Parallel()
	for _, c := range bad {
		p := &proxy.Protocol{Next: tellers, Trusted: anybody}
		reactortest.SplitsHandler(t, reactor.Config{}, p, []byte(c.text+"more"), func(t *testing.T, got reactortest.Fed) {
			var pe *proxy.Error
			if len(got.Out) != 0 || !got.Reset || !errors.As(got.Err, &pe) || !strings.Contains(got.Err.Error(), c.why) {
				t.Errorf("%s: %q, %v", c.name, got.Out, got.Err)
			}
		})
	}
	got := reactortest.Feed(t, reactor.Config{}, &proxy.Protocol{Next: tellers, Trusted: anybody}, [][]byte{[]byte("PROXY TCP4 1")})
	if !errors.Is(got.Err, proxy.ErrTruncated) || len(got.Out) != 0 {
		t.Errorf("cut short: %q, %v", got.Out, got.Err)
	}
	got = reactortest.Feed(t, reactor.Config{}, &proxy.Protocol{Next: tellers, Trusted: anybody}, nil)
	if got.Err != io.EOF || len(got.Out) != 0 || got.Reset {
		t.Errorf("no byte at all: %q, %v", got.Out, got.Err)
	}
}

func TestProtocolTrust(t *testing.T) {
	t.Parallel()
	header := "PROXY TCP4 203.0.113.7 198.51.100.2 1 2\r\n"
	for _, c := range []struct {
		name string
		p    proxy.Protocol
		in   string
		want string // what Next sees; empty: it is not asked
		err  error
	}{
		{"nobody is trusted", proxy.Protocol{}, header, "", proxy.ErrUntrusted},
		{"another is trusted", proxy.Protocol{Trusted: netaddr.MustSet("203.0.113.0/24")}, header, "", proxy.ErrUntrusted},
		{"as if it were not there", proxy.Protocol{IgnoreUntrusted: true}, header, "peer|" + header, nil},
		{"trusted", proxy.Protocol{Trusted: anybody, IgnoreUntrusted: true}, header + "x", "203.0.113.7:1|x", nil},
		{"required", proxy.Protocol{Trusted: anybody}, "GET /", "", proxy.ErrNoHeader},
		{"optional, not there", proxy.Protocol{Trusted: anybody, Optional: true}, "GET /", "peer|GET /", nil},
		{"optional, there", proxy.Protocol{Trusted: anybody, Optional: true}, header + "x", "203.0.113.7:1|x", nil},
		{"optional, a part of one", proxy.Protocol{Trusted: anybody, Optional: true}, "PRO", "peer|PRO", nil},
		{"optional, a bad one", proxy.Protocol{Trusted: anybody, Optional: true}, "PROXY x\r\n", "", errors.New("family")},
		{"version 1 alone", proxy.Protocol{Trusted: anybody, Versions: 1}, header, "203.0.113.7:1|", nil},
		{"version 2 alone", proxy.Protocol{Trusted: anybody, Versions: 2, Optional: true}, header, "", errors.New("not accepted")},
		{"a mapped address", proxy.Protocol{Trusted: anybody}, "PROXY TCP6 ::ffff:203.0.113.7 ::1 1 2\r\n", "203.0.113.7:1|", nil},
		{"admitted", proxy.Protocol{Trusted: anybody, Admit: func(a netip.AddrPort) bool { return a == addr("203.0.113.7:1") }}, header, "203.0.113.7:1|", nil},
		{"refused", proxy.Protocol{Trusted: anybody, Admit: func(a netip.AddrPort) bool { return a != addr("203.0.113.7:1") }}, header, "", proxy.ErrRefused},
		{"Admit is not asked", proxy.Protocol{Trusted: anybody, Admit: func(netip.AddrPort) bool { return false }}, "PROXY UNKNOWN\r\n", "peer|", nil},
	} {
		c.p.Next = tellers
		peer := ""
		p := reactor.ProtocolFunc(func(conn *reactor.Conn) reactor.Handler {
			peer = conn.RemoteAddrPort().String()
			return c.p.NewHandler(conn)
		})
		reactortest.SplitsHandler(t, reactor.Config{}, p, []byte(c.in), func(t *testing.T, got reactortest.Fed) {
			want := ""
			if c.want != "" {
				want = strings.Replace(c.want, "peer", peer, 1) + "|EOF"
			}
			if string(got.Out) != want || (got.Err == nil) != (c.err == nil) {
				t.Errorf("%s: %q, %v; want %q", c.name, got.Out, got.Err, want)
			}
			if c.err != nil && !errors.Is(got.Err, c.err) && !strings.Contains(fmt.Sprint(got.Err), c.err.Error()) {
				t.Errorf("%s: %v, want %v", c.name, got.Err, c.err)
			}
		})
	}
}

func TestProtocolOnHeader(t *testing.T) {
	t.Parallel()
	refused := errors.New("not this host")
	p := &proxy.Protocol{Next: tellers, Trusted: anybody, OnHeader: func(c *reactor.Conn, h *proxy.Header) error {
		if h.Authority() != "a.local" || c.RemoteAddrPort() != addr("192.0.2.1:12345") {
			return refused
		}
		return nil
	}}
	for name, want := range map[string]error{"a.local": nil, "b.local": refused} {
		text, err := proxy.AppendV2(nil, &proxy.Header{
			Source: addr("192.0.2.1:12345"), Destination: addr("192.0.2.2:443"), TLVs: []proxy.TLV{{proxy.TypeAuthority, []byte(name)}},
		})
		if err != nil {
			t.Fatal(err)
		}
		got := reactortest.Feed(t, reactor.Config{}, p, [][]byte{text})
		if !errors.Is(got.Err, want) || (len(got.Out) == 0) != (want != nil) {
			t.Errorf("%s: %q, %v", name, got.Out, got.Err)
		}
	}
}

func TestProtocolTimeout(t *testing.T) {
	for _, c := range []struct {
		set, want time.Duration
	}{{0, 5 * time.Second}, {time.Second, time.Second}, {-1, time.Hour}} {
		synctest.Test(t, func(t *testing.T) {
			closed := make(chan error, 1)
			r := reactortest.New(t, reactor.Config{Loops: 1, StallAfter: -1, Trace: &reactor.Trace{
				Closed: func(_ *reactor.Conn, err error, _ string) { closed <- err },
			}})
			ln := reactortest.Listen()
			if _, err := r.Listen(ln, &proxy.Protocol{Next: tellers, Trusted: anybody, Timeout: c.set}); err != nil {
				t.Fatal(err)
			}
			conn, err := ln.Dial()
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			start := time.Now()
			header := []byte("PROXY TCP4 192.0.2.1 198.51.100.2 1 2\r\n")
			for i := range header[:len(header)-1] { // progress does not extend it
				conn.Write(header[i : i+1])
				select {
				case err := <-closed:
					if d := time.Since(start); !errors.Is(err, proxy.ErrTimeout) || !errors.Is(err, os.ErrDeadlineExceeded) || d < c.want || d > c.want+20*time.Millisecond {
						t.Errorf("%v: %v after %v", c.set, err, d)
					}
					return
				case <-time.After(200 * time.Millisecond):
				}
			}
			if c.set >= 0 {
				t.Errorf("%v: still open", c.set)
			}
		})
	}
}

// Once the header is there, its deadline is over.
func TestProtocolTimeoutEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := reactortest.New(t, reactor.Config{Loops: 1, StallAfter: -1})
		ln := reactortest.Listen()
		if _, err := r.Listen(ln, &proxy.Protocol{Next: tellers, Trusted: anybody}); err != nil {
			t.Fatal(err)
		}
		conn, err := ln.Dial()
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		conn.Write([]byte("PROXY UNKNOWN\r\n"))
		<-time.After(time.Hour)
		conn.Write([]byte("here"))
		conn.CloseWrite()
		if got, err := io.ReadAll(conn); err != nil || !strings.HasSuffix(string(got), "|here|EOF") {
			t.Errorf("%q, %v", got, err)
		}
	})
}

// upgrader hands over to a teller when it hears "!", as TLS does after its handshake.
type upgrader struct{ teller }

func (upgrader) OnOpen(*reactor.Conn) {}

func (upgrader) OnData(c *reactor.Conn, in []byte) int {
	if in[0] != '!' {
		c.Abort(nil)
		return len(in)
	}
	c.Upgrade(asker{})
	return 1
}

// asker says what the header of its connection says.
type asker struct{ teller }

func (asker) OnOpen(c *reactor.Conn) {
	h := proxy.HeaderOf(c)
	if h == nil {
		c.Write([]byte("none"))
		return
	}
	fmt.Fprintf(c, "%s %s %v", h.Authority(), h.UniqueID(), h.Destination)
}

// The header stays with the connection, whatever it is upgraded to, and goes with it.
func TestHeaderOf(t *testing.T) {
	r := reactortest.NewDefault(t, reactor.Config{Loops: 1})
	ln, err := tcp.Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	next := reactor.ProtocolFunc(func(*reactor.Conn) reactor.Handler { return upgrader{} })
	p := &proxy.Protocol{Next: next, Trusted: netaddr.MustSet("127.0.0.1"), Keep: true}
	l, err := r.Listen(ln, p)
	if err != nil {
		t.Fatal(err)
	}
	text, err := proxy.AppendV2(nil, &proxy.Header{
		Source: addr("192.0.2.1:1"), Destination: addr("198.51.100.1:443"), Checksum: true,
		TLVs: []proxy.TLV{{proxy.TypeAuthority, []byte("a.local")}, {proxy.TypeUniqueID, []byte("id7")}},
	})
	if err != nil {
		t.Fatal(err)
	}
	before := proxy.Kept()
	for range 10 {
		got := exchange(t, "tcp", ln.Addr().String(), string(text)+"!")
		if got != "a.local id7 198.51.100.1:443|EOF" {
			t.Errorf("got %q", got)
		}
	}
	end := time.Now().Add(patience)
	for proxy.Kept() > before || l.Conns() > 0 {
		if time.Now().After(end) {
			t.Fatalf("%d headers of connections that are gone", proxy.Kept()-before)
		}
		runtime.GC()
		<-time.After(time.Millisecond)
	}
}

// exchange sends text and gives what comes back.
func exchange(t *testing.T, network, to, text string) string {
	t.Helper()
	c, err := net.DialTimeout(network, to, patience)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(patience))
	io.WriteString(c, text)
	c.(interface{ CloseWrite() error }).CloseWrite()
	got, err := io.ReadAll(c)
	if err != nil {
		t.Error(err)
	}
	return string(got)
}

func TestProtocolUnix(t *testing.T) {
	t.Parallel()
	r := reactortest.NewDefault(t, reactor.Config{Loops: 1})
	path := filepath.Join(t.TempDir(), "s")
	ln, err := unix.Config{}.Listen(path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.Listen(ln, &proxy.Protocol{Next: tellers, TrustUnix: true}); err != nil {
		t.Fatal(err)
	}
	if got := exchange(t, "unix", path, "PROXY TCP4 203.0.113.7 198.51.100.2 1 2\r\nx"); got != "203.0.113.7:1|x|EOF" {
		t.Errorf("%q", got)
	}
}

// A connection whose header is on its way when Shutdown begins is still served.
func TestProtocolDrain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, timeout := range []time.Duration{0, -1} {
			r := reactortest.New(t, reactor.Config{Loops: 1, StallAfter: -1})
			ln := reactortest.Listen()
			l, err := r.Listen(ln, &proxy.Protocol{Next: reactor.ProtocolFunc(func(*reactor.Conn) reactor.Handler { return drainer{} }), Trusted: anybody, Timeout: timeout})
			if err != nil {
				t.Fatal(err)
			}
			conn, err := ln.Dial()
			if err != nil {
				t.Fatal(err)
			}
			io.WriteString(conn, "PROXY TCP4 203.0.113.7 ")
			synctest.Wait()
			down := make(chan error)
			go func() { down <- r.Shutdown(t.Context()) }()
			synctest.Wait()
			io.WriteString(conn, "198.51.100.2 1 2\r\n")
			got, _ := io.ReadAll(conn)
			if want := map[bool]string{true: "drained 203.0.113.7:1"}[timeout == 0]; string(got) != want {
				t.Errorf("%v: %q", timeout, got)
			}
			if err := <-down; err != nil || l.Conns() != 0 {
				t.Error(err)
			}
			conn.Close()
		}
	})
}

// drainer says so when it has to finish.
type drainer struct{ teller }

func (drainer) OnOpen(*reactor.Conn) {}

func (drainer) OnDrain(c *reactor.Conn) {
	fmt.Fprintf(c, "drained %v", c.RemoteAddrPort())
	c.Close()
}
