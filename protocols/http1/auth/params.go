package auth

import (
	"errors"
	"strings"
	"unicode/utf8"

	"github.com/calandria-go/calandria/protocols/http1/internal/authparam"
)

// What is wrong with a parameter.
var (
	errParamTwice = errors.New("auth: parameter is there twice")
	errExtValue   = errors.New("auth: not a UTF-8 extended value")
)

// extValue reads an extended value (RFC 8187 section 3.2.1) in UTF-8, which is all that RFC 7616 allows.
func extValue(s string) (string, error) {
	charset, rest, ok := strings.Cut(s, "'")
	_, text, ok2 := strings.Cut(rest, "'")
	if !ok || !ok2 || !equalFold(charset, "UTF-8") {
		return "", errExtValue
	}
	var out []byte
	for i := 0; i < len(text); i++ {
		c := text[i]
		switch {
		case c == '%':
			if i+2 >= len(text) {
				return "", errExtValue
			}
			hi, lo := unhex(text[i+1]), unhex(text[i+2])
			if hi < 0 || lo < 0 {
				return "", errExtValue
			}
			c = byte(hi<<4 | lo)
			i += 2
		case !authparam.IsTchar(c) || c == '*' || c == '\'':
			return "", errExtValue
		}
		out = append(out, c)
	}
	if !utf8.Valid(out) {
		return "", errExtValue
	}
	return string(out), nil
}

func unhex(c byte) int {
	switch {
	case c >= '0' && c <= '9':
		return int(c - '0')
	case lower(c) >= 'a' && lower(c) <= 'f':
		return int(lower(c)-'a') + 10
	}
	return -1
}

// digestParams are those of Digest credentials (RFC 7616 section 3.4).
type digestParams struct {
	username, realm, nonce, uri, response, cnonce, opaque string
	algorithm                                             Algorithm
	count, qop                                            string // as they were sent: that is what is hashed
	nc                                                    uint32
	hashed                                                bool // username is a hash
}

var (
	errDigestMissing   = errors.New("auth: Digest parameter is missing")
	errDigestQop       = errors.New("auth: quality of protection is not auth")
	errDigestAlgorithm = errors.New("auth: unknown Digest algorithm")
	errDigestCount     = errors.New("auth: bad nonce count")
	errDigestResponse  = errors.New("auth: bad Digest response")
	errDigestName      = errors.New("auth: user name in two forms")
	errDigestHash      = errors.New("auth: bad userhash")
)

// digestNames are the parameters that are looked at.
var digestNames = []string{
	"username", "username*", "realm", "nonce", "uri", "response", "cnonce", "opaque", "algorithm", "qop", "nc", "userhash",
}

// parseDigest reads Digest credentials. All that RFC 7616 requires has to be there, each at most once, with qop=auth.
func parseDigest(b []byte) (d digestParams, err error) {
	got := map[string]string{}
	err = authparam.Each(b, func(name, value string) error {
		name = strings.ToLower(name)
		for _, known := range digestNames {
			if name == known {
				if _, twice := got[name]; twice {
					return errParamTwice
				}
				got[name] = value
			}
		}
		return nil
	})
	if err != nil {
		return d, err
	}
	for _, name := range []string{"realm", "nonce", "uri", "response", "qop", "nc", "cnonce"} {
		if got[name] == "" && (name != "realm" || !has(got, name)) {
			return d, errDigestMissing
		}
	}
	d.realm, d.nonce, d.uri, d.cnonce, d.opaque = got["realm"], got["nonce"], got["uri"], got["cnonce"], got["opaque"]
	if d.algorithm = MD5; has(got, "algorithm") { // MD5 if it is not said
		d.algorithm = Algorithm(strings.ToUpper(got["algorithm"]))
	}
	size := d.algorithm.size()
	switch {
	case !equalFold(got["qop"], "auth"):
		return d, errDigestQop
	case size == 0:
		return d, errDigestAlgorithm
	case len(got["response"]) != size || !isHex(got["response"]):
		return d, errDigestResponse
	case len(got["nc"]) != 8 || !isHex(got["nc"]):
		return d, errDigestCount
	}
	d.response, d.count, d.qop = strings.ToLower(got["response"]), got["nc"], got["qop"]
	for i := range 8 {
		d.nc = d.nc<<4 | uint32(unhex(got["nc"][i]))
	}
	if d.nc == 0 {
		return d, errDigestCount
	}
	return d, d.user(got)
}

// user takes the name in the one form that it is there in.
func (d *digestParams) user(got map[string]string) (err error) {
	switch got["userhash"] {
	case "true":
		d.hashed = true
	case "false", "":
	default:
		return errDigestHash
	}
	name, plain := got["username"]
	ext, extended := got["username*"]
	switch {
	case plain && extended, extended && d.hashed:
		return errDigestName
	case !plain && !extended:
		return errDigestMissing
	case extended:
		d.username, err = extValue(ext)
		return err
	case d.hashed && (len(name) != d.algorithm.size() || !isHex(name)):
		return errDigestHash
	case d.hashed:
		name = strings.ToLower(name)
	}
	d.username = name
	return nil
}

func has(m map[string]string, name string) bool {
	_, ok := m[name]
	return ok
}

func isHex(s string) bool {
	for i := range len(s) {
		if unhex(s[i]) < 0 {
			return false
		}
	}
	return true
}
