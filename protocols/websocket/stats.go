package websocket

import (
	"sync"
	"sync/atomic"

	"github.com/calandria-go/calandria/reactor"
)

// Stats is what the connections of a Server, or of the process's clients, have done since it began.
type Stats struct {
	// Open are open now; Opened counts all that there have ever been.
	Open   int64
	Opened uint64
	// Refused counts handshakes that did not stand, by the label of the reason.
	Refused map[string]uint64
	// MessagesIn and MessagesOut count messages, BytesIn and BytesOut their payloads without compression and framing.
	MessagesIn, MessagesOut uint64
	BytesIn, BytesOut       uint64
	// ControlsIn counts the pings and pongs that came.
	ControlsIn uint64
	// Dropped counts the messages that met a full queue; SlowClosed the connections that were closed for that.
	Dropped, SlowClosed uint64
	// Violations counts connections that were closed for a violation of the protocol, Floods for too many pings, and DeadPeers for
	// silence.
	Violations, Floods, DeadPeers uint64
	// Compressed are the open connections with permessage-deflate, and Contexts the bytes that their contexts may take.
	Compressed int64
	Contexts   int64
}

// Queues are the send queues of the open connections.
type Queues struct {
	// Conns are those with unsent bytes; Bytes the sum; Max the most of one.
	Conns      int
	Bytes, Max int64
	// Slow are those above the reactor's HighWater.
	Slow int
}

// shard is the counters of the connections of one loop. Senders on other goroutines count, too.
type shard struct {
	open, compressed                      atomic.Int64
	opened, messagesIn, messagesOut       atomic.Uint64
	bytesIn, bytesOut, controlsIn         atomic.Uint64
	drops, slow, violations, floods, dead atomic.Uint64
	_                                     [24]byte // a line of its own
}

const (
	shards = 16
	lists  = 64
)

// list is some of the open connections. There are many, so that whoever looks at all of them holds up nobody.
type list struct {
	mu    sync.Mutex
	first *Conn
}

// counters count for a Server, or for all clients.
type counters struct {
	shards  [shards]shard
	lists   [lists]list
	mu      sync.Mutex
	refused map[string]uint64
}

// clientCounters are those of all that Dial opened.
var clientCounters counters

// ClientStats gives the figures of all connections that Dial has opened in this process. Any goroutine.
func ClientStats() Stats { return clientCounters.stats() }

// ClientQueues gives the send queues of those that are open. Any goroutine; it looks at every connection.
func ClientQueues() Queues { return clientCounters.queues() }

func (n *counters) shard(c *Conn) *shard { return &n.shards[c.rc.LoopIndex()%shards] }

func (n *counters) opened(c *Conn) {
	s := n.shard(c)
	s.opened.Add(1)
	s.open.Add(1)
	if c.pack != nil {
		s.compressed.Add(1)
	}
	l := &n.lists[c.rc.ID()%lists]
	l.mu.Lock()
	defer l.mu.Unlock()
	if c.next = l.first; c.next != nil {
		c.next.prev = c
	}
	l.first = c
}

func (n *counters) closed(c *Conn) {
	s := n.shard(c)
	s.open.Add(-1)
	if c.pack != nil {
		s.compressed.Add(-1)
	}
	l := &n.lists[c.rc.ID()%lists]
	l.mu.Lock()
	defer l.mu.Unlock()
	if c.next != nil {
		c.next.prev = c.prev
	}
	if c.prev != nil {
		c.prev.next = c.next
	} else {
		l.first = c.next
	}
	c.next, c.prev = nil, nil
}

// refuse counts a handshake that did not stand.
func (n *counters) refuse(err error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.refused == nil {
		n.refused = map[string]uint64{}
	}
	n.refused[reactor.ReasonOf(err)]++ // the labels are few: of this package and package wire
}

func (n *counters) stats() Stats {
	st := Stats{Refused: map[string]uint64{}}
	for i := range n.shards {
		s := &n.shards[i]
		st.Open += s.open.Load()
		st.Compressed += s.compressed.Load()
		st.Opened += s.opened.Load()
		st.MessagesIn += s.messagesIn.Load()
		st.MessagesOut += s.messagesOut.Load()
		st.BytesIn += s.bytesIn.Load()
		st.BytesOut += s.bytesOut.Load()
		st.ControlsIn += s.controlsIn.Load()
		st.Dropped += s.drops.Load()
		st.SlowClosed += s.slow.Load()
		st.Violations += s.violations.Load()
		st.Floods += s.floods.Load()
		st.DeadPeers += s.dead.Load()
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	for k, v := range n.refused {
		st.Refused[k] = v
	}
	return st
}

// queues looks at every connection.
func (n *counters) queues() (q Queues) {
	for i := range n.lists {
		l := &n.lists[i]
		l.mu.Lock()
		for c := l.first; c != nil; c = c.next {
			u := int64(c.rc.Unsent())
			if u == 0 {
				continue
			}
			q.Conns++
			q.Bytes += u
			q.Max = max(q.Max, u)
			if c.rc.OverHigh() {
				q.Slow++
			}
		}
		l.mu.Unlock()
	}
	return q
}
