package reactor

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"runtime/debug"
	"sync/atomic"
	"time"

	"github.com/calandria-go/calandria/reactor/internal/poll"
)

type endState uint8

const (
	endOpening endState = iota
	endOpen
	endClosed
)

// recvErrors is how many failures to receive in a row end an endpoint.
const recvErrors = 100

// Endpoint is one datagram socket on a loop. Post, Close, CloseWith, Offload, ID, LoopIndex, Reactor and WokeGoroutine are
// safe from any goroutine; the rest may be called on its loop only: in its handler's methods, its timers, its posted
// functions, and in those of others on the same loop.
type Endpoint struct {
	loop       *loop
	reactor    *Reactor
	src        poll.PacketSource
	handler    PacketHandler
	next, prev *Endpoint
	timers     *Timer
	unsent     *unsent // nil: the socket takes everything
	id         uint64
	budget     int
	maxUnsent  int
	stats      EndpointStats
	member     int32
	recvFailed int32
	state      endState
	caps       uint8
	segment    int32 // the largest datagrams of which several may go at once; 0: none
	due        bool  // OnSendError is on its way
	closing    atomic.Bool
	closeErr   error // written by whoever set closing
}

// EndpointStats are the counters of one endpoint.
type EndpointStats struct {
	In, BytesIn   uint64 // datagrams that came
	Out, BytesOut uint64 // that the system took
	Dropped       uint64 // that were not sent: too many waited, or the endpoint was closed
	Errors        uint64 // that the system refused
}

// ID is unique in the process, among Conns too. For logs.
func (e *Endpoint) ID() uint64 { return e.id }

// Reactor is the reactor that the endpoint belongs to.
func (e *Endpoint) Reactor() *Reactor { return e.reactor }

// LoopIndex is the number of its loop, from 0.
func (e *Endpoint) LoopIndex() int { return e.loop.index }

// Now is the time at which the running hook began. It hardly costs anything. Loop only.
func (e *Endpoint) Now() time.Time { return e.loop.now() }

// Elapsed is the time since the loop began, by the monotonic clock, as of the end of the last hook. Loop only.
func (e *Endpoint) Elapsed() time.Duration { return e.loop.mark }

// Clock is Elapsed read now. It costs a reading of the clock, some 30 ns. Any goroutine.
func (e *Endpoint) Clock() time.Duration { return e.loop.clock() }

// Stats gives the counters. Loop only.
func (e *Endpoint) Stats() EndpointStats { return e.stats }

// LocalAddr is the address that the socket is bound to, a *net.UDPAddr; it asks the kernel each time. nil before OnOpen and
// after OnClose. Loop only.
func (e *Endpoint) LocalAddr() net.Addr {
	if e.state != endOpen {
		return nil
	}
	return e.src.LocalAddr()
}

// LoopLocal gives the value that mk made for key on this loop. Loop only.
func (e *Endpoint) LoopLocal(key any, mk func() any) any {
	v, ok := e.loop.locals[key]
	if !ok {
		v = mk()
		e.loop.locals[key] = v
	}
	return v
}

// AfterFunc calls f on the loop when d has passed, as Conn.AfterFunc does. The timer ends with the endpoint. Loop only.
func (e *Endpoint) AfterFunc(d time.Duration, f func()) *Timer {
	t := &Timer{}
	e.InitTimer(t, f)
	t.Reset(d)
	return t
}

// InitTimer prepares a Timer that is part of a handler's own state, stopped. Loop only.
func (e *Endpoint) InitTimer(t *Timer, f func()) {
	*t = Timer{owner: e, f: f, slot: -1}
}

func (e *Endpoint) timerLoop() *loop   { return e.loop }
func (e *Endpoint) timerList() **Timer { return &e.timers }
func (e *Endpoint) ended() bool        { return e.state == endClosed }

// Post runs f on the loop, soon; false, and never, if the endpoint has been closed; true does not promise that it runs, as
// the endpoint may be closed first. Posts of one goroutine keep their order. Any goroutine.
func (e *Endpoint) Post(f func()) bool {
	if e.closing.Load() {
		return false
	}
	e.loop.queue(task{e: e, f: f})
	return true
}

// posted runs a posted function.
func (e *Endpoint) posted(f func()) {
	if e.state == endClosed {
		return
	}
	e.loop.stats.Posts++
	e.turn(f)
}

// Offload runs f, which may block, on a worker goroutine, as Conn.Offload does. A panic in f is logged and counted, and
// closes nothing. Any goroutine.
func (e *Endpoint) Offload(f func()) error {
	return e.reactor.workers.run(e.loop, job{e: e, f: f})
}

// WokeGoroutine tells the loop that this turn made a goroutine runnable. It matters more than for a Conn: a loop that only
// handles datagrams yields once in a millisecond, unless it is told. Any goroutine.
func (e *Endpoint) WokeGoroutine() { e.loop.kick() }

// Close is CloseWith(nil).
func (e *Endpoint) Close() error {
	e.CloseWith(nil)
	return nil
}

// CloseWith ends the endpoint soon, with err for OnClose; the first call decides. What this turn has sent still leaves;
// datagrams that wait for the socket are dropped. Any goroutine.
func (e *Endpoint) CloseWith(err error) {
	if e.closing.Swap(true) {
		return
	}
	e.closeErr = err
	e.loop.post(nil, e.finish)
}

