package http1

import (
	"context"
	"errors"
	"maps"
	"slices"
	"time"

	"github.com/calandria-go/calandria/reactor"
)

// Stats is what a Server with Observe set has counted on all its loops since it began.
type Stats struct {
	// Requests counts the exchanges that have ended, those that the server refused included.
	Requests map[RequestClass]uint64
	// InFlight are those that have begun and not ended.
	InFlight int64
	// Refused counts the requests that the server answered by itself, by reason: reactor.ReasonOf of Result.Err.
	Refused map[string]uint64
	// Failed counts the exchanges that ended without a whole answer, by the same labels.
	Failed map[string]uint64
	// BytesIn and BytesOut count the bytes of bodies that were read and queued, without heads and framing: the reactor's
	// LoopStats have those of the wire.
	BytesIn, BytesOut uint64
	// Latency has the exchanges' Result.Duration.
	Latency Histogram
	// Routes has the exchanges that a router gave a pattern, by it; OtherRoute beyond Server.MaxRoutes.
	Routes map[string]RouteStats
	// Conns are the open connections.
	Conns ConnStats
}

// RequestClass is what Stats.Requests tells apart: 60 classes at most.
type RequestClass struct {
	// Method is one of net/http's nine, or "other".
	Method string
	// Status is "1xx" to "5xx", or "none" where no answer was made.
	Status string
}

// OtherRoute is the key in Stats.Routes for the patterns beyond Server.MaxRoutes.
const OtherRoute = "other"

// RouteStats are the exchanges of one route.
type RouteStats struct {
	// Requests counts them, Errors those with a status of 500 and above, or none.
	Requests, Errors uint64
	// Sum and Max are of their durations.
	Sum, Max time.Duration
}

// ConnStats are open connections by what they do.
type ConnStats struct {
	// Idle wait for a request. Head have sent a part of one's head. Body are sending a body that is wanted, or thrown away.
	Idle, Head, Body int64
	// Handling wait for the handler, Streaming for the rest of an answer that has begun; a net/http handler's are all Handling.
	Handling, Streaming int64
	// Closing have had their last answer.
	Closing int64
	// Upgraded are another protocol's now.
	Upgraded int64
	// Opened counts all that there have ever been.
	Opened uint64
}

// Open is the number of all open connections.
func (c ConnStats) Open() int64 {
	return c.Idle + c.Head + c.Body + c.Handling + c.Streaming + c.Closing + c.Upgraded
}

// Histogram counts durations in fixed buckets.
type Histogram struct {
	// Bounds are the buckets' upper bounds, inclusive, rising.
	Bounds []time.Duration
	// Counts has one count for each bound, and a last one for what is above all of them.
	Counts []uint64
	// Sum and Max are of all durations.
	Sum, Max time.Duration
}

// Count is the number of durations.
func (h Histogram) Count() (n uint64) {
	for _, c := range h.Counts {
		n += c
	}
	return n
}

// Quantile estimates the duration below which the fraction q of all lies, by the position in its bucket; 0 without any. It is
// off by the width of a bucket at most, of which there are three for each power of ten.
func (h Histogram) Quantile(q float64) time.Duration {
	n := h.Count()
	if n == 0 {
		return 0
	}
	rank := min(max(q, 0), 1) * float64(n)
	var below uint64
	for i, c := range h.Counts {
		if c == 0 || float64(below+c) < rank {
			below += c
			continue
		}
		if i == len(h.Bounds) {
			return h.Max
		}
		var from time.Duration
		if i > 0 {
			from = h.Bounds[i-1]
		}
		at := from + time.Duration((rank-float64(below))/float64(c)*float64(h.Bounds[i]-from))
		return min(at, max(h.Max, from))
	}
	return h.Max
}

// Sub is what came to h after the earlier one. Max is h's.
func (h Histogram) Sub(earlier Histogram) Histogram {
	h.Counts = slices.Clone(h.Counts)
	for i := range min(len(h.Counts), len(earlier.Counts)) {
		h.Counts[i] -= min(earlier.Counts[i], h.Counts[i])
	}
	h.Sum -= earlier.Sum
	return h
}

// errNotObserved is for Stats of a server that counts nothing.
var errNotObserved = errors.New("http1: Server.Observe is not set")

// Stats asks each loop for its counters: a post and a copy each. It waits for the loops, so it returns reactor.ErrOnLoop on one,
// and ctx's error where they take too long. It is an error for a server without Observe, and reactor.ErrShutdown where loops
// have ended.
func (s *Server) Stats(ctx context.Context) (Stats, error) {
	out := Stats{
		Requests: map[RequestClass]uint64{}, Refused: map[string]uint64{}, Failed: map[string]uint64{},
		Routes:  map[string]RouteStats{},
		Latency: Histogram{Bounds: LatencyBounds(), Counts: make([]uint64, buckets)},
	}
	if !s.Observe {
		return out, errNotObserved
	}
	if reactor.OnLoop() {
		return out, reactor.ErrOnLoop
	}
	for _, set := range s.counts.Sets() {
		got := make(chan counters, len(set.Loops))
		err := set.Reactor.EachLoop(ctx, func(loop int) { got <- set.Loops[loop].snapshot() })
		if err != nil {
			return out, err
		}
		for range set.Loops {
			one := <-got
			out.add(&one, s.settings().routes)
		}
	}
	return out, nil
}

// snapshot copies the counters. On their loop.
func (n *counters) snapshot() counters {
	c := *n
	c.refused, c.failed = maps.Clone(n.refused), maps.Clone(n.failed)
	c.routes = make(map[string]*RouteStats, len(n.routes))
	for k, v := range n.routes {
		one := *v
		c.routes[k] = &one
	}
	return c
}

func (s *Stats) add(n *counters, maxRoutes int) {
	for m := range n.requests {
		for st, count := range n.requests[m] {
			if count > 0 {
				s.Requests[RequestClass{methodNames[m], statusNames[st]}] += count
			}
		}
	}
	for k, v := range n.refused {
		s.Refused[k] += v
	}
	for k, v := range n.failed {
		s.Failed[k] += v
	}
	for k, v := range n.routes {
		if _, ok := s.Routes[k]; !ok && len(s.Routes) >= maxRoutes {
			k = OtherRoute // each loop may have met others
		}
		s.Routes[k] = s.Routes[k].plus(*v)
	}
	if n.other.Requests > 0 {
		s.Routes[OtherRoute] = s.Routes[OtherRoute].plus(n.other)
	}
	for i, v := range n.latency {
		s.Latency.Counts[i] += v
	}
	s.Latency.Sum += n.sum
	s.Latency.Max = max(s.Latency.Max, n.max)
	s.InFlight += int64(n.begun - n.ended)
	s.BytesIn += n.in
	s.BytesOut += n.out
	c := &s.Conns
	c.Idle += n.phases[phaseIdle]
	c.Head += n.phases[phaseHead]
	c.Body += n.phases[phaseBody] + n.phases[phaseDiscard]
	c.Handling += n.phases[phaseWait] - n.streaming
	c.Streaming += n.streaming
	c.Closing += n.phases[phaseClosing]
	c.Upgraded += n.upgraded
	c.Opened += n.opened
}

func (r RouteStats) plus(o RouteStats) RouteStats {
	return RouteStats{r.Requests + o.Requests, r.Errors + o.Errors, r.Sum + o.Sum, max(r.Max, o.Max)}
}
