package transfer

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/calandria-go/calandria/protocols/tftp/wire"
)

// A network with a fake clock between a client and a server. Each case is made of one seed, so that what fails
// can be repeated.

var epoch = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// noise is what files are made of, at any offset.
var noise = sync.OnceValue(func() []byte {
	b := make([]byte, 2<<20)
	rand.NewChaCha8([32]byte{}).Read(b)
	return b
})

type scenario struct {
	put                 bool
	cfg                 Config
	ask                 Options
	size                int
	loss, twice, damage float64
	delay, jitter       time.Duration
	slowSource          bool // the sender's bytes come in pieces, with pauses
	slowSink            bool // the receiver has room for little more than a window
	noOptions           bool // the server ignores options
}

type event struct {
	at   time.Duration // since the epoch
	to   side
	data []byte // nil: the application of that side goes on
}

type side int

const (
	toClient side = iota
	toServer
)

// queue is sorted by time. Most datagrams arrive in the order sent, so a new event has few to pass.
type queue struct {
	events []event
	head   int
}

func (q *queue) push(e event) {
	if q.head > 1000 {
		q.events = append(q.events[:0], q.events[q.head:]...)
		q.head = 0
	}
	at := len(q.events)
	q.events = append(q.events, e)
	for at > q.head && e.at < q.events[at-1].at {
		q.events[at] = q.events[at-1]
		at--
	}
	q.events[at] = e
}

func (q *queue) empty() bool { return q.head == len(q.events) }

func (q *queue) pop() event {
	e := q.events[q.head]
	q.events[q.head].data = nil
	q.head++
	return e
}

type machine interface {
	Next(time.Time) []byte
	Timer(time.Time)
	Wake() time.Time
	Outcome() Outcome
	Err() error
}

type network struct {
	scenario
	t        testing.TB
	rnd      *rand.Rand
	now      time.Time
	queue    queue
	free     [][]byte // datagrams to use again
	s        Sender
	r        Receiver
	serving  bool
	source   []byte // what Write has not taken
	finished bool
	got      []byte
	whole    bool // Commit was called
	unread   int  // in the slow sink's buffer
	sent     int  // datagrams
}

func (n *network) client() machine {
	if n.put {
		return &n.s
	}
	return &n.r
}

func (n *network) server() machine {
	if n.put {
		return &n.r
	}
	return &n.s
}

func (n *network) after(d time.Duration, to side, data []byte) {
	n.queue.push(event{n.now.Sub(epoch) + d, to, data})
}

// send carries one datagram, or loses, doubles, delays or damages it.
func (n *network) send(to side, p []byte) {
	n.sent++
	if n.rnd.Float64() < n.loss {
		return
	}
	copies := 1
	if n.rnd.Float64() < n.twice {
		copies = 2
	}
	for range copies {
		d := n.delay
		if n.jitter > 0 {
			d += time.Duration(n.rnd.Int64N(int64(n.jitter)))
		}
		var b []byte
		if i := len(n.free) - 1; i >= 0 {
			b, n.free = n.free[i][:0], n.free[:i]
		}
		b = append(b, p...)
		if n.rnd.Float64() < n.damage {
			b = b[:n.rnd.IntN(2)] // what a cut leaves unrecognisable: a shorter DATA or OACK would be another one
		}
		n.after(d, to, b)
	}
}

// feed gives the sender bytes, and the sink room.
func (n *network) feed() {
	for n.s.Space() > 0 && len(n.source) > 0 {
		piece := n.source
		if n.slowSource {
			piece = piece[:min(len(piece), 1+n.rnd.IntN(2000))]
		}
		n.source = n.source[n.s.Write(piece):]
		if n.slowSource {
			n.after(time.Duration(n.rnd.IntN(3))*time.Millisecond, n.senderSide(), nil)
			break
		}
	}
	if len(n.source) == 0 && !n.finished && n.s.Space() >= 0 && (n.serving || n.put) {
		n.finished = true
		n.s.Finish()
	}
}

func (n *network) senderSide() side {
	if n.put {
		return toClient
	}
	return toServer
}

func (n *network) pump() {
	n.feed()
	for p := n.client().Next(n.now); p != nil; p = n.client().Next(n.now) {
		n.send(toServer, p)
	}
	for n.serving {
		p := n.server().Next(n.now)
		if p == nil {
			return
		}
		n.send(toClient, p)
	}
}

func (n *network) take(data []byte, last bool) {
	n.got = append(n.got, data...)
	if n.slowSink && len(data) > 0 {
		n.unread += len(data)
		n.after(time.Duration(n.rnd.IntN(5))*time.Millisecond, toServer-n.senderSide(), nil)
	}
	if last {
		n.whole = true
		n.r.Commit()
	}
}

