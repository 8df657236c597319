package relay

import (
	"cmp"
	"slices"
	"time"

	"github.com/calandria-go/calandria/protocols/relay/link"
)

// Stats are the counters of a Server. It is plain data.
type Stats struct {
	Linked   uint64         // sessions that began
	Resumed  uint64         // links that went on with a session
	Replaced uint64         // sessions that a newer one of the same agent ended
	Refused  uint64         // credentials, offers and links that were not accepted
	Links    []LinkStats    // by role and id
	Services []ServiceStats // by name
}

// LinkStats is one agent or client.
type LinkStats struct {
	Role    string        // agent or client
	ID      string        // as it says, else the grant's name
	Grant   string        // the name of what its credentials are good for
	Remote  string        // where it dialed from, when the session began
	State   string        // up, suspended, draining
	Since   time.Time     // when the session began
	RTT     time.Duration // the shortest of the last eight round trips; 0: not known
	Session link.Stats    // of its streams
}

// ServiceStats is one service.
type ServiceStats struct {
	Name, Kind string // tcp, http or udp
	Addresses  string // where it is served
	Agents     int    // that it can be reached at now
	Conns      int    // open now, or requests in progress
	Opened     uint64 // connections, or requests that took a new stream
	Failed     uint64 // that found no agent, or whose agent found no target
	Refused    uint64 // that were not admitted
	BytesIn    uint64 // to the service
	BytesOut   uint64 // from it
}

var stateNames = [...]string{"up", "suspended", "draining", "gone"}

// Stats gives the counters, links by role and id, services by name. Any goroutine. It takes the lock of each link.
func (s *Server) Stats() Stats {
	s.init()
	st := Stats{
		Linked: s.count.linked.Load(), Resumed: s.count.resumed.Load(), Replaced: s.count.replaced.Load(), Refused: s.count.refused.Load(),
	}
	for _, p := range s.peers() {
		p.m.mu.Lock()
		if p.m.s == nil { // it is being made
			p.m.mu.Unlock()
			continue
		}
		l := LinkStats{
			Role: p.role.String(), ID: p.id, Grant: p.grant.Name, Remote: p.remote, Since: p.since,
			State: stateNames[p.state.Load()], RTT: p.m.s.RTT(), Session: p.m.s.Stats(),
		}
		p.m.mu.Unlock()
		p.rtt.Store(int64(l.RTT))
		st.Links = append(st.Links, l)
	}
	slices.SortFunc(st.Links, func(a, b LinkStats) int { return cmp.Or(cmp.Compare(a.Role, b.Role), cmp.Compare(a.ID, b.ID)) })
	for _, v := range s.all() {
		st.Services = append(st.Services, v.stats(s))
	}
	slices.SortFunc(st.Services, func(a, b ServiceStats) int { return cmp.Compare(a.Name, b.Name) })
	return st
}

func (s *Server) all() []*service {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := make([]*service, 0, len(s.services))
	for _, v := range s.services {
		all = append(all, v)
	}
	return all
}

func (v *service) stats(s *Server) ServiceStats {
	st := ServiceStats{
		Name: v.Name, Kind: v.Kind.String(), Addresses: s.addressOf(v.Name), Opened: v.opened.Load(), Failed: v.failed.Load(),
		Refused: v.refused.Load(), BytesIn: v.in.Load(), BytesOut: v.out.Load(),
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	st.Conns = v.conns
	for _, o := range v.offers {
		if o.peer.state.Load() == peerUp {
			st.Agents++
		}
	}
	return st
}

// Ready says whether every configured service has an agent. Any goroutine.
func (s *Server) Ready() bool {
	for _, v := range s.Stats().Services {
		if v.Agents == 0 {
			return false
		}
	}
	return true
}
