package http1

import (
	"bytes"
	"net/http"
	"slices"
	"time"

	"github.com/calandria-go/calandria/reactor"
)

// counters are those of one Server on one loop. Only that loop touches them.
type counters struct {
	begun, ended uint64
	requests     [len(methodNames)][len(statusNames)]uint64
	latency      [buckets]uint64
	sum, max     time.Duration
	in, out      uint64
	refused      map[string]uint64
	failed       map[string]uint64
	routes       map[string]*RouteStats
	other        RouteStats
	phases       [phaseGone + 1]int64 // connections
	streaming    int64
	upgraded     int64
	opened       uint64
}

const defaultRoutes = 256

var (
	methodNames = [...]string{
		http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete,
		http.MethodConnect, http.MethodOptions, http.MethodTrace, "other",
	}
	statusNames = [...]string{"none", "1xx", "2xx", "3xx", "4xx", "5xx"}
)

const otherMethod = len(methodNames) - 1

// latencyBounds are 1, 2, 5 of each power of ten from 10 us on, up to a minute.
var latencyBounds = [...]time.Duration{
	10 * time.Microsecond, 20 * time.Microsecond, 50 * time.Microsecond,
	100 * time.Microsecond, 200 * time.Microsecond, 500 * time.Microsecond,
	time.Millisecond, 2 * time.Millisecond, 5 * time.Millisecond,
	10 * time.Millisecond, 20 * time.Millisecond, 50 * time.Millisecond,
	100 * time.Millisecond, 200 * time.Millisecond, 500 * time.Millisecond,
	time.Second, 2 * time.Second, 5 * time.Second, 10 * time.Second, 20 * time.Second, time.Minute,
}

const buckets = len(latencyBounds) + 1

// LatencyBounds are the upper bounds of the buckets of Stats.Latency: 1, 2 and 5 of each power of ten from 10 us on, up to a
// minute.
func LatencyBounds() []time.Duration { return slices.Clone(latencyBounds[:]) }

func bucketOf(d time.Duration) int {
	for i := range latencyBounds { // most are fast: a binary search takes longer
		if d <= latencyBounds[i] {
			return i
		}
	}
	return buckets - 1
}

// sentMethod is the request's method, also of a head that could not be parsed.
func (x *Exchange) sentMethod() []byte {
	if !x.refused {
		return x.req.Method()
	}
	m, _, _ := bytes.Cut(x.RequestLine(), []byte(" "))
	return m
}

func methodOf(m []byte) int {
	for i, name := range methodNames[:otherMethod] {
		if string(m) == name {
			return i
		}
	}
	return otherMethod
}

// statusClass is the index into statusNames; what is above 599 counts as 5xx (RFC 9110 section 15).
func statusClass(status int16) int { return min(max(int(status)/100, 0), 5) }

// to moves the connection to another phase, and counts it.
func (s *serverConn) to(p phase) {
	if n := s.count; n != nil {
		n.phases[s.phase]--
		n.phases[p]++
	}
	s.phase = p
}

// observe has the connection counted, from its first phase on.
func (s *serverConn) observe(c *reactor.Conn) {
	s.count = s.set.srv.counts.Of(c)
	s.count.opened++
	s.count.phases[s.phase]++
}

// handedOver counts a connection that was handed over until it closes.
func (n *counters) handedOver(c *reactor.Conn) {
	n.upgraded++
	c.AfterClose(func() { n.upgraded-- })
}

// done counts an exchange that has ended.
func (n *counters) done(x *Exchange, r Result) {
	n.ended++
	n.requests[methodOf(x.sentMethod())][statusClass(x.status)]++
	n.latency[bucketOf(r.Duration)]++
	n.sum += r.Duration
	n.max = max(n.max, r.Duration)
	n.in += uint64(r.RequestBytes)
	n.out += uint64(r.BodyBytes)
	switch {
	case x.refused:
		countReason(&n.refused, r.Err)
	case r.Err != nil:
		countReason(&n.failed, r.Err)
	}
	if x.ext != nil && x.ext.pattern != "" {
		n.route(x.ext.pattern, x.s.set.routes).count(r)
	}
}

func countReason(m *map[string]uint64, err error) {
	if *m == nil {
		*m = map[string]uint64{}
	}
	(*m)[reasonLabel(*m, err)]++
}

// maxReasons bounds the labels: an error of the handler's may name its own by CloseReason.
const maxReasons = 64

func reasonLabel(m map[string]uint64, err error) string {
	label := reactor.ReasonOf(err)
	if _, ok := m[label]; !ok && len(m) >= maxReasons {
		return "other"
	}
	return label
}

// route gives the counters of a pattern, or those of all beyond the limit.
func (n *counters) route(pattern string, limit int) *RouteStats {
	if r := n.routes[pattern]; r != nil {
		return r
	}
	if len(n.routes) >= limit {
		return &n.other
	}
	if n.routes == nil {
		n.routes = map[string]*RouteStats{}
	}
	r := &RouteStats{}
	n.routes[pattern] = r
	return r
}

func (s *RouteStats) count(r Result) {
	s.Requests++
	if r.Status >= http.StatusInternalServerError || r.Status == 0 {
		s.Errors++
	}
	s.Sum += r.Duration
	s.Max = max(s.Max, r.Duration)
}
