package guard_test

import (
	"fmt"
	"math"
	"net/http"
	"net/netip"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/time/rate"

	"github.com/calandria-go/calandria/protocols/http1"
	"github.com/calandria-go/calandria/protocols/http1/guard"
	"github.com/calandria-go/calandria/transports/netaddr"
)

func limiter(t testing.TB, c guard.RateConfig) *guard.Limiter {
	t.Helper()
	l, err := guard.NewLimiter(c)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func TestLimiter(t *testing.T) {
	t.Parallel()
	now := newClock()
	l := limiter(t, guard.RateConfig{Rate: 2, Burst: 3, Now: now.Now})
	a := ip("192.0.2.1")
	for i := range 3 {
		if d := l.Allow(a, 1, now.Now()); !d.OK || d.Remaining != 2-i || d.RetryAfter != 0 || d.Reset != time.Duration(i+1)*time.Second/2 {
			t.Errorf("%d: %+v", i, d)
		}
	}
	for range 100 { // what is refused costs nothing
		if d := l.Allow(a, 1, now.Now()); d.OK || d.Remaining != 0 || d.RetryAfter != time.Second/2 || d.Reset != 3*time.Second/2 {
			t.Fatalf("%+v", d)
		}
	}
	if d := l.Allow(ip("192.0.2.2"), 1, now.Now()); !d.OK {
		t.Error("another client is refused")
	}
	now.add(time.Second/2 - 1)
	if d := l.Allow(a, 1, now.Now()); d.OK || d.RetryAfter != 1 {
		t.Errorf("a nanosecond early: %+v", d)
	}
	now.add(1)
	if d := l.Allow(a, 1, now.Now()); !d.OK {
		t.Errorf("in time: %+v", d)
	}
	now.add(time.Second)
	if d := l.Allow(a, 3, now.Now()); d.OK || d.Remaining != 2 || d.RetryAfter != time.Second/2 {
		t.Errorf("three of two: %+v", d)
	}
	if d := l.Allow(a, 4, now.Now()); d.OK || d.RetryAfter >= 0 {
		t.Errorf("more than ever: %+v", d)
	}
	now.add(1000 * time.Hour) // never more than the burst
	if d := l.Allow(a, 3, now.Now()); !d.OK || d.Remaining != 0 {
		t.Errorf("%+v", d)
	}
	if d := l.Allow(a, 1, now.Now().Add(-time.Hour)); d.OK { // another loop's clock is behind
		t.Errorf("%+v", d)
	}
}

// Over a long time no more than the rate gets through, and no less.
func TestLimiterRate(t *testing.T) {
	t.Parallel()
	for _, r := range []float64{0.1, 1, 7, 333, 1e5} {
		now := newClock()
		l := limiter(t, guard.RateConfig{Rate: r, Burst: 5})
		step := time.Duration(1e9 / r / 3)
		passed := 0
		for range 3000 {
			if l.Allow(ip("2001:db8::1"), 1, now.Now()).OK {
				passed++
			}
			now.add(step)
		}
		if passed < 1000 || passed > 1005 {
			t.Errorf("%v a second: %d of 1000 passed", r, passed)
		}
	}
}

func TestLimiterConfig(t *testing.T) {
	t.Parallel()
	for _, c := range []guard.RateConfig{
		{},
		{Rate: -1},
		{Rate: math.NaN()},
		{Rate: math.Inf(1)},
		{Rate: 1e-9},
		{Rate: 0.001, Burst: math.MaxInt},
		{Rate: 1, Name: `a"b`},
		{Rate: 1, Name: "a\r\n"},
	} {
		if _, err := guard.NewLimiter(c); err == nil {
			t.Errorf("%+v is fine", c)
		}
	}
	if d := limiter(t, guard.RateConfig{Rate: 0.5}).Allow(ip("::1"), 1, time.Now()); !d.OK || d.Remaining != 0 {
		t.Errorf("a burst of one: %+v", d)
	}
}

func TestLimiterMiddleware(t *testing.T) {
	t.Parallel()
	now := newClock()
	l := limiter(t, guard.RateConfig{Rate: 0.5, Burst: 2, Now: now.Now, Name: "per_client", Allow: netaddr.MustSet("192.0.2.9")})
	srv := &http1.Server{Handler: l.Middleware()(ok)}
	got := ask(t, srv, "192.0.2.1", get(), get(), get(), get())
	for i, want := range []int{200, 200, 429, 429} {
		if got[i].status != want {
			t.Errorf("%d: %d, want %d", i, got[i].status, want)
		}
	}
	h := got[2].header
	if h.Get("Retry-After") != "2" || h.Get("RateLimit-Policy") != `"per_client";q=2;w=4` || h.Get("RateLimit") != `"per_client";r=0;t=4` {
		t.Errorf("%v", h)
	}
	if h := got[0].header; h.Get("RateLimit") != "" {
		t.Errorf("%v", h)
	}
	for peer, want := range map[string]int{"192.0.2.2": 200, "192.0.2.9": 200, "192.0.2.1": 429} {
		for range 2 {
			if got := ask(t, srv, peer, get()); got[0].status != want {
				t.Errorf("%s: %d, want %d", peer, got[0].status, want)
			}
		}
	}
	now.add(2 * time.Second)
	if got := ask(t, srv, "192.0.2.1", get(), get()); got[0].status != 200 || got[1].status != 429 {
		t.Errorf("after two seconds: %d, %d", got[0].status, got[1].status)
	}
	// A /64 is one client.
	if a, b := ask(t, srv, "2001:db8::1", get(), get()), ask(t, srv, "2001:db8::2", get()); a[1].status != 200 || b[0].status != 429 {
		t.Errorf("%d, %d", a[1].status, b[0].status)
	}
	if a := ask(t, srv, "", get(), get(), get()); a[1].status != 200 || a[2].status != 429 {
		t.Errorf("a unix socket: %d, %d", a[1].status, a[2].status)
	}
	if s := l.Stats(); s.Refused == 0 || s.Allowed == 0 || s.Tracked != 4 {
		t.Errorf("%+v", s)
	}
}

func TestLimiterAnnounces(t *testing.T) {
	t.Parallel()
	l := limiter(t, guard.RateConfig{Rate: 10, Burst: 5, Announce: true, Now: newClock().Now})
	std := http1.Std(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(204) }))
	for name, h := range map[string]http1.Handler{"native": ok} {
		got := ask(t, &http1.Server{Handler: l.Middleware()(h)}, "192.0.2.1", get(), get())
		if h := got[1].header; h.Get("RateLimit") != `"default";r=3;t=1` || h.Get("RateLimit-Policy") != `"default";q=5;w=1` {
			t.Errorf("%s: %v", name, h)
		}
	}
	addr := serve(t, &http1.Server{Handler: l.Middleware()(std)}, nil)
	res, err := client(t).Get("http://" + addr)
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	if res.Header.Get("RateLimit") != `"default";r=4;t=1` {
		t.Errorf("net/http: %v", res.Header)
	}
}

