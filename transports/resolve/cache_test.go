package resolve

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/calandria-go/calandria/reactor"
	"github.com/calandria-go/calandria/reactor/reactortest"
)

// fake is a server's side of Resolver.exchange, and a system's resolver.
type fake struct {
	mu     sync.Mutex
	asked  int
	answer func(n int, q question) (*reply, error) // n counts from 1
	delay  time.Duration
}

func (f *fake) count() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.asked
}

func (f *fake) exchange(ctx context.Context, _ netip.AddrPort, q question) (*reply, error) {
	f.mu.Lock()
	f.asked++
	n, answer, delay := f.asked, f.answer, f.delay
	f.mu.Unlock()
	if delay > 0 {
		select {
		case <-time.After(delay):
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	return answer(n, q)
}

// set changes what comes from now on.
func (f *fake) set(answer func(int, question) (*reply, error), delay time.Duration) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.answer, f.delay = answer, delay
}

func (f *fake) LookupNetIP(ctx context.Context, network, host string) ([]netip.Addr, error) {
	a, err := f.exchange(ctx, netip.AddrPort{}, question{host, network == "ip6"})
	if err != nil {
		return nil, err
	}
	return a.addrs, a.err
}

// resolver asks f in place of a server.
func (f *fake) resolver(r *Resolver) *Resolver {
	if r.Servers == nil {
		r.Servers = []string{"192.0.2.53"}
	}
	r.exchange = f.exchange
	return r
}

func good(ttl time.Duration, addrs ...string) func(int, question) (*reply, error) {
	return func(_ int, q question) (*reply, error) {
		return &reply{addrs: ips(addrs...), name: q.name, ttl: ttl}, nil
	}
}

func bad(err error, ttl time.Duration) func(int, question) (*reply, error) {
	return func(_ int, q question) (*reply, error) { return &reply{err: err, name: q.name, ttl: ttl}, nil }
}

func broken(int, question) (*reply, error) { return nil, errServerFailed }

// How long an answer is kept: asked again right before its end and right after.
func TestTimes(t *testing.T) {
	for _, c := range []struct {
		name   string
		r      *Resolver
		answer func(int, question) (*reply, error)
		system bool
		want   time.Duration
		per    int // questions for each lookup
	}{
		{"as the answer says", &Resolver{}, good(10*time.Second, "192.0.2.1"), false, 10 * time.Second, 1},
		{"at least MinTTL", &Resolver{MinTTL: time.Minute}, good(0, "192.0.2.1"), false, time.Minute, 1},
		{"at most an hour", &Resolver{}, good(48*time.Hour, "192.0.2.1"), false, time.Hour, 1},
		{"at most MaxTTL", &Resolver{MaxTTL: time.Minute}, good(time.Hour, "192.0.2.1"), false, time.Minute, 1},
		{"no MaxTTL", &Resolver{MaxTTL: -1}, good(48*time.Hour, "192.0.2.1"), false, 48 * time.Hour, 1},
		{"for nothing", &Resolver{}, good(0, "192.0.2.1"), false, 0, 1},
		{"not there", &Resolver{}, bad(ErrNotFound, 30*time.Second), false, 30 * time.Second, 1},
		{"no address", &Resolver{}, bad(ErrNoAddress, 30*time.Second), false, 30 * time.Second, 1},
		{"not there, for 5 min", &Resolver{}, bad(ErrNotFound, time.Hour), false, 5 * time.Minute, 1},
		{"not there, for MaxNegativeTTL", &Resolver{MaxNegativeTTL: time.Second}, bad(ErrNotFound, time.Hour), false, time.Second, 1},
		{"not there, not kept", &Resolver{MaxNegativeTTL: -1}, bad(ErrNotFound, time.Hour), false, 0, 1},
		{"not there, no SOA", &Resolver{}, bad(ErrNotFound, 0), false, 0, 1},
		{"MinTTL is not of what is not there", &Resolver{MinTTL: time.Hour}, bad(ErrNotFound, time.Second), false, time.Second, 1},
		{"failed", &Resolver{}, broken, false, time.Second, 2},
		{"failed, for FailureTTL", &Resolver{FailureTTL: time.Minute, Attempts: 1}, broken, false, time.Minute, 1},
		{"failed, not kept", &Resolver{FailureTTL: -1}, broken, false, 0, 2},
		{"the system's", &Resolver{}, good(0, "192.0.2.1"), true, 30 * time.Second, 1},
		{"the system's, for SystemTTL", &Resolver{SystemTTL: time.Minute}, good(0, "192.0.2.1"), true, time.Minute, 1},
		{"the system's, not kept", &Resolver{SystemTTL: -1}, good(0, "192.0.2.1"), true, 0, 1},
		{"the system knows none", &Resolver{}, bad(&net.DNSError{Err: "no such host", IsNotFound: true}, 0), true, 5 * time.Second, 1},
		{"the system knows none, for SystemNegativeTTL", &Resolver{SystemNegativeTTL: time.Minute}, bad(&net.DNSError{IsNotFound: true}, 0), true, time.Minute, 1},
		{"the system failed", &Resolver{}, bad(&net.DNSError{IsTemporary: true, Err: "server misbehaving"}, 0), true, time.Second, 1},
		{"nothing is remembered", &Resolver{MaxEntries: -1}, good(time.Hour, "192.0.2.1"), false, 0, 1},
	} {
		synctest.Test(t, func(t *testing.T) {
			f := &fake{answer: c.answer}
			r := c.r
			if c.system {
				r.System = f
			} else {
				f.resolver(r)
			}
			ask := func() int {
				r.LookupNetIP(t.Context(), "ip4", "a.test")
				return f.count()
			}
			if n := ask(); n != c.per {
				t.Fatalf("%s: %d questions for the first", c.name, n)
			}
			if c.want > 0 {
				<-time.After(c.want - time.Nanosecond)
				if n := ask(); n != c.per {
					t.Errorf("%s: asked again before %v", c.name, c.want)
				}
				<-time.After(time.Nanosecond)
			}
			if n := ask(); n != 2*c.per {
				t.Errorf("%s: %d questions after %v; want %d", c.name, n, c.want, 2*c.per)
			}
		})
	}
}

// Many who ask for one name ask once, in each family.
func TestSharing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fake{delay: time.Second, answer: func(_ int, q question) (*reply, error) {
			if q.six {
				return &reply{addrs: ips("2001:db8::1"), name: q.name, ttl: time.Minute}, nil
			}
			return &reply{addrs: ips("192.0.2.1"), name: q.name, ttl: time.Minute}, nil
		}}
		r := f.resolver(&Resolver{})
		var wg sync.WaitGroup
		for i := range 100 {
			wg.Go(func() {
				host := "a.test"
				if i%2 == 1 {
					host = "A.Test."
				}
				if got, err := r.LookupNetIP(t.Context(), "ip", host); err != nil || len(got) != 2 {
					t.Errorf("%v, %v", got, err)
				}
			})
		}
		synctest.Wait()
		if s := r.Stats(); s.Pending != 2 {
			t.Errorf("%d pending", s.Pending)
		}
		wg.Wait()
		s := r.Stats()
		if f.count() != 2 || s.Shared != 198 || s.Lookups != 200 || s.Entries != 2 || s.Pending != 0 {
			t.Errorf("%d questions, %+v", f.count(), s)
		}
	})
}

