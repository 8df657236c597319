package resolve

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"sync/atomic"
	"time"

	"github.com/calandria-go/calandria/reactor"
	"github.com/calandria-go/calandria/transports"
	"github.com/calandria-go/calandria/transports/internal/sock"
	"github.com/calandria-go/calandria/transports/tcp"
)

const (
	defaultResolutionDelay = 50 * time.Millisecond
	defaultAttemptDelay    = 250 * time.Millisecond
	leastAttemptDelay      = 10 * time.Millisecond // RFC 8305, section 5
	defaultMaxAttempts     = 16
	dialTimeout            = 30 * time.Second
)

// Dialer connects to a "host:port" by Happy Eyeballs, RFC 8305. It is a transports.Dialer; the zero value is good. Its methods
// are safe from any goroutine but a loop's, where they return reactor.ErrOnLoop.
//
// Both families are asked for at once. Attempts begin with the IPv6 addresses, or, if those take ResolutionDelay longer, with
// the IPv4 ones; addresses are in the order of RFC 6724, the families in turns. The next attempt begins AttemptDelay after the one before,
// or as soon as one has failed, and does not end it. The first connection wins; the others are ended, and the server may see
// them open and be reset. Nothing is remembered of how a dial went. NAT64 (section 7) is left to the network.
type Dialer struct {
	// TCP has the options of the connections. Its Timeout bounds it all; its Network and LocalAddr say which families are
	// tried; its Resolver is not used.
	TCP tcp.Dialer
	// Resolver finds the addresses; nil: net.DefaultResolver, which remembers nothing. It is asked for each family on its own.
	Resolver tcp.Resolver
	// ResolutionDelay is how long IPv6 addresses are waited for when those of IPv4 are there; 0: 50 ms; negative: not at all.
	ResolutionDelay time.Duration
	// AttemptDelay is how long an attempt goes on alone; 0: 250 ms; at least 10 ms; negative: until it has failed.
	AttemptDelay time.Duration
	// MaxAttempts bounds the addresses that are tried; 0 or negative: 16.
	MaxAttempts int
}

var _ transports.Dialer = (*Dialer)(nil)

// DialContext connects and gives a net.Conn. The error is that of the first attempt, a *net.OpError, or of the lookup. A timeout
// is os.ErrDeadlineExceeded and context.DeadlineExceeded; when ctx is cancelled it is ctx's error.
func (d *Dialer) DialContext(ctx context.Context, r *reactor.Reactor, addr string) (*reactor.Stream, error) {
	s := reactor.NewStream()
	if _, err := d.DialConn(ctx, r, addr, s); err != nil {
		return nil, err
	}
	return s, nil
}

// DialConn is DialContext for a handler. It returns when h.OnOpen has been called; after an error h has heard nothing,
// unless ctx ended at the moment of success: then h sees OnOpen and OnClose. A dial costs a goroutine for each family and each
// attempt while it lasts.
func (d *Dialer) DialConn(ctx context.Context, r *reactor.Reactor, addr string, h reactor.Handler) (*reactor.Conn, error) {
	if reactor.OnLoop() {
		return nil, reactor.ErrOnLoop
	}
	host, service, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, d.error(err)
	}
	if _, err := netip.ParseAddr(host); err == nil || host == "" {
		return d.TCP.DialConn(ctx, r, addr, h) // there is nothing to find and nothing to choose
	}
	if at := sock.Deadline(ctx, d.TCP.Timeout, dialTimeout); !at.IsZero() {
		var cancel context.CancelFunc
		ctx, cancel = context.WithDeadline(ctx, at)
		defer cancel()
	}
	port, err := net.DefaultResolver.LookupPort(ctx, "tcp", service)
	if err != nil {
		return nil, d.error(err)
	}
	six, four, err := d.families()
	if err != nil {
		return nil, d.error(err)
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel() // ends the lookups too
	var won atomic.Bool
	run := race[*reactor.Conn]{
		resolutionDelay: max(orDefault(d.ResolutionDelay, defaultResolutionDelay), 0),
		attemptDelay:    d.attemptDelay(),
		maxAttempts:     positive(d.MaxAttempts, defaultMaxAttempts),
		sort:            func(all []netip.Addr) []netip.Addr { return order(all, sourceOf) },
		connect: func(ctx context.Context, ip netip.Addr) (*reactor.Conn, error) {
			return d.attempt(ctx, r, netip.AddrPortFrom(ip, uint16(port)), &won, h)
		},
	}
	if six {
		run.six = d.lookup(ctx, "ip6", host)
	}
	if four {
		run.four = d.lookup(ctx, "ip4", host)
	}
	c, err := run.run(ctx)
	if err != nil {
		return nil, d.error(err)
	}
	return c, nil
}

