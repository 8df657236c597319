package resolve

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync/atomic"
	"time"

	"github.com/calandria-go/calandria/reactor"
	"github.com/calandria-go/calandria/transports/tcp"
	"golang.org/x/sync/singleflight"
)

// entry is what is known of one family of a name. It does not change, but for who is first.
type entry struct {
	addrs   []netip.Addr
	name    string // at the end of the aliases
	source  Source
	err     *net.DNSError // instead of addresses
	expires time.Time
	stale   time.Time // until when it may be given for want of a newer one
	old     bool      // it is given for want of a newer one
	turn    atomic.Uint32
}

// error is a copy, as callers may change what they get.
func (e *entry) error() error {
	if e.err == nil {
		return nil
	}
	c := *e.err
	return &c
}

// rotated is the addresses, another one first each time.
func (e *entry) rotated() []netip.Addr {
	n := len(e.addrs)
	out := make([]netip.Addr, 0, n)
	at := int((e.turn.Add(1) - 1) % uint32(n))
	return append(append(out, e.addrs[at:]...), e.addrs[:at]...)
}

// pending is a lookup that may have to be waited for.
type pending struct {
	r      *Resolver
	q      question
	entry  *entry // what is known, if it is good; or what is stale
	good   bool
	cached bool
	late   bool // the stale entry was taken
	led    bool // it was this one that asked, not another whose lookup was joined
	flight <-chan singleflight.Result
}

// begin looks into the cache, and starts a lookup or joins one.
func (r *Resolver) begin(q question) (*pending, error) {
	r.counters.lookups.Add(1)
	p := &pending{r: r, q: q}
	now := time.Now()
	if e, ok := r.cache.Get(q); ok {
		switch {
		case now.Before(e.expires):
			p.entry, p.good, p.cached = e, true, true
			r.counters.hits.Add(1)
			if e.err != nil {
				r.counters.negative.Add(1)
			}
			if e.old {
				r.counters.stale.Add(1)
			}
			return p, nil
		case now.Before(e.stale) && e.err == nil:
			p.entry = e
		}
	}
	if reactor.OnLoop() {
		if p.entry == nil {
			return nil, reactor.ErrOnLoop
		}
		p.good, p.cached, p.late = true, true, true // what is stale is better than nothing, and is asked for again
		r.counters.stale.Add(1)
	}
	p.flight = r.flights.DoChan(q.String(), func() (any, error) {
		p.led = true
		return r.fly(q), nil
	})
	return p, nil
}

// wait gives what came of a lookup. When ctx ends first, the lookup goes on for the cache.
func (p *pending) wait(ctx context.Context) (*entry, error) {
	if p.good {
		return p.entry, nil
	}
	var late <-chan time.Time
	if p.entry != nil {
		t := time.NewTimer(max(orDefault(p.r.StaleDelay, defaultStaleDelay), 0))
		defer t.Stop()
		late = t.C
	}
	select {
	case res := <-p.flight:
		if !p.led {
			p.r.counters.shared.Add(1)
		}
		return res.Val.(*entry), nil
	case <-late:
		p.r.counters.stale.Add(1)
		p.cached, p.late = true, true
		return p.entry, nil
	case <-ctx.Done():
		return nil, failure(p.q.name, "", ctx.Err())
	}
}

// fly is one lookup, on a goroutine of its own. What comes of it is kept as long as it may be.
func (r *Resolver) fly(q question) *entry {
	c := &r.counters
	n := c.pending.Add(1)
	defer c.pending.Add(-1)
	if limit := orDefault(r.MaxPending, defaultMaxPending); limit > 0 && n > int64(limit) {
		c.over.Add(1)
		return &entry{err: failure(q.name, "", ErrOverload)}
	}
	// It may have been answered between the look into the cache and now.
	if e, ok := r.cache.Get(q); ok && time.Now().Before(e.expires) {
		return e
	}
	var e *entry
	var ttl time.Duration
	if len(r.servers) > 0 {
		e, ttl = r.ask(q)
	} else {
		e, ttl = r.askSystem(q)
	}
	now := time.Now()
	if failed := e.err != nil && !e.err.IsNotFound; failed {
		ttl = max(orDefault(r.FailureTTL, defaultFailureTTL), 0)
		if old, ok := r.cache.Peek(q); ok && old.err == nil && now.Before(old.stale) { // RFC 8767, section 5
			c.stale.Add(1)
			e = &entry{addrs: old.addrs, name: old.name, source: old.source, stale: old.stale, old: true}
		}
	} else if e.err == nil && r.MaxStale > 0 {
		e.stale = now.Add(ttl + r.MaxStale)
	}
	e.expires = now.Add(ttl)
	if (ttl > 0 || !e.stale.IsZero()) && r.MaxEntries >= 0 {
		if r.cache.Add(q, e) {
			c.evicted.Add(1)
		}
	}
	return e
}

// askSystem asks the system's resolver.
func (r *Resolver) askSystem(q question) (*entry, time.Duration) {
	ctx, cancel := context.WithTimeout(context.Background(), systemTimeout)
	defer cancel()
	r.counters.system.Add(1)
	network := "ip4"
	if q.six {
		network = "ip6"
	}
	name, _ := canonical(q.name)
	all, err := guarded(ctx, r.system(), network, q.name)
	addrs := family(network, all)
	addrs = addrs[:min(len(addrs), positive(r.MaxAddrs, defaultMaxAddrs))]
	if err == nil && len(addrs) > 0 {
		return &entry{addrs: addrs, name: name, source: System}, max(orDefault(r.SystemTTL, defaultSystemTTL), 0)
	}
	e := &entry{err: systemError(name, err)}
	switch {
	case e.err.IsTimeout:
		r.counters.timeouts.Add(1)
	case !e.err.IsNotFound:
		r.counters.failures.Add(1)
	}
	return e, max(orDefault(r.SystemNegativeTTL, defaultSystemNegativeTTL), 0)
}

// guarded is r's LookupNetIP. A panic of one that the user gave fails this lookup alone: it is on a goroutine where nobody else would
// catch it.
func guarded(ctx context.Context, r tcp.Resolver, network, name string) (all []netip.Addr, err error) {
	defer func() {
		if v := recover(); v != nil {
			all, err = nil, failure(name, "", &serverError{fmt.Errorf("the resolver panicked: %v", v)})
		}
	}()
	return r.LookupNetIP(ctx, network, name)
}

// systemError is package net's error as one of this package's.
func systemError(name string, err error) *net.DNSError {
	var de *net.DNSError
	var ae *net.AddrError // the name has addresses of the other family alone
	switch {
	case err == nil, errors.As(err, &ae):
		return failure(name, "", ErrNoAddress)
	case !asDNS(err, &de):
		return failure(name, "", &serverError{err})
	case de.IsNotFound:
		return failure(name, de.Server, ErrNotFound)
	case de.IsTimeout:
		return failure(name, de.Server, &timeoutError{err})
	}
	return failure(name, de.Server, &serverError{errors.New(de.Err)})
}

func asDNS(err error, to **net.DNSError) bool { return errors.As(err, to) }
