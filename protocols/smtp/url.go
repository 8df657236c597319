package smtp

import (
	"context"
	"fmt"
	"net/url"

	"github.com/calandria-go/calandria/reactor"
)

// Send sends one message to the server of a URL, as ParseURL reads it: all of it in one line.
//
//	err := smtp.Send(ctx, r, "smtps://anna:secret@mail.example.com", &smtp.Message{From: "anna@example.com", To: []string{"bob@example.com"}, Subject: "hello", Text: "Hello, Bob."})
func Send(ctx context.Context, r *reactor.Reactor, server string, m *Message) error {
	c, err := ParseURL(server)
	if err != nil {
		return err
	}
	c.Reactor = r
	return c.Send(ctx, m)
}

// ParseURL gives a Client without a Reactor for "smtp://user:password@host:port", which requires STARTTLS, or "smtps://", which has
// TLS from the beginning. User, password and port may be left out. "smtp://host?tls=opportunistic" and "?tls=none" ask for less. The
// error is ErrConfig, and does not have the password.
func ParseURL(s string) (*Client, error) {
	u, err := url.Parse(s)
	if err != nil {
		return nil, fmt.Errorf("%w: not a URL", ErrConfig) // url.Parse's error has the password
	}
	c := &Client{Addr: u.Host}
	mode := u.Query().Get("tls")
	switch {
	case u.Scheme == "smtps" && u.RawQuery == "":
		c.TLS = TLSImplicit
	case u.Scheme == "smtp" && u.RawQuery == "":
	case u.Scheme == "smtp" && u.RawQuery == "tls=opportunistic":
		c.TLS = TLSOpportunistic
	case u.Scheme == "smtp" && u.RawQuery == "tls=none":
		c.TLS = TLSNone
	case u.Scheme != "smtp" && u.Scheme != "smtps":
		return nil, fmt.Errorf("%w: the scheme is neither smtp nor smtps", ErrConfig)
	default:
		return nil, fmt.Errorf("%w: the URL asks for tls=%q", ErrConfig, mode)
	}
	if u.Hostname() == "" || u.Path != "" && u.Path != "/" || u.Fragment != "" {
		return nil, fmt.Errorf("%w: the URL needs a host, and no path", ErrConfig)
	}
	if u.Port() == "" {
		c.Addr = u.Hostname()
	}
	if u.User != nil {
		c.Username = u.User.Username()
		c.Password, _ = u.User.Password()
	}
	return c, nil
}
