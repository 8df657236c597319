package http1

import (
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/calandria-go/calandria/protocols/http1/internal/perloop"
	"github.com/calandria-go/calandria/protocols/http1/wire"
)

// Proxy is a reverse proxy: a Handler that passes requests on to upstream servers and streams both bodies, on the loop of the
// client's connection, without a goroutine. Who does not read stops who sends, in both directions. Upgrades, such as to
// WebSocket, are passed through.
//
// Where requests go is in the configuration alone: nothing that a client sends chooses a host. Requests and responses are
// parsed strictly and written anew, so that no two servers see different ones (RFC 9112 section 11.2). Fields that concern one
// connection stay on it (RFC 9110 section 7.6.1).
//
// Of each limit zero is a safe default and a negative value means unlimited. A Proxy must not be changed once it is in use.
// The bodies of requests are bounded by Server.MaxBodyBytes.
type Proxy struct {
	// Upstreams are the servers, at least one: http://host:port, https://host:port, either with a path that goes in front of the
	// request's, or unix:/path/of/socket. Names are resolved, off the loop, at most every 30 s.
	Upstreams []string
	// TLS is for those of scheme https; nil: crypto/tls's defaults. NextProtos is replaced by http/1.1.
	TLS *tls.Config
	// Logger gets what happens to upstream servers; nil: slog.Default.
	Logger *slog.Logger
	// Name is how the proxy calls itself in Via (RFC 9110 section 7.6.3); empty: "calandria".
	Name string
	// UpstreamHost sends the upstream's host in Host; else the client's is passed on.
	UpstreamHost bool
	// TrustForwarded adds to the X-Forwarded-For and Forwarded of the request (RFC 7239), and keeps its X-Forwarded-Host and
	// X-Forwarded-Proto: for a proxy behind another one. Else they are replaced.
	TrustForwarded bool

	// MaxConns bounds the connections to each upstream; 0: 512.
	MaxConns int
	// MaxIdle bounds the idle ones that each loop keeps for each upstream; 0: 64.
	MaxIdle int
	// MaxQueued bounds the requests of each loop that wait for a connection, 503 above; 0: 1,024; negative: none waits.
	MaxQueued int
	// QueueTimeout bounds that wait, 503; 0: 10 s.
	QueueTimeout time.Duration
	// DialTimeout bounds connecting, 502; 0: 5 s.
	DialTimeout time.Duration
	// HeadTimeout bounds the time from the end of a request to the response's head, 504; 0: 60 s.
	HeadTimeout time.Duration
	// BodyTimeout bounds how long no byte of a response's body comes while the client would take it; 0: 60 s.
	BodyTimeout time.Duration
	// TunnelTimeout closes an upgraded connection on which neither side has sent anything; 0: 1 h.
	TunnelTimeout time.Duration
	// IdleTimeout closes an idle connection; 0: 60 s.
	IdleTimeout time.Duration
	// MaxHeadBytes bounds a response's head, 502; 0: 32 KiB.
	MaxHeadBytes int
	// Retries bounds how often a request is sent again, to another upstream if there is one, where that is safe; 0: 2; negative:
	// never.
	Retries int

	// MaxFails is after how many failures in a row an upstream is left alone for FailFor; 0: 3; negative: never.
	MaxFails int
	// FailFor is for how long; 0: 10 s.
	FailFor time.Duration
	// HealthPath is asked for by GET every HealthEvery, with HealthTimeout: an upstream that does not answer with a 2xx or 3xx
	// gets no requests until it does; empty: none is asked. Close ends it.
	HealthPath string
	// HealthEvery is the time between two checks; 0 or negative: 5 s.
	HealthEvery time.Duration
	// HealthTimeout bounds one; 0 or negative: 2 s.
	HealthTimeout time.Duration

	once  sync.Once
	err   error // what is wrong with the configuration
	set   proxySettings
	ups   []*upstream
	loops perloop.Table[proxyLoop]
	turn  atomic.Uint32

	checkOnce sync.Once
	stop      chan struct{}
	stopOnce  sync.Once
	checkers  sync.WaitGroup
}

