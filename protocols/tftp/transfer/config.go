package transfer

import "time"

// Config bounds a transfer. The zero value, and a nil *Config, mean the defaults
// given at each field; negative means unlimited where that is said. It may be
// shared; the machines only read it.
type Config struct {
	// MaxBlockSize bounds the blksize that is granted or asked for, in bytes: 65464.
	// Below 8 it is 8.
	MaxBlockSize int
	// MaxWindowSize bounds the windowsize, in blocks: 64, as many clients fail above
	// that. Negative means 65534, all that block numbers can tell apart.
	MaxWindowSize int
	// MaxWindowBytes bounds blksize times windowsize: 256 KiB. It lowers the
	// windowsize, to 1 at least. Negative means unlimited.
	MaxWindowBytes int
	// MaxSize bounds what a Receiver takes, in bytes: 1 GiB, else ERROR 3. Negative
	// means unlimited.
	MaxSize int64
	// MaxTimeout bounds the timeout option: 60 s. A client that asks for more gets no
	// such option, as it may not be answered with less (RFC 2349). Negative means the
	// protocol's 255 s.
	MaxTimeout time.Duration
	// Retries bounds how often in a row the timer may fire without any progress: 16,
	// about a minute on a fast network. Negative means none at all.
	Retries int
	// OpeningSends bounds how often a server sends its first packet before the peer
	// has answered anything: 4, so that a forged source address gets no more. Further
	// requests of that peer count. Negative means Retries + 1.
	OpeningSends int
	// InitialRTO is the time-out before anything is known of the round trip: 1 s.
	InitialRTO time.Duration
	// MinRTO is the shortest time-out, if none was agreed on: 200 ms.
	MinRTO time.Duration
	// MaxRTO is the longest, back-off included: 5 s.
	MaxRTO time.Duration
	// Dally is how long a Receiver answers repetitions of the last block after its
	// final ACK, and after each repetition: 10 s, twice the longest time-out of a peer
	// like this one; four times that in all. Negative means not at all.
	Dally time.Duration
}

func or[T int | int64 | time.Duration](v, def, unlimited T) T {
	switch {
	case v == 0:
		return def
	case v < 0:
		return unlimited
	}
	return v
}

// resolved is c with its defaults filled in.
func (c *Config) resolved() Config {
	var r Config
	if c != nil {
		r = *c
	}
	const maxInt = int(^uint(0) >> 1)
	r.MaxBlockSize = max(minBlock, min(maxBlock, or(r.MaxBlockSize, maxBlock, maxBlock)))
	r.MaxWindowSize = min(maxWindow, or(r.MaxWindowSize, 64, maxWindow))
	r.MaxWindowBytes = or(r.MaxWindowBytes, 256<<10, maxInt)
	r.MaxSize = or(r.MaxSize, 1<<30, 1<<63-1)
	r.MaxTimeout = or(r.MaxTimeout, 60*time.Second, 255*time.Second)
	r.Retries = or(r.Retries, 16, 0)
	r.OpeningSends = or(r.OpeningSends, 4, r.Retries+1)
	r.InitialRTO = or(r.InitialRTO, time.Second, time.Second)
	r.MinRTO = or(r.MinRTO, 200*time.Millisecond, time.Millisecond)
	r.MaxRTO = max(r.MinRTO, or(r.MaxRTO, 5*time.Second, 255*time.Second))
	r.InitialRTO = max(r.MinRTO, min(r.InitialRTO, r.MaxRTO))
	r.Dally = or(r.Dally, 10*time.Second, 0)
	return r
}

// window is the windowsize that the limits leave of the one asked for.
func (c *Config) window(asked int64, block int) int {
	n := min(asked, int64(c.MaxWindowSize), int64(c.MaxWindowBytes/block))
	return int(max(n, 1))
}
