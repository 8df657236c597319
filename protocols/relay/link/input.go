package link

import (
	"time"

	"github.com/calandria-go/calandria/protocols/relay/wire"
)

// Handle takes one frame. An error ends the link: tell the peer by GoAway with CodeOf(err).
func (s *Session) Handle(frame []byte) error {
	f, err := wire.Parse(frame)
	if err != nil {
		return err
	}
	s.stats.FramesIn++
	s.lastHeard = s.now
	switch {
	case s.phase == phaseOver || s.phase == phaseDetached:
		return s.err
	case len(s.misc) > maxMisc+2*s.cfg.MaxStreams+int(min(s.peer.MaxStreams, 1<<16)):
		return ErrFlooded
	case s.phase == phaseGreeting:
		return s.greeted(&f)
	case f.Type == wire.TypeHello:
		return protocolError("a second HELLO")
	case s.phase == phaseSyncing && f.Type != wire.TypeSync && f.Type != wire.TypePing && f.Type != wire.TypePong && f.Type != wire.TypeGoAway:
		return protocolError(f.Type.String() + " before the end of SYNC")
	}
	switch f.Type {
	case wire.TypePing:
		s.ping(f.Ping)
	case wire.TypePong:
		s.pong(f.Ping)
	case wire.TypeGoAway:
		s.peerDraining = true
		s.owner.GoAway(f.Code, string(f.Text))
	case wire.TypeOffer:
		s.owner.Offer(f.Stream, &f.Open)
	case wire.TypeOffered:
		s.owner.Offered(f.Stream, f.Code, string(f.Text))
	case wire.TypeWithdraw:
		s.owner.Withdraw(f.Stream)
	case wire.TypeSync:
		return s.sync(&f)
	case wire.TypeOpen:
		return s.opened(&f)
	case wire.TypeWindow:
		if f.Stream == 0 {
			return s.linkWindow(f.Credit)
		}
		return s.forStream(&f)
	default:
		return s.forStream(&f)
	}
	return nil
}

// greeted takes the HELLO of the side that was dialed.
func (s *Session) greeted(f *wire.Frame) error {
	if f.Type == wire.TypeGoAway {
		return &StreamError{Code: f.Code, Text: string(f.Text), Remote: true}
	}
	if f.Type != wire.TypeHello {
		return protocolError(f.Type.String() + " before HELLO")
	}
	resumed := f.Flags&wire.FlagResumed != 0
	if resumed && (s.token == wire.Token{} || s.token != f.Hello.Token) {
		return protocolError("HELLO resumes a session that was not asked for")
	}
	if !resumed && len(s.streams) > 0 {
		s.failAll(wire.CodeNoResume)
	}
	if !resumed {
		s.seen = 0
	}
	s.token = f.Hello.Token
	s.hello(&f.Hello, resumed)
	return nil
}

// hello takes what the peer said of itself.
func (s *Session) hello(h *wire.Hello, resumed bool) {
	s.peer = *h
	s.peer.ID = append([]byte(nil), h.ID...)
	s.limitOut = uint64(h.LinkWindow)
	s.resumed = resumed
	s.phase = phaseOpen
	s.peerDraining = false
	if resumed {
		s.phase, s.syncDue = phaseSyncing, true
		s.stats.Resumes++
		s.syncing = s.syncing[:0]
		for id, st := range s.streams {
			st.synced = false
			s.syncing = append(s.syncing, id)
		}
	} else if s.dialer {
		s.next = 1
	}
	s.owner.Established(s, &s.peer, resumed)
}

func (s *Session) opened(f *wire.Frame) error {
	id := f.Stream
	switch {
	case s.mine(id):
		return protocolError("OPEN with a number of ours")
	case id <= s.seen:
		return protocolError("OPEN with a number that was used")
	}
	s.seen = id
	if s.openPeer >= s.cfg.MaxStreams {
		s.queue(wire.AppendCode(nil, wire.TypeOpenErr, 0, id, wire.CodeLimit, "too many streams"))
		return nil
	}
	if s.draining {
		s.queue(wire.AppendCode(nil, wire.TypeOpenErr, 0, id, wire.CodeShutdown, "draining"))
		return nil
	}
	st := s.newStream(id, false)
	st.limitOut = uint64(f.Open.Window)
	s.owner.Opened(st, &f.Open, f.Flags)
	return nil
}

// mine says whether this side gives that number to a stream: the dialer's are odd.
func (s *Session) mine(id uint32) bool { return (id%2 == 1) == s.dialer }

// forStream takes a frame of a stream that should be there.
func (s *Session) forStream(f *wire.Frame) error {
	st := s.streams[f.Stream]
	if st == nil {
		if s.mine(f.Stream) && f.Stream >= s.next || !s.mine(f.Stream) && f.Stream > s.seen {
			return protocolError(f.Type.String() + " for a stream that was never opened")
		}
		if f.Type == wire.TypeData { // it has ended here, which the peer will hear or has not yet
			s.stats.Discarded += uint64(len(f.Data))
			if err := s.arrived(len(f.Data)); err != nil {
				return err
			}
			s.tookLink(len(f.Data))
		}
		return nil
	}
	switch f.Type {
	case wire.TypeOpenOK:
		s.accepted(st, f.Window)
	case wire.TypeOpenErr:
		if !st.ours || st.answered {
			st.Reset(wire.CodeProtocol, "OPEN_ERR for a stream that is open")
			return nil
		}
		s.fail(st, &StreamError{Code: f.Code, Text: string(f.Text), Remote: true}, false)
	case wire.TypeData:
		return s.data(st, f.Data)
	case wire.TypeWindow:
		s.window(st, f.Credit)
	case wire.TypeFin:
		s.fin(st, f.Offset)
	case wire.TypeRst:
		if f.Flags&wire.FlagStop != 0 {
			s.stop(st)
			return nil
		}
		s.fail(st, &StreamError{Code: f.Code, Text: string(f.Text), Remote: true, Opened: st.answered}, false)
	}
	return nil
}

