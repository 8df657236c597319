package transfer

import (
	"fmt"
	"math/rand/v2"
	"os"
	"sync/atomic"
	"testing"
	"time"
)

// randomScenario makes a case from a seed. Most transfers have a dozen blocks, some a hundred.
func randomScenario(seed uint64) scenario {
	rnd := rand.New(rand.NewPCG(seed, 3))
	sizes := []int{0, 8, 9, 16, 100, 511, 512, 513, 1024, 1428, 1468, 8192, 65464}
	sc := scenario{
		put:        rnd.IntN(2) == 0,
		loss:       []float64{0, 0, 0.02, 0.1, 0.2}[rnd.IntN(5)],
		twice:      []float64{0, 0.05, 0.3}[rnd.IntN(3)],
		damage:     []float64{0, 0, 0.05}[rnd.IntN(3)],
		delay:      time.Duration(rnd.IntN(40)) * time.Millisecond,
		jitter:     []time.Duration{0, time.Millisecond, 50 * time.Millisecond}[rnd.IntN(3)],
		slowSource: rnd.IntN(4) == 0,
		slowSink:   rnd.IntN(4) == 0,
		noOptions:  rnd.IntN(6) == 0,
	}
	sc.ask.BlockSize = sizes[rnd.IntN(len(sizes))]
	if rnd.IntN(3) > 0 {
		sc.ask.WindowSize = 1 + rnd.IntN(64)
	}
	if rnd.IntN(4) == 0 {
		sc.ask.Timeout = time.Duration(1+rnd.IntN(3)) * time.Second
	}
	sc.ask.Size = rnd.IntN(2) == 0
	sc.ask.Rollover = rnd.IntN(3) == 0
	sc.ask.RolloverTo = rnd.IntN(2)
	if rnd.IntN(4) == 0 {
		sc.cfg.MaxBlockSize = 8 + rnd.IntN(1500)
	}
	block := sc.ask.BlockSize
	if block == 0 || sc.noOptions {
		block = 512
	}
	if sc.cfg.MaxBlockSize > 0 {
		block = min(block, sc.cfg.MaxBlockSize)
	}
	blocks := 12
	switch {
	case block >= 8192:
		blocks = 2
	case rnd.IntN(12) == 0:
		blocks = 100 // some windows of 64
	}
	switch rnd.IntN(4) {
	case 0:
		sc.size = block * rnd.IntN(blocks+1) // whole blocks only
	case 1:
		sc.size = rnd.IntN(3)
	default:
		sc.size = rnd.IntN(blocks*block + 1)
	}
	return sc
}

// TestLossyNetwork: loss, duplication, reordering and damage; what arrives is what was sent, or both sides give up in time.
func TestLossyNetwork(t *testing.T) {
	t.Parallel()
	rounds := uint64(4_000)
	if os.Getenv("CALANDRIA_SOAK") != "" {
		rounds = 1_000_000
	}
	var failed atomic.Uint64
	t.Cleanup(func() {
		t.Logf("%d of %d gave up", failed.Load(), rounds)
		if failed.Load()*200 > rounds {
			t.Errorf("%d of %d transfers gave up; want at most 0.5 %%", failed.Load(), rounds)
		}
	})
	for part := range uint64(4) {
		t.Run(fmt.Sprint("seeds from ", part*rounds/4), func(t *testing.T) {
			t.Parallel()
			for seed := part * rounds / 4; seed < (part+1)*rounds/4; seed++ {
				if !lossy(t, seed) {
					failed.Add(1)
				}
			}
		})
	}
}

// lossy runs one case, and reports whether the file arrived.
func lossy(t *testing.T, seed uint64) bool {
	sc := randomScenario(seed)
	n := sc.run(t, seed)
	lossless := sc.loss == 0 && sc.damage == 0
	if lossless && (!n.whole || n.s.Outcome() != Completed || n.r.Outcome() != Completed) {
		t.Fatalf("seed %d: nothing was lost, and sender %v (%v), receiver %v (%v): %+v",
			seed, n.s.Outcome(), n.s.Err(), n.r.Outcome(), n.r.Err(), sc)
	}
	if most := 60*(sc.size/8+20) + 400; n.sent > most {
		t.Fatalf("seed %d: %d datagrams; at most %d: %+v", seed, n.sent, most, sc)
	}
	return n.whole
}

// TestLossyMegabyte: a fifth of all datagrams is lost, some are doubled, and they overtake each other. With the default
// retries all transfers arrive.
func TestLossyMegabyte(t *testing.T) {
	t.Parallel()
	rounds := uint64(4)
	if os.Getenv("CALANDRIA_SOAK") != "" {
		rounds = 1000
	}
	for _, window := range []int{1, 16} {
		t.Run(fmt.Sprint("window ", window), func(t *testing.T) {
			t.Parallel()
			for seed := range rounds {
				sc := scenario{
					put: seed%2 == 1, size: 1 << 20, loss: 0.2, twice: 0.1, delay: time.Millisecond, jitter: 3 * time.Millisecond,
					ask: Options{BlockSize: 1428, WindowSize: window},
				}
				n := sc.run(t, seed)
				if !n.whole {
					t.Errorf("seed %d: sender %v, receiver %v", seed, n.s.Err(), n.r.Err())
				}
				st := n.s.Stats()
				t.Logf("seed %d: %v, %d blocks, %d sent again, %d time-outs", seed, n.now.Sub(epoch).Round(time.Second), st.Blocks, st.Resent, st.Timeouts)
			}
		})
	}
}
