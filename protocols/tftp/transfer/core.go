package transfer

import (
	"time"

	"github.com/calandria-go/calandria/protocols/tftp/wire"
)

type state uint8

const (
	over    state = iota
	opening       // the first packet is out, the peer has not answered
	moving        // DATA one way, ACK the other
	commit        // Receiver: the last block is delivered, its ACK waits for Commit
	dally         // Receiver: the last ACK was sent
)

type due uint8

const (
	dueNothing due = iota
	dueFirst       // first
	dueAck         // Receiver: the ACK of the last good block
	dueError       // first, which then is an ERROR
)

// core is what Sender and Receiver have in common.
type core struct {
	cfg      Config
	agreed   Agreement
	asked    []wire.OptionValue // of a client
	first    []byte             // RRQ, WRQ, OACK or ACK 0; at the end ERROR
	err      error
	wake     time.Time
	rto      rto
	stats    Stats
	tries    int // time-outs since the last progress
	sends    int // of the first packet
	state    state
	due      due
	outcome  Outcome
	roll     rollover
	server   bool
	oack     bool // of a server: first is an OACK; of a client that reads: one came
	answered bool // the peer has answered: its address is not forged
}

func (c *core) start(cfg *Config, server bool) {
	*c = core{cfg: cfg.resolved(), server: server, state: opening, due: dueFirst, agreed: plain()}
	c.rto.start(&c.cfg)
}

// agree makes a what both sides go by.
func (c *core) agree(a Agreement) {
	c.agreed, c.roll = a, rollover(a.Rollover)
	c.rto.fix(a.Timeout)
}

// request starts a client.
func (c *core) request(op wire.Opcode, name string, mode wire.Mode, o *Options, size int64) error {
	if o != nil {
		c.asked = c.cfg.list(o, size, mode, op == wire.OpWRQ)
	}
	var err error
	if c.first, err = wire.AppendRequest(nil, op, name, mode, c.asked...); err != nil {
		c.end(Failed, err)
	}
	return err
}

// Outcome is how the transfer stands. When it is not Running, call Next once more until it returns
// nil: there may be an ERROR to send. Then the machine can be dropped.
func (c *core) Outcome() Outcome { return c.outcome }

// Err is why the transfer failed or was declined, else nil: an [*wire.RemoteError], an
// [*wire.Error], or one of this package's errors.
func (c *core) Err() error { return c.err }

// Wake is when Timer wants to be called; zero: not before the next input.
func (c *core) Wake() time.Time { return c.wake }

// Agreed is what both sides go by; of a client, once the server has answered.
func (c *core) Agreed() Agreement { return c.agreed }

// Stats returns the counts so far.
func (c *core) Stats() Stats { return c.stats }

// Answered reports whether the peer has answered anything. Before that its address may be forged, and a
// server sends no more than Config.OpeningSends packets.
func (c *core) Answered() bool { return c.answered }

// Abort ends the transfer with ERROR for err, which may be nil: it has the code of
// [wire.CodeOf] and that code's text, so nothing of err's own text gets out. It does nothing if the
// transfer is over.
func (c *core) Abort(err error) {
	if err == nil {
		err = ErrAborted
	}
	c.refuse(err)
}

// AbortCode is Abort with a code of one's own, such as wire.CodeDiskFull.
func (c *core) AbortCode(code wire.ErrorCode, err error) {
	if c.outcome != Running {
		return
	}
	c.refuse(err)
	c.first = wire.AppendError(c.first[:0], code)
}

// refuse ends the transfer and tells the peer.
func (c *core) refuse(err error) {
	if c.outcome != Running {
		return
	}
	c.end(Failed, err)
	c.first, c.due = wire.AppendError(c.first[:0], wire.CodeOf(err)), dueError
}

func (c *core) end(o Outcome, err error) {
	if c.outcome != Running {
		return
	}
	c.outcome, c.err, c.state, c.due, c.wake = o, err, over, dueNothing, time.Time{}
}

// remote takes the peer's ERROR, which ends the transfer at once and gets no answer
// (RFC 1350 7).
func (c *core) remote(p *wire.Packet) {
	o := Failed
	if c.server && !c.answered && (c.oack || p.Code == wire.CodeOption) {
		o = Declined
	}
	c.end(o, wire.NewRemoteError(p))
}

// parse reads a datagram; what does not parse is dropped as if lost.
func (c *core) parse(b []byte) (wire.Packet, bool) {
	p, err := wire.Parse(b)
	if err != nil {
		c.stats.Malformed++
	}
	return p, err == nil
}

// fired is the part of Timer that both have: it reports whether to send again.
func (c *core) fired(now time.Time) bool {
	if c.outcome != Running || c.wake.IsZero() || now.Before(c.wake) {
		return false
	}
	c.wake = time.Time{}
	c.stats.Timeouts++
	if c.tries++; c.tries > c.cfg.Retries || !c.mayOpen() {
		c.end(Failed, ErrTimeout)
		return false
	}
	c.rto.backOff()
	return true
}

// mayOpen reports whether a server may send to a peer that has not answered.
func (c *core) mayOpen() bool { return !c.server || c.answered || c.sends < c.cfg.OpeningSends }

// next is the part of Next that both have: the first packet, or an ERROR.
func (c *core) next(now time.Time) []byte {
	switch c.due {
	case dueFirst:
		c.due = dueNothing
		c.counted(now)
	case dueError:
		c.due = dueNothing
	default:
		return nil
	}
	c.stats.Sent++
	return c.first
}

// counted does the accounts of a packet that opens the transfer.
func (c *core) counted(now time.Time) {
	c.sends++
	c.wake = now.Add(c.rto.current())
	if c.sends > 1 {
		c.stats.Resent++
		c.rto.again(now)
		return
	}
	c.rto.begin(now)
}

// progress notes that the peer moved the transfer on.
func (c *core) progress() { c.tries, c.answered = 0, true }
