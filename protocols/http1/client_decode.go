package http1

import (
	"errors"
	"io"
	"net/http"
	"strings"

	"github.com/andybalholm/brotli"
	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zlib"
	"github.com/klauspost/compress/zstd"
)

// acceptEncodings is sent by requests that do not say what they accept.
const acceptEncodings = "Accept-Encoding: gzip, br, zstd, deflate\r\n"

// maxWindow bounds the memory of a zstd decoder: what RFC 8878 section 3.1.1.1.2 has every decoder support.
const maxWindow = 8 << 20

// decoded undoes the coding of a response that was asked for on the caller's behalf, as it is read.
func (cl *Client) decoded(res *http.Response, asked bool) *http.Response {
	if !asked || res.Body == http.NoBody || res.StatusCode == http.StatusSwitchingProtocols {
		return res
	}
	open := decoderFor(res.Header)
	if open == nil {
		return res
	}
	res.Header.Del("Content-Encoding")
	res.Header.Del("Content-Length")
	res.ContentLength = -1
	res.Uncompressed = true
	res.Body = &decodedBody{src: res.Body, open: open, left: cl.set.decoded}
	return res
}

type decoder interface {
	io.Reader
}

// decoderFor is the one for a response with a single coding that is known; nil for another.
func decoderFor(h http.Header) func(io.Reader) (decoder, error) {
	all := h["Content-Encoding"]
	if len(all) != 1 {
		return nil
	}
	switch strings.ToLower(all[0]) {
	case "gzip", "x-gzip":
		return func(r io.Reader) (decoder, error) { return gzip.NewReader(r) }
	case "deflate":
		return func(r io.Reader) (decoder, error) { return zlib.NewReader(r) }
	case "br":
		return func(r io.Reader) (decoder, error) { return brotli.NewReader(r), nil }
	case "zstd":
		return func(r io.Reader) (decoder, error) {
			return zstd.NewReader(r, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true),
				zstd.WithDecoderMaxWindow(maxWindow), zstd.WithDecoderMaxMemory(maxWindow), zstd.WithDecodeBuffersBelow(0))
		}
	}
	return nil
}

// decodedBody decodes a body as it is read. Its own errors are ErrResponseCoding and ErrResponseTooLarge; those of the
// connection come through.
type decodedBody struct {
	src  io.ReadCloser
	open func(io.Reader) (decoder, error)
	d    decoder
	left int64
	err  error
}

// source gives the decoder its bytes and keeps what the connection said.
type decoderSource struct {
	b   *decodedBody
	err error
}

// Read is part of io.Reader.
func (s *decoderSource) Read(p []byte) (int, error) {
	n, err := s.b.src.Read(p)
	if err != nil {
		s.err = err
	}
	return n, err
}

// Read is part of io.Reader.
func (b *decodedBody) Read(p []byte) (int, error) {
	if b.err != nil {
		return 0, b.err
	}
	src, n, err := b.read(p)
	switch {
	case err == nil:
	case src != nil && src.err != nil && src.err != io.EOF:
		err = src.err // it is the connection's
	case errors.Is(err, zstd.ErrWindowSizeExceeded), errors.Is(err, zstd.ErrDecoderSizeExceeded):
		err = ErrResponseTooLarge
	case err == io.EOF:
	case err == http.ErrBodyReadAfterClose:
	default:
		err = ErrResponseCoding
	}
	if b.left -= int64(n); b.left < 0 {
		err = ErrResponseTooLarge
		n += int(b.left)
	}
	b.err = err
	return n, err
}

func (b *decodedBody) read(p []byte) (*decoderSource, int, error) {
	s, _ := b.d.(*openDecoder)
	if s == nil {
		src := &decoderSource{b: b}
		d, err := b.open(src)
		if err != nil {
			if err == io.EOF { // an empty body is no stream
				err = io.ErrUnexpectedEOF
			}
			return src, 0, err
		}
		s = &openDecoder{d, src}
		b.d = s
	}
	n, err := s.Read(p)
	if err == io.EOF { // what is behind the stream's end has to be read, for the connection's sake; a gzip file may have more
		var rest [512]byte
		for {
			k, e := s.src.Read(rest[:])
			if k > 0 {
				return s.src, n, ErrResponseCoding
			}
			if e != nil {
				err = e
				break
			}
		}
	}
	return s.src, n, err
}

type openDecoder struct {
	decoder
	src *decoderSource
}

// Close is part of io.Closer.
func (b *decodedBody) Close() error {
	if d, ok := b.d.(*openDecoder); ok {
		if z, ok := d.decoder.(*zstd.Decoder); ok {
			z.Close()
		}
	}
	b.err = http.ErrBodyReadAfterClose
	return b.src.Close()
}
