package http1

import (
	"bytes"
	"errors"
	"net/http"
	"time"

	"github.com/calandria-go/calandria/protocols/http1/wire"
	"github.com/calandria-go/calandria/reactor"
)

type phase uint8

const (
	phaseIdle    phase = iota // between requests
	phaseHead                 // a head has begun
	phaseBody                 // body bytes are wanted
	phaseWait                 // the handler has all that it wants for now
	phaseDiscard              // answered; the rest of the body is thrown away
	phaseClosing              // nothing more is read
	phaseGone                 // the connection is another handler's, or closed
)

// serverConn is the state machine of one server connection. One request is in progress at a time; those that were
// pipelined behind it wait in the connection's unconsumed input. Between requests it holds no buffer: an idle connection
// costs this struct.
type serverConn struct {
	c     *reactor.Conn
	set   *settings
	ls    *loopState
	x     *Exchange // the request in progress
	count *counters // nil without Server.Observe

	requests uint32
	phase    phase
	batching bool // OnData runs: answers are gathered in ls.out
	eof      bool // the client has half-closed
	stalled  bool // the client does not read: no more requests until OnWritable
	draining bool
	paused   bool

	timer    reactor.Timer
	deadline time.Duration // of the phase, by Conn.Elapsed; 0: none
	armed    time.Duration // when the timer fires; 0: not running
}

// OnOpen is part of reactor.Handler.
func (s *serverConn) OnOpen(c *reactor.Conn) {
	s.c, s.ls = c, loopStateOf(c)
	if s.set.srv.Observe {
		s.observe(c)
	}
	c.InitTimer(&s.timer, s.onTimer)
	s.setDeadline(s.set.idle)
}

// OnData is part of reactor.Handler: it takes as many pipelined requests as are answered at once, and gathers their answers
// into one write.
func (s *serverConn) OnData(c *reactor.Conn, in []byte) int {
	s.batching = true
	s.ls.out = s.ls.out[:0]
	n := s.advance(in)
	s.batching = false
	if s.phase == phaseGone {
		s.ls.trim()
		return n
	}
	s.flush()
	s.ls.trim()
	switch s.phase {
	case phaseIdle:
		s.releaseExchange()
	case phaseClosing:
		return len(in)
	default:
		if s.x.state != stateDone {
			s.x.retain()
		}
	}
	if s.eof && (n == len(in) || s.phase == phaseHead && !s.stalled || s.phase == phaseBody && !s.x.paused) {
		s.endOfInput(in[n:]) // also behind a message that is cut short: what is left of it never gets its rest
	}
	if !s.paused && (s.stalled || s.phase == phaseWait && len(in)-n >= pauseAbove || s.x != nil && s.x.paused) {
		s.paused = true
		c.Pause()
	}
	return n
}

// advance runs the state machine over in, and returns what it consumed.
func (s *serverConn) advance(in []byte) (n int) {
	for {
		switch s.phase {
		case phaseIdle, phaseHead:
			if n == len(in) || s.stalled {
				return n
			}
			k := s.readHead(in[n:])
			if k == 0 {
				return n
			}
			n += k
		case phaseBody, phaseDiscard:
			k, more := s.readBody(in[n:])
			n += k
			if !more {
				return n
			}
		case phaseClosing:
			return len(in)
		default:
			return n
		}
	}
}

// readHead parses a head and calls the handler; 0 if it needs more.
func (s *serverConn) readHead(in []byte) int {
	x := s.x
	if x == nil {
		x = s.ls.get()
		s.x = x
	}
	n, err := x.req.Parse(in, &s.set.wire)
	if err != nil {
		x.beginCut(s, in)
		s.to(phaseWait)
		s.refuse(err.(*wire.Error).Status, err)
		return 0
	}
	if n == 0 {
		if s.phase == phaseIdle {
			s.to(phaseHead)
			s.setDeadline(s.set.head)
		}
		return 0
	}
	s.requests++
	s.deadline = 0
	s.to(phaseWait)
	x.begin(s)
	x.head = in[:n]
	switch {
	case x.left > s.set.body:
		s.refuse(http.StatusRequestEntityTooLarge, ErrBodyTooLarge)
	case x.req.ExpectOther():
		s.refuse(http.StatusExpectationFailed, ErrExpectation)
	default:
		s.set.srv.Handler.Handle(x)
	}
	return n
}

// write queues bytes of an answer, after those that are gathered already.
func (s *serverConn) write(p []byte) error {
	if !s.batching {
		_, err := s.c.Write(p)
		s.stalled = s.stalled || s.c.OverHigh()
		return err
	}
	if len(s.ls.out)+len(p) <= batchBytes {
		s.ls.out = append(s.ls.out, p...)
		return nil
	}
	s.flush()
	_, err := s.c.Write(p)
	s.checkStall() // flush sees small answers only
	return err
}

// checkStall has pipelined requests wait for a client that does not read its answers.
func (s *serverConn) checkStall() {
	if s.c.OverHigh() {
		s.stalled = true
	}
}

// flush queues what was gathered.
func (s *serverConn) flush() {
	if len(s.ls.out) > 0 {
		s.c.Write(s.ls.out)
		s.ls.out = s.ls.out[:0]
		s.checkStall()
	}
}

// complete ends an exchange whose answer is queued entirely.
func (s *serverConn) complete() {
	x := s.x
	x.paused = false
	x.end(nil)
	switch {
	case !x.keep:
		s.closeLinger(errKeepAlive)
	case !x.bodyDone:
		s.to(phaseDiscard)
		x.discarded = 0
		s.wantBody()
	default:
		s.idle()
	}
	if !s.batching {
		s.goOn()
	}
}

