package guard

import (
	"errors"
	"fmt"
	"math"
	"net/http"
	"net/netip"
	"strconv"
	"time"

	"github.com/calandria-go/calandria/protocols/http1"
)

// RateConfig is how many requests a client may make.
type RateConfig struct {
	// Rate is requests a second, in the long run; it must be above 0: 0.1 is one in ten seconds.
	Rate float64
	// Burst is how many may come at once, after a time of silence; 0 or negative: Rate, rounded up, and 1 at the least.
	Burst int
	// Key says whom a request counts for, such as the value of a field or a part of the path; nil: Exchange.ClientAddr. The
	// bytes may be the request's own; they are hashed. None are no limit for this request.
	Key func(x *http1.Exchange) []byte
	// Cost is how many requests this one counts for; nil: 1. One of 0 or less is free, one above Burst is always refused.
	Cost func(x *http1.Exchange) int
	// Allow are addresses without a limit, unless there is a Key; nil: none.
	Allow Networks
	// MaxTracked bounds the clients that are known; 0 or negative: 100,000. For a new one the one that came the longest ago is
	// forgotten, and may begin anew. It is some 100 bytes for each.
	MaxTracked int
	// Name is the policy's, in the RateLimit fields; empty: "default". Letters, digits, '-' and '_' only.
	Name string
	// Announce adds the RateLimit fields to every answer. Without it they are in those with status 429 only. It costs some
	// allocations for each request.
	Announce bool
	// Now is the clock; nil: Exchange.Now, which costs nothing.
	Now func() time.Time
}

// Limiter is a token bucket for each client, kept as one time: when the bucket would be full again (the generic cell rate
// algorithm). Its methods are safe from any goroutine and do not block.
type Limiter struct {
	cfg      RateConfig
	base     time.Time
	interval int64 // nanoseconds a token
	depth    int64 // nanoseconds from empty to full
	policy   string
	hash     hasher
	buckets  *table[bucket]
}

// bucket is when it is full again, in nanoseconds since Limiter.base.
type bucket struct{ full int64 }

// Limits of what nanoseconds in 63 bits can count.
const (
	minRate  = 1.0 / (30 * 24 * 3600) // one in 30 days
	maxRate  = 1e9
	maxDepth = int64(math.MaxInt64 / 4)
)

// NewLimiter gives a Limiter; an error if c makes none.
func NewLimiter(c RateConfig) (*Limiter, error) {
	if !(c.Rate >= minRate && c.Rate <= maxRate) { // NaN, too
		return nil, fmt.Errorf("guard: a rate of %v requests a second", c.Rate)
	}
	if c.Burst <= 0 {
		c.Burst = max(int(math.Ceil(c.Rate)), 1)
	}
	c.MaxTracked = orElse(c.MaxTracked, 100_000, 100_000)
	if c.Name == "" {
		c.Name = "default"
	}
	for i := range len(c.Name) {
		if b := c.Name[i]; !(lower(b) >= 'a' && lower(b) <= 'z' || b >= '0' && b <= '9' || b == '-' || b == '_') {
			return nil, errors.New("guard: the policy's name has other characters than letters, digits, '-' and '_'")
		}
	}
	l := &Limiter{cfg: c, interval: max(int64(1e9/c.Rate), 1), hash: newHasher(), buckets: newTable[bucket](c.MaxTracked)}
	if int64(c.Burst) > maxDepth/l.interval {
		return nil, fmt.Errorf("guard: a burst of %d at %v requests a second", c.Burst, c.Rate)
	}
	l.depth = int64(c.Burst) * l.interval
	l.base = time.Now()
	if c.Now != nil {
		l.base = c.Now()
	}
	// q requests within w seconds are what the bucket lets through after silence.
	l.policy = fmt.Sprintf("\"%s\";q=%d;w=%d", c.Name, c.Burst, seconds(l.depth))
	return l, nil
}

// Decision is what a Limiter says of one request.
type Decision struct {
	// OK: it may pass.
	OK bool
	// Remaining is how many more could follow at once.
	Remaining int
	// RetryAfter is when one that is refused could pass; 0 if it may, and negative if it never could.
	RetryAfter time.Duration
	// Reset is when the bucket is full again.
	Reset time.Duration
}

// Allow takes cost tokens of the client with that address, at that time. It is for other things than requests, or tests.
func (l *Limiter) Allow(a netip.Addr, cost int, now time.Time) Decision {
	return l.take(keyOf(a.Unmap()), cost, now)
}

// AllowKey is Allow for a key of any bytes.
func (l *Limiter) AllowKey(k []byte, cost int, now time.Time) Decision {
	return l.take(l.hash.key(k), cost, now)
}

