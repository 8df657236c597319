package link

import (
	"cmp"
	"slices"

	"github.com/calandria-go/calandria/protocols/relay/wire"
)

// sync takes the peer's view of one stream after a resume, or the end of its list.
func (s *Session) sync(f *wire.Frame) error {
	if s.phase != phaseSyncing {
		return protocolError("SYNC without a resume")
	}
	if f.Stream == 0 {
		s.synced(f.Last)
		return nil
	}
	st := s.streams[f.Stream]
	if st == nil {
		return nil // it has ended here; the peer will not find it in our list
	}
	if st.synced {
		return protocolError("SYNC of one stream twice")
	}
	st.synced = true
	c := f.Credit
	end := st.sent
	if st.finSent {
		end++
	}
	if c.Received > st.sent || c.Received < min(st.acked, st.written) || c.Consumed > end {
		st.Reset(wire.CodeProtocol, "SYNC of bytes that were not sent, or were confirmed before")
		return nil
	}
	if c.Consumed > st.acked {
		st.out.discard(int(min(c.Consumed, st.written) - min(st.acked, st.written)))
		st.acked = c.Consumed
	}
	s.stats.Resent += st.sent - c.Received
	st.sent = c.Received
	st.out.rewind(int(st.sent - min(st.acked, st.written)))
	st.limitOut = max(st.limitOut, c.Limit)
	if st.finSent && f.Flags&wire.FlagFin == 0 {
		st.finSent = false
	}
	st.finAcked = st.finAcked || st.finSent && c.Consumed == st.written+1
	if !st.ours && st.answered && f.Flags&wire.FlagAnswered == 0 {
		s.addDue(st, dueOpenOK)
	}
	if st.ours && st.due&dueOpen != 0 {
		st.due &^= dueOpen // it came through
	}
	if st.closed && !st.finReceived {
		s.addDue(st, dueStop)
	}
	return nil
}

// synced ends a resume: what the peer did not list has either not reached it, or has ended there.
func (s *Session) synced(last uint32) {
	s.phase, s.opens = phaseOpen, nil
	for _, st := range s.streams {
		switch {
		case st.synced:
		case st.ours && st.id > last && !st.answered && st.acked == 0:
			st.sent = 0
			st.out.rewind(0)
			st.finSent = false
			st.due |= dueOpen
			s.opens = append(s.opens, st)
		case st.finReceived && st.finSent && st.sent == st.written:
			s.remove(st) // the peer has all, and we have
			continue
		default:
			s.fail(st, &StreamError{Code: wire.CodeReset, Text: "it ended while the link was broken", Remote: true, Opened: st.answered}, false)
			continue
		}
		s.addReady(st)
		st.wakeWriter()
		s.finished(st)
	}
	slices.SortFunc(s.opens, func(a, b *Stream) int { return cmp.Compare(a.id, b.id) })
	if s.draining {
		s.goAwayDue = true
	}
}
