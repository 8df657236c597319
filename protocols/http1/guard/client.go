package guard

import (
	"encoding/binary"
	"hash/maphash"
	"net/netip"
)

// Networks is a set of addresses: a *netaddr.Set, or a *netaddr.List, which changes while it is used.
type Networks interface {
	// Contains says whether a is in the set. It must not block.
	Contains(a netip.Addr) bool
}

// contains asks n, which may be nil.
func contains(n Networks, a netip.Addr) bool { return n != nil && a.IsValid() && n.Contains(a) }

// key is a client in a table, without a pointer: an IPv4 address as IPv6 maps it, or the upper half of an IPv6 address.
type key struct{ hi, lo uint64 }

const (
	mapped = 0xffff << 32 // the lower half's beginning in ::ffff:0:0/96
	nat64  = 0x0064ff9b << 32
)

// keyOf is the client that a is a part of. Addresses of NAT64's well-known prefix, 64:ff9b::/96 (RFC 6052 section 2.1), are the
// IPv4 addresses that they hold: as one /64 they would be all of IPv4.
func keyOf(a netip.Addr) key {
	b := a.As16() // of an invalid address: zeros
	k := key{binary.BigEndian.Uint64(b[:8]), binary.BigEndian.Uint64(b[8:])}
	switch {
	case k.hi == 0 && k.lo>>32 == 0xffff:
		return k
	case k.hi == nat64 && k.lo>>32 == 0:
		return key{0, mapped | k.lo}
	}
	return key{k.hi, 0}
}

// prefix is what k stands for.
func (k key) prefix() netip.Prefix {
	var b [16]byte
	binary.BigEndian.PutUint64(b[:8], k.hi)
	binary.BigEndian.PutUint64(b[8:], k.lo)
	a := netip.AddrFrom16(b)
	if a.Is4In6() {
		return netip.PrefixFrom(a.Unmap(), 32)
	}
	return netip.PrefixFrom(a, 64)
}

// hasher makes keys of bytes that are not addresses. Its seeds are the process's secret, so that nobody can make two names
// that share a key.
type hasher struct{ one, two maphash.Seed }

func newHasher() hasher { return hasher{maphash.MakeSeed(), maphash.MakeSeed()} }

func (h *hasher) key(b []byte) key { return key{maphash.Bytes(h.one, b), maphash.Bytes(h.two, b)} }
