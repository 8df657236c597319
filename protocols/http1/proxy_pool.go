package http1

import (
	"context"
	"net"
	"time"

	"github.com/calandria-go/calandria/reactor"
	ctls "github.com/calandria-go/calandria/transports/tls"
)

// proxyLoop is what a Proxy has on one loop. Connections to upstreams never leave it, so nothing here is locked.
type proxyLoop struct {
	idle    [][]*ClientConn // by upstream; the one that was used last is last
	waiting [][]*proxyCall  // oldest first
	open    []int           // connections and dials, by upstream
	queued  int
}

func (l *proxyLoop) grow(n int) {
	if l.idle == nil {
		l.idle, l.waiting, l.open = make([][]*ClientConn, n), make([][]*proxyCall, n), make([]int, n)
	}
}

// connect gives the call a connection to its upstream: an idle one, a new one, or the next that becomes free.
func (pc *proxyCall) connect() {
	l, u, p := pc.loop, pc.up, pc.p
	l.grow(len(p.ups))
	if idle := l.idle[u.at]; len(idle) > 0 {
		cc := idle[len(idle)-1]
		l.idle[u.at] = idle[:len(idle)-1]
		pc.reused = true
		pc.send(cc)
		return
	}
	addr := u.address(pc.x.s.c.Now())
	if addr == nil {
		pc.resolveFirst()
		return
	}
	if u.conns.Add(1) <= p.set.conns || l.open[u.at] == 0 { // a loop without any could wait for ever
		l.open[u.at]++
		pc.dialAddr(addr)
		return
	}
	u.conns.Add(-1)
	if l.queued >= p.set.queued {
		pc.refuse(503, nil)
		return
	}
	l.queued++
	pc.queued = true
	l.waiting[u.at] = append(l.waiting[u.at], pc)
	pc.setDeadline(p.set.wait)
}

// unqueue takes a call out of the queue.
func (pc *proxyCall) unqueue() {
	if !pc.queued {
		return
	}
	pc.queued = false
	pc.deadline = 0
	pc.loop.queued--
	all := pc.loop.waiting[pc.up.at]
	for i, other := range all {
		if other == pc {
			pc.loop.waiting[pc.up.at] = append(all[:i], all[i+1:]...)
			return
		}
	}
}

// address is where the upstream is; nil if its name has to be resolved first.
func (u *upstream) address(now time.Time) net.Addr {
	a := u.addr.Load()
	if a == nil || u.name != "" && now.Sub(a.known) >= resolveEvery {
		return nil
	}
	return a.addr
}

// resolveFirst has a worker look the name up, and goes on then. Nothing is held meanwhile.
func (pc *proxyCall) resolveFirst() {
	u, c, wait := pc.up, pc.x.s.c, pc.p.set.dial
	pc.x.detach()
	err := c.Offload(func() {
		err := u.resolve(wait)
		c.Post(func() {
			switch {
			case pc.over:
			case err != nil:
				pc.goOn(err)
			default:
				pc.connect()
			}
		})
	})
	if err != nil {
		pc.goOn(err)
	}
}

// resolve looks an upstream's name up; an old address is better than none. On a worker.
func (u *upstream) resolve(wait time.Duration) error {
	ctx := context.Background()
	if wait != forever {
		limited, cancel := context.WithTimeout(ctx, wait)
		defer cancel()
		ctx = limited
	}
	host, port, err := net.SplitHostPort(u.name)
	if err != nil {
		return err
	}
	number, err := net.DefaultResolver.LookupPort(ctx, "tcp", port)
	if err != nil {
		return err
	}
	ips, err := net.DefaultResolver.LookupNetIP(ctx, "ip", host)
	switch old := u.addr.Load(); {
	case err == nil && len(ips) > 0:
		u.addr.Store(&upstreamAddr{&net.TCPAddr{IP: ips[0].Unmap().AsSlice(), Port: number}, time.Now()})
	case old == nil:
		return err
	default:
		u.addr.Store(&upstreamAddr{old.addr, time.Now()})
	}
	return nil
}

