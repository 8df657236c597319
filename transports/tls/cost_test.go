package tls_test

import (
	ctls "crypto/tls"
	"net"
	"os"
	"sync"
	"testing"
	"time"
)

// spent is the processor time of the child for n calls of f, spread over workers; per call.
func (c *child) spent(n, workers int, f func(worker int) error) time.Duration {
	c.t.Helper()
	var before, after int64
	c.ask("cpu", "cpu %d", &before)
	var wg sync.WaitGroup
	for w := range workers {
		wg.Go(func() {
			for range n / workers {
				if err := f(w); err != nil {
					c.t.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	c.ask("cpu", "cpu %d", &after)
	return time.Duration(after-before) / time.Duration(n)
}

// handshakes is the processor time of a handshake with one request and the close.
func (c *child) handshakes(n int, version uint16, resumed bool) time.Duration {
	const workers = 8
	cfgs := make([]*ctls.Config, workers)
	once := func(w int) error {
		raw, err := net.Dial("tcp", c.addr)
		if err != nil {
			return err
		}
		defer raw.Close()
		conn := ctls.Client(raw, cfgs[w])
		if err := get(conn, make([]byte, 1024)); err != nil {
			return err
		}
		return conn.Close()
	}
	for w := range cfgs {
		cfgs[w] = c.config(version)
		if resumed {
			cfgs[w].ClientSessionCache = ctls.NewLRUClientSessionCache(1)
		}
		if err := once(w); err != nil {
			c.t.Fatal(err)
		}
	}
	return c.spent(n, workers, once)
}

// requests is the processor time of a request on a connection that is open.
func (c *child) requests(n int, version uint16) time.Duration {
	const workers = 32
	conns := make([]net.Conn, workers)
	for w := range conns {
		conns[w] = must(ctls.Dial("tcp", c.addr, c.config(version)))
		defer conns[w].Close()
	}
	buf := make([][1024]byte, workers)
	return c.spent(n, workers, func(w int) error { return get(conns[w], buf[w][:]) })
}

// Processor time beside net/http's, the two by turns, the least of several rounds each.
func TestCost(t *testing.T) {
	if os.Getenv("CALANDRIA_SOAK") == "" {
		t.Skip("takes a minute; CALANDRIA_SOAK=1")
	}
	servers := []*child{startChild(t, "calandria"), startChild(t, "nethttp")}
	for _, m := range []struct {
		name string
		f    func(c *child) time.Duration
	}{
		{"request, TLS 1.3", func(c *child) time.Duration { return c.requests(60_000, ctls.VersionTLS13) }},
		{"request, TLS 1.2", func(c *child) time.Duration { return c.requests(60_000, ctls.VersionTLS12) }},
		{"full handshake, TLS 1.3", func(c *child) time.Duration { return c.handshakes(3000, ctls.VersionTLS13, false) }},
		{"resumed handshake, TLS 1.3", func(c *child) time.Duration { return c.handshakes(3000, ctls.VersionTLS13, true) }},
		{"full handshake, TLS 1.2", func(c *child) time.Duration { return c.handshakes(3000, ctls.VersionTLS12, false) }},
		{"resumed handshake, TLS 1.2", func(c *child) time.Duration { return c.handshakes(3000, ctls.VersionTLS12, true) }},
	} {
		best := [2]time.Duration{time.Hour, time.Hour}
		for range 4 {
			for i, c := range servers {
				best[i] = min(best[i], m.f(c))
			}
		}
		t.Logf("%-28s %v, net/http %v: %.2f", m.name, best[0], best[1], float64(best[0])/float64(best[1]))
	}
}
