//go:build !unix

package inherit

import (
	"context"
	"errors"
	"net"

	"github.com/calandria-go/calandria/transports"
)

func (p *state) load() error { return nil }

func (c *Config) open(ctx context.Context, t transports.Target, _ []socket) (net.Listener, error) {
	if t.Network == "unix" {
		return c.Unix.Listen(t.Address)
	}
	return c.TCP.Listen(ctx, t.Address)
}

// Restart is errors.ErrUnsupported on this system.
func Restart(context.Context, Successor) (pid int, err error) { return 0, errors.ErrUnsupported }

// Ready says to systemd that this process serves.
func Ready() error { return Notify("READY=1") }

// Forget does nothing on this system.
func Forget(interface{ Close() error }) {}
