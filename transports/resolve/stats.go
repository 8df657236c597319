package resolve

import "sync/atomic"

// Stats are a Resolver's counters, since it was made, and what it holds now.
type Stats struct {
	// Lookups is how often a name was asked for, once for each family. Literals and fixed names do not count.
	Lookups uint64
	// Hits were answered from the cache, Negative of them with a name or an address that does not exist; Stale with what had
	// expired.
	Hits, Negative, Stale uint64
	// Shared joined a lookup that was on its way.
	Shared uint64
	// Queries are questions to DNS servers, over UDP and TCP; TCP are those over TCP. System are questions to the system's
	// resolver.
	Queries, TCP, System uint64
	// Timeouts are questions that nobody answered in time; Failures are answers that could not be used (SERVFAIL, REFUSED and
	// others); Ignored are packets that were not the answer to the question, forged or late.
	Timeouts, Failures, Ignored uint64
	// Overload is how often MaxPending was met.
	Overload uint64
	// Evicted are entries that had to go for others before their time.
	Evicted uint64
	// Entries is how many names are held now, each family counted; Pending how many are being looked up.
	Entries, Pending int
}

// counters are Stats while they are counted.
type counters struct {
	lookups, hits, negative, stale, shared     atomic.Uint64
	queries, tcp, system                       atomic.Uint64
	timeouts, failures, ignored, over, evicted atomic.Uint64
	pending                                    atomic.Int64
}

// Stats says what has been done so far. Any goroutine.
func (r *Resolver) Stats() Stats {
	r.init()
	c := &r.counters
	return Stats{
		Lookups: c.lookups.Load(), Hits: c.hits.Load(), Negative: c.negative.Load(), Stale: c.stale.Load(),
		Shared: c.shared.Load(), Queries: c.queries.Load(), TCP: c.tcp.Load(), System: c.system.Load(),
		Timeouts: c.timeouts.Load(), Failures: c.failures.Load(), Ignored: c.ignored.Load(),
		Overload: c.over.Load(), Evicted: c.evicted.Load(),
		Entries: r.cache.Len(), Pending: int(c.pending.Load()),
	}
}
