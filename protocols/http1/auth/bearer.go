package auth

import (
	"errors"
	"net/http"

	"github.com/calandria-go/calandria/protocols/http1"
)

// Bearer is a token that says by itself who has it (RFC 6750): over TLS only. The token is taken from the Authorization field
// alone, not from a form or the query.
type Bearer struct {
	// Realm is what the token is for; empty: none is said.
	Realm string
	// Scope is what a token has to allow, for the challenge; empty: none is said.
	Scope string
	// Verify says whose the token is: nil for a bad one. It gets only what may be a token (RFC 6750 section 2.1) of at most 8
	// KiB. A secret has to be compared in constant time, or better looked up by its hash. User.Scheme is set.
	Verify func(token string) *User
	// Blocking has Verify run by Exchange.Offload. Nothing is kept: that is for Verify to decide, who knows when a token ends.
	Blocking bool
}

const maxToken = 8 << 10

func (b *Bearer) name() string { return "Bearer" }

func (b *Bearer) prepare() error {
	if b.Verify == nil {
		return errors.New("auth: Bearer without Verify")
	}
	for i := range len(b.Scope) { // RFC 6750 section 3: no quotes to be escaped
		if c := b.Scope[i]; c < ' ' || c > '~' || c == '"' || c == '\\' {
			return errors.New("auth: bad character in the scope")
		}
	}
	return checkRealm(b.Realm)
}

func (b *Bearer) challenges(dst []string, o *outcome) []string {
	c := []byte("Bearer")
	sep := byte(' ')
	param := func(name, value string) {
		if value != "" {
			c = append(append(append(c, sep), name...), '=')
			c = appendQuoted(c, value)
			sep = ','
		}
	}
	param("realm", b.Realm)
	param("scope", b.Scope)
	if o != nil {
		param("error", o.code)
	}
	return append(dst, string(c))
}

func (b *Bearer) check(x *http1.Exchange, credentials []byte, done func(*http1.Exchange, outcome)) {
	if !isToken68(credentials) || len(credentials) > maxToken {
		done(x, outcome{why: ErrMalformed, status: http.StatusBadRequest, code: "invalid_request"})
		return
	}
	token := string(credentials)
	if !b.Blocking {
		done(x, b.outcome(b.Verify(token)))
		return
	}
	err := x.Offload(func() {
		u := b.Verify(token)
		x.Post(func(x *http1.Exchange) { done(x, b.outcome(u)) })
	})
	if err != nil {
		done(x, outcome{why: ErrBusy, status: http.StatusServiceUnavailable})
	}
}

func (b *Bearer) outcome(u *User) outcome {
	if u == nil {
		return outcome{why: ErrCredentials, code: "invalid_token"}
	}
	mine := *u
	mine.Scheme = "Bearer"
	return outcome{user: &mine, name: u.Name}
}

// isToken68 is b64token of RFC 6750 section 2.1: token68 of RFC 9110 section 11.2.
func isToken68(b []byte) bool {
	end := len(b)
	for end > 0 && b[end-1] == '=' {
		end--
	}
	for _, c := range b[:end] {
		switch {
		case lower(c) >= 'a' && lower(c) <= 'z', c >= '0' && c <= '9':
		case c == '-' || c == '.' || c == '_' || c == '~' || c == '+' || c == '/':
		default:
			return false
		}
	}
	return end > 0
}
