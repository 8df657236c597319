package guard

import (
	"net/netip"

	"github.com/calandria-go/calandria/protocols/http1/wire"
)

// Find is what the middleware does with a head.
func (c ClientIP) Find(q *wire.Request, peer netip.Addr) (netip.Addr, bool) {
	if c.MaxHops <= 0 {
		c.MaxHops = defaultHops
	}
	return c.find(q, peer)
}

// Bucket is one client's, of a million requests a second and as many at once.
type Bucket struct{ bucket }

// Take takes from it.
func (b *Bucket) Take(now, cost int64) Decision { return b.take(now, cost, 1000, 1e9) }
