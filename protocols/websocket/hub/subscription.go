package hub

import (
	"github.com/calandria-go/calandria/protocols/websocket"
)

// Subscription is a connection's to a topic. Its methods are for the connection's loop.
type Subscription struct {
	h       *Hub
	c       *websocket.Conn
	name    string
	of      *members // nil when it has ended
	index   int      // there
	last    uint64   // the number of the last message that was sent or missed
	missed  uint64
	replays int
	gap     bool
}

// Topic is the topic's name.
func (s *Subscription) Topic() string { return s.name }

// Seq is the number of the last message that was sent to the connection, or missed.
func (s *Subscription) Seq() uint64 { return s.last }

// Missed counts the messages that the connection did not get since it reads too slowly, under the policy websocket.Drop.
func (s *Subscription) Missed() uint64 { return s.missed }

// Replayed is how many messages of the history were sent, and whether some that came after Since are not kept any more.
func (s *Subscription) Replayed() (n int, gap bool) { return s.replays, s.gap }

// Subscribe has all messages of a topic sent to c: first those of the history that since asks for, then those that come. The
// subscription ends with Close, and with the connection. Loop only. It takes about 100 bytes, and 200 more with the first of a connection.
func (h *Hub) Subscribe(c *websocket.Conn, name string, since Since) (*Subscription, error) {
	if name == "" || len(name) > h.cfg.MaxTopicBytes {
		return nil, ErrTopic
	}
	rc := c.Reactor()
	sh := h.shard(shardKey{rc.Reactor(), rc.LoopIndex()})
	mine := sh.conns[c]
	if _, ok := mine[name]; ok {
		return nil, ErrSubscribed
	}
	if len(mine) >= h.cfg.MaxSubscriptions {
		return nil, ErrSubscriptions
	}
	s := &Subscription{h: h, c: c, name: name}
	missed, err := h.join(s, sh, name, since)
	if err != nil {
		return nil, err
	}
	if mine == nil {
		mine = map[string]*Subscription{}
		sh.conns[c] = mine
		rc.AfterClose(func() { sh.leave(c) })
	}
	mine[name] = s
	for _, d := range missed {
		if err := c.SendPrepared(d.frame); err != nil {
			s.Close()
			return nil, err
		}
		s.replays++
	}
	return s, nil
}

// join makes s a member of the topic. What is published before is in missed, or older than what was asked for; what is published
// after comes by the shard's queue.
func (h *Hub) join(s *Subscription, sh *shard, name string, since Since) (missed []delivery, err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	t, err := h.topicLocked(name, true)
	if err != nil {
		return nil, err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	h.heldLocked(t)
	missed, s.gap = t.since(since, h.epoch)
	s.last = t.seq
	t.count++
	for _, m := range t.members {
		if m.shard == sh {
			m.add(s)
			return missed, nil
		}
	}
	m := &members{topic: t, shard: sh}
	m.add(s)
	t.members = append(t.members[:len(t.members):len(t.members)], m)
	return missed, nil
}

// Close ends the subscription. A second one does nothing.
func (s *Subscription) Close() {
	m := s.of
	if m == nil {
		return
	}
	delete(m.shard.conns[s.c], s.name)
	s.end()
}

// end takes s out of its topic.
func (s *Subscription) end() {
	m := s.of
	s.of = nil
	m.remove(s)
	h, t := s.h, m.topic
	h.mu.Lock()
	defer h.mu.Unlock()
	t.mu.Lock()
	t.count--
	if len(m.all) == 0 {
		for i, other := range t.members {
			if other == m {
				t.members = append(t.members[:i:i], t.members[i+1:]...)
				break
			}
		}
	}
	t.mu.Unlock()
	h.releasedLocked(t)
}
