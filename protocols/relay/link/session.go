package link

import (
	"time"

	"github.com/calandria-go/calandria/protocols/relay/wire"
)

// Owner hears of what is no single stream's. It may call the session's methods.
type Owner interface {
	// Established says that both HELLOs were exchanged. resumed: the streams go on.
	Established(s *Session, peer *wire.Hello, resumed bool)
	// Opened is the peer's OPEN: call Accept or Refuse on st, now or later, and SetEvents. o is valid until it returns.
	Opened(st *Stream, o *wire.Open, flags uint8)
	// Offer is the peer's OFFER; o is valid until it returns.
	Offer(number uint32, o *wire.Open)
	// Offered is the peer's OFFERED.
	Offered(number uint32, code wire.Code, text string)
	// Withdraw is the peer's WITHDRAW.
	Withdraw(number uint32)
	// GoAway is the peer's GOAWAY: it takes no new streams. With a code it is about to end the link.
	GoAway(code wire.Code, text string)
}

type phase uint8

const (
	phaseDetached phase = iota // no link
	phaseGreeting              // our HELLO goes out, the peer's is awaited
	phaseSyncing               // a resume: the lists of streams are exchanged
	phaseOpen
	phaseOver
)

// Session is one link with its streams.
type Session struct {
	cfg    Config
	owner  Owner
	dialer bool
	phase  phase
	now    time.Duration
	peer   wire.Hello
	token  wire.Token
	err    error

	streams  map[uint32]*Stream
	next     uint32 // the next stream of ours
	seen     uint32 // the highest of the peer's
	openOurs int
	openPeer int

	ready, readyTail *Stream   // have bytes and credit, or a FIN to send
	due, dueTail     *Stream   // have control frames to send
	opens            []*Stream // whose OPEN is due, in the order of their numbers
	misc             [][]byte
	syncing          []uint32
	syncDue          bool

	helloDue, resumed bool
	windowDue         bool
	goAwayDue         bool
	draining          bool // we said GOAWAY
	peerDraining      bool
	goAwayCode        wire.Code
	goAwayText        string

	received, consumed, told, limitIn uint64 // of the link, in bytes of DATA since it began
	backlog                           uint64 // what was unread then: consumed has it, too
	sent, limitOut                    uint64

	pongs     [4]uint64
	pongCount int
	pingDue   bool
	pingAt    time.Duration // when the next PING goes
	pingSent  time.Duration
	pinging   bool
	lastHeard time.Duration
	rtt       time.Duration
	rttRing   [8]time.Duration
	rttNext   int
	stats     Stats
	blocked   bool // by the link's credit
}

// Stats count what a session did. Streams and the rest of the state are as of now.
type Stats struct {
	FramesIn, FramesOut uint64 // of all types
	BytesIn, BytesOut   uint64 // of DATA
	Opened              uint64 // streams, of either side
	Failed              uint64 // streams that ended with an error
	Stalls              uint64 // that a stream with bytes to send ran out of its credit
	LinkStalls          uint64 // that all did, for want of the link's
	Resumes             uint64 // new links that it went on with
	Resent              uint64 // bytes, after a resume
	Discarded           uint64 // bytes that came for streams which had ended
	Overloads           uint64 // streams that were reset as they held too much
	Streams             int    // open
	Unread              int    // bytes that came and were not read
}

// New makes the session of the side that dials. Call Attach when there is a link.
func New(cfg Config, owner Owner) *Session {
	return &Session{cfg: cfg.resolved(), owner: owner, dialer: true, next: 1, streams: map[uint32]*Stream{}}
}

// Accept makes the session of the side that was dialed, from the dialer's HELLO, under a name by which it can be resumed.
func Accept(cfg Config, owner Owner, h *wire.Hello, token wire.Token) *Session {
	s := &Session{cfg: cfg.resolved(), owner: owner, next: 2, streams: map[uint32]*Stream{}, token: token}
	s.greet()
	s.hello(h, false)
	return s
}

// Advance sets the time, which never goes back: by any clock that does not jump.
func (s *Session) Advance(now time.Duration) { s.now = max(s.now, now) }

