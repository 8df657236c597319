package http1

import (
	"context"
	"crypto/tls"
	"encoding/base64"
	"fmt"
	"net/http"
	"net/url"
	"sync"
	"time"

	"github.com/calandria-go/calandria/protocols/http1/wire"
	"github.com/calandria-go/calandria/reactor"
	"github.com/calandria-go/calandria/transports"
	"github.com/calandria-go/calandria/transports/tcp"
	ctls "github.com/calandria-go/calandria/transports/tls"
)

// ConnectDialer opens connections through an HTTP proxy, by CONNECT (RFC 9110 section 9.3.6): a transports.Dialer for any
// client. Its methods are safe from any goroutine but a loop's, where they return reactor.ErrOnLoop.
type ConnectDialer struct {
	// Proxy is the proxy: http://host:port, or https://host:port for one that is spoken to over TLS. User information in it is
	// sent by Basic.
	Proxy *url.URL
	// Via opens the connection to the proxy; nil: a tcp.Dialer.
	Via transports.Dialer
	// TLS is for a proxy of scheme https; nil: crypto/tls's defaults.
	TLS *tls.Config
	// Header has further fields of the CONNECT request; nil for none.
	Header http.Header
	// Timeout bounds it all, the proxy's answer included; 0: 30 s; negative: only the context does.
	Timeout time.Duration
	// HandshakeTimeout bounds the TLS handshake with the proxy; 0: 10 s; negative: only Timeout does.
	HandshakeTimeout time.Duration
}

// ProxyError: a proxy could not be used, or refused a tunnel.
type ProxyError struct {
	Proxy  string // its URL, without the password
	Status int    // of its answer; 0 if there was none
	Err    error  // the cause
}

// Error is part of error.
func (e *ProxyError) Error() string {
	if e.Status != 0 {
		return fmt.Sprintf("http1: proxy %s answered %d %s", e.Proxy, e.Status, wire.StatusText(e.Status))
	}
	return fmt.Sprintf("http1: proxy %s: %v", e.Proxy, e.Err)
}

// Unwrap gives the cause: ErrProxyRefused if the proxy answered.
func (e *ProxyError) Unwrap() error { return e.Err }

// DialConn is part of transports.Dialer. addr is "host:port"; the proxy resolves it.
func (d *ConnectDialer) DialConn(ctx context.Context, r *reactor.Reactor, addr string, h reactor.Handler) (*reactor.Conn, error) {
	if reactor.OnLoop() {
		return nil, reactor.ErrOnLoop
	}
	if t := duration(d.Timeout, defaultDialTimeout); t != forever {
		limited, cancel := context.WithTimeout(ctx, t)
		defer cancel()
		ctx = limited
	}
	q := &ClientRequest{Method: http.MethodConnect, Target: addr, Host: addr, NoLength: true}
	var err error
	if q.Fields, err = d.fields(); err != nil {
		return nil, d.fail(err)
	}
	var below transports.Dialer = &tcp.Dialer{Timeout: -1}
	if d.Via != nil {
		below = d.Via
	}
	switch d.Proxy.Scheme {
	case "http":
	case "https":
		below = &ctls.Dialer{Via: below, Config: clientTLS(d.TLS), HandshakeTimeout: d.HandshakeTimeout}
	default:
		return nil, d.fail(ErrScheme)
	}
	t := &tunnel{next: h, ended: make(chan struct{})}
	cc := &ClientConn{}
	if _, err := below.DialConn(ctx, r, hostPort(d.Proxy.Scheme, d.Proxy.Host), cc); err != nil {
		return nil, d.fail(err)
	}
	if err := cc.Send(&t.call, q, nil, t); err != nil {
		cc.Close()
		return nil, d.fail(err)
	}
	select {
	case <-t.ended:
	case <-ctx.Done():
		if !t.giveUp() {
			<-t.ended // it has just opened: h sees OnOpen and OnClose
		}
		cc.Conn().Abort(ctx.Err())
		return nil, d.fail(ctx.Err())
	}
	if t.status != 0 {
		return nil, &ProxyError{d.Proxy.Redacted(), t.status, ErrProxyRefused}
	}
	if t.err != nil {
		return nil, d.fail(t.err)
	}
	return cc.Conn(), nil
}

func (d *ConnectDialer) fail(err error) error { return &ProxyError{d.Proxy.Redacted(), 0, err} }

// fields are those of the request beside Host.
func (d *ConnectDialer) fields() (b []byte, err error) {
	if u := d.Proxy.User; u != nil && d.Header.Get("Proxy-Authorization") == "" {
		b, _ = wire.AppendField(b, "Proxy-Authorization", proxyBasic(u))
	}
	return appendHeaderFields(b, d.Header, skipInRequest)
}

// proxyBasic is a URL's user information as Basic credentials.
func proxyBasic(u *url.Userinfo) string {
	password, _ := u.Password()
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(u.Username()+":"+password))
}

// tunnel waits for the answer to CONNECT.
type tunnel struct {
	call  Call
	next  reactor.Handler
	ended chan struct{}

	mu     sync.Mutex
	over   bool // answered, or given up
	status int  // of a refusal
	err    error
}

// giveUp says whether the tunnel has not ended yet; then next will hear nothing.
func (t *tunnel) giveUp() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	first := !t.over
	t.over = true
	return first
}

// OnInform is part of CallHandler.
func (t *tunnel) OnInform(*Call, *wire.Response) {}

// OnHead is part of CallHandler.
func (t *tunnel) OnHead(call *Call, r *wire.Response) {
	if r.Status()/100 != 2 {
		t.end(r.Status(), nil)
		call.Abort(ErrProxyRefused)
		return
	}
	if !t.giveUp() {
		call.Abort(nil)
		return
	}
	c := call.cc.c
	call.HandOver(t.next)
	c.WokeGoroutine()
	close(t.ended)
}

func (t *tunnel) end(status int, err error) {
	if t.giveUp() {
		t.status, t.err = status, err
		close(t.ended)
		t.call.cc.c.WokeGoroutine()
	}
}

// OnPiece is part of CallHandler.
func (t *tunnel) OnPiece(*Call, []byte) {}

// OnWritable is part of CallHandler.
func (t *tunnel) OnWritable(*Call) {}

// OnDone is part of CallHandler.
func (t *tunnel) OnDone(_ *Call, err error) {
	if err != nil {
		t.end(0, err)
	}
}
