package relay

import (
	"context"
	"errors"
	"net"
	"sync"

	"github.com/calandria-go/calandria/protocols/relay/link"
	"github.com/calandria-go/calandria/protocols/relay/wire"
	"github.com/calandria-go/calandria/reactor"
	"github.com/calandria-go/calandria/transports"
)

// Client reaches services through a relay, over a link of its own that it keeps up. It is a transports.Dialer: what takes one, such as
// http1.Client, goes through the relay, with the service's name in the place of the host. The exported fields must be set
// before the first use.
type Client struct {
	Dialing
	// Keys are the public keys of services: connections to these are encrypted end to end, and the relay sees ciphertext only.
	// A service that is not in it is not encrypted.
	Keys map[string]PublicKey
	// Key is the client's own, for services that ask who it is; nil: one that is made for each connection.
	Key *Key

	once   sync.Once
	cancel context.CancelFunc
	ended  chan struct{}

	mu     sync.Mutex
	m      *mux
	up     chan struct{} // closed while there is a link
	closed bool
	last   error
}

var _ transports.Dialer = (*Client)(nil)

// ErrNoLink: there is no link to the relay now.
var ErrNoLink = errors.New("relay: no link to the relay")

// clientLink owns the session of a Client.
type clientLink struct{ c *Client }

// start begins to keep the link up.
func (c *Client) start() {
	c.once.Do(func() {
		ctx, cancel := context.WithCancel(context.Background())
		c.cancel, c.ended, c.up = cancel, make(chan struct{}), make(chan struct{})
		told := c.Dialing.OnLink
		d := c.Dialing
		d.OnLink = func(up bool, err error) {
			c.mu.Lock()
			if !up {
				c.last = err
			}
			c.mu.Unlock()
			if told != nil {
				told(up, err)
			}
		}
		go func() {
			defer close(c.ended)
			d.keep(ctx, func() (*mux, func()) {
				cfg := c.Link
				cfg.Role = wire.RoleClient
				m := &mux{r: c.Reactor, down: c.down}
				m.s = link.New(cfg, clientLink{c})
				c.mu.Lock()
				c.m = m
				c.mu.Unlock()
				return m, func() {}
			})
		}()
	})
}

// Close ends the link, and with it all its streams. It waits for the end.
func (c *Client) Close() error {
	c.mu.Lock()
	c.closed = true
	c.mu.Unlock()
	c.start()
	c.cancel()
	<-c.ended
	return nil
}

// down keeps a broken session for as long as it may be resumed.
func (c *Client) down(m *mux, err error, kept bool) {
	c.mu.Lock()
	select {
	case <-c.up:
		c.up = make(chan struct{})
	default:
	}
	c.mu.Unlock()
	failLater(m, err, kept)
}

// Dial connects to a service and gives a net.Conn: with half-close and deadlines.
func (c *Client) Dial(ctx context.Context, service string) (*reactor.Stream, error) {
	s := reactor.NewStream()
	if _, err := c.DialConn(ctx, c.Reactor, service, s); err != nil {
		return nil, err
	}
	return s, nil
}

// DialConn is part of transports.Dialer: addr is a service's name, with or without a port, which counts for nothing; r must be
// the Client's Reactor, or nil. It waits for the link, for the agent to reach the service, and for the handshake if the
// service has a key.
func (c *Client) DialConn(ctx context.Context, r *reactor.Reactor, addr string, h reactor.Handler) (*reactor.Conn, error) {
	service := addr
	if host, _, err := net.SplitHostPort(addr); err == nil {
		service = host
	}
	fail := func(err error) error {
		return &net.OpError{Op: "dial", Net: "relay", Addr: Addr{wire.KindTCP, service}, Err: err}
	}
	if reactor.OnLoop() {
		return nil, reactor.ErrOnLoop
	}
	if r != nil && r != c.Reactor {
		return nil, fail(errors.New("relay: another Reactor than the Client's"))
	}
	if err := c.await(ctx); err != nil {
		return nil, fail(err)
	}
	type result struct {
		c   *reactor.Conn
		err error
	}
	ch := make(chan result, 1)
	d := c.open(service, nil, h, func(rc *reactor.Conn, err error) { ch <- result{rc, err} })
	select {
	case res := <-ch:
		if res.err != nil {
			return nil, fail(res.err)
		}
		return res.c, nil
	case <-ctx.Done():
		d.cancel(context.Cause(ctx))
		if res := <-ch; res.err == nil {
			res.c.Abort(context.Cause(ctx))
		}
		return nil, fail(context.Cause(ctx))
	}
}

// await waits for a link.
func (c *Client) await(ctx context.Context) error {
	c.start()
	for {
		c.mu.Lock()
		up, closed := c.up, c.closed
		c.mu.Unlock()
		if closed {
			return net.ErrClosed
		}
		select {
		case <-up:
			return nil
		case <-c.ended:
			return net.ErrClosed
		case <-ctx.Done():
			c.mu.Lock()
			defer c.mu.Unlock()
			return errors.Join(ErrNoLink, c.last, context.Cause(ctx))
		}
	}
}

