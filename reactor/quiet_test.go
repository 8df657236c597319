package reactor

import (
	"testing"
	"time"
)

// TestQuiet: batches of datagrams alone follow each other without a yield, but for one in a millisecond; anything else yields.
func TestQuiet(t *testing.T) {
	l := &loop{mark: yieldEvery / 2}
	steps := []struct {
		what  string
		do    func()
		quiet bool
	}{
		{"datagrams", func() {}, true},
		{"a hook of a connection", func() { l.enter(&Conn{}) }, false},
		{"datagrams", func() {}, true},
		{"a posted function", func() { l.runTask(task{f: func() {}}); l.mark = yieldEvery / 2 }, false},
		{"datagrams", func() {}, true},
		{"a millisecond", func() { l.mark += yieldEvery }, false},
		{"datagrams", func() {}, true},
	}
	l.base = time.Now()
	for i, s := range steps {
		if s.do(); l.Quiet() != s.quiet {
			t.Errorf("step %d, %s: quiet is not %v", i, s.what, s.quiet)
		}
	}
}
