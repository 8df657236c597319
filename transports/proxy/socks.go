package proxy

import (
	"context"
	"errors"
	"io"
	"net"
	"net/url"
	"strconv"
	"time"

	"github.com/calandria-go/calandria/reactor"
	"github.com/calandria-go/calandria/transports"
	"github.com/calandria-go/calandria/transports/internal/sock"
	"github.com/calandria-go/calandria/transports/tcp"
	"github.com/calandria-go/calandria/transports/unix"
)

const (
	defaultSOCKSHandshake = 30 * time.Second
	defaultSOCKSTimeout   = time.Minute
)

// SOCKS5 dials through a SOCKS5 proxy (RFC 1928), with a user and a password if there are any (RFC 1929). It is a
// transports.Dialer. Its fields must not change once it is in use. The methods that dial are safe from any goroutine but a
// loop's, where they return reactor.ErrOnLoop: there use Handler.
//
// RemoteAddr of the connections is the proxy's. Until the proxy has answered a connection costs one small struct and one timer
// of the loop's. User, password and target go as they are: where others can read them, let Via be a tls.Dialer.
type SOCKS5 struct {
	// Proxy is where the proxy is: "host:port", or "unix:/path".
	Proxy string
	// Via connects to the proxy; nil: a tcp.Dialer or unix.Dialer.
	Via transports.Dialer
	// Username and Password are offered to the proxy, 1 to 255 bytes each; both empty: none are.
	Username, Password string
	// Resolver finds the addresses of names here; nil: the proxy does, and what this machine looks up tells nobody where it
	// connects to. Of several addresses the first is taken.
	Resolver tcp.Resolver
	// HandshakeTimeout bounds the time from the connection to the proxy to its last answer, in which it connects to the target;
	// 0: 30 s; negative: none.
	HandshakeTimeout time.Duration
	// Timeout bounds a dial: resolution, connecting and handshake; 0: 1 min; negative: only the context does, and what is below.
	Timeout time.Duration
}

var _ transports.Dialer = (*SOCKS5)(nil)

// ParseSOCKS5 reads the URL of a proxy, "socks5://user:password@host:port": with the scheme socks5h names are resolved by
// the proxy, with socks5 by net.DefaultResolver. The port may be left out: 1080.
func ParseSOCKS5(s string) (*SOCKS5, error) {
	u, err := url.Parse(s)
	if err != nil {
		return nil, socksError("not a URL", ErrSOCKSTarget) // url.Parse's error has the password in it
	}
	d := &SOCKS5{}
	switch u.Scheme {
	case "socks5":
		d.Resolver = net.DefaultResolver
	case "socks5h":
	default:
		return nil, socksError("the scheme of the proxy's URL is neither socks5 nor socks5h", ErrSOCKSTarget)
	}
	if u.Hostname() == "" || u.Path != "" && u.Path != "/" || u.RawQuery != "" || u.Fragment != "" {
		return nil, socksError("the proxy's URL needs a host, and nothing behind the port", ErrSOCKSTarget)
	}
	port := u.Port()
	if port == "" {
		port = "1080"
	}
	d.Proxy = net.JoinHostPort(u.Hostname(), port)
	if u.User != nil {
		d.Username = u.User.Username()
		d.Password, _ = u.User.Password()
	}
	return d, d.check()
}

// check is of what can be known before anything is sent.
func (d *SOCKS5) check() error {
	if d.Username == "" && d.Password == "" {
		return nil
	}
	if d.Username == "" || d.Password == "" || len(d.Username) > maxSOCKSField || len(d.Password) > maxSOCKSField {
		return ErrSOCKSCredentials
	}
	return nil
}

// DialContext connects to addr, "host:port", through the proxy, and gives a net.Conn. Errors are *net.OpError around one of
// this package's or the dialer's below. A timeout is os.ErrDeadlineExceeded; when ctx is cancelled it is ctx's error.
func (d *SOCKS5) DialContext(ctx context.Context, r *reactor.Reactor, addr string) (*reactor.Stream, error) {
	s := reactor.NewStream()
	if _, err := d.DialConn(ctx, r, addr, s); err != nil {
		return nil, err
	}
	return s, nil
}

// DialConn is DialContext for a handler. It returns when h.OnOpen has been called; after an error h has heard nothing,
// unless ctx ended at the moment of success: then h sees OnOpen and OnClose.
func (d *SOCKS5) DialConn(ctx context.Context, r *reactor.Reactor, addr string, h reactor.Handler) (*reactor.Conn, error) {
	if reactor.OnLoop() {
		return nil, reactor.ErrOnLoop
	}
	if at := sock.Deadline(ctx, d.Timeout, defaultSOCKSTimeout); !at.IsZero() {
		var cancel context.CancelFunc
		ctx, cancel = context.WithDeadline(ctx, at)
		defer cancel()
	}
	t, err := d.resolve(ctx, addr)
	if err != nil {
		return nil, sock.DialError("tcp", nil, nil, err)
	}
	proxy, err := transports.ParseTarget(d.Proxy)
	if err != nil {
		return nil, sock.DialError("tcp", nil, nil, err)
	}
	ended := make(chan error, 1)
	s, err := d.start(t, h, func(_ *reactor.Conn, err error) {
		if err != nil {
			ended <- err
		}
	})
	if err != nil {
		return nil, sock.DialError("tcp", nil, nil, err)
	}
	s.after = func() { ended <- nil }
	c, err := d.below(proxy).DialConn(ctx, r, proxy.Address, s)
	if err != nil {
		return nil, err
	}
	select {
	case err = <-ended:
	case <-ctx.Done():
		err = ctx.Err()
		c.Abort(err)
	}
	var own *Error
	switch {
	case err == nil:
		return c, nil
	case errors.As(err, &own):
		return nil, &net.OpError{Op: "dial", Net: "tcp", Addr: c.RemoteAddr(), Err: own}
	}
	return nil, sock.DialError("tcp", nil, c.RemoteAddr(), err)
}

