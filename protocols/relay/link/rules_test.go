package link

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/calandria-go/calandria/protocols/relay/wire"
)

// quiet pairs two sessions that measure nothing, exchanges the HELLOs and opens a stream, accepted by b.
func quiet(t *testing.T, cfg Config) (a, b *side, fa, fb *flow) {
	t.Helper()
	cfg.PingInterval = -1
	a, b, _ = pair(t, cfg)
	fa, fb = &flow{}, &flow{}
	a.flows, b.flows = []*flow{fa}, []*flow{fb}
	settle(a, b)
	st, err := a.s.OpenStream(&wire.Open{Kind: wire.KindTCP, Service: []byte("s0")}, 0, fa)
	if err != nil {
		t.Fatal(err)
	}
	fa.st = st
	settle(a, b)
	return a, b, fa, fb
}

func settle(a, b *side) {
	for a.move(100) || b.move(100) {
	}
}

// TestViolations: what breaks the rules of a stream resets it, what breaks those of the link ends it, with a code each.
func TestViolations(t *testing.T) {
	data := func(id uint32, n int) []byte { return append(wire.AppendData(nil, id), make([]byte, n)...) }
	open := func(id uint32) []byte {
		return wire.AppendOpen(nil, id, 0, &wire.Open{Kind: wire.KindTCP, Service: []byte("s0"), Window: 1 << 18})
	}
	for _, c := range []struct {
		name   string
		frames [][]byte // to b, which accepted stream 1
		link   wire.Code
		stream wire.Code
	}{
		{"second HELLO", [][]byte{wire.AppendHello(nil, 0, &wire.Hello{Version: wire.Version, Role: wire.RoleAgent})}, wire.CodeProtocol, 0},
		{"OPEN with the other's number", [][]byte{open(2)}, wire.CodeProtocol, 0},
		{"OPEN with a number that was used", [][]byte{open(1)}, wire.CodeProtocol, 0},
		{"DATA for a stream of the future", [][]byte{data(99, 1)}, wire.CodeProtocol, 0},
		{"DATA for a stream of ours that is not", [][]byte{data(2, 1)}, wire.CodeProtocol, 0},
		{"FIN for a stream of the future", [][]byte{wire.AppendFin(nil, 99, 0)}, wire.CodeProtocol, 0},
		{"SYNC without a resume", [][]byte{wire.AppendSyncEnd(nil, 0)}, wire.CodeProtocol, 0},
		{"WINDOW of the link for more than was sent", [][]byte{wire.AppendWindow(nil, 0, 1, 1<<20)}, wire.CodeProtocol, 0},
		{"malformed", [][]byte{{5, 0, 0, 0, 0, 1}}, wire.CodeProtocol, 0},
		{"more than the stream's credit", [][]byte{data(1, 32<<10), data(1, 32<<10), data(1, 1)}, 0, wire.CodeFlowControl},
		{"DATA behind FIN", [][]byte{wire.AppendFin(nil, 1, 0), data(1, 1)}, 0, wire.CodeProtocol},
		{"second FIN", [][]byte{wire.AppendFin(nil, 1, 0), wire.AppendFin(nil, 1, 0)}, 0, wire.CodeProtocol},
		{"FIN that hides a loss", [][]byte{data(1, 5), wire.AppendFin(nil, 1, 6)}, 0, wire.CodeProtocol},
		{"WINDOW of more than was sent", [][]byte{wire.AppendWindow(nil, 1, 1, 1<<20)}, 0, wire.CodeProtocol},
		{"OPEN_OK for the peer's own stream", [][]byte{wire.AppendOpenOK(nil, 1, 1<<20)}, 0, wire.CodeProtocol},
		{"OPEN_ERR for the peer's own stream", [][]byte{wire.AppendCode(nil, wire.TypeOpenErr, 0, 1, 1, "")}, 0, wire.CodeProtocol},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, b, _, fb := quiet(t, Config{StreamWindow: 64 << 10})
			var err error
			for _, f := range c.frames {
				if err = b.s.Handle(f); err != nil {
					break
				}
			}
			if CodeOf(err) != c.link {
				t.Fatalf("%v; want code %v", err, c.link)
			}
			if c.link != 0 {
				return
			}
			var se *StreamError
			if _, err := fb.st.Read(make([]byte, 1)); !errors.As(err, &se) || se.Code != c.stream || se.Remote {
				t.Errorf("the stream: %v; want %v", err, c.stream)
			}
			f, err := wire.Parse(b.s.Next(nil))
			if err != nil || f.Type != wire.TypeRst || f.Code != c.stream || f.Stream != 1 {
				t.Errorf("sent %v of %v, %v", f.Type, f.Code, err)
			}
			if s := b.s.Stats(); s.Streams != 0 || s.Unread != 0 {
				t.Errorf("left: %+v", s)
			}
		})
	}
}

