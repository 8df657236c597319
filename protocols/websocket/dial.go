package websocket

import (
	"context"
	ctls "crypto/tls"
	"errors"
	"net"
	"net/http"
	"os"
	"sync"
	"time"

	"github.com/calandria-go/calandria/protocols/websocket/wire"
	"github.com/calandria-go/calandria/reactor"
	"github.com/calandria-go/calandria/transports"
	"github.com/calandria-go/calandria/transports/tcp"
	"github.com/calandria-go/calandria/transports/tls"
	"github.com/calandria-go/calandria/transports/unix"
)

// DialOptions say how to dial. The zero value, and nil, are good. They may be used for many dials at once, and must not change
// after the first.
type DialOptions struct {
	Config
	// Reactor has the loops; nil: one of the process's own, with the default limits.
	Reactor *reactor.Reactor
	// Handler is called on the connection's loop; nil: the messages wait for Conn.Read. For several connections at a time it must be
	// one that can tell them apart.
	Handler Handler
	// Dialer opens the connection below, and below TLS: through a proxy, by a resolver; nil: TCP, or the unix socket of the URL.
	Dialer transports.Dialer
	// DialContext, and DialTLSContext for wss, open the connection in place of Dialer: those of an http.Transport, say. A *net.TCPConn and
	// a *net.UnixConn move onto the loop; another net.Conn keeps a goroutine that reads it. See reactor.Adopt.
	DialContext, DialTLSContext func(ctx context.Context, network, addr string) (net.Conn, error)
	// TLS is crypto/tls's, for wss; nil is an empty one. Without a ServerName, a copy gets the host that is dialed.
	TLS *ctls.Config
	// Timeout bounds it all, beside the context; 0: 30 s; negative: only the context does.
	Timeout time.Duration
	// Header has fields for the request. Those of the handshake itself, Host and Content-Length are not for here.
	Header http.Header
	// Host replaces the URL's in the field Host; empty: it does not.
	Host string
	// Origin is sent if it is not empty (RFC 6455 10.2).
	Origin string
	// Protocols are the sub-protocols to ask for, the best first.
	Protocols []string
	// Jar has the cookies, and gets those of the answer; nil for none.
	Jar http.CookieJar
	// OnResponse is given the server's answer, good or bad, on the loop, before OnOpen; nil for none.
	OnResponse func(status int, header http.Header)

	once sync.Once
	set  *settings
}

const defaultDialTimeout = 30 * time.Second

// fallback is the reactor of dials without one.
var fallback = sync.OnceValue(func() *reactor.Reactor { return reactor.New(reactor.Config{}) })

// plain are the options of dials without.
var plain DialOptions

func (o *DialOptions) settings() *settings {
	o.once.Do(func() { o.set = o.Config.settings(&clientCounters) })
	return o.set
}

func (o *DialOptions) reactor() *reactor.Reactor {
	if o.Reactor != nil {
		return o.Reactor
	}
	return fallback()
}

// Dial connects to a WebSocket server: "ws://host/path", "wss://host/path", or "ws+unix:/socket:/path" for a unix socket. It returns
// when the handshake is done and OnOpen has returned, or with the reason why not: a *HandshakeError if the server answered,
// else what the dialer or TLS said. ctx bounds the dial, and nothing later. An http.Header's values go out as they are. On a
// loop's goroutine it returns reactor.ErrOnLoop.
func Dial(ctx context.Context, rawURL string, o *DialOptions) (*Conn, error) {
	if o == nil {
		o = &plain
	}
	return dial(ctx, rawURL, o, o.Handler)
}

func dial(ctx context.Context, rawURL string, o *DialOptions, h Handler) (*Conn, error) {
	if reactor.OnLoop() {
		return nil, reactor.ErrOnLoop
	}
	t, err := parseTarget(rawURL)
	if err != nil {
		return nil, err
	}
	if d := timeOr(o.Timeout, defaultDialTimeout); d != never {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeoutCause(ctx, d, os.ErrDeadlineExceeded)
		defer cancel()
	}
	s := &shake{o: o, set: o.settings(), handler: h, target: t, key: wire.NewKey(), done: make(chan error, 1)}
	if err := s.makeRequest(); err != nil {
		s.giveBack()
		return nil, err
	}
	rc, err := o.connect(ctx, t, s)
	if err != nil {
		s.giveBack()
		return nil, err
	}
	select {
	case err = <-s.done:
	case <-ctx.Done():
		rc.Abort(context.Cause(ctx))
		if err = <-s.done; err == nil { // it was done at the same moment
			err = context.Cause(ctx)
		}
	}
	if err != nil {
		clientCounters.refuse(err)
		if s.conn == nil {
			s.giveBack()
		}
		return nil, err
	}
	return s.conn, nil
}

// connect opens the connection for the handshake.
func (o *DialOptions) connect(ctx context.Context, t *target, s *shake) (*reactor.Conn, error) {
	if o.DialTLSContext != nil && t.secure || o.DialContext != nil {
		return o.connectNet(ctx, t, s)
	}
	below := o.Dialer
	if below == nil {
		below = &tcp.Dialer{}
		if t.socket {
			below = &unix.Dialer{}
		}
	}
	if !t.secure {
		return below.DialConn(ctx, o.reactor(), t.addr, s)
	}
	d := tls.Dialer{Via: below, Config: o.tlsConfig(t)}
	return d.DialConn(ctx, o.reactor(), t.addr, s)
}

// connectNet is connect with functions of package net's kind.
func (o *DialOptions) connectNet(ctx context.Context, t *target, s *shake) (*reactor.Conn, error) {
	network := "tcp"
	if t.socket {
		network = "unix"
	}
	if t.secure && o.DialTLSContext != nil {
		nc, err := o.DialTLSContext(ctx, network, t.addr)
		if err != nil {
			return nil, err
		}
		if tc, ok := nc.(*ctls.Conn); ok {
			return tls.Adopt(o.reactor(), tc, nil, s)
		}
		return o.reactor().Adopt(nc, nil, s)
	}
	nc, err := o.DialContext(ctx, network, t.addr)
	if err != nil {
		return nil, err
	}
	if !t.secure {
		return o.reactor().Adopt(nc, nil, s)
	}
	cl := tls.Client{Config: o.tlsConfig(t)}
	return o.reactor().Adopt(nc, nil, cl.Handler(s, func(_ *reactor.Conn, err error) {
		if err != nil {
			s.tell(err)
		}
	}))
}

// tlsConfig is TLS for the server that is dialed.
func (o *DialOptions) tlsConfig(t *target) *ctls.Config {
	cfg := &ctls.Config{}
	if o.TLS != nil {
		cfg = o.TLS.Clone()
	}
	if cfg.ServerName == "" {
		cfg.ServerName = t.host
	}
	if cfg.NextProtos == nil {
		cfg.NextProtos = []string{"http/1.1"}
	}
	return cfg
}

// errBadURL is for a URL that is none of a WebSocket's (RFC 6455 3).
var errBadURL = errors.New("websocket: not a WebSocket URL")
