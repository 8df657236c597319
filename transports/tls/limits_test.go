package tls_test

import (
	"context"
	ctls "crypto/tls"
	"errors"
	"io"
	"net"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/calandria-go/calandria/reactor"
	"github.com/calandria-go/calandria/reactor/reactortest"
	"github.com/calandria-go/calandria/transports/tls"
)

// Clients that send nothing, or not all of a ClientHello, have no goroutine and no place among the handshakes.
func TestSilentClients(t *testing.T) {
	a := newAudit(t)
	h := serve(t, reactor.Config{}, &tls.Server{Config: serverConfig(), Next: echoing(a), MaxHandshakes: 1, MaxHandshakesPerIP: 1})
	part := hello(t)[:200]
	before := runtime.NumGoroutine()
	const n = 200
	for i := range n {
		c := h.raw()
		if i%2 == 0 {
			c.Write(part)
		}
	}
	stats := func() reactor.LoopStats {
		s, err := h.r.Stats(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		return s.Total()
	}
	eventually(t, "all are open and what they sent was read", func() bool {
		s := stats()
		return s.Opened >= n && s.BytesRead >= uint64(n/2*len(part))
	})
	if engine := h.r.Engine(); engine == "netpoll" {
		if now := runtime.NumGoroutine(); now > before+10 {
			t.Errorf("%d goroutines more", now-before)
		}
	}
	if s := h.srv.Stats(); s.Pending != 0 {
		t.Errorf("%+v", s)
	}
	if err := roundTrip(h.dial(clientConfig()), []byte("in spite of them")); err != nil {
		t.Error(err)
	}
}

// One handshake more than MaxHandshakes, or than MaxHandshakesPerIP, gets an alert; the others go on, and their places are
// free afterwards.
func TestMaxHandshakes(t *testing.T) {
	for _, c := range []struct {
		name       string
		all, perIP int
		reason     string
		is         error
	}{
		{"all", 3, -1, "handshake_limit", tls.ErrHandshakeLimit},
		{"per address", -1, 3, "handshake_limit_ip", tls.ErrHandshakeLimitPerIP},
	} {
		a := newAudit(t)
		h := serve(t, reactor.Config{}, &tls.Server{
			Config: serverConfig(), Next: echoing(a), MaxHandshakes: c.all, MaxHandshakesPerIP: c.perIP,
		})
		first := hello(t)
		var stalled []net.Conn
		for range 3 {
			conn := h.raw()
			conn.Write(first)
			stalled = append(stalled, conn)
		}
		eventually(t, "three are pending", func() bool { return h.srv.Stats().Pending == 3 })
		raw := h.raw()
		err := ctls.Client(raw, clientConfig()).Handshake()
		if err == nil || err.Error() != "remote error: tls: internal error" {
			t.Errorf("%s: the fourth got %v", c.name, err)
		}
		raw.Close()
		h.ended(c.reason, c.is)
		stalled[0].Close()
		e := await(t, "end", h.ends)
		if e.reason != "handshake_eof" && e.reason != "reset" && e.reason != "os_error" { // whichever call met the reset
			t.Errorf("%s: the one that left ended for %q", c.name, e.reason)
		}
		eventually(t, "a place is free", func() bool { return h.srv.Stats().Pending == 2 })
		if err := roundTrip(h.dial(clientConfig()), []byte("now")); err != nil {
			t.Errorf("%s: %v", c.name, err)
		}
		if s := h.srv.Stats(); s.Refused != 1 || s.Failed != 1 || s.Completed != 1 {
			t.Errorf("%s: %+v", c.name, s)
		}
	}
}

// Without workers there is no handshake.
func TestNoWorker(t *testing.T) {
	blocked := make(chan struct{})
	cfg := serverConfig()
	cfg.GetConfigForClient = func(*ctls.ClientHelloInfo) (*ctls.Config, error) { <-blocked; return nil, nil }
	h := serve(t, reactor.Config{MaxWorkers: 1, MaxQueued: -1}, &tls.Server{Config: cfg, Next: echoing(newAudit(t))})
	first := ctls.Client(h.raw(), clientConfig())
	shaken := make(chan error, 1)
	go func() { shaken <- first.Handshake() }()
	eventually(t, "the worker is busy", func() bool { return h.srv.Stats().Pending == 1 })
	raw := h.raw()
	if err := ctls.Client(raw, clientConfig()).Handshake(); err == nil {
		t.Error("a handshake without a worker")
	}
	raw.Close()
	h.ended("overload", reactor.ErrOverload)
	close(blocked)
	if err := await(t, "handshake", shaken); err != nil {
		t.Error(err)
	}
	eventually(t, "the other one is through", func() bool { s := h.srv.Stats(); return s.Pending == 0 && s.Completed == 1 })
	if s := h.srv.Stats(); s.Refused != 1 {
		t.Errorf("%+v", s)
	}
}

// A handshake in progress when Shutdown begins is finished, and its handler hears OnOpen, then OnDrain.
func TestDrain(t *testing.T) {
	versions(t, func(t *testing.T, v uint16) {
		a := newAudit(t)
		entered, blocked := make(chan struct{}), make(chan struct{})
		cfg := at(serverConfig(), v)
		cfg.GetConfigForClient = func(*ctls.ClientHelloInfo) (*ctls.Config, error) {
			entered <- struct{}{}
			<-blocked
			return nil, nil
		}
		drains := 0
		next := reactor.ProtocolFunc(func(*reactor.Conn) reactor.Handler {
			return &draining{probe: probe{a: a, data: func(c *reactor.Conn, in []byte) int {
				c.Write(in)
				c.Close()
				return len(in)
			}}, drains: &drains}
		})
		h := serve(t, reactor.Config{}, &tls.Server{Config: cfg, Next: next})
		c := ctls.Client(h.raw(), clientConfig())
		got := make(chan error, 1)
		go func() { got <- roundTrip(c, []byte("a last request")) }()
		await(t, "handshake", entered)
		shut := make(chan error, 1)
		go func() { shut <- h.r.Shutdown(context.Background()) }()
		eventually(t, "the drain has begun", h.r.Draining)
		close(blocked)
		if err := await(t, "answer", got); err != nil {
			t.Error(err)
		}
		if err := await(t, "Shutdown", shut); err != nil {
			t.Error(err)
		}
		if drains != 1 {
			t.Errorf("%d OnDrains", drains)
		}
	})
}

// draining is a probe that only counts OnDrain.
type draining struct {
	probe
	drains *int
}

func (d *draining) OnDrain(*reactor.Conn) { *d.drains++ }

// A client without a ClientHello has a second left when Shutdown begins.
func TestDrainHello(t *testing.T) {
	for _, late := range []bool{false, true} {
		a := newAudit(t)
		srv := &tls.Server{Config: serverConfig(), Next: echoing(a)}
		inMemory(t, srv, func(h *host, dial func() net.Conn) {
			c := dial()
			synctest.Wait()
			began := time.Now()
			shut := make(chan error, 1)
			go func() { shut <- h.r.Shutdown(context.Background()) }()
			synctest.Wait()
			if late {
				<-time.After(900 * time.Millisecond) // by the bubble's clock
				cc := clientConfig()
				cc.Time = func() time.Time { return selfSigned().Leaf.NotBefore.Add(time.Hour) }
				err := ctls.Client(c, cc).Handshake()
				if err != nil {
					t.Errorf("a late client: %v", err)
				}
			}
			io.Copy(io.Discard, c)
			c.Close()
			if err := <-shut; err != nil {
				t.Error(err)
			}
			if took := time.Since(began); took > 1100*time.Millisecond {
				t.Errorf("late %v: the drain took %v", late, took)
			}
			h.ended("shutdown", reactor.ErrShutdown)
		})
	}
}

// A panic in a callback costs its connection; a worker's place is free again.
func TestPanics(t *testing.T) {
	for name, spoil := range map[string]func(s *tls.Server){
		"GetCertificate": func(s *tls.Server) {
			s.Config = &ctls.Config{GetCertificate: func(*ctls.ClientHelloInfo) (*ctls.Certificate, error) { panic("deliberate") }}
		},
		"Goexit": func(s *tls.Server) {
			s.HandshakeTimeout = 300 * time.Millisecond
			s.Config = &ctls.Config{GetCertificate: func(*ctls.ClientHelloInfo) (*ctls.Certificate, error) { runtime.Goexit(); return nil, nil }}
		},
		"NewHandler": func(s *tls.Server) {
			s.Next = reactor.ProtocolFunc(func(*reactor.Conn) reactor.Handler { panic("deliberate") })
		},
	} {
		a := newAudit(t)
		srv := &tls.Server{Config: serverConfig(), Next: echoing(a)}
		spoil(srv)
		h := serve(t, reactor.Config{}, srv)
		raw := h.raw()
		c := ctls.Client(raw, clientConfig())
		if _, err := c.Read(make([]byte, 1)); err == nil {
			t.Errorf("%s: no error", name)
		}
		raw.Close()
		if name == "Goexit" {
			h.ended("handshake_timeout", tls.ErrHandshakeTimeout)
		} else {
			h.ended("panic", reactor.ErrPanic)
			if !strings.Contains(h.log.String(), "deliberate") {
				t.Errorf("%s: not logged: %s", name, h.log)
			}
		}
		eventually(t, "the place is free", func() bool { return srv.Stats().Pending == 0 })
		if opens, closes := a.counts(); opens+closes > 0 {
			t.Errorf("%s: the handler heard of it", name)
		}
	}
}

// Clients that vanish at every byte of the handshake leave nothing behind, and the handler hears nothing or both its calls.
func TestVanish(t *testing.T) {
	versions(t, func(t *testing.T, v uint16) {
		a := newAudit(t)
		h := serve(t, reactor.Config{}, &tls.Server{Config: at(serverConfig(), v), Next: echoing(a)})
		done := 0
		for at := 0; ; at += size(13, 1) {
			raw := h.raw()
			if at%2 == 0 {
				raw.SetLinger(0)
			}
			left := at
			c := ctls.Client(&vanishing{Conn: raw, left: &left}, clientConfig())
			err := c.Handshake()
			raw.Close()
			done++
			if err == nil {
				break
			}
		}
		for range done {
			e := await(t, "end", h.ends)
			switch e.reason {
			case "eof", "reset", "handshake_eof", "tls_truncated":
			default:
				t.Errorf("ended for %q: %v", e.reason, e.err)
			}
		}
		eventually(t, "workers are back", func() bool { return h.srv.Stats().Pending == 0 })
		if opens, closes := a.counts(); opens != closes {
			t.Errorf("%d OnOpens, %d OnCloses", opens, closes)
		}
	})
}

var errVanished = errors.New("vanished")

// vanishing writes so many bytes.
type vanishing struct {
	net.Conn
	left *int
}

func (v *vanishing) Write(p []byte) (int, error) {
	if len(p) > *v.left {
		v.Conn.Write(p[:*v.left])
		return 0, errVanished
	}
	*v.left -= len(p)
	return v.Conn.Write(p)
}

// Aborted by a shutdown that does not wait, in every stage.
func TestAbort(t *testing.T) {
	a := newAudit(t)
	cfg := reactor.Config{}
	srv := &tls.Server{Config: serverConfig(), Next: echoing(a)}
	h := newHost(t, &cfg, srv)
	h.r = reactortest.NewDefault(t, cfg)
	ln := must(net.Listen("tcp", "127.0.0.1:0"))
	h.addr = ln.Addr()
	if _, err := h.r.Listen(ln, srv); err != nil {
		t.Fatal(err)
	}
	h.raw()
	h.raw().Write(hello(t)[:100])
	h.raw().Write(hello(t))
	c := h.dial(clientConfig())
	if err := roundTrip(c, []byte("open")); err != nil {
		t.Fatal(err)
	}
	eventually(t, "one is pending", func() bool { return srv.Stats().Pending == 1 })
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := h.r.Shutdown(ctx); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	for range 4 {
		h.ended("shutdown", reactor.ErrShutdown)
	}
	eventually(t, "the worker is back", func() bool { return srv.Stats().Pending == 0 })
	if opens, closes := a.counts(); opens != 1 || closes != 1 {
		t.Errorf("%d OnOpens, %d OnCloses", opens, closes)
	}
}
