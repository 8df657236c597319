package transfer

import (
	"fmt"
	"testing"
	"time"

	"github.com/calandria-go/calandria/protocols/tftp/wire"
)

// wired are a sender and a receiver without a network, in the middle of a file without end.
type wired struct {
	s     Sender
	r     Receiver
	now   time.Time
	chunk []byte
}

func newWired(tb testing.TB, block, window int) *wired {
	w := &wired{now: epoch, chunk: make([]byte, 64<<10)}
	cfg := &Config{MaxSize: -1, MaxWindowBytes: -1}
	if err := w.r.Get(cfg, "f", wire.Octet, &Options{BlockSize: block, WindowSize: window}); err != nil {
		tb.Fatal(err)
	}
	req, err := wire.Parse(w.r.Next(w.now))
	if err != nil {
		tb.Fatal(err)
	}
	w.s.Serve(cfg, &req, -1)
	w.r.Packet(w.s.Next(w.now), w.now)
	w.s.Packet(w.r.Next(w.now), w.now)
	return w
}

// round carries one window and its ACK, and returns how many blocks that were.
func (w *wired) round() int {
	w.now = w.now.Add(time.Millisecond)
	for w.s.Space() > 0 {
		w.s.Write(w.chunk)
	}
	n := 0
	for p := w.s.Next(w.now); p != nil; p = w.s.Next(w.now) {
		w.r.Packet(p, w.now)
		n++
	}
	if p := w.r.Next(w.now); p != nil {
		w.s.Packet(p, w.now)
	}
	return n
}

// TestSteadyStateAllocatesNothing: neither DATA nor ACK costs an allocation, on either side.
func TestSteadyStateAllocatesNothing(t *testing.T) {
	for _, window := range []int{1, 16, 64} {
		w := newWired(t, 1428, window)
		for range 3 {
			w.round()
		}
		blocks := 0
		if n := testing.AllocsPerRun(200, func() { blocks += w.round() }); n != 0 {
			t.Errorf("window %d: %v allocations", window, n)
		}
		if blocks != 201*window || w.r.Stats().Resent+w.s.Stats().Resent != 0 {
			t.Errorf("window %d: %d blocks", window, blocks)
		}
	}
}

// TestMemoryFollowsTheFile: a peer that asks for the largest blocks and a file of some bytes costs some bytes.
func TestMemoryFollowsTheFile(t *testing.T) {
	var s Sender
	s.Serve(nil, request(t, wire.OpRRQ, "octet", "blksize", "65464", "windowsize", "4"), 5)
	s.Write([]byte("hello"))
	s.Finish()
	total := 0
	for _, slot := range s.slots {
		total += cap(slot)
	}
	if total > 64 {
		t.Errorf("%d bytes", total)
	}
}

// BenchmarkTransfer is both machines with DATA and ACK, without a network: an operation is one block.
func BenchmarkTransfer(b *testing.B) {
	for _, block := range []int{512, 1428} {
		for _, window := range []int{1, 16, 64} {
			b.Run(fmt.Sprintf("blksize=%d/window=%d", block, window), func(b *testing.B) {
				w := newWired(b, block, window)
				w.round()
				b.SetBytes(int64(block))
				b.ReportAllocs()
				b.ResetTimer()
				packets := 0
				for n := 0; n < b.N; {
					k := w.round()
					n += k
					packets += k + 1
				}
				b.ReportMetric(float64(packets)/b.Elapsed().Seconds(), "packets/s")
			})
		}
	}
}
