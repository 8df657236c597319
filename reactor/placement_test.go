package reactor

import (
	"context"
	"io"
	"testing"
)

// TestLeastLoaded: connections spread evenly, and go where others have left.
func TestLeastLoaded(t *testing.T) {
	const loops, n = 4, 40
	conns := make(chan *Conn, 2*n)
	s := serve(t, Config{Loops: loops}, func(*Conn) Handler {
		return &probe{open: func(c *Conn) { conns <- c }}
	})
	var at [loops]int
	byLoop := map[int][]*Conn{}
	for range n {
		connect(t, s.addr)
		c := await(t, "OnOpen", conns)
		at[c.LoopIndex()]++
		byLoop[c.LoopIndex()] = append(byLoop[c.LoopIndex()], c)
	}
	for i, k := range at {
		if k != n/loops {
			t.Errorf("loop %d has %d connections of %d", i, k, n)
		}
	}
	for _, c := range byLoop[2] {
		c.Abort(nil)
	}
	eventually(t, "a loop is empty", func() bool { return s.r.open.Load() == n-n/loops })
	for range n / loops {
		connect(t, s.addr)
		if c := await(t, "OnOpen", conns); c.LoopIndex() != 2 {
			t.Errorf("loop %d instead of the empty one", c.LoopIndex())
		}
	}
}

// TestStatsAddUp: bytes, connections and reasons are what happened.
func TestStatsAddUp(t *testing.T) {
	s := serve(t, Config{}, func(*Conn) Handler { return echoing(nil) })
	before := total(t, s.r)
	const n, size = 10, 5000
	for i := range n {
		c := connect(t, s.addr)
		c.Write(make([]byte, size))
		io.ReadFull(c, make([]byte, size))
		if i%2 == 0 {
			c.CloseWrite()
			io.Copy(io.Discard, c)
		} else {
			c.SetLinger(0)
		}
		c.Close()
	}
	eventually(t, "all are closed", func() bool { return s.r.open.Load() == 0 })
	after := total(t, s.r)
	for what, got := range map[string]uint64{
		"Accepted": after.Accepted - before.Accepted,
		"Opened":   after.Opened - before.Opened,
		"Closed":   after.Closed - before.Closed,
		"eof":      2 * (after.Reasons["eof"] - before.Reasons["eof"]),
		"reset":    2 * (after.Reasons["reset"] - before.Reasons["reset"]),
	} {
		if got != n {
			t.Errorf("%s: %d of %d", what, got, n)
		}
	}
	if got := after.BytesRead - before.BytesRead; got != n*size {
		t.Errorf("%d bytes read", got)
	}
	if got := after.BytesWritten - before.BytesWritten; got != n*size {
		t.Errorf("%d bytes written", got)
	}
	if after.Conns != 0 {
		t.Errorf("%d connections", after.Conns)
	}
}

// TestMoreLoops: a second reactor may ask for more loops than the first.
func TestMoreLoops(t *testing.T) {
	for _, n := range []int{1, 3, 5, 2} {
		r, _ := newTest(t, Config{Loops: n})
		if r.Loops() != n {
			t.Errorf("%d loops of %d: %v", r.Loops(), n, r.err)
		}
		seen := map[uint64]bool{}
		for _, l := range r.loops {
			seen[l.poll.Goroutine()] = true
		}
		if len(seen) != n {
			t.Errorf("%d goroutines for %d loops", len(seen), n)
		}
		if _, err := r.Stats(context.Background()); err != nil {
			t.Error(err)
		}
	}
}
