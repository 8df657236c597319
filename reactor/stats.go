package reactor

import (
	"context"
	"maps"
	"time"

	"github.com/calandria-go/calandria/reactor/internal/poll"
)

// LoopStats are the counters of one loop since it started. A loop counts without atomics, in its own goroutine, and for
// all reactors that share it.
type LoopStats struct {
	// Loop is its number.
	Loop int
	// Conns are its open connections.
	Conns int64
	// Opened counts connections given to a handler, Closed the OnClose calls.
	Opened, Closed uint64
	// Reasons counts the OnClose calls by ReasonOf.
	Reasons map[string]uint64

	// Accepted counts connections accepted by listeners on this loop; of these, Refused were closed at once by Admit,
	// MaxConnsPerIP or the memory budget. Shed were closed because there were no descriptors.
	Accepted, Refused, Shed uint64
	// Full counts the times that a listener stopped at MaxConns, AcceptErrors the failures that made one rest.
	Full, AcceptErrors uint64
	// Dialed counts connections made by Dial, DialErrors those that failed.
	Dialed, DialErrors uint64

	// Reads and Writes count the system calls that moved bytes, BytesRead and BytesWritten these bytes.
	Reads, Writes, BytesRead, BytesWritten uint64
	// Endpoints are its open datagram endpoints.
	Endpoints int64
	// PacketsIn and PacketsOut count the datagrams of endpoints that were received and sent. PacketsDropped were not sent since
	// too many were queued or their endpoint closed; PacketErrors could not be.
	PacketsIn, PacketsOut, PacketsDropped, PacketErrors uint64
	// Batches counts the turns of the poller, Posts the posted functions that ran, Timers those that fired.
	Batches, Posts, Timers uint64
	// Panics counts those that were contained.
	Panics uint64
	// Stalls counts handlers that held the loop longer than StallAfter.
	Stalls uint64
	// LongestStall is the longest such time.
	LongestStall time.Duration
	// Busy is the time spent in batches: over Uptime, the loop's utilisation.
	Busy, Uptime time.Duration
}

// Stats is a snapshot of a Reactor.
type Stats struct {
	// Open counts the connections and endpoints of this reactor, and dials in progress.
	Open int64
	// Workers counts the goroutines of Offload that run, Queued the tasks that wait for one.
	Workers, Queued int
	// Loops has the counters of each loop, by its number.
	Loops []LoopStats
}

// Stats asks each loop for its counters: a post and a copy each. It waits for the loops, so it returns ErrOnLoop on one.
func (r *Reactor) Stats(ctx context.Context) (Stats, error) {
	if poll.OnLoop() {
		return Stats{}, ErrOnLoop
	}
	s := Stats{Open: r.open.Load(), Loops: make([]LoopStats, len(r.loops))}
	s.Workers, s.Queued = r.workers.load()
	got := make(chan LoopStats, len(r.loops))
	err := r.EachLoop(ctx, func(loop int) { got <- r.loops[loop].snapshot() })
	for len(got) > 0 {
		one := <-got
		s.Loops[one.Loop] = one
	}
	return s, err
}

// EachLoop runs f on every loop, with its number, and waits until all have done so: for what keeps something for each loop, as
// Stats does. It returns ErrOnLoop on a loop. When ctx ends first it returns ctx's error, and ErrShutdown if the loops have
// ended; f may still be called for some loops then.
func (r *Reactor) EachLoop(ctx context.Context, f func(loop int)) error {
	if poll.OnLoop() {
		return ErrOnLoop
	}
	done := make(chan struct{}, len(r.loops))
	for i, l := range r.loops {
		l.post(nil, func() {
			defer func() { done <- struct{}{} }() // also if f panics
			f(i)
		})
	}
	for range r.loops {
		select {
		case <-done:
		case <-r.stopped:
			return ErrShutdown
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

func (l *loop) snapshot() LoopStats {
	s := l.stats
	s.Writes += l.directWrites.Load()
	s.BytesWritten += l.directBytes.Load()
	s.Conns = l.conns.Load()
	s.Endpoints = l.ends.Load()
	s.Uptime = l.clock()
	s.Reasons = maps.Clone(s.Reasons)
	return s
}

// Total adds the loops up; Loop is -1, LongestStall the longest, Uptime the first's.
func (s Stats) Total() LoopStats {
	t := LoopStats{Loop: -1, Reasons: map[string]uint64{}}
	for i, l := range s.Loops {
		if i == 0 {
			t.Uptime = l.Uptime
		}
		t.Conns += l.Conns
		t.Opened += l.Opened
		t.Closed += l.Closed
		t.Accepted += l.Accepted
		t.Refused += l.Refused
		t.Shed += l.Shed
		t.Full += l.Full
		t.AcceptErrors += l.AcceptErrors
		t.Dialed += l.Dialed
		t.DialErrors += l.DialErrors
		t.Reads += l.Reads
		t.Writes += l.Writes
		t.BytesRead += l.BytesRead
		t.BytesWritten += l.BytesWritten
		t.Endpoints += l.Endpoints
		t.PacketsIn += l.PacketsIn
		t.PacketsOut += l.PacketsOut
		t.PacketsDropped += l.PacketsDropped
		t.PacketErrors += l.PacketErrors
		t.Batches += l.Batches
		t.Posts += l.Posts
		t.Timers += l.Timers
		t.Panics += l.Panics
		t.Stalls += l.Stalls
		t.LongestStall = max(t.LongestStall, l.LongestStall)
		t.Busy += l.Busy
		for k, n := range l.Reasons {
			t.Reasons[k] += n
		}
	}
	return t
}

func (w *workers) load() (running, waiting int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.running, w.waitingLocked()
}
