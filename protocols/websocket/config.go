package websocket

import (
	"math"
	"time"

	"github.com/calandria-go/calandria/protocols/websocket/wire"
)

// Config has the limits of connections, a server's or a client's. The zero value is safe; a negative value means unlimited, or
// never.
type Config struct {
	// Limits bound what the peer may send: messages of 1 MiB, after decompression, by default.
	Limits wire.Limits
	// MaxQueue bounds what may be unsent, in bytes, before a Send meets Overflow; 0: 1 MiB; negative: only the reactor's MaxUnsent
	// does, which in any case ends a connection at once. A message is taken whole while less than MaxQueue is unsent, so the
	// queue holds at most that and one message.
	MaxQueue int
	// Overflow is what happens to a Send then; the zero value closes the connection with 1013.
	Overflow Overflow
	// KeepReading reads on from a peer that does not take what is sent to it. Otherwise input pauses while the queue is above
	// the reactor's HighWater, so that one who only sends, to a server that answers, feels it.
	KeepReading bool
	// PingInterval is the silence of the peer after which it is pinged; 0: 30 s; negative: never.
	PingInterval time.Duration
	// PongTimeout is the further silence after which it is given up, with ErrDeadPeer; 0: 15 s; negative: never.
	PongTimeout time.Duration
	// CloseTimeout bounds the close handshake: the peer's answer, and the reading of our close frame; 0: 5 s; negative: none.
	CloseTimeout time.Duration
	// MaxControlRate bounds the pings and pongs that come within a second; 0: 256; negative: unlimited. Above it the connection is
	// closed with 1008.
	MaxControlRate int
	// MaxInbox bounds the messages that wait for Read, in number, on a connection without a handler; 0: 64; negative: unlimited.
	// Their bytes are bounded by 64 KiB and one message. At a bound the socket is not read.
	MaxInbox int
	// Deflate negotiates permessage-deflate; nil, the default, does not. See Deflate for what it costs.
	Deflate *Deflate
}

// Overflow is what a Send does when more than Config.MaxQueue is unsent.
type Overflow uint8

const (
	// CloseTryAgain closes the connection with 1013 (TryAgainLater): the client may come back. Send fails with ErrSlowConsumer.
	CloseTryAgain Overflow = iota
	// ClosePolicy closes it with 1008 (PolicyViolation). Send fails with ErrSlowConsumer.
	ClosePolicy
	// Drop throws the new message away: Send fails with ErrQueueFull, and the connection goes on.
	Drop
)

const (
	defaultQueue        = 1 << 20
	defaultPing         = 30 * time.Second
	defaultPong         = 15 * time.Second
	defaultCloseTimeout = 5 * time.Second
	defaultControlRate  = 256
	defaultInbox        = 64

	never = time.Duration(math.MaxInt64)
)

// settings are a Config with the defaults filled in, shared by its connections.
type settings struct {
	lim          wire.Limits
	queue        int
	overflow     Overflow
	keepReading  bool
	ping, pong   time.Duration
	closeTimeout time.Duration
	controlRate  int
	inbox        int
	deflate      *deflateSettings
	count        *counters
}

func (c *Config) settings(n *counters) *settings {
	return &settings{
		lim:          c.Limits,
		queue:        orDefault(c.MaxQueue, defaultQueue),
		overflow:     c.Overflow,
		keepReading:  c.KeepReading,
		ping:         timeOr(c.PingInterval, defaultPing),
		pong:         timeOr(c.PongTimeout, defaultPong),
		closeTimeout: timeOr(c.CloseTimeout, defaultCloseTimeout),
		controlRate:  orDefault(c.MaxControlRate, defaultControlRate),
		inbox:        orDefault(c.MaxInbox, defaultInbox),
		deflate:      c.Deflate.settings(),
		count:        n,
	}
}

// orDefault is v, def for zero, and as good as unlimited for a negative number.
func orDefault(v, def int) int {
	switch {
	case v == 0:
		return def
	case v < 0:
		return math.MaxInt
	}
	return v
}

func timeOr(d, def time.Duration) time.Duration {
	switch {
	case d == 0:
		return def
	case d < 0:
		return never
	}
	return d
}
