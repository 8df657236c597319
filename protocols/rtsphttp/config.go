package rtsphttp

import (
	"log/slog"
	"time"

	"github.com/calandria-go/calandria/protocols/http1"
	"github.com/calandria-go/calandria/protocols/rtsphttp/internal/pairing"
	"github.com/calandria-go/calandria/protocols/rtsphttp/wire"
	"github.com/calandria-go/calandria/transports/tcp"
)

// Config is what a Gateway is made from. The zero value of each limit is a safe default; a negative one means unlimited, or never.
type Config struct {
	// Routes say which camera a request is for. SetRoutes replaces them.
	Routes []Route
	// Auth is in front of every route that has none of its own; nil: anybody who can reach the gateway may look. Both halves of a
	// tunnel must be of the same user.
	Auth http1.Middleware
	// Logger gets the tunnels' beginnings and ends, and cameras that refuse, at level Debug: Stats counts them; nil discards.
	Logger *slog.Logger
	// Resolver finds the addresses of cameras; nil: net.DefaultResolver.
	Resolver tcp.Resolver
	// Origins are the hosts whose pages may open a WebSocket, beside the gateway's own: see websocket.Server.
	Origins []string
	// ServerIP is sent as x-server-ip-address with the answer to a GET: the address to send the POST to, for gateways behind one
	// name. Clients obey it. Empty: none is sent.
	ServerIP string

	// MaxSessions bounds the tunnels, 503 beyond it; 0: 10,000.
	MaxSessions int
	// MaxPending bounds the halves that wait for their other one, 503 beyond it; 0: 1,024.
	MaxPending int
	// MaxPendingPerIP bounds those of one address, 503; 0: 128.
	MaxPendingPerIP int
	// PairTimeout is how long a half waits; 0: 10 s; negative: a year.
	PairTimeout time.Duration
	// IPv4Bits and IPv6Bits are how many bits of their addresses two halves must have in common; 0: all; negative: none. For clients
	// behind NAT with several addresses.
	IPv4Bits, IPv6Bits int
	// MaxSpent bounds the cookies that are remembered after use, to be refused; 0: 8,192, of 130 bytes each; negative: none.
	MaxSpent int

	// DialTimeout bounds the connection to a camera, resolution and TLS included, 504 after it; 0: 5 s.
	DialTimeout time.Duration
	// ReplyTimeout is how long a camera may be silent after a request: then the viewer gets RTSP's own 504, and the tunnel ends; 0:
	// 10 s.
	ReplyTimeout time.Duration
	// PostLinger is how long a tunnel goes on without a POST after one has ended; 0: 60 s. After a TEARDOWN it is a second.
	PostLinger time.Duration
	// PostGrace is how long another POST waits for the end of the one before it, 409 after it; 0: 1 s.
	PostGrace time.Duration
	// IdleTimeout ends a tunnel on which no byte comes either way; 0: 2 min.
	IdleTimeout time.Duration

	// MaxQueued bounds the bytes that wait for a viewer, who is dropped beyond it; 0: 4 MiB; negative: only the reactor's MaxUnsent
	// does, which it cannot exceed.
	MaxQueued int
	// PauseCamera reads no more from a camera while more than the reactor's HighWater waits for its viewer, in place of dropping
	// the viewer: for recordings, which come as fast as they are taken. A camera that sends live would have to drop its media.
	PauseCamera bool
	// MaxHeadBytes bounds the head of an RTSP message; 0: 16 KiB; not beyond that.
	MaxHeadBytes int
	// MaxBodyBytes bounds the body of a viewer's message, and of a camera's where it has to be changed; 0: 44 KiB; not beyond that.
	MaxBodyBytes int
}

const (
	defaultSessions     = 10_000
	defaultPending      = 1024
	defaultPendingPerIP = 128
	defaultPairTimeout  = 10 * time.Second
	defaultSpent        = 8192
	defaultDialTimeout  = 5 * time.Second
	defaultReplyTimeout = 10 * time.Second
	defaultPostLinger   = 60 * time.Second
	defaultPostGrace    = time.Second
	defaultIdle         = 2 * time.Minute
	defaultMaxQueued    = 4 << 20
	// afterTeardown is how long a tunnel without a POST goes on after a TEARDOWN: for its answer.
	afterTeardown = time.Second
	// maxJunk bounds what a viewer may send behind its GET, where nothing is to come.
	maxJunk = 64 << 10
	// maxOutstanding bounds the requests that a camera has not answered, where they are kept to be sent again.
	maxOutstanding = 32

	forever = 365 * 24 * time.Hour
	many    = 1<<31 - 1
)

// settings are a Config's limits with the defaults filled in.
type settings struct {
	pairing                          pairing.Limits
	dial, reply, linger, grace, idle time.Duration
	queued                           int
	framer                           wire.Framer
}

func (c *Config) settings() settings {
	return settings{
		pairing: pairing.Limits{
			Sessions: number(c.MaxSessions, defaultSessions), Pending: number(c.MaxPending, defaultPending),
			PendingPerIP: number(c.MaxPendingPerIP, defaultPendingPerIP), Deadline: duration(c.PairTimeout, defaultPairTimeout),
			Spent: spent(c.MaxSpent),
		},
		dial: duration(c.DialTimeout, defaultDialTimeout), reply: duration(c.ReplyTimeout, defaultReplyTimeout),
		linger: duration(c.PostLinger, defaultPostLinger), grace: duration(c.PostGrace, defaultPostGrace),
		idle: duration(c.IdleTimeout, defaultIdle), queued: number(c.MaxQueued, defaultMaxQueued),
		framer: wire.Framer{
			MaxHead: min(number(c.MaxHeadBytes, wire.DefaultHead), wire.DefaultHead),
			MaxBody: min(number(c.MaxBodyBytes, wire.DefaultBody), wire.DefaultBody),
		},
	}
}

func number(v, def int) int {
	switch {
	case v == 0:
		return def
	case v < 0:
		return many
	}
	return v
}

func spent(v int) int {
	if v < 0 {
		return 0
	}
	return number(v, defaultSpent)
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
