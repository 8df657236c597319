package nats

import (
	"fmt"

	natsgo "github.com/nats-io/nats.go"

	"github.com/calandria-go/calandria/protocols/websocket/hub"
)

// receive is the goroutine that calls the hub.
func (b *Broker) receive() {
	for {
		select {
		case m := <-b.in:
			b.take(m)
		case n := <-b.news:
			if n.again {
				b.to.Lost(hub.Loss{})
			}
			b.to.Up(n.up, n.err)
		case <-b.quit:
			return
		}
	}
}

// take judges a message by its number, and gives it to the hub.
func (b *Broker) take(m *natsgo.Msg) {
	e, err := parseEnvelope(m.Data)
	name, ok := b.name(m.Subject)
	lost, fresh := uint64(0), false
	b.mu.Lock()
	t := b.topics[name]
	switch {
	case err != nil || !ok:
		b.stats.Bad++
	case t == nil || e.from.node == b.node:
	default:
		if lost, fresh = t.judge(e.from, e.seq, b.cfg.MaxOrigins); fresh {
			b.stats.Received++
			b.stats.Lost += lost
		} else {
			b.stats.Duplicates++
		}
	}
	b.mu.Unlock()
	if lost > 0 {
		b.to.Lost(hub.Loss{Topic: name, From: fmt.Sprintf("%x", e.from.node), Count: lost})
	}
	if fresh {
		b.to.Receive(name, e.op, e.data)
	}
}

// judge says how many are missing before seq, and whether it is new.
func (t *topic) judge(from origin, seq uint64, most int) (lost uint64, fresh bool) {
	last, known := t.last[from]
	switch {
	case known && seq <= last:
		return 0, false
	case known:
		lost = seq - last - 1
	case len(t.last) >= most:
		for other := range t.last { // any one
			delete(t.last, other)
			break
		}
	}
	t.last[from] = seq
	return lost, true
}
