// Package health answers load balancers that ask whether a process is to get requests: 200, or 503 while it drains or a check
// fails.
package health

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/calandria-go/calandria/protocols/http1"
)

// Check is one thing that must work for the process to be ready.
type Check struct {
	// Name stands in the answer. It must be set, and differ from the other checks'.
	Name string
	// Func returns why the process is not ready, or nil. It may block, on a goroutine of its own, until ctx ends; one that goes on
	// longer has failed, and is not started again before it returns.
	Func func(ctx context.Context) error
}

// Handler is an http1.Handler, for /healthz. The zero value, without checks, says whether the process drains. It must not be
// copied or changed once it serves; Drain is safe from any goroutine.
type Handler struct {
	// Checks are all run at a time, and the outcome kept for Every, whoever asks.
	Checks []Check
	// Timeout bounds one run of a check; 0 or negative: 1 s.
	Timeout time.Duration
	// Every is how long an outcome is good for; 0: 1 s; negative: each request has the checks run, or waits for a run that is under way.
	Every time.Duration
	// Verbose has the answer say which checks fail, and why. Errors may tell about the inside of a system: set it only where
	// the clients may know.
	Verbose bool

	draining atomic.Bool

	mu      sync.Mutex
	running map[string]bool // checks that have not returned
	flight  chan struct{}   // closed when the run under way has ended; nil without one
	at      time.Time       // of the last outcome
	failed  []string        // its failures
}

// Drain has it answer 503 from now on: call it some seconds before Reactor.Shutdown, so that load balancers have turned away
// when the listeners close. Shutdown itself has the same effect for the connections that are left.
func (h *Handler) Drain() { h.draining.Store(true) }

// Handle is part of http1.Handler. Checks run off the loop.
func (h *Handler) Handle(x *http1.Exchange) {
	if m := string(x.Method()); m != http.MethodGet && m != http.MethodHead {
		x.SetHeader("Allow", "GET, HEAD")
		h.answer(x, http.StatusMethodNotAllowed, "method not allowed")
		return
	}
	if h.draining.Load() || x.Conn().Reactor().Draining() {
		h.answer(x, http.StatusServiceUnavailable, "draining")
		return
	}
	if len(h.Checks) == 0 {
		h.answer(x, http.StatusOK, "ok")
		return
	}
	if failed, fresh := h.last(); fresh {
		h.tell(x, failed)
		return
	}
	err := x.Offload(func() {
		failed := h.run()
		x.Post(func(x *http1.Exchange) { h.tell(x, failed) })
	})
	if err != nil {
		h.answer(x, http.StatusServiceUnavailable, "overloaded")
	}
}

func (h *Handler) tell(x *http1.Exchange, failed []string) {
	switch {
	case len(failed) == 0:
		h.answer(x, http.StatusOK, "ok")
	case h.Verbose:
		h.answer(x, http.StatusServiceUnavailable, "not ready\n"+strings.Join(failed, "\n"))
	default:
		h.answer(x, http.StatusServiceUnavailable, "not ready")
	}
}

func (h *Handler) answer(x *http1.Exchange, status int, text string) {
	x.SetHeader("Cache-Control", "no-store")
	x.Respond(status, "text/plain; charset=utf-8", []byte(text+"\n"))
}

// last is the last outcome, if it is good still.
func (h *Handler) last() (failed []string, fresh bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	every := h.Every
	if every == 0 {
		every = time.Second
	}
	return h.failed, !h.at.IsZero() && every > 0 && time.Since(h.at) < every
}

// run gives the outcome of a run that is under way, or of a new one. It blocks for Timeout at the most.
func (h *Handler) run() []string {
	h.mu.Lock()
	if f := h.flight; f != nil {
		h.mu.Unlock()
		<-f
		h.mu.Lock()
		defer h.mu.Unlock()
		return h.failed
	}
	done := make(chan struct{})
	h.flight = done
	h.mu.Unlock()

	failed := h.runChecks()

	h.mu.Lock()
	h.failed, h.at, h.flight = failed, time.Now(), nil
	h.mu.Unlock()
	close(done)
	return failed
}

// errRunning is for a check that has not returned since the last time.
var errRunning = errors.New("the check hangs")

func (h *Handler) runChecks() (failed []string) {
	timeout := h.Timeout
	if timeout <= 0 {
		timeout = time.Second
	}
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	type outcome struct {
		name string
		err  error
	}
	got := make(chan outcome, len(h.Checks))
	waiting := map[string]bool{}
	for _, c := range h.Checks {
		if !h.begin(c.Name) {
			failed = append(failed, fmt.Sprintf("%s: %v", c.Name, errRunning))
			continue
		}
		waiting[c.Name] = true
		go func() {
			defer h.end(c.Name)
			got <- outcome{c.Name, guard(ctx, c.Func)}
		}()
	}
	for len(waiting) > 0 {
		select {
		case o := <-got:
			delete(waiting, o.name)
			if o.err != nil {
				failed = append(failed, fmt.Sprintf("%s: %v", o.name, o.err))
			}
		case <-ctx.Done():
			for name := range waiting {
				failed = append(failed, fmt.Sprintf("%s: no answer within %v", name, timeout))
			}
			clear(waiting)
		}
	}
	slices.Sort(failed)
	return failed
}

// guard makes a panic of a check its failure.
func guard(ctx context.Context, f func(context.Context) error) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = fmt.Errorf("panic: %v", v)
		}
	}()
	return f(ctx)
}

func (h *Handler) begin(name string) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.running[name] {
		return false
	}
	if h.running == nil {
		h.running = map[string]bool{}
	}
	h.running[name] = true
	return true
}

func (h *Handler) end(name string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.running, name)
}
