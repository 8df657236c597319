package guard

import (
	"cmp"
	"errors"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gaissmai/bart"
)

// manual are the networks banned by hand, with the end of each ban: a table that is replaced, not changed, so that asking it
// takes no lock.
type manual struct {
	mu    sync.Mutex
	table atomic.Pointer[bart.Table[int64]]
}

// forever is the end of a ban without one.
const forever = int64(1<<63 - 1)

// Errors of Ban.
var (
	// ErrTooManyBans: there are BanConfig.MaxManual networks already.
	ErrTooManyBans = errors.New("guard: too many networks are banned")
	errNoNetwork   = errors.New("guard: not a network")
)

func (m *manual) any() bool {
	t := m.table.Load()
	return t != nil && t.Size() > 0
}

// banned says whether a is in a network whose ban has not ended.
func (m *manual) banned(a netip.Addr, now int64) bool {
	t := m.table.Load()
	until, ok := t.Lookup(a)
	if !ok || until > now {
		return ok
	}
	for _, until := range t.Supernets(netip.PrefixFrom(a, a.BitLen())) { // a wider one may be banned for longer
		if until > now {
			return true
		}
	}
	return false
}

// Ban bans a network for d from now on, in the place of an earlier ban of it; d of 0 or less: for ever, that is: until Unban
// or the end of the process. Addresses of BanConfig.Allow in it stay allowed. It copies a part of the table: not for each
// request.
func (b *Bans) Ban(p netip.Prefix, d time.Duration) error {
	p, ok := network(p)
	if !ok {
		return errNoNetwork
	}
	now := b.now()
	until := forever
	if d > 0 && int64(d) < forever-now {
		until = now + int64(d)
	}
	m := &b.manual
	m.mu.Lock()
	defer m.mu.Unlock()
	t := m.table.Load()
	if t == nil {
		t = &bart.Table[int64]{}
	}
	if _, there := t.Get(p); !there && t.Size() >= b.cfg.MaxManual {
		if t = withoutEnded(t, now); t.Size() >= b.cfg.MaxManual {
			return ErrTooManyBans
		}
	}
	m.table.Store(t.InsertPersist(p, until))
	return nil
}

func withoutEnded(t *bart.Table[int64], now int64) *bart.Table[int64] {
	left := &bart.Table[int64]{}
	for p, until := range t.All() {
		if until > now {
			left.Insert(p, until)
		}
	}
	return left
}

// network is p without host bits, and as IPv4 if it is.
func network(p netip.Prefix) (netip.Prefix, bool) {
	if !p.IsValid() {
		return p, false
	}
	if a := p.Addr(); a.Is4In6() && p.Bits() >= 96 {
		p = netip.PrefixFrom(a.Unmap(), p.Bits()-96)
	}
	return p.Masked(), true
}

// Unban ends the bans by hand of p and of the networks in it, and those for failures of the clients in it, whose failures are
// forgotten. It gives how many bans that were. A ban by hand of a wider network goes on, and so do lists. For one client it is
// quick; for a network it looks through the table of clients.
func (b *Bans) Unban(p netip.Prefix) int {
	p, ok := network(p)
	if !ok {
		return 0
	}
	return b.unbanManual(p) + b.unbanTracked(p)
}

func (b *Bans) unbanManual(p netip.Prefix) (n int) {
	m := &b.manual
	m.mu.Lock()
	defer m.mu.Unlock()
	t := m.table.Load()
	if t == nil {
		return 0
	}
	now := b.now()
	left := t
	for sub, until := range t.Subnets(p) {
		if until > now {
			n++
		}
		left = left.DeletePersist(sub)
	}
	m.table.Store(left)
	return n
}

func (b *Bans) unbanTracked(p netip.Prefix) (n int) {
	now := b.now()
	if p.IsSingleIP() || p.Addr().Is6() && p.Bits() >= 64 {
		k := keyOf(p.Addr())
		s := b.tracked.lock(k)
		defer s.mu.Unlock()
		if i := s.find(k); i != none {
			n = b.forgive(s, i, now)
		}
		return n
	}
	for i := range b.tracked.shards {
		s := &b.tracked.shards[i]
		s.mu.Lock()
		for k, i := range s.index {
			if p.Contains(k.prefix().Addr()) {
				n += b.forgive(s, i, now)
			}
		}
		s.mu.Unlock()
	}
	return n
}

// forgive removes a client, and gives 1 if it was banned.
func (b *Bans) forgive(s *shard[offender], i int32, now int64) (n int) {
	if s.slots[i].list == 1 {
		b.banned.Add(-1)
		if s.slots[i].value.until > now {
			n = 1
		}
	}
	s.remove(i)
	return n
}

// Active are the bans by hand and for failures that are in force, at most limit of them, those that end last first. It looks
// through all: for a page that somebody looks at.
func (b *Bans) Active(limit int) []Ban {
	now := b.now()
	var all []Ban
	if t := b.manual.table.Load(); t != nil {
		for p, until := range t.All() {
			if until > now {
				all = append(all, Ban{Network: p, Cause: ByHand, Until: b.end(until)})
			}
		}
	}
	for i := range b.tracked.shards {
		s := &b.tracked.shards[i]
		s.mu.Lock()
		for i := s.lists[1].first; i != none; i = s.slots[i].next {
			if o := &s.slots[i].value; o.until > now {
				all = append(all, Ban{Network: s.slots[i].key.prefix(), Cause: ByFailures, Until: b.end(o.until), Count: int(o.bans)})
			}
		}
		s.mu.Unlock()
	}
	slices.SortFunc(all, func(x, y Ban) int {
		switch {
		case x.Until.IsZero() != y.Until.IsZero():
			return map[bool]int{true: -1, false: 1}[x.Until.IsZero()]
		case !x.Until.Equal(y.Until):
			return y.Until.Compare(x.Until)
		}
		return cmp.Compare(x.Network.String(), y.Network.String())
	})
	return all[:min(len(all), max(limit, 0))]
}

func (b *Bans) end(until int64) time.Time {
	if until == forever {
		return time.Time{}
	}
	return b.base.Add(time.Duration(until))
}

// BanStats are counters since the start, and gauges.
type BanStats struct {
	// ByList, ByHand and ByFailures count what was refused, connections and requests.
	ByList, ByHand, ByFailures uint64
	// Admitted counts the connections that Admit has let in.
	Admitted uint64
	// Failures counts what was held against somebody; Bans the bans that came of it.
	Failures, Bans uint64
	// Evicted counts the clients that MaxTracked has made room of; Spared those among them that were banned.
	Evicted, Spared uint64
	// Tracked is how many clients the table holds; Banned how many of them are banned, some of whose bans may have just ended;
	// Manual how many networks are banned by hand, ended ones that are still there included.
	Tracked, Banned, Manual int
}

// Stats counts. It takes each shard's lock for a moment.
func (b *Bans) Stats() BanStats {
	s := BanStats{
		ByList: b.refusals[ByList].Load(), ByHand: b.refusals[ByHand].Load(), ByFailures: b.refusals[ByFailures].Load(),
		Admitted: b.refusals[NotBanned].Load(), Failures: b.failures.Load(), Bans: b.automatic.Load(), Spared: b.spared.Load(),
	}
	s.Tracked, s.Banned, s.Evicted = b.tracked.len()
	if t := b.manual.table.Load(); t != nil {
		s.Manual = t.Size()
	}
	return s
}
