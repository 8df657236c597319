package hub

import (
	"container/list"
	"crypto/rand"
	"sync"
	"sync/atomic"

	"github.com/calandria-go/calandria/protocols/websocket"
	"github.com/calandria-go/calandria/reactor"
)

// Message is a message of a topic.
type Message struct {
	// Topic is where it was published.
	Topic string
	// Seq is its number: each topic of a hub counts from 1. Other hubs give other numbers.
	Seq uint64
	// Op is Text or Binary.
	Op websocket.Opcode
	// Data is what was published. It must not be changed.
	Data []byte
	// Remote says that it came from another hub.
	Remote bool
}

// Hub has topics with subscribers. Its methods are safe from any goroutine, but for Subscribe.
type Hub struct {
	cfg   Config
	epoch string

	published, remote, delivered     atomic.Uint64
	dropped, slow, busy, lost, unset atomic.Uint64

	mu     sync.Mutex
	topics map[string]*topic
	idle   list.List // topics without subscribers, the least recently used first
	shards map[shardKey]*shard
	closed bool
}

type shardKey struct {
	r    *reactor.Reactor
	loop int
}

// New makes a hub, and starts its broker, if there is one.
func New(cfg Config) (*Hub, error) {
	h := &Hub{cfg: cfg.withDefaults(), epoch: rand.Text()[:12], topics: map[string]*topic{}, shards: map[shardKey]*shard{}}
	if h.cfg.Broker != nil {
		if err := h.cfg.Broker.Start((*receiver)(h)); err != nil {
			return nil, err
		}
	}
	return h, nil
}

// Epoch tells this hub's numbers from those of another one, or of another run, unless Restore has set it.
func (h *Hub) Epoch() string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.epoch
}

// Close ends the broker and forgets topics and history. Connections stay open; they are their owners'.
func (h *Hub) Close() error {
	h.mu.Lock()
	if h.closed {
		h.mu.Unlock()
		return nil
	}
	h.closed = true
	for _, t := range h.topics {
		t.mu.Lock()
		t.dead, t.kept, t.bytes = true, nil, 0
		t.mu.Unlock()
	}
	clear(h.topics)
	h.idle.Init()
	h.mu.Unlock()
	if h.cfg.Broker != nil {
		return h.cfg.Broker.Close()
	}
	return nil
}

// Publish sends a message to all subscribers of a topic, here and, with a broker, elsewhere, and keeps it in the history. It
// copies data, never blocks, and gives the message's number. It costs about a microsecond, and on each loop with subscribers a
// post and some tenths of a microsecond for each of them. ErrBusy means that it went nowhere, ErrBroker that it stayed here.
func (h *Hub) Publish(name string, op websocket.Opcode, data []byte) (uint64, error) {
	if op != websocket.Text && op != websocket.Binary {
		return 0, ErrOpcode
	}
	return h.publish(name, op, append([]byte(nil), data...), false)
}

func (h *Hub) publish(name string, op websocket.Opcode, data []byte, remote bool) (uint64, error) {
	for {
		t, err := h.topic(name, !remote)
		if t == nil || err != nil {
			return 0, err
		}
		if seq, ok, err := t.publish(op, data, remote); ok {
			return seq, err
		}
	}
}

