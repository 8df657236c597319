package http1

import (
	"crypto/tls"
	"errors"
	"net/http"
	"net/url"
	"sync"
	"time"

	"github.com/calandria-go/calandria/protocols/http1/wire"
	"github.com/calandria-go/calandria/reactor"
	"github.com/calandria-go/calandria/transports"
	"github.com/calandria-go/calandria/transports/tcp"
)

// Client is an HTTP/1.1 client on the reactor's loops: an http.RoundTripper, and with Do, Get, Head, Post, Put and Delete a
// client that follows redirects, keeps cookies and logs in. Its connections have no goroutine: those that are idle cost about
// 4 KiB each of resident memory, kernel buffers apart. The zero value is good and uses a reactor that all of them share. Of each limit zero is a safe default and a
// negative value means unlimited. It must not be changed once it is in use; its methods are safe from any goroutine but a
// loop's, where they return reactor.ErrOnLoop at once.
//
// URLs are those of http, https and unix:/path/of/socket:/path/of/url.
type Client struct {
	// Reactor has the loops; nil: one that is shared by all clients without their own.
	Reactor *reactor.Reactor
	// Dialer opens connections to hosts and proxies; nil: a tcp.Dialer. Those to unix sockets do not go through it.
	Dialer transports.Dialer
	// TLS is for https; nil: crypto/tls's defaults. NextProtos is replaced by http/1.1.
	TLS *tls.Config
	// Proxy is the proxy for a request, as http.Transport has it: of scheme http or https; nil: http.ProxyFromEnvironment. Direct
	// is none at all.
	Proxy func(*http.Request) (*url.URL, error)

	// Backend takes the place of this client's own connections for Do and the helpers: net/http's Transport, say, for HTTP/2;
	// nil: this client.
	Backend http.RoundTripper
	// Jar keeps cookies between the requests of Do and the helpers; nil: none are kept. net/http/cookiejar is one.
	Jar http.CookieJar
	// Credentials log in where a server asks for it; nil: nowhere.
	Credentials Credentials
	// UserAgent is sent by requests that have none; empty: "calandria"; "-": none.
	UserAgent string

	// MaxConnsPerHost bounds the connections to one host, in use or idle; more requests wait; 0: 256.
	MaxConnsPerHost int
	// MaxIdlePerHost bounds those of them that are kept idle; 0: all.
	MaxIdlePerHost int
	// MaxIdle bounds the idle connections to all hosts; 0: 10,000.
	MaxIdle int
	// IdleTimeout closes an idle connection; 0: 90 s.
	IdleTimeout time.Duration
	// PoolTimeout bounds the wait for a connection at MaxConnsPerHost; 0: 30 s.
	PoolTimeout time.Duration
	// DialTimeout bounds connecting, to a proxy and through it; 0: 30 s.
	DialTimeout time.Duration
	// HandshakeTimeout bounds TLS's handshake; 0: 10 s.
	HandshakeTimeout time.Duration
	// HeadTimeout bounds the time from the last byte of a request to the last of the response's head; 0: 60 s.
	HeadTimeout time.Duration
	// BodyTimeout bounds how long a Read of a response's body waits for the next byte; 0: 60 s.
	BodyTimeout time.Duration
	// ContinueTimeout is how long a request with Expect: 100-continue waits before it sends its body all the same; 0: 1 s.
	ContinueTimeout time.Duration

	// MaxHeadBytes bounds a response's head; 0: 32 KiB. Above the reactor's InputLimit that is the limit.
	MaxHeadBytes int
	// MaxFields bounds its fields; 0: 200.
	MaxFields int
	// MaxBodyBytes bounds a response's body as it is sent, which is never held as a whole; 0: 1 TiB.
	MaxBodyBytes int64
	// MaxDecodedBytes bounds what a compressed body decodes to; 0: 1 GiB.
	MaxDecodedBytes int64
	// MaxRedirects bounds the redirects that one Do follows; 0: 10; negative: none is followed, and a redirect is a response
	// like any other.
	MaxRedirects int
	// MaxRetries bounds how often one request is sent again after a connection that was kept turns out to be dead; 0: 3;
	// negative: never.
	MaxRetries int
	// Pipeline is how many requests without a body, and of safe methods, share a connection at a time when no other is free; 0: 1,
	// which is no pipelining. A response that is slow holds up those behind it.
	Pipeline int
	// NoDecoding leaves gzip, deflate, br and zstd as they come, and does not ask for them.
	NoDecoding bool

	once     sync.Once
	set      clientSettings
	pool     clientPool
	sleepers sync.Pool
}

// clientSettings are a Client's limits with the defaults filled in.
type clientSettings struct {
	reactor   *reactor.Reactor
	dialer    transports.Dialer
	tls       *tls.Config
	wire      wire.Limits
	conns     int
	idleHost  int
	idle      int
	idleFor   time.Duration
	wait      time.Duration
	dial      time.Duration
	shake     time.Duration
	head      time.Duration
	body      time.Duration
	proceed   time.Duration
	maxBody   int64
	decoded   int64
	redirects int
	retries   int
	pipeline  int
	agent     string
}