// dialAddr connects, and shakes hands if the upstream is secure. The connection is the loop's even if the call has ended by
// then.
func (pc *proxyCall) dialAddr(addr net.Addr) {
	p, u, l, c := pc.p, pc.up, pc.loop, pc.x.s.c
	cc := &ClientConn{Limits: &p.set.wire}
	cc.OnIdle = func(cc *ClientConn) { p.free(l, u, cc) }
	cc.OnOver = func(cc *ClientConn) { l.drop(u, cc) }
	var h reactor.Handler = &dialedConn{cc, func() {
		if pc.over {
			p.free(l, u, cc)
		} else {
			pc.send(cc)
		}
	}}
	if u.secure {
		cfg := p.set.tls
		if cfg.ServerName == "" {
			cfg = cfg.Clone()
			cfg.ServerName, _, _ = net.SplitHostPort(hostPort("https", u.host))
		}
		h = (&ctls.Client{Config: cfg, HandshakeTimeout: orNever(p.set.dial)}).Handler(h, func(_ *reactor.Conn, err error) {
			if err != nil {
				pc.goOn(err)
			}
		})
	}
	c.Reactor().DialFunc(addr, reactor.DialOptions{Near: c, Timeout: orNever(p.set.dial)}, h, func(up *reactor.Conn, err error) {
		if err != nil {
			pc.dialFailed(err)
			return
		}
		up.AfterClose(func() { p.gone(l, u) })
	})
}

// dialedConn is a connection's first handler.
type dialedConn struct {
	*ClientConn
	then func()
}

// OnOpen is part of reactor.Handler.
func (d *dialedConn) OnOpen(c *reactor.Conn) {
	c.Upgrade(d.ClientConn)
	d.then()
}

// dialFailed gives the connection's place back and goes on elsewhere.
func (pc *proxyCall) dialFailed(err error) {
	pc.p.gone(pc.loop, pc.up)
	pc.goOn(err)
}

// goOn tries another upstream, if the call has not ended.
func (pc *proxyCall) goOn(err error) {
	if !pc.over {
		pc.p.failed(pc.up, err, pc.x.s.c.Now())
		pc.again(err, false)
	}
}

// free takes a connection that can be used again: for who waits longest, or to be kept.
func (p *Proxy) free(l *proxyLoop, u *upstream, cc *ClientConn) {
	if all := l.waiting[u.at]; len(all) > 0 {
		pc := all[0]
		pc.unqueue()
		pc.reused = true
		pc.send(cc)
		return
	}
	if len(l.idle[u.at]) >= p.set.idle {
		cc.end(nil)
		return
	}
	l.idle[u.at] = append(l.idle[u.at], cc)
	if p.set.idleFor == forever {
		return
	}
	cc.pool.since = cc.c.Elapsed()
	if !cc.pool.armed {
		cc.pool.armed = true
		cc.c.InitTimer(&cc.pool.timer, func() { p.idleExpired(cc) })
		cc.pool.timer.Reset(p.set.idleFor)
	}
}

func (p *Proxy) idleExpired(cc *ClientConn) {
	if left := cc.pool.since + p.set.idleFor - cc.c.Elapsed(); !cc.Idle() || left > 0 {
		cc.pool.timer.Reset(max(left, time.Second))
		return
	}
	cc.end(nil)
}

// drop takes a connection out of the idle ones.
func (l *proxyLoop) drop(u *upstream, cc *ClientConn) {
	for i, other := range l.idle[u.at] {
		if other == cc {
			l.idle[u.at] = append(l.idle[u.at][:i], l.idle[u.at][i+1:]...)
			return
		}
	}
}

// gone ends a connection's place: who waits longest on this loop may dial.
func (p *Proxy) gone(l *proxyLoop, u *upstream) {
	u.conns.Add(-1)
	l.open[u.at]--
	if all := l.waiting[u.at]; len(all) > 0 {
		pc := all[0]
		pc.unqueue()
		pc.connect()
	}
}
