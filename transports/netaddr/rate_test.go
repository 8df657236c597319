//go:build unix

package netaddr_test

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"os"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/calandria-go/calandria/transports/netaddr"
)

// processorTime is what this process has used.
func processorTime() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		panic(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// The look-ups in a second of one processor's time, in a list of FireHOL's size and shape. It is measured in a soak only:
// what else a machine does to the caches could fail it.
func TestContainsRate(t *testing.T) {
	if os.Getenv("CALANDRIA_SOAK") == "" {
		t.Skip("measures: CALANDRIA_SOAK is not set")
	}
	const limit = 16e6
	four, six := firehol()
	s := netaddr.NewSet(slices.Concat(four, six)...)
	r := rand.New(rand.NewPCG(3, 4))
	for name, pick := range map[string]func() netip.Addr{
		"hits":   func() netip.Addr { return inside(r, four[r.IntN(len(four))]) },
		"misses": func() netip.Addr { return random4(r) },
		"ipv6":   func() netip.Addr { return inside(r, six[r.IntN(len(six))]) },
	} {
		ask := make([]netip.Addr, 1<<12)
		for i := range ask {
			for ask[i] = pick(); s.Contains(ask[i]) != (name != "misses"); ask[i] = pick() {
			}
		}
		best := 0.0
		for range 20 {
			n := 0
			start := processorTime()
			for range 240 {
				for _, a := range ask {
					if s.Contains(a) {
						n++
					}
				}
			}
			best = max(best, float64(240*len(ask))/(processorTime()-start).Seconds())
			if (n > 0) != (name != "misses") {
				t.Fatal("wrong answers")
			}
		}
		verdict := "PASS"
		if best < limit {
			verdict = "FAIL"
			t.Errorf("%s: %.1f million a second", name, best/1e6)
		}
		fmt.Printf("%s netaddr_contains_%s per_second=%.4g limit=%.4g\n", verdict, name, best, limit)
	}
}
