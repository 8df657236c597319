package tls_test

import (
	ctls "crypto/tls"
	"io"
	"math/rand/v2"
	"net"
	"sync"
	"testing"

	"github.com/calandria-go/calandria/reactor"
	"github.com/calandria-go/calandria/transports/tls"
)

func TestEcho(t *testing.T) {
	versions(t, func(t *testing.T, v uint16) {
		a := newAudit(t)
		h := serve(t, reactor.Config{}, &tls.Server{Config: at(serverConfig(), v), Next: echoing(a)})
		c := h.dial(clientConfig())
		if got := c.ConnectionState().Version; got != v {
			t.Errorf("version %x", got)
		}
		for _, n := range []int{1, 100, 16 << 10, 1 << 20} {
			if err := roundTrip(c, pattern(n)); err != nil {
				t.Fatal(err)
			}
		}
		c.Close()
		if err := await(t, "OnClose", a.closed); err != nil {
			t.Errorf("OnClose got %v", err)
		}
		if s := h.srv.Stats(); s.Completed != 1 || s.Pending != 0 || s.Failed != 0 {
			t.Errorf("%+v", s)
		}
	})
}

// splitter cuts what a client writes: in pieces for the socket, and its records in the clear in records of so many bytes.
type splitter struct {
	net.Conn
	piece  func() int // bytes of a write; nil: whole
	record int        // bytes of a record of the ClientHello; 0: as they are
	clear  bool       // the first record is still to come
}

func (s *splitter) Write(p []byte) (int, error) {
	out := p
	if s.record > 0 && !s.clear && p[0] == 22 {
		s.clear = true
		out = nil
		for body := p[5:]; len(body) > 0; {
			n := min(s.record, len(body))
			out = append(out, 22, p[1], p[2], byte(n>>8), byte(n))
			out = append(out, body[:n]...)
			body = body[n:]
		}
	}
	for len(out) > 0 {
		n := len(out)
		if s.piece != nil {
			n = min(n, s.piece())
		}
		if _, err := s.Conn.Write(out[:n]); err != nil {
			return 0, err
		}
		out = out[n:]
	}
	return len(p), nil
}

// Every byte of the handshake and of the data is a record or a packet of its own.
func TestByteByByte(t *testing.T) {
	versions(t, func(t *testing.T, v uint16) {
		a := newAudit(t)
		h := serve(t, reactor.Config{}, &tls.Server{Config: serverConfig(), Next: echoing(a)})
		for _, c := range []struct {
			name string
			s    splitter
		}{
			{"packets", splitter{piece: func() int { return 1 }}},
			{"records", splitter{record: 1}},
			{"both", splitter{record: 1, piece: func() int { return 1 }}},
			{"random", splitter{record: 100, piece: func() int { return 1 + rand.IntN(300) }}},
		} {
			c.s.Conn = h.raw()
			conn := ctls.Client(&c.s, at(clientConfig(), v))
			if err := conn.Handshake(); err != nil {
				t.Fatalf("%s: %v", c.name, err)
			}
			for _, b := range pattern(300) { // records of one byte
				if err := roundTrip(conn, []byte{b}); err != nil {
					t.Fatalf("%s: %v", c.name, err)
				}
			}
			if err := roundTrip(conn, pattern(5000)); err != nil {
				t.Errorf("%s: %v", c.name, err)
			}
			conn.Close()
		}
	})
}

// 200 connections at once, each with records of random sizes that come in random pieces.
func TestRandomRecords(t *testing.T) {
	versions(t, func(t *testing.T, v uint16) {
		a := newAudit(t)
		h := serve(t, reactor.Config{}, &tls.Server{Config: serverConfig(), Next: echoing(a)})
		n := size(200, 1000)
		var wg sync.WaitGroup
		for i := range n {
			wg.Go(func() {
				rnd := rand.New(rand.NewPCG(uint64(i), uint64(v)))
				raw, err := net.Dial("tcp", h.addr.String())
				if err != nil {
					t.Error(err)
					return
				}
				defer raw.Close()
				c := ctls.Client(&splitter{Conn: raw, piece: func() int { return 1 + rnd.IntN(4000) }}, at(clientConfig(), v))
				for range size(4, 10) {
					if err := roundTrip(c, pattern(1+rnd.IntN(40_000))); err != nil {
						t.Errorf("connection %d: %v", i, err)
						return
					}
				}
				if err := c.CloseWrite(); err != nil {
					t.Error(err)
				}
				if rest, err := io.ReadAll(c); len(rest) > 0 || err != nil {
					t.Errorf("connection %d: %d bytes more, %v", i, len(rest), err)
				}
			})
		}
		wg.Wait()
		for range n {
			if err := await(t, "OnClose", a.closed); err != nil {
				t.Errorf("OnClose got %v", err)
			}
		}
	})
}

