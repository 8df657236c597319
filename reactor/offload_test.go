package reactor

import (
	"context"
	"errors"
	"runtime"
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

// TestOffloadReusesWorkers: what runs after another task gets its goroutine; those that nobody needs end, and so do all at
// Shutdown.
func TestOffloadReusesWorkers(t *testing.T) {
	s, c, _ := opened(t, Config{})
	w := &s.r.workers
	idle := func() int {
		w.mu.Lock()
		defer w.mu.Unlock()
		return len(w.idle)
	}
	release, started := make(chan struct{}), make(chan struct{}, 3)
	for range 3 {
		c.Offload(func() { started <- struct{}{}; <-release })
	}
	for range 3 {
		await(t, "a worker", started)
	}
	close(release)
	eventually(t, "three are idle", func() bool { return idle() == 3 })
	w.mu.Lock()
	w.trimmer.Stop() // trimming is this test's, however slow the machine
	w.mu.Unlock()
	for range 100 {
		c.Offload(func() { started <- struct{}{} })
		await(t, "an idle worker", started)
		eventually(t, "it is idle again", func() bool { return idle() == 3 })
	}
	c.Offload(runtime.Goexit)
	eventually(t, "one has ended itself", func() bool { n, _ := w.load(); return n == 0 && idle() == 2 })
	w.trim() // as the timer does
	if n := idle(); n > 2 {
		t.Errorf("%d are idle", n)
	}
	w.trim()
	if n := idle(); n != 0 {
		t.Errorf("%d idle workers were not needed, and live", n)
	}
	c.Offload(func() { started <- struct{}{} })
	await(t, "a new one", started)
	eventually(t, "it is idle", func() bool { return idle() == 1 })
	w.close()
	if idle() != 0 {
		t.Error("an idle worker outlives the reactor")
	}
	c.Offload(func() { started <- struct{}{} })
	await(t, "a task after the end", started)
	eventually(t, "its worker ends", func() bool { n, _ := w.load(); return n == 0 && idle() == 0 })
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
