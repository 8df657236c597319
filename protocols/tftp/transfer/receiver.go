package transfer

import (
	"time"

	"github.com/calandria-go/calandria/protocols/tftp/wire"
)

// Receiver takes a file: a server's side of a write request, or a client's of a read
// request. Start it with Serve or Get, each of which makes it anew.
//
// It holds no blocks: what Handle returns is written or copied at once, and [Receiver.SetSpace]
// says how much more there is room for. It allocates nothing but its first packet.
type Receiver struct {
	core
	want    int64 // the block that comes next
	inside  int   // blocks of this window that came
	space   int64 // bytes that the caller takes; negative: any number
	highest int64 // the highest block behind a gap since the last progress or answer
	ack     [wire.HeaderSize]byte
	until   time.Time // when dallying ends in any case
	acked   int64     // the highest block that was acknowledged; -1: not even block 0
	damaged bool      // a block was dropped as too short
	held    bool      // an ACK waits for space
}

// Serve answers a write request: with an OACK if it grants an option, else with ACK 0. A
// file that is announced as larger than Config.MaxSize is refused with ERROR 3.
func (r *Receiver) Serve(cfg *Config, req *wire.Packet) {
	r.restart(cfg, true)
	a, oack := r.cfg.grant(req, -1)
	r.agree(a)
	if r.first, r.oack = oack, oack != nil; !r.oack {
		r.first = wire.AppendAck(nil, 0)
	}
	if a.Size > r.cfg.MaxSize {
		r.refuse(ErrTooLarge)
	}
}

// Get asks to read the file of that name. The error is an [*wire.Error]: the name or
// an option cannot be sent.
func (r *Receiver) Get(cfg *Config, name string, mode wire.Mode, o *Options) error {
	r.restart(cfg, false)
	return r.request(wire.OpRRQ, name, mode, o, -1)
}

func (r *Receiver) restart(cfg *Config, server bool) {
	*r = Receiver{want: 1, space: -1, acked: -1}
	if server {
		r.acked = 0 // the first packet is as good as ACK 0
	}
	r.start(cfg, server)
}

// WindowBytes is the room that a whole window needs.
func (r *Receiver) WindowBytes() int { return r.agreed.WindowSize * r.agreed.BlockSize }

// SetSpace says how many bytes the caller takes from now on; negative, and at first: any
// number. A window is acknowledged only when the next one has room, so the buffer
// behind must be able to hold WindowBytes. A block without room is dropped.
func (r *Receiver) SetSpace(n int) {
	r.space = int64(n)
	if r.held && r.room() {
		r.held, r.due = false, dueAck
	}
}

func (r *Receiver) room() bool { return r.space < 0 || r.space >= int64(r.WindowBytes()) }

// Next returns a packet to send, or nil if none is due. It is valid until the next
// input; it must not be changed. It allocates nothing.
func (r *Receiver) Next(now time.Time) []byte {
	if r.due != dueAck {
		return r.core.next(now)
	}
	r.due = dueNothing
	r.stats.Sent++
	n := r.want - 1
	fresh := n > r.acked
	if fresh {
		r.acked = n
		r.rto.begin(now)
	} else {
		r.stats.Resent++
		r.rto.again(now)
	}
	// A repeated ACK does not put the timer off: a peer that only repeats itself gets
	// nowhere, and in the end that is a time-out.
	switch {
	case r.state == dally && r.cfg.Dally == 0:
		r.end(Completed, nil)
	case r.state == dally:
		if r.until.IsZero() {
			r.until = now.Add(maxDallies * r.cfg.Dally)
		}
		if r.wake = now.Add(r.cfg.Dally); r.wake.After(r.until) {
			r.wake = r.until
		}
	case fresh || r.wake.IsZero():
		r.wake = now.Add(r.patience())
	}
	return wire.AppendAck(r.ack[:0], r.roll.number(r.want-1))
}

// patience is how long to wait for DATA: unless a time-out was agreed on, twice as long
// as the sender presumably does, whose turn it is to send again.
func (r *Receiver) patience() time.Duration {
	if r.agreed.Timeout > 0 {
		return r.rto.current()
	}
	return 2 * r.rto.current()
}

// Packet is Handle for a datagram that was not parsed.
func (r *Receiver) Packet(b []byte, now time.Time) (data []byte, last bool) {
	if p, ok := r.parse(b); ok {
		return r.Handle(&p, now)
	}
	return nil, false
}

// Handle takes a packet from the peer's own address, and returns the file's next bytes,
// if it has any: they alias the packet. If last is true they are the last ones (there may be
// none), and [Receiver.Commit] or Abort must follow. It allocates nothing for DATA.
func (r *Receiver) Handle(p *wire.Packet, now time.Time) (data []byte, last bool) {
	switch {
	case r.outcome != Running:
	case p.Op == wire.OpError && r.state == dally:
		r.end(Completed, nil) // too late to matter: all is here and committed
	case p.Op == wire.OpError:
		r.remote(p)
	case p.Op == wire.OpData:
		return r.data(p, now)
	case p.Op == wire.OpOACK && !r.server:
		r.options(p, now)
	case p.Op == wire.OpWRQ && r.server:
		r.Repeat()
	default:
		r.stats.Ignored++
	}
	return nil, false
}