// app goes on with what the application of a side does.
func (n *network) app(to side) {
	if to == n.senderSide() {
		return // feed is next anyway
	}
	n.unread -= n.rnd.IntN(n.unread + 1)
	if n.unread > 0 {
		n.after(time.Millisecond, to, nil)
	}
	n.r.SetSpace(n.r.WindowBytes() + 100 - n.unread)
}

func (n *network) deliver(e event, data []byte) {
	if e.data == nil {
		n.app(e.to)
		return
	}
	if e.to == toServer {
		p, err := wire.Parse(e.data)
		request := err == nil && (p.Op == wire.OpRRQ || p.Op == wire.OpWRQ)
		if request && (!n.serving || n.server().Outcome() == Failed && !n.whole) {
			n.serve(&p, data)
			return
		}
		if !n.serving {
			return
		}
	}
	if (e.to == toClient) == n.put {
		n.s.Packet(e.data, n.now)
		return
	}
	n.take(n.r.Packet(e.data, n.now))
}

// serve starts the server, or starts it again when it had given up.
func (n *network) serve(p *wire.Packet, data []byte) {
	if n.noOptions {
		p.Options = nil
	}
	n.serving = true
	if n.put {
		n.got = n.got[:0]
		n.unread = 0
		n.r.Serve(&n.cfg, p)
		if n.slowSink {
			n.r.SetSpace(n.r.WindowBytes() + 100)
		}
		return
	}
	n.source, n.finished = data, false
	n.s.Serve(&n.cfg, p, int64(len(data)))
}

// run carries one transfer, and checks what must hold whatever happens.
func (sc scenario) run(t testing.TB, seed uint64) *network {
	rnd := rand.New(rand.NewPCG(seed, 8))
	data := noise()[rnd.IntN(1000):][:sc.size]
	n := &network{scenario: sc, t: t, rnd: rnd, now: epoch, got: make([]byte, 0, sc.size)}
	var err error
	if sc.put {
		n.source = data
		err = n.s.Put(&sc.cfg, "file", wire.Octet, &sc.ask, int64(len(data)))
	} else {
		err = n.r.Get(&sc.cfg, "file", wire.Octet, &sc.ask)
	}
	if err != nil {
		t.Fatalf("seed %d: %v", seed, err)
	}
	limit := 400 * (sc.size/8 + 100)
	for steps := 0; ; steps++ {
		n.pump()
		if n.client().Outcome() != Running && (!n.serving || n.server().Outcome() != Running) {
			break
		}
		if steps > limit {
			t.Fatalf("seed %d: no end after %d steps: %+v", seed, steps, sc)
		}
		if !n.step(data) {
			t.Fatalf("seed %d: nobody waits for anything: %+v sender %+v receiver %+v", seed, sc, n.s.core, n.r.core)
		}
	}
	n.check(seed, data)
	return n
}

// step goes to what comes next: a datagram or a timer.
func (n *network) step(data []byte) bool {
	var next machine
	var at time.Time
	for _, m := range [...]machine{n.client(), n.server()} {
		if w := m.Wake(); !w.IsZero() && (next == nil || w.Before(at)) {
			next, at = m, w
		}
	}
	if !n.queue.empty() && (next == nil || at.Sub(epoch) >= n.queue.events[n.queue.head].at) {
		e := n.queue.pop()
		n.now = epoch.Add(e.at)
		n.deliver(e, data)
		if e.data != nil {
			n.free = append(n.free, e.data)
		}
		return true
	}
	if next == nil {
		return false
	}
	n.now = at
	next.Timer(n.now)
	return true
}

func (n *network) check(seed uint64, data []byte) {
	if n.whole && !bytes.Equal(n.got, data) {
		n.t.Fatalf("seed %d: %d bytes came, %d were sent, or others: %+v", seed, len(n.got), len(data), n.scenario)
	}
	if n.s.Outcome() == Completed && !n.whole {
		n.t.Fatalf("seed %d: the sender is content, the receiver is not: %+v", seed, n.scenario)
	}
	for _, m := range []machine{n.client(), n.server()} {
		err := m.Err()
		if (err == nil) != (m.Outcome() == Completed) && n.serving {
			n.t.Fatalf("seed %d: %v with %v", seed, m.Outcome(), err)
		}
		if m.Outcome() == Failed && !errors.Is(err, ErrTimeout) && !errors.Is(err, ErrUnconfirmed) {
			n.t.Fatalf("seed %d: %v: %+v", seed, err, n.scenario)
		}
	}
}
