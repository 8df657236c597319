package tcp_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/netip"
	"os"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/calandria-go/calandria/reactor"
	"github.com/calandria-go/calandria/reactor/reactortest"
	"github.com/calandria-go/calandria/transports/tcp"
)

// hosts is a Resolver by table.
type hosts map[string][]string

func (h hosts) LookupNetIP(_ context.Context, network, host string) ([]netip.Addr, error) {
	all, ok := h[host]
	if !ok {
		return nil, &net.DNSError{Err: "no such host", Name: host, IsNotFound: true}
	}
	var out []netip.Addr
	for _, s := range all {
		ip := netip.MustParseAddr(s)
		if network == "ip" || network == "ip4" && ip.Is4() || network == "ip6" && ip.Is6() {
			out = append(out, ip)
		}
	}
	return out, nil
}

// refusing gives a port on which nobody listens at any address.
func refusing(t *testing.T) string {
	ln := listen(t, tcp.Config{}, ":0")
	ln.Close()
	return strconv.Itoa(ln.Addr().(*net.TCPAddr).Port)
}

// silent gives an address that does not answer: nobody accepts, and the backlog is full.
func silent(t *testing.T) string {
	t.Helper()
	if !sharding { // that is: not Linux
		t.Skip("a full backlog keeps silent on Linux alone")
	}
	ln := listen(t, tcp.Config{Backlog: 1}, "127.0.0.1:0")
	dial(t, ln.Addr(), "")
	dial(t, ln.Addr(), "")
	return ln.Addr().String()
}

func newReactor(t *testing.T) *reactor.Reactor {
	t.Helper()
	return reactortest.NewDefault(t, reactor.Config{Loops: 2})
}

func TestDialContext(t *testing.T) {
	ln := listen(t, tcp.Config{}, "127.0.0.1:0")
	r, _ := serve(t, ln)
	_, port, _ := net.SplitHostPort(ln.Addr().String())
	for _, addr := range []string{ln.Addr().String(), ":" + port, "0.0.0.0:" + port, "localhost:" + port, "[::ffff:127.0.0.1]:" + port} {
		d := tcp.Dialer{Network: "tcp4"}
		s, err := d.DialContext(t.Context(), r, addr)
		if err != nil {
			t.Errorf("%s: %v", addr, err)
			continue
		}
		if err := ping(s); err != nil {
			t.Errorf("%s: %v", addr, err)
		}
		s.Close()
	}
}

// counter says on channels what its connection does.
type counter struct {
	echo
	opened, closed chan *reactor.Conn
}

func (h *counter) OnOpen(c *reactor.Conn)           { h.opened <- c }
func (h *counter) OnClose(c *reactor.Conn, _ error) { h.closed <- c }

func TestDialConn(t *testing.T) {
	ln := listen(t, tcp.Config{}, "127.0.0.1:0")
	r, l := serve(t, ln)
	h := &counter{opened: make(chan *reactor.Conn, 1), closed: make(chan *reactor.Conn, 1)}
	c, err := new(tcp.Dialer).DialConn(t.Context(), r, ln.Addr().String(), h)
	if err != nil {
		t.Fatal(err)
	}
	select {
	case o := <-h.opened:
		if o != c {
			t.Error("another connection was opened")
		}
	default:
		t.Error("DialConn returned before OnOpen")
	}
	eventually(t, "it is accepted", func() bool { return l.Conns() == 1 })
	c.Close()
	<-h.closed
}

func TestDialErrors(t *testing.T) {
	r := newReactor(t)
	port := refusing(t)
	names := hosts{"both": {"127.0.0.1", "127.0.0.2"}, "six": {"::1"}}
	for _, c := range []struct {
		name string
		d    tcp.Dialer
		addr string
		want error
		to   string // the address in the error
	}{
		{"refused", tcp.Dialer{}, "127.0.0.1:" + port, syscall.ECONNREFUSED, "127.0.0.1:" + port},
		{"all refused", tcp.Dialer{}, "both:" + port, syscall.ECONNREFUSED, "127.0.0.1:" + port},
		{"no such name", tcp.Dialer{}, "nobody:80", nil, ""},
		{"no IPv4", tcp.Dialer{Network: "tcp4"}, "six:80", nil, ""},
		{"no port", tcp.Dialer{}, "127.0.0.1", nil, ""},
		{"not TCP", tcp.Dialer{Network: "udp"}, "127.0.0.1:80", net.UnknownNetworkError("udp"), ""},
		{"local address of the other family", tcp.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv6loopback}}, "both:80", nil, ""},
		{
			"local address of another host",
			tcp.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(192, 0, 2, 1)}},
			"127.0.0.1:" + port, syscall.EADDRNOTAVAIL, "127.0.0.1:" + port,
		},
	} {
		c.d.Resolver = names
		s, err := c.d.DialContext(t.Context(), r, c.addr)
		var op *net.OpError
		if s != nil || !errors.As(err, &op) || op.Op != "dial" || op.Timeout() || c.want != nil && !errors.Is(err, c.want) {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		if got := ""; op.Addr != nil {
			if got = op.Addr.String(); got != c.to {
				t.Errorf("%s: the error names %s", c.name, got)
			}
		}
		if (op.Source != nil) != (c.d.LocalAddr != nil) {
			t.Errorf("%s: the error's source is %v", c.name, op.Source)
		}
	}
	var dns *net.DNSError
	d := tcp.Dialer{Resolver: names}
	if _, err := d.DialContext(t.Context(), r, "nobody:80"); !errors.As(err, &dns) || !dns.IsNotFound {
		t.Errorf("no such name: %v", err)
	}
}