// Stats returns the counts so far.
func (s *Session) Stats() Stats {
	r := s.stats
	r.Streams, r.Unread = len(s.streams), s.unread()
	return r
}

// RTT is the shortest of the last eight round trips; 0 before the first.
func (s *Session) RTT() time.Duration { return s.rtt }

// Token is the name by which the session can be resumed.
func (s *Session) Token() wire.Token { return s.token }

// Peer is what the peer said of itself.
func (s *Session) Peer() *wire.Hello { return &s.peer }

// Err is why the session is over, or nil.
func (s *Session) Err() error { return s.err }

// Open says whether streams can be opened.
func (s *Session) Open() bool { return s.phase == phaseOpen && !s.draining && !s.peerDraining }

// Len is the number of open streams.
func (s *Session) Len() int { return len(s.streams) }

func (s *Session) unread() int { return int(s.backlog + s.received - s.consumed) }

// greet begins a link: HELLO is due, and the link's credit starts anew.
func (s *Session) greet() {
	s.phase, s.helloDue = phaseGreeting, true
	s.lastHeard, s.pinging, s.pingDue = s.now, false, false
	s.pongCount = 0
	s.backlog = uint64(s.unread())
	s.received, s.consumed, s.told, s.sent, s.limitOut = 0, 0, 0, 0, 0
	s.limitIn = uint64(s.cfg.LinkWindow) - min(uint64(s.cfg.LinkWindow), s.backlog)
	s.pingAt = s.now
}

// Attach begins a link of the side that dials: the first one, or one to resume the session on.
func (s *Session) Attach() {
	if s.phase == phaseDetached {
		s.greet()
	}
}

// Reattach begins a new link of the side that was dialed, for the HELLO that named this session.
func (s *Session) Reattach(h *wire.Hello) {
	if s.phase == phaseOver {
		return
	}
	s.greet()
	s.hello(h, true)
}

// Detach says that the link broke. True: the streams wait for a resume, for ResumeFor at the most; false: they were all
// reset with err, and the session is over.
func (s *Session) Detach(err error) bool {
	if s.phase == phaseOver {
		return false
	}
	if s.ResumeFor() == 0 {
		s.Fail(wire.CodeLinkLost, err)
		return false
	}
	s.phase = phaseDetached
	s.misc, s.syncing, s.syncDue = nil, nil, false
	s.windowDue, s.helloDue, s.blocked = false, false, false
	return true
}

// ResumeFor is how long both sides keep the streams of a broken link; 0: not at all.
func (s *Session) ResumeFor() time.Duration {
	return min(s.cfg.Resume, time.Duration(s.peer.Resume)*time.Millisecond)
}

// Fail resets every stream on this side and ends the session.
func (s *Session) Fail(code wire.Code, err error) {
	if s.phase == phaseOver {
		return
	}
	s.phase, s.err = phaseOver, err
	if err == nil {
		s.err = &LinkError{code, "the link has ended"}
	}
	s.failAll(code)
}

func (s *Session) failAll(code wire.Code) {
	for _, st := range s.streams {
		s.fail(st, &StreamError{Code: code, Opened: st.answered}, false)
	}
	s.misc, s.opens, s.ready, s.readyTail, s.due, s.dueTail = nil, nil, nil, nil, nil, nil
}

// OpenStream opens a stream to a service of the peer. The bytes of o are kept. Up to EarlyData bytes may be written before
// the answer.
func (s *Session) OpenStream(o *wire.Open, flags uint8, e Events) (*Stream, error) {
	switch {
	case s.phase == phaseOver:
		return nil, s.err
	case s.draining || s.peerDraining:
		return nil, ErrDraining
	case s.phase == phaseGreeting || s.phase == phaseDetached && s.token == (wire.Token{}):
		return nil, ErrAgain
	case s.openOurs >= int(s.peer.MaxStreams) || s.next > 1<<32-3:
		return nil, ErrTooManyStreams
	}
	st := s.newStream(s.next, true)
	s.next += 2
	st.events, st.limitOut = e, EarlyData
	st.open = &openRequest{flags: flags, open: *o}
	st.open.open.Window = uint32(st.window)
	st.due |= dueOpen
	s.opens = append(s.opens, st)
	return st, nil
}