// Tickets: the second connection of each client resumes, with a client certificate too.
func TestResumption(t *testing.T) {
	versions(t, func(t *testing.T, v uint16) {
		a := newAudit(t)
		cfg := serverConfig()
		cfg.ClientAuth, cfg.ClientCAs = ctls.RequireAndVerifyClientCert, trusting(selfSigned())
		peers := make(chan int, 100)
		h := serve(t, reactor.Config{}, &tls.Server{Config: cfg, Next: reactor.ProtocolFunc(func(c *reactor.Conn) reactor.Handler {
			s, _ := tls.State(c)
			peers <- len(s.PeerCertificates)
			return echoing(a).NewHandler(c)
		})})
		const clients = 10
		for range clients {
			cc := at(clientConfig(), v)
			cc.ClientSessionCache = ctls.NewLRUClientSessionCache(1)
			cc.Certificates = []ctls.Certificate{selfSigned()}
			for k := range 3 {
				c := h.dial(cc)
				if err := roundTrip(c, []byte("ticket")); err != nil { // TLS 1.3 sends it after the handshake
					t.Fatal(err)
				}
				if got := c.ConnectionState().DidResume; got != (k > 0) {
					t.Errorf("connection %d: resumed %v", k, got)
				}
				if n := await(t, "state", peers); n != 1 {
					t.Errorf("%d client certificates", n)
				}
				c.Close()
			}
		}
		if s := h.srv.Stats(); s.Completed != 3*clients || s.Resumed != 2*clients {
			t.Errorf("%+v", s)
		}
	})
}

// ALPN chooses the protocol; without it Next serves; a client that has none of ours is refused.
func TestALPN(t *testing.T) {
	a := newAudit(t)
	named := func(name string) reactor.Protocol {
		return reactor.ProtocolFunc(func(*reactor.Conn) reactor.Handler {
			return &probe{a: a, open: func(c *reactor.Conn) {
				s, _ := tls.State(c)
				c.Write([]byte(name + " " + s.NegotiatedProtocol + " " + s.ServerName))
				c.Close()
			}}
		})
	}
	cfg := serverConfig()
	cfg.NextProtos = []string{"b"}
	h := serve(t, reactor.Config{}, &tls.Server{Config: cfg, Next: named("next"), NextProtos: map[string]reactor.Protocol{
		"a": named("for a"), "c": named("for c"),
	}})
	if len(cfg.NextProtos) != 1 {
		t.Error("the user's Config was changed")
	}
	for _, c := range []struct {
		offer []string
		want  string
	}{
		{nil, "next  localhost"},
		{[]string{"c"}, "for c c localhost"},
		{[]string{"x", "a", "c"}, "for a a localhost"},
		{[]string{"c", "b", "a"}, "next b localhost"}, // our order, not the client's
	} {
		cc := clientConfig()
		cc.NextProtos = c.offer
		got, err := io.ReadAll(h.dial(cc))
		if string(got) != c.want || err != nil {
			t.Errorf("%v: %q, %v", c.offer, got, err)
		}
		h.ended("closed", nil)
	}
	cc := clientConfig()
	cc.NextProtos = []string{"x"}
	err := ctls.Client(h.raw(), cc).Handshake()
	if err == nil || err.Error() != "remote error: tls: no application protocol" {
		t.Errorf("unknown protocol: %v", err)
	}
	h.ended("handshake", nil)
}

func TestNoProtocol(t *testing.T) {
	h := serve(t, reactor.Config{}, &tls.Server{Config: serverConfig(), NextProtos: map[string]reactor.Protocol{"a": echoing(newAudit(t))}})
	if got, err := io.ReadAll(h.dial(clientConfig())); len(got) > 0 || err != nil {
		t.Errorf("%q, %v", got, err)
	}
	h.ended("no_protocol", tls.ErrNoProtocol)
}
