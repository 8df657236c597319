package tls_test

import (
	"context"
	ctls "crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/calandria-go/calandria/reactor"
	"github.com/calandria-go/calandria/reactor/reactortest"
	"github.com/calandria-go/calandria/transports/tcp"
	"github.com/calandria-go/calandria/transports/tls"
)

// The synchronous client against our own server, and its half-close.
func TestDialContext(t *testing.T) {
	versions(t, func(t *testing.T, v uint16) {
		a := newAudit(t)
		h := serve(t, reactor.Config{}, &tls.Server{Config: at(serverConfig(), v), Next: echoing(a)})
		d := tls.Dialer{Config: &ctls.Config{RootCAs: trusting(selfSigned())}} // the name is that of the address
		var wg sync.WaitGroup
		for range 20 {
			wg.Go(func() {
				c, err := d.DialContext(t.Context(), h.r, h.addr.String())
				if err != nil {
					t.Error(err)
					return
				}
				defer c.Close()
				if s := c.ConnectionState(); s.Version != v || !s.HandshakeComplete {
					t.Errorf("%+v", s)
				}
				if err := roundTrip(c, pattern(300_000)); err != nil {
					t.Error(err)
				}
				if err := c.CloseWrite(); err != nil {
					t.Error(err)
				}
				if rest, err := io.ReadAll(c); len(rest) > 0 || err != nil {
					t.Errorf("%q, %v", rest, err)
				}
			})
		}
		wg.Wait()
		for range 20 {
			if err := await(t, "OnClose", a.closed); err != nil {
				t.Errorf("OnClose got %v", err)
			}
		}
		if d.Config.ServerName != "" {
			t.Error("the user's Config was changed")
		}
	})
}

// Resumption, ALPN and a client certificate work from our client against crypto/tls's server.
func TestClientAgainstStandard(t *testing.T) {
	versions(t, func(t *testing.T, v uint16) {
		cfg := at(serverConfig(), v)
		cfg.ClientAuth, cfg.ClientCAs, cfg.NextProtos = ctls.RequireAndVerifyClientCert, trusting(selfSigned()), []string{"x"}
		ln, err := ctls.Listen("tcp", "127.0.0.1:0", cfg)
		if err != nil {
			t.Fatal(err)
		}
		defer ln.Close()
		go func() {
			for {
				c, err := ln.Accept()
				if err != nil {
					return
				}
				go func() {
					defer c.Close()
					io.Copy(c, c)
				}()
			}
		}()
		cc := clientConfig()
		cc.Certificates, cc.NextProtos = []ctls.Certificate{selfSigned()}, []string{"y", "x"}
		cc.ClientSessionCache = ctls.NewLRUClientSessionCache(1)
		r := reactortest.NewDefault(t, reactor.Config{})
		d := tls.Dialer{Config: cc}
		for i := range 3 {
			c, err := d.DialContext(t.Context(), r, ln.Addr().String())
			if err != nil {
				t.Fatal(err)
			}
			if err := roundTrip(c, pattern(100_000)); err != nil {
				t.Fatal(err)
			}
			if s := c.ConnectionState(); s.NegotiatedProtocol != "x" || s.DidResume != (i > 0) {
				t.Errorf("connection %d: %q, resumed %v", i, s.NegotiatedProtocol, s.DidResume)
			}
			c.CloseWrite()
			if rest, err := io.ReadAll(c); len(rest) > 0 || err != nil {
				t.Errorf("%q, %v", rest, err)
			}
			c.Close()
		}
	})
}

