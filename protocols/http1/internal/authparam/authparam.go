// Package authparam reads and writes the parameters of authentication (RFC 9110 section 11): challenges and credentials.
package authparam

import (
	"errors"
	"strings"
)

// What is wrong with a list of parameters.
var (
	ErrName  = errors.New("auth: not a parameter name")
	ErrValue = errors.New("auth: not a parameter value")
	ErrQuote = errors.New("auth: quoted string is not closed")
	ErrAfter = errors.New("auth: no comma between parameters")
	ErrCount = errors.New("auth: too many parameters")
)

const (
	// maxParams bounds the parameters of one field or challenge; Digest knows twelve.
	maxParams = 32
	// maxChallenges bounds the challenges of one field.
	maxChallenges = 16
)

// Param is a parameter, its value without quotes and escapes.
type Param struct{ Name, Value string }

// Challenge is one of a WWW-Authenticate or Proxy-Authenticate field.
type Challenge struct {
	Scheme string
	Params []Param // none if the challenge is a token68
}

// Each calls f with each parameter of a list (RFC 9110 section 11.2). Empty elements are skipped (section 5.6.1).
func Each(b []byte, f func(name, value string) error) error {
	for n := 0; ; n++ {
		b = skipEmpty(b)
		if len(b) == 0 {
			return nil
		}
		if n >= maxParams {
			return ErrCount
		}
		name, value, rest, err := cutParam(b)
		if err != nil {
			return err
		}
		if b = skipSpace(rest); len(b) > 0 && b[0] != ',' {
			return ErrAfter
		}
		if err := f(name, value); err != nil {
			return err
		}
	}
}

// Challenges are those of a field (RFC 9110 section 11.6.1), as far as it can be read.
func Challenges(field string) (all []Challenge) {
	b := []byte(field)
	for {
		b = skipEmpty(b)
		scheme, rest := CutToken(b)
		if len(scheme) == 0 || len(all) >= maxChallenges {
			return all
		}
		c := Challenge{Scheme: string(scheme)}
		if b = rest; len(b) > 0 && IsSpace(b[0]) {
			b = c.readParams(skipSpace(b))
		}
		all = append(all, c)
		if b = skipSpace(b); len(b) > 0 && b[0] != ',' {
			return all
		}
	}
}

// readParams reads parameters until something else comes: the next challenge.
func (c *Challenge) readParams(b []byte) []byte {
	if token, rest := cutToken68(b); len(token) > 0 {
		if rest = skipSpace(rest); len(rest) == 0 || rest[0] == ',' {
			if _, _, _, err := cutParam(b); err != nil {
				return rest
			}
		}
	}
	for {
		next := skipEmpty(b)
		name, value, rest, err := cutParam(next)
		if err != nil || len(c.Params) >= maxParams {
			return b
		}
		c.Params = append(c.Params, Param{name, value})
		if b = skipSpace(rest); len(b) == 0 || b[0] != ',' {
			return b
		}
	}
}

// cutToken68 cuts a token68 off (RFC 9110 section 11.2).
func cutToken68(b []byte) (token, rest []byte) {
	i := 0
	for i < len(b) && (isAlphaNum(b[i]) || strings.IndexByte("-._~+/", b[i]) >= 0) {
		i++
	}
	for i > 0 && i < len(b) && b[i] == '=' {
		i++
	}
	return b[:i], b[i:]
}

// cutParam cuts name "=" value off.
func cutParam(b []byte) (name, value string, rest []byte, err error) {
	token, rest := CutToken(b)
	rest = skipSpace(rest)
	if len(token) == 0 || len(rest) == 0 || rest[0] != '=' {
		return "", "", nil, ErrName
	}
	value, rest, err = cutValue(skipSpace(rest[1:]))
	return string(token), value, rest, err
}

// cutValue cuts a token or a quoted string off.
func cutValue(b []byte) (value string, rest []byte, err error) {
	if len(b) == 0 || b[0] != '"' {
		v, rest := CutToken(b)
		if len(v) == 0 {
			return "", nil, ErrValue
		}
		return string(v), rest, nil
	}
	var plain []byte // what came before an escape
	b = b[1:]
	for i := 0; i < len(b); i++ {
		switch c := b[i]; {
		case c == '"':
			if plain == nil {
				return string(b[:i]), b[i+1:], nil
			}
			return string(append(plain, b[:i]...)), b[i+1:], nil
		case c == '\\':
			if i+1 == len(b) {
				return "", nil, ErrQuote
			}
			plain = append(append(plain, b[:i]...), b[i+1])
			b, i = b[i+2:], -1
		}
	}
	return "", nil, ErrQuote
}

// CutToken cuts a token off (RFC 9110 section 5.6.2).
func CutToken(b []byte) (token, rest []byte) {
	for i, c := range b {
		if !IsTchar(c) {
			return b[:i], b[i:]
		}
	}
	return b, nil
}

// IsTchar says whether c may be in a token.
func IsTchar(c byte) bool { return isAlphaNum(c) || strings.IndexByte("!#$%&'*+-.^_`|~", c) >= 0 }

func isAlphaNum(c byte) bool {
	return c|0x20 >= 'a' && c|0x20 <= 'z' || c >= '0' && c <= '9'
}

// IsSpace says whether c is white space of a field.
func IsSpace(c byte) bool { return c == ' ' || c == '\t' }

func skipSpace(b []byte) []byte {
	for len(b) > 0 && IsSpace(b[0]) {
		b = b[1:]
	}
	return b
}

// skipEmpty skips white space and empty elements of a list.
func skipEmpty(b []byte) []byte {
	for len(b) > 0 && (b[0] == ',' || IsSpace(b[0])) {
		b = b[1:]
	}
	return b
}

// Quote is a quoted-string (RFC 9110 section 5.6.4).
func Quote(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s) + `"`
}
