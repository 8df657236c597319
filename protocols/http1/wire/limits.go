package wire

import "math"

// Limits bound what one message may cost. The zero value, and a nil *Limits,
// mean the defaults given at each field; a negative value means no limit other
// than the 2^31-1 bytes that offsets can count. Zero never means unlimited.
// Limits may be shared; the codec only reads them.
type Limits struct {
	// MaxHeadBytes bounds a whole head, from a leading CRLF to the final one:
	// 16 KiB, else 431; 414 if it is the target that does not end.
	MaxHeadBytes int
	// MaxFields bounds the field lines of a head: 100, else 431.
	MaxFields int
	// MaxTargetBytes bounds a request target: 8 KiB, else 414.
	MaxTargetBytes int
	// MaxTrailerBytes bounds a trailer section with its final CRLF: 8 KiB, else
	// 431.
	MaxTrailerBytes int
	// MaxTrailers bounds the field lines of a trailer section: 64, else 431.
	MaxTrailers int
	// MaxChunkExtBytes bounds the extensions of one chunk: 256, else 400. All
	// chunk-size lines of a body together are bounded in proportion to the data
	// that they frame, whatever is said here; see [Chunked].
	MaxChunkExtBytes int
}

const (
	defaultHeadBytes     = 16 << 10
	defaultFields        = 100
	defaultTargetBytes   = 8 << 10
	defaultTrailerBytes  = 8 << 10
	defaultTrailers      = 64
	defaultChunkExtBytes = 256
)

// maxMethodBytes is longer than any registered method (UPDATEREDIRECTREF, 17).
const maxMethodBytes = 32

var defaultLimits Limits

// or gives the limit that the field's value n stands for. Offsets are int32, so
// nothing is ever larger.
func or(n, def int) int {
	if n == 0 {
		return def
	}
	if n < 0 || n > math.MaxInt32 {
		return math.MaxInt32
	}
	return n
}
