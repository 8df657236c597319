package access

import (
	"fmt"
	"net/netip"

	"github.com/calandria-go/calandria/transports/netaddr"
)

// reserved are the addresses that are not on the public Internet (RFC 6890 and its registries), or that carry another address
// inside: private, shared, loopback, link-local with the clouds' metadata, documentation, benchmarking, multicast, translation
// and tunnels.
var reserved = netaddr.MustSet(
	"0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24",
	"192.0.2.0/24", "192.31.196.0/24", "192.52.193.0/24", "192.88.99.0/24", "192.168.0.0/16", "192.175.48.0/24",
	"198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4",
	"::/96", "64:ff9b::/96", "64:ff9b:1::/48", "100::/64", "100:0:0:1::/64", "2001::/23", "2001:db8::/32", "2002::/16",
	"2620:4f:8000::/48", "3fff::/20", "5f00::/16", "fc00::/7", "fe80::/10", "fec0::/10", "ff00::/8",
)

// metadata are addresses at which clouds serve credentials. They are allowed only by an exact prefix.
var metadata = netaddr.MustSet("169.254.169.254/32", "169.254.170.2/32", "100.100.100.200/32", "192.0.0.192/32", "fd00:ec2::254/128")

// Targets says which addresses may be dialed. The zero value allows what is on the public Internet.
type Targets struct {
	// Allow are reserved addresses that may be dialed all the same. Those where clouds serve their metadata are allowed only by
	// themselves, as a prefix of full length.
	Allow []netip.Prefix
	// Ports are the ports that may be dialed; empty: all.
	Ports []uint16
}

// Check says whether a resolved address may be dialed. It is the address to dial: to look a name up again would let its owner
// answer with another one.
func (t *Targets) Check(a netip.AddrPort) error {
	ip := a.Addr()
	if !ip.IsValid() || a.Port() == 0 {
		return fmt.Errorf("%w: no address, or no port", ErrForbidden)
	}
	if ip.Zone() != "" {
		return fmt.Errorf("%w: %v has a zone", ErrForbidden, ip)
	}
	ip = ip.Unmap()
	if len(t.Ports) > 0 && !contains(t.Ports, a.Port()) {
		return fmt.Errorf("%w: port %d", ErrForbidden, a.Port())
	}
	if !reserved.Contains(ip) {
		return nil
	}
	exact := metadata.Contains(ip)
	for _, p := range t.Allow {
		if p.Contains(ip) && (!exact || p.IsSingleIP()) {
			return nil
		}
	}
	return fmt.Errorf("%w: %v is a reserved address", ErrForbidden, ip)
}

func contains[T comparable](all []T, v T) bool {
	for _, x := range all {
		if x == v {
			return true
		}
	}
	return false
}
