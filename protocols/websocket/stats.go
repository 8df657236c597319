package websocket

import (
	"sync"
	"sync/atomic"

	"github.com/calandria-go/calandria/reactor"
)

// Stats is what the connections of a Server, or of the process's clients, have done since it began.
type Stats struct {
	// Open are open now.
	Open int64
	// Opened counts all that there have ever been.
	Opened uint64
	// Refused counts handshakes that did not stand, by the label of the reason.
	Refused map[string]uint64
	// MessagesIn and MessagesOut count messages.
	MessagesIn, MessagesOut uint64
	// BytesIn and BytesOut count their payloads, without compression and framing.
	BytesIn, BytesOut uint64
	// ControlsIn counts the pings and pongs that came.
	ControlsIn uint64
	// Dropped counts the messages that met a full queue; SlowClosed the connections that were closed for that.
	Dropped, SlowClosed uint64
	// Violations counts connections that were closed for a violation of the protocol, Floods for too many pings, and DeadPeers for
	// silence.
	Violations, Floods, DeadPeers uint64
	// Compressed are the open connections with permessage-deflate.
	Compressed int64
	// Contexts is the memory that their contexts may take, in bytes; always 0 for clients.
	Contexts int64
}

// Queues are the send queues of the open connections that matter: of those to which something was sent while more than 64 KiB was unsent,
// until they are empty.
type Queues struct {
	// Conns is their number.
	Conns int
	// Bytes is the sum of what is unsent, and Max the most of one.
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
	// listedBytes is the queue from which a connection is listed.
	listedBytes = 64 << 10
)

// counters count for a Server, or for all clients.
type counters struct {
	shards  [shards]shard
	mu      sync.Mutex
	slow    map[*Conn]struct{} // those with queues
	refused map[string]uint64
}

// clientCounters are those of all that Dial opened.
var clientCounters counters

// ClientStats gives the figures of all connections that Dial has opened in this process. Any goroutine.
func ClientStats() Stats { return clientCounters.stats() }

// ClientQueues gives the send queues of those that are open. Any goroutine.
func ClientQueues() Queues { return clientCounters.queues() }

func (n *counters) shard(c *Conn) *shard { return &n.shards[c.rc.LoopIndex()%shards] }

func (n *counters) opened(c *Conn) {
	s := n.shard(c)
	s.opened.Add(1)
	s.open.Add(1)
	if c.pack() != nil {
		s.compressed.Add(1)
	}
}

func (n *counters) closed(c *Conn) {
	s := n.shard(c)
	s.open.Add(-1)
	if c.pack() != nil {
		s.compressed.Add(-1)
	}
	if c.seldom().slow.Load() {
		n.mu.Lock()
		delete(n.slow, c)
		n.mu.Unlock()
	}
}

// list notes that a connection has a queue.
func (n *counters) list(c *Conn) {
	if c.more().slow.Swap(true) {
		return
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.slow == nil {
		n.slow = map[*Conn]struct{}{}
	}
	n.slow[c] = struct{}{}
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

// queues looks at those with queues, and forgets those that have none any more.
func (n *counters) queues() (q Queues) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for c := range n.slow {
		u := int64(c.rc.Unsent())
		if u == 0 {
			c.rare.Load().slow.Store(false)
			delete(n.slow, c)
			continue
		}
		q.Conns++
		q.Bytes += u
		q.Max = max(q.Max, u)
		if c.rc.OverHigh() {
			q.Slow++
		}
	}
	return q
}
