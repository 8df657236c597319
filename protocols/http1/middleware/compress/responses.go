package compress

import (
	"fmt"
	"math"
	"net/http"
	"sync"
	"sync/atomic"

	"github.com/calandria-go/calandria/protocols/http1"
	"github.com/calandria-go/calandria/protocols/http1/wire"
)

// Responses compresses answers: its method Middleware gives an http1.Middleware. The zero value has safe defaults. It must not be
// changed once it is used; one may wrap several handlers, which share its encoders.
type Responses struct {
	// Codings are those offered, of "gzip", "deflate", "br" and "zstd"; the first one among those that a client likes as well.
	// nil: zstd, br, gzip, deflate, by what a byte saved costs the loop.
	Codings []string
	// Types are the media types to compress: exact ones, "text/*" or "*+json". nil: text, JSON, XML, scripts, SVG, WebAssembly and
	// the like, text/event-stream included.
	Types []string
	// MinSize is the size below which a body is left as it is, in bytes; 0: 1 KiB, which fits into one packet either way;
	// negative: none is too small. A streamed body whose length is not known is never too small.
	MinSize int
	// GzipLevel and DeflateLevel are from 1, the fastest, to 9; 0: 5.
	GzipLevel, DeflateLevel int
	// BrotliLevel is from 1 to 9, for answers that are there as a whole; 0: 3.
	BrotliLevel int
	// BrotliStreamLevel is from 1 to 11, for streamed answers, which another encoder takes; 0: 2.
	BrotliStreamLevel int
	// ZstdLevel is from 1 to 3, in the library's levels: about those that zstd calls 1, 3 and 7; 0: 1. The library's fourth takes 36 MiB
	// an encoder.
	ZstdLevel int
	// MaxActive bounds the encoders in use at once, of 0.5 to 4 MiB each; above it answers go out as they are; 0: 256;
	// negative: unlimited. A streamed answer holds one until its end.
	MaxActive int
	// MaxIdle bounds the encoders of each coding that are kept for reuse; 0: 8; negative: none.
	MaxIdle int

	once     sync.Once
	offered  []coding
	types    *typeSet
	minSize  int64
	pool     *pool
	hooks    [codings][2]func(*http1.Exchange, *http1.Head) // by coding, and whether for HEAD
	coded    atomic.Uint64
	skipped  atomic.Uint64
	badLevel error
}

const (
	defaultMinSize     = 1 << 10
	defaultGzip        = 5
	defaultBrotli      = 3
	defaultBrotliFlow  = 2
	defaultZstd        = 1
	defaultMaxEncoders = 256
	defaultIdle        = 8
)

// Check says what is wrong with the configuration: an unknown coding, or a level out of range. Middleware panics with it.
func (c *Responses) Check() error {
	c.once.Do(c.prepare)
	return c.badLevel
}

func (c *Responses) prepare() {
	names := c.Codings
	if names == nil {
		names = []string{"zstd", "br", "gzip", "deflate"}
	}
	for _, n := range names {
		k, ok := codingOf([]byte(n))
		if !ok || k == identity {
			c.badLevel = fmt.Errorf("compress: no coding %q", n)
			return
		}
		c.offered = append(c.offered, k)
	}
	level := func(name string, v, def, most int) int {
		if v == 0 {
			v = def
		}
		if v < 1 || v > most {
			c.badLevel = fmt.Errorf("compress: %s is %d, not from 1 to %d", name, v, most)
		}
		return v
	}
	l := levels{
		gzip:     level("GzipLevel", c.GzipLevel, defaultGzip, 9),
		deflate:  level("DeflateLevel", c.DeflateLevel, defaultGzip, 9),
		br:       level("BrotliLevel", c.BrotliLevel, defaultBrotli, 9),
		brStream: level("BrotliStreamLevel", c.BrotliStreamLevel, defaultBrotliFlow, 11),
		zstd:     level("ZstdLevel", c.ZstdLevel, defaultZstd, 3),
	}
	types := c.Types
	if types == nil {
		types = defaultTypes
	}
	c.types = newTypeSet(types)
	c.minSize = max(orDefault(int64(c.MinSize), defaultMinSize, 0), 1) // an empty body stays empty
	c.pool = newPool(l, orDefault(int64(c.MaxActive), defaultMaxEncoders, math.MaxInt64), int(orDefault(int64(c.MaxIdle), defaultIdle, 0)))
	for k := range codings {
		c.hooks[k] = [2]func(*http1.Exchange, *http1.Head){
			func(_ *http1.Exchange, h *http1.Head) { c.head(h, k, false) },
			func(_ *http1.Exchange, h *http1.Head) { c.head(h, k, true) },
		}
	}
}

