package resolve

import (
	"context"
	"errors"
	"io"
	"net"
	"net/netip"
	"os"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/calandria-go/calandria/reactor"
	"github.com/calandria-go/calandria/reactor/reactortest"
	"github.com/calandria-go/calandria/transports/tcp"
)

// names is a resolver of fixed names that does not know localhost.
type names map[string][]netip.Addr

func (n names) LookupNetIP(ctx context.Context, network, host string) ([]netip.Addr, error) {
	if all := family(network, n[host]); len(all) > 0 {
		return all, nil
	}
	if host == "slow.test" {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	return nil, &net.DNSError{Err: "no such host", Name: host, IsNotFound: true}
}

// echo sends back what comes.
type echo struct{}

func (echo) OnOpen(*reactor.Conn)         {}
func (echo) OnClose(*reactor.Conn, error) {}
func (echo) OnData(c *reactor.Conn, in []byte) int {
	c.Write(in)
	return len(in)
}

func listen(t *testing.T, r *reactor.Reactor, at string) (port string) {
	t.Helper()
	ln, err := tcp.Listen(at)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.Listen(ln, reactor.ProtocolFunc(func(*reactor.Conn) reactor.Handler { return echo{} })); err != nil {
		t.Fatal(err)
	}
	_, port, err = net.SplitHostPort(ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	return port
}

func dial(t *testing.T, d *Dialer, r *reactor.Reactor, addr string) (remote string, err error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	s, err := d.DialContext(ctx, r, addr)
	if err != nil {
		return "", err
	}
	defer s.Close()
	s.SetDeadline(time.Now().Add(patience))
	io.WriteString(s, "hello")
	buf := make([]byte, 5)
	if _, err := io.ReadFull(s, buf); err != nil || string(buf) != "hello" {
		t.Errorf("%s: %q, %v", addr, buf, err)
	}
	ap := s.Conn().RemoteAddrPort()
	return ap.Addr().String(), nil
}

// Over real sockets: 127.0.0.2 does not listen, 127.0.0.1 does.
func TestDialer(t *testing.T) {
	t.Parallel()
	r := reactortest.NewDefault(t, reactor.Config{Loops: 2})
	port := listen(t, r, "127.0.0.1:0")
	res := names{
		"one.test": ips("127.0.0.1"), "two.test": ips("127.0.0.2", "127.0.0.1"), "dead.test": ips("127.0.0.2", "127.0.0.3"),
		"unreachable.test": ips("2001:db8::1", "127.0.0.1"),
	}
	local := &net.TCPAddr{IP: net.IPv4(127, 0, 0, 9)}
	for _, c := range []struct {
		name string
		d    Dialer
		addr string
		want string
		err  error
	}{
		{"one address", Dialer{}, "one.test:" + port, "127.0.0.1", nil},
		{"the second one", Dialer{}, "two.test:" + port, "127.0.0.1", nil},
		{"only one is tried", Dialer{MaxAttempts: 1}, "two.test:" + port, "", syscall.ECONNREFUSED},
		{"none listens", Dialer{}, "dead.test:" + port, "", syscall.ECONNREFUSED},
		{"a network without a route", Dialer{}, "unreachable.test:" + port, "127.0.0.1", nil},
		{"IPv6 alone", Dialer{TCP: tcp.Dialer{Network: "tcp6"}}, "one.test:" + port, "", nil},
		{"from an address", Dialer{TCP: tcp.Dialer{LocalAddr: local}}, "unreachable.test:" + port, "127.0.0.1", nil},
		{"from an address of another family", Dialer{TCP: tcp.Dialer{Network: "tcp6", LocalAddr: local}}, "one.test:" + port, "", nil},
		{"no such name", Dialer{}, "none.test:" + port, "", nil},
		{"a literal", Dialer{}, "127.0.0.1:" + port, "127.0.0.1", nil},
		{"no host", Dialer{}, ":" + port, "127.0.0.1", nil},
		{"no port", Dialer{}, "one.test", "", nil},
		{"no such port", Dialer{}, "one.test:none-such", "", nil},
		{"no such network", Dialer{TCP: tcp.Dialer{Network: "udp"}}, "one.test:" + port, "", nil},
	} {
		c.d.Resolver = res
		got, err := dial(t, &c.d, r, c.addr)
		var op *net.OpError
		if got != c.want || (err == nil) != (c.want != "") || c.err != nil && !errors.Is(err, c.err) || err != nil && (!errors.As(err, &op) || op.Op != "dial") {
			t.Errorf("%s: %q, %v", c.name, got, err)
		}
	}
	var de *net.DNSError
	if _, err := dial(t, &Dialer{Resolver: res}, r, "none.test:80"); !errors.As(err, &de) || !de.IsNotFound {
		t.Errorf("%v", err)
	}
}

// The resolver and the dialer together.
func TestDialerWithResolver(t *testing.T) {
	t.Parallel()
	r := reactortest.NewDefault(t, reactor.Config{Loops: 1})
	port := listen(t, r, "127.0.0.1:0")
	s := serve(t, zone(t, "a.test. 60 IN A 127.0.0.1"))
	d := &Dialer{Resolver: &Resolver{Servers: []string{s.addr}, Timeout: patience, Reactor: r}}
	for range 2 {
		if got, err := dial(t, d, r, "a.test:"+port); err != nil || got != "127.0.0.1" {
			t.Errorf("%q, %v", got, err)
		}
	}
	if n := len(s.asked()); n != 2 {
		t.Errorf("%d questions", n)
	}
}

// Time: what does not answer is left after a while, and the handler hears of the winner alone.
func TestDialerTimes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := reactortest.New(t, reactor.Config{Loops: 1, StallAfter: -1})
		silent := reactortest.ListenSize(0, 1)
		defer silent.Close()
		d := &Dialer{Resolver: names{"a.test": ips("192.0.2.1")}, TCP: tcp.Dialer{Timeout: 5 * time.Second}}
		_, port, _ := net.SplitHostPort(silent.Addr().String())
		start := time.Now()
		_, err := d.DialContext(t.Context(), r, "a.test:"+port)
		if !errors.Is(err, os.ErrDeadlineExceeded) || !errors.Is(err, context.DeadlineExceeded) || time.Since(start) > 6*time.Second {
			t.Errorf("%v after %v", err, time.Since(start))
		}
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Second, cancel)
		for _, host := range []string{"a.test:", "slow.test:"} {
			if _, err := d.DialContext(ctx, r, host+port); !errors.Is(err, context.Canceled) {
				t.Errorf("%s: %v", host, err)
			}
		}
	})
}

