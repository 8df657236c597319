package tftp

import (
	"net/netip"
	"time"

	"github.com/calandria-go/calandria/protocols/tftp/transfer"
	"github.com/calandria-go/calandria/protocols/tftp/wire"
	"github.com/calandria-go/calandria/reactor"
)

// machine is what transfer.Sender and transfer.Receiver have in common.
type machine interface {
	Next(now time.Time) []byte
	Timer(now time.Time)
	Wake() time.Time
	Outcome() transfer.Outcome
	Err() error
	Stats() transfer.Stats
	Agreed() transfer.Agreement
	Answered() bool
	Abort(err error)
	AbortCode(code wire.ErrorCode, err error)
}

// unsentHigh is where a machine is not asked for more while its socket is full.
const unsentHigh = 64 << 10

// link joins a machine to an endpoint: it sends what is due, no faster than it may, and keeps the timer. Loop only.
type link struct {
	end   *reactor.Endpoint
	m     machine
	peer  netip.AddrPort
	local netip.Addr // that the answers come from; invalid: the socket's own
	timer reactor.Timer
	armed time.Time // when the timer fires; zero: it does not run
	paced time.Time // when the next packet may leave; zero: at once
	pace  pace      // of this transfer
	all   *sharedPace
	stall time.Time // when a back-end must have done what it does; zero: it does nothing
	full  bool      // the socket has no room: OnWritable goes on
}

// pump sends what is due. What is left waits for the timer, or for room.
func (l *link) pump(now time.Time) {
	l.paced = time.Time{}
	for l.allowed(now) {
		p := l.m.Next(now)
		if p == nil {
			break
		}
		if l.end.SendFrom(p, l.peer, l.local) == nil {
			l.pace.spend(now, len(p))
			l.all.spend(now, len(p))
		}
	}
	l.arm(now)
}

// allowed says whether another packet may leave.
func (l *link) allowed(now time.Time) bool {
	if l.full = l.end.Unsent() > unsentHigh; l.full {
		return false
	}
	at := l.pace.next(now)
	if t := l.all.next(now); t.After(at) {
		at = t
	}
	if at.After(now) {
		l.paced = at
		return false
	}
	return true
}

// arm has the timer fire when the machine or the pace wants it. One that runs and fires earlier stays: when it fires it is
// set anew, which costs less than moving it with every packet.
func (l *link) arm(now time.Time) {
	at := l.m.Wake()
	if !l.paced.IsZero() && (at.IsZero() || l.paced.Before(at)) {
		at = l.paced
	}
	if !l.stall.IsZero() && (at.IsZero() || l.stall.Before(at)) {
		at = l.stall
	}
	if at.IsZero() || !l.armed.IsZero() && !l.armed.After(at) {
		return
	}
	l.armed = at
	l.timer.Reset(at.Sub(now))
}

// fired is the first half of the timer's function.
func (l *link) fired(now time.Time) {
	l.armed = time.Time{}
	l.m.Timer(now)
}
