package wire

import "math"

// Limits bound what a peer may send. The zero value, and a nil *Limits, mean the defaults given at each field; a negative
// value means no limit other than the 2^63-1 bytes that a length can count. Zero never means unlimited. Limits may be
// shared; the codec only reads them.
type Limits struct {
	// MaxMessage bounds a message in bytes, after decompression and over all its fragments: 1 MiB, else 1009. A message
	// that is not compressed is refused by the header that crosses the limit. The payload of a compressed one may be
	// twice as long and 64 KiB on the wire, so that a stream of empty blocks ends somewhere.
	MaxMessage int64
	// MaxFrame bounds the declared length of one data frame in bytes: 0 means that MaxMessage alone does, else 1009.
	MaxFrame int64
	// MaxSmallFragments bounds the fragments of one message that carry less than 32 bytes: 16,384, else 1009. A peer
	// could otherwise make a server work at next to no data.
	MaxSmallFragments int
}

const (
	defaultMessage        = 1 << 20
	defaultSmallFragments = 16 << 10
	smallFragment         = 32
	maxControl            = 125
)

var defaultLimits Limits

// or gives the limit that the field's value n stands for.
func or(n, def int64) int64 {
	switch {
	case n == 0:
		return def
	case n < 0:
		return math.MaxInt64
	}
	return n
}

func (l *Limits) message() int64 { return or(l.MaxMessage, defaultMessage) }

// frame is the bound of one data frame's declared length.
func (l *Limits) frame() int64 { return or(l.MaxFrame, math.MaxInt64) }

func (l *Limits) small() int64 { return or(int64(l.MaxSmallFragments), defaultSmallFragments) }

// compressed bounds the payload of a compressed message on the wire.
func (l *Limits) compressed() int64 {
	m := l.message()
	if m > (math.MaxInt64-64<<10)/2 {
		return math.MaxInt64
	}
	return 2*m + 64<<10
}
