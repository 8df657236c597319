package dashboard_test

import (
	"strings"
	"testing"
	"time"

	"github.com/calandria-go/calandria/protocols/http1"
	"github.com/calandria-go/calandria/protocols/http1/dashboard"
	"github.com/calandria-go/calandria/reactor"
)

// Sections reach the page's stream, bounded; one that panics says so and harms nothing.
func TestSections(t *testing.T) {
	many := make([][]any, 1000)
	for i := range many {
		many[i] = []any{i, strings.Repeat("x", 1000), "beyond the columns"}
	}
	s := start(t, dashboard.Config{Every: 10 * time.Millisecond, Sections: []dashboard.Section{
		{Name: "Sockets", Columns: []string{"Kind", "Open"}, Rows: func() [][]any { return [][]any{{"chat", 7}, {"echo", uint64(1)}} }},
		{Name: "Many", Columns: []string{"N", "Text"}, Rows: func() [][]any { return many }},
		{Name: "Broken", Columns: []string{"A", "B"}, Rows: func() [][]any { panic("by the test") }},
	}})
	next, stop := s.watch(t)
	defer stop()
	e := next()
	for len(e.Sections) == 0 { // history has none
		e = next()
	}
	if len(e.Sections) != 3 {
		t.Fatalf("%+v", e.Sections)
	}
	if a := e.Sections[0]; a.Name != "Sockets" || len(a.Rows) != 2 || a.Rows[0][0] != "chat" || a.Rows[0][1] != 7.0 {
		t.Errorf("%+v", a)
	}
	if b := e.Sections[1]; len(b.Rows) != 50 || len(b.Rows[0]) != 2 || len(b.Rows[0][1].(string)) != 100 {
		t.Errorf("%d rows, %v", len(b.Rows), b.Rows[0])
	}
	if c := e.Sections[2]; len(c.Rows) != 1 || c.Rows[0][0] != "panic" || c.Rows[0][1] != "by the test" {
		t.Errorf("%+v", c)
	}
	bad := dashboard.Config{Reactor: reactor.New(reactor.Config{StallAfter: -1}), Server: &http1.Server{Observe: true}, Sections: []dashboard.Section{{Name: "x"}}}
	defer bad.Reactor.Shutdown(t.Context())
	if _, err := dashboard.New(bad); err == nil {
		t.Error("a section without rows was taken")
	}
}
