package hub_test

import (
	"bytes"
	"errors"
	"runtime"
	"slices"
	"testing"
	"time"

	"github.com/calandria-go/calandria/protocols/websocket"
	"github.com/calandria-go/calandria/protocols/websocket/hub"
	"github.com/calandria-go/calandria/reactor"
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

// A broadcast with stalled readers: the others get every message, and what is held for the stalled ones is bounded by the policy,
// not by what was sent. The times are logged; the soak's are compared with those of a run without stalled readers.
func TestBroadcastStalled(t *testing.T) {
	conns, stalled, messages := size(200, 60, 6000), size(20, 6, 100), size(600, 200, 400)
	run := func(stalled int) (p99 time.Duration, held uint64) {
		r := newReactor(t, reactor.Config{})
		h := newHub(t, hub.Config{Slow: websocket.Drop, MaxUnsent: 64 << 10, MaxPending: -1, History: 4})
		addr := serve(t, r, &websocket.Server{}, func(c *websocket.Conn) { h.Subscribe(c, "t", hub.Since{}) })
		var good []*collector
		for range conns {
			_, k := join(t, r, addr, nil)
			good = append(good, k)
		}
		for range stalled {
			stall(t, addr)
		}
		eventually(t, "all are there", func() bool { return h.Count("t") == conns+stalled })
		var before, after runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&before)
		var sent []time.Time
		payload := make([]byte, 1024)
		for i := range messages {
			sent = append(sent, time.Now())
			if _, err := h.Publish("t", websocket.Binary, payload); err != nil {
				t.Fatal(err)
			}
			if i%8 == 7 { // so that the latency is that of a broadcast, not of a queue
				good[len(good)-1].wait(t, i+1)
			}
		}
		var took []time.Duration
		for _, k := range good {
			for i := range k.wait(t, messages) {
				took = append(took, k.at[i].Sub(sent[i]))
			}
		}
		runtime.GC()
		runtime.ReadMemStats(&after)
		if s := h.Stats(); stalled > 0 && messages*1024 > 4<<20 && s.Dropped == 0 {
			t.Errorf("nobody missed anything: %+v", s)
		}
		slices.Sort(took)
		return took[len(took)*99/100], after.HeapAlloc - min(after.HeapAlloc, before.HeapAlloc)
	}
	alone, _ := run(0)
	with, held := run(stalled)
	t.Logf("%d readers, %d messages of 1 KiB: p99 %v; with %d stalled ones %v, heap +%d KiB", conns, messages, alone, stalled, with, held>>10)
	// What the collectors keep (string headers and bytes), and 64 KiB and a message for each stalled one, with room.
	if bound := uint64(conns*messages*(1024+64) + stalled*(80<<10) + 8<<20); held > bound {
		t.Errorf("heap grew by %d bytes; want %d at most", held, bound)
	}
}
