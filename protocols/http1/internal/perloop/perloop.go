// Package perloop keeps one value for each loop on which something is used, so that the loop can change it without atomics.
package perloop

import (
	"sync"
	"sync/atomic"

	"github.com/calandria-go/calandria/reactor"
)

// Table has a *T for each loop of each reactor that asked for one. The zero value is empty. It lives as long as its owner,
// unlike Conn.LoopLocal, whose values live as long as the process.
type Table[T any] struct {
	mu   sync.Mutex // for growing
	sets atomic.Pointer[[]*Set[T]]
}

// Set is what a Table has for one reactor.
type Set[T any] struct {
	Reactor *reactor.Reactor
	Loops   []*T
}

// Of is the value of the connection's loop, made on first need. On that loop only. It takes some nanoseconds.
func (t *Table[T]) Of(c *reactor.Conn) *T {
	r := c.Reactor()
	if sets := t.sets.Load(); sets != nil {
		for _, s := range *sets {
			if s.Reactor == r {
				return s.Loops[c.LoopIndex()]
			}
		}
	}
	return t.add(r).Loops[c.LoopIndex()]
}

func (t *Table[T]) add(r *reactor.Reactor) *Set[T] {
	t.mu.Lock()
	defer t.mu.Unlock()
	var all []*Set[T]
	for _, s := range t.Sets() {
		if s.Reactor == r { // another loop was faster
			return s
		}
		all = append(all, s)
	}
	one := &Set[T]{Reactor: r, Loops: make([]*T, r.Loops())}
	for i := range one.Loops {
		one.Loops[i] = new(T) // each its own: loops do not share cache lines
	}
	all = append(all, one)
	t.sets.Store(&all)
	return one
}

// Sets are those of all reactors, in the order in which they came. The slice must not be changed. Any goroutine.
func (t *Table[T]) Sets() []*Set[T] {
	if sets := t.sets.Load(); sets != nil {
		return *sets
	}
	return nil
}
