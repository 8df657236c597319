package compress

import (
	"errors"
	"io"
	"sync"
	"sync/atomic"

	"github.com/andybalholm/brotli"
	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zlib"
	"github.com/klauspost/compress/zstd"
)

// encoder is what the libraries' writers have in common.
type encoder interface {
	io.WriteCloser
	Reset(io.Writer)
}

type flusher interface{ Flush() error }

// kind is an encoder's: brotli has two, as the faster one cannot flush.
type kind uint8

const (
	kindGzip kind = iota
	kindDeflate
	kindBrWhole
	kindBrStream
	kindZstd
	kinds
)

func kindOf(c coding, whole bool) kind {
	switch {
	case c == gzipCoding:
		return kindGzip
	case c == deflate:
		return kindDeflate
	case c == br && whole:
		return kindBrWhole
	case c == br:
		return kindBrStream
	}
	return kindZstd
}

// window is the window of zstd, and of brotli for streams: less memory than the codings' defaults of 4 and 8 MiB, for a few
// per cent more bytes.
const (
	zstdWindow   = 256 << 10
	brotliWindow = 18 // bits
)

func (p *pool) newEncoder(k kind) (encoder, error) {
	l := p.levels
	switch k {
	case kindGzip:
		return gzip.NewWriterLevel(nil, l.gzip)
	case kindDeflate:
		return zlib.NewWriterLevel(nil, l.deflate)
	case kindBrWhole:
		return brotli.NewWriterV2(nil, l.br), nil
	case kindBrStream:
		return brotli.NewWriterOptions(nil, brotli.WriterOptions{Quality: l.brStream, LGWin: brotliWindow}), nil
	}
	return zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.EncoderLevel(l.zstd)), zstd.WithWindowSize(zstdWindow),
		zstd.WithEncoderConcurrency(1), zstd.WithLowerEncoderMem(true)) // one at a time: no goroutine
}

type levels struct{ gzip, deflate, br, brStream, zstd int }

// pool keeps encoders for reuse, and counts those in use. It is no sync.Pool: that would hold as many as a burst has needed,
// of a megabyte and more each, until the second collection of garbage.
type pool struct {
	levels levels
	max    int64 // in use at once
	active atomic.Int64
	keep   int // of each kind

	mu   sync.Mutex
	free [kinds][]*stream // the one that was used last is taken first: its tables are in the processor's cache
}

func newPool(l levels, maxActive int64, maxIdle int) *pool {
	return &pool{levels: l, max: maxActive, keep: maxIdle}
}

// take gives an idle stream, or nil.
func (p *pool) take(k kind) *stream {
	p.mu.Lock()
	defer p.mu.Unlock()
	n := len(p.free[k])
	if n == 0 {
		return nil
	}
	s := p.free[k][n-1]
	p.free[k][n-1] = nil
	p.free[k] = p.free[k][:n-1]
	return s
}

// put keeps a stream for reuse, if there is room.
func (p *pool) put(s *stream) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.free[s.kind]) < p.keep {
		p.free[s.kind] = append(p.free[s.kind], s)
	}
}

// get gives a stream, or nil if as many are in use as may be.
func (p *pool) get(k kind) *stream {
	if p.active.Add(1) > p.max {
		p.active.Add(-1)
		return nil
	}
	s := p.take(k)
	if s == nil {
		e, err := p.newEncoder(k)
		if err != nil { // the levels were checked: none of the libraries has another reason
			p.active.Add(-1)
			return nil
		}
		s = &stream{pool: p, kind: k, enc: e}
		s.flusher, _ = e.(flusher)
	}
	s.enc.Reset(s)
	return s
}

// stream is the http1.Filter of one answer, and the writer that its encoder writes to.
type stream struct {
	pool    *pool
	kind    kind
	enc     encoder
	flusher flusher
	out     []byte
	held    bool // the encoder may hold bytes back
	done    bool
}

var errAfterEnd = errors.New("compress: more after the end of a body")

// Append is part of http1.Filter.
func (s *stream) Append(dst, p []byte, flush, last bool) (out []byte, err error) {
	if s.done {
		return dst, errAfterEnd
	}
	s.out = dst
	if len(p) > 0 {
		s.held = true
		_, err = s.enc.Write(p)
	}
	switch {
	case err != nil:
	case last:
		s.done = true
		err = s.enc.Close()
	case flush && s.held && s.flusher != nil:
		s.held = false
		err = s.flusher.Flush()
	}
	out, s.out = s.out, nil
	return out, err
}

// Write is part of io.Writer, for the encoder.
func (s *stream) Write(p []byte) (int, error) {
	s.out = append(s.out, p...)
	return len(p), nil
}

// Close is part of http1.Filter. An encoder that was given up in the middle is as good as any: Reset comes before its next use.
func (s *stream) Close() {
	s.held, s.done = false, false
	p := s.pool
	p.put(s) // from here on it may be another answer's
	p.active.Add(-1)
}

// nothing is the Filter of an answer to HEAD: it takes the Content-Length away, which would be that of the plain body.
type nothing struct{}

func (nothing) Append(dst, _ []byte, _, _ bool) ([]byte, error) { return dst, nil }
func (nothing) Close()                                          {}
