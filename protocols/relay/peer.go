package relay

import (
	"errors"
	"sync/atomic"
	"time"

	"github.com/calandria-go/calandria/protocols/relay/access"
	"github.com/calandria-go/calandria/protocols/relay/link"
	"github.com/calandria-go/calandria/protocols/relay/wire"
	"github.com/calandria-go/calandria/protocols/websocket"
)

// The states of a peer.
const (
	peerUp        uint32 = iota
	peerSuspended        // its link is broken, and may be resumed
	peerDraining
	peerGone
)

// maxOffers bounds the services of one link.
const maxOffers = 256

// peer is an agent or a client as the relay sees it: a session, and what was granted.
type peer struct {
	srv    *Server
	m      *mux
	grant  *access.Grant
	role   wire.Role
	id     string // of the registration
	remote string
	since  time.Time
	expire *time.Timer // the grant's end
	wait   *time.Timer // the end of a suspension

	state atomic.Uint32
	load  atomic.Int64
	rtt   atomic.Int64

	offers map[uint32]*offer // with the mux's lock
}

// full says whether the agent has as many streams as its grant allows.
func (p *peer) full() bool {
	return p.grant.MaxStreams > 0 && p.load.Load() >= int64(p.grant.MaxStreams)
}

// hello takes the first frame of a link and finds its session.
func (s *Server) hello(c *carrier, ws *websocket.Conn, g *access.Grant, p []byte) *mux {
	f, err := wire.Parse(p)
	if err == nil && f.Type != wire.TypeHello {
		err = &link.LinkError{Code: wire.CodeProtocol, Text: f.Type.String() + " before HELLO"}
	}
	if err == nil {
		err = allowed(g, &f.Hello)
	}
	if err != nil {
		s.count.refused.Add(1)
		ws.Send(websocket.Binary, wire.AppendGoAway(nil, 0, link.CodeOf(err), err.Error()))
		ws.Close(websocket.PolicyViolation, err.Error())
		return nil
	}
	if old := s.session(f.Hello.Token, g); old != nil {
		if old.resume(c, ws, &f.Hello) {
			return old.m
		}
	}
	return s.welcome(ws, g, &f.Hello)
}

func allowed(g *access.Grant, h *wire.Hello) error {
	switch {
	case h.Role == wire.RoleAgent && g.Agent, h.Role == wire.RoleClient && g.Client:
		return nil
	}
	return &link.LinkError{Code: wire.CodeRefused, Text: "these credentials are not for a " + h.Role.String()}
}

// welcome makes a new session.
func (s *Server) welcome(ws *websocket.Conn, g *access.Grant, h *wire.Hello) *mux {
	p := &peer{
		srv: s, grant: g, role: h.Role, id: string(h.ID), since: time.Now(),
		remote: ws.Reactor().RemoteAddr().String(), offers: map[uint32]*offer{},
	}
	if p.id == "" {
		p.id = g.Name
	}
	p.m = &mux{r: s.Reactor, down: p.down, tick: func() { p.rtt.Store(int64(p.m.s.RTT())) }}
	token, err := s.enter(p)
	if err != nil {
		s.count.refused.Add(1)
		ws.Send(websocket.Binary, wire.AppendGoAway(nil, 0, link.CodeOf(err), err.Error()))
		ws.Close(websocket.TryAgainLater, err.Error())
		return nil
	}
	cfg := s.Link
	cfg.Role = wire.RoleRelay
	if g.MaxStreams > 0 {
		cfg.MaxStreams = g.MaxStreams
	}
	p.m.mu.Lock()
	p.m.ws = ws
	p.m.s = link.Accept(cfg, p, h, token)
	p.m.s.Advance(time.Since(epoch))
	p.m.unlock()
	if !g.Expires.IsZero() {
		p.expire = time.AfterFunc(time.Until(g.Expires), func() { p.m.stop(wire.CodeUnauthorized, "the credentials have expired") })
	}
	s.log().Info("relay: linked", "role", p.role.String(), "id", p.id, "grant", g.Name, "from", p.remote)
	return p.m
}

// resume goes on with a session on a new link; false if it is over.
func (p *peer) resume(_ *carrier, ws *websocket.Conn, h *wire.Hello) bool {
	p.m.lock()
	defer p.m.unlock()
	if p.m.s.Err() != nil {
		return false
	}
	if old := p.m.ws; old != nil { // the peer noticed before we did
		p.m.ws = nil
		if !p.m.s.Detach(errReplaced) {
			p.m.later(func() { p.down(p.m, errReplaced, false) })
			return false
		}
		p.m.later(func() { old.Abort(errReplaced) })
	}
	if p.wait != nil {
		p.wait.Stop()
	}
	p.m.ws = ws
	p.m.s.Reattach(h)
	p.state.Store(peerUp)
	p.srv.count.resumed.Add(1)
	return true
}