// outgoing is a stream of a Client on its way to its service.
type outgoing struct {
	client  *Client
	m       *mux
	st      *link.Stream
	service string
	near    *reactor.Conn
	h       reactor.Handler
	done    func(*reactor.Conn, error)
	once    sync.Once
	joined  bool // with the mux's lock
	rc      *reactor.Conn
}

// open asks for a stream; done is called once, when h.OnOpen was called or with the reason that it will not be. Any goroutine.
func (c *Client) open(service string, near *reactor.Conn, h reactor.Handler, done func(*reactor.Conn, error)) *outgoing {
	d := &outgoing{client: c, service: service, near: near, h: h, done: done}
	c.mu.Lock()
	d.m = c.m
	c.mu.Unlock()
	if d.m == nil {
		d.end(nil, ErrNoLink)
		return d
	}
	if !wire.Name(service) {
		d.end(nil, ErrNoService)
		return d
	}
	var flags uint8
	if _, ok := c.Keys[service]; ok {
		flags = wire.FlagEncrypted
	}
	d.m.lock()
	st, err := d.m.s.OpenStream(&wire.Open{Kind: wire.KindTCP, Service: []byte(service)}, flags, d)
	if err == link.ErrAgain {
		err = ErrNoLink
	}
	d.st = st
	d.m.unlock()
	if err != nil {
		d.end(nil, err)
	}
	return d
}

func (d *outgoing) end(c *reactor.Conn, err error) { d.once.Do(func() { d.done(c, err) }) }

// Ready is part of link.Events: the answer has come.
func (d *outgoing) Ready() { d.m.later(d.check) }

func (d *outgoing) check() {
	d.m.lock()
	if d.joined {
		d.m.unlock()
		return
	}
	err := d.st.Err()
	if err == nil && !d.st.Answered() {
		d.m.unlock()
		return
	}
	d.joined = true
	if err != nil {
		d.m.unlock()
		d.end(nil, err)
		return
	}
	h := d.h
	if key, ok := d.client.Keys[d.service]; ok {
		h = &handshake{key: d.client.Key, peer: &key, service: d.service, next: h, done: d.end}
	}
	local := Addr{wire.KindTCP, d.service}
	var near anchor
	if d.near != nil {
		near = d.near
	}
	rc, err := d.m.connect(d.st, near, local, local, h)
	d.rc = rc
	d.m.unlock()
	if _, ok := h.(*handshake); ok && err == nil {
		return // it tells
	}
	if err != nil || !rc.Post(func() { d.end(rc, nil) }) {
		d.end(nil, errors.Join(err, net.ErrClosed))
	}
}

// cancel gives up.
func (d *outgoing) cancel(err error) {
	if d.m == nil || d.st == nil {
		return
	}
	d.m.lock()
	joined, rc := d.joined, d.rc
	d.joined = true
	if !joined {
		d.st.Reset(wire.CodeReset, "")
	}
	d.m.unlock()
	if rc != nil {
		rc.Abort(err)
		return
	}
	d.end(nil, err)
}

// Forward is the protocol of a local listener whose connections go to a service: end to end encrypted if Keys has the
// service's key. A connection that comes while there is no link is reset.
func (c *Client) Forward(service string) reactor.Protocol {
	c.start()
	return reactor.ProtocolFunc(func(*reactor.Conn) reactor.Handler { return &forwarded{client: c, service: service} })
}

// forwarded is the handler of a local connection until its stream is there.
type forwarded struct {
	client  *Client
	service string
	d       *outgoing
	gone    bool
}

// OnOpen is part of reactor.Handler.
func (f *forwarded) OnOpen(c *reactor.Conn) {
	c.Pause()
	in, out := splice(&spliced{})
	f.d = f.client.open(f.service, c, out, func(rc *reactor.Conn, err error) {
		c.Post(func() {
			switch {
			case f.gone:
			case err != nil:
				c.Abort(err)
			default:
				c.Upgrade(in)
			}
		})
	})
}

// OnData is part of reactor.Handler.
func (f *forwarded) OnData(*reactor.Conn, []byte) int { return 0 }

// OnDrain is part of reactor.DrainHandler.
func (f *forwarded) OnDrain(*reactor.Conn) {}

// OnClose is part of reactor.Handler.
func (f *forwarded) OnClose(_ *reactor.Conn, err error) {
	f.gone = true
	if err == nil {
		err = net.ErrClosed
	}
	f.d.cancel(err)
}

// Established is part of link.Owner.
func (l clientLink) Established(*link.Session, *wire.Hello, bool) {
	l.c.mu.Lock()
	defer l.c.mu.Unlock()
	select {
	case <-l.c.up:
	default:
		close(l.c.up)
	}
}

// Opened is part of link.Owner.
func (clientLink) Opened(st *link.Stream, _ *wire.Open, _ uint8) {
	st.Refuse(wire.CodeRefused, "a client has no services")
}

// Offer is part of link.Owner.
func (clientLink) Offer(uint32, *wire.Open) {}

// Offered is part of link.Owner.
func (clientLink) Offered(uint32, wire.Code, string) {}

// Withdraw is part of link.Owner.
func (clientLink) Withdraw(uint32) {}

// GoAway is part of link.Owner.
func (clientLink) GoAway(wire.Code, string) {}
