package auth

import (
	"crypto/md5"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/calandria-go/calandria/protocols/http1"
)

// Algorithm is a hash of Digest.
type Algorithm string

// Algorithms. MD5 is for clients that know no other: an attacker who has the connection can make them use it.
const (
	SHA256 Algorithm = "SHA-256"
	MD5    Algorithm = "MD5"
)

// size is the length of the hash in hexadecimal; 0 for another algorithm.
func (a Algorithm) size() int {
	switch a {
	case SHA256:
		return 2 * sha256.Size
	case MD5:
		return 2 * md5.Size
	}
	return 0
}

// hash is H(parts joined by colons), in lower-case hexadecimal (RFC 7616 section 3.3).
func (a Algorithm) hash(parts ...string) string {
	text := []byte(strings.Join(parts, ":"))
	if a == SHA256 {
		sum := sha256.Sum256(text)
		return hex.EncodeToString(sum[:])
	}
	sum := md5.Sum(text)
	return hex.EncodeToString(sum[:])
}

// HA1 is H(user:realm:password): what a server keeps of a password. Whoever has it can log in, to that realm.
func HA1(a Algorithm, user, realm, password string) string { return a.hash(user, realm, password) }

// DigestUsers knows the users of a realm.
type DigestUsers interface {
	// HA1 is that of the user, as the function HA1 makes it; false for one who is not there.
	HA1(user, realm string, a Algorithm) (ha1 string, ok bool)
}

// UserHasher is for DigestUsers that can find a user by the hash of the name (RFC 7616 section 3.4.4), so that the name is not
// shown on the wire: then challenges have userhash=true.
type UserHasher interface {
	// UserByHash is the user whose H(user:realm) is hash, in lower-case hexadecimal.
	UserByHash(hash, realm string, a Algorithm) (user string, ok bool)
}

// Digest shows that the client knows a password without sending it (RFC 7616), with qop=auth. It does not protect what is
// sent: that is TLS's. A request that somebody has listened to cannot be sent again: each nonce's counts are good once.
type Digest struct {
	// Realm names what the password is for, and is hashed with it. It must be set.
	Realm string
	// Users has the secrets.
	Users DigestUsers
	// Blocking says that Users takes long: it is asked by Exchange.Offload.
	Blocking bool
	// Algorithms are offered, each by a challenge of its own, in this order; nil: SHA-256, then MD5.
	Algorithms []Algorithm
	// NonceFor is how long a nonce is good; then the client gets a new one with stale=true and tries again without asking its
	// user. 0 or negative: 5 min.
	NonceFor time.Duration
	// MaxNonces bounds the nonces in use whose counts are remembered, some 250 bytes for each; 0 or negative: 10,000. When one
	// has to go for another, it is stale, never good without a count.
	MaxNonces int
	// Now is the clock; nil: time.Now.
	Now func() time.Time

	nonces *nonces
	opaque string
	byHash UserHasher
}

func (d *Digest) name() string { return "Digest" }

func (d *Digest) prepare() error {
	if d.Users == nil {
		return errors.New("auth: Digest without Users")
	}
	if d.Realm == "" {
		return errors.New("auth: Digest without a realm")
	}
	if d.Algorithms == nil {
		d.Algorithms = []Algorithm{SHA256, MD5}
	}
	for _, a := range d.Algorithms {
		if a.size() == 0 {
			return errDigestAlgorithm
		}
	}
	if d.NonceFor <= 0 {
		d.NonceFor = 5 * time.Minute
	}
	if d.MaxNonces <= 0 {
		d.MaxNonces = 10_000
	}
	if d.Now == nil {
		d.Now = time.Now
	}
	if d.nonces == nil {
		d.nonces = newNonces(d.NonceFor, d.MaxNonces, d.Now())
		d.opaque = d.nonces.opaque()
	}
	d.byHash, _ = d.Users.(UserHasher)
	return checkRealm(d.Realm)
}

func (d *Digest) challenges(dst []string, o *outcome) []string {
	nonce := d.nonces.issue(d.Now())
	for _, a := range d.Algorithms {
		c := appendQuoted([]byte("Digest realm="), d.Realm)
		c = append(append(append(c, `, nonce="`...), nonce...), `", opaque="`...)
		c = append(append(append(c, d.opaque...), `", algorithm=`...), a...)
		c = append(c, `, qop="auth", charset=UTF-8`...)
		if d.byHash != nil {
			c = append(c, ", userhash=true"...)
		}
		if o != nil && (o.stale || o.why == ErrReplay) {
			c = append(c, ", stale=true"...)
		}
		dst = append(dst, string(c))
	}
	return dst
}

// digestCheck is one request's credentials.
type digestCheck struct {
	digestParams
	method string
}