func (d *SOCKS5) below(proxy transports.Target) transports.Dialer {
	switch {
	case d.Via != nil:
		return d.Via
	case proxy.Network == "unix":
		return new(unix.Dialer)
	}
	return new(tcp.Dialer)
}

// resolve reads a target, with its service's number and, if that is to happen here, its address.
func (d *SOCKS5) resolve(ctx context.Context, addr string) (target, error) {
	if host, service, err := net.SplitHostPort(addr); err == nil {
		port, err := net.DefaultResolver.LookupPort(ctx, "tcp", service)
		if err != nil {
			return target{}, err
		}
		addr = net.JoinHostPort(host, strconv.Itoa(port))
	}
	t, err := parseTarget(addr)
	if err != nil || t.name == "" || d.Resolver == nil {
		return t, err
	}
	all, err := d.Resolver.LookupNetIP(ctx, "ip", t.name)
	if err != nil {
		return t, err
	}
	if len(all) == 0 {
		return t, &net.AddrError{Err: "no suitable address found", Addr: t.name}
	}
	return target{addr: all[0].Unmap().WithZone(""), port: t.port}, nil
}

// Handler gives a handler that asks the proxy for a connection to addr when its own to the proxy opens, and then upgrades to
// next: for Reactor.DialFunc and Conn.Upgrade. addr has a number for its port; a name in it goes to the proxy. done, which may be
// nil, is called once, on the loop: with the connection, just before next.OnOpen, or with the reason why there is none, and
// then next hears nothing.
func (d *SOCKS5) Handler(addr string, next reactor.Handler, done func(*reactor.Conn, error)) (reactor.Handler, error) {
	t, err := parseTarget(addr)
	if err != nil {
		return nil, err
	}
	return d.start(t, next, done)
}

func (d *SOCKS5) start(t target, next reactor.Handler, done func(*reactor.Conn, error)) (*socksConn, error) {
	if err := d.check(); err != nil {
		return nil, err
	}
	if done == nil {
		done = func(*reactor.Conn, error) {}
	}
	return &socksConn{d: d, target: t, next: next, done: done, step: stepMethod}, nil
}

// socksConn is a connection to a proxy until that has answered. The proxy has no more to say than 262 bytes, of which nothing is
// kept.
type socksConn struct {
	d      *SOCKS5
	target target
	next   reactor.Handler
	done   func(*reactor.Conn, error)
	after  func() // next.OnOpen has returned
	timer  reactor.Timer
	step   socksStep
}

// socksStep is which answer is waited for.
type socksStep uint8

const (
	stepMethod socksStep = iota
	stepLogin
	stepReply
	stepDone
)

func (s *socksConn) login() bool { return s.d.Username != "" }

// OnOpen is part of reactor.Handler.
func (s *socksConn) OnOpen(c *reactor.Conn) {
	timeout := s.d.HandshakeTimeout
	if timeout == 0 {
		timeout = defaultSOCKSHandshake
	}
	c.InitTimer(&s.timer, func() { s.fail(c, ErrSOCKSTimeout) })
	if timeout > 0 {
		s.timer.Reset(timeout)
	}
	c.Write(appendGreeting(nil, s.login()))
}

// OnData is part of reactor.Handler. What comes behind the proxy's last answer is the target's, and next's.
func (s *socksConn) OnData(c *reactor.Conn, in []byte) int {
	used := 0
	for s.step != stepDone {
		n, err := s.take(c, in[used:])
		if err != nil {
			s.fail(c, err)
			return len(in)
		}
		if n == 0 {
			return used
		}
		used += n
	}
	return used
}

// take reads one answer, and sends what comes next.
func (s *socksConn) take(c *reactor.Conn, in []byte) (int, error) {
	switch s.step {
	case stepMethod:
		method, n, err := parseMethod(in, s.login())
		switch {
		case n == 0:
		case method == methodLogin:
			s.step = stepLogin
			c.Write(appendLogin(nil, s.d.Username, s.d.Password))
		default:
			s.request(c)
		}
		return n, err
	case stepLogin:
		n, err := parseLogin(in)
		if n > 0 {
			s.request(c)
		}
		return n, err
	default:
		_, n, err := parseReply(in)
		if n > 0 {
			s.step = stepDone
			s.handOver(c)
		}
		return n, err
	}
}

func (s *socksConn) request(c *reactor.Conn) {
	s.step = stepReply
	c.Write(appendRequest(nil, s.target))
}

// handOver gives the connection to next.
func (s *socksConn) handOver(c *reactor.Conn) {
	s.timer.Stop()
	s.done(c, nil)
	if s.after != nil {
		defer s.after()
	}
	c.Upgrade(s.next)
}

// fail ends the attempt. OnClose tells whoever waits.
func (s *socksConn) fail(c *reactor.Conn, err error) {
	s.step = stepDone
	c.Abort(err)
}

// OnClose is part of reactor.Handler. It comes only if there was no success.
func (s *socksConn) OnClose(c *reactor.Conn, err error) {
	if err == nil || err == io.EOF {
		err = ErrSOCKSClosed
	}
	s.done(c, err)
}