// Who leaves does not end the lookup: what it finds is kept.
func TestLeaving(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fake{delay: time.Second, answer: good(time.Minute, "192.0.2.1")}
		r := f.resolver(&Resolver{})
		ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
		defer cancel()
		_, err := r.LookupNetIP(ctx, "ip4", "a.test")
		var ne net.Error
		if !errors.Is(err, context.DeadlineExceeded) || !errors.Is(err, os.ErrDeadlineExceeded) || !errors.As(err, &ne) || !ne.Timeout() {
			t.Errorf("%v", err)
		}
		gone, cancelled := context.WithCancel(t.Context())
		cancelled()
		if _, err := r.LookupNetIP(gone, "ip4", "a.test"); !errors.Is(err, context.Canceled) {
			t.Errorf("%v", err)
		}
		<-time.After(time.Second)
		if got, err := r.LookupNetIP(t.Context(), "ip4", "a.test"); err != nil || len(got) != 1 || f.count() != 1 {
			t.Errorf("%v, %v, %d questions", got, err, f.count())
		}
	})
}

func TestStale(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fake{answer: good(time.Minute, "192.0.2.1")}
		r := f.resolver(&Resolver{MaxStale: time.Hour})
		ask := func() (Answer, time.Duration, error) {
			start := time.Now()
			a, err := r.Lookup(t.Context(), "ip4", "a.test")
			return a, time.Since(start), err
		}
		if a, _, err := ask(); err != nil || a.Stale || a.Cached {
			t.Fatalf("%+v, %v", a, err)
		}
		<-time.After(2 * time.Minute)

		// The servers fail: the old answer is given, and they are not asked for FailureTTL.
		f.set(broken, 0)
		a, d, err := ask()
		if err != nil || !a.Stale || len(a.Addrs) != 1 || d != 0 || f.count() != 3 {
			t.Errorf("%+v after %v, %v, %d questions", a, d, err, f.count())
		}
		if a, _, err := ask(); err != nil || !a.Stale || f.count() != 3 {
			t.Errorf("%+v, %v, %d questions", a, err, f.count())
		}

		// They do not answer: it is given after StaleDelay.
		<-time.After(time.Minute)
		f.set(broken, time.Hour)
		if a, d, err := ask(); err != nil || !a.Stale || d != 1800*time.Millisecond {
			t.Errorf("%+v after %v, %v", a, d, err)
		}
		<-time.After(time.Minute)

		// They answer again.
		f.set(good(time.Minute, "192.0.2.2"), 0)
		if a, _, err := ask(); err != nil || a.Stale || a.Addrs[0] != ip("192.0.2.2") {
			t.Errorf("%+v, %v", a, err)
		}

		// It does not exist any more: that is an answer.
		<-time.After(2 * time.Minute)
		f.set(bad(ErrNotFound, time.Minute), 0)
		if _, _, err := ask(); !errors.Is(err, ErrNotFound) {
			t.Errorf("%v", err)
		}

		// Beyond MaxStale there is nothing.
		f.set(good(time.Minute, "192.0.2.3"), 0)
		<-time.After(2 * time.Minute)
		ask()
		<-time.After(2 * time.Hour)
		f.set(broken, 0)
		if _, _, err := ask(); !errors.Is(err, ErrServer) {
			t.Errorf("%v", err)
		}
	})
}

