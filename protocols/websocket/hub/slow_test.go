package hub_test

import (
	"bytes"
	"errors"
	"runtime"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/calandria-go/calandria/protocols/websocket"
	"github.com/calandria-go/calandria/protocols/websocket/hub"
	"github.com/calandria-go/calandria/reactor"
	"github.com/calandria-go/calandria/transports/tcp"
)

// One who does not read is closed, or misses messages, by the policy; the one beside gets all.
func TestSlowSubscriber(t *testing.T) {
	for name, policy := range map[string]websocket.Overflow{
		"drop": websocket.Drop, "try again": websocket.CloseTryAgain, "policy": websocket.ClosePolicy,
	} {
		t.Run(name, func(t *testing.T) {
			r := newReactor(t, reactor.Config{})
			h := newHub(t, hub.Config{Slow: policy, MaxUnsent: 64 << 10, MaxPending: -1})
			addr := serve(t, r, &websocket.Server{Config: websocket.Config{CloseTimeout: 50 * time.Millisecond}}, func(c *websocket.Conn) {
				if _, err := h.Subscribe(c, "t", hub.Since{}); err != nil {
					t.Error(err)
				}
			})
			_, good := join(t, r, addr, nil)
			stall(t, addr)
			eventually(t, "both are there", func() bool { return h.Count("t") == 2 })
			n := 0
			ended := func(s hub.Stats) bool { return s.SlowClosed == 1 && s.Subscriptions == 1 }
			if policy == websocket.Drop {
				ended = func(s hub.Stats) bool { return s.Dropped > 10 }
			}
			eventually(t, "the policy is applied", func() bool {
				for range 20 {
					h.Publish("t", websocket.Binary, bytes.Repeat([]byte{byte(n)}, 16<<10))
					n++
					good.wait(t, n) // one at a time: a burst above MaxUnsent would be too much for a good one, too
				}
				return ended(h.Stats())
			})
			for i, m := range good.wait(t, n) {
				if len(m) != 16<<10 || m[0] != byte(i) {
					t.Fatalf("message %d has %d bytes and begins with %d", i, len(m), m[0])
				}
			}
			if q := h.Stats(); policy == websocket.Drop && q.SlowClosed != 0 {
				t.Errorf("%+v", q)
			}
		})
	}
}

// Above MaxPending a message goes nowhere, and its publisher knows.
func TestBusy(t *testing.T) {
	r := newReactor(t, reactor.Config{Loops: 1})
	h := newHub(t, hub.Config{MaxPending: 1000})
	addr := serve(t, r, &websocket.Server{}, func(c *websocket.Conn) {
		h.Subscribe(c, "t", hub.Since{})
		for range 2 { // the loop is busy with this
			if _, err := h.Publish("t", websocket.Text, make([]byte, 400)); err != nil {
				t.Error(err)
			}
		}
		if _, err := h.Publish("t", websocket.Text, make([]byte, 400)); !errors.Is(err, hub.ErrBusy) {
			t.Error(err)
		}
		h.Publish("t", websocket.Text, []byte("fits"))
	})
	_, k := join(t, r, addr, nil)
	if got := k.wait(t, 3); got[2] != "fits" {
		t.Errorf("got %d, %d, %d bytes", len(got[0]), len(got[1]), len(got[2]))
	}
	if s := h.Stats(); s.Busy != 1 {
		t.Errorf("%+v", s)
	}
}

// counting is a client that keeps when its messages came, in memory that it has from the start.
type counting struct {
	n   int
	at  []time.Duration
	of  time.Time
	sum *atomic.Int64 // of all clients
	all int64         // as many make a broadcast
	one chan struct{} // gets a value for each
}

func (k *counting) OnOpen(*websocket.Conn) {}

func (k *counting) OnMessage(*websocket.Conn, websocket.Opcode, []byte) {
	k.at[k.n] = time.Since(k.of)
	k.n++
	if k.sum.Add(1)%k.all == 0 {
		k.one <- struct{}{}
	}
}
func (k *counting) OnClose(*websocket.Conn, error) {}

// A broadcast with stalled readers: the others get every message, and what is held for the stalled ones is bounded by the policy,
// not by what was sent. The latencies are logged, with and without stalled readers.
func TestBroadcastStalled(t *testing.T) {
	conns, stalled, messages := size(200, 60, 6000), size(20, 6, 100), size(300, 250, 600)
	const unsent = 64 << 10
	run := func(stalled int) (p99 time.Duration, held int64) {
		r := newReactor(t, reactor.Config{})
		h := newHub(t, hub.Config{Slow: websocket.Drop, MaxUnsent: unsent, MaxPending: -1, History: 4})
		// Small buffers in the kernel, so that a reader is known to be stalled soon.
		small := tcp.Config{WriteBuffer: 16 << 10}
		addr := serveAt(t, r, small, &websocket.Server{}, func(c *websocket.Conn) { h.Subscribe(c, "t", hub.Since{}) })
		start := time.Now()
		var good []*counting
		var sum atomic.Int64
		one := make(chan struct{}, messages)
		for range conns {
			k := &counting{at: make([]time.Duration, messages), of: start, sum: &sum, all: int64(conns), one: one}
			dial(t, r, addr, k, nil)
			good = append(good, k)
		}
		for range stalled {
			stall(t, addr)
		}
		eventually(t, "all are there", func() bool { return h.Count("t") == conns+stalled })
		sent := make([]time.Duration, messages)
		payload := make([]byte, 1024)
		var before, after runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&before)
		for i := range messages {
			sent[i] = time.Since(start)
			if _, err := h.Publish("t", websocket.Binary, payload); err != nil {
				t.Fatal(err)
			}
			select { // one broadcast at a time: a queue of them would hide what each takes
			case <-one:
			case <-time.After(patience):
				t.Fatalf("message %d did not reach everybody", i)
			}
		}
		runtime.GC()
		runtime.ReadMemStats(&after)
		if s := h.Stats(); stalled > 0 && s.Dropped == 0 {
			t.Errorf("nobody missed anything: %+v", s)
		}
		var took []time.Duration
		for _, k := range good {
			for i, at := range k.at {
				took = append(took, at-sent[i])
			}
		}
		slices.Sort(took)
		return took[len(took)*99/100], int64(after.HeapAlloc) - int64(before.HeapAlloc)
	}
	alone, _ := run(0)
	with, held := run(stalled)
	t.Logf("%d readers, %d messages of 1 KiB: p99 %v; with %d stalled ones %v, heap %+d KiB", conns, messages, alone, stalled, with, held>>10)
	// The frames that the stalled ones wait for are the same for all of them; what refers to them is theirs.
	if bound := int64(2*unsent + stalled*(unsent/1024)*256 + 4<<20); held > bound {
		t.Errorf("heap grew by %d bytes; want %d at most", held, bound)
	}
}
