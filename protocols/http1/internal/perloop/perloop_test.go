package perloop_test

import (
	"net"
	"testing"
	"time"

	"github.com/calandria-go/calandria/protocols/http1/internal/perloop"
	"github.com/calandria-go/calandria/reactor"
	"github.com/calandria-go/calandria/reactor/reactortest"
)

func TestMain(m *testing.M) { reactortest.Main(m) }

// counting counts its connections in the table of their loop.
type counting struct{ table *perloop.Table[int] }

func (h counting) OnOpen(c *reactor.Conn) {
	first := h.table.Of(c)
	*first++
	if again := h.table.Of(c); again != first {
		panic("two values for one loop")
	}
	c.Close()
}
func (counting) OnData(_ *reactor.Conn, in []byte) int { return len(in) }
func (counting) OnClose(*reactor.Conn, error)          {}

// TestTable: one value for each loop of each reactor, made once, however many loops come first at a time.
func TestTable(t *testing.T) {
	var table perloop.Table[int]
	if len(table.Sets()) != 0 {
		t.Error("an empty table has sets")
	}
	const conns = 20
	for range 2 {
		r := reactortest.New(t, reactor.Config{Loops: 2, StallAfter: -1})
		ln := reactortest.Listen()
		if _, err := r.Listen(ln, reactor.ProtocolFunc(func(*reactor.Conn) reactor.Handler { return counting{&table} })); err != nil {
			t.Fatal(err)
		}
		var open []net.Conn
		for range conns {
			c, err := ln.Dial()
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			open = append(open, c)
		}
		for _, c := range open {
			c.SetDeadline(time.Now().Add(30 * time.Second))
			c.Read(make([]byte, 1)) // until it is closed
		}
	}
	sets := table.Sets()
	if len(sets) != 2 || sets[0].Reactor == sets[1].Reactor {
		t.Fatalf("%d sets", len(sets))
	}
	for _, s := range sets {
		total := make(chan int, len(s.Loops))
		if err := s.Reactor.EachLoop(t.Context(), func(loop int) { total <- *s.Loops[loop] }); err != nil {
			t.Fatal(err)
		}
		if sum := <-total + <-total; sum != conns {
			t.Errorf("%d connections, want %d", sum, conns)
		}
	}
}
