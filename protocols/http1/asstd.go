package http1

import (
	"context"
	"errors"
	"net"
	"net/http"
	"sync"
	"sync/atomic"

	"github.com/calandria-go/calandria/reactor"
)

// AsStd makes a native handler an http.Handler, for hosts where something else owns HTTP: net/http's server with HTTP/1 or
// HTTP/2, or whatever runs http.Handlers. It is Server.AsStd with the zero values.
func AsStd(h Handler) *Hosted { return (&Server{Handler: h}).AsStd(reactor.Config{}) }

// AsStd makes a server's native handler an http.Handler. Each request goes to the server over a connection in memory, on a
// reactor of its own that the first request starts, so that everything in a native handler works as it does under the server
// itself, with all limits of s and cfg. What is refused by them is answered as the server would. cfg.MaxConns bounds the
// requests in progress, 503 above it; 0: 10,000; negative: unlimited.
//
// Bodies stream both ways, with back-pressure, and each piece of an answer is flushed as it comes. Trailers, interim answers
// and 100-continue are passed on. When the host's request context ends, the native connection is aborted with its cause; when
// the native side aborts, http.ErrAbortHandler ends the host's. Upgrades and CONNECT need a host with http.Hijacker, and are
// 501 else.
//
// The native handler sees HTTP/1.1, whatever the host speaks; the path as http.StripPrefix has left it; the host's remote and
// local address; Exchange.TLS as the host has it. HostRequest gives it the host's request: for its context, pattern and path
// values. It does not see hop-by-hop fields but Upgrade and TE.
//
// A request costs two goroutines of ours and two or three of the engine's while it lasts, up to 64 KiB of buffers for its
// bodies, 80 allocations, and some 50 to 100 microseconds of processor time: to be fast, let the server own the connections.
// Any goroutine may call ServeHTTP, but not a loop's. End it by Shutdown.
func (s *Server) AsStd(cfg reactor.Config) *Hosted {
	h := &Hosted{srv: s, cfg: cfg, max: limit(int64(cfg.MaxConns), defaultHosted)}
	h.cfg.MaxConns = -1 // counted here, where the answer to one more can be 503
	return h
}

// defaultHosted bounds the requests in progress of a Hosted.
const defaultHosted = 10_000

// Hosted is a Server as an http.Handler. See Server.AsStd. Its methods are safe from any goroutine.
type Hosted struct {
	srv    *Server
	cfg    reactor.Config
	max    int64
	active atomic.Int64

	mu     sync.Mutex
	r      *reactor.Reactor // nil before the first request
	ln     *hostListener
	err    error // why it could not start
	closed bool
}

// errHostedClosed: Shutdown was called.
var errHostedClosed = errors.New("http1: hosted server is shut down")

// ServeHTTP is part of http.Handler.
func (h *Hosted) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	defer h.active.Add(-1)
	if h.active.Add(1) > h.max {
		w.Header().Set("Retry-After", "1")
		http.Error(w, "503 Service Unavailable: too many requests in progress", http.StatusServiceUnavailable)
		return
	}
	ln, err := h.start()
	if err != nil {
		http.Error(w, "503 Service Unavailable: "+err.Error(), http.StatusServiceUnavailable)
		return
	}
	q := newHostedRequest(h, w, r)
	q.serve(ln)
}

// start gives the listener, which the first call starts.
func (h *Hosted) start() (*hostListener, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	switch {
	case h.closed:
		return nil, errHostedClosed
	case h.r != nil || h.err != nil:
		return h.ln, h.err
	}
	h.ln = &hostListener{next: make(chan net.Conn), done: make(chan struct{})}
	h.r = reactor.New(h.cfg)
	_, h.err = h.r.Listen(h.ln, reactor.ProtocolFunc(h.newConn))
	return h.ln, h.err
}

// newConn makes the native side of a connection.
func (h *Hosted) newConn(c *reactor.Conn) reactor.Handler {
	a, ok := c.RemoteAddr().(*hostedAddr)
	if !ok {
		return h.srv.NewHandler(c) // closed already
	}
	a.q.attach(c)
	return &hostedConn{serverConn: serverConn{set: h.srv.settings()}, q: a.q}
}

func (h *Hosted) isClosed() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.closed
}

// Shutdown lets the requests in progress finish, answers others with 503, and frees what h holds. When ctx ends first, what is
// left is aborted.
func (h *Hosted) Shutdown(ctx context.Context) error {
	h.mu.Lock()
	h.closed = true
	r := h.r
	h.mu.Unlock()
	if r == nil {
		return nil
	}
	return r.Shutdown(ctx)
}

// Close is Shutdown that waits for nothing.
func (h *Hosted) Close() error {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := h.Shutdown(ctx); err != nil && !errors.Is(err, context.Canceled) {
		return err
	}
	return nil
}

// hostedConn is a serverConn whose connection is a host's.
type hostedConn struct {
	serverConn
	q *hostedRequest
}

// hostOf is the host's side of a connection, or nil.
func hostOf(c *reactor.Conn) *hostedRequest {
	if h, ok := c.Handler().(*hostedConn); ok {
		return h.q
	}
	return nil
}

// HostRequest is the host's request for an exchange under AsStd, else nil. It is for reading what the exchange does not have:
// the context with its values, the host's pattern and path values, the protocol that the client speaks. Its body is not to be
// touched, and nothing of it once the exchange is over.
func HostRequest(x *Exchange) *http.Request {
	if q := hostOf(x.s.c); q != nil {
		return q.r
	}
	return nil
}
