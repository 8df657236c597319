//go:build interop

package proxy_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/calandria-go/calandria/reactor"
	"github.com/calandria-go/calandria/reactor/reactortest"
	"github.com/calandria-go/calandria/transports/netaddr"
	"github.com/calandria-go/calandria/transports/proxy"
	"github.com/calandria-go/calandria/transports/tcp"
)

// freePort is one on which nobody listened just now.
func freePort(t *testing.T) int {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	return ln.Addr().(*net.TCPAddr).Port
}

// haproxy runs one with that configuration until the test ends. It must be installed: this test is asked for by a tag.
func haproxy(t *testing.T, conf string, port int) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "haproxy.cfg")
	defaults := "defaults\n timeout connect 5s\n timeout client 20s\n timeout server 20s\n"
	if err := os.WriteFile(file, []byte(defaults+conf), 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	cmd := exec.CommandContext(ctx, "haproxy", "-db", "-f", file)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		t.Fatalf("haproxy: %v", err)
	}
	t.Cleanup(func() {
		stop()
		cmd.Wait()
		if t.Failed() {
			t.Logf("haproxy:\n%s\n%s", conf, out.String())
		}
	})
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(patience); ; <-tick.C {
		c, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", port))
		if err == nil {
			c.Close()
			return
		}
		if time.Now().After(end) {
			t.Fatalf("haproxy does not listen: %v", err)
		}
	}
}

// shower says what it knows of the connection when the client has half-closed.
type shower struct{ teller }

func (shower) OnOpen(*reactor.Conn) {}

func (shower) OnEOF(c *reactor.Conn) {
	h := proxy.HeaderOf(c)
	fmt.Fprintf(c, "|v%d %v %v %v sum=%v id=%q", h.Version, h.Family, c.RemoteAddrPort(), h.Destination, h.Checksum, h.UniqueID())
	c.Close()
}

// HAProxy sends headers of both versions to us, with and without items and checksum.
func TestHAProxySends(t *testing.T) {
	r := reactortest.NewDefault(t, reactor.Config{Loops: 1})
	ln, err := tcp.Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	next := reactor.ProtocolFunc(func(*reactor.Conn) reactor.Handler { return shower{} })
	p := &proxy.Protocol{Next: next, Trusted: netaddr.MustSet("127.0.0.1"), Keep: true}
	if _, err := r.Listen(ln, p); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ option, want string }{
		{"send-proxy", `v1 TCP4 SRC DST sum=false id=""`},
		{"send-proxy-v2", `v2 TCP4 SRC DST sum=false id=""`},
		{"send-proxy-v2 proxy-v2-options crc32c", `v2 TCP4 SRC DST sum=true id=""`},
		{"send-proxy-v2 proxy-v2-options crc32c,unique-id,ssl,authority", `v2 TCP4 SRC DST sum=true id="id-7"`},
	} {
		port := freePort(t)
		haproxy(t, fmt.Sprintf("frontend f\n mode tcp\n unique-id-format id-7\n bind 127.0.0.1:%d\n default_backend b\nbackend b\n mode tcp\n server s %v %s\n",
			port, ln.Addr(), c.option), port)
		conn, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", port))
		if err != nil {
			t.Fatal(err)
		}
		conn.SetDeadline(time.Now().Add(patience))
		io.WriteString(conn, "hello")
		conn.(*net.TCPConn).CloseWrite()
		got, err := io.ReadAll(conn)
		want := strings.NewReplacer("SRC", conn.LocalAddr().String(), "DST", conn.RemoteAddr().String()).Replace(c.want)
		if err != nil || string(got) != "hello|"+want {
			t.Errorf("%s: %q, %v; want %q", c.option, got, err, want)
		}
		conn.Close()
	}
}

// HAProxy checks whether we live with a LOCAL connection.
func TestHAProxyHealthCheck(t *testing.T) {
	r := reactortest.NewDefault(t, reactor.Config{Loops: 1})
	ln, err := tcp.Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	seen := make(chan proxy.Header, 100)
	p := &proxy.Protocol{Next: tellers, Trusted: netaddr.MustSet("127.0.0.1"), OnHeader: func(_ *reactor.Conn, h *proxy.Header) error {
		select {
		case seen <- *h.Clone():
		default:
		}
		return nil
	}}
	if _, err := r.Listen(ln, p); err != nil {
		t.Fatal(err)
	}
	port := freePort(t)
	haproxy(t, fmt.Sprintf("frontend f\n mode tcp\n bind 127.0.0.1:%d\n default_backend b\nbackend b\n mode tcp\n server s %v send-proxy-v2 check check-send-proxy inter 100ms\n",
		port, ln.Addr()), port)
	end := time.After(patience)
	for {
		select {
		case h := <-seen:
			if h.Version == 2 && h.Command == proxy.Local {
				return
			}
		case <-end:
			t.Fatal("no check came")
		}
	}
}

// We send headers of both versions to HAProxy, which tells whom it takes for the client.
func TestHAProxyReceives(t *testing.T) {
	port := freePort(t)
	haproxy(t, fmt.Sprintf("frontend f\n mode http\n bind 127.0.0.1:%d accept-proxy\n http-request return status 200 content-type text/plain lf-string \"%%[src]:%%[src_port] %%[dst]:%%[dst_port] %%[fc_pp_authority] %%[fc_pp_unique_id]\"\n",
		port), port)
	v4, v4to := netip.MustParseAddrPort("203.0.113.7:40000"), netip.MustParseAddrPort("198.51.100.1:443")
	v6, v6to := netip.MustParseAddrPort("[2001:db8::7]:40000"), netip.MustParseAddrPort("[2001:db8::1]:443")
	items := []proxy.TLV{{proxy.TypeAuthority, []byte("a.local")}, {proxy.TypeUniqueID, []byte("id-7")}}
	for name, c := range map[string]struct {
		make func() ([]byte, error)
		want string
	}{
		"v1 IPv4": {func() ([]byte, error) { return proxy.AppendV1(nil, v4, v4to) }, "203.0.113.7:40000 198.51.100.1:443  "},
		"v1 IPv6": {func() ([]byte, error) { return proxy.AppendV1(nil, v6, v6to) }, "2001:db8::7:40000 2001:db8::1:443  "},
		"v2 IPv4": {func() ([]byte, error) { return proxy.AppendV2(nil, &proxy.Header{Source: v4, Destination: v4to}) }, "203.0.113.7:40000 198.51.100.1:443  "},
		"v2 IPv6, all": {func() ([]byte, error) {
			return proxy.AppendV2(nil, &proxy.Header{Source: v6, Destination: v6to, TLVs: items, Checksum: true})
		}, "2001:db8::7:40000 2001:db8::1:443 a.local id-7"},
	} {
		header, err := c.make()
		if err != nil {
			t.Fatal(err)
		}
		conn, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", port))
		if err != nil {
			t.Fatal(err)
		}
		conn.SetDeadline(time.Now().Add(patience))
		conn.Write(append(header, "GET / HTTP/1.0\r\n\r\n"...))
		got, err := io.ReadAll(conn)
		if _, body, _ := strings.Cut(string(got), "\r\n\r\n"); err != nil || body != c.want {
			t.Errorf("%s: %q, %v", name, got, err)
		}
		conn.Close()
	}
}
