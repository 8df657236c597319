package resolve

import (
	"context"
	"net/netip"
	"testing"
	"time"
)

// A name that is in the cache: one family, both with their order, and a fixed one.
func BenchmarkCached(b *testing.B) {
	f := &fake{answer: func(_ int, q question) (*reply, error) {
		if q.six {
			return &reply{addrs: ips("2001:db8::1"), name: q.name, ttl: time.Hour}, nil
		}
		return &reply{addrs: ips("192.0.2.1", "192.0.2.2"), name: q.name, ttl: time.Hour}, nil
	}}
	r := f.resolver(&Resolver{Static: map[string][]netip.Addr{"fixed.test": ips("192.0.2.1")}})
	for _, c := range []struct{ network, host string }{{"ip4", "a.test"}, {"ip", "a.test"}, {"ip", "fixed.test"}, {"ip", "192.0.2.1"}} {
		b.Run(c.network+" "+c.host, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := r.LookupNetIP(context.Background(), c.network, c.host); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