var errReplaced = errors.New("relay: a newer link took over")

// down is the end of a link: for good, or until it is resumed.
func (p *peer) down(_ *mux, err error, kept bool) {
	if kept {
		p.state.Store(peerSuspended)
		p.m.mu.Lock()
		p.wait = time.AfterFunc(p.m.s.ResumeFor(), func() { p.over(err) })
		p.m.mu.Unlock()
		return
	}
	p.over(err)
}

// over ends the session. A resume that came meanwhile wins.
func (p *peer) over(err error) {
	p.m.lock()
	if p.m.ws != nil {
		p.m.unlock()
		return
	}
	p.m.s.Fail(wire.CodeLinkLost, err)
	offers := p.offers
	p.offers = map[uint32]*offer{}
	p.m.unlock()
	if p.state.Swap(peerGone) == peerGone {
		return
	}
	for _, o := range offers {
		o.svc.remove(o)
	}
	if p.expire != nil {
		p.expire.Stop()
	}
	p.srv.forget(p)
	p.srv.log().Info("relay: link over", "role", p.role.String(), "id", p.id, "err", err)
}

// Established is part of link.Owner.
func (p *peer) Established(*link.Session, *wire.Hello, bool) {}

// Opened is part of link.Owner: a client wants a service.
func (p *peer) Opened(st *link.Stream, o *wire.Open, flags uint8) {
	name := string(o.Service)
	switch {
	case p.role != wire.RoleClient:
		st.Refuse(wire.CodeRefused, "agents open no streams")
	case !p.grant.Service(name):
		st.Refuse(wire.CodeRefused, "these credentials are not for that service")
	default:
		kind := o.Kind
		p.m.later(func() { p.srv.forClient(p, st, name, kind, flags) })
	}
}

// Offer is part of link.Owner.
func (p *peer) Offer(number uint32, o *wire.Open) {
	name, addr := string(o.Service), string(o.Address)
	if p.role != wire.RoleAgent {
		p.m.s.SendOffered(number, wire.CodeRefused, "only agents offer services")
		return
	}
	if old := p.offers[number]; old != nil && old.svc.Name == name {
		p.m.s.SendOffered(number, wire.CodeNone, p.srv.addressOf(name)) // again, after a resume
		return
	}
	if len(p.offers) >= maxOffers {
		p.m.s.SendOffered(number, wire.CodeLimit, "too many services")
		return
	}
	if !p.grant.Service(name) || !p.grant.Address(addr) {
		p.srv.count.refused.Add(1)
		p.m.s.SendOffered(number, wire.CodeRefused, "these credentials are not for that service at that address")
		return
	}
	svc, err := p.srv.serviceFor(name, o.Kind, addr)
	if err != nil {
		p.m.s.SendOffered(number, wire.CodeRefused, err.Error())
		return
	}
	of := &offer{peer: p, number: number, svc: svc}
	p.offers[number] = of
	svc.add(of)
	if addr != "" && svc.needs(p.srv, addr) {
		p.m.later(func() { p.listenFor(number, name, addr) })
		return
	}
	p.m.s.SendOffered(number, wire.CodeNone, p.srv.addressOf(name))
}

// listenFor opens a public address that an agent asked for, on a worker: a listener takes part in what loops wait for.
func (p *peer) listenFor(number uint32, name, addr string) {
	go func() {
		_, err := p.srv.Listen(name, addr)
		p.m.lock()
		defer p.m.unlock()
		if err != nil {
			if o := p.offers[number]; o != nil {
				delete(p.offers, number)
				o.svc.remove(o)
			}
			p.m.s.SendOffered(number, wire.CodeRefused, err.Error())
			return
		}
		p.m.s.SendOffered(number, wire.CodeNone, p.srv.addressOf(name))
	}()
}

// Offered is part of link.Owner; agents and clients have nothing to say about offers.
func (p *peer) Offered(uint32, wire.Code, string) {}

// Withdraw is part of link.Owner.
func (p *peer) Withdraw(number uint32) {
	if o := p.offers[number]; o != nil {
		delete(p.offers, number)
		o.svc.remove(o)
	}
}

// GoAway is part of link.Owner: an agent that drains gets no new streams.
func (p *peer) GoAway(wire.Code, string) {
	if p.state.Load() == peerUp {
		p.state.Store(peerDraining)
	}
}