// TestLinkCredit: bytes of all streams together are bounded by the link's window, and a peer that sends more loses the link.
func TestLinkCredit(t *testing.T) {
	_, b, _, _ := quiet(t, Config{StreamWindow: 1 << 20, LinkWindow: 1 << 20, MaxStreams: 100})
	b.flows[0].stalled = true
	var err error
	for i := 0; err == nil && i < 100; i++ {
		err = b.s.Handle(append(wire.AppendData(nil, 1), make([]byte, wire.MaxData)...))
	}
	if CodeOf(err) != wire.CodeFlowControl {
		t.Fatalf("%v", err)
	}
	if n := b.s.Stats().BytesIn; n != 1<<20+wire.MaxData {
		t.Errorf("refused after %d bytes", n)
	}
}

// TestOverload: when streams that nobody reads hold most of the link's credit, the largest goes and the others stay.
func TestOverload(t *testing.T) {
	a, b, _, _ := quiet(t, Config{StreamWindow: 512 << 10, LinkWindow: 1 << 20})
	for i := range 4 {
		f := &flow{stalled: true}
		b.flows = append(b.flows, f)
		st, _ := a.s.OpenStream(&wire.Open{Kind: wire.KindTCP, Service: fmt.Appendf(nil, "s%d", i+1)}, 0, &flow{})
		for {
			if _, err := st.Write(make([]byte, 32<<10)); err != nil {
				settle(a, b)
				if _, err := st.Write(make([]byte, 32<<10)); err != nil {
					break
				}
			}
		}
	}
	settle(a, b)
	if b.fatal != nil || b.s.Stats().Overloads == 0 || b.s.Stats().Unread > 1<<20*3/4 {
		t.Fatalf("%v, %+v", b.fatal, b.s.Stats())
	}
	// The first stream still works.
	a.flows[0].st.Write([]byte("hello"))
	settle(a, b)
	if b.flows[0].st.Queued() != 5 {
		t.Errorf("%d bytes came", b.flows[0].st.Queued())
	}
}

// TestStalledStreamDelaysNobody: while one stream has no credit, others go on.
func TestStalledStreamDelaysNobody(t *testing.T) {
	a, b, fa, fb := quiet(t, Config{})
	for {
		if _, err := fa.st.Write(make([]byte, 64<<10)); err != nil {
			settle(a, b)
			if _, err := fa.st.Write(make([]byte, 64<<10)); err != nil {
				break
			}
		}
	}
	if fb.st.Queued() != 256<<10 {
		t.Fatalf("%d bytes wait; want the window", fb.st.Queued())
	}
	b.flows = append(b.flows, &flow{})
	other := &flow{}
	st, _ := a.s.OpenStream(&wire.Open{Kind: wire.KindTCP, Service: []byte("s1")}, 0, other)
	st.Write([]byte("x"))
	settle(a, b)
	if b.flows[1].st.Queued() != 1 {
		t.Error("the other stream waits")
	}
}

// TestRoundRobin: streams that have bytes take turns of one frame, and control frames pass them all.
func TestRoundRobin(t *testing.T) {
	a, b, fa, _ := quiet(t, Config{SendBuffer: 256 << 10})
	b.flows = append(b.flows, &flow{}, &flow{})
	flows := []*Stream{fa.st}
	for i := range 2 {
		st, _ := a.s.OpenStream(&wire.Open{Kind: wire.KindTCP, Service: fmt.Appendf(nil, "s%d", i+1)}, 0, &flow{})
		flows = append(flows, st)
	}
	settle(a, b)
	for _, st := range flows {
		if n, err := st.Write(make([]byte, 128<<10)); n != 128<<10 || err != nil {
			t.Fatal(n, err)
		}
	}
	var order []uint32
	for i := range 6 {
		if i == 4 {
			a.s.Handle(wire.AppendPing(nil, wire.TypePing, 7))
		}
		f, _ := wire.Parse(a.s.Next(nil))
		if i == 4 && f.Type != wire.TypePong {
			t.Errorf("%v before PONG", f.Type)
		}
		if i != 4 {
			order = append(order, f.Stream)
		}
	}
	if fmt.Sprint(order) != "[1 3 5 1 3]" {
		t.Errorf("order %v", order)
	}
}

