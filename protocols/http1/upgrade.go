package http1

import (
	"errors"
	"net/http"

	"github.com/calandria-go/calandria/protocols/http1/wire"
	"github.com/calandria-go/calandria/reactor"
)

// ErrNoUpgrade: the request does not ask for an upgrade, or has a body that was not read.
var ErrNoUpgrade = errors.New("http1: request cannot be upgraded")

// SwitchProtocols answers 101 with the protocol's name and the fields given as name, value pairs, and hands the connection
// to h in place: h gets the bytes that came early, and the connection keeps its loop, limits and drain (RFC 9110 section
// 7.8). The exchange is over. Any other field set by SetHeader is sent too.
func (x *Exchange) SwitchProtocols(protocol string, h reactor.Handler, fields ...string) error {
	if x.state != stateFresh {
		return ErrAnswered
	}
	if !x.req.Upgrade() || !x.bodyDone {
		return ErrNoUpgrade
	}
	x.status = http.StatusSwitchingProtocols
	dst := wire.AppendStatusLine(x.s.ls.tmp[:0], http.StatusSwitchingProtocols)
	dst = append(dst, "Connection: Upgrade\r\n"...)
	dst, err := wire.AppendField(dst, "Upgrade", protocol)
	if err != nil {
		return err
	}
	return x.handOver(dst, fields, h)
}

// OfferUpgrade adds the field Upgrade with a protocol's name to the answer, and to Connection what belongs to that: 426 needs it, and
// other answers may have it (RFC 9110 section 7.8). Nothing is upgraded by it.
func (x *Exchange) OfferUpgrade(protocol string) error {
	if x.state != stateFresh {
		return ErrAnswered
	}
	f, err := wire.AppendField(x.fields, "Upgrade", protocol)
	if err == nil {
		x.fields = append(f, "Connection: Upgrade\r\n"...)
	}
	return err
}

// Connect answers a CONNECT with 200 and hands the connection to h in place, with the bytes that came early: a tunnel (RFC
// 9110 section 9.3.6). The exchange is over.
func (x *Exchange) Connect(h reactor.Handler, fields ...string) error {
	if x.state != stateFresh {
		return ErrAnswered
	}
	if string(x.req.Method()) != http.MethodConnect {
		return ErrNoUpgrade
	}
	x.status = http.StatusOK
	return x.handOver(x.s.ls.appendStart(x.s.ls.tmp[:0], http.StatusOK, x.s.c), fields, h)
}

func (x *Exchange) handOver(dst []byte, fields []string, h reactor.Handler) error {
	dst, err := appendFields(append(dst, x.fields...), fields)
	if err != nil {
		return err
	}
	s := x.s
	s.ls.tmp = append(dst, crlf...)
	if err := s.write(s.ls.tmp); err != nil {
		return err
	}
	x.HandOver(h)
	return nil
}

// HandOver gives the connection to h as it is, without an answer: for protocols that write their own. What was not consumed
// of the input goes to h. The exchange is over.
func (x *Exchange) HandOver(h reactor.Handler) {
	if x.state == stateDone {
		return
	}
	s := x.s
	if s.batching {
		s.flush()
	}
	x.end(nil)
	s.to(phaseGone)
	s.timer.Stop()
	s.x = nil
	if s.paused {
		s.c.Resume()
	}
	if s.count != nil {
		s.count.handedOver(s.c)
	}
	s.c.Upgrade(h)
}
