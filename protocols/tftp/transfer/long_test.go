package transfer

import (
	"bytes"
	"fmt"
	"testing"
	"time"
)

// TestBeyond65535Blocks: block numbers begin again at 0 or at 1, and again, with and without loss.
func TestBeyond65535Blocks(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		window, to, blocks int
		loss               float64
	}{
		{1, 0, 65_540, 0},
		{1, 1, 65_540, 0.001},
		{64, 0, 65_700, 0.001},
		{64, 1, 131_200, 0}, // twice around
	} {
		t.Run(fmt.Sprintf("window %d to %d loss %v", c.window, c.to, c.loss), func(t *testing.T) {
			t.Parallel()
			sc := scenario{size: 8*c.blocks + 3, loss: c.loss, delay: time.Millisecond, put: c.window == 1}
			sc.ask = Options{BlockSize: 8, WindowSize: c.window, Rollover: true, RolloverTo: c.to}
			n := sc.run(t, 1)
			if !n.whole || n.s.Outcome() != Completed || n.r.Outcome() != Completed {
				t.Fatalf("sender %v, receiver %v", n.s.Err(), n.r.Err())
			}
			if got := n.s.Stats(); got.Blocks != int64(c.blocks+1) || got.Bytes != int64(sc.size) {
				t.Errorf("%+v", got)
			}
			if n.r.Agreed().Rollover != c.to {
				t.Errorf("agreed on %+v", n.r.Agreed())
			}
		})
	}
}

// TestSizes: everything around whole blocks and whole windows, both ways, without loss: nothing is sent twice, and
// the ACKs are one for each window.
func TestSizes(t *testing.T) {
	t.Parallel()
	for _, block := range []int{8, 9, 511, 512, 1428, 8192, 65464} {
		for _, window := range []int{1, 2, 3, 4, 16, 63, 64} {
			for _, put := range []bool{false, true} {
				granted := min(window, (256<<10)/block)
				for _, size := range []int{0, 1, block - 1, block, block + 1, 2 * block, granted*block - 1, granted * block, granted*block + 1} {
					sc := scenario{size: size, put: put, delay: time.Millisecond, ask: Options{BlockSize: block, WindowSize: window, Size: true}}
					n := sc.run(t, 1)
					if !n.whole || !bytes.Equal(n.got, n.got[:size]) {
						t.Fatalf("%+v: %d bytes", sc, len(n.got))
					}
					blocks := size/block + 1
					acks := (blocks + granted - 1) / granted
					s, r := n.s.Stats(), n.r.Stats()
					if s.Resent+r.Resent+s.Timeouts+r.Timeouts+s.Ignored+r.Ignored+s.Gaps+r.Gaps != 0 {
						t.Errorf("%+v: repetitions: sender %+v, receiver %+v", sc, s, r)
					}
					if s.Sent != int64(blocks+1) || r.Sent != int64(acks+1)+extra(put) {
						t.Errorf("%+v: %d packets and %d ACKs; want %d and %d", sc, s.Sent, r.Sent, blocks+1, acks+1)
					}
					if a := n.r.Agreed(); a != n.s.Agreed() || a.BlockSize != block || a.WindowSize != granted {
						t.Errorf("%+v: agreed on %+v and %+v", sc, a, n.s.Agreed())
					}
				}
			}
		}
	}
}

// extra is what a client's Receiver sends beside its request and the ACKs of DATA: ACK 0, which of a server is the OACK's place.
func extra(put bool) int64 {
	if put {
		return 0
	}
	return 1
}
