package tls

import (
	"net/netip"
	"sync"
)

// gate counts the handshakes in progress, in all and by address.
type gate struct {
	max, maxPerIP int

	mu    sync.Mutex
	n     int
	perIP map[netip.Addr]int
}

// enter counts one more; an error if there are too many.
func (g *gate) enter(ip netip.Addr) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.n >= g.max {
		return ErrHandshakeLimit
	}
	if ip.IsValid() {
		if g.perIP[ip] >= g.maxPerIP {
			return ErrHandshakeLimitPerIP
		}
		if g.perIP == nil {
			g.perIP = map[netip.Addr]int{}
		}
		g.perIP[ip]++
	}
	g.n++
	return nil
}

// leave ends what enter counted.
func (g *gate) leave(ip netip.Addr) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.n--
	if !ip.IsValid() {
		return
	}
	if g.perIP[ip]--; g.perIP[ip] <= 0 {
		delete(g.perIP, ip)
	}
}

func (g *gate) pending() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.n
}
