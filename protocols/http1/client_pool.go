package http1

import (
	"context"
	"sync"
	"time"

	"github.com/calandria-go/calandria/reactor"
)

// poolKey is what a connection can be used for.
type poolKey struct {
	scheme string // http, https or unix
	host   string // the URL's, or the socket's path
	proxy  string // the proxy's URL; empty without one
}

// clientPool keeps a Client's connections by host. A host is forgotten with its last connection.
type clientPool struct {
	cl     *Client
	mu     sync.Mutex
	hosts  map[poolKey]*hostPool
	idle   int
	closed bool
}

// hostPool is a host's. Guarded by the pool's mutex.
type hostPool struct {
	key     poolKey
	open    int // connections, those that are being dialed included
	all     map[*ClientConn]struct{}
	idle    []*ClientConn // the one that was used last is last, and used first
	waiting []*poolWait   // oldest first
}

// poolEntry is what a pool knows of a connection.
type poolEntry struct {
	host  *hostPool
	at    int           // its place in host.idle + 1; 0: it is not there. Guarded by the pool's mutex
	since time.Duration // loop only: when it became idle
	timer reactor.Timer
	armed bool
}

// poolWait is a request that waits for a connection.
type poolWait struct {
	w     *sleeper
	cc    *ClientConn // what it got; nil with done: it may dial
	share bool        // one with requests on their way will do
	done  bool
	err   error
}

func (p *clientPool) init(cl *Client) { p.cl, p.hosts = cl, map[poolKey]*hostPool{} }

// get gives a connection, or has the caller dial one: then cc is nil, and the host's count has room for it already. A fresh
// one was not used before; a shared one may have requests on their way.
func (p *clientPool) get(ctx context.Context, key poolKey, fresh, share bool) (cc *ClientConn, h *hostPool, err error) {
	p.mu.Lock()
	if p.closed {
		p.mu.Unlock()
		return nil, nil, ErrClientClosed
	}
	h = p.hosts[key]
	if h == nil {
		h = &hostPool{key: key, all: map[*ClientConn]struct{}{}}
		p.hosts[key] = h
	}
	if n := len(h.idle); n > 0 {
		cc = h.idle[n-1]
		p.takeLocked(cc)
		if !fresh {
			p.mu.Unlock()
			return cc, h, nil
		}
		cc.Close() // its place is for a new one
	}
	if h.open < p.cl.set.conns {
		h.open++
		p.mu.Unlock()
		return nil, h, nil
	}
	if share {
		if cc = h.leastLoaded(); cc != nil {
			p.mu.Unlock()
			return cc, h, nil
		}
	}
	wait := &poolWait{w: p.cl.sleeper(), share: share}
	h.waiting = append(h.waiting, wait)
	p.mu.Unlock()
	err = wait.w.wait(ctx.Done(), p.cl.set.wait)
	p.mu.Lock()
	if !wait.done { // nobody has it any more, or will
		h.forget(wait)
		p.dropLocked(h)
	} else {
		err = nil
	}
	p.mu.Unlock()
	p.cl.done(wait.w)
	switch err {
	case nil:
		return wait.cc, h, wait.err
	case errExpired:
		return nil, nil, ErrPoolTimeout
	}
	return nil, nil, ctx.Err()
}

// leastLoaded is the connection with the fewest requests on their way that can take one more.
func (h *hostPool) leastLoaded() *ClientConn {
	var best *ClientConn
	least := 0
	for cc := range h.all {
		if n, ok := cc.load(); ok && (best == nil || n < least) {
			best, least = cc, n
		}
	}
	return best
}

func (h *hostPool) forget(wait *poolWait) {
	for i, w := range h.waiting {
		if w == wait {
			h.waiting = append(h.waiting[:i], h.waiting[i+1:]...)
			return
		}
	}
}

// takeLocked takes a connection out of the idle ones.
func (p *clientPool) takeLocked(cc *ClientConn) {
	h := cc.pool.host
	last := len(h.idle) - 1
	i := cc.pool.at - 1
	if i != last {
		h.idle[i] = h.idle[last]
		h.idle[i].pool.at = i + 1
	}
	h.idle[last] = nil
	h.idle = h.idle[:last]
	cc.pool.at = 0
	p.idle--
}

