package link

import (
	"io"
	"time"

	"github.com/calandria-go/calandria/protocols/relay/wire"
)

// Events is told of one stream. It must not call back into the session before it returns.
type Events interface {
	// Ready says that Read, Write or Err may have something new to say: bytes, the end, room, the answer to an OPEN, an error.
	Ready()
}

// What of a stream is due, apart from its bytes.
type due uint8

const (
	dueOpen due = 1 << iota
	dueOpenOK
	dueWindow
	dueStop
)

// Stream is one of a session's streams. About 350 bytes, and its buffers while they hold something.
type Stream struct {
	s      *Session
	events Events
	open   *openRequest // of ours, until it is answered
	err    error

	in         buffer
	received   uint64 // offsets, like all that follow: bytes since the stream's beginning
	consumed   uint64
	limitIn    uint64 // what the peer was granted
	told       uint64 // of consumed, the peer knows
	window     int
	measuredAt uint64 // of consumed, when the rate was measured last
	measured   time.Duration

	out      buffer
	acked    uint64 // the peer has consumed
	sent     uint64
	written  uint64
	limitOut uint64

	nextReady, nextDue *Stream
	id                 uint32
	due                due
	ours               bool
	answered           bool // OPEN_OK was sent or received
	queuedReady        bool
	queuedDue          bool
	finWanted, finSent bool
	finAcked           bool
	finReceived        bool
	eofRead            bool
	stopped            bool // the peer wants no more
	closed             bool // nobody reads any more: what comes is thrown away
	wantWrite          bool
	gone               bool // not in the table
	synced             bool // the peer listed it after a resume
}

// openRequest is what an OPEN says, kept while it may have to be sent again.
type openRequest struct {
	flags uint8
	open  wire.Open
}

// ID is the stream's number on its link.
func (st *Stream) ID() uint32 { return st.id }

// SetEvents installs who is told, at first and instead of another.
func (st *Stream) SetEvents(e Events) { st.events = e }

// Answered says whether the stream has reached its target: OPEN_OK was received, or sent.
func (st *Stream) Answered() bool { return st.answered }

// Err is why the stream is over; nil while it is not, and after an orderly end.
func (st *Stream) Err() error { return st.err }

// Queued is how many bytes came that were not read.
func (st *Stream) Queued() int { return st.in.n }

// Window is how many bytes the peer may be ahead of Read now.
func (st *Stream) Window() int { return st.window }

// Accept answers the peer's OPEN with OPEN_OK.
func (st *Stream) Accept() {
	if st.gone || st.ours || st.answered {
		return
	}
	st.answered = true
	st.s.addDue(st, dueOpenOK)
}

// Refuse answers the peer's OPEN with OPEN_ERR, and the stream is over.
func (st *Stream) Refuse(code wire.Code, text string) {
	if st.gone || st.ours || st.answered {
		return
	}
	st.s.queue(wire.AppendCode(nil, wire.TypeOpenErr, 0, st.id, code, text))
	st.s.fail(st, &StreamError{Code: code, Text: text}, false)
}

// Read gives bytes that came, io.EOF behind the peer's last one, or ErrAgain. What is read is credit for the peer.
func (st *Stream) Read(p []byte) (int, error) {
	switch {
	case st.in.n > 0 && len(p) > 0:
		n := st.in.read(p)
		st.in.discard(n)
		st.took(n)
		return n, nil
	case st.err != nil:
		return 0, st.err
	case st.finReceived:
		if !st.eofRead {
			st.eofRead = true
			st.consumed++
			st.s.addDue(st, dueWindow)
			st.s.finished(st)
		}
		return 0, io.EOF
	case st.closed:
		return 0, ErrClosed
	}
	return 0, ErrAgain
}

// took accounts for n bytes that were read or thrown away, and grants new credit when a quarter of the window was.
func (st *Stream) took(n int) {
	st.consumed += uint64(n)
	st.s.tookLink(n)
	if st.finReceived || st.gone || st.consumed-st.told < uint64(st.window/4) {
		return
	}
	st.grow()
	st.s.addDue(st, dueWindow)
}

// grow makes the window twice what the reader takes in a round trip, measured over at least one.
func (st *Stream) grow() {
	s := st.s
	d := s.now - st.measured
	if s.rtt <= 0 || d < s.rtt {
		return
	}
	want := 2 * float64(st.consumed-st.measuredAt) * float64(s.rtt) / float64(d)
	st.measured, st.measuredAt = s.now, st.consumed
	if want > float64(st.window) && s.unread() <= s.cfg.LinkWindow/4 {
		st.window = min(2*st.window, s.cfg.MaxStreamWindow)
	}
}

// Write takes what there is credit and room for, or ErrAgain. Events.Ready tells when there is more.
func (st *Stream) Write(p []byte) (int, error) {
	switch {
	case st.err != nil:
		return 0, st.err
	case st.finWanted:
		return 0, ErrClosed
	case st.stopped && st.in.n == 0:
		return 0, ErrStopped
	case st.stopped:
		return 0, ErrAgain // what came is to be read first
	}
	n := min(len(p), st.room())
	if n == 0 && len(p) > 0 {
		st.wantWrite = true
		return 0, ErrAgain
	}
	st.wantWrite = n < len(p)
	st.out.append(p[:n])
	st.written += uint64(n)
	st.s.addReady(st)
	return n, nil
}

// room is how many bytes Write would take.
func (st *Stream) room() int {
	credit := int64(st.limitOut) - int64(st.written)
	return int(max(0, min(credit, int64(st.s.cfg.SendBuffer-st.out.unread()))))
}

// Room is how many bytes Write takes now. When it is 0, Ready tells of more only after a Write that got ErrAgain.
func (st *Stream) Room() int {
	if st.err != nil || st.finWanted || st.stopped {
		return 0
	}
	return st.room()
}

// CloseWrite sends FIN behind what was written.
func (st *Stream) CloseWrite() {
	if st.finWanted || st.gone {
		return
	}
	st.finWanted = true
	st.s.addReady(st)
}

// Close is CloseWrite, and what still comes is thrown away; the peer is asked to send no more.
func (st *Stream) Close() {
	st.CloseWrite()
	if st.closed || st.gone {
		st.closed = true
		st.discard()
		return
	}
	st.closed = true
	st.discard()
	if !st.finReceived {
		st.s.addDue(st, dueStop)
	}
	st.s.finished(st)
}

// discard throws away what came and was not read.
func (st *Stream) discard() {
	n := st.in.n
	st.in.drop()
	st.took(n)
	if st.finReceived && !st.eofRead {
		st.eofRead = true
		st.consumed++
		st.s.addDue(st, dueWindow)
	}
}

// Reset ends the stream at once, both ways, and tells the peer why.
func (st *Stream) Reset(code wire.Code, text string) {
	if st.gone {
		st.in.dropInto(st)
		return
	}
	if st.due&dueOpen == 0 { // else the peer never heard of it
		st.s.queue(wire.AppendCode(nil, wire.TypeRst, 0, st.id, code, text))
	}
	st.s.fail(st, &StreamError{Code: code, Text: text, Opened: st.answered}, false)
}

// dropInto throws away what nobody will read of a stream that is over.
func (b *buffer) dropInto(st *Stream) {
	n := b.n
	b.drop()
	st.took(n)
}