// Why a dial fails is an error by which it can be told; the handler hears nothing.
func TestDialErrors(t *testing.T) {
	a := newAudit(t)
	h := serve(t, reactor.Config{}, &tls.Server{Config: serverConfig(), Next: echoing(a)})
	mute := must(net.Listen("tcp", "127.0.0.1:0"))
	defer mute.Close()
	closing := must(net.Listen("tcp", "127.0.0.1:0"))
	defer closing.Close()
	go func() {
		for {
			c, err := closing.Accept()
			if err != nil {
				return
			}
			c.Close()
		}
	}()
	plain := serveEchoInTheClear(t, h.r)
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	soon, cancel2 := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel2()
	trusted := &ctls.Config{RootCAs: trusting(selfSigned())}
	for _, c := range []struct {
		name string
		d    tls.Dialer
		ctx  context.Context
		addr string
		is   func(error) bool
	}{
		{"unknown authority", tls.Dialer{}, t.Context(), h.addr.String(), func(err error) bool {
			var u x509.UnknownAuthorityError
			return errors.As(err, &u) && reactor.ReasonOf(err) == "bad_certificate"
		}},
		{"another name", tls.Dialer{Config: &ctls.Config{RootCAs: trusted.RootCAs, ServerName: "elsewhere"}}, t.Context(), h.addr.String(), func(err error) bool {
			var n x509.HostnameError
			return errors.As(err, &n)
		}},
		{"renegotiation", tls.Dialer{Config: &ctls.Config{Renegotiation: ctls.RenegotiateFreelyAsClient}}, t.Context(), h.addr.String(), func(err error) bool {
			return errors.Is(err, tls.ErrRenegotiation)
		}},
		{"a server that says nothing", tls.Dialer{Config: trusted, HandshakeTimeout: 50 * time.Millisecond}, t.Context(), mute.Addr().String(), func(err error) bool {
			return errors.Is(err, tls.ErrHandshakeTimeout) && errors.Is(err, os.ErrDeadlineExceeded)
		}},
		{"the same, by the context", tls.Dialer{Config: trusted}, soon, mute.Addr().String(), func(err error) bool {
			return errors.Is(err, context.DeadlineExceeded)
		}},
		{"cancelled", tls.Dialer{Config: trusted}, cancelled, mute.Addr().String(), func(err error) bool {
			return errors.Is(err, context.Canceled)
		}},
		{"a server that closes", tls.Dialer{Config: trusted}, t.Context(), closing.Addr().String(), func(err error) bool {
			r := reactor.ReasonOf(err)
			return r == "handshake_eof" || r == "reset"
		}},
		{"a server without TLS", tls.Dialer{Config: trusted}, t.Context(), plain, func(err error) bool {
			return err != nil && reactor.ReasonOf(err) == "handshake"
		}},
		{"nobody", tls.Dialer{Config: trusted}, t.Context(), "127.0.0.1:1", func(err error) bool { return err != nil }},
		{"no port", tls.Dialer{Config: trusted}, t.Context(), "127.0.0.1", func(err error) bool { return err != nil }},
	} {
		s, err := c.d.DialContext(c.ctx, h.r, c.addr)
		if !c.is(err) || s != nil {
			t.Errorf("%s: %v (%s)", c.name, err, reactor.ReasonOf(err))
		}
		if op := (*net.OpError)(nil); err != nil && (!errors.As(err, &op) || op.Op != "dial") {
			t.Errorf("%s: %T is no *net.OpError of a dial", c.name, err)
		}
		quiet := newAudit(t)
		if _, err := c.d.DialConn(c.ctx, h.r, c.addr, &probe{a: quiet}); err == nil {
			t.Errorf("%s: DialConn connected", c.name)
		}
		if opens, closes := quiet.counts(); opens+closes > 0 {
			t.Errorf("%s: the handler heard of it", c.name)
		}
	}
}

// serveEchoInTheClear gives the address of a server whose answers are no TLS.
func serveEchoInTheClear(t *testing.T, r *reactor.Reactor) string {
	ln := listen(t)
	addr := ln.Addr().String()
	if _, err := r.Listen(ln, reactor.ProtocolFunc(func(*reactor.Conn) reactor.Handler { return &babbler{} })); err != nil {
		t.Fatal(err)
	}
	return addr
}

type babbler struct{}

func (*babbler) OnOpen(c *reactor.Conn)                { c.Write([]byte("220 welcome\r\n")) }
func (*babbler) OnData(_ *reactor.Conn, in []byte) int { return len(in) }
func (*babbler) OnClose(_ *reactor.Conn, _ error)      {}

