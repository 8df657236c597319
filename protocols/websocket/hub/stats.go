package hub

// Stats is what a hub has done since it began, and what it holds.
type Stats struct {
	// Published counts messages that got a number, Remote those of them that came from other hubs.
	Published, Remote uint64
	// Delivered counts messages that were queued for a connection, Dropped those that a slow one missed, and SlowClosed the
	// connections that were closed for that.
	Delivered, Dropped, SlowClosed uint64
	// Busy counts publishes that failed with ErrBusy.
	Busy uint64
	// Lost counts messages of others that did not come, Breaks the times that an unknown number may not have.
	Lost, Breaks uint64
	// Topics and Subscriptions are those that there are, History the messages that are kept.
	Topics, Subscriptions, History int
	// HistoryBytes are the payloads of those, Pending the payloads that wait for loops.
	HistoryBytes, Pending int
}

// Stats gives the figures. It looks at every topic.
func (h *Hub) Stats() Stats {
	s := Stats{
		Published: h.published.Load(), Remote: h.remote.Load(), Delivered: h.delivered.Load(), Dropped: h.dropped.Load(),
		SlowClosed: h.slow.Load(), Busy: h.busy.Load(), Lost: h.lost.Load(), Breaks: h.unset.Load(),
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	s.Topics = len(h.topics)
	for _, t := range h.topics {
		t.mu.Lock()
		s.Subscriptions += t.count
		s.History += len(t.kept)
		s.HistoryBytes += t.bytes
		t.mu.Unlock()
	}
	for _, sh := range h.shards {
		sh.mu.Lock()
		s.Pending += sh.bytes
		sh.mu.Unlock()
	}
	return s
}
