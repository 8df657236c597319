package reactor

import (
	"context"
	"testing"
)

// TestPostLoop: what is posted to a loop runs there, in order with what is posted to a connection of it, and a panic in it costs
// nothing else.
func TestPostLoop(t *testing.T) {
	s, c, _ := opened(t, Config{})
	r := s.r
	var got []int
	done := make(chan []int, 1)
	r.PostLoop(c.LoopIndex(), func() { got = append(got, 1); panic("of a test") })
	c.Post(func() { got = append(got, 2) })
	r.PostLoop(c.LoopIndex(), func() {
		if !OnLoop() {
			t.Error("not on a loop")
		}
		done <- append(got, 3)
	})
	if got := await(t, "the posts", done); len(got) != 3 || got[0] != 1 || got[1] != 2 || got[2] != 3 {
		t.Errorf("ran %v", got)
	}
	for i := range r.Loops() {
		on := make(chan bool, 1)
		if !r.PostLoop(i, func() { on <- OnLoop() }) || !await(t, "a loop", on) {
			t.Errorf("loop %d", i)
		}
	}
	c.Post(func() { c.Close() })
	if err := r.Shutdown(context.Background()); err != nil {
		t.Fatal(err)
	}
	if ran := r.PostLoop(0, func() {}); ran != (len(r.loops) > 0 && r.loops[0].poll.Shared()) {
		t.Errorf("after the end: %v", ran)
	}
}
