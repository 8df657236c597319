package reactor

import (
	"context"
	"errors"
	"net"
	"slices"
	"sync/atomic"
	"testing"
)

// swapped is replaced by another handler, and notes the order of the ends.
type swapped struct {
	got  *[]string
	next *swapped
	name string
	done chan struct{}
}

func (s *swapped) OnOpen(c *Conn) {
	name := s.name
	c.AfterClose(func() { *s.got = append(*s.got, "after "+name) })
	if s.next != nil {
		c.Upgrade(s.next)
		return
	}
	c.AfterClose(func() { close(s.done) })
	c.Close()
}
func (s *swapped) OnData(_ *Conn, in []byte) int { return len(in) }
func (s *swapped) OnClose(*Conn, error)          { *s.got = append(*s.got, "close "+s.name) }

// TestAfterClose: what a handler asked for comes after OnClose of the one that took its place, in the order of asking; a panic in
// it does no harm.
func TestAfterClose(t *testing.T) {
	r := New(Config{Loops: 1, StallAfter: -1})
	defer abortAll(r)
	var got []string
	done := make(chan struct{})
	second := &swapped{got: &got, name: "second", done: done}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.Listen(ln, ProtocolFunc(func(*Conn) Handler { return &swapped{got: &got, name: "first", next: second} })); err != nil {
		t.Fatal(err)
	}
	c, err := net.Dial("tcp", ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	await(t, "the end", done)
	if want := []string{"close second", "after first", "after second"}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}

// TestEachLoop: every loop is asked once, a panic hangs nobody, and a context ends the wait.
func TestEachLoop(t *testing.T) {
	r := New(Config{Loops: 2, StallAfter: -1})
	defer abortAll(r)
	var calls [2]atomic.Int32
	if err := r.EachLoop(t.Context(), func(loop int) { calls[loop].Add(1) }); err != nil {
		t.Fatal(err)
	}
	if calls[0].Load() != 1 || calls[1].Load() != 1 {
		t.Errorf("calls: %d, %d", calls[0].Load(), calls[1].Load())
	}
	inner := make(chan error, 2)
	if err := r.EachLoop(t.Context(), func(int) {
		inner <- r.EachLoop(context.Background(), func(int) {})
		panic("on purpose")
	}); err != nil {
		t.Errorf("after a panic: %v", err)
	}
	if err := <-inner; !errors.Is(err, ErrOnLoop) {
		t.Errorf("on a loop: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	free := make(chan struct{})
	defer close(free)
	if err := r.EachLoop(ctx, func(int) { <-free }); !errors.Is(err, context.Canceled) {
		t.Errorf("canceled: %v", err)
	}
	if r.Draining() {
		t.Error("draining before Shutdown")
	}
}

func TestDraining(t *testing.T) {
	r := New(Config{Loops: 1, StallAfter: -1})
	if err := r.Shutdown(t.Context()); err != nil || !r.Draining() {
		t.Errorf("%v, draining %v", err, r.Draining())
	}
}
