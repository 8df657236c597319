package relay

import (
	"io"
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/calandria-go/calandria/protocols/relay/access"
)

// TestRate: the bytes of a service are held to its limit, and all arrive.
func TestRate(t *testing.T) {
	w := newWorld(t, nil)
	const rate = 4 << 20
	addr := w.expose(Service{Name: "source", BytesPerSecond: rate})
	data := pattern(2 * rate)
	w.agent([]AgentService{{Name: "source", Target: target(backend(t, func(c *net.TCPConn) { c.Write(data) }))}}, nil)
	start := time.Now()
	got, err := io.ReadAll(dial(t, addr))
	if err != nil || len(got) != len(data) {
		t.Fatalf("%d bytes, %v", len(got), err)
	}
	if took := time.Since(start); took < 900*time.Millisecond { // a second's worth goes at once
		t.Errorf("%d bytes in %v", len(got), took)
	}
}

// TestClientLimits: networks that may not come, and connections over the limits, are reset at once; others are served.
func TestClientLimits(t *testing.T) {
	w := newWorld(t, nil)
	addr := w.expose(Service{Name: "two", MaxConnsPerClient: 2})
	denied := w.expose(Service{Name: "none", Clients: access.Clients{Deny: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}}})
	back := target(backend(t, echo))
	w.agent([]AgentService{{Name: "two", Target: back}, {Name: "none", Target: back}}, nil)
	for range 3 {
		a, b := dial(t, addr), dial(t, addr)
		for _, c := range []*net.TCPConn{a, b} {
			c.Write([]byte("x"))
			if _, err := io.ReadFull(c, make([]byte, 1)); err != nil {
				t.Fatal(err)
			}
		}
		if !refused(addr) {
			t.Error("a third one is served")
		}
		if err := echoed(a, nil); err != nil {
			t.Error(err)
		}
		if err := echoed(b, nil); err != nil {
			t.Error(err)
		}
		v := w.srv.lookup("two")
		w.until("the places to be free", func() bool {
			v.mu.Lock()
			defer v.mu.Unlock()
			return v.conns == 0
		})
	}
	if !refused(denied) {
		t.Error("a client that is denied is served")
	}
}

// refused says whether a connection is reset before it gets anything: as early as in connect(2), perhaps.
func refused(addr string) bool {
	c, err := net.Dial("tcp", addr)
	if err != nil {
		return true
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(patience))
	n, err := c.Read(make([]byte, 1))
	return n == 0 && err != nil && err != io.EOF
}

// TestGrantStreams: a grant's limit of streams holds for an agent's link and for a client's.
func TestGrantStreams(t *testing.T) {
	w := newWorld(t, func(s *Server) {
		for i := range s.Rules.Tokens {
			s.Rules.Tokens[i].Grant.MaxStreams = 2 - i // agents two, clients one
		}
	})
	addr := w.expose(Service{Name: "echo"})
	w.agent([]AgentService{{Name: "echo", Target: target(backend(t, echo))}}, nil)
	c := w.client(nil)
	s, err := c.Dial(t.Context(), "echo")
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if _, err := c.Dial(t.Context(), "echo"); err == nil {
		t.Error("a client has two streams")
	}
	a := dial(t, addr)
	a.Write([]byte("x"))
	if _, err := io.ReadFull(a, make([]byte, 1)); err != nil {
		t.Fatal(err)
	}
	if !refused(addr) {
		t.Error("an agent has three streams")
	}
}
