package guard

import (
	"errors"
	"log/slog"
	"math"
	"net/http"
	"net/netip"
	"slices"
	"sync/atomic"
	"time"

	"github.com/calandria-go/calandria/protocols/http1"
)

// BanConfig is who is banned, and for how long. The zero value of each limit is a safe default.
type BanConfig struct {
	// Lists are networks that are banned, such as a *netaddr.List of files.
	Lists []Networks
	// Allow are never banned, whatever else is said; nil: nobody.
	Allow Networks
	// Proxies are the trusted proxies of ClientIP. They are not banned either, so that the failures of a client whose address
	// is not known are not held against the proxy in front of it; nil: none.
	Proxies Networks

	// MaxFails is how many failures within Window are one too many; 0: 20; negative: nobody is banned for failures.
	MaxFails int
	// Window is the time over which they are counted, as if it slid; 0 or negative: 60 s.
	Window time.Duration
	// BanFor is how long the first ban of a client takes, and each further one twice as long; 0 or negative: 5 min.
	BanFor time.Duration
	// MaxBan is the longest; 0 or negative: 24 h.
	MaxBan time.Duration
	// Forget is how long after a ban's end the next one is twice as long; 0 or negative: 24 h.
	Forget time.Duration
	// MaxTracked bounds the clients that are counted or banned for failures; 0 or negative: 100,000. For a new one the one that
	// failed the longest ago goes; one that is banned only if all are. It is some 130 bytes for each.
	MaxTracked int
	// MaxManual bounds the networks of Ban; 0 or negative: 10,000.
	MaxManual int

	// Statuses of answers that are failures; nil: 400, 401, 403, 405, 408, 414 and 431. A 401 counts only if the request had an
	// Authorization field: without, it is how every client learns that it needs one. 404, 429 and 5xx are not among them:
	// dead links, busy users and our own faults are no attacks. Add what is one for you.
	Statuses []int
	// SlowWeight is how many failures a request is whose head or body came too slowly; 0: 5; negative: none.
	SlowWeight int
	// Weigh takes the place of all of that: how many failures an exchange is; nil: Bans.Weigh.
	Weigh func(x *http1.Exchange, r *http1.Result) int

	// Status is what Middleware answers to a banned client; 0: 403; negative: nothing, the connection is reset.
	Status int
	// OnBan is called for each ban for failures, on the loop where it happened; nil for nothing.
	OnBan func(Ban)
	// Logger gets a line for each; nil discards.
	Logger *slog.Logger
	// Now is the clock; nil: time.Now.
	Now func() time.Time
}

// Cause is why a client is banned.
type Cause uint8

// Causes.
const (
	NotBanned  Cause = iota
	ByList           // a network of BanConfig.Lists
	ByHand           // Bans.Ban
	ByFailures       // it kept failing
)

// String is the cause's label.
func (c Cause) String() string {
	return [...]string{"none", "list", "hand", "failures"}[min(c, 3)]
}

// Ban is one ban.
type Ban struct {
	// Network is what is banned: an IPv4 address or an IPv6 /64 for failures.
	Network netip.Prefix
	// Cause is ByHand or ByFailures.
	Cause Cause
	// Until is its end; zero: it has none.
	Until time.Time
	// Count is how many bans of that client this one makes, those forgotten not counted; 0 for ByHand.
	Count int
}

// Bans knows who is banned. Its methods are safe from any goroutine and do not block.
type Bans struct {
	cfg       BanConfig
	statuses  [1000]bool
	base      time.Time
	tracked   *table[offender]
	banned    atomic.Int64 // slots in the second list: none means that there is nothing to look up
	manual    manual
	refusals  [ByFailures + 1]atomic.Uint64
	failures  atomic.Uint64
	automatic atomic.Uint64
	spared    atomic.Uint64
}

// offender is a client that has failed. Times are nanoseconds since Bans.base.
type offender struct {
	window    int64 // when the present window began
	now, last int32 // failures in it, and in the one before
	until     int64 // the end of the last ban
	bans      uint8 // how many there were
}

// ErrBanned is the reason of a connection that is reset because its client is banned.
var ErrBanned error = bannedError{}

type bannedError struct{}

func (bannedError) Error() string       { return "guard: client is banned" }
func (bannedError) CloseReason() string { return "banned" }

var failing = []int{400, 401, 403, 405, 408, 414, 431}

