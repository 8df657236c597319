package netaddr_test

import (
	"math/rand/v2"
	"net/netip"
	"slices"
	"testing"

	"github.com/calandria-go/calandria/transports/netaddr"
)

func TestSetAgainstScan(t *testing.T) {
	t.Parallel()
	four, six := firehol()
	all := slices.Concat(four, six)
	s := netaddr.NewSet(all...)
	r := rand.New(rand.NewPCG(1, 1))
	hits, misses := 0, 0
	check := func(a netip.Addr) {
		want := naive(all, a)
		if got := s.Contains(a); got != want {
			t.Fatalf("%v: %v, the scan says %v", a, got, want)
		}
		if want {
			hits++
		} else {
			misses++
		}
	}
	for range 300 {
		check(random4(r))
		check(random6(r))
		p := all[r.IntN(len(all))]
		check(inside(r, p))
		check(p.Addr())
		check(p.Addr().Prev()) // the edges, where one is off by one
		a := netip.AddrFrom16(inside(r, four[r.IntN(len(four))]).As16())
		check(a) // IPv4-mapped
		check(inside(r, six[r.IntN(len(six))]).WithZone("eth0"))
	}
	if hits < 300 || misses < 300 {
		t.Errorf("%d hits and %d misses show little", hits, misses)
	}
	lengths := map[int]bool{}
	for _, p := range four {
		lengths[p.Bits()] = true
	}
	if len(four) <= 4000 || len(lengths) != 17 {
		t.Errorf("the list has %d networks of %d lengths", len(four), len(lengths))
	}
}

func TestSetForms(t *testing.T) {
	t.Parallel()
	s := netaddr.MustSet("10.0.0.0/8", "192.0.2.7", "2001:db8::/32", "::ffff:198.51.100.0/120", "203.0.113.9 - 203.0.113.14", "fe80::/10")
	for _, c := range []struct {
		addr string
		want bool
	}{
		{"10.255.255.255", true},
		{"11.0.0.0", false},
		{"::ffff:10.1.2.3", true}, // the IPv4 address that it holds
		{"192.0.2.7", true},
		{"192.0.2.8", false},
		{"2001:db8:ffff::1", true},
		{"2001:db9::", false},
		{"198.51.100.255", true}, // the mapped network is an IPv4 one
		{"::ffff:198.51.100.255", true},
		{"203.0.113.8", false},
		{"203.0.113.9", true},
		{"203.0.113.14", true},
		{"203.0.113.15", false},
		{"fe80::1%eth0", true}, // a zone is no way out
		{"::", false},
	} {
		if got := s.Contains(netip.MustParseAddr(c.addr)); got != c.want {
			t.Errorf("%s: %v", c.addr, got)
		}
	}
	if s.Contains(netip.Addr{}) {
		t.Error("an invalid address is in the set")
	}
	if all := netaddr.MustSet("::/0"); all.Contains(netip.MustParseAddr("10.0.0.1")) || !all.Contains(netip.MustParseAddr("::1")) {
		t.Error("::/0 is IPv6, and all of it")
	}
}

func TestSetEmpty(t *testing.T) {
	t.Parallel()
	var none *netaddr.Set
	for _, s := range []*netaddr.Set{none, {}, netaddr.NewSet(), netaddr.NewSet(netip.Prefix{}), netaddr.Union(), netaddr.Union(none)} {
		if s.Contains(netip.MustParseAddr("10.0.0.1")) || s.Len() != 0 {
			t.Error("an empty set has something in it")
		}
		for p := range s.Prefixes() {
			t.Errorf("an empty set has %v", p)
		}
	}
}

