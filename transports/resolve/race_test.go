package resolve

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// track is a race whose lookups and attempts take a known time each.
type track struct {
	six, four           time.Duration // when the addresses come; negative: not asked for
	sixAddrs, fourAddrs string
	sixErr, fourErr     error
	connect             map[string]time.Duration // negative: fails after it; not there: never
	resolution, attempt time.Duration
	max                 int
	want                string // "address time", or the error
	tries               string // "address time" of each
	cancelAfter         time.Duration
}

const (
	ms   = time.Millisecond
	none = -1
)

var (
	errSix  = errors.New("no IPv6 addresses")
	errFour = errors.New("no IPv4 addresses")
)

func addrsOf(list string) []netip.Addr { return ips(strings.Fields(list)...) }

func (c track) run(t *testing.T) (got, tries string, ended int) {
	var mu sync.Mutex
	var all []string
	start := time.Now()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	if c.cancelAfter > 0 {
		time.AfterFunc(c.cancelAfter, cancel)
	}
	r := race[netip.Addr]{
		resolutionDelay: orDefault(c.resolution, 50*ms), attemptDelay: orDefault(c.attempt, 250*ms), maxAttempts: orDefault(c.max, 16),
		sort: func(all []netip.Addr) []netip.Addr {
			return order(all, func(a netip.Addr) netip.Addr { return a })
		},
		connect: func(ctx context.Context, a netip.Addr) (netip.Addr, error) {
			mu.Lock()
			all = append(all, fmt.Sprint(a, " ", time.Since(start)))
			mu.Unlock()
			defer func() {
				mu.Lock()
				ended++
				mu.Unlock()
			}()
			d, ok := c.connect[a.String()]
			var after <-chan time.Time
			if ok {
				after = time.After(max(d, -d))
			}
			select {
			case <-after:
				if d < 0 {
					return a, fmt.Errorf("%v refused", a)
				}
				return a, nil
			case <-ctx.Done():
				return a, ctx.Err()
			}
		},
	}
	give := func(after time.Duration, f found) <-chan found {
		if after < 0 {
			return nil
		}
		ch := make(chan found, 1)
		time.AfterFunc(after, func() { ch <- f })
		return ch
	}
	r.six, r.four = give(c.six, found{addrsOf(c.sixAddrs), c.sixErr}), give(c.four, found{addrsOf(c.fourAddrs), c.fourErr})
	a, err := r.run(ctx)
	d := time.Since(start)
	got = fmt.Sprint(a, " ", d)
	if err != nil {
		got = fmt.Sprint(err, " ", d)
	}
	synctest.Wait()
	return got, strings.Join(all, ", "), ended
}