type proxySettings struct {
	wire      wire.Limits
	tls       *tls.Config
	log       *slog.Logger
	name      string
	conns     int64
	idle      int
	queued    int
	wait      time.Duration
	dial      time.Duration
	head      time.Duration
	body      time.Duration
	tunnel    time.Duration
	idleFor   time.Duration
	retries   int
	maxFails  int32
	failFor   time.Duration
	every     time.Duration
	checkTime time.Duration
}

const (
	defaultProxyConns  = 512
	defaultProxyIdle   = 64
	defaultProxyQueued = 1024
	defaultQueueWait   = 10 * time.Second
	defaultProxyDial   = 5 * time.Second
	defaultTunnelIdle  = time.Hour
	defaultProxyIdleOf = 60 * time.Second
	defaultMaxFails    = 3
	defaultFailFor     = 10 * time.Second
	defaultHealthEvery = 5 * time.Second
	defaultHealthTime  = 2 * time.Second
	// resolveEvery is how long the address of an upstream's name is good.
	resolveEvery = 30 * time.Second
)

// upstream is a server that requests go to.
type upstream struct {
	at     int
	text   string // as configured
	secure bool
	host   string // for Host
	base   string // in front of the request's path
	name   string // host:port to resolve; empty if the address is fixed
	active atomic.Int64
	conns  atomic.Int64
	fails  atomic.Int32
	until  atomic.Int64 // UnixNano: left alone until then
	sick   atomic.Bool  // by the active check
	addr   atomic.Pointer[upstreamAddr]
}

// upstreamAddr is where an upstream is.
type upstreamAddr struct {
	addr  net.Addr
	known time.Time // when its name was resolved
}

func (p *Proxy) init() {
	p.once.Do(func() {
		t := &p.set
		t.wire.MaxHeadBytes = p.MaxHeadBytes
		if p.MaxHeadBytes == 0 {
			t.wire.MaxHeadBytes = defaultResponseHead
		}
		t.wire.MaxFields = defaultResponseFields
		t.tls = clientTLS(p.TLS)
		if t.log = p.Logger; t.log == nil {
			t.log = slog.Default()
		}
		if t.name = p.Name; t.name == "" {
			t.name = "calandria"
		}
		t.conns = limit(int64(p.MaxConns), defaultProxyConns)
		t.idle = limitInt(p.MaxIdle, defaultProxyIdle)
		t.queued = max(p.MaxQueued, 0)
		if p.MaxQueued == 0 {
			t.queued = defaultProxyQueued
		}
		t.wait = duration(p.QueueTimeout, defaultQueueWait)
		t.dial = duration(p.DialTimeout, defaultProxyDial)
		t.head = duration(p.HeadTimeout, defaultResponseTimeout)
		t.body = duration(p.BodyTimeout, defaultResponseTimeout)
		t.tunnel = duration(p.TunnelTimeout, defaultTunnelIdle)
		t.idleFor = duration(p.IdleTimeout, defaultProxyIdleOf)
		t.retries = max(p.Retries, 0)
		if p.Retries == 0 {
			t.retries = 2
		}
		t.maxFails = int32(limit(int64(p.MaxFails), defaultMaxFails))
		if p.MaxFails < 0 {
			t.maxFails = 0
		}
		t.failFor = duration(p.FailFor, defaultFailFor)
		if t.every = p.HealthEvery; t.every <= 0 {
			t.every = defaultHealthEvery
		}
		if t.checkTime = p.HealthTimeout; t.checkTime <= 0 {
			t.checkTime = defaultHealthTime
		}
		p.stop = make(chan struct{})
		p.err = p.readUpstreams()
		if p.err == nil && !wire.ValidToken(t.name) {
			p.err = errors.New("http1: Proxy.Name is not a token")
		}
		if p.err != nil {
			t.log.Error("http1: proxy is not configured", "err", p.err)
		}
	})
}

// Check says what is wrong with the configuration: a Proxy that has something wrong answers 500. Any goroutine.
func (p *Proxy) Check() error {
	p.init()
	return p.err
}

