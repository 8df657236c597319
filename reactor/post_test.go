package reactor

import (
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// opened gives a server connection of an echo server and its client.
func opened(t *testing.T, cfg Config) (*server, *Conn, func()) {
	t.Helper()
	conns := make(chan *Conn, 1)
	s := serve(t, cfg, func(*Conn) Handler {
		return &probe{
			open: func(c *Conn) {
				select {
				case conns <- c:
				default:
				}
			},
			data: func(c *Conn, in []byte) int { c.Write(in); return len(in) },
		}
	})
	c := connect(t, s.addr)
	return s, await(t, "OnOpen", conns), func() { c.Close() }
}

// TestPostOrder: posts of each goroutine run in order, one at a time, on the loop, and none is lost.
func TestPostOrder(t *testing.T) {
	const posters = 8
	each := size(20_000, 200_000)
	_, c, _ := opened(t, Config{})
	var next [posters]int
	var running atomic.Int32
	done := make(chan int, posters)
	for p := range posters {
		go func() {
			for i := range each {
				if !c.Post(func() {
					if running.Add(1) != 1 {
						t.Error("two at a time")
					}
					if next[p] != i {
						t.Errorf("poster %d: %d, want %d", p, i, next[p])
					}
					if next[p]++; next[p] == each {
						if !OnLoop() {
							t.Error("not on a loop")
						}
						done <- p
					}
					running.Add(-1)
				}) {
					t.Error("refused")
				}
			}
		}()
	}
	for range posters {
		await(t, "a poster's last", done)
	}
}

// TestPostWakes: a loop that sleeps is woken by each single post. A lost wake-up would hang here.
func TestPostWakes(t *testing.T) {
	_, c, _ := opened(t, Config{})
	ran := make(chan struct{})
	for range size(20_000, 500_000) {
		c.Post(func() { ran <- struct{}{} })
		await(t, "post", ran)
	}
}

func TestPostAfterClose(t *testing.T) {
	s, c, hangUp := opened(t, Config{})
	hangUp()
	eventually(t, "the connection is closed", func() bool { return s.r.open.Load() == 0 })
	if c.Post(func() { t.Error("ran") }) {
		t.Error("a post to a closed connection was taken")
	}
	total(t, s.r) // a turn of the loop
}

// TestPostStorm: posts without end, from elsewhere and by themselves, starve neither sockets nor timers.
func TestPostStorm(t *testing.T) {
	s, c, _ := opened(t, Config{Loops: 1, StallAfter: -1})
	var stop atomic.Bool
	var wg sync.WaitGroup
	defer wg.Wait()
	defer stop.Store(true)
	var self func()
	self = func() {
		if !stop.Load() {
			c.Post(self)
		}
	}
	for range 100 {
		c.Post(self)
	}
	var waiting atomic.Int64
	wg.Go(func() {
		for !stop.Load() {
			if waiting.Load() < 1000 {
				waiting.Add(1)
				c.Post(func() { waiting.Add(-1) })
			}
		}
	})
	fired := make(chan struct{}, 1)
	c.Post(func() {
		var again func()
		n := 0
		again = func() {
			if n++; n == 20 {
				fired <- struct{}{}
				return
			}
			c.AfterFunc(time.Millisecond, again)
		}
		again()
	})
	other := connect(t, s.addr)
	for range 50 {
		ping(t, other)
	}
	await(t, "twentieth timer", fired)
}
