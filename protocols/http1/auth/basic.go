package auth

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"net/http"
	"runtime"
	"strings"
	"sync/atomic"
	"time"
	"unicode/utf8"

	"github.com/calandria-go/calandria/protocols/http1"
)

// Basic is user name and password in plain text (RFC 7617): over TLS only.
type Basic struct {
	// Realm is shown to the user, and names what the password is for.
	Realm string
	// Verify says whether the password is the user's, and gives User.Data. It must take the same time whatever is wrong, as
	// Passwords and Htpasswd do. User and password are UTF-8 if the client is a good one; they may be empty, and hold colons
	// (the password only) but no control characters.
	Verify func(user, password string) (data any, ok bool)
	// Blocking says that Verify takes long, as password hashes do by design: it runs by Exchange.Offload, and what it has
	// accepted is kept for CacheFor. Without it Verify runs on the loop for each request.
	Blocking bool
	// CacheFor is how long credentials that a blocking Verify has accepted are good without asking it again; a password that
	// was changed goes on for so long. 0: 30 s; negative: not at all.
	CacheFor time.Duration
	// MaxCached bounds them; 0 or negative: 10,000. It is some 200 bytes for each, none of which says what the password is.
	MaxCached int
	// MaxConcurrent bounds the calls of a blocking Verify at one time; more requests are answered with 503. 0 or negative: 4
	// times the processors. It bounds what a flood of wrong passwords can cost.
	MaxConcurrent int
	// Now is the clock; nil: time.Now.
	Now func() time.Time

	running atomic.Int64
	cache   *cache
}

const (
	defaultCacheFor  = 30 * time.Second
	defaultMaxCached = 10_000
	// maxBasic bounds user and password together.
	maxBasic = 1 << 10
)

func (b *Basic) name() string { return "Basic" }

func (b *Basic) prepare() error {
	if b.Verify == nil {
		return errors.New("auth: Basic without Verify")
	}
	if b.MaxConcurrent <= 0 {
		b.MaxConcurrent = 4 * runtime.GOMAXPROCS(0)
	}
	if b.CacheFor == 0 {
		b.CacheFor = defaultCacheFor
	}
	if b.MaxCached <= 0 {
		b.MaxCached = defaultMaxCached
	}
	if b.Now == nil {
		b.Now = time.Now
	}
	if b.Blocking && b.CacheFor > 0 && b.cache == nil {
		b.cache = newCache(b.MaxCached, b.CacheFor)
	}
	return checkRealm(b.Realm)
}

// Forget has Verify asked again for all: after passwords were changed. Any goroutine.
func (b *Basic) Forget() {
	if b.cache != nil {
		b.cache.clear()
	}
}

func (b *Basic) challenges(dst []string, _ *outcome) []string {
	c := appendQuoted([]byte("Basic realm="), b.Realm)
	return append(dst, string(append(c, `, charset="UTF-8"`...)))
}

func (b *Basic) check(x *http1.Exchange, credentials []byte, done func(*http1.Exchange, outcome)) {
	user, password, ok := parseBasic(credentials)
	if !ok {
		done(x, outcome{why: ErrMalformed})
		return
	}
	if !b.Blocking {
		data, ok := b.Verify(user, password)
		done(x, b.outcome(user, data, ok))
		return
	}
	var id cacheKey
	if b.cache != nil {
		id = b.cache.key(user, password)
		if data, ok := b.cache.get(id, b.Now()); ok {
			done(x, b.outcome(user, data, true))
			return
		}
	}
	busy := outcome{name: user, why: ErrBusy, status: http.StatusServiceUnavailable}
	if b.running.Add(1) > int64(b.MaxConcurrent) {
		b.running.Add(-1)
		done(x, busy)
		return
	}
	err := x.Offload(func() {
		data, ok := b.ask(user, password)
		if ok && b.cache != nil {
			b.cache.put(id, data, b.Now())
		}
		x.Post(func(x *http1.Exchange) { done(x, b.outcome(user, data, ok)) })
	})
	if err != nil {
		b.running.Add(-1)
		done(x, busy)
	}
}

// ask calls a Verify that may panic.
func (b *Basic) ask(user, password string) (data any, ok bool) {
	defer b.running.Add(-1)
	return b.Verify(user, password)
}

func (b *Basic) outcome(user string, data any, ok bool) outcome {
	if !ok {
		return outcome{name: user, why: ErrCredentials}
	}
	return outcome{name: user, user: &User{Name: user, Scheme: "Basic", Data: data}}
}

// parseBasic reads user-pass in base64 (RFC 7617 section 2).
func parseBasic(b []byte) (user, password string, ok bool) {
	if len(b) > base64.StdEncoding.EncodedLen(maxBasic) {
		return "", "", false
	}
	text, err := base64.StdEncoding.Strict().DecodeString(string(b))
	if err != nil || base64.StdEncoding.EncodedLen(len(text)) != len(b) { // it skips line ends
		return "", "", false
	}
	for _, c := range text {
		if c < ' ' || c == 0x7f {
			return "", "", false
		}
	}
	return strings.Cut(string(text), ":")
}

// Passwords is a Verify for users whose passwords are at hand in plain text, by name. It compares them in constant time. It
// is quick: not Blocking.
func Passwords(all map[string]string) func(user, password string) (data any, ok bool) {
	sums := make(map[string][32]byte, len(all))
	for u, p := range all {
		sums[u] = sha256.Sum256([]byte(p))
	}
	return func(user, password string) (any, bool) {
		want, known := sums[user]
		got := sha256.Sum256([]byte(password))
		same := subtle.ConstantTimeCompare(got[:], want[:]) == 1
		return nil, same && known
	}
}

// valid says whether s could be a user's name.
func valid(s string) bool { return utf8.ValidString(s) }