// TestHalfClose: each direction ends by itself, and what the other still sends arrives.
func TestHalfClose(t *testing.T) {
	a, b, fa, fb := quiet(t, Config{})
	fa.st.Write([]byte("request"))
	fa.st.CloseWrite()
	settle(a, b)
	p := make([]byte, 100)
	if n, _ := fb.st.Read(p); string(p[:n]) != "request" {
		t.Fatalf("%q", p[:n])
	}
	if _, err := fb.st.Read(p); err != io.EOF {
		t.Fatal(err)
	}
	if _, err := fa.st.Write(p); err != ErrClosed {
		t.Errorf("write after FIN: %v", err)
	}
	fb.st.Write([]byte("answer"))
	fb.st.CloseWrite()
	settle(a, b)
	if n, _ := fa.st.Read(p); string(p[:n]) != "answer" {
		t.Fatalf("%q", p[:n])
	}
	if _, err := fa.st.Read(p); err != io.EOF {
		t.Fatal(err)
	}
	if a.s.Len() != 0 || b.s.Len() != 0 {
		t.Error("the stream is still there")
	}
}

// TestClosedReader: the peer of a side that has closed is told to stop, and hears of it after it has read what came.
func TestClosedReader(t *testing.T) {
	a, b, fa, fb := quiet(t, Config{})
	fb.st.Write([]byte("last words"))
	fb.st.Close()
	settle(a, b)
	if _, err := fa.st.Write([]byte("x")); err != ErrAgain {
		t.Errorf("write before the rest was read: %v", err)
	}
	p := make([]byte, 100)
	if n, _ := fa.st.Read(p); string(p[:n]) != "last words" {
		t.Errorf("%q", p[:n])
	}
	if _, err := fa.st.Write([]byte("x")); err != ErrStopped {
		t.Errorf("write: %v", err)
	}
	if _, err := fa.st.Read(p); err != io.EOF {
		t.Errorf("read: %v", err)
	}
}

// TestEarlyData: what follows an OPEN at once is there when it is accepted, and is thrown away when it is refused.
func TestEarlyData(t *testing.T) {
	a, b, _, _ := quiet(t, Config{})
	b.flows = append(b.flows, &flow{})
	f := &flow{}
	st, _ := a.s.OpenStream(&wire.Open{Kind: wire.KindTCP, Service: []byte("s1")}, 0, f)
	n, _ := st.Write(make([]byte, 1<<20))
	if n != EarlyData {
		t.Errorf("%d early bytes", n)
	}
	settle(a, b)
	if b.flows[1].st.Queued() != EarlyData || !st.Answered() {
		t.Errorf("%d came", b.flows[1].st.Queued())
	}
}

