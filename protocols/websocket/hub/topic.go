package hub

import (
	"container/list"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/calandria-go/calandria/protocols/websocket"
)

// topic is a name with subscribers and a history.
type topic struct {
	h    *Hub
	name string
	idle *list.Element // in Hub.idle; guarded by Hub.mu

	mu        sync.Mutex // held while a message gets its number and its places in the queues
	seq       uint64
	kept      []delivery // the history, oldest first
	bytes     int
	count     int
	members   []*members
	listeners []*listener
	dead      bool // forgotten: look it up again
}

type listener struct{ f func(Message) }

// delivery is a message on its way.
type delivery struct {
	t     *topic
	seq   uint64
	op    websocket.Opcode
	data  []byte
	frame *websocket.Prepared
}

func (d *delivery) message() Message {
	return Message{Topic: d.t.name, Seq: d.seq, Op: d.op, Data: d.data}
}

// publish gives a message its number and queues it; not ok if the topic was forgotten.
func (t *topic) publish(op websocket.Opcode, data []byte, remote bool) (seq uint64, ok bool, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.dead {
		return 0, false, nil
	}
	for _, m := range t.members {
		if !m.shard.room(len(data)) {
			t.h.busy.Add(1)
			return 0, true, ErrBusy
		}
	}
	t.seq++
	t.h.published.Add(1)
	d := delivery{t: t, seq: t.seq, op: op, data: data}
	d.render(remote)
	t.keep(d)
	for _, m := range t.members {
		m.shard.push(m, d)
	}
	for _, l := range t.listeners {
		m := d.message()
		m.Remote = remote
		l.f(m)
	}
	if b := t.h.cfg.Broker; b != nil && !remote {
		if e := b.Publish(t.name, op, data); e != nil {
			err = fmt.Errorf("%w: %w", ErrBroker, e)
		}
	}
	return t.seq, true, err
}

// render frames the message.
func (d *delivery) render(remote bool) {
	payload := d.data
	if f := d.t.h.cfg.Render; f != nil {
		m := d.message()
		m.Remote = remote
		payload = f(m)
	}
	d.frame = websocket.Prepare(d.op, payload)
}

// keep adds to the history.
func (t *topic) keep(d delivery) {
	if t.h.cfg.History == 0 {
		return
	}
	t.kept = append(t.kept, d)
	t.bytes += len(d.data)
	drop := 0
	for n := len(t.kept); n-drop > t.h.cfg.History || t.bytes > t.h.cfg.HistoryBytes; drop++ {
		t.bytes -= len(t.kept[drop].data)
		t.kept[drop] = delivery{}
	}
	t.kept = t.kept[drop:]
}

// Since says where a subscriber's history begins.
type Since struct {
	// Epoch is Hub.Epoch as it was when Seq was seen. Of another one, Seq means nothing, and all that is kept is given.
	Epoch string
	// Seq is the number of the last message that was seen.
	Seq uint64
	// Last is how many of the latest messages to give to one without an Epoch; negative: all that are kept.
	Last int
}

// since gives what a subscriber has missed, and whether some of it is not kept any more.
func (t *topic) since(from Since, epoch string) (missed []delivery, gap bool) {
	switch {
	case from.Epoch == "":
		if from.Last < 0 || from.Last > len(t.kept) {
			from.Last = len(t.kept)
		}
		return slices.Clone(t.kept[len(t.kept)-from.Last:]), false
	case from.Epoch != epoch || from.Seq > t.seq:
		return slices.Clone(t.kept), true
	}
	i, _ := slices.BinarySearchFunc(t.kept, from.Seq+1, func(d delivery, seq uint64) int { return int(int64(d.seq - seq)) })
	missed = slices.Clone(t.kept[i:])
	return missed, uint64(len(missed)) < t.seq-from.Seq
}

// History is what is kept of a topic, oldest first.
func (h *Hub) History(name string) []Message {
	h.mu.Lock()
	t := h.topics[name]
	h.mu.Unlock()
	if t == nil {
		return nil
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	all := make([]Message, 0, len(t.kept))
	for i := range t.kept {
		all = append(all, t.kept[i].message())
	}
	return all
}

// Restore gives a new hub the history of an earlier run, so that subscribers of that find what they missed: its epoch, and for
// each topic the number of its last message and what was kept of it, oldest first. It is for a hub that nobody uses yet.
func (h *Hub) Restore(epoch string, topics map[string][]Message) error {
	h.mu.Lock()
	if len(h.topics) > 0 {
		h.mu.Unlock()
		return errors.New("hub: Restore comes too late")
	}
	h.epoch = epoch
	h.mu.Unlock()
	for name, all := range topics {
		t, err := h.topic(name, true)
		if err != nil {
			return err
		}
		t.mu.Lock()
		for _, m := range all {
			if m.Seq <= t.seq || m.Op != websocket.Text && m.Op != websocket.Binary {
				continue
			}
			t.seq = m.Seq
			d := delivery{t: t, seq: m.Seq, op: m.Op, data: m.Data}
			d.render(m.Remote)
			t.keep(d)
		}
		t.mu.Unlock()
	}
	return nil
}
