package link

import (
	"time"

	"github.com/calandria-go/calandria/protocols/relay/wire"
)

// Config bounds a session. The zero value means the defaults given at each field.
type Config struct {
	// Role is told to the peer. It must be set.
	Role wire.Role
	// ID is told to the peer by an agent; empty: it has none.
	ID string
	// StreamWindow is how many bytes of a stream are taken before its reader has read any: 256 KiB, at the least 64 KiB.
	StreamWindow int
	// MaxStreamWindow is what a window grows to, by rate and round trip: 16 MiB.
	MaxStreamWindow int
	// LinkWindow bounds what all streams together hold unread: 64 MiB, at the least 1 MiB.
	LinkWindow int
	// SendBuffer bounds what a stream holds that was written and not sent: 64 KiB.
	SendBuffer int
	// MaxStreams bounds the streams that the peer may have open: 16384. Negative means none.
	MaxStreams int
	// PingInterval is how often the round trip is measured: 15 s. Negative means never, and then a dead peer is not
	// noticed.
	PingInterval time.Duration
	// PingTimeout is how long the peer may send nothing at all after a PING: 5 s. Then the link is dead.
	PingTimeout time.Duration
	// Resume is how long streams are kept when the link breaks, if the peer keeps them too: 0, which is not at all.
	Resume time.Duration
}

// EarlyData is how many bytes may be sent behind an OPEN before it is answered.
const EarlyData = 64 << 10

const (
	minLinkWindow = 1 << 20
	maxMisc       = 4096 // frames that wait outside of streams; a peer that has us queue more is not reading
)

func or[T int | time.Duration](v, def T) T {
	if v == 0 {
		return def
	}
	return v
}

func (c Config) resolved() Config {
	c.StreamWindow = min(max(or(c.StreamWindow, 256<<10), EarlyData), wire.MaxWindow)
	c.MaxStreamWindow = min(max(or(c.MaxStreamWindow, 16<<20), c.StreamWindow), wire.MaxWindow)
	c.LinkWindow = min(max(or(c.LinkWindow, 64<<20), minLinkWindow), wire.MaxWindow)
	c.SendBuffer = max(or(c.SendBuffer, 64<<10), 1<<10)
	c.MaxStreams = max(or(c.MaxStreams, 16384), 0)
	c.PingInterval = or(c.PingInterval, 15*time.Second)
	c.PingTimeout = max(or(c.PingTimeout, 5*time.Second), time.Millisecond)
	c.Resume = max(c.Resume, 0)
	return c
}