func TestDialTriesTheNextAddress(t *testing.T) {
	ln := listen(t, tcp.Config{}, "127.0.0.3:0")
	r, _ := serve(t, ln)
	_, port, _ := net.SplitHostPort(ln.Addr().String())
	d := tcp.Dialer{Resolver: hosts{"many": {"127.0.0.1", "::1", "127.0.0.2", "127.0.0.3"}}}
	h := &counter{opened: make(chan *reactor.Conn, 9), closed: make(chan *reactor.Conn, 9)}
	c, err := d.DialConn(t.Context(), r, "many:"+port, h)
	if err != nil {
		t.Fatal(err)
	}
	if got := c.RemoteAddr().String(); got != ln.Addr().String() {
		t.Errorf("connected to %s", got)
	}
	if len(h.opened) != 1 || len(h.closed) != 0 {
		t.Errorf("the handler saw %d connections open and %d close", len(h.opened), len(h.closed))
	}
	c.Close()
	<-h.closed
}

func TestDialLocalAddr(t *testing.T) {
	ln := listen(t, tcp.Config{}, "127.0.0.1:0")
	r, _ := serve(t, ln)
	d := tcp.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 0, 77)}, Resolver: hosts{"both": {"::1", "127.0.0.1"}}}
	_, port, _ := net.SplitHostPort(ln.Addr().String())
	s, err := d.DialContext(t.Context(), r, "both:"+port)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if ip := s.LocalAddr().(*net.TCPAddr).IP; ip.String() != "127.0.0.77" {
		t.Errorf("dialed from %v", ip)
	}
}

func isTimeout(err error) bool {
	var op *net.OpError
	return errors.As(err, &op) && op.Timeout() && errors.Is(err, os.ErrDeadlineExceeded) &&
		errors.Is(err, context.DeadlineExceeded)
}

func TestDialTimeout(t *testing.T) {
	addr := silent(t)
	r := newReactor(t)
	d := tcp.Dialer{Timeout: 20 * time.Millisecond}
	start := time.Now()
	if _, err := d.DialContext(t.Context(), r, addr); !isTimeout(err) {
		t.Errorf("Timeout: %v", err)
	}
	if took := time.Since(start); took < d.Timeout || took > patience {
		t.Errorf("it took %v", took)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if _, err := new(tcp.Dialer).DialContext(ctx, r, addr); !isTimeout(err) {
		t.Errorf("a context with a deadline: %v", err)
	}
	if _, err := new(tcp.Dialer).DialContext(ctx, r, addr); !isTimeout(err) {
		t.Errorf("a context that has ended: %v", err)
	}
	eventually(t, "nothing is left of the dials", func() bool {
		s, err := r.Stats(t.Context())
		return err == nil && s.Open == 0
	})
}

func TestDialCancel(t *testing.T) {
	addr := silent(t)
	r := newReactor(t)
	ctx, cancel := context.WithCancel(t.Context())
	errs := make(chan error)
	go func() { _, err := new(tcp.Dialer).DialContext(ctx, r, addr); errs <- err }()
	eventually(t, "the dial has begun", func() bool {
		s, err := r.Stats(t.Context())
		return err == nil && s.Open == 1
	})
	cancel()
	var op *net.OpError
	if err := <-errs; !errors.Is(err, context.Canceled) || !errors.As(err, &op) || op.Timeout() {
		t.Errorf("cancelled: %v", err)
	}
}

func TestDialAfterShutdown(t *testing.T) {
	r := newReactor(t)
	if err := r.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := new(tcp.Dialer).DialContext(t.Context(), r, "127.0.0.1:80"); !errors.Is(err, reactor.ErrShutdown) {
		t.Errorf("error %v", err)
	}
}

// onLoop dials in OnData.
type onLoop struct {
	echo
	errs chan error
}

func (h onLoop) OnData(c *reactor.Conn, in []byte) int {
	_, err := new(tcp.Dialer).DialContext(context.Background(), c.Reactor(), "localhost:80")
	h.errs <- err
	return len(in)
}

func TestDialOnLoop(t *testing.T) {
	ln := listen(t, tcp.Config{}, "127.0.0.1:0")
	errs := make(chan error, 1)
	if _, err := newReactor(t).Listen(ln, reactor.ProtocolFunc(func(*reactor.Conn) reactor.Handler {
		return onLoop{errs: errs}
	})); err != nil {
		t.Fatal(err)
	}
	dial(t, ln.Addr(), "").Write([]byte("x"))
	if err := <-errs; !errors.Is(err, reactor.ErrOnLoop) {
		t.Errorf("error %v", err)
	}
}

func TestOptionsForDialFunc(t *testing.T) {
	ln := listen(t, tcp.Config{}, "127.0.0.1:0")
	r, _ := serve(t, ln)
	d := tcp.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 0, 78)}}
	s := reactor.NewStream()
	errs := make(chan error, 1)
	r.DialFunc(ln.Addr(), d.Options(), s, func(c *reactor.Conn, err error) {
		c.Post(func() { errs <- err })
	})
	if err := <-errs; err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if ip := s.LocalAddr().(*net.TCPAddr).IP; ip.String() != "127.0.0.78" {
		t.Errorf("dialed from %v", ip)
	}
	s.Write([]byte("x"))
	if _, err := io.ReadFull(s, make([]byte, 1)); err != nil {
		t.Error(err)
	}
	if o := new(tcp.Dialer).Options(); o.LocalAddr != nil {
		t.Errorf("no local address became %v", o.LocalAddr)
	}
}