func TestBounds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fake{answer: good(time.Hour, "192.0.2.1")}
		r := f.resolver(&Resolver{MaxEntries: 3, MaxPending: 2})
		for i := range 5 {
			if _, err := r.LookupNetIP(t.Context(), "ip4", fmt.Sprintf("n%d.test", i)); err != nil {
				t.Fatal(err)
			}
		}
		if s := r.Stats(); s.Entries != 3 || s.Evicted != 2 {
			t.Errorf("%+v", s)
		}
		r.LookupNetIP(t.Context(), "ip4", "n4.test")
		if f.count() != 5 {
			t.Error("the newest is not there")
		}
		r.LookupNetIP(t.Context(), "ip4", "n0.test")
		if f.count() != 6 {
			t.Error("the oldest is still there")
		}

		f.set(f.answer, time.Second)
		var wg sync.WaitGroup
		for i := range 2 {
			wg.Go(func() {
				if _, err := r.LookupNetIP(t.Context(), "ip4", fmt.Sprintf("m%d.test", i)); err != nil {
					t.Error(err)
				}
			})
		}
		synctest.Wait()
		if _, err := r.LookupNetIP(t.Context(), "ip4", "m2.test"); !errors.Is(err, ErrOverload) {
			t.Errorf("%v", err)
		}
		wg.Wait()
		if _, err := r.LookupNetIP(t.Context(), "ip4", "m2.test"); err != nil {
			t.Errorf("it was remembered: %v", err)
		}
	})
}