// Repeat takes a repetition of the request that Serve was called with: what answered
// it is sent again, unless the peer is past that or has used up
// Config.OpeningSends. A second transfer must not be started for it.
func (r *Receiver) Repeat() {
	switch {
	case r.outcome != Running:
	case r.state != opening || !r.mayOpen():
		r.stats.Ignored++
	default:
		r.due = dueFirst
	}
}

// options takes an OACK, whose answer is ACK 0 (RFC 2347 2). It comes again if that is lost.
func (r *Receiver) options(p *wire.Packet, now time.Time) {
	switch {
	case r.state == opening:
		a, err := accept(r.asked, p, false)
		if err == nil && a.Size > r.cfg.MaxSize {
			err = ErrTooLarge
		}
		if err != nil {
			r.refuse(err)
			return
		}
		r.rto.answered(now)
		r.agree(a)
		r.progress()
		r.state, r.oack = moving, true
		r.acknowledge()
	case r.state == moving && r.want == 1 && r.oack:
		r.acknowledge()
	default:
		r.stats.Ignored++
	}
}

// data takes a block.
func (r *Receiver) data(p *wire.Packet, now time.Time) (data []byte, last bool) {
	d, ok := r.roll.ahead(r.want, p.Block)
	switch {
	case !ok || r.state == commit:
	case d == 0 && (r.state == opening || r.state == moving):
		return r.inOrder(p.Data, now)
	case r.state == opening && !r.server:
	case d > 0 && d < int64(r.agreed.WindowSize) && r.state != dally:
		r.gap(r.want + d)
		return nil, false
	case p.Block == r.roll.number(r.want-1) && r.want > 1 && !r.held:
		r.again()
	}
	r.stats.Ignored++
	return nil, false
}

// again answers a repetition of the last good block: its ACK was lost.
func (r *Receiver) again() {
	if r.state == dally {
		r.due = dueAck
		return
	}
	r.acknowledge()
}

// gap answers the first block behind a gap with an ACK of the last good one, once
// (RFC 7440 4), and again when a block comes that is not above the highest: then the
// sender has started over, and lost the same block again.
func (r *Receiver) gap(n int64) {
	r.stats.Gaps++
	if r.highest == 0 || n <= r.highest {
		r.acknowledge()
	}
	r.highest = n
}

// acknowledge makes the ACK of the last good block due, or holds it until the next
// window has room.
func (r *Receiver) acknowledge() {
	r.inside = 0
	if r.state == opening {
		r.state = moving // DATA came, so the peer knows the first packet
		r.progress()
	}
	if r.room() {
		r.due = dueAck
		return
	}
	r.held, r.wake = true, time.Time{}
}

// inOrder takes the block that comes next.
func (r *Receiver) inOrder(b []byte, now time.Time) (data []byte, last bool) {
	size := r.agreed.BlockSize
	total := r.stats.Bytes + int64(len(b))
	last = len(b) < size
	switch {
	case len(b) > size:
		r.refuse(ErrBlockTooLong)
		return nil, false
	case total > r.cfg.MaxSize:
		r.refuse(ErrTooLarge)
		return nil, false
	case last && total < r.agreed.Size:
		r.damaged = true
		r.stats.Ignored++
		return nil, false
	case r.space >= 0 && int64(len(b)) > r.space:
		r.stats.Ignored++
		return nil, false
	}
	r.rto.answered(now)
	r.progress()
	if r.space >= 0 {
		r.space -= int64(len(b))
	}
	r.state, r.due, r.held, r.highest, r.damaged = moving, dueNothing, false, 0, false
	r.want++
	r.stats.Blocks++
	r.stats.Bytes = total
	r.inside++
	r.wake = now.Add(r.patience())
	switch {
	case last:
		r.state, r.wake = commit, time.Time{}
	case r.inside >= r.agreed.WindowSize:
		r.acknowledge()
	}
	return b, last
}

// maxDallies bounds a dally that repetitions make longer, in Config.Dally.
const maxDallies = 4

// Commit says that the file is safe where it belongs: the last ACK is due, and the
// peer may forget the file. After it Wake is the end of the dally, until which the Receiver answers
// repetitions of the last block (RFC 1350 6); then the outcome is Completed. Commit
// does nothing unless Handle said that the last block came.
func (r *Receiver) Commit() {
	if r.state == commit {
		r.state, r.due = dally, dueAck
	}
}

// Committed reports whether Commit was called: a client has its file, and need not
// wait for the end of the dally.
func (r *Receiver) Committed() bool { return r.state == dally || r.outcome == Completed }

// Timer takes the time that Wake named. Called early, it does nothing.
func (r *Receiver) Timer(now time.Time) {
	if r.state == dally {
		if !r.wake.IsZero() && !now.Before(r.wake) {
			r.end(Completed, nil)
		}
		return
	}
	if !r.fired(now) {
		if r.err == ErrTimeout && r.damaged {
			r.err = ErrShort
		}
		return
	}
	if r.state == opening {
		r.due = dueFirst
		return
	}
	r.acknowledge()
}
