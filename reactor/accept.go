package reactor

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/calandria-go/calandria/reactor/internal/poll"
)

const (
	// acceptRetry is how long a listener rests after the system ran out of descriptors or memory.
	acceptRetry = 100 * time.Millisecond
	// defaultAcceptBudget bounds the connections accepted in one turn.
	defaultAcceptBudget = 64
)

// ListenLimits is what a listener asks of the reactor that serves it.
type ListenLimits struct {
	// AcceptBudget bounds the connections accepted in one turn of the loop; 0: 64.
	AcceptBudget int
	// MaxConns bounds the open connections of this listener; 0 or negative: Config.MaxConns alone bounds them. At the
	// limit no more are accepted until one closes; a listener with several sockets may pass it by one for each.
	MaxConns int
	// MaxConnsPerIP bounds those of one IP address; 0 or negative: no such limit. One more is closed at once.
	MaxConnsPerIP int
	// Admit decides before anything is spent on a connection; nil admits all. It runs on the accepting loop and must not
	// block.
	Admit func(remote netip.AddrPort) bool
}

// LimitedListener is a net.Listener with limits of its own, such as transports/tcp's.
type LimitedListener interface {
	net.Listener
	// ListenLimits are asked for once, when the listener is given to a Reactor.
	ListenLimits() ListenLimits
}

// Listener is a net.Listener that a Reactor serves.
type Listener struct {
	reactor *Reactor
	proto   Protocol
	lns     []net.Listener
	limits  ListenLimits
	shards  []*acceptor
	count   atomic.Int64
	stopped atomic.Bool
	done    chan struct{}

	mu    sync.Mutex
	perIP map[netip.Addr]int
}

// acceptor is one socket of a Listener on its loop.
type acceptor struct {
	listener *Listener
	loop     *loop
	pa       poll.Acceptor
	resting  bool // until the timer
	full     bool // until a connection closes
	closed   bool
	retry    Timer
	lastLog  time.Duration
	warned   bool
}

// Listen serves ln without waiting: each connection gets a handler of p. A TCP or unix listener is polled by a duplicate of
// its descriptor, any other by a goroutine that accepts. One with several sockets (transports/tcp with ReusePort) has one
// on each loop. The listener belongs to the reactor now, and is closed by Listener.Close or Shutdown.
func (r *Reactor) Listen(ln net.Listener, p Protocol) (*Listener, error) {
	if r.err != nil {
		return nil, r.err
	}
	if poll.OnLoop() {
		return nil, ErrOnLoop
	}
	l := &Listener{reactor: r, proto: p, lns: []net.Listener{ln}, done: make(chan struct{}), perIP: map[netip.Addr]int{}}
	if s, ok := ln.(poll.Sharded); ok {
		l.lns = s.Shards()
	}
	if s, ok := ln.(LimitedListener); ok {
		l.limits = s.ListenLimits()
	}
	if l.limits.AcceptBudget <= 0 {
		l.limits.AcceptBudget = defaultAcceptBudget
	}
	r.mu.Lock()
	if r.draining() {
		r.mu.Unlock()
		l.stop()
		return nil, ErrShutdown
	}
	// Under the lock: whoever finds the listener finds all its sockets, and a stop is posted after their start.
	errs := l.start()
	r.listeners[l] = struct{}{}
	r.mu.Unlock()
	var err error
	for range l.shards {
		err = errors.Join(err, <-errs)
	}
	if err != nil {
		l.stop()
		return nil, fmt.Errorf("reactor: listen on %v: %w", ln.Addr(), err)
	}
	return l, nil
}

func (a *acceptor) timerLoop() *loop   { return a.loop }
func (a *acceptor) timerList() **Timer { return nil }
func (a *acceptor) ended() bool        { return false }
func (a *acceptor) turn(f func()) {
	a.loop.noisy = true
	a.loop.guardTask(f)
}

// start has every socket registered on its loop, and tells how each fared.
func (l *Listener) start() <-chan error {
	errs := make(chan error, len(l.lns))
	for i, ln := range l.lns {
		a := &acceptor{listener: l, loop: l.reactor.loops[i%len(l.reactor.loops)]}
		a.retry = Timer{owner: a, f: a.rested, slot: -1}
		l.shards = append(l.shards, a)
		a.loop.post(nil, func() {
			var err error
			if a.pa, err = a.loop.poll.Listen(ln, i, a); err == nil {
				err = a.pa.Enable(true)
			}
			errs <- err
		})
	}
	return errs
}

// Addr is the listener's address.
func (l *Listener) Addr() net.Addr { return l.lns[0].Addr() }

// Wait returns nil when the listener was closed or the reactor has shut down.
func (l *Listener) Wait() error {
	if poll.OnLoop() {
		return ErrOnLoop
	}
	<-l.done
	if l.reactor.draining() {
		<-l.reactor.done
	}
	return nil
}

// Conns is the number of its open connections.
func (l *Listener) Conns() int { return int(l.count.Load()) }

// Close stops accepting. Connections that were accepted go on.
func (l *Listener) Close() error {
	if poll.OnLoop() {
		return ErrOnLoop
	}
	l.stop()
	return nil
}

func (l *Listener) stop() {
	if l.stopped.Swap(true) {
		<-l.done
		return
	}
	var wg sync.WaitGroup
	for _, a := range l.shards {
		wg.Add(1)
		a.loop.post(nil, func() {
			defer wg.Done()
			a.closed = true
			a.retry.Stop()
			if a.pa != nil {
				a.pa.Close()
			}
		})
	}
	wg.Wait()
	for _, ln := range l.lns {
		ln.Close()
	}
	l.reactor.mu.Lock()
	delete(l.reactor.listeners, l)
	l.reactor.mu.Unlock()
	close(l.done)
}