func (l *Limiter) take(k key, cost int, at time.Time) Decision {
	now := int64(at.Sub(l.base))
	s := l.buckets.lock(k)
	i := s.find(k)
	if i == none {
		// Buckets that are full again are as good as none. The last of the list was touched the longest ago, and all fill up
		// equally fast. As long as there is room, who comes again finds its place.
		for n := 0; n < 2 && len(s.index) > s.max/2; n++ {
			last := s.lists[0].last
			if s.slots[last].value.full > now {
				break
			}
			s.remove(last)
		}
		i, _ = s.add(k)
	} else {
		s.move(i, 0)
	}
	d := s.slots[i].value.take(now, int64(cost), l.interval, l.depth)
	if d.OK {
		s.counts[0]++
	} else {
		s.counts[1]++
	}
	s.mu.Unlock()
	return d
}

// take takes cost tokens, if they are there.
func (b *bucket) take(now, cost, interval, depth int64) Decision {
	full := max(b.full, now)
	cost = max(cost, 0)
	if cost > depth/interval {
		return Decision{RetryAfter: -1, Remaining: int((depth - (full - now)) / interval), Reset: time.Duration(full - now)}
	}
	next := full + cost*interval
	if next-now > depth {
		return Decision{
			RetryAfter: time.Duration(next - now - depth), Remaining: int(max(depth-(full-now), 0) / interval), Reset: time.Duration(full - now),
		}
	}
	b.full = next
	return Decision{OK: true, Remaining: int((depth - (next - now)) / interval), Reset: time.Duration(next - now)}
}

// Middleware answers 429 to requests above the limit, with Retry-After (RFC 9110 section 10.2.3) and the fields RateLimit and
// RateLimit-Policy (draft-ietf-httpapi-ratelimit-headers). Clients of a unix socket whose address ClientIP has not found
// count as one.
func (l *Limiter) Middleware() http1.Middleware {
	return func(next http1.Handler) http1.Handler {
		return http1.HandlerFunc(func(x *http1.Exchange) {
			if d, limited := l.decide(x); limited && !l.pass(x, d) {
				return
			}
			next.Handle(x)
		})
	}
}

// decide asks the bucket of a request; limited is false if it has none.
func (l *Limiter) decide(x *http1.Exchange) (d Decision, limited bool) {
	cost := 1
	if l.cfg.Cost != nil {
		if cost = l.cfg.Cost(x); cost <= 0 {
			return d, false
		}
	}
	var k key
	if l.cfg.Key != nil {
		b := l.cfg.Key(x)
		if len(b) == 0 {
			return d, false
		}
		k = l.hash.key(b)
	} else {
		a := x.ClientAddr()
		if contains(l.cfg.Allow, a) {
			return d, false
		}
		k = keyOf(a)
	}
	now := x.Now()
	if l.cfg.Now != nil {
		now = l.cfg.Now()
	}
	return l.take(k, cost, now), true
}

// pass answers a request that is refused, and announces the rest if asked to.
func (l *Limiter) pass(x *http1.Exchange, d Decision) bool {
	if d.OK {
		if l.cfg.Announce {
			x.OnHead(func(_ *http1.Exchange, h *http1.Head) {
				h.Add("RateLimit-Policy", l.policy)
				h.Add("RateLimit", l.limitField(d))
			})
		}
		return true
	}
	if d.RetryAfter > 0 {
		x.SetHeader("Retry-After", strconv.FormatInt(seconds(int64(d.RetryAfter)), 10))
	}
	x.SetHeader("RateLimit-Policy", l.policy)
	x.SetHeader("RateLimit", l.limitField(d))
	x.Respond(http.StatusTooManyRequests, "text/plain; charset=utf-8", []byte("Too Many Requests\n"))
	return false
}

// limitField is what is left: r requests now, and all of them in t seconds.
func (l *Limiter) limitField(d Decision) string {
	b := make([]byte, 0, 48)
	b = append(append(append(b, '"'), l.cfg.Name...), "\";r="...)
	b = strconv.AppendInt(b, int64(d.Remaining), 10)
	b = append(b, ";t="...)
	return string(strconv.AppendInt(b, seconds(int64(d.Reset)), 10))
}

// seconds rounds nanoseconds up.
func seconds(ns int64) int64 { return (ns + 1e9 - 1) / 1e9 }

// RateStats are counters since the start, and a gauge.
type RateStats struct {
	// Allowed and Refused count requests.
	Allowed, Refused uint64
	// Evicted counts clients that MaxTracked has made room of before their buckets were full.
	Evicted uint64
	// Tracked is how many clients are known.
	Tracked int
}

// Stats counts. It takes each shard's lock for a moment.
func (l *Limiter) Stats() RateStats {
	n := l.buckets.counts()
	s := RateStats{Allowed: n[0], Refused: n[1]}
	s.Tracked, _, s.Evicted = l.buckets.len()
	return s
}
