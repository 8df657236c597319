package http1

import (
	"crypto/md5"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"hash"
	"net/http"
	"strings"
	"sync"

	"github.com/calandria-go/calandria/protocols/http1/internal/authparam"
)

// Credentials log in: BasicLogin, BearerLogin or *DigestLogin. They are sent to the host of the first URL of a Client.Do alone.
type Credentials interface {
	// authorize is the Authorization field for a request, in answer to WWW-Authenticate fields, or before any for nil.
	authorize(req *http.Request, challenges []string) (value string, ok bool)
}

// BasicLogin sends name and password with each request (RFC 7617): over TLS, or everybody on the way reads them.
type BasicLogin struct {
	Username string // without a colon
	Password string // as it is
}

func (b BasicLogin) authorize(_ *http.Request, challenges []string) (string, bool) {
	if challenges != nil || strings.Contains(b.Username, ":") {
		return "", false
	}
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(b.Username+":"+b.Password)), true
}

// BearerLogin sends a token with each request (RFC 6750).
type BearerLogin string

func (b BearerLogin) authorize(_ *http.Request, challenges []string) (string, bool) {
	return "Bearer " + string(b), challenges == nil
}

// DigestLogin shows that it knows a password without sending it (RFC 7616): SHA-256 where the server offers it, else MD5; with
// qop=auth, or without any as RFC 2069 has it. The first request to a server is refused and sent again, so its body must be
// one that can be; later ones use the server's nonce. It must not be copied, and belongs to one client.
type DigestLogin struct {
	Username string // as it is
	Password string // as it is

	mu   sync.Mutex
	last *digestChallenge
	from string // the origin that last is of
	nc   uint32
}

// digestChallenge is a server's (RFC 7616 section 3.3).
type digestChallenge struct {
	realm, nonce, opaque, algorithm string
	qop, hasQop, userhash, stale    bool
}

func (d *DigestLogin) authorize(req *http.Request, challenges []string) (string, bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	from := origin(req.URL)
	if challenges != nil {
		c := bestDigest(challenges)
		if c == nil || d.last != nil && d.from == from && d.last.nonce == c.nonce && !c.stale {
			return "", false // these credentials are wrong
		}
		d.last, d.from, d.nc = c, from, 0
	}
	if d.last == nil || d.from != from {
		return "", false
	}
	d.nc++
	var random [16]byte
	rand.Read(random[:])
	return d.last.answer(d.Username, d.Password, req.Method, req.URL.RequestURI(), fmt.Sprintf("%x", random[:]), d.nc), true
}

// bestDigest is the challenge with the best algorithm that is understood; nil for none.
func bestDigest(fields []string) *digestChallenge {
	var best *digestChallenge
	rank := 0
	for _, f := range fields {
		for _, c := range authparam.Challenges(f) {
			if !strings.EqualFold(c.Scheme, "Digest") {
				continue
			}
			d := &digestChallenge{algorithm: "MD5"}
			for _, p := range c.Params {
				switch strings.ToLower(p.Name) {
				case "realm":
					d.realm = p.Value
				case "nonce":
					d.nonce = p.Value
				case "opaque":
					d.opaque = p.Value
				case "algorithm":
					d.algorithm = p.Value
				case "userhash":
					d.userhash = strings.EqualFold(p.Value, "true")
				case "stale":
					d.stale = strings.EqualFold(p.Value, "true")
				case "qop":
					d.hasQop = true
					for q := range strings.SplitSeq(p.Value, ",") {
						d.qop = d.qop || strings.EqualFold(strings.TrimSpace(q), "auth")
					}
				}
			}
			if r := digestRank(d); r > rank {
				best, rank = d, r
			}
		}
	}
	return best
}

// digestRank orders challenges; 0 for one that cannot be answered.
func digestRank(d *digestChallenge) int {
	if d.nonce == "" || d.hasQop && !d.qop {
		return 0
	}
	switch strings.ToUpper(d.algorithm) {
	case "SHA-256", "SHA-256-SESS":
		return 2
	case "MD5", "MD5-SESS":
		return 1
	}
	return 0
}

// answer makes the credentials (RFC 7616 section 3.4).
func (c *digestChallenge) answer(user, password, method, uri, cnonce string, nc uint32) string {
	if method == "" {
		method = http.MethodGet
	}
	sum := func(parts ...string) string {
		var h hash.Hash = sha256.New()
		if strings.HasPrefix(strings.ToUpper(c.algorithm), "MD5") {
			h = md5.New()
		}
		h.Write([]byte(strings.Join(parts, ":")))
		return fmt.Sprintf("%x", h.Sum(nil))
	}
	ha1 := sum(user, c.realm, password)
	if strings.HasSuffix(strings.ToUpper(c.algorithm), "-SESS") {
		ha1 = sum(ha1, c.nonce, cnonce)
	}
	ha2 := sum(method, uri)
	count := fmt.Sprintf("%08x", nc)
	name := user
	if c.userhash {
		name = sum(user, c.realm)
	}
	var b strings.Builder
	fmt.Fprintf(&b, "Digest username=%s, realm=%s, nonce=%s, uri=%s, algorithm=%s",
		authparam.Quote(name), authparam.Quote(c.realm), authparam.Quote(c.nonce), authparam.Quote(uri), c.algorithm)
	if c.qop {
		fmt.Fprintf(&b, `, qop=auth, nc=%s, cnonce="%s", response="%s"`, count, cnonce, sum(ha1, c.nonce, count, cnonce, "auth", ha2))
	} else {
		fmt.Fprintf(&b, `, response="%s"`, sum(ha1, c.nonce, ha2))
	}
	if c.opaque != "" {
		fmt.Fprintf(&b, ", opaque=%s", authparam.Quote(c.opaque))
	}
	if c.userhash {
		b.WriteString(", userhash=true")
	}
	return b.String()
}