func orDefault(v, def, negative int64) int64 {
	switch {
	case v == 0:
		return def
	case v < 0:
		return negative
	}
	return v
}

// Middleware gives the http1.Middleware. It panics if Check finds something.
//
// The answers of native handlers are compressed on the loop: a fixed one of more than 256 KiB in steps of 64 KiB, with the other
// connections of the loop in between; smaller ones at once, and each Write of a streamed one at once, so a handler should write
// pieces of up to 64 KiB. The answers of net/http handlers are compressed on their goroutines. A request costs some 0.6 µs and no
// allocation beside the compression.
func (c *Responses) Middleware() http1.Middleware {
	if err := c.Check(); err != nil {
		panic(err)
	}
	return c.wrap
}

func (c *Responses) wrap(next http1.Handler) http1.Handler {
	return http1.HandlerFunc(func(x *http1.Exchange) {
		w := readWeights(x.Request())
		k, head := identity, 0
		if w.field {
			k = w.choose(c.offered)
		}
		if string(x.Method()) == http.MethodHead {
			head = 1
		}
		x.OnHead(c.hooks[k][head])
		next.Handle(x)
	})
}

// Stats counts answers that were compressed, and those that were not because MaxActive encoders were in use. Any goroutine.
func (c *Responses) Stats() (compressed, skipped uint64) { return c.coded.Load(), c.skipped.Load() }

// head decides about one answer, when its head is known. It must not touch the Exchange: a net/http handler's hooks run
// elsewhere.
func (c *Responses) head(h *http1.Head, k coding, isHead bool) {
	if h.Filtered() || h.Get("Content-Encoding") != "" || h.Has("Cache-Control", "no-transform") {
		return // RFC 9110 section 7.7: not to be changed on its way
	}
	t := h.Get("Content-Type")
	if h.Status == http.StatusNotModified {
		// It has the fields of the 200 that it stands for (RFC 9110 section 15.4.5), whose type it does not say.
		if t == "" || c.types.has(t) {
			h.AddVary("Accept-Encoding")
			c.weaken(h, k)
		}
		return
	}
	if !c.types.has(t) {
		return
	}
	h.AddVary("Accept-Encoding")
	switch h.Status {
	case http.StatusNoContent, http.StatusResetContent, http.StatusPartialContent:
		return
	}
	if k == identity || h.Length >= 0 && h.Length < c.minSize || h.Get("Content-Range") != "" {
		return
	}
	var f http1.Filter = nothing{}
	if !isHead {
		s := c.pool.get(kindOf(k, h.Body != nil))
		if s == nil {
			c.skipped.Add(1)
			return
		}
		f = s
	} else if h.Length < 0 {
		return // whether GET's would be large enough is not known without the work
	}
	if h.Filter(f) != nil {
		f.Close()
		return
	}
	c.coded.Add(1)
	h.Set("Content-Encoding", codingNames[k])
	for _, name := range ofPlainBody {
		h.Del(name)
	}
	c.weaken(h, k)
}

// ofPlainBody are fields that say what is true of the plain body alone: ranges of it, and digests (RFC 9530).
var ofPlainBody = []string{"Accept-Ranges", "Content-Digest", "Repr-Digest", "Digest", "Content-MD5"}

// weaken makes a strong entity tag weak: the bytes are others now (RFC 9110 section 8.8.1). It is not given a suffix, as the
// handler would not know that in If-None-Match; weak comparison, which that field has, knows a weak one.
func (c *Responses) weaken(h *http1.Head, k coding) {
	if k == identity {
		return
	}
	if tag := h.Get("ETag"); tag != "" {
		if w := wire.WeakTag(tag); w != tag {
			h.Set("ETag", w)
		}
	}
}
