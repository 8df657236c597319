package cache

import (
	"net/http"
	"strings"
	"time"

	"github.com/calandria-go/calandria/protocols/http1/wire"
)

// heuristic are the status codes that may be stored, and be fresh for a while, without the origin's word (RFC 9110 section 15.1), but
// for 206: parts are never stored.
var heuristic = map[int]bool{200: true, 203: true, 204: true, 300: true, 301: true, 308: true, 404: true, 405: true, 410: true, 414: true, 501: true}

// understood are the status codes whose rules of caching are heeded here (RFC 9111 section 5.2.2.3).
func understood(status int) bool {
	return heuristic[status] || status == 302 || status == 303 || status == 307
}

// clock is when a response came, and how old it was then (RFC 9111 section 4.2.3).
type clock struct {
	received time.Time // response_time
	initial  time.Duration
	date     time.Time
}

// timed calculates corrected_initial_age.
func timed(h http.Header, sent, received time.Time) clock {
	c := clock{received: received, date: received}
	if t, ok := wire.ParseDate(h.Get("Date"), received); ok {
		c.date = t
	}
	var value time.Duration
	age, _, _ := strings.Cut(h.Get("Age"), ",") // section 5.1: of several the first
	if n, ok := delta(strings.Trim(age, " \t")); ok {
		value = n.duration()
	}
	apparent := max(0, received.Sub(c.date))
	c.initial = max(apparent, value+elapsed(sent, received))
	return c
}

// age is current_age.
func (c clock) age(now time.Time) time.Duration { return c.initial + elapsed(c.received, now) }

// elapsed is the time between by the wall clock or by the monotonic one, whichever says more: the one is set back, the other stands
// still while the machine sleeps.
func elapsed(from, to time.Time) time.Duration {
	return max(0, to.Sub(from), to.Round(0).Sub(from.Round(0)))
}

// lifetime is freshness_lifetime (RFC 9111 section 4.2.1); explicit: the origin says it. limit bounds the heuristic.
func lifetime(status int, h http.Header, cc directives, date time.Time, limit time.Duration) (life time.Duration, explicit bool) {
	if cc.maxAge != absent {
		return cc.maxAge.duration(), true
	}
	if values := h["Expires"]; len(values) > 0 {
		// Several, or one that is no date, 0 above all: it is in the past (sections 4.2.1, 5.3).
		t, ok := wire.ParseDate(values[0], date)
		if !ok || len(values) > 1 {
			return 0, true
		}
		return max(0, t.Sub(date)), true
	}
	if limit <= 0 || !heuristic[status] && !cc.public {
		return 0, false
	}
	t, ok := wire.ParseDate(h.Get("Last-Modified"), date)
	if !ok {
		return 0, false
	}
	return min(max(0, date.Sub(t)/10), limit), false // section 4.2.2
}

// verdict is what may be done with a stored response.
type verdict uint8

const (
	validate verdict = iota
	use              // as it is: fresh, or as stale as the request allows
	refresh          // as it is, and have it validated beside
)

// judge says whether a stored response serves a request at a time (RFC 9111 section 4).
func (e *entry) judge(rc directives, now time.Time) verdict {
	age := e.clock.age(now)
	if rc.noCache || e.cc.noCache {
		return validate
	}
	fresh := e.life > age
	if rc.maxAge != absent && (age > rc.maxAge.duration() || rc.maxAge == 0) && !(e.cc.immutable && fresh) {
		return validate // RFC 8246: not for what is immutable
	}
	if rc.minFresh != absent && e.life-age < rc.minFresh.duration() {
		return validate
	}
	stale := age - e.life
	switch {
	case fresh:
		return use
	case e.cc.mustRevalidate:
		return validate
	case rc.maxStale != absent && stale <= rc.maxStale.duration():
		return use
	case rc.maxAge == absent && stale <= e.cc.staleWhileRevalidate.duration():
		return refresh
	}
	return validate
}

// onError says whether a stored response may stand in for an error (RFC 5861 section 4).
func (e *entry) onError(rc directives, now time.Time, byDefault time.Duration) bool {
	if e.cc.mustRevalidate || e.cc.noCache || rc.noCache {
		return false
	}
	allowed := max(e.cc.staleIfError.duration(), rc.staleIfError.duration(), byDefault)
	return allowed > 0 && e.clock.age(now)-e.life <= allowed
}
