package tcp

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"time"

	"github.com/calandria-go/calandria/reactor"
	"github.com/calandria-go/calandria/transports/internal/sock"
)

const (
	// defaultTimeout ends a dial without a timeout of its own.
	defaultTimeout = 30 * time.Second
	// leastTry is what one address of several gets at the least, while there is so much time left.
	leastTry = 2 * time.Second
)

// Dialer connects to a "host:port". The zero value is good. Its methods are safe from any goroutine but a loop's, where
// they return reactor.ErrOnLoop: there use Reactor.DialFunc with Options.
type Dialer struct {
	// Network is "tcp", "tcp4" or "tcp6"; empty: "tcp".
	Network string
	// Timeout bounds it all, resolution and every attempt; 0: 30 s; negative: only the context and the system bound it.
	Timeout time.Duration
	// LocalAddr is the address to dial from; nil: any. With an IP address only remote addresses of its family are tried.
	LocalAddr *net.TCPAddr
	// KeepAlive is when silent peers are probed; the zero value is on. The portable engine has package net's instead.
	KeepAlive KeepAlive
	// Nagle leaves TCP_NODELAY off. It does nothing on the portable engine.
	Nagle bool
	// ReadBuffer and WriteBuffer fix SO_RCVBUF and SO_SNDBUF; 0: the system tunes them. Nothing on the portable engine.
	ReadBuffer, WriteBuffer int
	// Resolver finds the addresses of host names; nil: net.DefaultResolver.
	Resolver Resolver
	// Near puts the connection on the loop of another one.
	Near *reactor.Conn
	// Control is called with each socket before it connects; nil for none. Not called on the portable engine.
	Control func(fd int) error
}

// DialContext connects and gives a net.Conn. The addresses of a name are tried in the resolver's order, the time that is
// left spread over them as package net does; the error is the first's, a *net.OpError. A timeout is
// os.ErrDeadlineExceeded and context.DeadlineExceeded; when ctx is cancelled it is ctx's error.
func (d *Dialer) DialContext(ctx context.Context, r *reactor.Reactor, addr string) (*reactor.Stream, error) {
	s := reactor.NewStream()
	if _, err := d.DialConn(ctx, r, addr, s); err != nil {
		return nil, err
	}
	return s, nil
}

// DialConn is DialContext for a handler. It returns when h.OnOpen has been called; after an error h has heard nothing,
// unless ctx ended at the moment of success: then h sees OnOpen and OnClose.
func (d *Dialer) DialConn(ctx context.Context, r *reactor.Reactor, addr string, h reactor.Handler) (*reactor.Conn, error) {
	if reactor.OnLoop() {
		return nil, reactor.ErrOnLoop
	}
	deadline := sock.Deadline(ctx, d.Timeout, defaultTimeout)
	if !deadline.IsZero() {
		var cancel context.CancelFunc
		ctx, cancel = context.WithDeadline(ctx, deadline)
		defer cancel()
	}
	all, err := d.resolve(ctx, addr)
	if err != nil {
		return nil, d.error(nil, err)
	}
	o := d.Options()
	var first error
	for i, ap := range all {
		if err := ctx.Err(); err != nil {
			first = orElse(first, d.error(tcpAddr(ap), err))
			break
		}
		o.Timeout = share(deadline, len(all)-i)
		c, err := r.Dial(ctx, tcpAddr(ap), o, h)
		if err == nil {
			return c, nil
		}
		err = d.error(tcpAddr(ap), err)
		if errors.Is(ctx.Err(), context.Canceled) || errors.Is(err, reactor.ErrShutdown) {
			return nil, err
		}
		first = orElse(first, err)
	}
	return nil, first
}

// Options are the dialer's for Reactor.DialFunc, which dials an address that is resolved already, without waiting.
func (d *Dialer) Options() reactor.DialOptions {
	o := reactor.DialOptions{Timeout: d.Timeout, Near: d.Near, Control: d.control}
	if d.LocalAddr != nil {
		o.LocalAddr = d.LocalAddr
	}
	return o
}

// control sets a socket's options before it connects.
func (d *Dialer) control(fd int) error {
	if err := stream(fd, d.Nagle, d.KeepAlive, d.ReadBuffer, d.WriteBuffer); err != nil {
		return err
	}
	if d.Control != nil {
		return d.Control(fd)
	}
	return nil
}

// resolve gives the addresses to try: for an empty host the own machine, and those of the local address's family.
func (d *Dialer) resolve(ctx context.Context, addr string) ([]netip.AddrPort, error) {
	all, err := resolve(ctx, d.Resolver, network(d.Network), addr)
	if err != nil {
		return nil, err
	}
	local, fixed := netip.Addr{}, false
	if d.LocalAddr != nil {
		local, fixed = netip.AddrFromSlice(d.LocalAddr.IP)
		local = local.Unmap()
	}
	var out []netip.AddrPort
	for _, ap := range all {
		ip := ap.Addr()
		if !ip.IsValid() || ip.IsUnspecified() {
			ip = loopback(network(d.Network) == "tcp6" || ip.Is6() && network(d.Network) == "tcp" || fixed && local.Is6())
			ap = netip.AddrPortFrom(ip, ap.Port())
		}
		if !fixed || local.Is4() == ip.Is4() {
			out = append(out, ap)
		}
	}
	if len(out) == 0 {
		return nil, &net.AddrError{Err: "no address of the local address's family", Addr: addr}
	}
	return out, nil
}

func loopback(six bool) netip.Addr {
	if six {
		return netip.IPv6Loopback()
	}
	return netip.AddrFrom4([4]byte{127, 0, 0, 1})
}

// share is the time for the next of n addresses: an equal part of what is left, but no less than leastTry while there is
// that much. Negative: no limit.
func share(deadline time.Time, n int) time.Duration {
	if deadline.IsZero() {
		return -1
	}
	left := time.Until(deadline)
	part := max(left/time.Duration(n), min(left, leastTry))
	return max(part, time.Nanosecond) // 0 would be the default
}

func (d *Dialer) error(remote *net.TCPAddr, err error) error {
	var to, from net.Addr
	if remote != nil {
		to = remote
	}
	if d.LocalAddr != nil {
		from = d.LocalAddr
	}
	return sock.DialError(network(d.Network), from, to, err)
}

func orElse(first, err error) error {
	if first != nil {
		return first
	}
	return err
}
