package cache

import (
	"crypto/sha256"
	"net"
	"net/http"
	"net/textproto"
	"slices"
	"strings"
)

// keyOf is the target URI (RFC 9111 section 2), without what does not tell resources apart: fragment, user, default port.
func keyOf(req *http.Request) string {
	u := *req.URL
	u.User, u.Fragment, u.RawFragment = nil, "", ""
	u.Scheme = strings.ToLower(u.Scheme)
	u.Host = plainHost(u.Scheme, u.Host)
	if u.Path == "" && u.Opaque == "" {
		u.Path = "/"
	}
	key := u.String()
	if host := plainHost(u.Scheme, req.Host); host != "" && host != u.Host {
		key += " " + host // another Host is another resource, and perhaps not the one that this URI names
	}
	return key
}

func plainHost(scheme, host string) string {
	host = strings.ToLower(host)
	if h, port, err := net.SplitHostPort(host); err == nil && (scheme == "http" && port == "80" || scheme == "https" && port == "443") {
		if strings.Contains(h, ":") {
			h = "[" + h + "]"
		}
		return h
	}
	return host
}

// variance is what of the request a stored response depends on (RFC 9111 section 4.1): pairs of a name and a sum of the value.
type variance []struct {
	name string
	sum  [sha256.Size]byte
}

// vary makes the variance of a response to a request; ok is false for "*". Authorization always counts: a private cache may use what
// was stored for other credentials, but its user might have several. Values are kept as their sums: they may be secret, and long.
func vary(req, res http.Header) (v variance, ok bool) {
	names := []string{"Authorization"}
	for _, line := range res["Vary"] {
		for name := range strings.SplitSeq(line, ",") {
			name = textproto.CanonicalMIMEHeaderKey(strings.Trim(name, " \t"))
			if name == "*" {
				return nil, false
			}
			if name != "" && !slices.Contains(names, name) {
				names = append(names, name)
			}
		}
	}
	for _, name := range names {
		v = append(v, struct {
			name string
			sum  [sha256.Size]byte
		}{name, sum(req[name])})
	}
	return v, true
}

// sum is of the values of a field, as one list, without white space around its elements: what that may be normalized to. Nothing
// is told apart from a field with an empty value.
func sum(values []string) [sha256.Size]byte {
	if len(values) == 0 {
		return [sha256.Size]byte{}
	}
	elements := strings.Split(strings.Join(values, ","), ",")
	for i := range elements {
		elements[i] = strings.Trim(elements[i], " \t")
	}
	return sha256.Sum256([]byte(strings.Join(elements, ",")))
}

// matches reports whether a request agrees in all that counts.
func (v variance) matches(req http.Header) bool {
	for _, f := range v {
		if f.sum != sum(req[f.name]) {
			return false
		}
	}
	return true
}
