//go:build linux && (amd64 || arm64 || loong64) && !portable

package reactor

import (
	"net"
	"os"
	"regexp"
	"strconv"
	"testing"
)

// TestResetWhileNotReading: a reset is noticed on a connection that is paused, with and without unread bytes, and on one
// whose peer has half-closed, with and without unsent bytes.
func TestResetWhileNotReading(t *testing.T) {
	for name, tc := range map[string]struct {
		pause, unread, fin, backlog bool
	}{
		"paused":                           {pause: true},
		"paused, unread bytes":             {pause: true, unread: true},
		"paused, unsent bytes":             {pause: true, backlog: true},
		"paused, FIN and unread bytes":     {pause: true, unread: true, fin: true},
		"half-closed":                      {fin: true},
		"half-closed, unsent bytes":        {fin: true, backlog: true},
		"paused half-closed, unsent bytes": {pause: true, unread: true, fin: true, backlog: true},
	} {
		t.Run(name, func(t *testing.T) {
			a := newAudit(t)
			ready := make(chan struct{}, 2)
			s := serve(t, Config{MaxUnsent: 64 << 20}, func(*Conn) Handler {
				return full{&probe{
					a: a,
					open: func(c *Conn) {
						if tc.backlog {
							c.Write(make([]byte, 32<<20))
						}
						if tc.pause {
							c.Pause()
						}
						if !tc.fin || tc.pause {
							c.Post(func() { ready <- struct{}{} })
						}
					},
					eof: func(*Conn) { ready <- struct{}{} },
				}}
			})
			c := connect(t, s.addr)
			if tc.unread {
				c.Write([]byte("unread"))
			}
			if tc.fin {
				c.CloseWrite()
			}
			await(t, "readiness", ready)
			total(t, s.r) // a turn: the interest is set
			c.SetLinger(0)
			c.Close()
			if err := await(t, "OnClose", a.closed); ReasonOf(err) != "reset" {
				t.Errorf("OnClose got %v", err)
			}
		})
	}
}

// TestHalfClosedCostNoThread: many half-closed connections with unsent bytes wait in the kernel, not in threads or
// goroutines.
func TestHalfClosedCostNoThread(t *testing.T) {
	n := 300
	a := newAudit(t)
	eofs := make(chan struct{}, n)
	s := serve(t, Config{MaxUnsent: 16 << 20}, func(*Conn) Handler {
		return full{&probe{a: a, eof: func(c *Conn) { c.Write(make([]byte, 5<<20)); eofs <- struct{}{} }}}
	})
	before := threads(t)
	for range n {
		c := connect(t, s.addr)
		c.SetReadBuffer(4 << 10)
		c.CloseWrite()
		await(t, "OnEOF", eofs)
	}
	st := total(t, s.r)
	if grown := threads(t) - before; grown > 20 {
		t.Errorf("%d threads more for %d half-closed connections", grown, n)
	}
	if left := strays(); left != "" && countStacks(left) > 30 {
		t.Errorf("%d goroutines of ours:\n%s", countStacks(left), left)
	}
	if st.Conns != int64(n) {
		t.Errorf("%d connections", st.Conns)
	}
}

func countStacks(s string) int {
	return len(regexp.MustCompile(`(?m)^goroutine `).FindAllString(s, -1))
}

func threads(t testing.TB) int {
	t.Helper()
	b, err := os.ReadFile("/proc/self/status")
	if err != nil {
		t.Fatal(err)
	}
	n, _ := strconv.Atoi(string(regexp.MustCompile(`Threads:\s+(\d+)`).FindSubmatch(b)[1]))
	return n
}

// TestHangup: a unix peer that is gone in both directions is told of while input is paused.
func TestHangup(t *testing.T) {
	ln, err := net.Listen("unix", t.TempDir()+"/s")
	if err != nil {
		t.Fatal(err)
	}
	r, _ := newTest(t, Config{})
	paused, gone := make(chan struct{}), make(chan struct{}, 1)
	if _, err := r.Listen(ln, ProtocolFunc(func(*Conn) Handler {
		return full{&probe{
			open:   func(c *Conn) { c.Pause(); c.Post(func() { close(paused) }) },
			hangup: func(*Conn) { gone <- struct{}{} },
		}}
	})); err != nil {
		t.Fatal(err)
	}
	c, err := net.Dial("unix", ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	await(t, "pause", paused)
	total(t, r)
	c.Close()
	await(t, "OnHangup", gone)
}
