package compress

import (
	"bufio"
	"bytes"
	"errors"
	"io"

	"github.com/andybalholm/brotli"
	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zlib"
	"github.com/klauspost/compress/zstd"
)

var (
	// ErrTooLarge: a body decodes to more than the limits of Requests allow, or asks for a larger window.
	ErrTooLarge = errors.New("compress: body decodes to too much")
	// ErrCorrupt: a body is not what its Content-Encoding says.
	ErrCorrupt = errors.New("compress: body does not decode")
)

// maxWindow bounds the window of zstd: what RFC 8878 section 3.1.1.1.2 has every decoder support. That of brotli is 16 MiB at
// the most, by its format.
const maxWindow = 8 << 20

// decoders keeps decoders for reuse.
type decoders struct {
	gzip chan *gzip.Reader
	zlib chan io.ReadCloser
	zstd chan *zstd.Decoder
}

// keptDecoders bounds those of each coding that are kept. A gzip reader is 40 KiB; one of zstd keeps the largest window that it
// has seen.
const keptDecoders = 4

func newDecoders() *decoders {
	return &decoders{
		make(chan *gzip.Reader, keptDecoders), make(chan io.ReadCloser, keptDecoders), make(chan *zstd.Decoder, keptDecoders),
	}
}

// stage is one coding that is undone.
type stage struct {
	src  *source
	r    io.Reader
	free func() // gives the decoder back; nil for none
}

// source is what a stage reads: it may give no more than limit bytes, so that what lies between two codings is bounded as the
// end result is. Its buffer makes decoders read no byte too many.
type source struct {
	bufio.Reader
	left int64
	from io.Reader
}

func newSource(r io.Reader, limit int64) *source {
	s := &source{left: limit, from: r}
	s.Reader.Reset(limited{s})
	return s
}

type limited struct{ s *source }

func (l limited) Read(p []byte) (int, error) {
	n, err := l.s.from.Read(p)
	if l.s.left -= int64(n); l.s.left < 0 {
		return 0, ErrTooLarge
	}
	return n, err
}

// decode undoes codings, the last one first, and gives at most limit bytes. What is behind the end of a stream, and a stream
// without an end, is ErrCorrupt.
func (d *decoders) decode(encoded []byte, applied []coding, limit int64) ([]byte, error) {
	stages := make([]stage, 0, 2)
	defer func() {
		for _, s := range stages {
			if s.free != nil {
				s.free()
			}
		}
	}()
	var r io.Reader = bytes.NewReader(encoded)
	bound := int64(len(encoded))
	for i := len(applied) - 1; i >= 0; i-- {
		s := stage{src: newSource(r, bound)}
		if err := d.open(&s, applied[i]); err != nil {
			return nil, reason(err)
		}
		stages = append(stages, s)
		r, bound = s.r, limit
	}
	out, err := readAll(r, limit, len(encoded))
	if err != nil {
		return nil, reason(err)
	}
	for i := len(stages) - 1; i >= 0; i-- {
		if _, err := stages[i].src.ReadByte(); err != io.EOF {
			return nil, reason(err)
		}
	}
	return out, nil
}

// reason is one of the two errors of this package.
func reason(err error) error {
	for _, e := range []error{ErrTooLarge, zstd.ErrWindowSizeExceeded, zstd.ErrDecoderSizeExceeded} {
		if errors.Is(err, e) {
			return ErrTooLarge
		}
	}
	return ErrCorrupt
}

// open makes the decoder of a stage. It may read the beginning of the stream.
func (d *decoders) open(s *stage, c coding) error {
	switch c {
	case gzipCoding:
		return d.openGzip(s)
	case deflate:
		return d.openZlib(s)
	case zstdCoding:
		return d.openZstd(s)
	case br:
		s.r = brotli.NewReader(s.src) // not kept: it could hold a window of 16 MiB
	default:
		s.r = s.src
	}
	return nil
}

func (d *decoders) openGzip(s *stage) (err error) {
	var r *gzip.Reader
	select {
	case r = <-d.gzip:
		err = r.Reset(s.src)
	default:
		r, err = gzip.NewReader(s.src)
	}
	if err == nil {
		s.r, s.free = r, func() { keep(d.gzip, r) }
	}
	return err
}

func (d *decoders) openZlib(s *stage) (err error) {
	var r io.ReadCloser
	select {
	case r = <-d.zlib:
		err = r.(zlib.Resetter).Reset(s.src, nil)
	default:
		r, err = zlib.NewReader(s.src)
	}
	if err == nil {
		s.r, s.free = r, func() { keep(d.zlib, r) }
	}
	return err
}

func (d *decoders) openZstd(s *stage) (err error) {
	var r *zstd.Decoder
	select {
	case r = <-d.zstd:
		err = r.Reset(s.src)
	default:
		r, err = zstd.NewReader(s.src, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true),
			zstd.WithDecoderMaxWindow(maxWindow), zstd.WithDecoderMaxMemory(maxWindow), zstd.WithDecodeBuffersBelow(0))
	}
	if err == nil {
		s.r, s.free = r, func() {
			r.Reset(nil) // lets go of the body
			if !keep(d.zstd, r) {
				r.Close()
			}
		}
	}
	return err
}

func keep[T any](to chan T, r T) bool {
	select {
	case to <- r:
		return true
	default:
		return false
	}
}

// readAll reads to the end, in a buffer that grows with what comes: sizes that a stream declares are not believed.
func readAll(r io.Reader, limit int64, encoded int) ([]byte, error) {
	out := make([]byte, 0, min(4*encoded, 64<<10)+512)
	for {
		n, err := r.Read(out[len(out):cap(out)])
		out = out[:len(out)+n]
		switch {
		case int64(len(out)) > limit:
			return nil, ErrTooLarge
		case err == io.EOF:
			return out, nil
		case err != nil:
			return nil, err
		case len(out) == cap(out):
			out = append(out, 0)[:len(out)]
		}
	}
}
