package relay

import (
	"errors"
	"net"
	"net/netip"
	"time"

	"github.com/calandria-go/calandria/protocols/relay/link"
	"github.com/calandria-go/calandria/protocols/relay/wire"
	"github.com/calandria-go/calandria/reactor"
)

// loopThing is what an attempt needs of the Conn or the Endpoint that something came to.
type loopThing interface {
	anchor
	Post(f func()) bool
	AfterFunc(d time.Duration, f func()) *reactor.Timer
}

// attempt is the way of one connection to an agent. With one agent the stream is used at once; with more, it is waited for that one
// reaches the target, so that another can be tried. All of it is on the loop of c, the connection that came.
type attempt struct {
	srv     *Server
	svc     *service
	c       loopThing
	client  netip.Addr
	addr    []byte // of the client, in text
	flags   uint8
	wait    bool                          // for the agent's answer in any case
	handler func(p *peer) reactor.Handler // for the stream
	done    func(p *peer, c *reactor.Conn, err error)

	tried []*peer
	peer  *peer
	st    *link.Stream
	timer *reactor.Timer
	last  error
	over  bool
}

// start looks for an agent.
func (a *attempt) start() {
	if a.over {
		return
	}
	if len(a.tried) >= a.srv.MaxAttempts {
		a.finish(nil, nil, a.last)
		return
	}
	p, more := a.svc.pick(a.client, a.tried)
	if p == nil {
		if a.last == nil {
			a.last = ErrNoService
		}
		a.finish(nil, nil, a.last)
		return
	}
	a.tried = append(a.tried, p)
	a.peer = p
	m := p.m
	m.lock()
	st, err := m.s.OpenStream(&wire.Open{Kind: a.svc.Kind, Service: []byte(a.svc.Name), Address: a.addr}, a.flags, nil)
	if err != nil {
		m.unlock()
		a.last = err
		a.start()
		return
	}
	a.st = st
	if a.wait || more || len(a.tried) > 1 {
		st.SetEvents(a)
		m.unlock()
		a.timer = a.c.AfterFunc(a.srv.OpenTimeout, a.timeout)
		return
	}
	a.join()
}

// join puts a connection on the stream. With the link's lock, which it lets go of.
func (a *attempt) join() {
	var local net.Addr = Addr{a.svc.Kind, a.svc.Name}
	c, err := a.peer.m.connect(a.st, a.c, local, local, a.handler(a.peer))
	a.peer.m.unlock()
	if err == nil {
		a.peer.load.Add(1)
	}
	a.finish(a.peer, c, err)
}

// Ready is part of link.Events: the answer is there.
func (a *attempt) Ready() { a.c.Post(a.check) }

func (a *attempt) check() {
	if a.over || a.st == nil {
		return
	}
	m := a.peer.m
	m.lock()
	switch err := a.st.Err(); {
	case a.st.Answered() && err == nil:
		a.timer.Stop()
		a.join()
	case err != nil:
		m.unlock()
		a.timer.Stop()
		a.st, a.last = nil, err
		a.start()
	default:
		m.unlock()
	}
}

func (a *attempt) timeout() {
	if a.over || a.st == nil {
		return
	}
	a.peer.m.lock()
	a.st.SetEvents(nil)
	a.st.Reset(wire.CodeTimeout, "the target took too long")
	a.last = a.st.Err()
	a.peer.m.unlock()
	a.st = nil
	a.start()
}

// of has the end counted for the agent whose stream it is on.
func (e *end) of(p *peer) reactor.Handler {
	e.closed = func() { p.load.Add(-1) }
	return e
}

// cancel ends it when the connection that came has gone.
func (a *attempt) cancel() {
	if a.over {
		return
	}
	a.over = true
	if a.st != nil {
		a.peer.m.lock()
		a.st.SetEvents(nil)
		a.st.Reset(wire.CodeReset, "")
		a.peer.m.unlock()
	}
}

func (a *attempt) finish(p *peer, c *reactor.Conn, err error) {
	a.over = true
	a.done(p, c, err)
}

// entry is the handler of a connection to a public address, until it is joined to a stream.
type entry struct {
	srv     *Server
	svc     *service
	attempt *attempt
}