// Servers are asked in turn, each for Timeout; the one that answered is the first from then on.
func TestServers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var asked []string
		alive := "192.0.2.3:53"
		r := &Resolver{Servers: []string{"192.0.2.1", "192.0.2.2:53", "192.0.2.3"}}
		r.exchange = func(ctx context.Context, server netip.AddrPort, q question) (*reply, error) {
			asked = append(asked, server.String())
			if server.String() != alive {
				<-ctx.Done()
				return nil, ctx.Err()
			}
			return &reply{addrs: ips("192.0.2.9"), ttl: 0}, nil
		}
		ask := func(name string) (time.Duration, error) {
			start := time.Now()
			_, err := r.LookupNetIP(t.Context(), "ip4", name)
			return time.Since(start), err
		}
		if d, err := ask("a.test"); err != nil || d != 4*time.Second || len(asked) != 3 {
			t.Errorf("%v, %v, %q", d, err, asked)
		}
		if d, err := ask("a.test"); err != nil || d != 0 || len(asked) != 4 {
			t.Errorf("%v, %v, %q", d, err, asked)
		}
		alive = ""
		asked = nil
		d, err := ask("b.test")
		if !errors.Is(err, ErrServer) || !errors.Is(err, os.ErrDeadlineExceeded) || d != 12*time.Second || len(asked) != 6 || asked[0] != "192.0.2.3:53" {
			t.Errorf("%v, %v, %q", d, err, asked)
		}
		if s := r.Stats(); s.Timeouts != 8 {
			t.Errorf("%+v", s)
		}
	})
}

// On a loop what is known is answered, and nothing is waited for.
func TestOnLoop(t *testing.T) {
	f := &fake{answer: good(time.Hour, "192.0.2.1")}
	r := f.resolver(&Resolver{Static: map[string][]netip.Addr{"fixed.test": ips("192.0.2.7")}})
	if _, err := r.LookupNetIP(t.Context(), "ip4", "known.test"); err != nil {
		t.Fatal(err)
	}
	re := reactortest.NewDefault(t, reactor.Config{Loops: 1})
	for name, want := range map[string]error{"known.test": nil, "fixed.test": nil, "192.0.2.1": nil, "unknown.test": reactor.ErrOnLoop} {
		var got error
		err := re.EachLoop(t.Context(), func(int) { _, got = r.LookupNetIP(context.Background(), "ip4", name) })
		if err != nil || !errors.Is(got, want) {
			t.Errorf("%s: %v, %v", name, got, err)
		}
	}
	if f.count() != 1 {
		t.Errorf("%d questions", f.count())
	}
	var err error
	d := &Dialer{Resolver: r}
	re.EachLoop(t.Context(), func(int) { _, err = d.DialContext(context.Background(), re, "known.test:80") })
	if !errors.Is(err, reactor.ErrOnLoop) {
		t.Errorf("dialer: %v", err)
	}
}

// On a loop a stale answer is given at once, and the name is asked for again.
func TestStaleOnLoop(t *testing.T) {
	f := &fake{answer: good(0, "192.0.2.1")}
	r := f.resolver(&Resolver{MaxStale: time.Hour})
	if _, err := r.Lookup(t.Context(), "ip4", "a.test"); err != nil {
		t.Fatal(err)
	}
	var a Answer
	var got error
	re := reactortest.NewDefault(t, reactor.Config{Loops: 1})
	if err := re.EachLoop(t.Context(), func(int) { a, got = r.Lookup(context.Background(), "ip4", "a.test") }); err != nil {
		t.Fatal(err)
	}
	if got != nil || !a.Stale || !a.Cached || len(a.Addrs) != 1 {
		t.Errorf("%+v, %v", a, got)
	}
	for end := time.Now().Add(patience); f.count() < 2 || r.Stats().Pending > 0; <-time.After(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("it was not asked for again")
		}
	}
}

