package guard

import (
	"math"
	"net/netip"
	"time"
)

// Fail counts weight failures of a client, as for what other parts of a program notice. It says whether that was one too
// many: the client is banned from now on. Failures of one that is allowed or banned already do not count.
func (b *Bans) Fail(a netip.Addr, weight int) bool {
	a = a.Unmap()
	if weight <= 0 || b.cfg.MaxFails == math.MaxInt32 || b.allowed(a) || b.Check(a) != NotBanned || !a.IsValid() {
		return false
	}
	b.failures.Add(1)
	k := keyOf(a)
	now := b.now()
	s := b.tracked.lock(k)
	i := s.find(k)
	if i == none {
		i = b.track(s, k, now)
	}
	if s.slots[i].list == 1 {
		if s.slots[i].value.until > now { // another loop was quicker
			s.mu.Unlock()
			return false
		}
		b.release(s, i)
	}
	o := &s.slots[i].value
	over := o.count(now, int64(b.cfg.Window), weight) >= int64(b.cfg.MaxFails)
	if !over {
		s.move(i, 0)
		s.mu.Unlock()
		return false
	}
	length := o.ban(now, &b.cfg)
	count := int(o.bans)
	s.move(i, 1)
	b.banned.Add(1)
	s.mu.Unlock()

	b.automatic.Add(1)
	ban := Ban{Network: k.prefix(), Cause: ByFailures, Until: b.base.Add(time.Duration(now + int64(length))), Count: count}
	b.cfg.Logger.Info("guard: client banned", "network", ban.Network, "for", length, "count", count)
	if b.cfg.OnBan != nil {
		b.cfg.OnBan(ban)
	}
	return true
}

// track gives k a slot. What is forgotten anyway goes first.
func (b *Bans) track(s *shard[offender], k key, now int64) int32 {
	if i := s.lists[1].last; i != none && s.slots[i].value.until <= now {
		b.release(s, i)
	}
	for range 2 {
		if i := s.lists[0].last; i != none && s.slots[i].value.stale(now, &b.cfg) {
			s.remove(i)
		}
	}
	i, lost := s.add(k)
	if lost == 1 {
		b.banned.Add(-1)
		b.spared.Add(1)
	}
	s.slots[i].value.window = now
	return i
}

// stale says whether nothing would be different without o.
func (o *offender) stale(now int64, c *BanConfig) bool {
	return now-o.window > 2*int64(c.Window) && (o.bans == 0 || now-o.until > int64(c.Forget))
}

// count adds failures, and gives those of the window that ends now: of the one before, as much as is still in it.
func (o *offender) count(now, window int64, weight int) int64 {
	switch past := now - o.window; {
	case past >= 2*window:
		o.window, o.now, o.last = now, 0, 0
	case past >= window:
		o.window, o.now, o.last = o.window+window, 0, o.now
	}
	o.now = int32(min(int64(o.now)+int64(weight), math.MaxInt32-1))
	left := float64(window-max(now-o.window, 0)) / float64(window)
	return int64(o.now) + int64(float64(o.last)*left)
}

// ban notes a ban from now on and gives its length: twice as long as the last one, unless that is forgotten.
func (o *offender) ban(now int64, c *BanConfig) time.Duration {
	if o.bans > 0 && now-o.until > int64(c.Forget) {
		o.bans = 0
	}
	length := c.BanFor
	for range o.bans {
		if length >= c.MaxBan/2 {
			length = c.MaxBan
			break
		}
		length *= 2
	}
	length = min(length, c.MaxBan)
	o.bans = uint8(min(int(o.bans)+1, math.MaxUint8))
	o.until, o.now, o.last = now+int64(length), 0, 0
	return length
}