func (e *Endpoint) fail(err error) { e.CloseWith(err) }

// finish is the end, at the end of a batch.
func (e *Endpoint) finish() {
	if e.state == endClosed {
		return
	}
	e.loop.out.flush()
	for e.timers != nil {
		e.timers.Stop()
	}
	if e.unsent != nil {
		e.drop(uint64(len(e.unsent.ds)))
		e.unsent = nil
	}
	e.loop.enterEnd(e)
	e.guard(func() { e.handler.OnClose(e, e.closeErr) })
	e.loop.out.flush()
	e.loop.leaveEnd(e)
	e.state = endClosed
	if e.src != nil {
		e.src.Close()
	}
	e.reactor.untrackEndpoint(e)
	e.loop.ends.Add(-1)
	e.reactor.unreserve()
}

// drain tells the handler of a Shutdown.
func (e *Endpoint) drain() {
	if e.caps&packetDrain != 0 && e.state == endOpen {
		e.handler.(PacketDrainHandler).OnDrain(e)
		return
	}
	e.CloseWith(ErrShutdown)
}

// turn runs f as one hook: framed for the watchdog, panics contained, and what f sent flushed at its end.
func (e *Endpoint) turn(f func()) {
	e.loop.enterEnd(e)
	e.guard(f)
	e.loop.out.flush()
	e.loop.leaveEnd(e)
}

func (e *Endpoint) guard(f func()) {
	defer e.catch()
	f()
}

func (e *Endpoint) catch() {
	if v := recover(); v != nil {
		e.loop.stats.Panics++
		e.panicked("handler", v)
	}
}

func (e *Endpoint) panicked(what string, v any) {
	e.reactor.cfg.Logger.Error("reactor: "+what+" of an endpoint panicked",
		"value", fmt.Sprint(v), "handler", fmt.Sprintf("%T", e.handler), "endpoint", e.id, "stack", string(debug.Stack()))
}

// packetSink is an Endpoint as the poller sees it.
type packetSink Endpoint

func (s *packetSink) Readable() { (*Endpoint)(s).readable() }
func (s *packetSink) Writable() {
	e := (*Endpoint)(s)
	e.turn(e.writable)
}
func (s *packetSink) Broken(err error) { (*Endpoint)(s).fail(err) }
func (s *packetSink) SendFailed(to netip.AddrPort, err error) {
	e := (*Endpoint)(s)
	e.stats.Out--
	e.loop.stats.PacketsOut--
	e.sendError(to, err)
}

// readable is the poller's call: at most the budget of datagrams.
func (e *Endpoint) readable() {
	l := e.loop
	l.enterEnd(e)
	for left := e.budget; left > 0 && !e.closing.Load(); {
		ds, err := e.src.Recv(left)
		if err != nil {
			e.recvError(err)
			break
		}
		e.recvFailed = 0
		l.stats.Reads++
		for i := range ds {
			e.received(&ds[i])
		}
		if left -= len(ds); len(ds) < min(left+len(ds), packetBatch) {
			break // that was all
		}
	}
	l.out.flush()
	l.leaveEnd(e)
}

// packetBatch is how many datagrams one system call receives.
const packetBatch = 16

func (e *Endpoint) recvError(err error) {
	if err == poll.ErrAgain {
		return
	}
	if e.recvFailed++; e.recvFailed >= recvErrors || errors.Is(err, net.ErrClosed) {
		e.fail(err)
	}
}

// received delivers what one message holds: a datagram, or several that the kernel has put together.
func (e *Endpoint) received(d *poll.Datagram) {
	p := &e.loop.packet
	*p = Packet{Peer: d.Peer, Local: d.Local, Interface: d.Interface, Truncated: d.Truncated, Broadcast: d.Broadcast}
	for data := d.Data; ; {
		p.Data = data
		if d.Segment > 0 && len(data) > d.Segment {
			p.Data = data[:d.Segment:d.Segment]
		}
		data = data[len(p.Data):]
		n := uint64(len(p.Data))
		e.stats.In++
		e.stats.BytesIn += n
		e.loop.stats.PacketsIn++
		e.loop.stats.BytesRead += n
		e.deliver(p)
		if len(data) == 0 || e.closing.Load() {
			break
		}
	}
	if e.loop.poison {
		poisonBytes(d.Data)
	}
}

func (e *Endpoint) deliver(p *Packet) {
	defer e.catch()
	e.handler.OnPacket(e, p)
}

// enterEnd and leaveEnd are enter and leave for endpoints.
func (l *loop) enterEnd(e *Endpoint) { l.curEnd.Store(e) }

func (l *loop) leaveEnd(e *Endpoint) {
	now := l.clock()
	took := now - l.mark
	l.mark = now
	if limit := e.reactor.cfg.StallAfter; limit > 0 && took > limit {
		l.stats.Stalls++
		l.stats.LongestStall = max(l.stats.LongestStall, took)
		e.reactor.cfg.Logger.Warn("reactor: handler held its loop",
			"loop", l.index, "took", took, "handler", fmt.Sprintf("%T", e.handler), "endpoint", e.id)
	}
	l.curEnd.Store(nil)
}