func (s *Session) accepted(st *Stream, window uint32) {
	switch {
	case !st.ours || st.answered && !s.resumed:
		st.Reset(wire.CodeProtocol, "OPEN_OK for a stream that is open")
		return
	case window < EarlyData:
		st.Reset(wire.CodeProtocol, "a first window of less than 64 KiB")
		return
	case st.answered:
		return
	}
	st.answered, st.open = true, nil
	st.limitOut = max(st.limitOut, uint64(window))
	s.addReady(st)
	st.notify()
}

func (st *Stream) notify() {
	if st.events != nil {
		st.events.Ready()
	}
}

// arrived counts bytes against the link's credit.
func (s *Session) arrived(n int) error {
	s.received += uint64(n)
	s.stats.BytesIn += uint64(n)
	if s.received > s.limitIn {
		return &LinkError{wire.CodeFlowControl, "more bytes than the link's credit allows"}
	}
	return nil
}

func (s *Session) data(st *Stream, p []byte) error {
	if err := s.arrived(len(p)); err != nil {
		return err
	}
	switch {
	case st.finReceived:
		s.tookLink(len(p))
		st.Reset(wire.CodeProtocol, "DATA behind FIN")
		return nil
	case st.received+uint64(len(p)) > st.limitIn:
		s.tookLink(len(p))
		st.Reset(wire.CodeFlowControl, "more bytes than the stream's credit allows")
		return nil
	}
	st.received += uint64(len(p))
	if st.closed {
		st.took(len(p))
		return nil
	}
	first := st.in.n == 0
	st.in.append(p)
	if s.unread() > s.cfg.LinkWindow/4*3 {
		s.relieve()
	}
	if first && !st.gone {
		st.notify()
	}
	return nil
}

// relieve resets the stream that holds the most of what nobody reads.
func (s *Session) relieve() {
	var most *Stream
	for _, st := range s.streams {
		if most == nil || st.in.n > most.in.n {
			most = st
		}
	}
	if most != nil && most.in.n > 0 {
		s.stats.Overloads++
		most.Reset(wire.CodeOverload, "too much of the link's credit is held")
	}
}

// window takes new credit, which never shrinks.
func (s *Session) window(st *Stream, c wire.Credit) {
	end := st.sent
	if st.finSent {
		end++
	}
	if c.Consumed > end {
		st.Reset(wire.CodeProtocol, "WINDOW of more than was sent")
		return
	}
	if c.Consumed > st.acked {
		keep := int(min(c.Consumed, st.written) - min(st.acked, st.written))
		if s.ResumeFor() > 0 {
			st.out.discard(keep)
		}
		st.acked = c.Consumed
	}
	st.finAcked = st.finAcked || st.finSent && c.Consumed == st.written+1
	if c.Limit > st.limitOut {
		st.limitOut = c.Limit
		s.addReady(st)
		st.wakeWriter()
	}
	s.finished(st)
}

// wakeWriter tells a writer that got ErrAgain when there is room worth a call.
func (st *Stream) wakeWriter() {
	if st.wantWrite && st.room() >= min(st.s.cfg.SendBuffer/2, 16<<10) {
		st.wantWrite = false
		st.notify()
	}
}

func (s *Session) linkWindow(c wire.Credit) error {
	if c.Consumed > s.sent {
		return protocolError("WINDOW of more than was sent on the link")
	}
	s.limitOut = max(s.limitOut, c.Limit)
	return nil
}

func (s *Session) fin(st *Stream, offset uint64) {
	switch {
	case st.finReceived:
		if !s.resumed || offset != st.received {
			st.Reset(wire.CodeProtocol, "a second FIN")
		}
		return
	case offset != st.received:
		st.Reset(wire.CodeProtocol, "FIN at another offset than the bytes before it")
		return
	}
	st.finReceived = true
	if st.closed {
		st.discard()
	}
	s.finished(st)
	st.notify()
}

// stop is the peer's wish for no more bytes. What is on its way is lost to it anyway.
func (s *Session) stop(st *Stream) {
	if st.finSent {
		return
	}
	st.stopped = true
	st.notify()
}

func (s *Session) ping(v uint64) {
	if s.pongCount == len(s.pongs) { // a peer that asks faster than it reads gets the latest
		copy(s.pongs[:], s.pongs[1:])
		s.pongCount--
	}
	s.pongs[s.pongCount] = v
	s.pongCount++
}

// pong measures the round trip. The shortest of the last eight is what the line needs; the rest is queues.
func (s *Session) pong(v uint64) {
	if !s.pinging || time.Duration(v) != s.pingSent {
		return
	}
	s.pinging = false
	s.rttRing[s.rttNext%len(s.rttRing)] = max(s.now-s.pingSent, time.Microsecond)
	s.rttNext++
	s.rtt = 0
	for _, d := range s.rttRing {
		if d > 0 && (s.rtt == 0 || d < s.rtt) {
			s.rtt = d
		}
	}
}