func TestSetPrefixesAndUnion(t *testing.T) {
	t.Parallel()
	a := netaddr.MustSet("10.1.2.3/8", "2001:db8::1/32")
	b := netaddr.MustSet("9.0.0.0/8", "10.0.0.0/8")
	var got []string
	for p := range netaddr.Union(a, nil, b).Prefixes() {
		got = append(got, p.String())
	}
	if want := []string{"9.0.0.0/8", "10.0.0.0/8", "2001:db8::/32"}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	if a.Len() != 2 || b.Len() != 2 {
		t.Error("Union has changed what it was made of")
	}
	defer func() {
		if recover() == nil {
			t.Error("MustSet takes anything")
		}
	}()
	netaddr.MustSet("10.0.0.0/8", "example.com")
}

// A range becomes the fewest networks, and they cover it exactly.
func TestRanges(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		text string
		want []string
	}{
		{"0.0.0.0-255.255.255.255", []string{"0.0.0.0/0"}},
		{"::-ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", []string{"::/0"}},
		{"10.0.0.1-10.0.0.1", []string{"10.0.0.1/32"}},
		{"10.0.0.1-10.0.0.6", []string{"10.0.0.1/32", "10.0.0.2/31", "10.0.0.4/31", "10.0.0.6/32"}},
		{"255.255.255.254-255.255.255.255", []string{"255.255.255.254/31"}},
		{"::ffff:10.0.0.0-::ffff:10.0.0.255", []string{"10.0.0.0/24"}},
		{"2001:db8::-2001:db8::1:ffff", []string{"2001:db8::/111"}},
	} {
		var got []string
		for p := range netaddr.MustSet(c.text).Prefixes() {
			got = append(got, p.String())
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%s: %v, want %v", c.text, got, c.want)
		}
	}
	worst := netaddr.MustSet("0.0.0.1-255.255.255.254")
	if worst.Len() != 62 || netaddr.MustSet("::1-ffff:ffff:ffff:ffff:ffff:ffff:ffff:fffe").Len() != 254 {
		t.Errorf("the longest range is %d networks", worst.Len())
	}
	r := rand.New(rand.NewPCG(7, 7))
	for range 300 {
		a, b := random4(r), random4(r)
		if b.Less(a) {
			a, b = b, a
		}
		s := netaddr.MustSet(a.String() + "-" + b.String())
		for _, x := range []netip.Addr{a, b, a.Prev(), b.Next(), random4(r), random4(r)} {
			want := x.IsValid() && a.Compare(x) <= 0 && x.Compare(b) <= 0
			if s.Contains(x) != want {
				t.Fatalf("%v-%v: %v is %v", a, b, x, !want)
			}
		}
	}
}

func TestContainsAllocatesNothing(t *testing.T) {
	four, six := firehol()
	s := netaddr.NewSet(slices.Concat(four, six)...)
	hit, miss, mapped := four[100].Addr(), netip.MustParseAddr("2001:db8::1"), netip.AddrFrom16(four[9].Addr().As16())
	if n := testing.AllocsPerRun(1000, func() { s.Contains(hit); s.Contains(miss); s.Contains(mapped) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// BenchmarkContains asks for 4,096 different addresses in turn, so that it does not measure one path through the table.
func BenchmarkContains(b *testing.B) {
	four, six := firehol()
	s := netaddr.NewSet(slices.Concat(four, six)...)
	r := rand.New(rand.NewPCG(3, 4))
	run := func(name string, pick func() netip.Addr, want bool) {
		var ask []netip.Addr
		for len(ask) < 4096 {
			if a := pick(); s.Contains(a) == want {
				ask = append(ask, a)
			}
		}
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			n := 0
			for i := range b.N {
				if s.Contains(ask[i&4095]) {
					n++
				}
			}
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds()/1e6, "M/s")
			if (n > 0) != want {
				b.Fatal("wrong answers")
			}
		})
	}
	run("hit4", func() netip.Addr { return inside(r, four[r.IntN(len(four))]) }, true)
	run("miss4", func() netip.Addr { return random4(r) }, false)
	run("hit6", func() netip.Addr { return inside(r, six[r.IntN(len(six))]) }, true)
	run("miss6", func() netip.Addr { return random6(r) }, false)
}
