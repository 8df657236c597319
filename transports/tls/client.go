package tls

import (
	"context"
	ctls "crypto/tls"
	"time"

	"github.com/calandria-go/calandria/reactor"
)

// Client is the client's side of TLS, for Reactor.DialFunc and, on a connection that is open already, Conn.Upgrade. Its
// fields must not change once it is in use. Dialer uses it for code that waits.
type Client struct {
	// Config is crypto/tls's. ServerName must be set, unless InsecureSkipVerify is. Its callbacks run on workers. A Config
	// that allows renegotiation is refused with ErrRenegotiation.
	Config *ctls.Config
	// HandshakeTimeout bounds the handshake, from OnOpen on; 0: 10 s; negative: none.
	HandshakeTimeout time.Duration
}

// clientDial is who waits for a client's handshake.
type clientDial struct {
	next  reactor.Handler
	done  func(*reactor.Conn, error)
	after func(*reactor.Conn) // once next.OnOpen has returned, or panicked; nil for none
}

// tell calls done, once.
func (d *clientDial) tell(c *reactor.Conn, err error) {
	if done := d.done; done != nil {
		d.done = nil
		done(c, err)
	}
}

// opened gives a connection to its handler. Loop only.
func (d *clientDial) opened(c *reactor.Conn) {
	d.tell(c, nil)
	if d.after != nil {
		defer d.after(c)
	}
	c.Upgrade(d.next)
}

// Handler gives a handler that runs the handshake when its connection opens and then upgrades to next. done, which may be
// nil, is called once, on the loop: with the connection, just before next.OnOpen, or with the reason why the handshake
// failed, and then next hears nothing.
func (cl *Client) Handler(next reactor.Handler, done func(*reactor.Conn, error)) reactor.Handler {
	return cl.handler(context.Background(), next, done)
}

func (cl *Client) handler(ctx context.Context, next reactor.Handler, done func(*reactor.Conn, error)) *starting {
	s := &starting{ctx: ctx, config: cl.Config, timeout: timeoutOr(cl.HandshakeTimeout)}
	if s.config == nil {
		s.config = &ctls.Config{}
	}
	s.client = &clientDial{next: next, done: done}
	return s
}

// starting is a client's first handler.
type starting struct {
	handshake
	ctx     context.Context
	config  *ctls.Config
	timeout time.Duration
}

// OnOpen is part of reactor.Handler.
func (s *starting) OnOpen(c *reactor.Conn) {
	s.c = c
	c.InitTimer(&s.timer, s.expired)
	if s.timeout != unlimitedTimeout {
		s.timer.Reset(s.timeout)
	}
	if s.config.Renegotiation != ctls.RenegotiateNever {
		s.fail(ErrRenegotiation)
		return
	}
	s.start(s.ctx, func(w *wire) *ctls.Conn { return ctls.Client(w, s.config) })
}

// OnData is part of reactor.Handler.
func (s *starting) OnData(_ *reactor.Conn, in []byte) int { return len(in) }

// OnClose is part of reactor.Handler.
func (s *starting) OnClose(_ *reactor.Conn, err error) { s.ended(err) }
