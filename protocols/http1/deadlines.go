package http1

import (
	"net/http"
	"time"
)

// A connection has one timer. It is moved only for a deadline earlier than the one it is set to; when it fires too early
// for the phase it is set again. So a request that is answered at once costs no timer operation.

// setDeadline sets when the present phase ends, d from now.
func (s *serverConn) setDeadline(d time.Duration) {
	if d == forever {
		s.deadline = 0
		return
	}
	s.deadline = s.c.Elapsed() + d
	if s.armed == 0 || s.deadline < s.armed {
		s.armed = s.deadline
		s.timer.Reset(d)
	}
}

func (s *serverConn) onTimer() {
	s.armed = 0
	if s.deadline == 0 || s.phase == phaseGone {
		return
	}
	if left := s.deadline - s.c.Elapsed(); left > 0 {
		s.armed = s.deadline
		s.timer.Reset(left)
		return
	}
	s.deadline = 0
	s.expire()
}

// expire ends a phase that took too long.
func (s *serverConn) expire() {
	switch s.phase {
	case phaseIdle:
		s.to(phaseClosing)
		if s.draining {
			s.c.CloseLinger(s.set.linger, s.set.lingerBytes, nil)
			return
		}
		s.c.CloseWith(ErrIdleTimeout)
	case phaseHead:
		s.x.beginCut(s, s.c.Peek())
		s.refuse(http.StatusRequestTimeout, ErrHeadTimeout)
	case phaseBody, phaseDiscard:
		s.checkBody()
	}
}

// pace is how fast a body comes.
type pace struct {
	moved   time.Duration // when the last byte came
	rateAt  time.Duration // when the window of BodyMinRate began
	rateGot int64         // bytes of the body by then
}

// wantBody starts the clocks of a body that is waited for.
func (s *serverConn) wantBody() {
	now := s.c.Elapsed()
	s.x.pace = pace{moved: now, rateAt: now, rateGot: s.x.got}
	s.setDeadline(min(s.set.bodyIdle, rateWindow))
}

// checkBody looks at a body's progress: some bytes within BodyTimeout, enough of them within each window.
func (s *serverConn) checkBody() {
	now, p := s.c.Elapsed(), &s.x.pace
	if x := s.x; x.paused || x.std != nil && !x.std.body.wanted() { // not waited for: the handler is slow, not the client
		s.wantBody()
		return
	}
	switch {
	case s.set.bodyIdle != forever && now-p.moved >= s.set.bodyIdle:
		s.bodyFailed(http.StatusRequestTimeout, ErrBodyTimeout)
		return
	case now-p.rateAt >= rateWindow:
		if s.x.got-p.rateGot < int64(s.set.minRate)*int64(rateWindow/time.Second) && s.set.minRate > 0 {
			s.bodyFailed(http.StatusRequestTimeout, ErrBodyRate)
			return
		}
		p.rateAt, p.rateGot = now, s.x.got
	}
	next := p.rateAt + rateWindow - now
	if s.set.bodyIdle != forever {
		next = min(next, p.moved+s.set.bodyIdle-now)
	}
	s.setDeadline(max(next, time.Millisecond))
}
