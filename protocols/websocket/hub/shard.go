package hub

import (
	"errors"
	"sync"

	"github.com/calandria-go/calandria/protocols/websocket"
)

const (
	// turnSends is how many connections get a message before the loop turns to others.
	turnSends = 512
	// turnBytes is how much one connection gets before its queue is flushed: what is unsent then is for its peer to answer for, and
	// not for a burst of publishes.
	turnBytes = 64 << 10
)

// shard is the hub's part on one loop.
type shard struct {
	h   *Hub
	key shardKey

	// Loop only.
	conns map[*websocket.Conn]map[string]*Subscription
	spare []job

	mu     sync.Mutex
	queue  []job
	bytes  int  // of the payloads in queue, and in the loop's hands
	posted bool // run is on its way
}

// members are the subscribers of a topic on one loop. Loop only, but for what is said in topic.
type members struct {
	topic *topic
	shard *shard
	all   []*Subscription
}

// job is a message for the members of a topic on this loop.
type job struct {
	m *members
	delivery
}

func (m *members) add(s *Subscription) {
	s.of, s.index = m, len(m.all)
	m.all = append(m.all, s)
}

// remove puts the last in the place of s.
func (m *members) remove(s *Subscription) {
	last := len(m.all) - 1
	m.all[s.index] = m.all[last]
	m.all[s.index].index = s.index
	m.all[last] = nil
	m.all = m.all[:last]
}

// shard finds a loop's, or makes it.
func (h *Hub) shard(k shardKey) *shard {
	h.mu.Lock()
	defer h.mu.Unlock()
	s := h.shards[k]
	if s == nil {
		s = &shard{h: h, key: k, conns: map[*websocket.Conn]map[string]*Subscription{}}
		h.shards[k] = s
	}
	return s
}

// leave ends the subscriptions of a connection that has closed.
func (sh *shard) leave(c *websocket.Conn) {
	for _, s := range sh.conns[c] {
		s.end()
	}
	delete(sh.conns, c)
}

// room says whether n more bytes may wait.
func (sh *shard) room(n int) bool {
	sh.mu.Lock()
	defer sh.mu.Unlock()
	return sh.bytes == 0 || n <= sh.h.cfg.MaxPending-sh.bytes
}

// push queues a message for the loop, and posts to it unless that was done.
func (sh *shard) push(m *members, d delivery) {
	sh.mu.Lock()
	defer sh.mu.Unlock()
	sh.queue = append(sh.queue, job{m, d})
	sh.bytes += len(d.data)
	if !sh.posted {
		sh.posted = sh.key.r.PostLoop(sh.key.loop, sh.run)
	}
	if !sh.posted { // the loops have ended: nobody is left to send to
		sh.queue, sh.bytes = nil, 0
	}
}

// run sends what is queued, in turns.
func (sh *shard) run() {
	sh.mu.Lock()
	jobs := sh.queue
	sh.queue, sh.spare = sh.spare, nil
	sh.mu.Unlock()
	sh.send(jobs, 0, -1)
}

// send goes on with jobs[i:], of which the first has been sent to all members behind at. It goes from the last to the first, so
// that a member that leaves meanwhile, whose place the last one takes, makes nobody miss it; whom it would come to twice is
// known by its last number.
func (sh *shard) send(jobs []job, i, at int) {
	budget, bytes := turnSends, 0
	for ; i < len(jobs) && bytes < turnBytes; i++ {
		j := &jobs[i]
		if at < 0 {
			at = len(j.m.all)
		}
		at = min(at, len(j.m.all))
		for ; at > 0 && budget > 0; at-- {
			j.m.all[at-1].send(j)
			budget--
		}
		if at > 0 {
			sh.key.r.PostLoop(sh.key.loop, func() { sh.send(jobs, i, at) })
			return
		}
		bytes += len(j.data)
		sh.done(len(j.data))
		*j = job{}
		at = -1
	}
	if i < len(jobs) {
		sh.key.r.PostLoop(sh.key.loop, func() { sh.send(jobs, i, -1) })
		return
	}
	sh.again(jobs[:0])
}

func (sh *shard) done(n int) {
	sh.mu.Lock()
	defer sh.mu.Unlock()
	sh.bytes -= n
}

// again posts for what was queued meanwhile.
func (sh *shard) again(empty []job) {
	sh.mu.Lock()
	defer sh.mu.Unlock()
	if cap(empty) <= 1024 { // a burst's is not kept
		sh.spare = empty
	}
	sh.posted = len(sh.queue) > 0 && sh.key.r.PostLoop(sh.key.loop, sh.run)
}

// send gives a message to one connection.
func (s *Subscription) send(j *job) {
	if j.seq <= s.last {
		return
	}
	s.last = j.seq
	h := s.h
	if s.c.Unsent() >= h.cfg.MaxUnsent {
		s.tooSlow()
		return
	}
	switch err := s.c.SendPrepared(j.frame); {
	case err == nil:
		h.delivered.Add(1)
	case errors.Is(err, websocket.ErrQueueFull):
		s.missed++
		h.dropped.Add(1)
	case errors.Is(err, websocket.ErrSlowConsumer):
		h.slow.Add(1)
	}
}

// tooSlow applies Config.Slow.
func (s *Subscription) tooSlow() {
	h := s.h
	switch h.cfg.Slow {
	case websocket.Drop:
		s.missed++
		h.dropped.Add(1)
		return
	case websocket.ClosePolicy:
		s.close(websocket.PolicyViolation)
	default:
		s.close(websocket.TryAgainLater)
	}
}

func (s *Subscription) close(code websocket.CloseCode) {
	if s.c.Close(code, "reads too slowly") == nil {
		s.h.slow.Add(1)
	}
}
