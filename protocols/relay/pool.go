package relay

import (
	"time"

	"github.com/calandria-go/calandria/protocols/http1"
	"github.com/calandria-go/calandria/reactor"
)

const (
	// maxIdle bounds the idle connections to one service on one loop, and idleFor how long each is kept: longer would keep a
	// draining agent from its end.
	maxIdle = 64
	idleFor = 15 * time.Second
)

// upstream is a connection to an HTTP service. Loop only.
type upstream struct {
	srv   *Server
	svc   *service
	peer  *peer
	cc    *http1.ClientConn
	timer reactor.Timer
	ready bool // the timer is
	idle  bool
}

// poolKey finds the idle connections of a service on a loop.
type poolKey struct{ svc *service }

// pool is the idle connections, the latest last.
type pool struct{ idle []*upstream }

func (v *service) pool(c *reactor.Conn) *pool {
	return c.LoopLocal(poolKey{v}, func() any { return &pool{} }).(*pool)
}

// of makes the connection for an agent's stream.
func (u *upstream) of(p *peer) reactor.Handler {
	u.peer = p
	u.cc = &http1.ClientConn{
		OnIdle: func(*http1.ClientConn) { u.release() },
		OnOver: func(*http1.ClientConn) { u.take() },
		OnGone: func(*http1.ClientConn) { p.load.Add(-1) },
	}
	return u.cc
}

// release keeps the connection for another request, if it is worth that.
func (u *upstream) release() {
	c := u.cc.Conn()
	if c == nil {
		return
	}
	p := u.svc.pool(c)
	if u.idle || u.peer.state.Load() != peerUp || len(p.idle) >= maxIdle || u.srv.Reactor.Draining() {
		if !u.idle {
			c.Close()
		}
		return
	}
	if !u.ready {
		u.ready = true
		c.InitTimer(&u.timer, func() {
			u.take()
			c.Close()
		})
	}
	u.timer.Reset(idleFor)
	u.idle = true
	p.idle = append(p.idle, u)
}

// take gets it out of the pool.
func (u *upstream) take() {
	if !u.idle {
		return
	}
	u.idle = false
	u.timer.Stop()
	p := u.svc.pool(u.cc.Conn())
	for i := len(p.idle) - 1; i >= 0; i-- {
		if p.idle[i] == u {
			p.idle = append(p.idle[:i], p.idle[i+1:]...)
			return
		}
	}
}

// idle gives an idle connection on the loop of c, or nil. With several agents each stays with its turn: the connection used is that
// of the agent which would be chosen now, if it has one.
func (s *Server) idle(v *service, c *reactor.Conn) *upstream {
	p := v.pool(c)
	if len(p.idle) == 0 {
		return nil
	}
	want, more := v.pick(c.RemoteAddrPort().Addr().Unmap(), nil)
	for i := len(p.idle) - 1; i >= 0; i-- {
		u := p.idle[i]
		if u.peer.state.Load() != peerUp {
			u.take()
			u.cc.Conn().Close()
			i = min(i, len(p.idle))
			continue
		}
		if !more || u.peer == want {
			u.take()
			return u
		}
	}
	return nil
}
