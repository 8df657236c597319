package cache_test

import (
	"io"
	"strings"
	"testing"

	"github.com/calandria-go/calandria/protocols/http1/cache"
)

// BenchmarkHit is an answer from the cache, its body read, with as many others stored.
func BenchmarkHit(b *testing.B) {
	o := &origin{body: func() io.Reader { return strings.NewReader(strings.Repeat("x", 1000)) }, length: 1000, header: "Cache-Control: max-age=1000000"}
	c := &cache.Transport{Next: o}
	req := request(b, "GET /a")
	for range 2 {
		io.Copy(io.Discard, get(b, c, "GET /a").Body)
	}
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			res, err := c.RoundTrip(req)
			if err != nil {
				b.Error(err)
				return
			}
			io.Copy(io.Discard, res.Body)
			res.Body.Close()
		}
	})
	if o.asked != 1 {
		b.Errorf("asked %d times", o.asked)
	}
}
