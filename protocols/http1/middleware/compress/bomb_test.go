package compress

import (
	"bytes"
	"fmt"
	"runtime"
	"sync"
	"testing"

	"github.com/andybalholm/brotli"
	"github.com/klauspost/compress/zstd"

	"github.com/calandria-go/calandria/protocols/http1"
)

// bomb sends a body, and wants 413 without the handler and without much memory.
func bomb(t *testing.T, c *Requests, list string, body []byte) {
	t.Helper()
	addr := serve(t, c.Middleware()(native(func(x *http1.Exchange) {
		t.Error("the handler was called")
		x.Respond(200, "", nil)
	})))
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	cl := client(t)
	for range 2 { // the connection goes on
		res, _ := do(t, cl, "POST", addr, bytes.NewReader(body), "Content-Encoding: "+list)
		if res.StatusCode != 413 {
			t.Errorf("%s, %d bytes: %d", list, len(body), res.StatusCode)
		}
	}
	runtime.ReadMemStats(&after)
	if grown := after.TotalAlloc - before.TotalAlloc; grown > 128<<20 {
		t.Errorf("%s, %d bytes: %d MiB were allocated", list, len(body), grown>>20)
	}
	if n := c.active.Load(); n != 0 {
		t.Errorf("%d are counted", n)
	}
}

var zeroCache sync.Map

// zeros is n zeros in a coding.
func zeros(t *testing.T, coding string, n int) []byte {
	key := fmt.Sprint(coding, n)
	if b, ok := zeroCache.Load(key); ok {
		return b.([]byte)
	}
	b := encoded(t, coding, make([]byte, n))
	zeroCache.Store(key, b)
	return b
}

func TestBombGzip(t *testing.T)    { bomb(t, &Requests{}, "gzip", zeros(t, "gzip", 4<<20)) }
func TestBombDeflate(t *testing.T) { bomb(t, &Requests{}, "deflate", zeros(t, "deflate", 4<<20)) }
func TestBombBrotli(t *testing.T)  { bomb(t, &Requests{}, "br", zeros(t, "br", 4<<20)) }
func TestBombZstd(t *testing.T)    { bomb(t, &Requests{}, "zstd", zeros(t, "zstd", 4<<20)) }

// A small one breaks the ratio long before the size.
func TestBombRatio(t *testing.T) {
	for _, coding := range allCodings {
		bomb(t, &Requests{}, coding, zeros(t, coding, 1<<20))
	}
	// Below RatioFrom the ratio does not count, and above it only if it is too high.
	addr := serve(t, (&Requests{}).Middleware()(echoes()["native"]))
	for n, want := range map[int]int{64 << 10: 200, 64<<10 + 1: 413} {
		if res, _ := do(t, client(t), "POST", addr, bytes.NewReader(zeros(t, "gzip", n)), "Content-Encoding: gzip"); res.StatusCode != want {
			t.Errorf("%d zeros: %d", n, res.StatusCode)
		}
	}
}

// The size counts where the ratio is allowed.
func TestBombSize(t *testing.T) {
	const most = 1 << 20
	for _, coding := range allCodings {
		bomb(t, &Requests{MaxRatio: -1, MaxBytes: most}, coding, zeros(t, coding, most+1))
	}
	bomb(t, &Requests{MaxRatio: -1}, "gzip", zeros(t, "gzip", 8<<20+1)) // the default
	addr := serve(t, (&Requests{MaxRatio: -1, MaxBytes: most}).Middleware()(echoes()["native"]))
	for _, coding := range allCodings {
		res, got := do(t, client(t), "POST", addr, bytes.NewReader(zeros(t, coding, most)), "Content-Encoding: "+coding)
		if res.StatusCode != 200 || len(got) != most {
			t.Errorf("%s: %d, %d bytes", coding, res.StatusCode, len(got))
		}
	}
}

// Stacked codings multiply their ratios: a million zeros in a hundred bytes.
func TestBombNested(t *testing.T) {
	for _, outer := range allCodings {
		for _, inner := range allCodings {
			bomb(t, &Requests{}, inner+", "+outer, encoded(t, outer, zeros(t, inner, 4<<20)))
		}
	}
}

