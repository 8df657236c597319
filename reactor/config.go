package reactor

import (
	"log/slog"
	"runtime"
	"time"
)

// Config has the limits of a Reactor. The zero value is safe; a negative value means unlimited where that is said.
type Config struct {
	// Loops is the number of loops to use; 0 or negative: GOMAXPROCS. On Linux they are shared by all reactors of the process.
	Loops int
	// Logger gets panics, stalls and accept failures, nothing per connection; nil discards.
	Logger *slog.Logger
	// Trace has hooks for a tracer; nil for none.
	Trace *Trace

	// MaxConns bounds open connections, accepted and dialed; 0: four fifths of RLIMIT_NOFILE, or 1,048,576 where there
	// is no such limit, or 10,000 where none can be asked for; negative: unlimited. At the limit listeners stop accepting until a connection closes, and Dial fails
	// with ErrConnLimit.
	MaxConns int
	// InputLimit bounds the bytes that a handler may leave unconsumed; 0: 64 KiB.
	InputLimit int
	// HighWater is the number of unsent bytes above which a producer should stop; 0: 256 KiB.
	HighWater int
	// LowWater is the number at which it is told to go on; 0: 64 KiB.
	LowWater int
	// MaxUnsent is the hard cap: a Write beyond it fails and closes the connection with ErrSlowPeer; 0: 8 MiB; negative:
	// unlimited.
	MaxUnsent int
	// WriteStall closes a connection whose peer took nothing of what is unsent for so long; 0: 60 s; negative: never.
	WriteStall time.Duration
	// MaxWorkers bounds the goroutines of Offload; 0: 10,000.
	MaxWorkers int
	// MaxQueued bounds the tasks that wait for one; 0: 10,000; negative: none waits.
	MaxQueued int
	// MemoryLimit bounds what the process has in use, in bytes: live objects, stacks and the runtime's own, without garbage. Above it
	// connections are refused; further above, or for longer, idle ones are closed, and then those with the most unsent bytes.
	// See MemoryStats. 0: 80 % of GOMEMLIMIT or of the container's limit, if there is one, the lesser; negative: none.
	MemoryLimit int64
	// StallAfter is how long a handler may hold its loop before it is counted and reported; 0: 10 ms; negative: never.
	StallAfter time.Duration
}

// Trace has hooks that a tracer can be attached to. Each may be nil. They run on the loop and must not block.
type Trace struct {
	// Open: a connection is about to be given to its handler.
	Open func(c *Conn)
	// FirstByte: the first bytes of a connection came.
	FirstByte func(c *Conn)
	// Handled: a read of n bytes was handled, all that it caused at once included; it held the loop for d.
	Handled func(c *Conn, n int, d time.Duration)
	// Closed: OnClose has returned. reason is ReasonOf(err).
	Closed func(c *Conn, err error, reason string)
}

const (
	defaultInputLimit = 64 << 10
	defaultHighWater  = 256 << 10
	defaultLowWater   = 64 << 10
	defaultMaxUnsent  = 8 << 20
	defaultWriteStall = 60 * time.Second
	defaultWorkers    = 10_000
	defaultQueued     = 10_000
	defaultStallAfter = 10 * time.Millisecond
	unlimited         = int(^uint(0) >> 1)
)

// withDefaults fills the zero values in.
func (c Config) withDefaults() Config {
	if c.Loops <= 0 {
		c.Loops = runtime.GOMAXPROCS(0)
	}
	c.MaxConns = orDefault(c.MaxConns, defaultMaxConns())
	c.InputLimit = orDefault(c.InputLimit, defaultInputLimit)
	c.HighWater = orDefault(c.HighWater, defaultHighWater)
	c.LowWater = min(orDefault(c.LowWater, defaultLowWater), c.HighWater)
	c.MaxUnsent = orDefault(c.MaxUnsent, defaultMaxUnsent)
	c.MaxWorkers = orDefault(c.MaxWorkers, defaultWorkers)
	if c.MaxQueued < 0 {
		c.MaxQueued = 0
	} else {
		c.MaxQueued = orDefault(c.MaxQueued, defaultQueued)
	}
	if c.WriteStall == 0 {
		c.WriteStall = defaultWriteStall
	}
	if c.StallAfter == 0 {
		c.StallAfter = defaultStallAfter
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	return c
}

// orDefault is v, def for zero, and unlimited for a negative number.
func orDefault(v, def int) int {
	switch {
	case v == 0:
		return def
	case v < 0:
		return unlimited
	}
	return v
}
