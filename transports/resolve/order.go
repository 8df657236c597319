package resolve

import (
	"cmp"
	"math/bits"
	"net/netip"
	"slices"
	"time"

	"github.com/calandria-go/calandria/transports/netaddr"
)

// policy is the table of RFC 6724, section 2.1, the longest prefix first.
var policy = []struct {
	prefix            netip.Prefix
	precedence, label int
}{
	{netip.MustParsePrefix("::1/128"), 50, 0},
	{netip.MustParsePrefix("::ffff:0:0/96"), 35, 4},
	{netip.MustParsePrefix("::/96"), 1, 3},
	{netip.MustParsePrefix("2001::/32"), 5, 5},
	{netip.MustParsePrefix("2002::/16"), 30, 2},
	{netip.MustParsePrefix("3ffe::/16"), 1, 12},
	{netip.MustParsePrefix("fec0::/10"), 1, 11},
	{netip.MustParsePrefix("fc00::/7"), 3, 13},
	{netip.MustParsePrefix("::/0"), 40, 1},
}

// candidate is an address to connect to, with what its place depends on.
type candidate struct {
	addr, source         netip.Addr // source is invalid if there is no way to addr
	precedence           int
	scope                int
	sameScope, sameLabel bool
	commonBits           int
	reachable            bool
}

// order sorts addresses as RFC 6724, section 6, has it, by rules 1, 2, 5, 6, 8 and 9: reachable ones first, then those whose scope
// and kind are those of the address that we would come from, then by precedence, the narrower scope, and the longer common
// prefix. Where no rule decides the order stays. source gives the address that we would come from.
func order(addrs []netip.Addr, source func(netip.Addr) netip.Addr) []netip.Addr {
	all := make([]candidate, len(addrs))
	for i, a := range addrs {
		all[i] = judge(a, source(a))
	}
	slices.SortStableFunc(all, compare)
	out := make([]netip.Addr, len(all))
	for i, c := range all {
		out[i] = c.addr
	}
	return out
}

func judge(a, source netip.Addr) candidate {
	precedence, label := classify(a)
	c := candidate{addr: a, source: source, precedence: precedence, scope: scopeOf(a), reachable: source.IsValid()}
	if !c.reachable {
		return c
	}
	_, from := classify(source)
	c.sameScope, c.sameLabel = scopeOf(source) == c.scope, from == label
	if a.Is6() && source.Is6() { // of IPv4 the rule says nothing: networks are not given out so
		c.commonBits = common(a, source)
	}
	return c
}

func compare(a, b candidate) int {
	for _, d := range []int{
		yes(a.reachable, b.reachable), // rule 1
		yes(a.sameScope, b.sameScope), // rule 2
		yes(a.sameLabel, b.sameLabel), // rule 5
		cmp.Compare(b.precedence, a.precedence),
		cmp.Compare(a.scope, b.scope), // rule 8
	} {
		if d != 0 {
			return d
		}
	}
	if a.addr.Is6() && b.addr.Is6() {
		return cmp.Compare(b.commonBits, a.commonBits) // rule 9
	}
	return 0
}

// yes has what is true come first.
func yes(a, b bool) int {
	switch {
	case a == b:
		return 0
	case a:
		return -1
	}
	return 1
}

func classify(a netip.Addr) (precedence, label int) {
	a = netip.AddrFrom16(a.As16()) // the table has IPv4 in its mapped form
	for _, p := range policy {
		if p.prefix.Contains(a) {
			return p.precedence, p.label
		}
	}
	return 0, 0
}

// Scopes, as of multicast addresses (RFC 4007; RFC 6724, section 3.1).
const (
	scopeLink   = 0x2
	scopeSite   = 0x5
	scopeGlobal = 0xe
)

var siteLocal = netip.MustParsePrefix("fec0::/10")

func scopeOf(a netip.Addr) int {
	switch {
	case a.Is6() && a.IsMulticast():
		b := a.As16()
		return int(b[1] & 0xf)
	case a.IsLoopback(), a.IsLinkLocalUnicast():
		return scopeLink
	case siteLocal.Contains(a):
		return scopeSite
	}
	return scopeGlobal
}

// common is how many bits two addresses have in common, of the 64 of the network.
func common(a, b netip.Addr) int {
	x, y := a.As16(), b.As16()
	for i := range 8 {
		if d := x[i] ^ y[i]; d != 0 {
			return 8*i + bits.LeadingZeros8(d)
		}
	}
	return 64
}

// sourceOf is the address that the kernel would send from; invalid if there is no route. Nothing is sent.
func sourceOf(a netip.Addr) netip.Addr {
	source, err := netaddr.SourceAddr(a)
	if err != nil {
		return netip.Addr{}
	}
	return source.WithZone("")
}

const (
	// sourceLife is for how long a Resolver takes the kernel's answer for true: it only decides about an order.
	sourceLife = 5 * time.Second
	// maxSources is how many it remembers.
	maxSources = 1024
)

// source is what sourceOf said, and when.
type source struct {
	addr netip.Addr
	at   time.Time
}

// sourceOf is the function of that name, remembered for a moment: it takes four system calls.
func (r *Resolver) sourceOf(a netip.Addr) netip.Addr {
	now := time.Now()
	if s, ok := r.sources.Get(a); ok && now.Sub(s.at) < sourceLife {
		return s.addr
	}
	s := source{sourceOf(a), now}
	r.sources.Add(a, s)
	return s.addr
}
