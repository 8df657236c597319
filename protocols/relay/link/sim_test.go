package link

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"testing"
	"time"

	"github.com/calandria-go/calandria/protocols/relay/wire"
)

// side is one machine of a simulation with the streams that it knows.
type side struct {
	t      *testing.T
	s      *Session
	peer   *side
	wire   [][]byte // frames on their way to us
	flows  []*flow
	name   string
	fatal  error
	resumd int
}

// flow is one end of a stream, with what it still writes and what it has read.
type flow struct {
	st       *Stream
	toWrite  []byte
	got      []byte
	want     []byte
	eof      bool
	err      error
	ready    bool
	stalled  bool // does not read
	finished bool
}

func (f *flow) Ready() { f.ready = true }

func (d *side) Established(_ *Session, _ *wire.Hello, resumed bool) {
	if resumed {
		d.resumd++
	}
}
func (d *side) Offer(uint32, *wire.Open)          {}
func (d *side) Offered(uint32, wire.Code, string) {}
func (d *side) Withdraw(uint32)                   {}
func (d *side) GoAway(wire.Code, string)          {}

func (d *side) Opened(st *Stream, o *wire.Open, _ uint8) {
	var i int
	fmt.Sscanf(string(o.Service), "s%d", &i)
	f := d.flows[i]
	f.st = st
	st.SetEvents(f)
	st.Accept()
}

// step lets every flow read and write a little.
func (d *side) step(r *rand.Rand) {
	buf := make([]byte, 40<<10)
	for _, f := range d.flows {
		if f.st == nil || f.err != nil {
			continue
		}
		for len(f.toWrite) > 0 && r.IntN(4) > 0 {
			n, err := f.st.Write(f.toWrite[:min(len(f.toWrite), 1+r.IntN(64<<10))])
			f.toWrite = f.toWrite[n:]
			if err != nil {
				if err != ErrAgain {
					f.err = err
				}
				break
			}
		}
		if len(f.toWrite) == 0 && !f.finished && f.err == nil {
			f.finished = true
			f.st.CloseWrite()
		}
		for !f.stalled && !f.eof && f.err == nil && r.IntN(4) > 0 {
			n, err := f.st.Read(buf[:1+r.IntN(len(buf))])
			f.got = append(f.got, buf[:n]...)
			if err == io.EOF {
				f.eof = true
			} else if err == ErrAgain {
				break
			} else if err != nil {
				f.err = err
			}
		}
	}
}

func pattern(seed, n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(i*7 + i>>8*13 + seed*31)
	}
	return b
}

func pair(t *testing.T, cfg Config) (a, b *side, connect func()) {
	a, b = &side{t: t, name: "a"}, &side{t: t, name: "b"}
	a.peer, b.peer = b, a
	cfg.Role = wire.RoleAgent
	a.s = New(cfg, a)
	token := wire.Token{1}
	connect = func() {
		a.wire, b.wire = nil, nil
		a.s.Attach()
		h, err := wire.Parse(a.s.Next(nil))
		if err != nil {
			t.Fatal(err)
		}
		if b.s != nil && h.Hello.Token == token {
			b.s.Reattach(&h.Hello)
		} else {
			b.s = Accept(cfg, b, &h.Hello, token)
		}
	}
	connect()
	return a, b, connect
}

// move carries up to n frames from d to its peer.
func (d *side) move(n int) bool {
	moved := false
	for range n {
		f := d.s.Next(nil)
		if len(f) == 0 {
			break
		}
		moved = true
		d.peer.wire = append(d.peer.wire, f)
	}
	for range n {
		if len(d.wire) == 0 {
			break
		}
		moved = true
		f := d.wire[0]
		d.wire = d.wire[1:]
		if err := d.s.Handle(f); err != nil && d.fatal == nil {
			d.fatal = err
		}
	}
	return moved
}

// TestSimulation runs many streams over a link that loses what is on it again and again, and checks every byte.
func TestSimulation(t *testing.T) {
	seeds := 60
	if testing.Short() || raceEnabled {
		seeds = 8
	}
	if os.Getenv("CALANDRIA_SOAK") != "" {
		seeds = 5000
	}
	resumes := 0
	for seed := range seeds {
		for _, breaks := range []bool{false, true} {
			resumes += simulate(t, uint64(seed), breaks)
		}
	}
	if resumes == 0 {
		t.Error("nothing was resumed")
	}
}

