package http1_test

import (
	"io"
	"testing"
	"time"

	"github.com/calandria-go/calandria/protocols/http1"
	"github.com/calandria-go/calandria/reactor"
)

// TestMemoryBudget: over the process's memory budget idle connections are closed; a request in progress is not lost, and its
// connection goes once it is idle.
func TestMemoryBudget(t *testing.T) {
	srv := &http1.Server{Handler: http1.HandlerFunc(func(x *http1.Exchange) {
		x.Conn().AfterFunc(time.Minute, func() { x.Respond(200, "", []byte("late")) })
	})}
	bubble(t, srv, reactor.Config{MemoryLimit: 1, StallAfter: -1}, func(t *testing.T, h *host) {
		idle, busy := h.dial(), h.dial() // before the budget is looked at for the first time
		busy.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
		if reason := h.closed(1); reason != "memory_idle" {
			t.Errorf("the idle one: %s", reason)
		}
		if _, err := idle.Read(make([]byte, 1)); err != io.EOF {
			t.Errorf("its peer reads %v", err)
		}
		if b, err := readAnswer(busy.br); err != nil || string(b) != "late" {
			t.Errorf("%q, %v", b, err)
		}
		if reason := h.closed(2); reason != "memory_idle" {
			t.Errorf("the busy one, then idle: %s", reason)
		}
		if s := h.r.MemoryStats(); s.Idle != 2 || s.Aborted != 0 {
			t.Errorf("%+v", s)
		}
	})
}