// What lies between two codings counts too: a gigabyte of gzip members that are empty would decode to nothing, slowly.
func TestBombBetween(t *testing.T) {
	empty := encoded(t, "gzip", nil)
	inner := bytes.Repeat(empty, 1<<20/len(empty))
	for _, outer := range allCodings {
		bomb(t, &Requests{MaxBytes: 1 << 18}, "gzip, "+outer, encoded(t, outer, inner))
	}
}

// A stream of zstd that wants a window of 64 MiB is not taken.
func TestBombZstdWindow(t *testing.T) {
	var out bytes.Buffer
	w, err := zstd.NewWriter(&out, zstd.WithWindowSize(64<<20), zstd.WithEncoderConcurrency(1), zstd.WithSingleSegment(false))
	if err != nil {
		t.Fatal(err)
	}
	w.Write(jsonOf(1000))
	w.Flush()
	w.Write(jsonOf(1000))
	w.Close()
	bomb(t, &Requests{}, "zstd", out.Bytes())
	// One that declares 1 TiB in a frame of 20 bytes allocates nothing of it.
	frame := []byte{0x28, 0xb5, 0x2f, 0xfd, 0xe0, 0, 0, 0, 0, 0, 1, 0, 0, 0x01, 0, 0}
	bomb(t, &Requests{}, "zstd", frame)
}

// The largest window of brotli is 16 MiB by its format: it is taken, and the large-window extension is corrupt.
func TestBombBrotliWindow(t *testing.T) {
	var out bytes.Buffer
	w := brotli.NewWriterOptions(&out, brotli.WriterOptions{Quality: 5, LGWin: 24})
	w.Write(jsonOf(1000))
	w.Close()
	addr := serve(t, (&Requests{}).Middleware()(echoes()["native"]))
	if res, got := do(t, client(t), "POST", addr, &out, "Content-Encoding: br"); res.StatusCode != 200 || len(got) != 1000 {
		t.Errorf("%d, %d bytes", res.StatusCode, len(got))
	}
	if res, _ := do(t, client(t), "POST", addr, bytes.NewReader([]byte{0x11, 30, 0, 0}), "Content-Encoding: br"); res.StatusCode != 400 {
		t.Errorf("large window: %d", res.StatusCode)
	}
}

// FuzzDecode: whatever comes, the limit holds, and decoders that were kept do not remember it.
func FuzzDecode(f *testing.F) {
	for c := gzipCoding; c < codings; c++ {
		f.Add([]byte(encodedFor(codingNames[c], []byte("hello, hello, hello"))), uint8(c), uint8(0))
		f.Add([]byte(encodedFor("gzip", encodedFor(codingNames[c], make([]byte, 5000)))), uint8(c), uint8(gzipCoding))
	}
	d := newDecoders()
	good := map[coding][]byte{}
	for c := gzipCoding; c < codings; c++ {
		good[c] = encodedFor(codingNames[c], []byte("good"))
	}
	f.Fuzz(func(t *testing.T, b []byte, inner, outer uint8) {
		list := []coding{coding(inner)%(codings-1) + 1}
		if outer > 0 {
			list = append(list, coding(outer)%(codings-1)+1)
		}
		out, err := d.decode(b, list, 1<<16)
		if len(out) > 1<<16 || err != nil && (err != ErrCorrupt && err != ErrTooLarge || out != nil) {
			t.Fatalf("%d bytes, %v", len(out), err)
		}
		for _, c := range list {
			if out, err := d.decode(good[c], []coding{c}, 4); err != nil || string(out) != "good" {
				t.Fatalf("afterwards %s: %q, %v", codingNames[c], out, err)
			}
		}
	})
}

// encodedFor is encoded before there is a test.
func encodedFor(name string, b []byte) []byte {
	p := newPool(levels{5, 5, 3, 2, 1}, 10, 0)
	c, _ := codingOf([]byte(name))
	s := p.get(kindOf(c, true))
	out, err := s.Append(nil, b, false, true)
	if err != nil {
		panic(fmt.Sprint(name, err))
	}
	return out
}