// NewBans gives Bans without any but those in the lists.
func NewBans(c BanConfig) *Bans {
	c.MaxFails = orElse(c.MaxFails, 20, math.MaxInt32)
	c.Window = orElse(c.Window, time.Minute, time.Minute)
	c.BanFor = orElse(c.BanFor, 5*time.Minute, 5*time.Minute)
	c.MaxBan = max(orElse(c.MaxBan, 24*time.Hour, 24*time.Hour), c.BanFor)
	c.Forget = orElse(c.Forget, 24*time.Hour, 24*time.Hour)
	c.MaxTracked = orElse(c.MaxTracked, 100_000, 100_000)
	c.MaxManual = orElse(c.MaxManual, 10_000, 10_000)
	c.SlowWeight = max(orElse(c.SlowWeight, 5, 0), 0)
	c.Status = orElse(c.Status, http.StatusForbidden, -1)
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.Statuses == nil {
		c.Statuses = failing
	}
	c.Lists = slices.Clone(c.Lists)
	b := &Bans{cfg: c, base: c.Now(), tracked: newTable[offender](c.MaxTracked)}
	for _, s := range c.Statuses {
		if s > 0 && s < len(b.statuses) {
			b.statuses[s] = true
		}
	}
	if b.cfg.Weigh == nil {
		b.cfg.Weigh = b.Weigh
	}
	return b
}

// orElse is v, def for zero, and negative for less.
func orElse[N int | time.Duration](v, def, negative N) N {
	switch {
	case v == 0:
		return def
	case v < 0:
		return negative
	}
	return v
}

// now is the time in the table.
func (b *Bans) now() int64 { return int64(b.cfg.Now().Sub(b.base)) }

// allowed says whether a is never banned.
func (b *Bans) allowed(a netip.Addr) bool {
	return contains(b.cfg.Allow, a) || contains(b.cfg.Proxies, a)
}

// Admit is for reactor.ListenLimits.Admit, and for that of transports/proxy: false for a banned client, before anything is
// spent on its connection. It costs some tens of nanoseconds for each list, and some 100 ns more while anybody is banned.
func (b *Bans) Admit(remote netip.AddrPort) bool {
	cause := b.Check(remote.Addr())
	b.refusals[cause].Add(1)
	return cause == NotBanned
}

// Check says whether and why an address is banned. An invalid one, such as a unix socket's, is not.
func (b *Bans) Check(a netip.Addr) Cause {
	a = a.Unmap()
	switch {
	case !a.IsValid():
		return NotBanned
	case b.inLists(a) && !b.allowed(a):
		return ByList
	}
	if b.manual.any() && b.manual.banned(a, b.now()) && !b.allowed(a) {
		return ByHand
	}
	if b.banned.Load() > 0 && b.isTracked(keyOf(a)) && !b.allowed(a) {
		return ByFailures
	}
	return NotBanned
}

func (b *Bans) inLists(a netip.Addr) bool {
	for _, l := range b.cfg.Lists {
		if contains(l, a) {
			return true
		}
	}
	return false
}

// isTracked says whether k is banned for failures.
func (b *Bans) isTracked(k key) bool {
	now := b.now()
	s := b.tracked.lock(k)
	defer s.mu.Unlock()
	i := s.find(k)
	if i == none || s.slots[i].list == 0 {
		return false
	}
	if s.slots[i].value.until > now {
		return true
	}
	b.release(s, i)
	return false
}

// release moves one whose ban has ended back among those that are only watched.
func (b *Bans) release(s *shard[offender], i int32) {
	s.move(i, 0)
	b.banned.Add(-1)
}

// Middleware refuses requests of clients that are banned, by the address that ClientIP has found: behind a proxy, and on
// connections that were open before the ban. It goes inside of ClientIP.Middleware.
func (b *Bans) Middleware() http1.Middleware {
	return func(next http1.Handler) http1.Handler {
		return http1.HandlerFunc(func(x *http1.Exchange) {
			cause := b.Check(x.ClientAddr())
			if cause == NotBanned {
				next.Handle(x)
				return
			}
			b.refusals[cause].Add(1)
			if b.cfg.Status < 0 {
				x.Abort(ErrBanned)
				return
			}
			x.CloseAfter()
			x.Respond(b.cfg.Status, "text/plain; charset=utf-8", []byte(http.StatusText(b.cfg.Status)+"\n"))
		})
	}
}

// OnDone is for http1.Server.OnDone: it counts what the exchange did wrong, as BanConfig.Weigh says.
func (b *Bans) OnDone(x *http1.Exchange, r *http1.Result) {
	if w := b.cfg.Weigh(x, r); w > 0 {
		b.Fail(x.ClientAddr(), w)
	}
}

// Weigh is how many failures an exchange is unless BanConfig.Weigh says otherwise: SlowWeight for a head or a body that came
// too slowly, 1 for one that the server refused by itself or that was answered with one of Statuses, else 0.
func (b *Bans) Weigh(x *http1.Exchange, r *http1.Result) int {
	switch {
	case r.Err != nil && isSlow(r.Err):
		return b.cfg.SlowWeight
	case r.Refused:
		return 1
	case r.Status <= 0 || r.Status >= len(b.statuses) || !b.statuses[r.Status]:
		return 0
	case r.Status == http.StatusUnauthorized:
		if _, tried := x.Request().Get("Authorization"); !tried {
			return 0
		}
	}
	return 1
}

func isSlow(err error) bool {
	return errors.Is(err, http1.ErrHeadTimeout) || errors.Is(err, http1.ErrBodyTimeout) || errors.Is(err, http1.ErrBodyRate)
}
