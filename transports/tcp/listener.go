package tcp

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"sync"

	"github.com/calandria-go/calandria/reactor"
)

// Listener is a net.Listener on one TCP address, with one socket or several. Give it to Reactor.Serve, which polls its
// descriptors and applies its limits; Accept is for use without a reactor. Its methods are safe from any goroutine.
type Listener struct {
	cfg    Config
	shards []net.Listener // of *shard; never empty

	once     sync.Once // starts fan for Accept on several sockets
	fan      chan accepted
	stop     chan struct{}
	stopOnce sync.Once
}

type accepted struct {
	nc  net.Conn
	err error
}

var _ reactor.LimitedListener = (*Listener)(nil)

// Listen listens on addr, "host:port", with the zero Config. A port of 0 takes a free one; Addr tells which.
func Listen(addr string) (*Listener, error) { return Config{}.Listen(context.Background(), addr) }

// Listen listens on addr, "host:port"; ctx bounds the resolution of a host name. Errors are *net.OpError.
func (c Config) Listen(ctx context.Context, addr string) (*Listener, error) {
	c.Network = network(c.Network)
	ap, err := resolveListen(ctx, c.Network, addr)
	if err != nil {
		return nil, &net.OpError{Op: "listen", Net: c.Network, Err: err}
	}
	n := c.sockets()
	c.ReusePort = c.ReusePort || n > 1
	if c.ReusePort && !canReusePort {
		return nil, listenError(&c, ap, errors.ErrUnsupported)
	}
	l := newListener(c)
	for range n {
		one, err := open(&c, ap)
		if err != nil {
			l.Close()
			return nil, listenError(&c, ap, err)
		}
		l.add(one)
		// The first socket may have chosen the port, and the family.
		if got, ok := one.Addr().(*net.TCPAddr); ok {
			ap = netip.AddrPortFrom(ap.Addr(), uint16(got.Port))
		}
	}
	return l, nil
}

// FromListener wraps a listener that exists already, such as one from systemd or from the process before, and takes it
// over: use only the result from then on. Of c it applies Backlog where it is set, the options that accepted sockets
// inherit, and Limits. A *net.TCPListener gives its descriptor; any other listener serves by a goroutine that accepts.
func FromListener(ln net.Listener, c Config) (*Listener, error) {
	c.Network = network(c.Network)
	l := newListener(c)
	if t, ok := ln.(*net.TCPListener); ok {
		one, err := adopt(&c, t)
		if err != nil {
			return nil, &net.OpError{Op: "listen", Net: c.Network, Addr: ln.Addr(), Err: err}
		}
		ln = one
	}
	l.add(ln)
	return l, nil
}

func newListener(c Config) *Listener {
	return &Listener{cfg: c, fan: make(chan accepted), stop: make(chan struct{})}
}

func (l *Listener) add(ln net.Listener) {
	l.shards = append(l.shards, &shard{Listener: ln, cfg: &l.cfg})
}

func listenError(c *Config, ap netip.AddrPort, err error) error {
	var op *net.OpError
	if errors.As(err, &op) {
		return err
	}
	return &net.OpError{Op: "listen", Net: c.Network, Addr: tcpAddr(ap), Err: err}
}

// Addr is the address, with the port that was chosen for port 0.
func (l *Listener) Addr() net.Addr { return l.shards[0].Addr() }

// ListenLimits is part of reactor.LimitedListener.
func (l *Listener) ListenLimits() reactor.ListenLimits { return l.cfg.Limits }

// Shards are its sockets, each a net.Listener of its own: the reactor puts one on each loop. Do not accept from them while
// a reactor serves the Listener.
func (l *Listener) Shards() []net.Listener { return append([]net.Listener(nil), l.shards...) }

// ListenFDs are the descriptors of its sockets where it has any of its own, to be passed on to another process. They stay
// the Listener's: duplicate them, and before Close.
func (l *Listener) ListenFDs() []int {
	var fds []int
	for _, s := range l.shards {
		fds = append(fds, s.(*shard).ListenFDs()...)
	}
	return fds
}

// Accept waits for a connection without a reactor. With several sockets it starts a goroutine for each, until Close. The
// Limits do not apply.
func (l *Listener) Accept() (net.Conn, error) {
	if len(l.shards) == 1 {
		return l.shards[0].Accept()
	}
	l.once.Do(func() {
		for _, s := range l.shards {
			go l.acceptFrom(s)
		}
	})
	select {
	case a := <-l.fan:
		return a.nc, a.err
	case <-l.stop:
		return nil, l.closedError("accept")
	}
}

func (l *Listener) acceptFrom(s net.Listener) {
	for {
		nc, err := s.Accept()
		select {
		case l.fan <- accepted{nc, err}:
		case <-l.stop:
			if nc != nil {
				nc.Close()
			}
			return
		}
		if errors.Is(err, net.ErrClosed) {
			return
		}
	}
}

// Close closes its sockets and ends a waiting Accept. A second call returns net.ErrClosed.
func (l *Listener) Close() error {
	err := l.closedError("close")
	l.stopOnce.Do(func() {
		close(l.stop)
		err = nil
		for _, s := range l.shards {
			err = errors.Join(err, s.Close())
		}
	})
	return err
}

func (l *Listener) closedError(op string) error {
	e := &net.OpError{Op: op, Net: l.cfg.Network, Err: net.ErrClosed}
	if len(l.shards) > 0 {
		e.Addr = l.Addr()
	}
	return e
}

// shard is one socket of a Listener.
type shard struct {
	net.Listener
	cfg *Config
}

// ListenFDs is the socket's descriptor, if the Go runtime does not poll it.
func (s *shard) ListenFDs() []int {
	if f, ok := s.Listener.(interface{ FD() int }); ok && f.FD() >= 0 {
		return []int{f.FD()}
	}
	return nil
}

// Accept sets again what package net changes on every connection that it accepts.
func (s *shard) Accept() (net.Conn, error) {
	nc, err := s.Listener.Accept()
	if t, ok := nc.(*net.TCPConn); ok {
		t.SetNoDelay(!s.cfg.Nagle)
		if k := s.cfg.KeepAlive.config(); k.Enable {
			t.SetKeepAliveConfig(k)
		} else {
			t.SetKeepAlive(false)
		}
		if n := s.cfg.ReadBuffer; n > 0 {
			t.SetReadBuffer(n)
		}
		if n := s.cfg.WriteBuffer; n > 0 {
			t.SetWriteBuffer(n)
		}
	}
	return nc, err
}
