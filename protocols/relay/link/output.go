package link

import (
	"time"

	"github.com/calandria-go/calandria/protocols/relay/wire"
)

// Next appends the next frame to dst, which is empty, and returns it; an empty slice if there is none. It needs a capacity
// of wire.MaxFrame to allocate nothing.
func (s *Session) Next(dst []byte) []byte {
	if s.phase == phaseDetached {
		return dst
	}
	at := len(dst)
	if dst = s.control(dst); len(dst) == at && s.phase == phaseOpen {
		dst = s.stream(dst)
	}
	if len(dst) > at {
		s.stats.FramesOut++
	}
	return dst
}

// control appends a frame that is no stream's bytes.
func (s *Session) control(dst []byte) []byte {
	switch {
	case s.goAwayDue && (s.phase != phaseGreeting || s.goAwayCode != wire.CodeNone):
		s.goAwayDue = false
		return wire.AppendGoAway(dst, s.seen, s.goAwayCode, s.goAwayText)
	case s.phase == phaseOver:
		return dst
	case s.helloDue:
		s.helloDue = false
		return s.appendHello(dst)
	case s.phase == phaseGreeting:
		return dst
	case s.pongCount > 0:
		s.pongCount--
		v := s.pongs[0]
		copy(s.pongs[:], s.pongs[1:])
		return wire.AppendPing(dst, wire.TypePong, v)
	case s.pingDue:
		s.pingDue, s.pinging, s.pingSent = false, true, s.now
		s.pingAt = s.now + s.interval()
		return wire.AppendPing(dst, wire.TypePing, uint64(s.now))
	case s.syncDue:
		return s.appendSync(dst)
	case s.phase == phaseSyncing:
		return dst
	case s.windowDue:
		s.windowDue = false
		s.told = s.consumed
		done := s.consumed - min(s.consumed, s.backlog)
		s.limitIn = max(s.limitIn, s.received+uint64(s.cfg.LinkWindow-min(s.cfg.LinkWindow, s.unread())))
		return wire.AppendWindow(dst, 0, done, s.limitIn)
	case len(s.misc) > 0:
		dst = append(dst, s.misc[0]...)
		s.misc[0] = nil
		if s.misc = s.misc[1:]; len(s.misc) == 0 {
			s.misc = nil
		}
		return dst
	}
	for len(s.opens) > 0 {
		st := s.opens[0]
		if s.opens = s.opens[1:]; len(s.opens) == 0 {
			s.opens = nil
		}
		if st.due&dueOpen != 0 {
			st.due &^= dueOpen
			dst = wire.AppendOpen(dst, st.id, st.open.flags, &st.open.open)
			s.addReady(st)
			return dst
		}
	}
	for s.due != nil {
		st := s.due
		if dst2, more := s.dueOf(st, dst); len(dst2) > len(dst) {
			if !more {
				s.popDue()
				s.finished(st)
			}
			return dst2
		}
		s.popDue()
	}
	return dst
}

func (s *Session) popDue() {
	st := s.due
	if s.due = st.nextDue; s.due == nil {
		s.dueTail = nil
	}
	st.nextDue, st.queuedDue = nil, false
}

// dueOf appends one of a stream's control frames, and says whether there are more.
func (s *Session) dueOf(st *Stream, dst []byte) ([]byte, bool) {
	switch {
	case st.gone:
	case st.due&dueOpenOK != 0:
		st.due &^= dueOpenOK
		dst = wire.AppendOpenOK(dst, st.id, uint32(st.window))
	case st.due&dueWindow != 0:
		st.due &^= dueWindow
		dst = wire.AppendWindow(dst, st.id, st.consumed, st.grant())
	case st.due&dueStop != 0:
		st.due &^= dueStop
		if !st.finReceived {
			dst = wire.AppendCode(dst, wire.TypeRst, wire.FlagStop, st.id, wire.CodeNone, "")
		}
	}
	return dst, st.due != 0
}

// grant is the limit that the peer is told. Behind FIN, what was consumed has one more, for the end.
func (st *Stream) grant() uint64 {
	st.told = st.consumed
	st.limitIn = max(st.limitIn, min(st.consumed, st.received)+uint64(st.window))
	return st.limitIn
}

func (s *Session) appendHello(dst []byte) []byte {
	h := wire.Hello{
		Version: wire.Version, Role: s.cfg.Role, ID: []byte(s.cfg.ID), Token: s.token,
		LinkWindow: uint32(s.limitIn), MaxStreams: uint32(s.cfg.MaxStreams),
		KeepAlive: uint32(max(s.cfg.PingInterval, 0) / time.Millisecond), Resume: uint32(s.cfg.Resume / time.Millisecond),
	}
	var flags uint8
	if !s.dialer && s.resumed {
		flags = wire.FlagResumed
	}
	return wire.AppendHello(dst, flags, &h)
}

