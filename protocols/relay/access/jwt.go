package access

import (
	"errors"
	"fmt"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// JWT says which JSON Web Tokens are taken (RFC 7519). They must have exp and, of the claims below, at least relay_services.
//
//	sub               the grant's name
//	relay_role        "agent", "client" or "both"
//	relay_services    a list of patterns, as Grant.Services
//	relay_addresses   the same, as Grant.Addresses
type JWT struct {
	// Algorithm is the only one that is taken: HS256, HS384, HS512, RS256, RS384, RS512, ES256, ES384 or ES512. What a token says
	// of itself does not choose.
	Algorithm string
	// Key is what verifies: the secret of HS, of 32 bytes or more; the PEM of a public key or a certificate for RS and ES.
	Key []byte
	// Audience must be among the token's aud; empty is an error: a token for somebody else is not for us.
	Audience string
	// Issuer must be the token's iss; empty: it may be any.
	Issuer string
	// Leeway is how far clocks may differ; 0: none.
	Leeway time.Duration
	// MaxLifetime bounds exp; 0: none. With a bound, a token that was made to last is not taken.
	MaxLifetime time.Duration

	key any
}

type claims struct {
	jwt.RegisteredClaims
	Role      string   `json:"relay_role"`
	Services  []string `json:"relay_services"`
	Addresses []string `json:"relay_addresses"`
}

// check reads the key.
func (j *JWT) check() error {
	var err error
	switch j.Algorithm {
	case "HS256", "HS384", "HS512":
		if j.key = j.Key; len(j.Key) < 32 {
			err = errors.New("a secret of less than 32 bytes")
		}
	case "RS256", "RS384", "RS512":
		j.key, err = jwt.ParseRSAPublicKeyFromPEM(j.Key)
	case "ES256", "ES384", "ES512":
		j.key, err = jwt.ParseECPublicKeyFromPEM(j.Key)
	default:
		err = fmt.Errorf("algorithm %q is not taken", j.Algorithm)
	}
	if err == nil && j.Audience == "" {
		err = errors.New("no audience")
	}
	if err != nil {
		j.key = nil
		return fmt.Errorf("relay: JWT: %w", err)
	}
	return nil
}

// maxToken bounds a token, in bytes.
const maxToken = 8 << 10

func (j *JWT) verify(token string, now time.Time) (*Grant, error) {
	if j.key == nil || len(token) > maxToken {
		return nil, ErrCredentials
	}
	o := []jwt.ParserOption{
		jwt.WithValidMethods([]string{j.Algorithm}), jwt.WithAudience(j.Audience), jwt.WithExpirationRequired(),
		jwt.WithLeeway(j.Leeway), jwt.WithTimeFunc(func() time.Time { return now }), jwt.WithStrictDecoding(),
	}
	if j.Issuer != "" {
		o = append(o, jwt.WithIssuer(j.Issuer))
	}
	var c claims
	if _, err := jwt.ParseWithClaims(token, &c, func(*jwt.Token) (any, error) { return j.key, nil }, o...); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrCredentials, err)
	}
	if j.MaxLifetime > 0 && c.ExpiresAt.Sub(now) > j.MaxLifetime+j.Leeway {
		return nil, fmt.Errorf("%w: it lasts too long", ErrCredentials)
	}
	g := &Grant{Name: c.Subject, Services: c.Services, Addresses: c.Addresses, Expires: c.ExpiresAt.Time}
	g.Agent = c.Role == "agent" || c.Role == "both"
	g.Client = c.Role == "client" || c.Role == "both"
	if g.Name == "" || !g.Agent && !g.Client {
		return nil, fmt.Errorf("%w: no sub, or no relay_role", ErrCredentials)
	}
	return g, nil
}
