package rtsphttp

import (
	"cmp"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// counters are what Stats tells.
type counters struct {
	opened  atomic.Uint64
	sockets atomic.Int64

	mu       sync.Mutex
	refused  map[string]uint64
	ended    map[string]uint64
	up, down uint64 // of tunnels that have ended
}

func (c *counters) refuse(reason string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.refused == nil {
		c.refused = map[string]uint64{}
	}
	c.refused[reason]++
}

func (c *counters) end(reason string, up, down uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ended == nil {
		c.ended = map[string]uint64{}
	}
	c.ended[reason]++
	c.up += up
	c.down += down
}

// Stats is what a Gateway has done since it was made.
type Stats struct {
	// Open are the tunnels, of which Sockets are over WebSockets; Pending the halves that wait for their other one.
	Open, Sockets, Pending int
	// Opened counts the tunnels that there have been.
	Opened uint64
	// Refused counts requests that became no tunnel, by reason.
	Refused map[string]uint64
	// Ended counts tunnels that have ended, by reason.
	Ended map[string]uint64
	// Up are the bytes from viewers to cameras, Down those from cameras to viewers, without HTTP, base64 and WebSocket.
	Up, Down uint64
	// Queued are the bytes that wait for viewers.
	Queued int64
}

// Stats gives the counters. It looks at every tunnel. Any goroutine.
func (g *Gateway) Stats() Stats {
	st := Stats{Opened: g.count.opened.Load(), Sockets: int(g.count.sockets.Load())}
	g.mu.Lock()
	st.Open = len(g.open)
	for s := range g.open {
		st.Up += s.up.Load()
		st.Down += s.down.Load()
		st.Queued += int64(s.vc.Unsent())
	}
	g.mu.Unlock()
	st.Pending, _ = g.table.Counts()
	g.count.mu.Lock()
	defer g.count.mu.Unlock()
	st.Refused, st.Ended = maps.Clone(g.count.refused), maps.Clone(g.count.ended)
	st.Up += g.count.up
	st.Down += g.count.down
	return st
}

// Session is one tunnel as Sessions shows it.
type Session struct {
	ID     uint64        // of the viewer's connection
	Kind   string        // "http" or "websocket"
	Camera string        // the route's backend, without user and password
	Viewer string        // the address
	User   string        // who has authenticated
	Age    time.Duration // since the request
	Up     uint64        // bytes to the camera
	Down   uint64        // bytes to the viewer
	Queued int           // bytes that wait for the viewer
}

// Sessions gives the tunnels that are open, the oldest first, max at the most; 0: all. Any goroutine.
func (g *Gateway) Sessions(max int) []Session {
	g.mu.Lock()
	all := slices.Collect(maps.Keys(g.open))
	g.mu.Unlock()
	slices.SortFunc(all, func(a, b *session) int { return cmp.Or(a.began.Compare(b.began), cmp.Compare(a.vc.ID(), b.vc.ID())) })
	if max > 0 && len(all) > max {
		all = all[:max]
	}
	out := make([]Session, len(all))
	now := time.Now()
	for i, s := range all {
		out[i] = Session{
			ID: s.vc.ID(), Kind: s.kind, Camera: s.rt.name(), Viewer: s.viewer, User: s.user, Age: now.Sub(s.began),
			Up: s.up.Load(), Down: s.down.Load(), Queued: s.vc.Unsent(),
		}
	}
	return out
}
