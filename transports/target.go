// Package transports opens listeners by their name on a command line; the transports themselves are the packages below it.
package transports

import (
	"context"
	"errors"
	"net"
	"strings"

	"github.com/calandria-go/calandria/reactor"
	"github.com/calandria-go/calandria/transports/tcp"
	"github.com/calandria-go/calandria/transports/unix"
)

// Target is a place to listen at or to dial: "host:port", "unix:/path", or "unix:@name" for an abstract socket of Linux.
type Target struct {
	Network string // "tcp" or "unix"
	Address string // "host:port", or the path
}

// ParseTarget reads a Target. It looks at the form alone: whether a host exists or a path can be bound shows in use.
func ParseTarget(s string) (Target, error) {
	if path, ok := strings.CutPrefix(s, "unix:"); ok {
		if path == "" {
			return Target{}, targetError("a unix target has no path", s)
		}
		return Target{"unix", path}, nil
	}
	if _, port, err := net.SplitHostPort(s); err != nil {
		var ae *net.AddrError
		if errors.As(err, &ae) {
			return Target{}, targetError(ae.Err, s)
		}
		return Target{}, targetError(err.Error(), s)
	} else if port == "" {
		return Target{}, targetError("missing port in address", s)
	}
	return Target{"tcp", s}, nil
}

func targetError(what, s string) error {
	return &net.AddrError{Err: "transports: " + what, Addr: s}
}

// String is what ParseTarget reads.
func (t Target) String() string {
	if t.Network == "unix" {
		return "unix:" + t.Address
	}
	return t.Address
}

// Listen parses target and listens there, with the transport's default options. The result is a *tcp.Listener or a
// *unix.Listener.
func Listen(target string) (net.Listener, error) {
	t, err := ParseTarget(target)
	if err != nil {
		return nil, err
	}
	return t.Listen(reactor.ListenLimits{})
}

// Listen is package-level Listen for a target that is parsed already, with limits for the reactor that serves it.
func (t Target) Listen(limits reactor.ListenLimits) (net.Listener, error) {
	if t.Network == "unix" {
		ln, err := unix.Config{Limits: limits}.Listen(t.Address)
		if err != nil {
			return nil, err
		}
		return ln, nil
	}
	ln, err := tcp.Config{Limits: limits}.Listen(context.Background(), t.Address)
	if err != nil {
		return nil, err
	}
	return ln, nil
}

// Dial connects to the target with the transport's default options and gives a net.Conn. See tcp.Dialer and unix.Dialer.
func (t Target) Dial(ctx context.Context, r *reactor.Reactor) (*reactor.Stream, error) {
	if t.Network == "unix" {
		return new(unix.Dialer).DialContext(ctx, r, t.Address)
	}
	return new(tcp.Dialer).DialContext(ctx, r, t.Address)
}
