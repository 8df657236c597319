package reactor

import (
	"context"
	"errors"
	"io"
	"math"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// TestMemoryLevels follows the level through what is in use, second by second.
func TestMemoryLevels(t *testing.T) {
	m := &memory{limit: 1000}
	now := time.Now()
	for i, step := range []struct {
		after time.Duration
		used  int64
		want  int
	}{
		{0, 900, MemoryFine},
		{0, 1000, MemoryFine},                // at the limit is not over it
		{0, 1001, MemoryRefuse},              // over it
		{time.Second, 990, MemoryRefuse},     // hysteresis
		{time.Second, 1040, MemoryRefuse},    // 1 s of it
		{time.Second, 1040, MemoryCloseIdle}, // 2 s
		{2 * time.Second, 1040, MemoryAbort}, // 4 s
		{0, 960, MemoryRefuse},               // getting better
		{0, 940, MemoryFine},                 // fine
		{0, 970, MemoryFine},                 // not over it again
		{0, 1060, MemoryCloseIdle},           // far over it: at once
		{0, 1110, MemoryAbort},               // and further
		{0, 1010, MemoryRefuse},              // over it for no time yet
		{0, 100, MemoryFine},
	} {
		now = now.Add(step.after)
		got := m.next(now, step.used)
		if got != step.want {
			t.Errorf("step %d: %d in use: level %d, want %d", i, step.used, got, step.want)
		}
		m.level.Store(int32(got))
	}
}

func TestMemoryDefault(t *testing.T) {
	for _, c := range []struct{ goLimit, container, want int64 }{
		{math.MaxInt64, 0, 0}, {1000, 0, 800}, {math.MaxInt64, 1000, 800}, {500, 1000, 400}, {2000, 1000, 800},
	} {
		if got := defaultMemoryLimit(c.goLimit, c.container); got != c.want {
			t.Errorf("%d, %d: %d, want %d", c.goLimit, c.container, got, c.want)
		}
	}
	for s, want := range map[string]int64{"max\n": 0, "9223372036854771712\n": 0, "1073741824\n": 1 << 30, "": 0, "x": 0, "-1": 0} {
		if got := parseCgroupLimit(s); got != want {
			t.Errorf("%q: %d, want %d", s, got, want)
		}
	}
}

// hoarder notes why its connections end.
type hoarder struct {
	mu   sync.Mutex
	ends *[]string
}

func (h *hoarder) OnData(_ *Conn, in []byte) int { return len(in) }
func (h *hoarder) OnClose(_ *Conn, err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	*h.ends = append(*h.ends, ReasonOf(err))
}

// TestMemoryBudget has real queues go over a real limit: the largest are aborted until the process is below it, idle connections
// before them, and new ones are refused meanwhile and served after.
func TestMemoryBudget(t *testing.T) {
	r := New(Config{Loops: 2, StallAfter: -1, MemoryLimit: -1, MaxUnsent: 16 << 20, WriteStall: -1})
	defer abortAll(r)
	var ends []string
	h := &hoarder{ends: &ends}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var sizes []int // of the next connections
	var mu sync.Mutex
	if _, err := r.Listen(ln, ProtocolFunc(func(*Conn) Handler {
		mu.Lock()
		defer mu.Unlock()
		size := 0
		if len(sizes) > 0 {
			size, sizes = sizes[0], sizes[1:]
		}
		return &sized{hoarder: h, size: size}
	})); err != nil {
		t.Fatal(err)
	}
	var conns []net.Conn
	dial := func() net.Conn {
		t.Helper()
		c, err := net.Dial("tcp", ln.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		c.SetDeadline(time.Now().Add(patience))
		c.(*net.TCPConn).SetReadBuffer(16 << 10) // else the kernel takes most of it
		conns = append(conns, c)
		return c
	}
	defer func() {
		for _, c := range conns {
			c.Close()
		}
	}()
	for range 3 {
		dial() // idle
	}
	becomes(t, "3 connections", func() bool { return r.open.Load() == 3 })
	mu.Lock()
	sizes = slices.Repeat([]int{12 << 20}, 8) // 96 MiB
	mu.Unlock()
	for range 8 {
		dial()
	}
	becomes(t, "11 connections", func() bool { return r.open.Load() == 11 })

	unsent := func() (sum int64) {
		for _, k := range r.members {
			if err := r.EachLoop(t.Context(), func(loop int) {
				if loop == k.loop.index {
					for c := k.head; c != nil; c = c.next {
						sum += int64(c.Unsent())
					}
				}
			}); err != nil {
				t.Fatal(err)
			}
		}
		return sum
	}
	queued := int64(-1) // the kernel takes some megabytes of each
	becomes(t, "full kernel buffers", func() bool {
		before := queued
		queued = unsent()
		return queued == before && queued > 0
	})
	m := &r.memory
	m.collect() // what other tests have left is not to be taken for what the queues let go of
	m.collect()
	used, _ := m.runtimeMemory()
	m.limit = used - queued/2
	check := func() {
		r.checkMemory(time.Now())
		unsent() // the loops have done what they were told to
		unsent()
		m.lastGC = time.Time{} // the test does not wait for a second
	}
	check()
	if s := r.MemoryStats(); s.Level != MemoryAbort || s.Used < s.Limit {
		t.Fatalf("%+v", s)
	}
	refused := dial()
	if _, err := refused.Read(make([]byte, 1)); err == nil {
		t.Error("a connection is served over the budget")
	}
	becomes(t, "below the budget", func() bool {
		check()
		return r.MemoryStats().Level == MemoryFine
	})
	s := r.MemoryStats()
	h.mu.Lock()
	counts := map[string]int{}
	for _, e := range ends {
		counts[e]++
	}
	h.mu.Unlock()
	if s.Idle != 3 || counts["memory_idle"] != 3 {
		t.Errorf("idle: %+v, %v", s, counts)
	}
	if s.Aborted < 1 || s.Aborted > 7 || counts["memory"] != int(s.Aborted) {
		t.Errorf("queues: %+v, %v; want some of the eight, about five for half of them and the hysteresis", s, counts)
	}
	if s.Refused == 0 {
		t.Errorf("none refused: %+v", s)
	}
	mu.Lock()
	sizes = []int{5}
	mu.Unlock()
	if _, err := io.ReadFull(dial(), make([]byte, 5)); err != nil {
		t.Errorf("after it: %v", err)
	}
}

// sized writes so much at once, and is idle if that is nothing.
type sized struct {
	*hoarder
	size int
}

func (s *sized) OnOpen(c *Conn) {
	if s.size > 0 {
		c.Write(make([]byte, s.size))
	}
}

func (s *sized) Idle() bool { return s.size == 0 }

func abortAll(r *Reactor) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	r.Shutdown(ctx)
}

// becomes waits for what no channel tells.
func becomes(t *testing.T, what string, cond func() bool) {
	t.Helper()
	limit, tick := time.After(patience), time.NewTicker(5*time.Millisecond)
	defer tick.Stop()
	for !cond() {
		select {
		case <-tick.C:
		case <-limit:
			t.Fatalf("not within %v: %s", patience, what)
		}
	}
}

// TestMemoryWatch: the watcher runs by itself, and ends with the reactor.
func TestMemoryWatch(t *testing.T) {
	r := New(Config{Loops: 1, StallAfter: -1, MemoryLimit: 1})
	becomes(t, "a level", func() bool { return r.MemoryStats().Level >= MemoryRefuse })
	if s := r.MemoryStats(); s.Used < 1<<16 || s.Limit != 1 {
		t.Errorf("%+v", s)
	}
	abortAll(r)
}

func TestMemoryErrors(t *testing.T) {
	for err, want := range map[error]string{ErrMemory: "memory", ErrMemoryIdle: "memory_idle"} {
		if ReasonOf(err) != want || !strings.Contains(err.Error(), "memory budget") || errors.Is(err, net.ErrClosed) {
			t.Errorf("%v: %q", err, ReasonOf(err))
		}
	}
}