// opens counts what a handler hears.
type opens struct{ opened, closed atomic.Int32 }

func (o *opens) OnOpen(*reactor.Conn)                 { o.opened.Add(1) }
func (o *opens) OnData(_ *reactor.Conn, p []byte) int { return len(p) }
func (o *opens) OnClose(*reactor.Conn, error)         { o.closed.Add(1) }

// Two attempts connect at one moment: one is the handler's, the other is reset and the handler hears nothing of it.
func TestTwoWinners(t *testing.T) {
	r := reactortest.NewDefault(t, reactor.Config{Loops: 1})
	port := listen(t, r, "127.0.0.1:0")
	ap := netip.MustParseAddrPort("127.0.0.1:" + port)
	var won atomic.Bool
	h := &opens{}
	d := &Dialer{}
	var lost, connected int
	for range 5 {
		c, err := d.attempt(t.Context(), r, ap, &won, h)
		switch {
		case err == nil:
			connected++
			defer c.Abort(nil)
		case errors.Is(err, errLost):
			lost++
		default:
			t.Error(err)
		}
	}
	if connected != 1 || lost != 4 || h.opened.Load() != 1 || h.closed.Load() != 0 {
		t.Errorf("%d connected, %d lost; heard %d, %d", connected, lost, h.opened.Load(), h.closed.Load())
	}
}
