package compress

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/klauspost/compress/gzhttp"

	"github.com/calandria-go/calandria/protocols/http1/wire"
)

// BenchmarkCoding has the time and the result of each coding and level, by pieces of 64 KiB where a body is large: the metric
// step-ms is the longest piece, which is what a loop is held for.
func BenchmarkCoding(b *testing.B) {
	for _, doc := range []struct {
		name string
		body []byte
	}{{"json10k", jsonOf(10 << 10)}, {"html256k", htmlOf(256 << 10)}, {"html1m", htmlOf(1 << 20)}} {
		for _, bc := range []struct {
			k      kind
			name   string
			levels []int
		}{
			{kindGzip, "gzip", []int{1, 5, 6, 9}},
			{kindDeflate, "deflate", []int{5}},
			{kindBrWhole, "br", []int{1, 3, 4, 5, 7, 9}},
			{kindBrStream, "br-stream", []int{1, 2, 4, 6}},
			{kindZstd, "zstd", []int{1, 2, 3}},
		} {
			for _, level := range bc.levels {
				b.Run(fmt.Sprintf("%s/%s-%d", doc.name, bc.name, level), func(b *testing.B) {
					p := newPool(levels{level, min(level, 9), level, level, level}, 10, 1)
					benchCoding(b, p, bc.k, doc.body)
				})
			}
		}
	}
}

func benchCoding(b *testing.B, p *pool, k kind, body []byte) {
	piece := len(body)
	if piece > 256<<10 {
		piece = 64 << 10 // as Exchange.Respond does
	}
	var dst []byte
	total := 0
	best, whole := time.Hour, time.Hour
	b.ReportAllocs()
	for b.Loop() {
		begin := time.Now()
		s := p.get(k)
		total = 0
		var longest time.Duration
		for rest := body; len(rest) > 0; {
			n := min(len(rest), piece)
			start := time.Now()
			out, err := s.Append(dst[:0], rest[:n], false, n == len(rest))
			longest = max(longest, time.Since(start))
			if err != nil {
				b.Fatal(err)
			}
			dst, rest = out, rest[n:]
			total += len(out)
		}
		s.Close()
		best, whole = min(best, longest), min(whole, time.Since(begin)) // of the quietest run: others share the processor
	}
	b.ReportMetric(float64(whole)/float64(len(body)>>10), "best-ns/KiB")
	b.ReportMetric(float64(best)/1e6, "step-ms")
	b.ReportMetric(float64(total), "bytes")
}

// BenchmarkGzhttp is the peer: net/http's recorder and klauspost's middleware, at the level that is our default.
func BenchmarkGzhttp(b *testing.B) {
	for name, body := range map[string][]byte{"json10k": jsonOf(10 << 10), "html1m": htmlOf(1 << 20)} {
		wrap, err := gzhttp.NewWrapper(gzhttp.CompressionLevel(defaultGzip))
		if err != nil {
			b.Fatal(err)
		}
		h := wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "text/html")
			w.Write(body)
		}))
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			best := time.Hour
			for b.Loop() {
				begin := time.Now()
				r := httptest.NewRequest("GET", "/", nil)
				r.Header.Set("Accept-Encoding", "gzip")
				w := httptest.NewRecorder()
				w.Body.Grow(len(body) / 2)
				h.ServeHTTP(w, r)
				if w.Header().Get("Content-Encoding") != "gzip" {
					b.Fatal(w.Header())
				}
				best = min(best, time.Since(begin))
			}
			b.ReportMetric(float64(best)/float64(len(body)>>10), "best-ns/KiB")
		})
	}
}

// BenchmarkDecode has the decoders' speed, and what they allocate.
func BenchmarkDecode(b *testing.B) {
	body := jsonOf(256 << 10)
	d := newDecoders()
	for c := gzipCoding; c < codings; c++ {
		sent := encodedFor(codingNames[c], body)
		b.Run(codingNames[c], func(b *testing.B) {
			b.SetBytes(int64(len(body)))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := d.decode(sent, []coding{c}, 1<<20); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkNegotiate(b *testing.B) {
	var r wire.Request
	in := []byte("GET / HTTP/1.1\r\nHost: a\r\nUser-Agent: x\r\nAccept: */*\r\nAccept-Encoding: gzip, deflate, br, zstd\r\n\r\n")
	if _, err := r.Parse(in, nil); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		w := readWeights(&r)
		if w.choose(defaultOrder) != zstdCoding {
			b.Fatal()
		}
	}
}