// panics is a System that does.
type panics struct{}

func (panics) LookupNetIP(context.Context, string, string) ([]netip.Addr, error) { panic("no") }

// A panic of the user's resolver fails the lookup, and nothing else.
func TestSystemPanics(t *testing.T) {
	r := &Resolver{System: panics{}, FailureTTL: -1}
	for range 2 {
		if _, err := r.LookupNetIP(t.Context(), "ip", "a.test"); !errors.Is(err, ErrServer) {
			t.Errorf("%v", err)
		}
	}
	d := &Dialer{Resolver: panics{}}
	if _, err := d.DialContext(t.Context(), reactortest.NewDefault(t, reactor.Config{Loops: 1}), "a.test:80"); !errors.Is(err, ErrServer) {
		t.Errorf("dialer: %v", err)
	}
}

// The addresses of a name take turns.
func TestRotation(t *testing.T) {
	f := &fake{answer: good(time.Hour, "192.0.2.1", "192.0.2.2", "192.0.2.3")}
	r := f.resolver(&Resolver{})
	var first []netip.Addr
	for range 4 {
		got, err := r.LookupNetIP(t.Context(), "ip4", "a.test")
		if err != nil || len(got) != 3 {
			t.Fatalf("%v, %v", got, err)
		}
		first = append(first, got[0])
		got[0] = netip.Addr{} // the caller's own
	}
	if want := ips("192.0.2.1", "192.0.2.2", "192.0.2.3", "192.0.2.1"); !slices.Equal(first, want) {
		t.Errorf("%v", first)
	}
}

// Of two families: one with addresses is enough, a failure says more than that there is nothing.
func TestFamilies(t *testing.T) {
	some := &reply{addrs: ips("192.0.2.1"), ttl: time.Hour}
	none := &reply{err: ErrNoAddress}
	gone := &reply{err: ErrNotFound}
	for _, c := range []struct {
		name      string
		four, six *reply // nil: the server fails
		err       error
	}{
		{"IPv4 alone", some, none, nil},
		{"IPv6 fails", some, nil, nil},
		{"nothing", none, none, ErrNoAddress},
		{"not there", gone, gone, ErrNotFound},
		{"nothing and a failure", none, nil, ErrServer},
		{"a failure and nothing", nil, none, ErrServer},
		{"failures", nil, nil, ErrServer},
	} {
		f := &fake{answer: func(_ int, q question) (*reply, error) {
			a := c.four
			if q.six {
				a = c.six
			}
			if a == nil {
				return nil, errServerFailed
			}
			return a, nil
		}}
		got, err := f.resolver(&Resolver{}).LookupNetIP(t.Context(), "ip", "a.test")
		if !errors.Is(err, c.err) || (err == nil) != (len(got) == 1) {
			t.Errorf("%s: %v, %v", c.name, got, err)
		}
		var de *net.DNSError
		if err != nil && (!errors.As(err, &de) || de.IsNotFound == errors.Is(err, ErrServer) || de.Name != "a.test") {
			t.Errorf("%s: %#v", c.name, err)
		}
	}
}

func TestForget(t *testing.T) {
	f := &fake{answer: good(time.Hour, "192.0.2.1")}
	r := f.resolver(&Resolver{})
	ask := func() int {
		r.LookupNetIP(t.Context(), "ip4", "a.test")
		return f.count()
	}
	ask()
	r.Forget("A.test.")
	if ask() != 2 {
		t.Error("not forgotten")
	}
	r.Flush()
	if n := ask(); n != 3 || ask() != n {
		t.Error("not flushed")
	}
	new(Resolver).Forget("a.test") // a Resolver that has not been used
}
