package relay

import (
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/time/rate"

	"github.com/calandria-go/calandria/protocols/relay/access"
	"github.com/calandria-go/calandria/protocols/relay/wire"
)

// Balance says which of several agents gets the next stream.
type Balance uint8

// The ways to choose.
const (
	RoundRobin  Balance = iota // each in turn
	LeastLoaded                // the one with the fewest streams, then the shortest round trip
	Sticky                     // always the same for one client address, as long as it is there
)

// Service is what a relay knows of a service before any agent offers it. The zero values of its limits mean the defaults given at
// each field; negative means unlimited.
type Service struct {
	// Name is what agents offer and clients ask for.
	Name string
	// Kind is what it carries; 0: wire.KindTCP.
	Kind wire.Kind
	// Clients says from where it may be used.
	Clients access.Clients
	// Balance chooses among agents.
	Balance Balance
	// MaxConns bounds the connections to the service at a time: 10,000.
	MaxConns int
	// MaxConnsPerClient bounds those of one client address: 1,000.
	MaxConnsPerClient int
	// BytesPerSecond bounds what goes through all connections together, both ways counted; 0 and negative: the line does. It is
	// not for the bodies of HTTP, only for what follows an upgrade there.
	BytesPerSecond int
	// IdleTimeout ends a flow of datagrams that is silent in both directions: 60 s. Other kinds are not ended for silence.
	IdleTimeout time.Duration
	// Verify is asked for the Authorization field of each request to an HTTP service; nil: it is the service's own affair.
	// It must not block. A false answer is a 401 with Challenge.
	Verify func(authorization string) bool
	// Challenge is the WWW-Authenticate of that 401; empty: `Basic realm="relay"`.
	Challenge string
}

func orLimit(v, def int) int {
	switch {
	case v == 0:
		return def
	case v < 0:
		return int(^uint(0) >> 1)
	}
	return v
}

// service is a Service with its agents.
type service struct {
	Service
	limit *rate.Limiter

	mu     sync.Mutex
	offers []*offer
	next   int
	conns  int
	client map[netip.Addr]int

	opened, failed, refused atomic.Uint64
	in, out                 atomic.Uint64
}

// offer is one agent's link on which a service can be reached.
type offer struct {
	peer   *peer
	number uint32
	svc    *service
}

func newService(c Service) *service {
	if c.Kind == 0 {
		c.Kind = wire.KindTCP
	}
	c.MaxConns, c.MaxConnsPerClient = orLimit(c.MaxConns, 10_000), orLimit(c.MaxConnsPerClient, 1_000)
	if c.IdleTimeout == 0 {
		c.IdleTimeout = time.Minute
	}
	v := &service{Service: c, client: map[netip.Addr]int{}}
	if n := c.BytesPerSecond; n > 0 {
		v.limit = rate.NewLimiter(rate.Limit(n), max(n, 64<<10))
	}
	return v
}

// admit counts a connection of a client; false if it may not come, or there are too many.
func (v *service) admit(a netip.Addr) bool {
	if !v.Clients.Admit(a) {
		v.refused.Add(1)
		return false
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.conns >= v.MaxConns || v.client[a] >= v.MaxConnsPerClient {
		v.refused.Add(1)
		return false
	}
	v.conns++
	v.client[a]++
	return true
}

func (v *service) leave(a netip.Addr) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.conns--
	if v.client[a]--; v.client[a] <= 0 {
		delete(v.client, a)
	}
}

func (v *service) add(o *offer) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.offers = append(v.offers, o)
}

func (v *service) remove(o *offer) {
	v.mu.Lock()
	defer v.mu.Unlock()
	for i := range v.offers {
		if v.offers[i] == o {
			v.offers = append(v.offers[:i:i], v.offers[i+1:]...)
			return
		}
	}
}

// pick chooses an agent that was not tried, and says whether there is another one. Links that are broken for the moment come
// last; those that drain not at all.
func (v *service) pick(client netip.Addr, tried []*peer) (best *peer, more bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	var few [16]*peer
	live, waiting := few[:0], []*peer(nil)
	for _, o := range v.offers {
		switch {
		case has(tried, o.peer), o.peer.full():
		case o.peer.state.Load() == peerUp:
			live = append(live, o.peer)
		case o.peer.state.Load() == peerSuspended:
			waiting = append(waiting, o.peer)
		}
	}
	if len(live) == 0 {
		live = waiting
	}
	if len(live) == 0 {
		return nil, false
	}
	v.next++
	switch v.Balance {
	case LeastLoaded:
		best = live[v.next%len(live)]
		for _, p := range live {
			if a, b := p.load.Load(), best.load.Load(); a < b || a == b && p.rtt.Load() < best.rtt.Load() {
				best = p
			}
		}
	case Sticky:
		var top uint64
		for _, p := range live {
			if w := weight(client, p.id); best == nil || w > top {
				best, top = p, w
			}
		}
	default:
		best = live[v.next%len(live)]
	}
	return best, len(live) > 1
}

func has(all []*peer, p *peer) bool {
	for _, x := range all {
		if x == p {
			return true
		}
	}
	return false
}

// weight is that of rendezvous hashing: when an agent goes, only its own clients move.
func weight(client netip.Addr, id string) uint64 {
	h := uint64(14695981039346656037)
	mix := func(c byte) { h = (h ^ uint64(c)) * 1099511628211 }
	for _, c := range client.As16() {
		mix(c)
	}
	for i := range len(id) {
		mix(id[i])
	}
	h ^= h >> 33
	h *= 0xff51afd7ed558ccd
	return h ^ h>>33
}
