package transfer

import "time"

// rto is the retransmission time-out (RFC 6298): from the round trips, or fixed by
// the timeout option. Samples come from packets that were sent once (Karn's rule);
// until the next one, a time-out that was doubled stays so, unless it is clear that something
// was lost; see ambiguous.
type rto struct {
	srtt, rttvar time.Duration
	least, most  time.Duration
	base         time.Duration // the time-out without back-off
	shift        uint8         // how often it was doubled
	doubts       uint8         // answers to one of two sendings since the last sample
	fixed        bool
	fired        bool // since the last answer
	pending      bool // a sample is being taken
	since        time.Time
	last         time.Time // when something was last sent again, since the last answer
}

func (r *rto) start(c *Config) {
	*r = rto{least: c.MinRTO, most: c.MaxRTO, base: c.InitialRTO}
}

// fix makes the agreed timeout the base. It may be above the longest time-out.
func (r *rto) fix(timeout time.Duration) {
	if timeout > 0 {
		r.base, r.fixed, r.most = timeout, true, max(r.most, timeout)
	}
}

func (r *rto) begin(now time.Time) { r.pending, r.since = true, now }

func (r *rto) cancel() { r.pending = false }

// again notes that something was sent once more: there is no sample to take of it.
func (r *rto) again(now time.Time) { r.pending, r.last = false, now }

// answered takes an answer: the sample that is being taken ends, if one is.
func (r *rto) answered(now time.Time) {
	if !r.fired {
		r.doubts = 0 // in time, whichever sending it was to
	}
	switch {
	case r.pending:
		r.pending, r.shift, r.doubts = false, 0, 0
		r.update(max(now.Sub(r.since), 0))
	case r.last.IsZero():
	case !r.fired: // sent again for a gap, and not for a time-out: the answer is to the second sending
		r.shift = 0
		r.update(max(now.Sub(r.last), 0))
	case r.srtt > 0:
		r.ambiguous(now.Sub(r.last))
	}
	r.last, r.fired = time.Time{}, false
}

// ambiguous takes an answer to one of two sendings. If it came much sooner after the
// second one than answers do, it was to the first: the time-out was too short, and
// stays doubled. Else the first one was lost, which says nothing about the time-out.
// Several of these in a row say that the round trips have become longer.
func (r *rto) ambiguous(since time.Duration) {
	if since >= r.srtt/2 && r.doubts < maxDoubts {
		r.doubts++
		r.shift = 0
	}
}

// maxDoubts is how many losses in a row are believed.
const maxDoubts = 4

func (r *rto) update(rtt time.Duration) {
	if r.fixed {
		return
	}
	if r.srtt == 0 {
		r.srtt, r.rttvar = max(rtt, 1), rtt/2
	} else {
		r.rttvar += ((r.srtt - rtt).Abs() - r.rttvar) / 4
		r.srtt = max(r.srtt+(rtt-r.srtt)/8, 1)
	}
	r.base = min(max(r.srtt+4*r.rttvar, r.least), r.most)
}

// backOff doubles the time-out.
func (r *rto) backOff() {
	r.cancel()
	r.fired = true
	if r.current() < r.most {
		r.shift++
	}
}

func (r *rto) current() time.Duration { return min(r.base<<r.shift, r.most) }