// simulate returns how often the session was resumed.
func simulate(t *testing.T, seed uint64, breaks bool) int {
	r := rand.New(rand.NewPCG(seed, 1))
	cfg := Config{StreamWindow: 64 << 10, MaxStreamWindow: 512 << 10, LinkWindow: 4 << 20, SendBuffer: 1 + r.IntN(64<<10)}
	if breaks {
		cfg.Resume = time.Minute
	}
	a, b, connect := pair(t, cfg)
	flows := 1 + r.IntN(12)
	now := time.Duration(0)
	opened := 0
	limit := 200_000
	broken := 0
	for i := 0; ; i++ {
		if i > limit {
			for k := range a.flows {
				t.Logf("flow %d a: %d left, got %d of %d, eof %v; b: %d left, got %d of %d, eof %v", k, len(a.flows[k].toWrite), len(a.flows[k].got), len(a.flows[k].want), a.flows[k].eof,
					len(b.flows[k].toWrite), len(b.flows[k].got), len(b.flows[k].want), b.flows[k].eof)
			}
			t.Fatalf("seed %d breaks %v: not over after %d steps; %d streams left at a, %d at b; %+v", seed, breaks, limit, a.s.Len(), b.s.Len(), a.s.Stats())
		}
		now += time.Duration(r.IntN(int(5 * time.Millisecond)))
		a.s.Advance(now)
		b.s.Advance(now)
		if opened < flows && a.s.Open() && r.IntN(3) == 0 {
			fa := &flow{toWrite: pattern(opened, r.IntN(600<<10)), want: pattern(opened+100, r.IntN(600<<10))}
			fb := &flow{toWrite: fa.want, want: fa.toWrite}
			a.flows, b.flows = append(a.flows, fa), append(b.flows, fb)
			st, err := a.s.OpenStream(&wire.Open{Kind: wire.KindTCP, Service: fmt.Appendf(nil, "s%d", opened)}, 0, fa)
			if err != nil {
				t.Fatal(err)
			}
			fa.st = st
			opened++
		}
		a.step(r)
		b.step(r)
		for _, d := range []*side{a, b} {
			if err := d.s.Tick(); err != nil {
				t.Fatalf("seed %d: %s: %v", seed, d.name, err)
			}
			d.move(r.IntN(8))
			if d.fatal != nil {
				t.Fatalf("seed %d breaks %v: %s: %v", seed, breaks, d.name, d.fatal)
			}
			if u := d.s.Stats().Unread; u > cfg.LinkWindow {
				t.Fatalf("%d bytes unread", u)
			}
		}
		if breaks && a.s.ResumeFor() > 0 && r.IntN(60) == 0 && broken < 40 {
			broken++
			if !a.s.Detach(io.ErrUnexpectedEOF) || !b.s.Detach(io.ErrUnexpectedEOF) {
				t.Fatal("the session does not survive")
			}
			a.step(r)
			b.step(r)
			connect()
		}
		if opened == flows && a.s.Len() == 0 && b.s.Len() == 0 && allRead(a) && allRead(b) {
			break
		}
	}
	for _, d := range []*side{a, b} {
		for i, f := range d.flows {
			if f.err != nil || !f.eof || !bytes.Equal(f.got, f.want) {
				t.Fatalf("seed %d breaks %v: %s flow %d: %d of %d bytes, eof %v, err %v", seed, breaks, d.name, i, len(f.got), len(f.want), f.eof, f.err)
			}
		}
		if st := d.s.Stats(); st.Unread != 0 || st.Failed != 0 || st.Streams != 0 {
			t.Fatalf("seed %d: %s: left behind: %+v", seed, d.name, st)
		}
	}
	return a.resumd
}

func allRead(d *side) bool {
	for _, f := range d.flows {
		if !f.eof && f.err == nil {
			return false
		}
	}
	return true
}

// TestLostLink: without resume every stream ends with an error on both sides, and none is left.
func TestLostLink(t *testing.T) {
	a, b, _ := pair(t, Config{})
	a.flows, b.flows = []*flow{{}}, []*flow{{}}
	a.move(9)
	b.move(9)
	a.move(9)
	st, err := a.s.OpenStream(&wire.Open{Kind: wire.KindTCP, Service: []byte("s0")}, 0, a.flows[0])
	if err != nil {
		t.Fatal(err)
	}
	st.Write([]byte("hello"))
	for a.move(9) || b.move(9) {
	}
	if b.flows[0].st.Queued() != 5 {
		t.Fatalf("%d bytes came", b.flows[0].st.Queued())
	}
	for _, d := range []*side{a, b} {
		if d.s.Detach(io.ErrUnexpectedEOF) {
			t.Error("kept without resume")
		}
	}
	var se *StreamError
	if err := st.Err(); !errors.As(err, &se) || se.Code != wire.CodeLinkLost || !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("a: %v", err)
	}
	if _, err := b.flows[0].st.Read(make([]byte, 9)); !errors.As(err, &se) || se.Code != wire.CodeLinkLost {
		t.Errorf("b: %v", err)
	}
	if !a.flows[0].ready || !b.flows[0].ready {
		t.Error("not told")
	}
}
