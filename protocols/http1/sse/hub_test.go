package sse_test

import (
	"errors"
	"fmt"
	"io"
	"sync"
	"testing"
	"time"

	"github.com/calandria-go/calandria/protocols/http1"
	"github.com/calandria-go/calandria/protocols/http1/sse"
)

// hubbed serves a hub; what its streams are comes from the channel.
func hubbed(t *testing.T, h *sse.Hub, cfg sse.Config) (addr string, streams chan *sse.Stream) {
	streams = make(chan *sse.Stream, 1000)
	return serve(t, func(x *http1.Exchange) {
		s, err := h.Subscribe(x, cfg)
		if err != nil {
			x.Respond(503, "", nil)
			return
		}
		streams <- s
	}), streams
}

// TestHub: all streams get all events in order, while clients come and go.
func TestHub(t *testing.T) {
	t.Parallel()
	var h sse.Hub
	addr, streams := hubbed(t, &h, sse.Config{MaxQueue: 10_000})
	var wg sync.WaitGroup
	const clients, events = 20, 300
	for i := range clients {
		c := connect(t, addr, "")
		<-streams
		wg.Go(func() {
			for n := range events {
				if i%5 == 4 && n == 100 {
					c.c.Close() // in the middle
					return
				}
				if e, ok := c.next(); !ok || e.Data != fmt.Sprint(n) || e.ID == "" {
					t.Errorf("client %d: %+v, %v", i, e, c.end)
					return
				}
			}
			if _, ok := c.next(); ok || c.end != io.EOF {
				t.Errorf("client %d: %v", i, c.end)
			}
		})
	}
	for n := range events {
		if err := h.Publish(sse.Event{Data: fmt.Sprint(n)}); err != nil {
			t.Fatal(err)
		}
	}
	h.Close()
	wg.Wait()
	if err := h.Publish(sse.Event{Data: "late"}); !errors.Is(err, sse.ErrClosed) {
		t.Error(err)
	}
	waitFor(t, func() bool { return h.Len() == 0 })
}

func waitFor(t *testing.T, cond func() bool) {
	t.Helper()
	limit, tick := time.After(patience), time.NewTicker(2*time.Millisecond)
	defer tick.Stop()
	for !cond() {
		select {
		case <-tick.C:
		case <-limit:
			t.Fatal("not in time")
		}
	}
}

// TestHubReplay: a client that comes back gets what it has missed, as far as that is kept.
func TestHubReplay(t *testing.T) {
	t.Parallel()
	h := sse.Hub{Replay: 3}
	addr, streams := hubbed(t, &h, sse.Config{MaxQueue: 2}) // replay is not bounded by it
	c := connect(t, addr, "")
	<-streams
	h.Publish(sse.Event{Data: "0"})
	first := c.want("0").ID
	c.c.Close()
	for i := 1; i <= 3; i++ {
		h.Publish(sse.Event{Data: fmt.Sprint(i)})
	}
	for _, tt := range []struct {
		id     string
		want   []string
		missed bool
	}{
		{first, []string{"1", "2", "3"}, true}, // first is not kept any more: there might be one between
		{"unknown", []string{"1", "2", "3"}, true},
		{"", nil, false},
	} {
		c := connect(t, addr, tt.id)
		s := <-streams
		if s.Missed() != tt.missed || s.LastEventID() != tt.id {
			t.Errorf("%q: missed %v, ID %q", tt.id, s.Missed(), s.LastEventID())
		}
		for _, data := range tt.want {
			tt.id = c.want(data).ID
		}
		s.Send(sse.Event{Data: "last"})
		c.want("last")
		s.Close()
	}
	h.Publish(sse.Event{ID: "mine", Data: "4"})
	h.Publish(sse.Event{Data: "5"})
	c = connect(t, addr, "mine")
	if s := <-streams; s.Missed() {
		t.Error("nothing was missed")
	}
	c.want("5")
	small := sse.Hub{ReplayBytes: 40}
	for i := range 10 {
		small.Publish(sse.Event{ID: fmt.Sprint(i), Data: "0123456789"})
	}
	addr, streams = hubbed(t, &small, sse.Config{})
	c = connect(t, addr, "0")
	<-streams
	if e := c.want("0123456789"); e.ID != "9" {
		t.Errorf("%+v", e)
	}
	if err := small.Publish(sse.Event{Name: "\n"}); !errors.Is(err, sse.ErrName) {
		t.Error(err)
	}
	h.Close()
	small.Close()
}

// TestHubFull: beyond MaxStreams a client is turned away.
func TestHubFull(t *testing.T) {
	t.Parallel()
	h := sse.Hub{MaxStreams: 1}
	errs := make(chan error, 2)
	addr := serve(t, func(x *http1.Exchange) {
		_, err := h.Subscribe(x, sse.Config{})
		if err != nil {
			x.SetHeader("Content-Type", "text/event-stream")
			x.SetHeader("Cache-Control", "no-store")
			x.Respond(200, "", nil)
		}
		errs <- err
	})
	connect(t, addr, "")
	connect(t, addr, "")
	if err := <-errs; err != nil {
		t.Error(err)
	}
	if err := <-errs; !errors.Is(err, sse.ErrFull) {
		t.Error(err)
	}
	h.Close()
}
