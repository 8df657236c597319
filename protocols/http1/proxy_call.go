package http1

import (
	"errors"
	"net/http"
	"os"
	"time"

	"github.com/calandria-go/calandria/protocols/http1/wire"
	"github.com/calandria-go/calandria/reactor"
)

// proxyCall is one request on its way through a Proxy. All of it happens on one loop.
type proxyCall struct {
	p    *Proxy
	x    *Exchange
	loop *proxyLoop
	up   *upstream
	call Call
	q    ClientRequest

	tries     int
	reused    bool
	queued    bool
	sent      bool // the request is with an upstream
	streaming bool // its body is being passed on
	paused    bool // the response is, for the client's sake
	answered  bool // the response's head was passed on
	over      bool

	timer    reactor.Timer
	deadline time.Duration // by Conn.Elapsed; 0: none
	armed    bool
}

// begin starts with an upstream.
func (pc *proxyCall) begin() {
	x := pc.x
	x.OnCancel(func(_ *Exchange, err error) { pc.lost(err) })
	if err := pc.render(); err != nil {
		pc.refuse(http.StatusBadRequest, err)
		return
	}
	pc.next(nil)
}

// next chooses an upstream.
func (pc *proxyCall) next(avoid *upstream) {
	pc.up = pc.p.pick(avoid, pc.x.s.c.Now())
	if pc.up == nil {
		pc.refuse(http.StatusServiceUnavailable, nil)
		return
	}
	pc.up.active.Add(1)
	pc.q.Target = pc.target()
	pc.q.Host = pc.up.host
	if !pc.p.UpstreamHost && pc.x.req.Minor() > 0 {
		pc.q.Host = string(pc.x.req.Authority())
	}
	pc.reused = false
	pc.connect()
}

// leave counts the call out of its upstream.
func (pc *proxyCall) leave() {
	if pc.up != nil {
		pc.up.active.Add(-1)
		pc.up = nil
	}
}

// send sends the request on a connection.
func (pc *proxyCall) send(cc *ClientConn) {
	pc.deadline = 0
	x := pc.x
	if err := cc.Send(&pc.call, &pc.q, nil, pc); err != nil {
		if errors.Is(err, ErrConnOver) || errors.Is(err, ErrConnBusy) { // it has just ended
			pc.connect()
			return
		}
		pc.p.free(pc.loop, pc.up, cc)
		pc.refuse(http.StatusBadRequest, err)
		return
	}
	pc.sent = true
	switch {
	case pc.q.Length == 0:
		pc.setDeadline(pc.p.set.head)
	case !x.req.Expect100():
		pc.stream()
	default:
		pc.setDeadline(pc.p.set.head)
	}
}

// stream passes the request's body on.
func (pc *proxyCall) stream() {
	if pc.streaming {
		return
	}
	pc.streaming = true
	pc.deadline = 0
	pc.x.StreamBody(func(x *Exchange, piece []byte, last bool) {
		if len(piece) > 0 {
			full, err := pc.call.Write(piece)
			switch {
			case err != nil:
				return // OnDone has told, or will
			case full && !last:
				x.PauseBody()
			}
		}
		if last {
			pc.call.Finish(x.Trailers())
			pc.setDeadline(pc.p.set.head)
		}
	})
}

// OnWritable is part of CallHandler: the upstream takes more of the body.
func (pc *proxyCall) OnWritable(*Call) {
	if !pc.over {
		pc.x.ResumeBody()
	}
}

// OnInform is part of CallHandler.
func (pc *proxyCall) OnInform(_ *Call, r *wire.Response) {
	switch {
	case pc.over:
	case r.Status() == http.StatusContinue:
		if pc.x.req.Expect100() {
			pc.stream()
		}
	default:
		var fields []string
		passFields(r, nil, func(name, value []byte) { fields = append(fields, string(name), string(value)) })
		pc.x.Inform(r.Status(), fields...)
	}
}

// OnHead is part of CallHandler.
func (pc *proxyCall) OnHead(call *Call, r *wire.Response) {
	x := pc.x
	if pc.over {
		call.Abort(nil)
		return
	}
	pc.up.fails.Store(0)
	pc.setDeadline(pc.p.set.body)
	if r.Status() == http.StatusSwitchingProtocols {
		pc.switchProtocols(r)
		return
	}
	pc.answered = true
	passFields(r, x, func(name, value []byte) {
		x.fields = appendLine(x.fields, name, value)
	})
	kind, length := r.Framing(call.method)
	switch {
	case x.isHead:
		length = r.ContentLength()
	case kind == wire.BodyNone:
		length = 0
	case kind != wire.BodyFixed:
		length = -1
	}
	x.OnWritable(func(*Exchange) {
		if pc.paused {
			pc.paused = false
			pc.setDeadline(pc.p.set.body)
			call.Resume()
		}
	})
	if err := x.Start(r.Status(), "", length); err != nil {
		call.Abort(err)
	}
}

