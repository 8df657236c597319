package access

import "net/netip"

// Clients says from where a service may be used. The zero value lets everybody in who reaches its public address; what makes that
// safe is that an address has to be configured.
type Clients struct {
	// Allow are the networks that may; empty: all.
	Allow []netip.Prefix
	// Deny are networks that may not, whatever Allow says.
	Deny []netip.Prefix
}

// Admit says whether an address may use the service. One that is not known, of a unix socket, may unless Allow has networks.
func (c *Clients) Admit(a netip.Addr) bool {
	a = a.Unmap().WithZone("")
	for _, p := range c.Deny {
		if p.Contains(a) {
			return false
		}
	}
	if len(c.Allow) == 0 {
		return true
	}
	for _, p := range c.Allow {
		if p.Contains(a) {
			return true
		}
	}
	return false
}