// A handler on the loop, dialed from the loop: near a connection, without waiting.
func TestClientHandler(t *testing.T) {
	a := newAudit(t)
	h := serve(t, reactor.Config{}, &tls.Server{Config: serverConfig(), Next: echoing(a)})
	b := newAudit(t)
	got := make(chan string, 1)
	told := make(chan error, 2)
	cl := &tls.Client{Config: clientConfig()}
	p := &probe{
		a: b, open: func(c *reactor.Conn) { c.Write([]byte("hello")) },
		data: func(c *reactor.Conn, in []byte) int {
			if len(in) < 5 {
				return 0
			}
			got <- string(in)
			c.Close()
			return len(in)
		},
	}
	handler := cl.Handler(p, func(c *reactor.Conn, err error) {
		if p.opened {
			t.Error("done was called after OnOpen")
		}
		told <- err
	})
	h.r.DialFunc(h.addr, new(tcp.Dialer).Options(), handler, func(_ *reactor.Conn, err error) {
		if err != nil {
			t.Error(err)
		}
	})
	if s := await(t, "echo", got); s != "hello" {
		t.Errorf("%q", s)
	}
	if err := await(t, "done", told); err != nil {
		t.Error(err)
	}
	if err := await(t, "the client's OnClose", b.closed); err != nil {
		t.Errorf("OnClose got %v", err)
	}
	await(t, "the server's OnClose", a.closed)
	if len(told) > 0 {
		t.Error("done was called twice")
	}
}

// DialConn returns a connection whose handler has been opened, or that a panic in OnOpen has closed.
func TestDialConn(t *testing.T) {
	h := serve(t, reactor.Config{}, &tls.Server{Config: serverConfig(), Next: echoing(newAudit(t))})
	d := tls.Dialer{Config: clientConfig()}
	for _, panics := range []bool{false, true} {
		a := newAudit(t)
		p := &probe{a: a, open: func(*reactor.Conn) {
			if panics {
				panic("deliberate")
			}
		}}
		c, err := d.DialConn(t.Context(), h.r, h.addr.String(), p)
		if err != nil {
			t.Fatal(err)
		}
		if opens, _ := a.counts(); opens != 1 {
			t.Errorf("%d OnOpens", opens)
		}
		c.Close()
		if err := await(t, "OnClose", a.closed); errors.Is(err, reactor.ErrPanic) != panics {
			t.Errorf("OnClose got %v", err)
		}
	}
	if !strings.Contains(h.log.String(), "deliberate") {
		t.Error("the panic is not logged")
	}
}

// On a loop DialContext would wait for itself.
func TestDialOnLoop(t *testing.T) {
	h := serve(t, reactor.Config{}, &tls.Server{Config: serverConfig(), Next: echoing(newAudit(t))})
	d := tls.Dialer{Config: clientConfig()}
	c, err := d.DialContext(t.Context(), h.r, h.addr.String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	got := make(chan error, 1)
	c.Conn().Post(func() {
		_, err := d.DialContext(context.Background(), h.r, h.addr.String())
		got <- err
	})
	if err := await(t, "error", got); !errors.Is(err, reactor.ErrOnLoop) {
		t.Error(err)
	}
}

// A synchronous reader can tell the end from a truncation.
func TestClientSeesTruncation(t *testing.T) {
	ln := must(net.Listen("tcp", "127.0.0.1:0"))
	defer ln.Close()
	r := reactortest.NewDefault(t, reactor.Config{})
	d := tls.Dialer{Config: clientConfig()}
	for _, orderly := range []bool{true, false} {
		go func() {
			raw, err := ln.Accept()
			if err != nil {
				return
			}
			c := ctls.Server(raw, serverConfig())
			io.WriteString(c, "so far")
			if orderly {
				c.CloseWrite()
			}
			raw.(*net.TCPConn).CloseWrite()
			io.Copy(io.Discard, raw)
			raw.Close()
		}()
		c, err := d.DialContext(t.Context(), r, ln.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(c)
		if string(got) != "so far" || orderly && err != nil || !orderly && !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("orderly %v: %q, %v", orderly, got, err)
		}
		c.Close()
	}
}
