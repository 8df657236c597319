package transfer

import (
	"time"

	"github.com/calandria-go/calandria/protocols/tftp/wire"
)

// Sender gives a file: a server's side of a read request, or a client's of a write
// request. Start it with Serve or Put, each of which makes it anew and keeps its
// buffers.
//
// It holds the blocks of one window, each as large as what was written to it, so a
// peer that asks for much and a file that has little cost little. After the first
// window it allocates nothing.
type Sender struct {
	core
	slots   [][]byte // packets, header included; block n is in slot n modulo the window
	base    int64    // the first block that is not acknowledged
	nextOut int64    // the next to send
	sent    int64    // the highest one that was ever sent
	timed   int64    // the block that the sample is of
	fill    int64    // the block that Write fills; those below are complete
	last    int64    // the last block, once known
	open    bool     // block fill has its header
	ended   bool     // Finish was called
}

// Serve answers a read request: with an OACK if it grants an option, else with block 1.
// size is the file's, to answer tsize with; -1 if it is not known. In netascii it
// does not matter, as the encoded size is not known.
func (s *Sender) Serve(cfg *Config, req *wire.Packet, size int64) {
	s.restart(cfg, true)
	a, oack := s.cfg.grant(req, size)
	s.agree(a)
	if s.first, s.oack = oack, oack != nil; !s.oack {
		s.state, s.due = moving, dueNothing
	}
	s.window()
}

// Put asks to write a file of that name. size is announced if o says so; -1: not
// known. The error is an [*wire.Error]: the name or an option cannot be sent.
func (s *Sender) Put(cfg *Config, name string, mode wire.Mode, o *Options, size int64) error {
	s.restart(cfg, false)
	return s.request(wire.OpWRQ, name, mode, o, size)
}

func (s *Sender) restart(cfg *Config, server bool) {
	*s = Sender{slots: s.slots[:0], base: 1, nextOut: 1, fill: 1}
	s.start(cfg, server)
}

// window makes room for the headers of the slots; their bytes come with Write.
func (s *Sender) window() {
	n := s.agreed.WindowSize
	if cap(s.slots) < n {
		s.slots = append(make([][]byte, 0, n), s.slots[:cap(s.slots)]...)
	}
	s.slots = s.slots[:n]
}

// Space is how many bytes Write takes now. It is 0 until the options are agreed on,
// and behind Finish.
func (s *Sender) Space() int {
	if len(s.slots) == 0 || s.ended || s.outcome != Running {
		return 0
	}
	n := int(s.base+int64(len(s.slots))-s.fill) * s.agreed.BlockSize
	if s.open {
		n -= len(s.slots[s.fill%int64(len(s.slots))]) - wire.HeaderSize
	}
	return n
}

// Write takes the file's next bytes, as many as there is space for, and returns how
// many it took. It copies them.
func (s *Sender) Write(p []byte) int {
	n := 0
	for space := s.Space(); n < len(p) && n < space; {
		slot := s.header()
		size := wire.HeaderSize + s.agreed.BlockSize
		take := p[n:min(len(p), n+size-len(*slot))]
		if cap(*slot) < size && len(take) >= s.agreed.BlockSize/2 {
			*slot = append(make([]byte, 0, size), *slot...)
		}
		*slot = append(*slot, take...)
		n += len(take)
		if len(*slot) == size {
			s.fill, s.open = s.fill+1, false
		}
	}
	return n
}

// header starts block fill, if it is not started, and returns its slot.
func (s *Sender) header() *[]byte {
	slot := &s.slots[s.fill%int64(len(s.slots))]
	if !s.open {
		*slot = wire.AppendDataHeader((*slot)[:0], s.roll.number(s.fill))
		s.open = true
	}
	return slot
}

// Finish says that the file ends here. The last block is the one that is not full; it
// may have no bytes (RFC 1350 6).
func (s *Sender) Finish() {
	s.ended = true
	s.seal()
}

// seal completes the last block once it has a slot.
func (s *Sender) seal() {
	if !s.ended || s.last != 0 || len(s.slots) == 0 || s.fill >= s.base+int64(len(s.slots)) {
		return
	}
	s.header()
	s.last, s.open = s.fill, false
	s.fill++
}