// OnOpen is part of reactor.Handler.
func (e *entry) OnOpen(c *reactor.Conn) {
	client := c.RemoteAddrPort()
	if !e.svc.admit(client.Addr()) {
		c.Abort(errNotAdmitted)
		return
	}
	c.AfterClose(func() { e.svc.leave(client.Addr()) })
	c.Pause()
	var text []byte
	if client.IsValid() {
		text = client.AppendTo(nil)
	}
	var in, out *end
	in, out = splice(&spliced{limit: e.svc.limit, count: func(n, m int) {
		e.svc.in.Add(uint64(n))
		e.svc.out.Add(uint64(m))
	}})
	e.attempt = &attempt{
		srv: e.srv, svc: e.svc, c: c, client: client.Addr(), addr: text,
		handler: out.of,
		done: func(_ *peer, _ *reactor.Conn, err error) {
			if err != nil {
				e.svc.failed.Add(1)
				c.Abort(err)
				return
			}
			e.svc.opened.Add(1)
			c.Upgrade(in)
		},
	}
	e.attempt.start()
}

var errNotAdmitted = &link.StreamError{Code: wire.CodeRefused, Text: "the client may not use this service"}

// OnData is part of reactor.Handler.
func (e *entry) OnData(*reactor.Conn, []byte) int { return 0 }

// OnDrain is part of reactor.DrainHandler.
func (e *entry) OnDrain(*reactor.Conn) {}

// OnClose is part of reactor.Handler.
func (e *entry) OnClose(*reactor.Conn, error) {
	if e.attempt != nil {
		e.attempt.cancel()
	}
}

// forClient joins the stream of a client to one of an agent.
func (s *Server) forClient(p *peer, st *link.Stream, name string, kind wire.Kind, flags uint8) {
	refuse := func(code wire.Code, text string) {
		p.m.lock()
		st.Refuse(code, text)
		p.m.unlock()
	}
	v := s.lookup(name)
	if v == nil || v.Kind != kind && !(v.Kind == wire.KindHTTP && kind == wire.KindTCP) {
		refuse(wire.CodeNoService, "no such service")
		return
	}
	var client netip.Addr
	if ap, err := netip.ParseAddrPort(p.remote); err == nil {
		client = ap.Addr().Unmap()
	}
	if !v.admit(client) {
		refuse(wire.CodeRefused, "this client may not use the service, or there are too many")
		return
	}
	in, out := splice(&spliced{limit: v.limit, count: func(n, m int) {
		v.in.Add(uint64(n))
		v.out.Add(uint64(m))
	}})
	w := &waiting{closed: func() { v.leave(client) }}
	in.closed = w.closed
	in.reset = func(err error) {
		p.m.lock()
		st.Reset(link.CodeOf(err), textOf(err))
		p.m.unlock()
	}
	p.m.lock()
	var local net.Addr = Addr{kind, name}
	c, err := p.m.connect(st, nil, local, addrOf([]byte(p.remote), local), w)
	p.m.unlock()
	if err != nil {
		v.leave(client)
		return
	}
	c.Post(func() {
		w.attempt = &attempt{
			srv: s, svc: v, c: c, client: client, addr: []byte(p.remote), flags: flags,
			handler: out.of, wait: true,
			done: func(_ *peer, _ *reactor.Conn, err error) {
				if err != nil {
					v.failed.Add(1)
					refuse(link.CodeOf(err), textOf(err))
					c.Abort(err)
					return
				}
				v.opened.Add(1)
				p.m.lock()
				st.Accept()
				p.m.unlock()
				c.Upgrade(in)
			},
		}
		w.attempt.start()
	})
}

// textOf is what a peer is told of an error: what another peer said, as it said it.
func textOf(err error) string {
	var se *link.StreamError
	if errors.As(err, &se) {
		return se.Text
	}
	return err.Error()
}

// waiting is the handler of a client's stream until it is joined.
type waiting struct {
	attempt *attempt
	closed  func()
}

// OnOpen is part of reactor.Handler.
func (w *waiting) OnOpen(c *reactor.Conn) { c.Pause() }

// OnData is part of reactor.Handler.
func (w *waiting) OnData(*reactor.Conn, []byte) int { return 0 }

// OnDrain is part of reactor.DrainHandler.
func (w *waiting) OnDrain(*reactor.Conn) {}

// OnClose is part of reactor.Handler.
func (w *waiting) OnClose(*reactor.Conn, error) {
	w.closed()
	if w.attempt != nil {
		w.attempt.cancel()
	}
}
