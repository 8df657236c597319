package compress

import (
	"bytes"
	"compress/flate"
	stdgzip "compress/gzip"
	stdzlib "compress/zlib"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/andybalholm/brotli"
	"github.com/klauspost/compress/zstd"

	"github.com/calandria-go/calandria/protocols/http1"
	"github.com/calandria-go/calandria/reactor"
	"github.com/calandria-go/calandria/reactor/reactortest"
)

const patience = 30 * time.Second

// serve starts a server and gives its address.
func serve(t testing.TB, h http1.Handler, opts ...func(*http1.Server)) string {
	t.Helper()
	quiet := slog.New(slog.DiscardHandler)
	srv := &http1.Server{Handler: h, Logger: quiet}
	for _, o := range opts {
		o(srv)
	}
	r := reactortest.NewDefault(t, reactor.Config{Loops: 1, Logger: quiet, StallAfter: -1})
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.Listen(ln, srv); err != nil {
		t.Fatal(err)
	}
	return ln.Addr().String()
}

// client is one that does not decode by itself.
func client(t testing.TB) *http.Client {
	tr := &http.Transport{DisableCompression: true}
	t.Cleanup(tr.CloseIdleConnections)
	return &http.Client{Transport: tr, Timeout: patience}
}

// do sends a request with fields given as "Name: value".
func do(t testing.TB, c *http.Client, method, addr string, body io.Reader, fields ...string) (*http.Response, []byte) {
	t.Helper()
	req, err := http.NewRequest(method, "http://"+addr+"/", body)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range fields {
		name, value, _ := strings.Cut(f, ": ")
		req.Header.Add(name, value)
	}
	res, err := c.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res, b
}

// decoded undoes a coding, gzip and deflate by the standard library.
func decoded(t testing.TB, name string, b []byte) []byte {
	t.Helper()
	out, err := tryDecode(name, b)
	if err != nil {
		t.Fatalf("%s of %d bytes: %v", name, len(b), err)
	}
	return out
}

func tryDecode(name string, b []byte) ([]byte, error) {
	src := bytes.NewReader(b)
	var r io.Reader = src
	var err error
	switch name {
	case "gzip":
		r, err = stdgzip.NewReader(src)
	case "deflate":
		r, err = stdzlib.NewReader(src)
	case "br":
		r = brotli.NewReader(src)
	case "zstd":
		var d *zstd.Decoder
		if d, err = zstd.NewReader(src, zstd.WithDecoderConcurrency(1)); err == nil {
			defer d.Close()
			r = d
		}
	}
	if err != nil {
		return nil, err
	}
	return io.ReadAll(r)
}

// encoded applies a coding: gzip and deflate by the standard library.
func encoded(t testing.TB, name string, b []byte) []byte {
	t.Helper()
	var out bytes.Buffer
	var w io.WriteCloser
	var err error
	switch name {
	case "gzip", "x-gzip":
		w, err = stdgzip.NewWriterLevel(&out, 6)
	case "deflate":
		w, err = stdzlib.NewWriterLevel(&out, 6)
	case "raw deflate":
		w, err = flate.NewWriter(&out, 9)
	case "br":
		w = brotli.NewWriterLevel(&out, 3)
	case "zstd":
		w, err = zstd.NewWriter(&out, zstd.WithEncoderConcurrency(1))
	default:
		return b
	}
	if err != nil {
		t.Fatal(err)
	}
	w.Write(b)
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

var allCodings = []string{"gzip", "deflate", "br", "zstd"}

// htmlOf is a page of n bytes that compresses about as pages do.
func htmlOf(n int) []byte {
	r := rand.New(rand.NewPCG(1, 2))
	words := strings.Fields("the quick brown fox jumps over lazy dog while reactor loops accept connections and requests answer with " +
		"bytes of compressed content from cache table header field value server client protocol")
	var b bytes.Buffer
	for b.Len() < n {
		fmt.Fprintf(&b, "<li class=\"item item-%d\"><a href=\"/p/%x?ref=%d\">", r.IntN(50), r.Int64(), r.IntN(1e6))
		for range 4 + r.IntN(20) {
			b.WriteString(words[r.IntN(len(words))])
			b.WriteByte(' ')
		}
		b.WriteString("</a></li>\n")
	}
	return b.Bytes()[:n]
}

// jsonOf is a list of objects of n bytes.
func jsonOf(n int) []byte {
	r := rand.New(rand.NewPCG(1, 2))
	var b bytes.Buffer
	b.WriteString("[")
	for i := 0; b.Len() < n; i++ {
		fmt.Fprintf(&b, `{"id":%d,"uuid":"%x","name":"user-%d","active":%v,"score":%.3f,"tags":["a%d","b%d"]},`,
			i, r.Int64(), r.IntN(1000), r.IntN(2) == 0, r.Float64()*100, r.IntN(20), r.IntN(20))
	}
	return b.Bytes()[:n]
}

func native(f func(x *http1.Exchange)) http1.Handler { return http1.HandlerFunc(f) }

func std(f func(w http.ResponseWriter, r *http.Request)) http1.Handler {
	return http1.Std(http.HandlerFunc(f))
}

// answers gives one body natively and by net/http, whole and streamed.
func answers(contentType string, body []byte, fields ...string) map[string]http1.Handler {
	set := func(add func(name, value string)) {
		for _, f := range fields {
			name, value, _ := strings.Cut(f, ": ")
			add(name, value)
		}
	}
	return map[string]http1.Handler{
		"native whole": native(func(x *http1.Exchange) {
			set(func(n, v string) { x.SetHeader(n, v) })
			x.Respond(200, contentType, body)
		}),
		"native streamed": native(func(x *http1.Exchange) {
			set(func(n, v string) { x.SetHeader(n, v) })
			x.Start(200, contentType, -1)
			for i, p := 0, body; len(p) > 0; i++ {
				n := min(len(p), 1000+i*777)
				x.Write(p[:n])
				p = p[n:]
				if i%3 == 0 {
					x.Flush()
				}
			}
			x.Finish()
		}),
		"native announced": native(func(x *http1.Exchange) {
			set(func(n, v string) { x.SetHeader(n, v) })
			x.Start(200, contentType, int64(len(body)))
			x.Write(body[:len(body)/2])
			x.Write(body[len(body)/2:])
			x.Finish()
		}),
		"std": std(func(w http.ResponseWriter, r *http.Request) {
			set(w.Header().Add)
			w.Header().Set("Content-Type", contentType)
			w.Write(body)
		}),
		"std announced": std(func(w http.ResponseWriter, r *http.Request) {
			set(w.Header().Add)
			w.Header().Set("Content-Type", contentType)
			w.Header().Set("Content-Length", fmt.Sprint(len(body)))
			w.Write(body)
		}),
		"std flushed": std(func(w http.ResponseWriter, r *http.Request) {
			set(w.Header().Add)
			w.Header().Set("Content-Type", contentType)
			for p := body; len(p) > 0; {
				n := min(len(p), 3000)
				w.Write(p[:n])
				p = p[n:]
				w.(http.Flusher).Flush()
			}
		}),
	}
}
