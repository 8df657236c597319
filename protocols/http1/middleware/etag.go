package middleware

import (
	"crypto/sha256"
	"encoding/base64"
	"math"
	"net/http"
	"time"

	"github.com/calandria-go/calandria/protocols/http1"
	"github.com/calandria-go/calandria/protocols/http1/wire"
)

// ETag gives whole answers to GET and HEAD with status 200 an entity tag, unless they have one, and evaluates the request's
// preconditions in the order of RFC 9110 section 13.2.2: 304 if the client has what would be sent, 412 if If-Match or
// If-Unmodified-Since fail. The tag is half a SHA-256 of the body: with the processors' instructions for it as fast as good
// checksums, and nobody can make two bodies of one tag, which would hide a change from caches.
//
// The handler has done all its work by then: what is saved is the transfer. A handler that knows an entity tag or Last-Modified
// without the work sets them itself; they are what is compared. Preconditions of other methods are the handler's, as they must
// be evaluated before something is changed: see wire.Conditions.
type ETag struct {
	// MaxBytes bounds the bodies that get a tag; larger ones go out without; 0: 1 MiB, which costs the loop about a
	// millisecond; negative: unlimited.
	MaxBytes int64
}

const defaultTagged = 1 << 20

// Middleware gives the http1.Middleware. Inside of compress.Responses, which makes the tag weak where it compresses, it saves the
// compression for a 304 too.
//
// A net/http handler's answer is there as a whole only up to 2 KiB; a larger one needs a tag or date of its own.
func (m *ETag) Middleware() http1.Middleware {
	limit := m.MaxBytes
	switch {
	case limit == 0:
		limit = defaultTagged
	case limit < 0:
		limit = math.MaxInt64
	}
	tag := func(_ *http1.Exchange, h *http1.Head) { validators(h, limit) }
	return func(next http1.Handler) http1.Handler {
		return http1.HandlerFunc(func(x *http1.Exchange) {
			switch string(x.Method()) {
			case http.MethodGet, http.MethodHead:
				if c, ok := wire.ReadConditions(x.Request()); ok {
					now := x.Now()
					x.OnHead(func(_ *http1.Exchange, h *http1.Head) { evaluate(h, c, limit, now) })
				} else {
					x.OnHead(tag)
				}
			}
			next.Handle(x)
		})
	}
}

// validators gives those of an answer, having made a tag if there was none. What was compressed already gets a weak one, as
// the bytes that go out are others than those that it is made of.
func validators(h *http1.Head, limit int64) (etag string) {
	etag = h.Get("ETag")
	if h.Status != http.StatusOK || etag != "" || len(h.Body) == 0 || int64(len(h.Body)) > limit || h.Has("Cache-Control", "no-store") {
		return etag
	}
	sum := sha256.Sum256(h.Body)
	var b [26]byte
	b[0], b[1] = 'W', '/'
	b[2], b[25] = '"', '"'
	base64.RawURLEncoding.Encode(b[3:25], sum[:16])
	etag = string(b[2:])
	if h.Filtered() || h.Get("Content-Encoding") != "" {
		etag = string(b[:])
	}
	h.Set("ETag", etag)
	return etag
}

// ofContent are fields that a 304 has no use for (RFC 9110 section 15.4.5).
var ofContent = []string{
	"Content-Type", "Content-Encoding", "Content-Language", "Content-Range", "Content-Disposition", "Content-Digest", "Repr-Digest",
	"Digest", "Content-MD5", "Accept-Ranges",
}

// evaluate turns an answer that the client need not, or must not, get into 304 or 412.
func evaluate(h *http1.Head, c wire.Conditions, limit int64, now time.Time) {
	if h.Status != http.StatusOK {
		return // RFC 9110 section 13.2.1
	}
	v := wire.Validators{ETag: validators(h, limit)}
	if date := h.Get("Last-Modified"); date != "" {
		v.Modified, _ = wire.ParseDate(date, now)
	}
	switch status := c.Evaluate(v, now); status {
	case http.StatusNotModified:
		h.Status = status
		for _, name := range ofContent {
			h.Del(name)
		}
	case http.StatusPreconditionFailed:
		if h.Filter(empty{}) != nil {
			return // its coding has begun: the answer has to stand
		}
		h.Status = status
		for _, name := range ofRepresentation {
			h.Del(name)
		}
		h.Del("Content-Type")
	}
}

// empty is a Filter that lets nothing through: the body was the 200's.
type empty struct{}

func (empty) Append(dst, _ []byte, _, _ bool) ([]byte, error) { return dst, nil }
func (empty) Close()                                          {}
