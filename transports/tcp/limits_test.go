package tcp_test

import (
	"errors"
	"io"
	"net"
	"net/netip"
	"os"
	"syscall"
	"testing"
	"time"

	"github.com/calandria-go/calandria/reactor"
	"github.com/calandria-go/calandria/transports/tcp"
)

// total is what the loops have counted in the life of the process.
func total(t *testing.T, r *reactor.Reactor) reactor.LoopStats {
	t.Helper()
	s, err := r.Stats(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return s.Total()
}

func TestMaxConns(t *testing.T) {
	ln := listen(t, tcp.Config{Limits: reactor.ListenLimits{MaxConns: 2}}, "127.0.0.1:0")
	r, l := serve(t, ln)
	before := total(t, r)
	a, b := dial(t, ln.Addr(), ""), dial(t, ln.Addr(), "")
	for _, c := range []net.Conn{a, b} {
		if err := ping(c); err != nil {
			t.Fatal(err)
		}
	}
	waiting := dial(t, ln.Addr(), "") // by the backlog
	waiting.Write([]byte("y"))
	eventually(t, "the listener is at its limit", func() bool { return total(t, r).Full > before.Full })
	waiting.SetReadDeadline(time.Now().Add(20 * time.Millisecond))
	if _, err := waiting.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Fatalf("a connection over the limit got an answer: %v", err)
	}
	if n := l.Conns(); n != 2 {
		t.Fatalf("%d connections", n)
	}
	for range 3 { // again and again
		a.Close()
		waiting.SetReadDeadline(time.Now().Add(patience))
		if _, err := io.ReadFull(waiting, make([]byte, 1)); err != nil {
			t.Fatalf("after one has closed: %v", err)
		}
		a, waiting = waiting, dial(t, ln.Addr(), "")
		waiting.Write([]byte("y"))
	}
}

func TestMaxConnsPerIP(t *testing.T) {
	ln := listen(t, tcp.Config{Limits: reactor.ListenLimits{MaxConnsPerIP: 2}}, "127.0.0.1:0")
	r, _ := serve(t, ln)
	before := total(t, r)
	a, b := dial(t, ln.Addr(), "127.0.0.1"), dial(t, ln.Addr(), "127.0.0.1")
	for _, c := range []net.Conn{a, b, dial(t, ln.Addr(), "127.0.0.2"), dial(t, ln.Addr(), "127.0.0.2")} {
		if err := ping(c); err != nil {
			t.Fatal(err)
		}
	}
	for _, host := range []string{"127.0.0.1", "127.0.0.2"} {
		if err := ping(dial(t, ln.Addr(), host)); err == nil {
			t.Errorf("a third connection from %s was served", host)
		}
	}
	if n := total(t, r).Refused - before.Refused; n != 2 {
		t.Errorf("%d refused", n)
	}
	a.Close()
	eventually(t, "there is room for 127.0.0.1 again", func() bool { return ping(dial(t, ln.Addr(), "127.0.0.1")) == nil })
	if err := ping(dial(t, ln.Addr(), "127.0.0.3")); err != nil {
		t.Errorf("another address: %v", err)
	}
}

func TestAdmit(t *testing.T) {
	bad := netip.MustParsePrefix("127.0.0.4/30")
	ln := listen(t, tcp.Config{Limits: reactor.ListenLimits{
		Admit: func(remote netip.AddrPort) bool { return remote.Port() != 0 && !bad.Contains(remote.Addr()) },
	}}, "127.0.0.1:0")
	serve(t, ln)
	if err := ping(dial(t, ln.Addr(), "127.0.0.5")); err == nil {
		t.Error("a connection that is not admitted was served")
	}
	if err := ping(dial(t, ln.Addr(), "127.0.0.8")); err != nil {
		t.Error(err)
	}
}

// The limits reach a dual-stack listener's IPv4 clients by their IPv4 address.
func TestAdmitSeesIPv4(t *testing.T) {
	seen := make(chan netip.Addr, 1)
	ln := listen(t, tcp.Config{Limits: reactor.ListenLimits{
		Admit: func(remote netip.AddrPort) bool { seen <- remote.Addr(); return true },
	}}, ":0")
	serve(t, ln)
	if err := ping(dial(t, &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: ln.Addr().(*net.TCPAddr).Port}, "127.0.0.9")); err != nil {
		t.Fatal(err)
	}
	if ip := <-seen; ip != netip.MustParseAddr("127.0.0.9") {
		t.Errorf("Admit got %v", ip)
	}
}

func TestFromListener(t *testing.T) {
	std, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ln, err := tcp.FromListener(std, tcp.Config{Limits: reactor.ListenLimits{MaxConnsPerIP: 1}})
	if err != nil {
		t.Fatal(err)
	}
	if ln.Addr().String() != std.Addr().String() {
		t.Errorf("address %v, was %v", ln.Addr(), std.Addr())
	}
	serve(t, ln)
	if err := ping(dial(t, ln.Addr(), "")); err != nil {
		t.Fatal(err)
	}
	if err := ping(dial(t, ln.Addr(), "")); err == nil {
		t.Error("the limits do not apply")
	}
}

// odd is a listener that package tcp has never seen.
type odd struct{ net.Listener }

func TestFromListenerOfAnyKind(t *testing.T) {
	std, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ln, err := tcp.FromListener(odd{std}, tcp.Config{Limits: reactor.ListenLimits{MaxConns: 1}})
	if err != nil {
		t.Fatal(err)
	}
	if len(ln.ListenFDs()) != 0 {
		t.Error("it has no descriptor to give")
	}
	serve(t, ln)
	if err := ping(dial(t, ln.Addr(), "")); err != nil {
		t.Fatal(err)
	}
}

func TestListenErrors(t *testing.T) {
	taken := listen(t, tcp.Config{}, "127.0.0.1:0").Addr().String()
	for _, c := range []struct {
		name, network, addr string
		want                error
	}{
		{"in use", "", taken, syscall.EADDRINUSE},
		{"not ours", "", "192.0.2.1:0", syscall.EADDRNOTAVAIL},
		{"no port", "", "127.0.0.1", nil},
		{"a bad port", "", "127.0.0.1:http-alternative", nil},
		{"a port out of range", "", "127.0.0.1:70000", nil},
		{"another family", "tcp4", "[::1]:0", nil},
		{"and the other way", "tcp6", "127.0.0.1:0", nil},
		{"not TCP", "udp", "127.0.0.1:0", net.UnknownNetworkError("udp")},
	} {
		ln, err := tcp.Config{Network: c.network}.Listen(t.Context(), c.addr)
		var op *net.OpError
		if err == nil || !errors.As(err, &op) || op.Op != "listen" || c.want != nil && !errors.Is(err, c.want) {
			t.Errorf("%s: error %v", c.name, err)
		}
		if err == nil {
			ln.Close()
		}
	}
}