// TestWindowGrows: a reader that keeps up gets a window of twice its rate times the round trip, and one that does not keeps
// the first.
func TestWindowGrows(t *testing.T) {
	for _, c := range []struct {
		rate int // bytes a millisecond that the reader takes
		want func(int) bool
	}{
		{20000, func(w int) bool { return w >= 2<<20 && w <= 8<<20 }},
		{1000, func(w int) bool { return w == 256<<10 }},
	} {
		b := Accept(Config{Role: wire.RoleRelay}, &side{flows: []*flow{{}}}, &wire.Hello{Role: wire.RoleAgent, LinkWindow: 1 << 26}, wire.Token{1})
		b.rtt = 100 * time.Millisecond
		b.Handle(wire.AppendOpen(nil, 1, 0, &wire.Open{Kind: wire.KindTCP, Service: []byte("s0"), Window: 1 << 18}))
		st := b.streams[1]
		var sent uint64
		type grant struct {
			at    time.Duration
			limit uint64
		}
		limit, flight := uint64(256<<10), []grant{}
		budget := 0
		p := make([]byte, 64<<10)
		for ms := range 5000 {
			now := time.Duration(ms) * time.Millisecond
			b.Advance(now)
			for len(flight) > 0 && flight[0].at <= now {
				limit = flight[0].limit
				flight = flight[1:]
			}
			budget = min(budget+c.rate, 4*c.rate)
			for budget > 0 && sent < limit {
				n := min(wire.MaxData, int(limit-sent), budget)
				if err := b.Handle(append(wire.AppendData(nil, 1), make([]byte, n)...)); err != nil {
					t.Fatal(err)
				}
				sent += uint64(n)
				budget -= n
				for n > 0 {
					k, err := st.Read(p[:min(n, len(p))])
					if err != nil {
						t.Fatal(err)
					}
					n -= k
				}
			}
			for buf := b.Next(nil); len(buf) > 0; buf = b.Next(nil) {
				if f, _ := wire.Parse(buf); f.Type == wire.TypeWindow && f.Stream == 1 {
					flight = append(flight, grant{now + 100*time.Millisecond, f.Credit.Limit})
				}
			}
		}
		if !c.want(st.window) {
			t.Errorf("%d bytes a ms: the window is %d KiB", c.rate, st.window>>10)
		}
		if c.rate == 20000 && sent < 5000*20000*8/10 {
			t.Errorf("%d MB in 5 s", sent>>20)
		}
	}
}

// TestDeadPeer: a peer that sends nothing after a PING is dead after the time-out, and not before.
func TestDeadPeer(t *testing.T) {
	a, b, _ := pair(t, Config{})
	settle(a, b)
	sent := time.Duration(-1)
	for now := time.Duration(0); now < time.Minute; {
		a.s.Advance(now)
		if err := a.s.Tick(); err != nil {
			if !errors.Is(err, ErrDead) || now-sent != 5*time.Second {
				t.Fatalf("%v, %v after the PING", err, now-sent)
			}
			return
		}
		for f := a.s.Next(nil); len(f) > 0; f = a.s.Next(nil) {
			if p, _ := wire.Parse(f); p.Type == wire.TypePing {
				sent = now
			}
		}
		at, ok := a.s.Wake()
		if !ok || at <= now {
			t.Fatalf("wakes at %v, %v", at, ok)
		}
		now = at
	}
	t.Error("never noticed")
}

// TestGoAway: a side that drains opens and takes no streams, and those that are open go on.
func TestGoAway(t *testing.T) {
	a, b, fa, fb := quiet(t, Config{})
	b.s.GoAway(wire.CodeNone, "drain")
	settle(a, b)
	if _, err := a.s.OpenStream(&wire.Open{Kind: wire.KindTCP, Service: []byte("s0")}, 0, nil); err != ErrDraining {
		t.Errorf("opened: %v", err)
	}
	fa.st.Write([]byte("still"))
	settle(a, b)
	if fb.st.Queued() != 5 {
		t.Error("the open stream is not served")
	}
}

// FuzzSession feeds frames of every kind in any order: nothing panics, and nothing grows over its limit.
func FuzzSession(f *testing.F) {
	f.Add([]byte{2, 0, 1, 5, 1, 0, 3, 200, 5, 3, 100, 7, 1, 0, 8, 1, 1})
	f.Add([]byte{2, 0, 1, 1, 0, 1, 15, 1, 1, 15, 0, 0, 6, 1, 9})
	f.Fuzz(func(t *testing.T, script []byte) { runScript(t, script) })
}