func (d *Digest) check(x *http1.Exchange, credentials []byte, done func(*http1.Exchange, outcome)) {
	p, err := parseDigest(credentials)
	if err == nil && !d.offers(p.algorithm) {
		err = errDigestAlgorithm
	}
	if err != nil {
		done(x, outcome{name: p.username, why: errors.Join(ErrMalformed, err), status: http.StatusBadRequest})
		return
	}
	switch {
	case !d.isTarget(x, p.uri): // RFC 7616 section 3.4.6
		done(x, outcome{name: p.username, why: errors.Join(ErrMalformed, errDigestURI), status: http.StatusBadRequest})
		return
	case p.realm != d.Realm || p.hashed && d.byHash == nil:
		done(x, outcome{name: p.username, why: ErrCredentials})
		return
	}
	c := digestCheck{p, string(x.Method())}
	if !d.Blocking {
		user, ha1, ok := d.secret(&c)
		done(x, d.verify(&c, user, ha1, ok))
		return
	}
	err = x.Offload(func() {
		user, ha1, ok := d.secret(&c)
		x.Post(func(x *http1.Exchange) { done(x, d.verify(&c, user, ha1, ok)) })
	})
	if err != nil {
		done(x, outcome{name: p.username, why: ErrBusy, status: http.StatusServiceUnavailable})
	}
}

var errDigestURI = errors.New("auth: uri is not the request's target")

func (d *Digest) offers(a Algorithm) bool {
	for _, mine := range d.Algorithms {
		if a == mine {
			return true
		}
	}
	return false
}

// isTarget says whether uri is the request's target: of one in absolute form, its path and query will do.
func (d *Digest) isTarget(x *http1.Exchange, uri string) bool {
	q := x.Request()
	if string(q.Target()) == uri {
		return true
	}
	path, query, asked := strings.Cut(uri, "?")
	return len(q.Scheme()) > 0 && string(q.Path()) == path && string(q.RawQuery()) == query && asked == (len(q.RawQuery()) > 0)
}

// secret asks for the user's.
func (d *Digest) secret(c *digestCheck) (user, ha1 string, ok bool) {
	user = c.username
	if c.hashed {
		if user, ok = d.byHash.UserByHash(c.username, d.Realm, c.algorithm); !ok {
			return c.username, "", false
		}
	}
	ha1, ok = d.Users.HA1(user, d.Realm, c.algorithm)
	return user, ha1, ok
}

// verify compares the response first, and looks at the nonce then: only who knows the password hears that it is stale.
func (d *Digest) verify(c *digestCheck, user, ha1 string, known bool) outcome {
	if !known {
		ha1 = c.algorithm.hash("nobody") // and go on, so that it takes as long
	}
	ha2 := c.algorithm.hash(c.method, c.uri)
	want := c.algorithm.hash(strings.ToLower(ha1), c.nonce, c.count, c.cnonce, c.qop, ha2)
	same := subtle.ConstantTimeCompare([]byte(want), []byte(c.response)) == 1
	if !same || !known {
		return outcome{name: user, why: ErrCredentials}
	}
	now := d.Now()
	id, good := d.nonces.read(c.nonce, now)
	if !good || c.opaque != d.opaque {
		return outcome{name: user, why: ErrStale, stale: true}
	}
	switch err := d.nonces.use(id, c.nc, now); err {
	case nil:
		return outcome{name: user, user: &User{Name: user, Scheme: "Digest"}}
	case ErrStale:
		return outcome{name: user, why: err, stale: true}
	default: // a client whose request came twice tries again with a new nonce; one who has only listened cannot
		return outcome{name: user, why: err}
	}
}

// DigestPasswords are DigestUsers whose passwords are at hand in plain text, by name; the hashes are made now. They know
// hashed names.
func DigestPasswords(realm string, all map[string]string) DigestUsers {
	p := &digestPasswords{realm: realm, ha1: map[Algorithm]map[string]string{}, byHash: map[Algorithm]map[string]string{}}
	for _, a := range []Algorithm{SHA256, MD5} {
		p.ha1[a], p.byHash[a] = map[string]string{}, map[string]string{}
		for user, password := range all {
			p.ha1[a][user] = HA1(a, user, realm, password)
			p.byHash[a][a.hash(user, realm)] = user
		}
	}
	return p
}

type digestPasswords struct {
	realm       string
	ha1, byHash map[Algorithm]map[string]string
}

// HA1 is part of DigestUsers.
func (p *digestPasswords) HA1(user, realm string, a Algorithm) (ha1 string, ok bool) {
	ha1, ok = p.ha1[a][user]
	return ha1, ok && realm == p.realm
}

// UserByHash is part of UserHasher.
func (p *digestPasswords) UserByHash(hash, realm string, a Algorithm) (user string, ok bool) {
	user, ok = p.byHash[a][hash]
	return user, ok && realm == p.realm
}