func (p *Proxy) readUpstreams() error {
	if len(p.Upstreams) == 0 {
		return errors.New("http1: Proxy has no upstream")
	}
	for i, text := range p.Upstreams {
		u, err := readUpstream(text)
		if err != nil {
			return err
		}
		u.at = i
		p.ups = append(p.ups, u)
	}
	return nil
}

func readUpstream(text string) (*upstream, error) {
	u := &upstream{text: text, host: "localhost"}
	if path, ok := strings.CutPrefix(text, "unix:"); ok {
		if path == "" {
			return nil, fmt.Errorf("http1: upstream %q: %w", text, ErrScheme)
		}
		u.addr.Store(&upstreamAddr{addr: &net.UnixAddr{Net: "unix", Name: path}})
		return u, nil
	}
	at, err := url.Parse(text)
	if err != nil {
		return nil, err
	}
	if at.Scheme != "http" && at.Scheme != "https" || at.Host == "" || at.RawQuery != "" || at.User != nil {
		return nil, fmt.Errorf("http1: upstream %q: %w", text, ErrScheme)
	}
	u.secure, u.host, u.base = at.Scheme == "https", at.Host, strings.TrimSuffix(at.EscapedPath(), "/")
	addr := hostPort(at.Scheme, at.Host)
	if ap, err := netip.ParseAddrPort(addr); err == nil {
		u.addr.Store(&upstreamAddr{addr: net.TCPAddrFromAddrPort(ap)})
	} else {
		u.name = addr
	}
	return u, nil
}

// Handle is part of Handler.
func (p *Proxy) Handle(x *Exchange) {
	p.init()
	switch {
	case p.err != nil:
		x.Respond(http.StatusInternalServerError, "", nil)
		return
	case x.req.Form() == wire.AuthorityForm, string(x.Method()) == http.MethodTrace:
		x.Respond(http.StatusMethodNotAllowed, "", nil)
		return
	}
	p.startChecks(x.s.c.Reactor())
	pc := &proxyCall{p: p, x: x, loop: p.loops.Of(x.s.c)}
	pc.begin()
}

// pick chooses the upstream with the fewest requests in progress, but not one of those to avoid unless there is no other; nil if
// all are sick.
func (p *Proxy) pick(avoid *upstream, now time.Time) *upstream {
	n := len(p.ups)
	start := int(p.turn.Add(1) % uint32(n))
	var best, rest *upstream
	for i := range n {
		u := p.ups[(start+i)%n]
		switch {
		case u.sick.Load():
		case u.until.Load() > now.UnixNano(), u == avoid:
			if rest == nil || u.active.Load() < rest.active.Load() {
				rest = u
			}
		case best == nil || u.active.Load() < best.active.Load():
			best = u
		}
	}
	if best == nil { // better one that has failed than none
		return rest
	}
	return best
}

// failed counts a failure of an upstream's own.
func (p *Proxy) failed(u *upstream, err error, now time.Time) {
	if n := u.fails.Add(1); p.set.maxFails > 0 && n >= p.set.maxFails {
		until := now.Add(p.set.failFor).UnixNano()
		if old := u.until.Swap(until); old <= now.UnixNano() {
			p.set.log.Warn("http1: upstream is left alone", "upstream", u.text, "for", p.set.failFor, "err", err)
		}
	}
}

// UpstreamStats is the state of an upstream.
type UpstreamStats struct {
	Upstream string // as configured
	Active   int    // requests in progress
	Conns    int    // connections
	Failures int    // in a row
	Down     bool   // left alone, or sick by the active check
}

// Stats tells about the upstreams, in their order. Any goroutine.
func (p *Proxy) Stats() (all []UpstreamStats) {
	p.init()
	now := time.Now().UnixNano()
	for _, u := range p.ups {
		all = append(all, UpstreamStats{
			u.text, int(u.active.Load()), int(u.conns.Load()), int(u.fails.Load()), u.sick.Load() || u.until.Load() > now,
		})
	}
	return all
}
