package reactor

import (
	"cmp"
	"slices"
	"time"
)

const (
	// shedScan bounds the connections of a loop that are looked at in one go, which takes about a millisecond; the next goes on
	// behind them.
	shedScan = 8192
	// shedIdle and shedQueues bound those of a loop that are closed in one go.
	shedIdle   = 256
	shedQueues = 16
	// shedQueue is what a connection must have unsent to be aborted for it.
	shedQueue = 64 << 10
)

// candidate is a connection that could be closed.
type candidate struct {
	c      *Conn
	at     time.Duration // when the kernel last took something of it
	unsent int
}

// shed has every loop close what it may, excess bytes of queues in all at the most.
func (r *Reactor) shed(level int, excess int64) {
	share := excess / int64(len(r.members))
	for _, m := range r.members {
		m.loop.post(nil, func() { r.shedLoop(m, level, share) })
	}
}

func (r *Reactor) shedLoop(m *member, level int, excess int64) {
	idle, queues := m.candidates()
	slices.SortFunc(idle, func(a, b candidate) int { return cmp.Compare(a.at, b.at) })
	for _, k := range idle[:min(len(idle), shedIdle)] {
		r.memory.idle.Add(1)
		k.c.CloseWith(ErrMemoryIdle)
	}
	if level < MemoryAbort {
		return
	}
	slices.SortFunc(queues, func(a, b candidate) int { return cmp.Compare(b.unsent, a.unsent) })
	for _, k := range queues[:min(len(queues), shedQueues)] {
		if excess <= 0 {
			return
		}
		excess -= int64(k.unsent)
		r.memory.aborted.Add(1)
		k.c.Abort(ErrMemory)
	}
}

// candidates looks at the next shedScan connections.
func (m *member) candidates() (idle, queues []candidate) {
	c := m.scan
	if c == nil {
		c = m.head
	}
	for n := 0; c != nil && n < shedScan; n++ {
		if k, kind := c.sheddable(); kind == shedAsIdle {
			idle = append(idle, k)
		} else if kind == shedAsQueue {
			queues = append(queues, k)
		}
		c = c.next
	}
	m.scan = c
	return idle, queues
}

const (
	shedNot = iota
	shedAsIdle
	shedAsQueue
)

func (c *Conn) sheddable() (k candidate, kind int) {
	if c.state != stateOpen {
		return k, shedNot
	}
	c.mu.Lock()
	k = candidate{c, c.progress, c.unsent}
	c.mu.Unlock()
	switch {
	case k.unsent >= shedQueue:
		return k, shedAsQueue
	case k.unsent > 0 || c.carry != nil:
		return k, shedNot
	}
	h, ok := c.handler.(IdleHandler)
	idle := false
	if ok {
		c.guard(func() { idle = h.Idle() })
	}
	if idle {
		return k, shedAsIdle
	}
	return k, shedNot
}
