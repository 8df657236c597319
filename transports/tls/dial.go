package tls

import (
	"context"
	ctls "crypto/tls"
	"errors"
	"net"
	"time"

	"github.com/calandria-go/calandria/reactor"
	"github.com/calandria-go/calandria/transports"
	"github.com/calandria-go/calandria/transports/tcp"
)

// Dialer connects to a "host:port" by TCP and TLS. The zero value is good. Its methods are safe from any goroutine but a
// loop's, where they return reactor.ErrOnLoop: there use Reactor.DialFunc with Client.Handler.
type Dialer struct {
	// TCP has the options of the connection below. Its Timeout bounds resolution and connecting.
	TCP tcp.Dialer
	// Via opens the connection below in place of TCP: through a proxy, say, or by another resolver.
	Via transports.Dialer
	// Config is crypto/tls's; nil is an empty one. Without a ServerName, a copy gets the host that is dialed.
	Config *ctls.Config
	// HandshakeTimeout bounds the handshake; 0: 10 s; negative: only the context does.
	HandshakeTimeout time.Duration
}

// Conn is a synchronous net.Conn over TLS, on a loop. Read and Write are reactor.Stream's, CloseWrite sends close_notify.
type Conn struct {
	*reactor.Stream
	layer *Layer
}

// ConnectionState is that of crypto/tls.
func (c *Conn) ConnectionState() ctls.ConnectionState { return c.layer.ConnectionState() }

// DialContext connects, runs the handshake and gives a net.Conn. ctx bounds it all.
func (d *Dialer) DialContext(ctx context.Context, r *reactor.Reactor, addr string) (*Conn, error) {
	s := reactor.NewStream()
	var layer *Layer
	if _, err := d.dial(ctx, r, addr, s, func(c *reactor.Conn) { layer = c.Layer().(*Layer) }); err != nil {
		return nil, err
	}
	return &Conn{s, layer}, nil
}

// DialConn is DialContext for a handler. It returns when h.OnOpen has been called; after an error h has heard nothing,
// unless ctx ended at the moment of success: then h sees OnOpen and OnClose.
func (d *Dialer) DialConn(ctx context.Context, r *reactor.Reactor, addr string, h reactor.Handler) (*reactor.Conn, error) {
	return d.dial(ctx, r, addr, h, func(*reactor.Conn) {})
}

func (d *Dialer) dial(
	ctx context.Context, r *reactor.Reactor, addr string, h reactor.Handler, secured func(*reactor.Conn),
) (*reactor.Conn, error) {
	cfg, err := d.config(addr)
	if err != nil {
		return nil, err
	}
	type result struct {
		c   *reactor.Conn
		err error
	}
	ch := make(chan result, 1)
	cl := Client{Config: cfg, HandshakeTimeout: d.HandshakeTimeout}
	first := cl.handler(ctx, h, func(c *reactor.Conn, err error) {
		if err != nil {
			ch <- result{nil, err}
			return
		}
		secured(c)
	})
	first.client.after = func(c *reactor.Conn) { ch <- result{c, nil} }
	c, err := d.below().DialConn(ctx, r, addr, first)
	if err != nil {
		return nil, err
	}
	var res result
	select {
	case res = <-ch:
	case <-ctx.Done():
		c.Abort(ctx.Err())
		return nil, dialError(c, ctx.Err())
	}
	if res.err != nil {
		return nil, dialError(c, res.err)
	}
	return res.c, nil
}

func (d *Dialer) below() transports.Dialer {
	if d.Via != nil {
		return d.Via
	}
	return &d.TCP
}

// config gives the Config with the name of the server that is dialed.
func (d *Dialer) config(addr string) (*ctls.Config, error) {
	cfg := d.Config
	if cfg == nil {
		cfg = &ctls.Config{}
	}
	if cfg.ServerName != "" {
		return cfg, nil
	}
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, &net.OpError{Op: "dial", Net: "tcp", Err: err}
	}
	cfg = cfg.Clone()
	cfg.ServerName = host
	return cfg, nil
}

// dialError is what package net would return, for a connection whose handshake failed.
func dialError(c *reactor.Conn, err error) error {
	var op *net.OpError
	if errors.As(err, &op) && op.Op == "dial" {
		return err
	}
	return &net.OpError{Op: "dial", Net: "tcp", Addr: c.RemoteAddr(), Err: err}
}