func TestLimiterKeyAndCost(t *testing.T) {
	t.Parallel()
	l := limiter(t, guard.RateConfig{
		Rate: 1, Burst: 10, Now: newClock().Now,
		Key: func(x *http1.Exchange) []byte {
			k, _ := x.Request().Get("X-Key")
			return k
		},
		Cost: func(x *http1.Exchange) int {
			if string(x.Method()) == "POST" {
				return 6
			}
			return len(x.Request().RawQuery())
		},
	})
	srv := &http1.Server{Handler: l.Middleware()(ok)}
	for i, c := range []struct {
		request string
		want    int
		retry   string
	}{
		{"POST / HTTP/1.1\r\nHost: a\r\nX-Key: one\r\n\r\n", 200, ""},
		{"POST / HTTP/1.1\r\nHost: a\r\nX-Key: one\r\n\r\n", 429, "2"},
		{"POST / HTTP/1.1\r\nHost: a\r\nX-Key: two\r\n\r\n", 200, ""},
		{"POST / HTTP/1.1\r\nHost: a\r\n\r\n", 200, ""}, // no key, no limit
		{"POST / HTTP/1.1\r\nHost: a\r\n\r\n", 200, ""},
		{"GET / HTTP/1.1\r\nHost: a\r\nX-Key: one\r\n\r\n", 200, ""}, // free
		{"GET /?1234 HTTP/1.1\r\nHost: a\r\nX-Key: one\r\n\r\n", 200, ""},
		{"GET /?1 HTTP/1.1\r\nHost: a\r\nX-Key: one\r\n\r\n", 429, "1"},
		{"GET /?12345678901 HTTP/1.1\r\nHost: a\r\nX-Key: three\r\n\r\n", 429, ""}, // never
	} {
		got := ask(t, srv, fmt.Sprintf("192.0.2.%d", i), c.request)
		if got[0].status != c.want || got[0].header.Get("Retry-After") != c.retry {
			t.Errorf("%d: %d, %v", i, got[0].status, got[0].header)
		}
	}
	if d, e := l.AllowKey([]byte("one"), 1, newClock().Now()), l.AllowKey([]byte("four"), 1, newClock().Now()); d.OK || !e.OK {
		t.Errorf("%+v, %+v", d, e)
	}
}

// A flood of clients goes no further than MaxTracked; those whose buckets are full again go first.
func TestLimiterIsBounded(t *testing.T) {
	t.Parallel()
	now := newClock()
	l := limiter(t, guard.RateConfig{Rate: 1, Burst: 2, MaxTracked: 100})
	for i := range 10_000 {
		l.Allow(netip.AddrFrom4([4]byte{10, 0, byte(i >> 8), byte(i)}), 1, now.Now())
	}
	if s := l.Stats(); s.Tracked != 100 || s.Evicted != 9900 {
		t.Errorf("%+v", s)
	}
	now.add(time.Minute)
	for i := range 1000 {
		l.Allow(netip.AddrFrom4([4]byte{10, 1, byte(i >> 8), byte(i)}), 1, now.Now())
		now.add(time.Second)
	}
	if s := l.Stats(); s.Evicted != 9900 || s.Tracked > 51 {
		t.Errorf("those that were full were counted as evicted, or stay: %+v", s)
	}
}

