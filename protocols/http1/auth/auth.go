package auth

import (
	"context"
	"errors"
	"net/http"

	"github.com/calandria-go/calandria/protocols/http1"
)

// User is who has authenticated.
type User struct {
	// Name is what the credentials say, or the verifier.
	Name string
	// Scheme is "Basic", "Digest" or "Bearer".
	Scheme string
	// Data is what the verifier gave: roles, claims, or nil.
	Data any
}

type userKey struct{}

// UserOf is the user of the request, or nil if there is none: no Require was passed. On the loop.
func UserOf(x *http1.Exchange) *User {
	u, _ := x.Value(userKey{}).(*User)
	return u
}

// UserFromContext is UserOf for a net/http handler under http1.Std, by its request's context.
func UserFromContext(ctx context.Context) *User {
	u, _ := ctx.Value(userKey{}).(*User)
	return u
}

// Scheme is one way to authenticate: *Basic, *Digest or *Bearer.
type Scheme interface {
	// prepare checks the configuration, once.
	prepare() error
	// name is the auth-scheme.
	name() string
	// challenges appends the values of WWW-Authenticate. o is what has just failed, if it was this scheme.
	challenges(dst []string, o *outcome) []string
	// check looks at credentials, what follows the scheme's name. It calls done on the loop, at once or later, unless the
	// exchange ends before.
	check(x *http1.Exchange, credentials []byte, done func(x *http1.Exchange, o outcome))
}

// outcome is what came of credentials.
type outcome struct {
	user   *User
	scheme Scheme
	name   string // of the user that was claimed, as far as that was understood
	why    error
	status int  // of the answer; 0: 401
	stale  bool // Digest: all was right but the nonce
	code   string
}

// Why credentials were refused, for Config.OnFail.
var (
	// ErrCredentials: a wrong password, an unknown user, a bad token.
	ErrCredentials = errors.New("auth: wrong credentials")
	// ErrMalformed: credentials that cannot be read.
	ErrMalformed = errors.New("auth: malformed credentials")
	// ErrScheme: a scheme that is not offered, or more than one Authorization field.
	ErrScheme = errors.New("auth: scheme is not offered")
	// ErrStale: a nonce that has expired, or is another server's.
	ErrStale = errors.New("auth: nonce is stale")
	// ErrReplay: a nonce count that was used already.
	ErrReplay = errors.New("auth: nonce count is used already")
	// ErrBusy: more secrets are being checked than are allowed at once.
	ErrBusy = errors.New("auth: too many checks at once")
)

// Config is what Require takes beside schemes.
type Config struct {
	// Schemes are offered in this order; a client takes the first that it knows, or the strongest.
	Schemes []Scheme
	// OnFail is called for credentials that were refused, on the loop, before the answer; nil for nothing. name is the user
	// that they claim, as far as it was understood, and may hold any bytes; it must not be logged unquoted. A request without
	// credentials, and a nonce that is only stale, are no failures.
	OnFail func(x *http1.Exchange, name string, why error)
}

// Require lets requests with credentials of one of these schemes pass.
func Require(schemes ...Scheme) (http1.Middleware, error) {
	return Config{Schemes: schemes}.Middleware()
}

// Middleware lets requests with good credentials pass, and answers all others with 401, or 400 if Digest credentials are
// malformed (RFC 7616 section 3.4), or 503 if too many are being checked. It is an error if c or a scheme makes no sense.
func (c Config) Middleware() (http1.Middleware, error) {
	if len(c.Schemes) == 0 {
		return nil, errors.New("auth: no schemes")
	}
	seen := map[string]bool{}
	for _, s := range c.Schemes {
		if seen[s.name()] {
			return nil, errors.New("auth: " + s.name() + " twice")
		}
		seen[s.name()] = true
		if err := s.prepare(); err != nil {
			return nil, err
		}
	}
	g := &gate{Config: c}
	return func(next http1.Handler) http1.Handler {
		return http1.HandlerFunc(func(x *http1.Exchange) { g.handle(x, next) })
	}, nil
}

// gate is a Config in use.
type gate struct{ Config }

func (g *gate) handle(x *http1.Exchange, next http1.Handler) {
	credentials, n := []byte(nil), 0
	x.Request().Values("Authorization", func(v []byte) bool {
		credentials = v
		n++
		return n < 2
	})
	switch {
	case n == 0:
		g.refuse(x, outcome{})
		return
	case n > 1: // the field is no list (RFC 9110 section 11.6.2)
		g.fail(x, outcome{why: ErrScheme, status: http.StatusBadRequest})
		return
	}
	name, rest := cutScheme(credentials)
	for _, s := range g.Schemes {
		if equalFold(name, s.name()) {
			s.check(x, rest, func(x *http1.Exchange, o outcome) {
				o.scheme = s
				if o.user == nil {
					g.fail(x, o)
					return
				}
				x.SetValue(userKey{}, o.user)
				next.Handle(x)
			})
			return
		}
	}
	g.fail(x, outcome{why: ErrScheme})
}

// fail tells of credentials that were refused, and answers.
func (g *gate) fail(x *http1.Exchange, o outcome) {
	if g.OnFail != nil && !o.stale && o.why != ErrBusy {
		g.OnFail(x, o.name, o.why)
	}
	g.refuse(x, o)
}

// refuse answers.
func (g *gate) refuse(x *http1.Exchange, o outcome) {
	status := o.status
	if status == 0 {
		status = http.StatusUnauthorized
	}
	if status == http.StatusServiceUnavailable {
		x.SetHeader("Retry-After", "1")
	} else {
		var all []string
		for _, s := range g.Schemes {
			var mine *outcome
			if o.scheme == s {
				mine = &o
			}
			all = s.challenges(all, mine)
		}
		for _, c := range all {
			x.SetHeader("WWW-Authenticate", c)
		}
	}
	x.Respond(status, "text/plain; charset=utf-8", []byte(http.StatusText(status)+"\n"))
}

// cutScheme cuts the auth-scheme off credentials.
func cutScheme(b []byte) (scheme, rest []byte) {
	for i, c := range b {
		if c == ' ' {
			for rest = b[i:]; len(rest) > 0 && rest[0] == ' '; {
				rest = rest[1:]
			}
			return b[:i], rest
		}
	}
	return b, nil
}

func equalFold[A, B string | []byte](a A, b B) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range len(a) {
		if lower(a[i]) != lower(b[i]) {
			return false
		}
	}
	return true
}

func lower(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		c += 'a' - 'A'
	}
	return c
}

// appendQuoted appends s as a quoted-string (RFC 9110 section 5.6.4). Control characters, which it cannot have, are left out.
func appendQuoted(dst []byte, s string) []byte {
	dst = append(dst, '"')
	for i := range len(s) {
		switch c := s[i]; {
		case c == '"' || c == '\\':
			dst = append(dst, '\\', c)
		case c < ' ' && c != '\t' || c == 0x7f:
		default:
			dst = append(dst, c)
		}
	}
	return append(dst, '"')
}

// checkRealm refuses a realm that would not come out of its quotes as it went in.
func checkRealm(realm string) error {
	for i := range len(realm) {
		if c := realm[i]; c < ' ' || c == 0x7f {
			return errors.New("auth: control character in the realm")
		}
	}
	return nil
}
