package transports

import (
	"context"

	"github.com/calandria-go/calandria/reactor"
)

// Dialer opens connections of a reactor: tcp.Dialer, unix.Dialer and tls.Dialer are Dialers, and so are those that go through a
// resolver or a proxy. Clients take one where the way to the server is the user's choice, and a Dialer that stands on another
// takes one too.
type Dialer interface {
	// DialConn connects to addr, "host:port" or the path of a unix socket. ctx bounds it all. It returns when h.OnOpen has been
	// called; after an error h has heard nothing, unless ctx ended at the moment of success: then h sees OnOpen and OnClose. On
	// a loop's goroutine it returns reactor.ErrOnLoop.
	DialConn(ctx context.Context, r *reactor.Reactor, addr string, h reactor.Handler) (*reactor.Conn, error)
}