// topic finds a topic, or makes it.
func (h *Hub) topic(name string, make bool) (*topic, error) {
	if name == "" || len(name) > h.cfg.MaxTopicBytes {
		return nil, ErrTopic
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.topicLocked(name, make)
}

func (h *Hub) topicLocked(name string, make bool) (*topic, error) {
	if h.closed {
		return nil, ErrClosed
	}
	t := h.topics[name]
	if t != nil {
		if t.idle != nil {
			h.idle.MoveToBack(t.idle)
		}
		return t, nil
	}
	if !make {
		return nil, nil
	}
	if len(h.topics) >= h.cfg.MaxTopics && !h.evictLocked() {
		return nil, ErrTopics
	}
	t = &topic{h: h, name: name}
	if b := h.cfg.Broker; b != nil {
		if err := b.Subscribe(name); err != nil {
			return nil, err
		}
	}
	t.idle = h.idle.PushBack(t)
	h.topics[name] = t
	return t, nil
}

// evictLocked forgets the topic without subscribers that was not used for longest.
func (h *Hub) evictLocked() bool {
	first := h.idle.Front()
	if first == nil {
		return false
	}
	t := first.Value.(*topic)
	h.idle.Remove(first)
	t.mu.Lock()
	t.dead, t.kept, t.bytes = true, nil, 0
	t.mu.Unlock()
	delete(h.topics, t.name)
	if b := h.cfg.Broker; b != nil {
		b.Unsubscribe(t.name)
	}
	return true
}

// Count is the number of subscribers of a topic, in this process.
func (h *Hub) Count(name string) int {
	h.mu.Lock()
	t := h.topics[name]
	h.mu.Unlock()
	if t == nil {
		return 0
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.count
}

// Topics are the topics that there are, with the numbers of their subscribers.
func (h *Hub) Topics() map[string]int {
	h.mu.Lock()
	defer h.mu.Unlock()
	all := make(map[string]int, len(h.topics))
	for name, t := range h.topics {
		t.mu.Lock()
		all[name] = t.count
		t.mu.Unlock()
	}
	return all
}

// Listen has f called with every message of a topic, in their order, until stop is called. It must not block, nor call the hub.
// The topic counts as one with a subscriber, though Count does not count it.
func (h *Hub) Listen(name string, f func(Message)) (stop func(), err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if name == "" || len(name) > h.cfg.MaxTopicBytes {
		return nil, ErrTopic
	}
	t, err := h.topicLocked(name, true)
	if err != nil {
		return nil, err
	}
	l := &listener{f}
	t.mu.Lock()
	t.listeners = append(t.listeners, l)
	t.mu.Unlock()
	h.heldLocked(t)
	return func() { h.unlisten(t, l) }, nil
}

func (h *Hub) unlisten(t *topic, l *listener) {
	h.mu.Lock()
	defer h.mu.Unlock()
	t.mu.Lock()
	for i, other := range t.listeners {
		if other == l {
			t.listeners = append(t.listeners[:i:i], t.listeners[i+1:]...)
			break
		}
	}
	t.mu.Unlock()
	h.releasedLocked(t)
}

// heldLocked takes a topic off those that may be forgotten.
func (h *Hub) heldLocked(t *topic) {
	if t.idle != nil {
		h.idle.Remove(t.idle)
		t.idle = nil
	}
}

// releasedLocked puts a topic back there, if nobody wants it any more; one without a history is forgotten at once.
func (h *Hub) releasedLocked(t *topic) {
	t.mu.Lock()
	free := !t.dead && t.count == 0 && len(t.listeners) == 0
	empty := free && h.cfg.History == 0
	t.dead = t.dead || empty
	t.mu.Unlock()
	switch {
	case empty:
		delete(h.topics, t.name)
		if b := h.cfg.Broker; b != nil {
			b.Unsubscribe(t.name)
		}
	case free && t.idle == nil:
		t.idle = h.idle.PushBack(t)
	}
}

// receiver is the hub as its broker sees it.
type receiver Hub

// Receive is part of Receiver.
func (r *receiver) Receive(topic string, op websocket.Opcode, data []byte) {
	h := (*Hub)(r)
	h.remote.Add(1)
	if _, err := h.publish(topic, op, data, true); err != nil {
		r.Lost(Loss{Topic: topic, Count: 1})
	}
}

// Lost is part of Receiver.
func (r *receiver) Lost(l Loss) {
	r.lost.Add(l.Count)
	if l.Count == 0 {
		r.unset.Add(1)
	}
	if r.cfg.OnLoss != nil {
		r.cfg.OnLoss(l)
	}
}

// Up is part of Receiver.
func (r *receiver) Up(up bool, err error) {
	if r.cfg.OnBroker != nil {
		r.cfg.OnBroker(up, err)
	}
}