// OnPiece is part of CallHandler.
func (pc *proxyCall) OnPiece(call *Call, piece []byte) {
	if pc.over {
		return
	}
	pc.moved()
	full, err := pc.x.Write(piece)
	switch {
	case err != nil:
		call.Abort(err)
	case full:
		pc.paused = true
		pc.deadline = 0
		call.Pause()
	}
}

// OnDone is part of CallHandler.
func (pc *proxyCall) OnDone(call *Call, err error) {
	if pc.over {
		return
	}
	x := pc.x
	switch {
	case err == nil && pc.answered:
		for _, f := range call.trailers {
			x.SetTrailer(f.Name, f.Value)
		}
		pc.finish()
		if err := x.Finish(); err != nil && !x.Answered() {
			x.Abort(err)
		}
	case pc.answered: // what the client has is not all: it must not look so
		pc.p.failed(pc.up, err, x.s.c.Now())
		pc.finish()
		x.Abort(err)
	case err == nil: // handed over
	default:
		if !pc.reused || call.heard || !lostConnection(err) { // an idle connection may end at any time
			pc.p.failed(pc.up, err, x.s.c.Now())
		}
		pc.again(err, !pc.mayRepeat(call, err))
	}
}

// mayRepeat says whether the request may be sent again (RFC 9110 section 9.2.2).
func (pc *proxyCall) mayRepeat(call *Call, err error) bool {
	if pc.streaming || call.heard || !pc.reused || !lostConnection(err) {
		return false
	}
	m := string(pc.x.Method())
	return safeMethod(m) || m == http.MethodPut || m == http.MethodDelete
}

// again tries another time, or gives up.
func (pc *proxyCall) again(err error, final bool) {
	failed := pc.up
	pc.leave()
	pc.sent = false
	if pc.tries++; final || pc.tries > pc.p.set.retries {
		status := http.StatusBadGateway
		if errors.Is(err, os.ErrDeadlineExceeded) {
			status = http.StatusGatewayTimeout
		}
		pc.refuse(status, err)
		return
	}
	pc.next(failed)
}

// refuse answers in an upstream's place.
func (pc *proxyCall) refuse(status int, err error) {
	if pc.over {
		return
	}
	pc.finish()
	x := pc.x
	if x.Answering() {
		x.Abort(err)
		return
	}
	if !x.bodyDone {
		x.CloseAfter()
	}
	x.clearFields()
	x.Respond(status, "text/plain; charset=utf-8", []byte(wire.StatusText(status)+"\n"))
}

// finish ends the call on this side.
func (pc *proxyCall) finish() {
	pc.unqueue()
	pc.over = true
	pc.deadline = 0
	if pc.armed {
		pc.timer.Stop()
	}
	pc.leave()
}

// lost is called when the client is gone, or its body was bad.
func (pc *proxyCall) lost(err error) {
	if pc.over {
		return
	}
	sent := pc.sent
	pc.finish()
	if sent {
		pc.call.Abort(err)
	}
}

// setDeadline sets when the present phase ends. The timer is moved only if it would fire too late.
func (pc *proxyCall) setDeadline(d time.Duration) {
	if d == forever {
		pc.deadline = 0
		return
	}
	c := pc.x.s.c
	pc.deadline = c.Elapsed() + d
	if !pc.armed {
		pc.armed = true
		c.InitTimer(&pc.timer, pc.expired)
		pc.timer.Reset(d)
	}
}

// moved says that a byte of the response came.
func (pc *proxyCall) moved() {
	if pc.deadline != 0 {
		pc.deadline = pc.x.s.c.Elapsed() + pc.p.set.body
	}
}

func (pc *proxyCall) expired() {
	if pc.over {
		return
	}
	left := pc.deadline - pc.x.s.c.Elapsed()
	switch {
	case pc.deadline == 0: // paused, or the body is on its way
		pc.timer.Reset(time.Second)
	case left > 0:
		pc.timer.Reset(left)
	case pc.queued:
		pc.refuse(http.StatusServiceUnavailable, ErrPoolTimeout)
	case pc.answered:
		pc.p.failed(pc.up, ErrResponseStalled, pc.x.s.c.Now())
		pc.lostTo(ErrResponseStalled)
	default:
		pc.p.failed(pc.up, ErrResponseTimeout, pc.x.s.c.Now())
		pc.lostTo(ErrResponseTimeout)
	}
}

// lostTo ends a call whose upstream takes too long.
func (pc *proxyCall) lostTo(err error) {
	x, answered, sent := pc.x, pc.answered, pc.sent
	pc.finish()
	if sent {
		pc.call.Abort(err)
	}
	if answered || x.Answering() {
		x.Abort(err)
		return
	}
	pc.over = false
	pc.refuse(http.StatusGatewayTimeout, err)
}
