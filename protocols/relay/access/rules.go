package access

import (
	"crypto/sha256"
	"crypto/subtle"
	"crypto/x509"
	"errors"
	"fmt"
	"path"
	"strings"
	"time"
)

// Errors of credentials.
var (
	// ErrNoCredentials: there are none where there must be some. HTTP answers 401.
	ErrNoCredentials = errors.New("relay: no credentials")
	// ErrCredentials: they are wrong or have expired. HTTP answers 401.
	ErrCredentials = errors.New("relay: credentials are not accepted")
)

// Grant is what somebody may do.
type Grant struct {
	// Name is for logs and limits; agents and clients of one name share them.
	Name string
	// Agent allows to offer services, Client to use them from outside of the public addresses.
	Agent, Client bool
	// Services are the names that may be offered or used, in the form of path.Match: "web", "cam-*", "*". Empty: none.
	Services []string
	// Addresses are where an agent may have its services put, in the same form, such as "tcp://0.0.0.0:90*". An offer that
	// asks for no address needs none.
	Addresses []string
	// MaxStreams bounds the streams that one link has open at a time: to an agent, or of a client; 0: the relay's own limit does.
	MaxStreams int
	// Expires is when it ends; zero: never. The link ends with it.
	Expires time.Time
}

// Service says whether the grant is for that service.
func (g *Grant) Service(name string) bool { return matches(g.Services, name) }

// Address says whether an agent may ask for that address.
func (g *Grant) Address(addr string) bool { return addr == "" || matches(g.Addresses, addr) }

func matches(patterns []string, s string) bool {
	for _, p := range patterns {
		if p == "*" {
			return true
		}
		if ok, err := path.Match(p, s); err == nil && ok {
			return true
		}
	}
	return false
}

// Credentials are what came with a request.
type Credentials struct {
	// Authorization is the value of that field.
	Authorization string
	// Certificate is the verified one of the TLS client; nil for none.
	Certificate *x509.Certificate
}

// Rules say who may come. The zero value lets nobody in.
type Rules struct {
	// Tokens are secrets and what they are good for.
	Tokens []Token
	// JWT takes signed tokens; nil for none.
	JWT *JWT
	// Certificates are the names of TLS clients and what they are good for.
	Certificates []Certificate
}

// Token is a secret that somebody brings as Authorization: Bearer.
type Token struct {
	// Secret is compared byte by byte, in constant time; not empty. A short one can be guessed: 16 random bytes or more cannot.
	Secret string
	// Grant is what it is good for.
	Grant Grant
}

// Certificate is a TLS client that is known by the name in its certificate: the first DNS name, else the common name. That
// the certificate is good is TLS's to say.
type Certificate struct {
	// Name is the certificate's, see CertificateName.
	Name string
	// Grant is what it is good for.
	Grant Grant
}

// Check says what is wrong with the rules.
func (r *Rules) Check() error {
	for _, t := range r.Tokens {
		if t.Secret == "" {
			return errors.New("relay: an empty token")
		}
	}
	for _, g := range r.grants() {
		for _, p := range append(append([]string(nil), g.Services...), g.Addresses...) {
			if _, err := path.Match(p, ""); err != nil {
				return fmt.Errorf("relay: pattern %q: %w", p, err)
			}
		}
	}
	if r.JWT != nil {
		return r.JWT.check()
	}
	return nil
}

func (r *Rules) grants() (all []*Grant) {
	for i := range r.Tokens {
		all = append(all, &r.Tokens[i].Grant)
	}
	for i := range r.Certificates {
		all = append(all, &r.Certificates[i].Grant)
	}
	return all
}

// Authenticate gives the grant for credentials at a time. Tokens are compared in a time that does not depend on them.
func (r *Rules) Authenticate(c Credentials, now time.Time) (*Grant, error) {
	if name := CertificateName(c.Certificate); name != "" {
		for i := range r.Certificates {
			if r.Certificates[i].Name == name {
				return live(&r.Certificates[i].Grant, now)
			}
		}
	}
	scheme, token, ok := strings.Cut(c.Authorization, " ")
	if !ok || !strings.EqualFold(scheme, "Bearer") {
		return nil, ErrNoCredentials
	}
	token = strings.TrimSpace(token)
	got := sha256.Sum256([]byte(token))
	var found *Grant
	for i := range r.Tokens {
		want := sha256.Sum256([]byte(r.Tokens[i].Secret))
		if subtle.ConstantTimeCompare(got[:], want[:]) == 1 && r.Tokens[i].Secret != "" {
			found = &r.Tokens[i].Grant
		}
	}
	if found != nil {
		return live(found, now)
	}
	if r.JWT != nil {
		return r.JWT.verify(token, now)
	}
	return nil, ErrCredentials
}

func live(g *Grant, now time.Time) (*Grant, error) {
	if !g.Expires.IsZero() && !now.Before(g.Expires) {
		return nil, ErrCredentials
	}
	return g, nil
}

// CertificateName is the name that a certificate is known by; empty for none.
func CertificateName(c *x509.Certificate) string {
	switch {
	case c == nil:
		return ""
	case len(c.DNSNames) > 0:
		return c.DNSNames[0]
	}
	return c.Subject.CommonName
}