// Acceptable is the poller's call: up to AcceptBudget connections.
func (a *acceptor) Acceptable() {
	l := a.listener
	for range l.limits.AcceptBudget {
		if a.closed || a.atLimit() {
			return
		}
		h, err := a.pa.Accept()
		switch {
		case err == nil:
			a.take(h)
		case err == poll.ErrAgain:
			l.reactor.unreserve()
			return
		default:
			l.reactor.unreserve()
			if !a.failed(err) {
				return
			}
		}
	}
}

// atLimit reserves a place for one connection, or has the socket detached until one is free.
func (a *acceptor) atLimit() bool {
	l, r := a.listener, a.listener.reactor
	if l.hasRoom() && r.reserve() {
		return false
	}
	a.full = true
	r.full.Store(true)
	a.loop.stats.Full++
	a.loop.post(nil, a.update)
	return true
}

// hasRoom says whether one more connection could be accepted.
func (l *Listener) hasRoom() bool {
	r, lim := l.reactor, l.limits.MaxConns
	return (lim <= 0 || l.count.Load() < int64(lim)) && r.open.Load() < int64(r.cfg.MaxConns)
}

// take admits a connection and posts it to its loop.
func (a *acceptor) take(h poll.Handle) {
	l, r := a.listener, a.listener.reactor
	a.loop.stats.Accepted++
	if r.overMemory() || !l.admits(h.Remote) || !l.joined(h.Remote.Addr()) {
		a.loop.stats.Refused++
		h.Close()
		r.unreserve()
		return
	}
	k := r.place()
	c := r.newConn(k)
	c.acceptor, c.remote = a, h.Remote
	c.loop.conns.Add(1)
	c.loop.post(nil, func() { c.attach(h) })
}

// admits asks Admit. One that panics admits nobody: it must not end the loop.
func (l *Listener) admits(remote netip.AddrPort) (ok bool) {
	if l.limits.Admit == nil {
		return true
	}
	defer func() {
		if v := recover(); v != nil {
			ok = false
			l.reactor.cfg.Logger.Error("reactor: Admit panicked", "value", fmt.Sprint(v), "stack", string(debug.Stack()))
		}
	}()
	return l.limits.Admit(remote)
}

// attach runs on the owning loop at the end of a batch: NewHandler, OnOpen, then the registration.
func (c *Conn) attach(h poll.Handle) {
	src, err := c.loop.poll.Attach(h, (*sink)(c))
	if err != nil {
		h.Close()
		c.reactor.release(c)
		return
	}
	c.src = src
	c.open(func() Handler { return c.acceptor.listener.proto.NewHandler(c) })
}

// joined counts a connection for its address; false at MaxConnsPerIP.
func (l *Listener) joined(ip netip.Addr) bool {
	if lim := l.limits.MaxConnsPerIP; lim > 0 && ip.IsValid() {
		l.mu.Lock()
		defer l.mu.Unlock()
		if l.perIP[ip] >= lim {
			return false
		}
		l.perIP[ip]++
	}
	l.count.Add(1)
	return true
}

// left ends what joined counted. The address is the one that was accepted, whatever a proxy said later.
func (l *Listener) left(c *Conn) {
	l.count.Add(-1)
	ip := c.remote.Addr()
	if l.limits.MaxConnsPerIP <= 0 || !ip.IsValid() {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.perIP[ip]--; l.perIP[ip] <= 0 {
		delete(l.perIP, ip)
	}
}

// failed handles an error of accept; true to go on.
func (a *acceptor) failed(err error) bool {
	switch {
	case errors.Is(err, net.ErrClosed):
		return false
	case errors.Is(err, syscall.ECONNABORTED), errors.Is(err, errProto), errors.Is(err, syscall.EINTR):
		return true // that connection is gone; the next one is as good as any
	}
	a.loop.stats.AcceptErrors++
	a.report(err)
	if errors.Is(err, syscall.EMFILE) {
		for range a.listener.limits.AcceptBudget {
			if !a.pa.Shed() {
				break
			}
			a.loop.stats.Shed++
		}
	}
	a.resting = true
	a.loop.post(nil, a.update)
	a.loop.startRetry(&a.retry)
	return false
}

// report logs at most one line a second.
func (a *acceptor) report(err error) {
	now := a.loop.clock()
	if a.warned && now-a.lastLog < time.Second {
		return
	}
	a.warned, a.lastLog = true, now
	a.listener.reactor.cfg.Logger.Warn("reactor: accept failed", "addr", a.listener.Addr(), "err", err,
		"open", a.listener.reactor.open.Load())
}

// rested ends the pause after a failure.
func (a *acceptor) rested() {
	a.resting = false
	a.loop.post(nil, a.update)
}

// update brings the registration in line. In BatchEnd only.
func (a *acceptor) update() {
	if a.closed || a.pa == nil {
		return
	}
	if a.full {
		a.listener.reactor.full.Store(true)
		a.full = !a.listener.hasRoom() // one may have closed before the flag that would have woken us was set
	}
	if err := a.pa.Enable(!a.resting && !a.full); err != nil {
		a.report(err)
		a.resting = true
		a.loop.startRetry(&a.retry)
	}
}

// startRetry starts a listener's timer, unless it runs.
func (l *loop) startRetry(t *Timer) {
	if t.slot < 0 {
		l.startTimer(t, acceptRetry)
	}
}

// wakeListeners lets those go on that were at a limit.
func (r *Reactor) wakeListeners() {
	r.full.Store(false)
	r.mu.Lock()
	defer r.mu.Unlock()
	for l := range r.listeners {
		for _, a := range l.shards {
			a.loop.post(nil, func() {
				if a.full {
					a.update()
				}
			})
		}
	}
}
