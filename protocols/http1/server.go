package http1

import (
	"log/slog"
	"math"
	"sync"
	"time"

	"github.com/calandria-go/calandria/protocols/http1/internal/perloop"
	"github.com/calandria-go/calandria/protocols/http1/wire"
	"github.com/calandria-go/calandria/reactor"
)

// Handler answers requests, on the loop: it must not block. What blocks goes through Exchange.Offload, or is a net/http
// handler under Std.
type Handler interface {
	// Handle is called when the head of a request is complete. It, or what it sets off, must answer: by Respond, or by Start
	// and Finish. Answering later is allowed; the next request of the connection waits.
	Handle(x *Exchange)
}

// HandlerFunc is a function as a Handler.
type HandlerFunc func(x *Exchange)

// Handle calls f.
func (f HandlerFunc) Handle(x *Exchange) { f(x) }

// Server is an HTTP/1.1 server: a reactor.Protocol, to be given to Reactor.Serve. The zero value of each limit is a safe
// default, and a negative one means unlimited. It must not be changed once it serves.
type Server struct {
	// Handler answers; it must be set.
	Handler Handler
	// Logger gets the panics of net/http handlers and what is wrong with a Server; nil: slog.Default.
	Logger *slog.Logger
	// Name is the Server field of every answer; empty: none is sent.
	Name string

	// OnDone is called once for each exchange that has ended, those that the server refused included; nil: for none. It runs on
	// the loop and must not block: logs and metrics. It costs two readings of the clock a request.
	OnDone func(x *Exchange, r *Result)

	// Observe has the server count and time its requests, for Stats: about 60 ns a request, most of them for reading the clock,
	// and 2 KiB a loop beside the routes.
	Observe bool
	// MaxRoutes bounds the patterns for which Stats has counters of their own; the rest is OtherRoute; 0: 256; negative: unlimited.
	MaxRoutes int

	// MaxHeadBytes bounds a request's head, 431 above it; 0: 16 KiB.
	MaxHeadBytes int
	// MaxFields bounds its fields, 431; 0: 100.
	MaxFields int
	// MaxTargetBytes bounds its target, 414; 0: 8 KiB.
	MaxTargetBytes int
	// MaxBodyBytes bounds its body, 413; 0: 8 MiB.
	MaxBodyBytes int64
	// MaxRequests bounds the requests of one connection, the last of which is answered with Connection: close; 0: 1,000,000.
	MaxRequests int

	// HeadTimeout bounds the time from a head's first byte to its last, 408 after it; progress does not extend it; 0: 10 s.
	HeadTimeout time.Duration
	// BodyTimeout bounds the time in which no byte of a body that is waited for comes, 408; 0: 60 s.
	BodyTimeout time.Duration
	// BodyMinRate bounds how slowly such a body may come, in bytes a second over 10 s, 408; 0: 256.
	BodyMinRate int
	// IdleTimeout bounds the time between requests, and before the first; 0: 120 s.
	IdleTimeout time.Duration
	// DrainIdle is how long an idle connection may still send a request once Shutdown has begun; 0: 1 s; negative: not at all.
	DrainIdle time.Duration
	// LingerTimeout bounds how long a connection that we close waits for the peer's FIN; 0: 5 s.
	LingerTimeout time.Duration
	// LingerBytes bounds what is thrown away meanwhile; 0: 4 MiB.
	LingerBytes int

	// CancelOnEOF makes a half-close by the client cancel the context of a net/http handler, as net/http does. Without it
	// the client that closed its side gets its answer.
	CancelOnEOF bool

	once   sync.Once
	set    settings
	counts perloop.Table[counters]
}

// settings are a Server's limits with the defaults filled in.
type settings struct {
	srv         *Server
	wire        wire.Limits
	body        int64
	requests    int
	head        time.Duration
	bodyIdle    time.Duration
	minRate     int
	idle        time.Duration
	drainIdle   time.Duration
	linger      time.Duration
	lingerBytes int
	routes      int
	log         *slog.Logger
	server      []byte // the rendered Server field
}

const (
	defaultMaxBody     = 8 << 20
	defaultRequests    = 1_000_000
	defaultHead        = 10 * time.Second
	defaultBodyIdle    = 60 * time.Second
	defaultMinRate     = 256
	defaultIdle        = 120 * time.Second
	defaultDrainIdle   = time.Second
	defaultLinger      = 5 * time.Second
	defaultLingerBytes = 4 << 20
	// rateWindow is the time over which BodyMinRate is measured.
	rateWindow = 10 * time.Second
	// discardLimit bounds the body that is thrown away to keep a connection whose handler did not read it.
	discardLimit = 256 << 10
	// pauseAbove is how much pipelined input may wait behind a request in progress before the socket is paused.
	pauseAbove = 16 << 10
	// batchBytes is how much of several answers is gathered before it is queued.
	batchBytes = 32 << 10
	forever    = time.Duration(1<<63 - 1)
)

func (s *Server) settings() *settings {
	s.once.Do(func() {
		t := &s.set
		t.srv = s
		t.wire = wire.Limits{MaxHeadBytes: s.MaxHeadBytes, MaxFields: s.MaxFields, MaxTargetBytes: s.MaxTargetBytes}
		t.body = limit(s.MaxBodyBytes, defaultMaxBody)
		t.requests = limitInt(s.MaxRequests, defaultRequests)
		t.head = duration(s.HeadTimeout, defaultHead)
		t.bodyIdle = duration(s.BodyTimeout, defaultBodyIdle)
		t.idle = duration(s.IdleTimeout, defaultIdle)
		t.linger = duration(s.LingerTimeout, defaultLinger)
		t.lingerBytes = limitInt(s.LingerBytes, defaultLingerBytes)
		t.routes = limitInt(s.MaxRoutes, defaultRoutes)
		t.minRate = max(s.BodyMinRate, 0)
		if s.BodyMinRate == 0 {
			t.minRate = defaultMinRate
		}
		t.drainIdle = max(s.DrainIdle, 0)
		if s.DrainIdle == 0 {
			t.drainIdle = defaultDrainIdle
		}
		if t.log = s.Logger; t.log == nil {
			t.log = slog.Default()
		}
		if s.Name != "" {
			field, err := wire.AppendField(nil, "Server", s.Name)
			if err != nil {
				t.log.Error("http1: Server.Name is not a field value", "err", err)
			}
			t.server = field
		}
	})
	return &s.set
}

func limit(v, def int64) int64 {
	switch {
	case v == 0:
		return def
	case v < 0:
		return 1<<63 - 1
	}
	return v
}

func limitInt(v, def int) int {
	return int(min(limit(int64(v), int64(def)), math.MaxInt))
}

func duration(v, def time.Duration) time.Duration {
	switch {
	case v == 0:
		return def
	case v < 0:
		return forever
	}
	return v
}

// NewHandler is part of reactor.Protocol.
func (s *Server) NewHandler(c *reactor.Conn) reactor.Handler {
	return &serverConn{set: s.settings()}
}

// NewConn gives a handler for a connection that something else accepted: for Conn.Upgrade.
func (s *Server) NewConn() reactor.Handler { return s.NewHandler(nil) }
