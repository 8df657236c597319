package middleware

import (
	"context"
	"encoding/hex"
	"math/rand/v2"

	"github.com/calandria-go/calandria/protocols/http1"
	"github.com/calandria-go/calandria/protocols/http1/wire"
)

// RequestID gives every request an identifier: 128 random bits in hexadecimal, or what a trusted proxy in front has chosen. It
// is in the answer's field, in RequestIDOf for native handlers, and in RequestIDFrom the context of a net/http handler.
type RequestID struct {
	// Field is the name of the field; empty: X-Request-Id.
	Field string
	// Trust takes an identifier that comes with the request, if it is well-formed: of 1 to MaxLength letters, digits and
	// "-._~+/=:@". Set it only behind a proxy that sets the field or removes it: else clients choose what your logs say.
	Trust bool
	// MaxLength bounds an identifier that is taken, in bytes; a longer one is replaced; 0: 64; negative: unlimited.
	MaxLength int
}

const (
	defaultIDField  = "X-Request-Id"
	defaultIDLength = 64
)

type requestIDKey struct{}

// requestID is what an exchange keeps, in one allocation with its text.
type requestID struct {
	text  string
	field string
}

// RequestIDOf is the identifier of the exchange, or empty without the middleware.
func RequestIDOf(x *http1.Exchange) string { return textOf(x.Value(requestIDKey{})) }

// RequestIDFrom is the identifier of a net/http handler's request, from its context, or empty without the middleware.
func RequestIDFrom(ctx context.Context) string { return textOf(ctx.Value(requestIDKey{})) }

func textOf(v any) string {
	if id, ok := v.(*requestID); ok {
		return id.text
	}
	return ""
}

// Middleware gives the http1.Middleware. It costs three allocations a request. It panics if Field is no field name.
func (m *RequestID) Middleware() http1.Middleware {
	field, longest := m.Field, m.MaxLength
	if field == "" {
		field = defaultIDField
	}
	if longest == 0 {
		longest = defaultIDLength
	}
	if !wire.ValidToken(field) {
		panic("middleware: RequestID.Field is no field name: " + field)
	}
	trust := m.Trust
	return func(next http1.Handler) http1.Handler {
		return http1.HandlerFunc(func(x *http1.Exchange) {
			id := &requestID{field: field}
			if trust {
				id.text = incomingID(x.Request(), field, longest)
			}
			if id.text == "" {
				id.text = newID()
			}
			x.SetValue(requestIDKey{}, id)
			x.OnHead(id.head)
			next.Handle(x)
		})
	}
}

func (id *requestID) head(_ *http1.Exchange, h *http1.Head) { h.Set(id.field, id.text) }

// incomingID is what the client or proxy says, if it says it once and well.
func incomingID(q *wire.Request, field string, longest int) string {
	v, n := []byte(nil), 0
	q.Values(field, func(value []byte) bool {
		v = value
		n++
		return n < 2
	})
	if n != 1 || len(v) == 0 || longest > 0 && len(v) > longest {
		return ""
	}
	for _, c := range v {
		if !idBytes[c] {
			return ""
		}
	}
	return string(v)
}

var idBytes = func() (t [256]bool) {
	for _, c := range []byte("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~+/=:@") {
		t[c] = true
	}
	return
}()

// newID takes its bits from the runtime's generator, ChaCha8 seeded by the system: no system call, and no collisions to fear;
// an identifier is no secret.
func newID() string {
	var b [16]byte
	a, z := rand.Uint64(), rand.Uint64()
	for i := range 8 {
		b[i], b[8+i] = byte(a>>(8*i)), byte(z>>(8*i))
	}
	var text [32]byte
	hex.Encode(text[:], b[:])
	return string(text[:])
}