// idle waits for the next request.
func (s *serverConn) idle() {
	s.to(phaseIdle)
	if s.draining {
		s.setDeadline(s.set.drainIdle)
		return
	}
	s.setDeadline(s.set.idle)
}

// goOn continues with what waits in the connection, after an answer that was made outside of OnData.
func (s *serverConn) goOn() {
	switch s.phase {
	case phaseIdle:
		s.releaseExchange()
		if s.eof && s.c.Buffered() == 0 {
			s.c.Close()
			return
		}
		if s.checkStall(); s.stalled {
			return // OnWritable goes on
		}
	case phaseDiscard, phaseBody:
		if s.eof && s.c.Buffered() == 0 {
			s.endOfInput(nil)
			return
		}
	default:
		return
	}
	if s.paused || s.c.Buffered() > 0 {
		s.paused = false
		s.c.Resume()
	}
}

func (s *serverConn) releaseExchange() {
	if s.x != nil {
		s.ls.put(s.x)
		s.x = nil
	}
}

// refuse answers a request that is not going to be handled, after the answers to those before it, and closes so that the
// client reads it (RFC 9112 section 9.6).
func (s *serverConn) refuse(status int, err error) {
	x := s.x
	if x.state != stateFresh {
		x.cancel(err)
		s.to(phaseClosing)
		x.end(err)
		s.c.Abort(err)
		return
	}
	x.keep, x.refused = false, true
	x.clearFields()
	text := []byte(errorText(status, err))
	x.render(status, "text/plain; charset=utf-8", text, len(text))
	x.cancel(err)
	x.end(err)
	s.closeLinger(err)
}

func errorText(status int, err error) string {
	text := wire.StatusText(status)
	var we *wire.Error
	var ce *closeError
	switch {
	case errors.As(err, &we):
		text += ": " + we.Msg
	case errors.As(err, &ce):
		text += ": " + ce.msg
	}
	return text + "\n"
}

// closeLinger closes after what is queued, so that the client reads it.
func (s *serverConn) closeLinger(err error) {
	s.to(phaseClosing)
	s.deadline = 0
	if s.batching {
		s.flush()
	}
	if err == errKeepAlive {
		err = nil
	}
	if s.eof {
		s.c.CloseWith(err)
		return
	}
	s.c.CloseLinger(s.set.linger, s.set.lingerBytes, err)
	if s.paused {
		s.paused = false
		s.c.Resume()
	}
}

// OnEOF is part of reactor.EOFHandler. A client that half-closes gets the answers to what it sent.
func (s *serverConn) OnEOF(c *reactor.Conn) {
	s.eof = true
	if s.x != nil && s.x.std != nil {
		s.x.std.peerEOF()
	}
	if c.Buffered() == 0 || s.phase == phaseHead || s.phase == phaseBody {
		s.endOfInput(c.Peek())
	}
}

// endOfInput handles a half-close behind the last byte; left is what was not consumed.
func (s *serverConn) endOfInput(left []byte) {
	switch s.phase {
	case phaseIdle:
		s.c.Close()
	case phaseHead:
		s.x.beginCut(s, left)
		s.refuse(http.StatusBadRequest, ErrTruncated)
	case phaseBody:
		s.bodyFailed(http.StatusBadRequest, ErrTruncated)
	case phaseDiscard:
		s.to(phaseClosing)
		s.c.CloseWith(ErrTruncated)
	}
}

// isHead says whether a head that cannot be trusted begins as that of a HEAD: its answer has no body then, too.
func isHead(head []byte) bool {
	return bytes.HasPrefix(bytes.TrimLeft(head, "\r\n"), []byte("HEAD "))
}

// OnWritable is part of reactor.WritableHandler.
func (s *serverConn) OnWritable(*reactor.Conn) {
	if x := s.x; x != nil && (x.state == stateStreaming || x.std != nil) {
		x.writable()
	}
	if s.stalled && !s.c.OverHigh() {
		s.stalled = false
		if s.x == nil || !s.x.paused {
			s.paused = false
			s.c.Resume()
		}
	}
}

// OnDrain is part of reactor.DrainHandler: a request in progress is finished, an idle connection gets DrainIdle for a last
// one.
func (s *serverConn) OnDrain(c *reactor.Conn) {
	s.draining = true
	if s.phase != phaseIdle {
		return
	}
	if s.set.drainIdle == 0 {
		c.CloseWith(reactor.ErrShutdown)
		return
	}
	s.setDeadline(s.set.drainIdle)
}

// Idle is part of reactor.IdleHandler: between two requests nothing is lost.
func (s *serverConn) Idle() bool { return s.phase == phaseIdle && !s.stalled }

// OnHangup is part of reactor.HangupHandler: nobody will read the answer.
func (s *serverConn) OnHangup(c *reactor.Conn) {
	if s.x != nil && s.x.state != stateDone {
		c.Abort(errHangup)
	}
}

var errHangup error = &closeError{"client is gone", "hangup", nil}

// OnClose is part of reactor.Handler.
func (s *serverConn) OnClose(_ *reactor.Conn, err error) {
	s.to(phaseGone)
	if x := s.x; x != nil {
		if err == nil {
			err = ErrAnswered
		}
		x.cancel(err)
		if x.state != stateDone {
			x.end(err)
		}
		s.x = nil
	}
}