// appendSync lists one stream for the peer, or ends the list.
func (s *Session) appendSync(dst []byte) []byte {
	for len(s.syncing) > 0 {
		st := s.streams[s.syncing[0]]
		s.syncing = s.syncing[1:]
		if st == nil {
			continue
		}
		var flags uint8
		if st.finReceived {
			flags |= wire.FlagFin
		}
		if st.ours && st.answered {
			flags |= wire.FlagAnswered
		}
		limit := st.grant()
		return wire.AppendSync(dst, st.id, flags, wire.Credit{Received: st.received, Consumed: st.consumed, Limit: limit})
	}
	s.syncDue, s.syncing = false, nil
	return wire.AppendSyncEnd(dst, s.seen)
}

// stream appends the DATA or the FIN of the stream whose turn it is.
func (s *Session) stream(dst []byte) []byte {
	for s.ready != nil {
		st := s.ready
		if st.gone || !st.sendable() || st.due&dueOpen != 0 {
			s.popReady()
			continue
		}
		if st.out.unread() > 0 {
			n := min(st.out.unread(), wire.MaxData, int(st.limitOut-st.sent), int(min(s.limitOut-s.sent, wire.MaxData)))
			if n == 0 {
				if !s.blocked {
					s.blocked = true
					s.stats.LinkStalls++
				}
				return dst // nobody may send
			}
			s.blocked = false
			dst = s.appendData(dst, st, n)
		} else {
			st.finSent = true
			dst = wire.AppendFin(dst, st.id, st.written)
		}
		s.popReady()
		s.addReady(st)
		if st.out.unread() > 0 && st.sent == st.limitOut {
			s.stats.Stalls++
		}
		if st.finSent {
			s.finished(st)
		}
		return dst
	}
	return dst
}

func (s *Session) appendData(dst []byte, st *Stream, n int) []byte {
	dst = st.out.take(wire.AppendData(dst, st.id), n)
	if s.ResumeFor() == 0 {
		st.out.discard(n)
	}
	st.sent += uint64(n)
	s.sent += uint64(n)
	s.stats.BytesOut += uint64(n)
	st.wakeWriter()
	return dst
}

func (s *Session) popReady() {
	st := s.ready
	if s.ready = st.nextReady; s.ready == nil {
		s.readyTail = nil
	}
	st.nextReady, st.queuedReady = nil, false
}

// Pending says whether Next has something to give now.
func (s *Session) Pending() bool {
	if s.phase == phaseDetached {
		return false
	}
	if s.goAwayDue || s.helloDue {
		return true
	}
	if s.phase < phaseSyncing || s.phase == phaseOver {
		return false
	}
	if s.pongCount > 0 || s.pingDue || s.syncDue {
		return true
	}
	return s.phase == phaseOpen && (s.windowDue || len(s.misc) > 0 || len(s.opens) > 0 || s.due != nil || s.ready != nil && (s.limitOut > s.sent || s.ready.out.unread() == 0))
}

// interval is until the next PING: the first ones come fast, so that windows can grow soon.
func (s *Session) interval() time.Duration {
	if s.rttNext < 3 {
		return min(s.cfg.PingInterval, 200*time.Millisecond)
	}
	return s.cfg.PingInterval
}

// Tick does what is due by the clock. An error, ErrDead, ends the link.
func (s *Session) Tick() error {
	if s.phase < phaseGreeting || s.phase == phaseOver || s.cfg.PingInterval < 0 {
		return nil
	}
	if s.phase == phaseGreeting || s.pinging {
		since := s.lastHeard
		if s.pinging {
			since = max(since, s.pingSent)
		}
		if s.now-since >= s.cfg.PingTimeout {
			return ErrDead
		}
	}
	if s.phase != phaseGreeting && s.now >= s.pingAt && (!s.pinging || s.lastHeard > s.pingSent) && !s.pingDue {
		s.pingDue = true
		s.pingAt = s.now + s.interval()
	}
	return nil
}

// Wake is when Tick wants to be called, by the clock of Advance; false: not before the next link.
func (s *Session) Wake() (time.Duration, bool) {
	if s.phase < phaseGreeting || s.phase == phaseOver || s.cfg.PingInterval < 0 {
		return 0, false
	}
	at := s.pingAt
	switch {
	case s.phase == phaseGreeting:
		at = s.lastHeard + s.cfg.PingTimeout
	case s.pinging && s.lastHeard <= s.pingSent:
		at = s.pingSent + s.cfg.PingTimeout
	case s.pinging:
		at = min(at, s.lastHeard+s.cfg.PingTimeout)
	}
	return at, true
}
