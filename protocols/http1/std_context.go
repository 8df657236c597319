package http1

import (
	"context"
	"net/http"
	"sync"
	"time"
)

// stdContext is the context of a request: part of its stdResponse, so that a request that nobody waits on costs no
// allocation for it. It has the method AfterFunc, by which package context hangs derived contexts on it without a goroutine.
type stdContext struct {
	w      *stdResponse
	values []keyValue // of the exchange

	mu     sync.Mutex
	done   chan struct{} // made when asked for
	err    error
	afters map[*func()]struct{}
}

var closedChan = func() chan struct{} {
	c := make(chan struct{})
	close(c)
	return c
}()

// Deadline is part of context.Context: there is none.
func (c *stdContext) Deadline() (deadline time.Time, ok bool) { return }

// Done is part of context.Context.
func (c *stdContext) Done() <-chan struct{} {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.done == nil {
		if c.err != nil {
			return closedChan
		}
		c.done = make(chan struct{})
	}
	return c.done
}

// Err is part of context.Context.
func (c *stdContext) Err() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.err
}

// Value is part of context.Context: what Exchange.SetValue has kept, and http.LocalAddrContextKey, for which it asks the
// kernel.
func (c *stdContext) Value(key any) any {
	if key == http.LocalAddrContextKey {
		return c.w.c.LocalAddr()
	}
	return find(c.values, key)
}

// String is for logs of derived contexts.
func (c *stdContext) String() string { return "http1.Std" }

// AfterFunc is how package context follows a context that is not its own: f is called once when c ends, unless stop is
// called before.
func (c *stdContext) AfterFunc(f func()) (stop func() bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.err != nil {
		go f()
		return func() bool { return false }
	}
	if c.afters == nil {
		c.afters = map[*func()]struct{}{}
	}
	key := &f
	c.afters[key] = struct{}{}
	return func() bool {
		c.mu.Lock()
		defer c.mu.Unlock()
		_, waiting := c.afters[key]
		delete(c.afters, key)
		return waiting
	}
}

// cancel ends the context. Those that hang on it end on a goroutine of their own: this may be the loop.
func (c *stdContext) cancel() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.err != nil {
		return
	}
	c.err = context.Canceled
	if c.done != nil {
		close(c.done)
	}
	if len(c.afters) > 0 {
		afters := c.afters
		c.afters = nil
		go func() {
			for f := range afters {
				(*f)()
			}
		}()
	}
}