// However many loops ask, no more than the burst gets through.
func TestLimiterFromManyGoroutines(t *testing.T) {
	t.Parallel()
	l := limiter(t, guard.RateConfig{Rate: 1, Burst: 100})
	now := time.Now()
	var all sync.WaitGroup
	var mu sync.Mutex
	passed := map[int]int{}
	for range 4 {
		all.Go(func() {
			mine := map[int]int{}
			for i := range 3000 {
				if l.Allow(netip.AddrFrom4([4]byte{10, 0, 0, byte(i % 7)}), 1, now).OK {
					mine[i%7]++
				}
			}
			mu.Lock()
			defer mu.Unlock()
			for k, n := range mine {
				passed[k] += n
			}
		})
	}
	all.Wait()
	for k, n := range passed {
		if n != 100 {
			t.Errorf("client %d: %d passed", k, n)
		}
	}
}

func TestAllocations(t *testing.T) {
	l := limiter(t, guard.RateConfig{Rate: 1e6})
	b := guard.NewBans(guard.BanConfig{Lists: []guard.Networks{netaddr.MustSet("192.0.2.0/24")}})
	b.Fail(ip("192.0.2.77"), 1)
	a, now := ip("198.51.100.1"), time.Now()
	if n := testing.AllocsPerRun(1000, func() {
		l.Allow(a, 1, now)
		b.Admit(netip.AddrPortFrom(a, 1))
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// BenchmarkLimiter is the cost for a request: of 10,000 clients, from one goroutine and from all processors.
func BenchmarkLimiter(b *testing.B) {
	var clients [10_000]netip.Addr
	for i := range clients {
		clients[i] = netip.AddrFrom4([4]byte{10, 0, byte(i >> 8), byte(i)})
	}
	l := limiter(b, guard.RateConfig{Rate: 1e6})
	b.Run("one", func(b *testing.B) {
		b.ReportAllocs()
		now := time.Now()
		for i := range b.N {
			l.Allow(clients[i%len(clients)], 1, now.Add(time.Duration(i)))
		}
	})
	b.Run("parallel", func(b *testing.B) {
		now := time.Now()
		b.RunParallel(func(pb *testing.PB) {
			for i := 0; pb.Next(); i++ {
				l.Allow(clients[i%len(clients)], 1, now.Add(time.Duration(i)))
			}
		})
	})
}

// BenchmarkBucket compares the bucket alone with x/time/rate's, asked for all that the fields of an answer need.
func BenchmarkBucket(b *testing.B) {
	now := time.Now()
	b.Run("own", func(b *testing.B) {
		var k guard.Bucket
		for i := range b.N {
			k.Take(int64(i), 1)
		}
		b.ReportMetric(float64(reflect.TypeOf(k).Size()), "bytes")
	})
	b.Run("x_time_rate", func(b *testing.B) {
		l := rate.NewLimiter(1e6, 1e6)
		for i := range b.N {
			at := now.Add(time.Duration(i))
			if r := l.ReserveN(at, 1); r.DelayFrom(at) > 0 {
				r.CancelAt(at)
			}
			l.TokensAt(at)
		}
		b.ReportMetric(float64(reflect.TypeOf(l).Elem().Size()), "bytes")
	})
}

func FuzzForwarded(f *testing.F) {
	for _, s := range []string{"", "for=1.1.1.1", `for="[2001:db8::1]:1";by=_x, for=_y`, `x="`, `"\`, `for="a\"`, ",", "1.1.1.1, ", `;;`, `for="\"`} {
		f.Add(s, true)
		f.Add(s, false)
	}
	f.Fuzz(func(t *testing.T, prefix string, std bool) {
		if strings.ContainsAny(prefix, "\r\n\x00") || len(prefix) > 4000 {
			return
		}
		c := guard.ClientIP{Trusted: proxies}
		name, element := "X-Forwarded-For", "203.0.113.7"
		if std {
			c.Field, name, element = guard.Forwarded, "Forwarded", `by=_me;for="203.0.113.7:80"`
		}
		q := parse("GET / HTTP/1.1\r\nHost: a\r\n" + name + ": " + prefix + "\r\n\r\n")
		if q == nil {
			return
		}
		c.Find(q, ip("10.0.0.1")) // anything but a panic
		if a, ok := c.Find(q, ip("203.0.113.9")); ok {
			t.Fatalf("an untrusted peer is believed: %v", a)
		}
		for _, fields := range []string{name + ": " + prefix + ", " + element, name + ": " + prefix + "\r\n" + name + ": " + element} {
			q := parse("GET / HTTP/1.1\r\nHost: a\r\n" + fields + "\r\n\r\n")
			if a, ok := c.Find(q, ip("10.0.0.1")); !ok || a != ip("203.0.113.7") {
				t.Fatalf("%q: %v, %v", fields, a, ok)
			}
		}
	})
}
