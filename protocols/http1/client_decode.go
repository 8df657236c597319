package http1

import (
	"bufio"
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

// decoderFor is the one for a response with a single coding that is known; nil for another.
func decoderFor(h http.Header) func(io.Reader) (io.Reader, error) {
	all := h["Content-Encoding"]
	if len(all) != 1 {
		return nil
	}
	switch strings.ToLower(all[0]) {
	case "gzip", "x-gzip":
		return func(r io.Reader) (io.Reader, error) { return gzip.NewReader(r) }
	case "deflate":
		return func(r io.Reader) (io.Reader, error) { return zlib.NewReader(r) }
	case "br":
		return func(r io.Reader) (io.Reader, error) { return brotli.NewReader(r), nil }
	case "zstd":
		return func(r io.Reader) (io.Reader, error) {
			return zstd.NewReader(r, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true),
				zstd.WithDecoderMaxWindow(maxWindow), zstd.WithDecoderMaxMemory(maxWindow), zstd.WithDecodeBuffersBelow(0))
		}
	}
	return nil
}

// decodedBody decodes a body as it is read. Its own errors are ErrResponseCoding and ErrResponseTooLarge; those of the
// connection come through.
type decodedBody struct {
	src    io.ReadCloser
	open   func(io.Reader) (io.Reader, error)
	in     *bufio.Reader // a decoder takes no byte too many of it
	d      io.Reader     // nil before the first Read
	left   int64
	srcErr error // what src has said
	err    error
}

// encoded is what the decoder reads.
type encoded struct{ b *decodedBody }

// Read is part of io.Reader.
func (e encoded) Read(p []byte) (int, error) {
	n, err := e.b.src.Read(p)
	if err != nil {
		e.b.srcErr = err
	}
	return n, err
}

// Read is part of io.Reader.
func (b *decodedBody) Read(p []byte) (n int, err error) {
	if b.err != nil {
		return 0, b.err
	}
	if b.d == nil {
		b.in = bufio.NewReader(encoded{b})
		if b.d, err = b.open(b.in); err == io.EOF {
			err = io.ErrUnexpectedEOF // an empty body is no stream
		}
	}
	if err == nil {
		n, err = b.d.Read(p)
	}
	if err == io.EOF { // to be the end, nothing may be behind it; and the connection needs its own
		if _, err = b.in.ReadByte(); err == nil {
			err = ErrResponseCoding
		}
	}
	if b.left -= int64(n); b.left < 0 {
		b.err = ErrResponseTooLarge
		return n + int(b.left), b.err
	}
	switch {
	case err == nil || err == io.EOF:
		b.err = err
	case b.srcErr != nil && b.srcErr != io.EOF:
		b.err = b.srcErr
	case errors.Is(err, zstd.ErrWindowSizeExceeded), errors.Is(err, zstd.ErrDecoderSizeExceeded):
		b.err = ErrResponseTooLarge
	default:
		b.err = ErrResponseCoding
	}
	return n, b.err
}

// Close is part of io.Closer.
func (b *decodedBody) Close() error {
	if z, ok := b.d.(*zstd.Decoder); ok {
		z.Close()
	}
	b.err = http.ErrBodyReadAfterClose
	return b.src.Close()
}