// runScript makes of each three bytes a frame: its type, its stream, and a size.
func runScript(t *testing.T, script []byte) {
	cfg := Config{
		Role: wire.RoleRelay, StreamWindow: 64 << 10, LinkWindow: 1 << 20, MaxStreams: 8,
		Resume: time.Duration(len(script)%2) * time.Second,
	}
	d := &side{flows: []*flow{{}}}
	hello := &wire.Hello{Version: 1, Role: wire.RoleAgent, LinkWindow: 1 << 20, MaxStreams: 9, Resume: 1000, Token: wire.Token{1}}
	s := Accept(cfg, d, hello, wire.Token{1})
	d.s = s
	now := time.Duration(0)
	for ; len(script) >= 3; script = script[3:] {
		now += time.Duration(script[2]) * time.Millisecond
		s.Advance(now)
		id, n := uint32(script[1]%32), int(script[2])
		var err error
		switch v := wire.Type(script[0] % 22); v {
		case wire.TypeHello:
			s.Detach(io.EOF)
			s.Reattach(hello)
		case wire.TypeOpen:
			err = s.Handle(wire.AppendOpen(nil, id, 0, &wire.Open{Kind: wire.KindTCP, Service: []byte("s0"), Window: uint32(n) << 10}))
		case wire.TypeOpenOK:
			err = s.Handle(wire.AppendOpenOK(nil, id, uint32(n)<<10))
		case wire.TypeOpenErr, wire.TypeRst, wire.TypeOffered:
			err = s.Handle(wire.AppendCode(nil, v, uint8(n)%2&bool2(v == wire.TypeRst), id, wire.Code(n), "x"))
		case wire.TypeData:
			err = s.Handle(append(wire.AppendData(nil, id), make([]byte, 1+n*128)...))
		case wire.TypeWindow:
			err = s.Handle(wire.AppendWindow(nil, id, uint64(n)<<8, uint64(n)<<8+uint64(n)<<10))
		case wire.TypeFin:
			err = s.Handle(wire.AppendFin(nil, id, uint64(n)))
		case wire.TypePing, wire.TypePong:
			err = s.Handle(wire.AppendPing(nil, v, uint64(n)))
		case wire.TypeSync:
			if id == 0 {
				err = s.Handle(wire.AppendSyncEnd(nil, uint32(n)))
			} else {
				err = s.Handle(wire.AppendSync(nil, id, uint8(n)%4, wire.Credit{Received: uint64(n), Consumed: uint64(n / 2), Limit: uint64(n) << 10}))
			}
		case 16: // what the user of a stream does
			if st := s.streams[id]; st != nil {
				switch n % 6 {
				case 0:
					st.Write(make([]byte, n*100))
				case 1:
					st.Read(make([]byte, n*100))
				case 2:
					st.CloseWrite()
				case 3:
					st.Close()
				case 4:
					st.Reset(wire.CodeReset, "")
				}
			}
		case 17:
			s.OpenStream(&wire.Open{Kind: wire.KindTCP, Service: []byte("s0")}, 0, &flow{})
		case 18:
			for range n {
				s.Next(nil)
			}
		case 19:
			err = s.Tick()
		case 20:
			s.GoAway(wire.CodeNone, "")
		case 21:
			err = s.Handle(bytes.Repeat([]byte{script[1]}, n))
		}
		if err != nil {
			s.Detach(err)
		}
		checkLimits(t, s)
	}
	s.Fail(wire.CodeShutdown, nil)
	if st := s.Stats(); st.Streams != 0 || st.Unread != 0 {
		t.Fatalf("left behind: %+v", st)
	}
}

func bool2(b bool) uint8 {
	if b {
		return 1
	}
	return 0
}

func checkLimits(t *testing.T, s *Session) {
	t.Helper()
	if u := s.unread(); u < 0 || u > s.cfg.LinkWindow+wire.MaxData {
		t.Fatalf("%d bytes unread", u)
	}
	total := 0
	for _, st := range s.streams {
		total += st.in.n
		if st.in.n > st.window || st.out.unread() > s.cfg.SendBuffer || st.out.n > s.cfg.SendBuffer+wire.MaxWindow || st.sent > st.limitOut || st.sent > st.written {
			t.Fatalf("stream over its limits: %+v", st)
		}
		if held := uint64(st.out.n); held != st.written-st.sent && s.ResumeFor() == 0 {
			t.Fatalf("holds %d of %d", held, st.written-st.sent)
		}
	}
	if total > s.cfg.LinkWindow || s.openPeer > s.cfg.MaxStreams || len(s.streams) != s.openOurs+s.openPeer {
		t.Fatalf("%d bytes, %d streams, %d and %d", total, len(s.streams), s.openOurs, s.openPeer)
	}
}

// TestRandomFrames runs scripts that are random, for what a fuzzer finds in a moment.
func TestRandomFrames(t *testing.T) {
	n := 3000
	if testing.Short() || raceEnabled {
		n = 300
	}
	r := rand.New(rand.NewPCG(7, 7))
	for range n {
		script := make([]byte, 3*(10+r.IntN(200)))
		for i := range script {
			script[i] = byte(r.Uint32())
		}
		runScript(t, script)
	}
}