func (s *Session) newStream(id uint32, ours bool) *Stream {
	st := &Stream{s: s, id: id, ours: ours, window: s.cfg.StreamWindow, limitIn: uint64(s.cfg.StreamWindow), measured: s.now}
	s.streams[id] = st
	if ours {
		s.openOurs++
	} else {
		s.openPeer++
	}
	s.stats.Opened++
	return st
}

// SendOffer, SendOffered and SendWithdraw queue the frames of that name.
func (s *Session) SendOffer(number uint32, o *wire.Open) { s.queue(wire.AppendOffer(nil, number, o)) }

// SendOffered answers an offer: with the address, or with why not.
func (s *Session) SendOffered(number uint32, code wire.Code, text string) {
	s.queue(wire.AppendCode(nil, wire.TypeOffered, 0, number, code, text))
}

// SendWithdraw takes an offer back.
func (s *Session) SendWithdraw(number uint32) { s.queue(wire.AppendWithdraw(nil, number)) }

// GoAway says that no new streams are taken. With a code other than CodeNone the link is about to end, and the caller
// sends what Next still gives and closes it.
func (s *Session) GoAway(code wire.Code, text string) {
	s.draining, s.goAwayDue, s.goAwayCode, s.goAwayText = true, true, code, text
}

// queue keeps a frame that belongs to no stream that is open.
func (s *Session) queue(frame []byte) {
	if s.phase == phaseOver || s.phase == phaseDetached {
		return // the lists of a resume, or the reset of all streams, say it
	}
	s.misc = append(s.misc, frame)
}

func (s *Session) addDue(st *Stream, d due) {
	if st.gone {
		return
	}
	st.due |= d
	if st.queuedDue {
		return
	}
	st.queuedDue, st.nextDue = true, nil
	if s.dueTail == nil {
		s.due = st
	} else {
		s.dueTail.nextDue = st
	}
	s.dueTail = st
}

// addReady puts a stream at the end of those whose turn comes, if it has something to send.
func (s *Session) addReady(st *Stream) {
	if st.queuedReady || st.gone || !st.sendable() {
		return
	}
	st.queuedReady, st.nextReady = true, nil
	if s.readyTail == nil {
		s.ready = st
	} else {
		s.readyTail.nextReady = st
	}
	s.readyTail = st
}

// sendable says whether a DATA or a FIN could go out, but for the link's credit.
func (st *Stream) sendable() bool {
	if st.out.unread() > 0 {
		return st.sent < st.limitOut
	}
	return st.finWanted && !st.finSent
}

// tookLink grants the link's credit for n bytes that were read or thrown away.
func (s *Session) tookLink(n int) {
	s.consumed += uint64(n)
	if s.consumed-s.told >= uint64(s.cfg.LinkWindow/4) {
		s.windowDue = true
	}
}

// remove takes a stream out of the table.
func (s *Session) remove(st *Stream) {
	if st.gone {
		return
	}
	st.gone, st.due, st.open = true, 0, nil
	delete(s.streams, st.id)
	if st.ours {
		s.openOurs--
	} else {
		s.openPeer--
	}
	st.out.drop()
}

// fail ends a stream with an error on this side.
func (s *Session) fail(st *Stream, err error, quiet bool) {
	if st.gone {
		return
	}
	st.err = err
	s.stats.Failed++
	s.remove(st)
	n := st.in.n
	st.in.drop()
	st.took(n)
	if !quiet && st.events != nil {
		st.events.Ready()
	}
}

// finished removes a stream that has ended in order on both sides. With resume that is when the peer has confirmed it all.
func (s *Session) finished(st *Stream) {
	if st.gone || !st.finSent || !st.finReceived {
		return
	}
	if s.ResumeFor() > 0 && !(st.finAcked && st.eofRead && st.due == 0) {
		return
	}
	s.remove(st)
}