// nextLocked gives a connection, or without one the permission to dial, to who has waited longest; false if nobody waits.
func (h *hostPool) nextLocked(cc *ClientConn, err error) bool {
	if len(h.waiting) == 0 {
		return false
	}
	wait := h.waiting[0]
	h.waiting = h.waiting[1:]
	wait.cc, wait.done, wait.err = cc, true, err
	wait.w.wake()
	return true
}

// dropLocked forgets a host without connections.
func (p *clientPool) dropLocked(h *hostPool) {
	if h.open == 0 && len(h.waiting) == 0 && p.hosts[h.key] == h {
		delete(p.hosts, h.key)
	}
}

// left ends a connection's place, or one that was to be dialed: whoever waits may dial.
func (p *clientPool) left(h *hostPool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !h.nextLocked(nil, nil) {
		h.open--
		p.dropLocked(h)
	}
}

// opened enters a connection that was dialed; false if the client was closed meanwhile.
func (p *clientPool) opened(h *hostPool, cc *ClientConn) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if cc.pool.host == nil { // it is over already, and has left
		return true
	}
	h.all[cc] = struct{}{}
	for n := 1; n < p.cl.set.pipeline && len(h.waiting) > 0 && h.waiting[0].share; n++ {
		h.nextLocked(cc, nil)
	}
	return !p.closed
}

// released is the loop's call for a connection that can take another request.
func (p *clientPool) released(cc *ClientConn) {
	set := &p.cl.set
	p.mu.Lock()
	h := cc.pool.host
	keep := false
	switch {
	case h.nextLocked(cc, nil):
		p.mu.Unlock()
		cc.c.WokeGoroutine()
		return
	case len(h.idle) < set.idleHost && p.idle < set.idle && !p.closed:
		keep = true
		h.idle = append(h.idle, cc)
		cc.pool.at = len(h.idle)
		p.idle++
	}
	p.mu.Unlock()
	if !keep {
		cc.end(nil)
		return
	}
	if set.idleFor != forever {
		cc.pool.since = cc.c.Elapsed()
		if !cc.pool.armed {
			cc.c.InitTimer(&cc.pool.timer, func() { p.expire(cc) })
			cc.pool.armed = true
			cc.pool.timer.Reset(set.idleFor)
		}
	}
}

// expire is the idle timer's: it is set once and looks at what has happened since. Loop only.
func (p *clientPool) expire(cc *ClientConn) {
	left := cc.pool.since + p.cl.set.idleFor - cc.c.Elapsed()
	p.mu.Lock()
	idle := cc.pool.at > 0
	if idle && left <= 0 {
		p.takeLocked(cc)
	}
	p.mu.Unlock()
	switch {
	case !idle:
		cc.pool.armed = false
	case left > 0:
		cc.pool.timer.Reset(left)
	default:
		cc.end(nil)
	}
}

// over is the loop's call for a connection that takes no more requests.
func (p *clientPool) over(cc *ClientConn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if cc.pool.at > 0 {
		p.takeLocked(cc)
	}
}

// gone is the loop's call for one that has closed, whoever had it last: its place is free.
func (p *clientPool) gone(cc *ClientConn) {
	p.mu.Lock()
	h := cc.pool.host
	cc.pool.host = nil
	delete(h.all, cc)
	p.mu.Unlock()
	p.left(h)
}

func (p *clientPool) closeIdle() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, h := range p.hosts {
		for len(h.idle) > 0 {
			cc := h.idle[len(h.idle)-1]
			p.takeLocked(cc)
			cc.Close()
		}
	}
}

func (p *clientPool) close() {
	p.closeIdle()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closed = true
	for _, h := range p.hosts {
		for cc := range h.all {
			cc.Close()
		}
		for h.nextLocked(nil, ErrClientClosed) {
			continue
		}
	}
}

func (p *clientPool) stats() (s ClientStats) {
	p.mu.Lock()
	defer p.mu.Unlock()
	s.Hosts, s.Idle = len(p.hosts), p.idle
	for _, h := range p.hosts {
		s.Open += h.open
		s.Waiting += len(h.waiting)
	}
	return s
}
