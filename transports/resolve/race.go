package resolve

import (
	"context"
	"net/netip"
	"time"
)

// found is what came of asking for one family.
type found struct {
	addrs []netip.Addr
	err   error
}

// race is RFC 8305 on its own: it waits for addresses, tries them one after another, each while those before go on, and
// gives the first connection. It keeps nothing from one run to the next.
type race[T any] struct {
	resolutionDelay time.Duration
	attemptDelay    time.Duration
	maxAttempts     int
	sort            func([]netip.Addr) []netip.Addr
	connect         func(context.Context, netip.Addr) (T, error)
	six, four       <-chan found // nil: not asked for

	queue   []netip.Addr
	last    netip.Addr // tried last
	tried   int
	running int
	open    bool // attempts may begin
	early   bool // for the next one, while another goes on
	results chan outcome[T]
	next    *time.Timer // the next attempt is due
	wait    *time.Timer // IPv6 addresses have been waited for
	first   error       // of an attempt
	lookup  error       // of a family
}

type outcome[T any] struct {
	conn T
	err  error
}

// run gives the first connection, or the first attempt's error. Attempts that are on their way then are ended; when ctx ends it
// returns after them.
func (r *race[T]) run(ctx context.Context) (T, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	r.results = make(chan outcome[T], r.maxAttempts)
	r.next, r.wait = stopped(), stopped()
	defer r.next.Stop()
	defer r.wait.Stop()
	for r.running > 0 || r.tried < r.maxAttempts && (r.six != nil || r.four != nil) {
		select {
		case f := <-r.six:
			r.six, r.open = nil, true
			r.add(f)
		case f := <-r.four:
			r.four = nil
			r.add(f)
			if r.six == nil {
				r.open = true
			} else if len(f.addrs) > 0 && !r.open { // section 3: IPv6 addresses get a little time more
				r.wait.Reset(r.resolutionDelay)
			}
		case <-r.wait.C:
			r.open = true
		case <-r.next.C:
			r.early = false
		case o := <-r.results:
			r.running--
			if o.err == nil {
				return o.conn, nil
			}
			r.early = false // section 5: after a failure the next one begins at once
			if r.first == nil {
				r.first = o.err
			}
		case <-ctx.Done():
			return r.give(ctx)
		}
		r.begin(ctx)
	}
	var none T
	if r.first == nil {
		return none, r.lookup
	}
	return none, r.first
}

func stopped() *time.Timer {
	t := time.NewTimer(time.Hour)
	t.Stop()
	return t
}

// add puts new addresses among those that wait, in the order of preference, the families in turns (section 4).
func (r *race[T]) add(f found) {
	if f.err != nil {
		r.lookup = worse(r.lookup, f.err)
		return
	}
	r.queue = interleave(r.sort(append(r.queue, f.addrs...)), r.last)
}

// interleave puts the families in turns: the one of the first address first, or the other than that of last. Each keeps its
// order.
func interleave(all []netip.Addr, last netip.Addr) []netip.Addr {
	if len(all) == 0 {
		return all
	}
	six := all[0].Is6()
	if last.IsValid() {
		six = !last.Is6()
	}
	var byFamily [2][]netip.Addr
	for _, a := range all {
		byFamily[index(a.Is6() != six)] = append(byFamily[index(a.Is6() != six)], a)
	}
	out := make([]netip.Addr, 0, len(all))
	for len(byFamily[0])+len(byFamily[1]) > 0 {
		for i, list := range byFamily {
			if len(list) > 0 {
				out = append(out, list[0])
				byFamily[i] = list[1:]
			}
		}
	}
	return out
}

func index(second bool) int {
	if second {
		return 1
	}
	return 0
}

// begin starts an attempt if one is due: the first, or the next after the delay or a failure.
func (r *race[T]) begin(ctx context.Context) {
	if !r.open || len(r.queue) == 0 || r.tried == r.maxAttempts || r.running > 0 && r.early {
		return
	}
	addr := r.queue[0]
	r.queue, r.last = r.queue[1:], addr
	r.tried++
	r.running++
	go func() {
		c, err := r.connect(ctx, addr)
		r.results <- outcome[T]{c, err}
	}()
	r.early = true
	r.next.Reset(r.attemptDelay)
}

// give waits for the attempts after ctx has ended: one may have connected at that moment.
func (r *race[T]) give(ctx context.Context) (T, error) {
	for ; r.running > 0; r.running-- {
		if o := <-r.results; o.err == nil {
			return o.conn, nil
		}
	}
	var none T
	return none, ctx.Err()
}
