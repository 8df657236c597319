package reactor

import (
	"io"
	"net"
	"net/netip"
	"testing"
	"time"
)

// TestMaxConns: at the limit the listener rests without spinning; it goes on whenever a connection closes, many times.
func TestMaxConns(t *testing.T) {
	for _, own := range []bool{false, true} {
		a := newAudit(t)
		cfg, lim := Config{MaxConns: 3}, ListenLimits{}
		if own {
			cfg, lim = Config{}, ListenLimits{MaxConns: 3}
		}
		r, _ := newTest(t, cfg)
		l, err := r.Listen(admitting{listenTCP(t), lim}, ProtocolFunc(func(*Conn) Handler { return echoing(a) }))
		if err != nil {
			t.Fatal(err)
		}
		var open []*net.TCPConn
		for range 3 {
			c := connect(t, l.Addr())
			ping(t, c)
			open = append(open, c)
		}
		for range size(50, 1000) {
			c := connect(t, l.Addr()) // waits in the backlog
			c.Write([]byte("x"))
			c.SetReadDeadline(time.Now().Add(2 * time.Millisecond))
			if _, err := c.Read(make([]byte, 1)); err == nil {
				t.Fatal("served beyond the limit")
			}
			c.SetReadDeadline(time.Now().Add(patience))
			open[0].Close()
			if _, err := io.ReadFull(c, make([]byte, 1)); err != nil {
				t.Fatalf("not served after another has closed: %v", err)
			}
			open = append(open[1:], c)
		}
		waiting := connect(t, l.Addr())
		before, cpu := total(t, r).Batches, cpuTime()
		within(quiet, func() bool { return false })
		if n, spent := total(t, r).Batches-before, cpuTime()-cpu; n > 100 || spent > quiet/2 {
			t.Errorf("%d batches, %v of CPU time while the listener was full", n, spent)
		}
		waiting.Close()
		kill(t, r)
		a.balanced(t)
	}
}

// TestMaxConnsPerIP: one more of the same address is closed at once, and there is room again when one has gone.
func TestMaxConnsPerIP(t *testing.T) {
	r, _ := newTest(t, Config{})
	l, err := r.Listen(admitting{listenTCP(t), ListenLimits{MaxConnsPerIP: 2}},
		ProtocolFunc(func(*Conn) Handler {
			return &probe{
				open: func(c *Conn) { c.SetRemoteAddr(netip.MustParseAddrPort("192.0.2.1:1")) },
				data: func(c *Conn, in []byte) int { c.Write(in); return len(in) },
			}
		}))
	if err != nil {
		t.Fatal(err)
	}
	one, two := connect(t, l.Addr()), connect(t, l.Addr())
	ping(t, one)
	ping(t, two)
	if n, err := connect(t, l.Addr()).Read(make([]byte, 1)); err == nil {
		t.Errorf("the third got %d bytes", n)
	}
	one.Close()
	eventually(t, "one has gone", func() bool { return l.Conns() == 1 })
	ping(t, connect(t, l.Addr()))
}
