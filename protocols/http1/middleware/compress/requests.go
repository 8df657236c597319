package compress

import (
	"errors"
	"fmt"
	"math"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/calandria-go/calandria/protocols/http1"
	"github.com/calandria-go/calandria/protocols/http1/wire"
)

// Requests decodes the bodies of requests: its method Middleware gives an http1.Middleware. The zero value has safe defaults. It must not
// be changed once it is used.
type Requests struct {
	// Codings are those taken, of "gzip", "deflate", "br" and "zstd"; nil: all. A request with another gets 415 with the list in
	// Accept-Encoding (RFC 9110 section 15.5.16).
	Codings []string
	// MaxBytes bounds what a body decodes to, 413 above it; 0: 8 MiB; negative: unlimited. What comes is bounded by
	// http1.Server.MaxBodyBytes.
	MaxBytes int64
	// MaxRatio bounds how many times its size a body decodes to, 413; 0: 100; negative: unlimited.
	MaxRatio int
	// RatioFrom is the decoded size from which MaxRatio counts, in bytes; 0: 64 KiB; negative: from the first byte.
	RatioFrom int64
	// MaxCodings bounds the codings of one body, 415; 0: 2; negative: unlimited.
	MaxCodings int
	// MaxActive bounds the bodies that are decoded at once, 503 with Retry-After above it; 0: 16; negative: unlimited. Each
	// may take a window, of 16 MiB at the most, for each of its codings, and MaxBytes.
	MaxActive int

	once     sync.Once
	taken    [codings]bool
	list     string
	maxBytes int64
	ratio    int64
	from     int64
	stacked  int
	max      int64
	err      error
	active   atomic.Int64
	decoders *decoders
}

const (
	defaultMaxBytes  = 8 << 20
	defaultRatio     = 100
	defaultRatioFrom = 64 << 10
	defaultStacked   = 2
	defaultDecoders  = 16
)

// Check says what is wrong with the configuration: an unknown coding. Middleware panics with it.
func (c *Requests) Check() error {
	c.once.Do(c.prepare)
	return c.err
}

func (c *Requests) prepare() {
	names := c.Codings
	if names == nil {
		names = []string{"gzip", "deflate", "br", "zstd"}
	}
	for _, n := range names {
		k, ok := codingOf([]byte(n))
		if !ok || k == identity {
			c.err = fmt.Errorf("compress: no coding %q", n)
			return
		}
		c.taken[k] = true
	}
	c.list = strings.Join(names, ", ")
	c.maxBytes = orDefault(c.MaxBytes, defaultMaxBytes, math.MaxInt64)
	c.ratio = orDefault(int64(c.MaxRatio), defaultRatio, math.MaxInt64)
	c.from = orDefault(c.RatioFrom, defaultRatioFrom, 0)
	c.stacked = int(orDefault(int64(c.MaxCodings), defaultStacked, math.MaxInt))
	c.max = orDefault(int64(c.MaxActive), defaultDecoders, math.MaxInt64)
	c.decoders = newDecoders()
}

// limit is how many bytes a body of n may decode to.
func (c *Requests) limit(n int) int64 {
	byRatio := int64(math.MaxInt64)
	if c.ratio < math.MaxInt64/max(int64(n), 1) {
		byRatio = c.ratio * int64(n)
	}
	return min(c.maxBytes, max(byRatio, c.from))
}

type decodedKey struct{}

// Decoded says whether the request's body was decoded: then its Content-Encoding field, which native handlers still see, is not
// to be looked at. A net/http handler does not see it.
func Decoded(x *http1.Exchange) bool { return x.Value(decodedKey{}) != nil }

// Middleware gives the http1.Middleware. It panics if Check finds something.
//
// A body with a Content-Encoding is read to its end, decoded on a goroutine of its own, and put in the place of the one that
// came, before the handler is called: ReadBody, StreamBody and the Body of a net/http handler give what was decoded. One that is
// corrupt, or goes on behind its end, is answered with 400. Other requests cost a look at their fields.
func (c *Requests) Middleware() http1.Middleware {
	if err := c.Check(); err != nil {
		panic(err)
	}
	return c.wrap
}

func (c *Requests) wrap(next http1.Handler) http1.Handler {
	return http1.HandlerFunc(func(x *http1.Exchange) {
		q := x.Request()
		if !q.HasBody() {
			next.Handle(x)
			return
		}
		if _, ok := q.Get("Content-Encoding"); !ok {
			next.Handle(x)
			return
		}
		applied, ok := c.applied(q)
		switch {
		case !ok:
			c.refuse(x)
		case len(applied) == 0: // identity alone
			next.Handle(x)
		default:
			x.ReadBody(math.MaxInt64, func(x *http1.Exchange, body []byte) { c.start(x, next, body, applied) })
		}
	})
}

// applied lists the codings of a body in the order in which they were applied; not ok if one is not taken, or if there are too
// many.
func (c *Requests) applied(q *wire.Request) (list []coding, ok bool) {
	ok = true
	q.Values("Content-Encoding", func(v []byte) bool {
		for e := range strings.SplitSeq(string(v), ",") {
			e = strings.Trim(e, " \t")
			if e == "" {
				continue
			}
			k, known := codingOf([]byte(e))
			switch {
			case known && k == identity:
			case !known || !c.taken[k] || len(list) >= c.stacked:
				ok = false
				return false
			default:
				list = append(list, k)
			}
		}
		return true
	})
	return list, ok
}

const plain = "text/plain; charset=utf-8"

func (c *Requests) refuse(x *http1.Exchange) {
	x.SetHeader("Accept-Encoding", c.list)
	x.Respond(http.StatusUnsupportedMediaType, plain, []byte("Unsupported Media Type: content coding\n"))
}

// start decodes a body that has come.
func (c *Requests) start(x *http1.Exchange, next http1.Handler, body []byte, applied []coding) {
	if len(body) == 0 {
		c.finish(x, next, nil, nil)
		return
	}
	if c.active.Add(1) > c.max {
		c.active.Add(-1)
		overload(x)
		return
	}
	err := x.Offload(func() {
		// The body stays as it is: an exchange that ends before it is answered is not used again.
		decoded, err := c.decode(body, applied)
		x.Post(func(x *http1.Exchange) { c.finish(x, next, decoded, err) })
	})
	if err != nil {
		c.active.Add(-1)
		overload(x)
	}
}

func (c *Requests) decode(body []byte, applied []coding) ([]byte, error) {
	defer c.active.Add(-1) // also if a decoder panics, for which the reactor closes the connection
	return c.decoders.decode(body, applied, c.limit(len(body)))
}

func overload(x *http1.Exchange) {
	x.SetHeader("Retry-After", "1")
	x.Respond(http.StatusServiceUnavailable, plain, []byte("Service Unavailable\n"))
}

func (c *Requests) finish(x *http1.Exchange, next http1.Handler, decoded []byte, err error) {
	switch {
	case errors.Is(err, ErrTooLarge):
		x.Respond(http.StatusRequestEntityTooLarge, plain, []byte("Request Entity Too Large: decoded body\n"))
		return
	case err != nil:
		x.Respond(http.StatusBadRequest, plain, []byte("Bad Request: body does not decode\n"))
		return
	}
	x.SetValue(decodedKey{}, true)
	if x.SetRequestBody(decoded) == nil {
		next.Handle(x)
	}
}
