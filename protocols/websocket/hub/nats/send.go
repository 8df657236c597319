package nats

import (
	"errors"
	"time"

	natsgo "github.com/nats-io/nats.go"

	"github.com/calandria-go/calandria/protocols/websocket"
)

// Subscribe is part of hub.Broker.
func (b *Broker) Subscribe(name string) error {
	if len(name) > maxTopic {
		return ErrTopic
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return ErrClosed
	}
	b.streams++
	t := &topic{name: name, stream: b.streams, last: map[origin]uint64{}}
	b.topics[name] = t
	b.orders = append(b.orders, order{t, true})
	b.change.Signal()
	return nil
}

// Unsubscribe is part of hub.Broker.
func (b *Broker) Unsubscribe(name string) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	t := b.topics[name]
	if t == nil {
		return nil
	}
	delete(b.topics, name)
	b.orders = append(b.orders, order{t, false})
	b.change.Signal()
	return nil
}

// Publish is part of hub.Broker. A message that cannot be queued has a number all the same, so that the others see that it is
// missing.
func (b *Broker) Publish(name string, op websocket.Opcode, data []byte) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	t := b.topics[name]
	if t == nil || b.closed {
		return ErrClosed
	}
	t.seq++
	switch {
	case b.most > 0 && int64(len(data)+headSize) > b.most:
		b.stats.Refused++
		return ErrTooBig
	case len(data) > b.cfg.MaxQueue-b.bytes:
		b.stats.Refused++
		return ErrQueueFull
	}
	e := envelope{op: op, from: origin{b.node, t.stream}, seq: t.seq, data: data}
	b.queue = append(b.queue, outgoing{b.subject(name), e.append(make([]byte, 0, headSize+len(data)))})
	b.bytes += len(data)
	b.change.Signal()
	return nil
}

// send is the goroutine that gives nats.go what is queued.
func (b *Broker) send() {
	defer close(b.sent)
	b.mu.Lock()
	defer b.mu.Unlock()
	for {
		for len(b.orders) == 0 && !b.closed && (len(b.queue) == 0 || !b.up) {
			b.change.Wait()
		}
		switch {
		case len(b.orders) > 0:
			all := b.orders
			b.orders = nil
			b.mu.Unlock()
			for _, o := range all {
				b.obey(o)
			}
			b.mu.Lock()
		case len(b.queue) == 0 || !b.up: // closed
			return
		default:
			b.sendOne()
		}
	}
}

// obey subscribes, or no longer. While there is no connection nats.go only takes note.
func (b *Broker) obey(o order) {
	if !o.want {
		if o.t.sub != nil {
			o.t.sub.Unsubscribe()
		}
		return
	}
	o.t.sub, _ = b.nc.ChanSubscribe(b.subject(o.t.name), b.in) // fails only when it is closed
}

// sendOne sends the first of the queue. It is called with b.mu held, and lets go of it meanwhile.
func (b *Broker) sendOne() {
	m := b.queue[0]
	b.mu.Unlock()
	err := b.nc.Publish(m.subject, m.data)
	if errors.Is(err, natsgo.ErrReconnectBufExceeded) { // cut off at this moment: the news of it are on their way, and it waits
		select {
		case <-time.After(cutOffPause):
		case <-b.quit:
		}
		b.mu.Lock()
		return
	}
	b.mu.Lock()
	if err != nil {
		b.stats.Failed++
	} else {
		b.stats.Sent++
	}
	b.bytes -= len(m.data) - headSize
	b.queue[0] = outgoing{}
	if b.queue = b.queue[1:]; len(b.queue) == 0 {
		b.queue = nil
	}
}
