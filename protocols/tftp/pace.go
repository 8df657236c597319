package tftp

import (
	"sync/atomic"
	"time"
)

// pace holds a transfer to a number of bytes a second. It is a leaky bucket: full is when everything that was sent will have
// left at that rate, and it may be ahead of now by burst.
type pace struct {
	rate int64 // bytes a second; 0: unlimited
	full time.Time
}

// paceBurst is how much may leave at once, as time at the rate: some turns of the loop.
const paceBurst = 20 * time.Millisecond

// next is when the next packet may leave.
func (p *pace) next(now time.Time) time.Time {
	if p.rate <= 0 || !p.full.After(now.Add(paceBurst)) {
		return now
	}
	return p.full.Add(-paceBurst)
}

func (p *pace) spend(now time.Time, n int) {
	if p.rate <= 0 {
		return
	}
	if p.full.Before(now) {
		p.full = now
	}
	p.full = p.full.Add(time.Duration(int64(n) * int64(time.Second) / p.rate))
}

// sharedPace is pace for all transfers of a server, which are on several loops. nil: unlimited.
type sharedPace struct {
	rate  int64
	start time.Time
	full  atomic.Int64 // since start
}

func newSharedPace(rate int64) *sharedPace {
	if rate <= 0 {
		return nil
	}
	return &sharedPace{rate: rate, start: time.Now()}
}

func (p *sharedPace) next(now time.Time) time.Time {
	if p == nil {
		return now
	}
	if full := time.Duration(p.full.Load()); full > now.Sub(p.start)+paceBurst {
		return p.start.Add(full - paceBurst)
	}
	return now
}

func (p *sharedPace) spend(now time.Time, n int) {
	if p == nil {
		return
	}
	cost := int64(n) * int64(time.Second) / p.rate
	for {
		old := p.full.Load()
		if p.full.CompareAndSwap(old, max(old, int64(now.Sub(p.start)))+cost) {
			return
		}
	}
}