func (d *Dialer) attemptDelay() time.Duration {
	switch t := orDefault(d.AttemptDelay, defaultAttemptDelay); {
	case t < 0:
		return 1<<63 - 1
	default:
		return max(t, leastAttemptDelay)
	}
}

// families says which ones are to be tried.
func (d *Dialer) families() (six, four bool, err error) {
	switch d.TCP.Network {
	case "", "tcp":
		six, four = true, true
	case "tcp6":
		six = true
	case "tcp4":
		four = true
	default:
		return false, false, net.UnknownNetworkError(d.TCP.Network)
	}
	if d.TCP.LocalAddr != nil {
		if ip, ok := netip.AddrFromSlice(d.TCP.LocalAddr.IP); ok {
			is4 := ip.Unmap().Is4()
			six, four = six && !is4, four && is4
		}
	}
	if !six && !four {
		return false, false, &net.AddrError{Err: "the local address is not of the network's family", Addr: d.TCP.LocalAddr.String()}
	}
	return six, four, nil
}

func (d *Dialer) lookup(ctx context.Context, network, host string) <-chan found {
	ch := make(chan found, 1)
	go func() {
		var r tcp.Resolver = net.DefaultResolver
		if d.Resolver != nil {
			r = d.Resolver
		}
		all, err := guarded(ctx, r, network, host)
		f := found{family(network, all), err}
		if err == nil && len(f.addrs) == 0 {
			f.err = failure(host, "", ErrNoAddress)
		}
		ch <- f
	}()
	return ch
}

// attempt connects to one address, and gives the connection to h unless another attempt was first.
func (d *Dialer) attempt(
	ctx context.Context, r *reactor.Reactor, to netip.AddrPort, won *atomic.Bool, h reactor.Handler,
) (*reactor.Conn, error) {
	o := d.TCP.Options()
	o.Timeout = -1 // ctx has it
	a := &contender{won: won, next: h}
	c, err := r.Dial(ctx, net.TCPAddrFromAddrPort(to), o, a)
	switch {
	case err != nil:
		return nil, err
	case a.lost:
		return nil, errLost
	}
	return c, nil
}

// errLost is why a connection is reset that came second.
var errLost = errors.New("resolve: another address answered first")

// contender is the handler of an attempt: the first to be open becomes the real one.
type contender struct {
	won  *atomic.Bool
	next reactor.Handler
	lost bool
}

func (a *contender) OnOpen(c *reactor.Conn) {
	if a.won.CompareAndSwap(false, true) {
		c.Upgrade(a.next)
		return
	}
	a.lost = true
	c.Abort(errLost)
}

func (a *contender) OnData(_ *reactor.Conn, in []byte) int { return len(in) }
func (a *contender) OnClose(*reactor.Conn, error)          {}

func (d *Dialer) error(err error) error {
	network := d.TCP.Network
	if network == "" {
		network = "tcp"
	}
	var local net.Addr
	if d.TCP.LocalAddr != nil {
		local = d.TCP.LocalAddr
	}
	return sock.DialError(network, local, nil, err)
}
