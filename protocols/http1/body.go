package http1

import (
	"net/http"
)

type bodyMode uint8

const (
	bodyUnread bodyMode = iota
	bodyCollect
	bodyStream
)

// ReadBody collects the request's body, up to max bytes, and then calls f with it, on the loop; at once if there is none.
// The bytes are valid until the exchange is answered or, if the handler answers later, as long as that takes. A larger body
// is answered with 413 and f is not called; one that the client breaks off with 400. max above Server.MaxBodyBytes has no
// effect. A client that waits for 100 (Continue) gets it now (RFC 9110 section 10.1.1).
func (x *Exchange) ReadBody(max int64, f func(x *Exchange, body []byte)) {
	if x.state != stateFresh || x.mode != bodyUnread {
		return
	}
	x.mode, x.max, x.onBody = bodyCollect, min(max, x.s.set.body), f
	body, replaced := x.replaced()
	switch {
	case replaced && int64(len(body)) > max:
		x.s.refuse(http.StatusRequestEntityTooLarge, ErrBodyTooLarge)
	case replaced:
		f(x, body)
	case x.bodyDone:
		f(x, nil)
	case x.left > x.max:
		x.s.refuse(http.StatusRequestEntityTooLarge, ErrBodyTooLarge)
	default:
		x.wantBody()
	}
}

// StreamBody calls f on the loop with each piece of the request's body as it comes, up to Server.MaxBodyBytes; the last call
// has last set, and may have no bytes. A piece is valid until f returns. PauseBody stops the flow, and with it the
// client. For a body that breaks off, f is not called again: see OnCancel. A client that waits for 100 (Continue) gets it
// now.
func (x *Exchange) StreamBody(f func(x *Exchange, piece []byte, last bool)) {
	if x.state == stateDone || x.mode != bodyUnread {
		return
	}
	x.mode, x.max, x.onPiece = bodyStream, x.s.set.body, f
	if x.bodyDone {
		body, _ := x.replaced()
		f(x, body, true)
		return
	}
	x.wantBody()
}

// wantBody lets body bytes flow to the exchange.
func (x *Exchange) wantBody() {
	s := x.s
	if x.req.Expect100() && !x.continued && x.got == 0 && x.state == stateFresh {
		x.continued = true
		s.write(continueLine)
	}
	s.to(phaseBody)
	s.wantBody()
	if !s.batching {
		s.goOn()
	}
}

var continueLine = []byte("HTTP/1.1 100 Continue\r\n\r\n")

// PauseBody stops StreamBody's calls until ResumeBody: the socket is not read, and the client's window closes.
func (x *Exchange) PauseBody() {
	if x.state == stateDone || x.bodyDone || x.paused {
		return
	}
	x.paused = true
	x.s.paused = true
	x.s.c.Pause()
}

// ResumeBody goes on after PauseBody.
func (x *Exchange) ResumeBody() {
	if !x.paused {
		return
	}
	x.paused = false
	if x.s.phase == phaseBody {
		x.s.wantBody()
	}
	x.s.paused = false
	x.s.c.Resume()
}

// readBody takes bytes of a body; more is false when there is nothing to do for now.
func (s *serverConn) readBody(in []byte) (n int, more bool) {
	x := s.x
	if x.paused || len(in) == 0 && !x.bodyDone {
		return 0, false
	}
	var piece []byte
	if x.req.Chunked() {
		var err error
		piece, n, err = x.chunked.Next(in, &s.set.wire)
		if err != nil {
			s.bodyFailed(statusOf(err), err)
			return 0, true
		}
		x.bodyDone = x.chunked.Done()
		if n == 0 && !x.bodyDone {
			return 0, false
		}
	} else {
		n = int(min(x.left, int64(len(in))))
		piece = in[:n]
		x.left -= int64(n)
		x.bodyDone = x.left == 0
	}
	x.got += int64(len(piece))
	x.pace.moved = s.c.Elapsed()
	if s.phase == phaseDiscard {
		s.discard(len(piece))
		return n, true
	}
	if x.got > x.max || x.chunked.Pending() > x.max-x.got {
		s.bodyFailed(http.StatusRequestEntityTooLarge, ErrBodyTooLarge)
		return n, true
	}
	if x.mode == bodyCollect {
		x.collect(piece)
	} else {
		x.stream(piece)
	}
	return n, true
}

// bodyFailed ends a body that cannot be read to its end. A net/http handler hears of it by Read, and still answers.
func (s *serverConn) bodyFailed(status int, err error) {
	x := s.x
	switch {
	case s.phase == phaseDiscard:
		s.closeLinger(err)
	case x.std != nil:
		s.to(phaseWait)
		s.deadline, x.keep = 0, false
		x.std.body.failed(err)
	default:
		s.refuse(status, err)
	}
}

// collect gathers a body. It is copied even if it came in one piece: a handler that answers later keeps it, and the piece
// is in the loop's read buffer, which the next connection overwrites.
func (x *Exchange) collect(piece []byte) {
	x.body = append(x.body, piece...)
	if !x.bodyDone {
		return
	}
	x.s.to(phaseWait)
	x.s.deadline = 0
	x.onBody(x, x.body)
}

func (x *Exchange) stream(piece []byte) {
	if x.bodyDone {
		x.s.to(phaseWait)
		x.s.deadline = 0
	}
	if x.std != nil {
		x.std.body.piece(x, piece, x.bodyDone)
		return
	}
	if len(piece) > 0 || x.bodyDone {
		x.onPiece(x, piece, x.bodyDone)
	}
}

// discard throws away a body that nobody wants, within discardLimit.
func (s *serverConn) discard(n int) {
	x := s.x
	x.discarded += n
	switch {
	case x.bodyDone:
		s.idle()
		if !s.batching {
			s.goOn()
		}
	case x.discarded > discardLimit:
		s.closeLinger(ErrBodyTooLarge)
	}
}