const (
	defaultClientConns     = 256
	defaultClientIdle      = 10_000
	defaultClientIdleFor   = 90 * time.Second
	defaultPoolTimeout     = 30 * time.Second
	defaultDialTimeout     = 30 * time.Second
	defaultShakeTimeout    = 10 * time.Second
	defaultResponseTimeout = 60 * time.Second
	defaultContinue        = time.Second
	defaultResponseHead    = 32 << 10
	defaultResponseFields  = 200
	defaultResponseBody    = 1 << 40
	defaultDecodedBody     = 1 << 30
	defaultRedirects       = 10
	defaultRetries         = 3
	defaultAgent           = "calandria"
)

// sharedReactor is that of clients without one. It has no watchdog: that is for those who serve.
var sharedReactor = sync.OnceValue(func() *reactor.Reactor { return reactor.New(reactor.Config{StallAfter: -1}) })

func (cl *Client) settings() *clientSettings {
	cl.once.Do(func() {
		t := &cl.set
		if t.reactor = cl.Reactor; t.reactor == nil {
			t.reactor = sharedReactor()
		}
		if t.dialer = cl.Dialer; t.dialer == nil {
			t.dialer = &tcp.Dialer{Timeout: -1}
		}
		t.tls = clientTLS(cl.TLS)
		t.wire = wire.Limits{MaxHeadBytes: cl.MaxHeadBytes, MaxFields: cl.MaxFields}
		if cl.MaxHeadBytes == 0 {
			t.wire.MaxHeadBytes = defaultResponseHead
		}
		if cl.MaxFields == 0 {
			t.wire.MaxFields = defaultResponseFields
		}
		t.conns = limitInt(cl.MaxConnsPerHost, defaultClientConns)
		t.idleHost = limitInt(cl.MaxIdlePerHost, t.conns)
		t.idle = limitInt(cl.MaxIdle, defaultClientIdle)
		t.idleFor = duration(cl.IdleTimeout, defaultClientIdleFor)
		t.wait = duration(cl.PoolTimeout, defaultPoolTimeout)
		t.dial = duration(cl.DialTimeout, defaultDialTimeout)
		t.shake = duration(cl.HandshakeTimeout, defaultShakeTimeout)
		t.head = duration(cl.HeadTimeout, defaultResponseTimeout)
		t.body = duration(cl.BodyTimeout, defaultResponseTimeout)
		t.proceed = duration(cl.ContinueTimeout, defaultContinue)
		t.maxBody = limit(cl.MaxBodyBytes, defaultResponseBody)
		t.decoded = limit(cl.MaxDecodedBytes, defaultDecodedBody)
		t.redirects = max(cl.MaxRedirects, 0)
		if cl.MaxRedirects == 0 {
			t.redirects = defaultRedirects
		}
		t.retries = max(cl.MaxRetries, 0)
		if cl.MaxRetries == 0 {
			t.retries = defaultRetries
		}
		t.pipeline = max(cl.Pipeline, 1)
		switch t.agent = cl.UserAgent; t.agent {
		case "":
			t.agent = defaultAgent
		case "-":
			t.agent = ""
		}
		cl.pool.init(cl)
		cl.sleepers.New = func() any { return newSleeper() }
	})
	return &cl.set
}

// Direct is a Client.Proxy that uses none, whatever the environment says.
func Direct(*http.Request) (*url.URL, error) { return nil, nil }

// CloseIdleConnections closes the connections that are idle. Any goroutine.
func (cl *Client) CloseIdleConnections() {
	cl.settings()
	cl.pool.closeIdle()
}

// Close closes all connections, also those in use, and has later requests fail with ErrClientClosed. Any goroutine.
func (cl *Client) Close() error {
	cl.settings()
	cl.pool.close()
	return nil
}

// ClientStats are a Client's connections.
type ClientStats struct {
	Open    int // connections, those that are being dialed included
	Idle    int // of these, idle
	Waiting int // requests that wait for one
	Hosts   int // to which there are any
}

// Stats counts. Any goroutine.
func (cl *Client) Stats() ClientStats {
	cl.settings()
	return cl.pool.stats()
}

// sleeper is what a goroutine waits with. A Client keeps its own.
type sleeper struct {
	ch    chan struct{}
	timer *time.Timer
}

func newSleeper() *sleeper {
	t := time.NewTimer(time.Hour)
	t.Stop()
	return &sleeper{make(chan struct{}, 1), t}
}

// wake lets the sleeper look again.
func (w *sleeper) wake() {
	select {
	case w.ch <- struct{}{}:
	default:
	}
}

var errExpired = errors.New("http1: expired")

// wait waits for wake, done or d; it returns nil, errExpired, or errCanceled.
func (w *sleeper) wait(done <-chan struct{}, d time.Duration) error {
	var expired <-chan time.Time
	if d != forever {
		w.timer.Reset(d)
		expired = w.timer.C
	}
	var err error
	select {
	case <-w.ch:
	case <-done:
		err = errCanceled
	case <-expired:
		err = errExpired
	}
	if d != forever {
		w.timer.Stop()
	}
	return err
}

var errCanceled = errors.New("http1: canceled")

func (cl *Client) sleeper() *sleeper { return cl.sleepers.Get().(*sleeper) }

// done gives a sleeper back that nobody can wake any more.
func (cl *Client) done(w *sleeper) {
	select {
	case <-w.ch:
	default:
	}
	cl.sleepers.Put(w)
}
