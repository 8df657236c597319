package smtp

import (
	"context"
	ctls "crypto/tls"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/wneessen/go-mail/smtp"
)

// Mechanisms to log in by, for Client.Mechanisms. They are the names of the IANA's list.
const (
	ScramSHA256Plus = "SCRAM-SHA-256-PLUS" // bound to the TLS connection
	ScramSHA256     = "SCRAM-SHA-256"      // RFC 7677
	ScramSHA1Plus   = "SCRAM-SHA-1-PLUS"   // bound to the TLS connection
	ScramSHA1       = "SCRAM-SHA-1"        // RFC 5802
	CramMD5         = "CRAM-MD5"           // RFC 2195
	Plain           = "PLAIN"              // RFC 4616: the password itself, over TLS alone
	Login           = "LOGIN"              // the password itself, over TLS alone
	XOAuth2         = "XOAUTH2"            // a token, over TLS alone
)

// preferred is the order in which a server's mechanisms are taken: what tells the server least first.
var preferred = []string{ScramSHA256Plus, ScramSHA256, ScramSHA1Plus, ScramSHA1, CramMD5, Plain, Login}

// authenticate logs in by the first mechanism that both sides have.
func (c *Client) authenticate(ctx context.Context, sc *smtp.Client) error {
	if c.Username == "" {
		return nil
	}
	state, secured := sc.TLSConnectionState()
	_, list := sc.Extension("AUTH")
	offered := strings.Fields(strings.ToUpper(list))
	allowed := c.Mechanisms
	switch {
	case len(allowed) > 0:
	case c.Token != nil:
		allowed = []string{XOAuth2}
	default:
		allowed = preferred
	}
	for _, mechanism := range allowed {
		if !slices.Contains(offered, mechanism) || !secured && exposes(mechanism) && !c.PasswordWithoutTLS {
			continue
		}
		auth, err := c.mechanism(ctx, mechanism, &state)
		if err != nil {
			return err
		}
		if auth != nil {
			return run(sc, auth)
		}
	}
	return fmt.Errorf("%w: the server offers %q, with TLS: %v", ErrNoAuth, strings.Join(offered, " "), secured)
}

// exposes says whether a mechanism tells the other side a secret that it could use.
func exposes(mechanism string) bool {
	return !strings.HasPrefix(mechanism, "SCRAM-") && mechanism != CramMD5
}

// mechanism is the library's; nil if it cannot be had on this connection.
func (c *Client) mechanism(ctx context.Context, name string, state *ctls.ConnectionState) (smtp.Auth, error) {
	host := c.host()
	switch name {
	case ScramSHA256Plus, ScramSHA1Plus:
		if !state.HandshakeComplete {
			return nil, nil
		}
		if name == ScramSHA1Plus {
			return smtp.ScramSHA1PlusAuth(c.Username, c.Password, state), nil
		}
		return smtp.ScramSHA256PlusAuth(c.Username, c.Password, state), nil
	case ScramSHA256:
		return smtp.ScramSHA256Auth(c.Username, c.Password), nil
	case ScramSHA1:
		return smtp.ScramSHA1Auth(c.Username, c.Password), nil
	case CramMD5:
		return smtp.CRAMMD5Auth(c.Username, c.Password), nil
	case Plain:
		return smtp.PlainAuth("", c.Username, c.Password, host, c.PasswordWithoutTLS), nil
	case Login:
		return smtp.LoginAuth(c.Username, c.Password, host, c.PasswordWithoutTLS), nil
	case XOAuth2:
		token, err := c.token(ctx)
		if err != nil {
			return nil, err
		}
		return smtp.XOAuth2Auth(c.Username, token), nil
	}
	return nil, fmt.Errorf("%w: mechanism %q", ErrConfig, name)
}

func (c *Client) token(ctx context.Context) (string, error) {
	if c.Token == nil {
		return c.Password, nil
	}
	token, err := c.Token(ctx)
	if err == nil {
		err = clean("token", token)
	}
	return token, err
}

// run logs in. The library's answer to a mechanism that it does not want to go on with is part of the error.
func run(sc *smtp.Client, auth smtp.Auth) error {
	err := sc.Auth(auth)
	if errors.Is(err, smtp.ErrUnencrypted) {
		return fmt.Errorf("%w: %w", ErrNoAuth, err)
	}
	return err
}
