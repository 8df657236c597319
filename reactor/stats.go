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
	Loop  int   // its number
	Conns int64 // open connections

	Opened, Closed uint64 // connections given to a handler; OnClose calls
	Accepted       uint64 // connections accepted by listeners on this loop
	Refused        uint64 // of these, closed at once by Admit or MaxConnsPerIP
	Shed           uint64 // closed at once because there were no descriptors
	Full           uint64 // times that a listener stopped at MaxConns
	AcceptErrors   uint64 // failures that made a listener rest
	Dialed         uint64 // connections made by Dial
	DialErrors     uint64 // dials that failed

	Reads, Writes           uint64 // system calls that moved bytes
	BytesRead, BytesWritten uint64
	Batches                 uint64 // turns of the poller
	Posts, Timers           uint64 // posted functions run, timers fired
	Panics                  uint64 // contained
	Stalls                  uint64 // handlers that held the loop longer than StallAfter
	LongestStall            time.Duration
	Busy                    time.Duration // spent in batches; over Uptime, the loop's utilisation
	Uptime                  time.Duration
	Reasons                 map[string]uint64 // of closes, by ReasonOf
}

// Stats is a snapshot of a Reactor.
type Stats struct {
	Open    int64 // connections of this reactor, and dials in progress
	Workers int   // goroutines of Offload that run
	Queued  int   // tasks that wait for one
	Loops   []LoopStats
}

// Stats asks each loop for its counters: a post and a copy each. It waits for the loops, so it returns ErrOnLoop on one.
func (r *Reactor) Stats(ctx context.Context) (Stats, error) {
	if poll.OnLoop() {
		return Stats{}, ErrOnLoop
	}
	s := Stats{Open: r.open.Load(), Loops: make([]LoopStats, len(r.loops))}
	s.Workers, s.Queued = r.workers.load()
	got := make(chan LoopStats, len(r.loops))
	for _, l := range r.loops {
		l.post(nil, func() { got <- l.snapshot() })
	}
	for range r.loops {
		select {
		case one := <-got:
			s.Loops[one.Loop] = one
		case <-r.done:
			return s, ErrShutdown
		case <-ctx.Done():
			return s, ctx.Err()
		}
	}
	return s, nil
}

func (l *loop) snapshot() LoopStats {
	s := l.stats
	s.Conns = l.conns.Load()
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
	return w.running, len(w.waiting)
}
