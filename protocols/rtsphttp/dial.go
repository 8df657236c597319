package rtsphttp

import (
	"context"
	"crypto/rand"
	ctls "crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"sync"
	"time"

	"github.com/calandria-go/calandria/protocols/websocket"
	"github.com/calandria-go/calandria/reactor"
	"github.com/calandria-go/calandria/transports"
	"github.com/calandria-go/calandria/transports/tcp"
	"github.com/calandria-go/calandria/transports/tls"
)

// DialOptions say how to dial. The zero value, and nil, are good. They may be used for many dials at once.
type DialOptions struct {
	// Reactor has the loops; nil: one of the process's own, with the default limits.
	Reactor *reactor.Reactor
	// Dialer opens the connections below, and below TLS; nil: TCP.
	Dialer transports.Dialer
	// TLS is crypto/tls's; nil is an empty one. Without a ServerName, a copy gets the host that is dialed.
	TLS *ctls.Config
	// Timeout bounds the dial, beside the context; 0: 30 s; negative: only the context does.
	Timeout time.Duration
	// Header has fields for the requests, as they are; nil for none.
	Header http.Header
	// PostBytes bounds the body of one POST, for proxies that hold clients to their Content-Length: then another POST follows. 0: 32,767;
	// negative: one POST is enough.
	PostBytes int
}

const (
	defaultDial      = 30 * time.Second
	defaultPostBytes = 32767
)

// RefusedError is an answer that makes no tunnel.
type RefusedError struct {
	Method string // "GET" or "POST"
	Status int    // of HTTP
	Reason string // as the server has it
}

// Error says what the server answered.
func (e *RefusedError) Error() string {
	return fmt.Sprintf("rtsphttp: %s was answered %d %s", e.Method, e.Status, e.Reason)
}

// ErrURL: a URL that Dial does not take.
var ErrURL = errors.New("rtsphttp: bad URL")

// fallback is the reactor of dials without one.
var fallback = sync.OnceValue(func() *reactor.Reactor { return reactor.New(reactor.Config{}) })

// Dial opens a tunnel and gives a net.Conn that carries plain RTSP: "http://host/path" and "https://host/path" over GET and POST, for
// which "rtsph" and "rtsphs" stand too, "ws://host/path" and "wss://host/path" over a WebSocket. User and password in the URL answer a
// challenge, Digest or Basic. It returns when the server has taken the tunnel; ctx bounds the dial, and nothing later. An answer that
// refuses is a *RefusedError, of a WebSocket a *websocket.HandshakeError. On a loop's goroutine it returns reactor.ErrOnLoop. A
// tunnel costs two connections and two buffers of 4 KiB, and no goroutine; one over a WebSocket costs one connection.
//
// A Write goes into base64 by itself, so a whole message should be one.
func Dial(ctx context.Context, rawURL string, o *DialOptions) (net.Conn, error) {
	if o == nil {
		o = &DialOptions{}
	}
	u, err := url.Parse(rawURL)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrURL, err)
	}
	if u.Hostname() == "" || u.Fragment != "" {
		return nil, fmt.Errorf("%w: it has no host, or a fragment", ErrURL)
	}
	if o.Timeout >= 0 {
		limit := o.Timeout
		if limit == 0 {
			limit = defaultDial
		}
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, limit)
		defer cancel()
	}
	switch u.Scheme {
	case "ws", "wss":
		return dialSocket(ctx, rawURL, o)
	case "http", "rtsph":
		return dialHTTP(ctx, u, o, false)
	case "https", "rtsphs":
		return dialHTTP(ctx, u, o, true)
	}
	return nil, fmt.Errorf("%w: scheme %q", ErrURL, u.Scheme)
}

func (o *DialOptions) reactor() *reactor.Reactor {
	if o.Reactor != nil {
		return o.Reactor
	}
	return fallback()
}

// dialer is what opens the connections of a tunnel.
func (o *DialOptions) dialer(secure bool) transports.Dialer {
	below := o.Dialer
	if below == nil {
		below = &tcp.Dialer{}
	}
	if secure {
		return &tls.Dialer{Via: below, Config: o.TLS}
	}
	return below
}

func dialSocket(ctx context.Context, rawURL string, o *DialOptions) (net.Conn, error) {
	c, err := websocket.Dial(ctx, rawURL, &websocket.DialOptions{
		Config:  websocket.Config{MaxQueue: -1}, // Write waits instead
		Reactor: o.Reactor, Dialer: o.Dialer, TLS: o.TLS, Timeout: -1, Header: o.Header, Protocols: []string{SubProtocol},
	})
	if err != nil {
		return nil, err
	}
	return &socketConn{c: c}, nil
}

// newCookie is one that nobody guesses, in 26 letters and digits.
func newCookie() string { return rand.Text() }
