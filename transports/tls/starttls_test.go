package tls_test

import (
	ctls "crypto/tls"
	"io"
	"testing"

	"github.com/calandria-go/calandria/reactor"
	"github.com/calandria-go/calandria/reactor/reactortest"
	"github.com/calandria-go/calandria/transports/tls"
)

// starttls waits for a line, answers, and upgrades.
type starttls struct{ srv *tls.Server }

func (s *starttls) OnOpen(*reactor.Conn) {}

func (s *starttls) OnData(c *reactor.Conn, in []byte) int {
	const line = "STARTTLS\n"
	if len(in) < len(line) {
		return 0
	}
	c.Write([]byte("go\n"))
	c.Upgrade(s.srv.NewHandler(c))
	return len(line) // what follows is the ClientHello
}

func (s *starttls) OnClose(*reactor.Conn, error) {}

// TLS begins on a connection that is open, with a ClientHello that came early, in part or entirely.
func TestUpgrade(t *testing.T) {
	versions(t, func(t *testing.T, v uint16) {
		a := newAudit(t)
		srv := &tls.Server{Config: at(serverConfig(), v), Next: echoing(a)}
		r := reactortest.NewDefault(t, reactor.Config{})
		l, err := r.Listen(listen(t), reactor.ProtocolFunc(func(*reactor.Conn) reactor.Handler { return &starttls{srv} }))
		if err != nil {
			t.Fatal(err)
		}
		h := &host{t: t, r: r, addr: l.Addr()}
		for _, early := range []int{0, 1, 5, 100, 1 << 20} {
			raw := h.raw()
			c := ctls.Client(&prefixed{splitter: splitter{Conn: raw}, prefix: "STARTTLS\n", early: early, t: t}, clientConfig())
			if err := roundTrip(c, pattern(20_000)); err != nil {
				t.Errorf("%d bytes early: %v", early, err)
			}
			c.Close()
			if err := await(t, "OnClose", a.closed); err != nil {
				t.Errorf("OnClose got %v", err)
			}
		}
	})
}

// prefixed sends a line and the first bytes of what is written in one packet, then waits for the answer.
type prefixed struct {
	splitter
	prefix string
	early  int
	t      *testing.T
}

func (p *prefixed) Write(b []byte) (int, error) {
	if p.prefix == "" {
		return p.Conn.Write(b)
	}
	early := min(p.early, len(b))
	p.Conn.Write(append([]byte(p.prefix), b[:early]...))
	p.prefix = ""
	got := make([]byte, 3)
	if _, err := io.ReadFull(p.Conn, got); err != nil || string(got) != "go\n" {
		p.t.Errorf("%q, %v", got, err)
	}
	_, err := p.Conn.Write(b[early:])
	return len(b), err
}
