package reactor

import (
	"context"
	"errors"
	"testing"
	"time"
)

// TestOffloadLimits: so many run, so many wait, the next is refused; those that waited run in order.
func TestOffloadLimits(t *testing.T) {
	s, c, _ := opened(t, Config{MaxWorkers: 2, MaxQueued: 3})
	release, started := make(chan struct{}), make(chan int, 10)
	for i := range 5 {
		if err := c.Offload(func() { started <- i; <-release }); err != nil {
			t.Fatalf("%d: %v", i, err)
		}
	}
	if err := c.Offload(func() { t.Error("ran") }); !errors.Is(err, ErrOverload) {
		t.Errorf("the sixth: %v", err)
	}
	await(t, "first", started)
	await(t, "second", started)
	st, err := s.r.Stats(context.Background())
	if err != nil || st.Workers != 2 || st.Queued != 3 {
		t.Errorf("%d workers, %d queued, %v", st.Workers, st.Queued, err)
	}
	for want := 2; want < 5; want++ {
		release <- struct{}{}
		if i := await(t, "next", started); i != want {
			t.Errorf("%d ran instead of %d", i, want)
		}
	}
	close(release)
	eventually(t, "no worker is left", func() bool { n, _ := s.r.workers.load(); return n == 0 })
	if err := c.Offload(func() { started <- 9 }); err != nil {
		t.Error(err)
	}
	await(t, "one after the crowd", started)
}

func TestOffloadWithoutQueue(t *testing.T) {
	_, c, _ := opened(t, Config{MaxWorkers: 1, MaxQueued: -1})
	release := make(chan struct{})
	defer close(release)
	if err := c.Offload(func() { <-release }); err != nil {
		t.Fatal(err)
	}
	if err := c.Offload(func() {}); !errors.Is(err, ErrOverload) {
		t.Errorf("the second: %v", err)
	}
}

// TestStall: a handler that held its loop is counted and logged with its type.
func TestStall(t *testing.T) {
	s := serve(t, Config{StallAfter: 5 * time.Millisecond}, func(*Conn) Handler {
		return &probe{data: func(_ *Conn, in []byte) int {
			for from := time.Now(); time.Since(from) < 30*time.Millisecond; {
			}
			return len(in)
		}}
	})
	before := total(t, s.r).Stalls
	c := connect(t, s.addr)
	c.Write([]byte("x"))
	eventually(t, "the stall is logged", func() bool { return s.log.count("handler=reactor.probe") > 0 })
	if st := total(t, s.r); st.Stalls == before || st.LongestStall < 30*time.Millisecond {
		t.Errorf("%d stalls, the longest %v", st.Stalls-before, st.LongestStall)
	}
}

// TestStuckLoop: a handler that does not come back is reported while it holds its loop, once.
func TestStuckLoop(t *testing.T) {
	release := make(chan struct{})
	s := serve(t, Config{}, func(*Conn) Handler {
		return &probe{data: func(_ *Conn, in []byte) int { <-release; return len(in) }}
	})
	c := connect(t, s.addr)
	c.Write([]byte("x"))
	if !within(patience, func() bool { return s.log.count("loop is stuck") > 0 }) {
		t.Error("not reported")
	}
	close(release)
	if n := s.log.count("loop is stuck"); n > 1 {
		t.Errorf("reported %d times", n)
	}
}