// Next returns a packet to send, or nil if none is due. It is valid until the next
// input; it must not be changed. It allocates nothing.
func (s *Sender) Next(now time.Time) []byte {
	if p := s.core.next(now); p != nil {
		return p
	}
	if s.state != moving || s.nextOut >= s.fill || s.nextOut >= s.base+int64(len(s.slots)) || !s.mayOpen() {
		return nil
	}
	n := s.nextOut
	s.nextOut++
	s.stats.Sent++
	if !s.answered {
		s.sends++
	}
	if n > s.sent {
		s.sent = n
		if !s.rto.pending {
			s.timed = n
			s.rto.begin(now)
		}
	} else {
		s.stats.Resent++
		s.rto.again(now)
	}
	s.wake = now.Add(s.rto.current())
	return s.slots[n%int64(len(s.slots))]
}

// Packet is Handle for a datagram that was not parsed.
func (s *Sender) Packet(b []byte, now time.Time) {
	if p, ok := s.parse(b); ok {
		s.Handle(&p, now)
	}
}

// Handle takes a packet from the peer's own address. It allocates nothing for an ACK.
func (s *Sender) Handle(p *wire.Packet, now time.Time) {
	switch {
	case s.outcome != Running:
	case p.Op == wire.OpError:
		s.remote(p)
	case p.Op == wire.OpAck && s.state == opening:
		s.opened(p, now)
	case p.Op == wire.OpAck:
		s.ack(p.Block, now)
	case p.Op == wire.OpOACK && s.state == opening && !s.server:
		a, err := accept(s.asked, p, true)
		if err != nil {
			s.refuse(err)
			return
		}
		s.begin(a, now)
	case p.Op == wire.OpRRQ && s.server:
		s.Repeat()
	default:
		s.stats.Ignored++
	}
}

// Repeat takes a repetition of the request that Serve was called with: what answered
// it is sent again, unless the peer is past that or has used up
// Config.OpeningSends. A second transfer must not be started for it.
func (s *Sender) Repeat() {
	switch {
	case s.outcome != Running:
	case s.answered || !s.mayOpen():
		s.stats.Ignored++
	case s.state == opening:
		s.due = dueFirst
	default:
		s.nextOut = s.base
	}
}

// opened takes the answer to the first packet: ACK 0, for an OACK (RFC 2347 2), or
// for a WRQ whose options the server ignored.
func (s *Sender) opened(p *wire.Packet, now time.Time) {
	if p.Block != 0 {
		s.stats.Ignored++
		return
	}
	if s.server {
		s.begin(s.agreed, now)
		return
	}
	s.begin(plain(), now)
}

// begin starts with block 1.
func (s *Sender) begin(a Agreement, now time.Time) {
	s.progress()
	s.rto.answered(now)
	s.agree(a)
	s.window()
	s.state, s.due, s.wake = moving, dueNothing, time.Time{}
	s.seal()
}

// ack takes an ACK of DATA. It is for all blocks up to its own; what was sent behind
// that is sent again, as an ACK inside a window says that there is a gap (RFC 7440 4).
func (s *Sender) ack(number uint16, now time.Time) {
	d, ok := s.roll.ahead(s.base-1, number)
	n := s.base - 1 + d
	if !ok || d == 0 || n > s.sent {
		s.stats.Ignored++ // a duplicate: resends nothing
		return
	}
	if n < s.timed {
		s.rto.cancel() // a gap before the block that the sample is of
	}
	s.rto.answered(now)
	s.progress()
	s.stats.Blocks = n
	s.stats.Bytes = n * int64(s.agreed.BlockSize)
	if n == s.last {
		s.stats.Bytes += int64(len(s.slots[n%int64(len(s.slots))])-wire.HeaderSize) - int64(s.agreed.BlockSize)
		s.end(Completed, nil)
		return
	}
	s.base = n + 1
	if s.nextOut > s.base {
		s.stats.Gaps++
		s.rto.cancel()
	}
	s.nextOut = s.base
	s.wake = time.Time{}
	s.seal()
}

// Timer takes the time that Wake named. Called early, it does nothing.
func (s *Sender) Timer(now time.Time) {
	if !s.fired(now) {
		if s.err == ErrTimeout && s.last != 0 && s.base == s.last {
			s.err = ErrUnconfirmed
		}
		return
	}
	if s.state == opening {
		s.due = dueFirst
		return
	}
	s.nextOut = s.base
}
