package http1

import (
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/net/idna"

	"github.com/calandria-go/calandria/reactor"
	"github.com/calandria-go/calandria/transports"
	ctls "github.com/calandria-go/calandria/transports/tls"
	"github.com/calandria-go/calandria/transports/unix"
)

// clientTarget is where a request goes, and how its head says so.
type clientTarget struct {
	key    poolKey
	proxy  *url.URL
	target string // the request target
	host   string // the Host field
}

// unixTarget is the context's value for a request to a unix socket whose URL was taken apart already.
type unixTarget struct{}

// socketOf splits the URL unix:/path/of/socket:/path/of/url; ok is false for another.
func socketOf(u *url.URL) (path, rest string, ok bool) {
	if u.Scheme != "unix" {
		return "", "", false
	}
	text := u.Path
	if text == "" {
		text, _ = url.PathUnescape(u.Opaque) // unix:@name:/path, or a relative path
	}
	path, rest, found := strings.Cut(text, ":/")
	if !found {
		return text, "/", text != ""
	}
	return path, "/" + rest, path != ""
}

// target says where a request goes (RFC 9112 section 3.2).
func (cl *Client) target(req *http.Request) (t clientTarget, err error) {
	u := req.URL
	if u == nil {
		return t, ErrScheme
	}
	t.host = req.Host
	if path, rest, ok := socketOf(u); ok {
		t.key = poolKey{scheme: "unix", host: path}
		t.target = (&url.URL{Path: rest, RawQuery: u.RawQuery}).RequestURI()
		if t.host == "" {
			t.host = "localhost"
		}
		return t, nil
	}
	if u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return t, ErrScheme
	}
	host, err := asciiHost(u.Host)
	if err != nil {
		return t, err
	}
	if t.host == "" {
		t.host = host
	} else if t.host, err = asciiHost(t.host); err != nil {
		return t, err
	}
	t.target = u.RequestURI()
	t.key = poolKey{scheme: u.Scheme, host: host}
	if path, ok := req.Context().Value(unixTarget{}).(string); ok && u.Scheme == "http" && host == "localhost" {
		t.key = poolKey{scheme: "unix", host: path}
		return t, nil
	}
	proxyOf := cl.Proxy
	if proxyOf == nil {
		proxyOf = http.ProxyFromEnvironment
	}
	if t.proxy, err = proxyOf(req); err != nil || t.proxy == nil {
		return t, err
	}
	if t.proxy.Scheme != "http" && t.proxy.Scheme != "https" {
		return t, &ProxyError{Proxy: t.proxy.Redacted(), Err: ErrScheme}
	}
	t.key.proxy = t.proxy.String()
	if u.Scheme == "http" {
		t.target = "http://" + host + t.target
		t.key.host = "" // one connection to the proxy is good for all hosts
	}
	return t, nil
}

// asciiHost is a host with an optional port, in ASCII (RFC 5891).
func asciiHost(host string) (string, error) {
	if i := strings.LastIndexByte(host, '%'); i > 0 && host[0] == '[' { // an IPv6 zone is for this machine alone (RFC 6874)
		return host, nil
	}
	for i := range len(host) {
		if host[i] >= 0x80 {
			name, port, found := strings.Cut(host, ":")
			name, err := idna.Lookup.ToASCII(name)
			if found {
				name += ":" + port
			}
			return name, err
		}
	}
	return host, nil
}

// zoneless is a Host field without an IPv6 zone.
func zoneless(host string) string {
	i, j := strings.LastIndexByte(host, '%'), strings.LastIndexByte(host, ']')
	if i > 0 && j > i && host[0] == '[' {
		return host[:i] + host[j:]
	}
	return host
}

// hostPort is the address of a URL's host.
func hostPort(scheme, host string) string {
	if _, port, err := net.SplitHostPort(host); err == nil && port != "" {
		return host
	}
	port := "80"
	if scheme == "https" {
		port = "443"
	}
	return net.JoinHostPort(strings.Trim(strings.TrimSuffix(host, ":"), "[]"), port)
}

// dial opens a connection for a target. The pool's count has room for it.
func (cl *Client) dial(ctx context.Context, t *clientTarget, h *hostPool) (*ClientConn, error) {
	set := &cl.set
	cc := &ClientConn{
		Limits: &set.wire, Pipeline: set.pipeline,
		OnIdle: cl.pool.released, OnOver: cl.pool.over, OnGone: cl.pool.gone,
	}
	cc.pool.host = h
	if set.dial != forever {
		limited, cancel := context.WithTimeout(ctx, set.dial)
		defer cancel()
		ctx = limited
	}
	first := &firstOpen{cc: cc}
	d, addr := cl.way(t)
	_, err := d.DialConn(ctx, set.reactor, addr, first)
	if err != nil {
		if first.state.CompareAndSwap(0, 2) { // else OnGone tells the pool
			cl.pool.left(h)
		}
		return nil, err
	}
	if !cl.pool.opened(h, cc) {
		cc.Close()
		return nil, ErrClientClosed
	}
	return cc, nil
}

// way is how the target is reached: the dialer and what it dials.
func (cl *Client) way(t *clientTarget) (transports.Dialer, string) {
	set := &cl.set
	d := set.dialer
	if t.key.scheme == "unix" {
		return &unix.Dialer{Timeout: -1}, t.key.host
	}
	if t.proxy != nil && t.key.scheme == "http" {
		if t.proxy.Scheme == "https" {
			d = cl.secured(d)
		}
		return d, hostPort(t.proxy.Scheme, t.proxy.Host)
	}
	if t.proxy != nil {
		d = &ConnectDialer{Proxy: t.proxy, Via: set.dialer, TLS: cl.TLS, HandshakeTimeout: orNever(set.shake)}
	}
	if t.key.scheme == "https" {
		d = cl.secured(d)
	}
	return d, hostPort(t.key.scheme, t.key.host)
}

func (cl *Client) secured(d transports.Dialer) transports.Dialer {
	return &ctls.Dialer{Via: d, Config: cl.set.tls, HandshakeTimeout: orNever(cl.set.shake)}
}

// orNever is a duration as a Config has it.
func orNever(d time.Duration) time.Duration {
	if d == forever {
		return -1
	}
	return d
}

// firstOpen is a connection's first handler: a dial may succeed at the moment in which whoever wants it gives up.
type firstOpen struct {
	cc    *ClientConn
	state atomic.Int32 // 1: it opened; 2: it was given up
}

// OnOpen is part of reactor.Handler.
func (f *firstOpen) OnOpen(c *reactor.Conn) {
	if f.state.CompareAndSwap(0, 1) {
		c.Upgrade(f.cc)
	} else {
		c.Abort(nil)
	}
}

// OnData is part of reactor.Handler.
func (f *firstOpen) OnData(_ *reactor.Conn, in []byte) int { return len(in) }

// OnClose is part of reactor.Handler.
func (f *firstOpen) OnClose(*reactor.Conn, error) {}

// clientTLS offers http/1.1 alone.
func clientTLS(base *tls.Config) *tls.Config {
	cfg := &tls.Config{}
	if base != nil {
		cfg = base.Clone()
	}
	cfg.NextProtos = []string{"http/1.1"}
	return cfg
}