// RFC 8305, rule by rule.
func TestHappyEyeballs(t *testing.T) {
	const v6, v4 = "2001:db8::1", "192.0.2.1"
	both := map[string]time.Duration{v6: 10 * ms, v4: 10 * ms}
	for name, c := range map[string]track{
		"IPv6 first, at once": {six: 5 * ms, sixAddrs: v6, four: 1 * time.Second, fourAddrs: v4, connect: both, want: v6 + " 15ms", tries: v6 + " 5ms"},
		"IPv6 within the resolution delay": {
			four: 5 * ms, fourAddrs: v4, six: 54 * ms, sixAddrs: v6, connect: both, want: v6 + " 64ms", tries: v6 + " 54ms",
		},
		"IPv6 after the resolution delay": {
			four: 5 * ms, fourAddrs: v4, six: 56 * ms, sixAddrs: v6, connect: both, want: v4 + " 65ms", tries: v4 + " 55ms",
		},
		"no IPv6 addresses: no delay": {
			four: 5 * ms, fourAddrs: v4, six: 7 * ms, sixErr: errSix, connect: both, want: v4 + " 17ms", tries: v4 + " 7ms",
		},
		"no IPv6 addresses, before": {
			four: 5 * ms, fourAddrs: v4, six: 2 * ms, sixErr: errSix, connect: both, want: v4 + " 15ms", tries: v4 + " 5ms",
		},
		"IPv4 alone is asked for": {six: none, four: 5 * ms, fourAddrs: v4, connect: both, want: v4 + " 15ms", tries: v4 + " 5ms"},
		"IPv6 alone is asked for": {four: none, six: 5 * ms, sixAddrs: v6, connect: both, want: v6 + " 15ms", tries: v6 + " 5ms"},
		"the next after 250 ms, while the first goes on": {
			sixAddrs: v6, fourAddrs: v4, connect: map[string]time.Duration{v6: 400 * ms, v4: 200 * ms}, want: v6 + " 400ms", tries: v6 + " 0s, " + v4 + " 250ms",
		},
		"the second is faster": {
			sixAddrs: v6, fourAddrs: v4, connect: map[string]time.Duration{v6: 400 * ms, v4: 100 * ms}, want: v4 + " 350ms", tries: v6 + " 0s, " + v4 + " 250ms",
		},
		"the first never answers": {
			sixAddrs: v6, fourAddrs: v4, connect: map[string]time.Duration{v4: ms}, want: v4 + " 251ms", tries: v6 + " 0s, " + v4 + " 250ms",
		},
		"after a failure at once": {
			sixAddrs: v6, fourAddrs: v4, connect: map[string]time.Duration{v6: -20 * ms, v4: ms}, want: v4 + " 21ms", tries: v6 + " 0s, " + v4 + " 20ms",
		},
		"all fail: the first one's error": {
			sixAddrs: v6, fourAddrs: v4, connect: map[string]time.Duration{v6: -20 * ms, v4: -20 * ms},
			want: v6 + " refused 40ms", tries: v6 + " 0s, " + v4 + " 20ms",
		},
		"in turns": {
			sixAddrs: "2001:db8::1 2001:db8::2 2001:db8::3", fourAddrs: "192.0.2.1 192.0.2.2", connect: map[string]time.Duration{"2001:db8::3": ms},
			want:  "2001:db8::3 1.001s",
			tries: "2001:db8::1 0s, 192.0.2.1 250ms, 2001:db8::2 500ms, 192.0.2.2 750ms, 2001:db8::3 1s",
		},
		"IPv6 comes while IPv4 is tried: it is next": {
			fourAddrs: "192.0.2.1 192.0.2.2", six: 100 * ms, sixAddrs: v6, connect: map[string]time.Duration{v6: ms}, want: v6 + " 301ms",
			tries: "192.0.2.1 50ms, " + v6 + " 300ms",
		},
		"IPv6 comes after the attempt delay: at once": {
			fourAddrs: v4, six: 400 * ms, sixAddrs: v6, connect: map[string]time.Duration{v6: ms}, want: v6 + " 401ms", tries: v4 + " 50ms, " + v6 + " 400ms",
		},
		"IPv6 comes after IPv4 failed": {
			fourAddrs: v4, six: 400 * ms, sixAddrs: v6, connect: map[string]time.Duration{v4: -ms, v6: ms}, want: v6 + " 401ms", tries: v4 + " 50ms, " + v6 + " 400ms",
		},
		"IPv4 failed and IPv6 does not come": {
			fourAddrs: v4, six: 400 * ms, sixErr: errSix, connect: map[string]time.Duration{v4: -ms}, want: v4 + " refused 400ms", tries: v4 + " 50ms",
		},
		"no addresses":         {sixErr: errSix, fourErr: errFour, six: ms, want: "no IPv4 addresses 1ms"},
		"no addresses for one": {six: none, fourErr: errFour, want: "no IPv4 addresses 0s"},
		"at most so many": {
			six: none, fourAddrs: "192.0.2.1 192.0.2.2 192.0.2.3", max: 2, connect: map[string]time.Duration{"192.0.2.1": -ms, "192.0.2.2": -ms, "192.0.2.3": ms},
			want: "192.0.2.1 refused 2ms", tries: "192.0.2.1 0s, 192.0.2.2 1ms",
		},
		"at most so many, whatever comes later": {
			four: 5 * ms, fourAddrs: v4, six: time.Second, sixAddrs: v6, max: 1, connect: map[string]time.Duration{v4: -ms, v6: ms},
			want: v4 + " refused 56ms", tries: v4 + " 55ms",
		},
		"cancelled while looking up":  {four: time.Second, six: time.Second, cancelAfter: 10 * ms, want: "context canceled 10ms"},
		"cancelled while connecting":  {six: none, fourAddrs: v4, cancelAfter: 10 * ms, want: "context canceled 10ms", tries: v4 + " 0s"},
		"other delays":                {sixAddrs: v6, four: 0, fourAddrs: v4, attempt: 10 * ms, connect: map[string]time.Duration{v4: ms}, want: v4 + " 11ms", tries: v6 + " 0s, " + v4 + " 10ms"},
		"another resolution delay":    {fourAddrs: v4, six: time.Second, sixAddrs: v6, resolution: 5 * ms, connect: both, want: v4 + " 15ms", tries: v4 + " 5ms"},
		"each failure once, no burst": {six: none, fourAddrs: "192.0.2.1 192.0.2.2 192.0.2.3", connect: map[string]time.Duration{"192.0.2.1": -300 * ms, "192.0.2.3": ms}, want: "192.0.2.3 301ms", tries: "192.0.2.1 0s, 192.0.2.2 250ms, 192.0.2.3 300ms"},
	} {
		synctest.Test(t, func(t *testing.T) {
			got, tries, ended := c.run(t)
			if got != c.want || tries != c.tries {
				t.Errorf("%s: %s, by %s; want %s, by %s", name, got, tries, c.want, c.tries)
			}
			if n := len(strings.FieldsFunc(tries, func(r rune) bool { return r == ',' })); ended != n {
				t.Errorf("%s: %d of %d attempts have ended", name, ended, n)
			}
		})
	}
}
