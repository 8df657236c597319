package netaddr_test

import (
	"math/rand/v2"
	"net/netip"
)

// firehol makes a list of the size and shape of FireHOL's level 1: over 4,000 IPv4 networks of 17 different lengths, and
// IPv6 ones as in Spamhaus's DROPv6.
func firehol() (four, six []netip.Prefix) {
	r := rand.New(rand.NewPCG(20, 26))
	count := [33]int{
		8: 6, 10: 2, 11: 3, 12: 5, 13: 6, 14: 16, 15: 28, 16: 120, 17: 90, 18: 130, 19: 240, 20: 330, 21: 320, 22: 560, 23: 380,
		24: 1500, 32: 600,
	}
	for bits, n := range count {
		for range n {
			four = append(four, netip.PrefixFrom(random4(r), bits).Masked())
		}
	}
	for range 80 {
		six = append(six, netip.PrefixFrom(random6(r), 29+r.IntN(20)).Masked())
	}
	return four, six
}

func random4(r *rand.Rand) netip.Addr {
	v := r.Uint32()
	return netip.AddrFrom4([4]byte{byte(v >> 24), byte(v >> 16), byte(v >> 8), byte(v)})
}

// random6 is an address in 2a00::/13, where much of what is banned is.
func random6(r *rand.Rand) netip.Addr {
	var b [16]byte
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	b[0], b[1] = 0x2a, b[1]&7
	return netip.AddrFrom16(b)
}

// inside is some address of p.
func inside(r *rand.Rand, p netip.Prefix) netip.Addr {
	b := p.Addr().AsSlice()
	for i := p.Bits(); i < len(b)*8; i++ {
		if r.Uint32()&1 != 0 {
			b[i/8] |= 0x80 >> (i % 8)
		}
	}
	a, _ := netip.AddrFromSlice(b)
	return a
}

// naive is what a Set has to agree with.
func naive(all []netip.Prefix, a netip.Addr) bool {
	a = a.Unmap().WithZone("")
	for _, p := range all {
		if p.Contains(a) {
			return true
		}
	}
	return false
}
