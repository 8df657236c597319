package tcp

import (
	"testing"
	"testing/synctest"
	"time"
)

// The time that is left is spread over the addresses as package net does.
func TestShare(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, c := range []struct {
			left time.Duration
			n    int
			want time.Duration
		}{
			{30 * time.Second, 1, 30 * time.Second},
			{30 * time.Second, 3, 10 * time.Second},
			{30 * time.Second, 30, 2 * time.Second},
			{time.Second, 5, time.Second},
			{-time.Second, 2, time.Nanosecond},
		} {
			if got := share(time.Now().Add(c.left), c.n); got != c.want {
				t.Errorf("%v for %d: %v, want %v", c.left, c.n, got, c.want)
			}
		}
		if got := share(time.Time{}, 2); got >= 0 {
			t.Errorf("without a deadline: %v", got)
		}
	})
}
