package reactor

import "time"

// watchEvery is how often the watchdog looks for a loop that does not come back. Hooks that end are measured one by one, by
// loop.leave; this is for those that do not.
const watchEvery = time.Second

// watch reports each batch that has run for more than watchEvery, once, with the handler that runs.
func (r *Reactor) watch() {
	tick := time.NewTicker(watchEvery)
	defer tick.Stop()
	told := make([]int64, len(r.loops))
	for {
		select {
		case <-r.stopWatch:
			return
		case <-tick.C:
		}
		for i, l := range r.loops {
			since := l.since.Load()
			stuck := l.clock() - time.Duration(since)
			if since == 0 || since == told[i] || stuck < watchEvery {
				continue
			}
			told[i] = since
			id := uint64(0)
			if c := l.cur.Load(); c != nil {
				id = c.id
			} else if e := l.curEnd.Load(); e != nil {
				id = e.id
			}
			r.cfg.Logger.Error("reactor: loop is stuck", "loop", i, "for", stuck, "conn", id, "goroutine", l.poll.Goroutine())
		}
	}
}
