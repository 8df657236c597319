package reactor

import (
	"bytes"
	"io"
	"net"
	"sync"
	"testing"
)

// TestHalfCloseStorm: a thousand connections end their writing at once; each gets its whole answer, which is more than the
// kernel takes at a time, and the loops do not spin over it.
func TestHalfCloseStorm(t *testing.T) {
	n := size(1000, 5000)
	answer := pattern(100_000)
	a := newAudit(t)
	s := serve(t, Config{}, func(*Conn) Handler {
		var asked []byte
		return full{&probe{
			a:    a,
			data: func(_ *Conn, in []byte) int { asked = append(asked, in...); return len(in) },
			eof: func(c *Conn) {
				c.Write(asked)
				c.Post(func() { c.Write(answer); c.Close() })
			},
		}}
	})
	clients := make([]*net.TCPConn, n)
	for i := range clients {
		clients[i] = connect(t, s.addr)
		clients[i].Write([]byte("question"))
	}
	before := total(t, s.r).Batches
	var wg sync.WaitGroup
	gate := make(chan struct{})
	for _, c := range clients {
		wg.Go(func() {
			<-gate
			c.CloseWrite()
			got, err := io.ReadAll(c)
			c.Close()
			if err != nil || len(got) != 8+len(answer) || !bytes.Equal(got[8:], answer) {
				t.Errorf("%d bytes, %v", len(got), err)
			}
		})
	}
	close(gate)
	finish(t, "answers", wg.Wait)
	a.balanced(t)
	if got := total(t, s.r).Batches - before; got > uint64(200*n) {
		t.Errorf("%d batches for %d connections", got, n)
	}
}

// TestPauseThenFIN: a connection that is paused when the FIN comes is quiet until it is resumed, again and again: every
// registration has its own operator, so that netpoll's one-shot count of detaches is never used up.
func TestPauseThenFIN(t *testing.T) {
	conns := make(chan *Conn, 1)
	a := newAudit(t)
	var got bytes.Buffer
	s := serve(t, Config{Loops: 1}, func(*Conn) Handler {
		return full{&probe{a: a, data: func(c *Conn, in []byte) int {
			got.Write(in[:1])
			c.Pause()
			conns <- c
			return 1
		}, eof: func(c *Conn) { c.Close() }}}
	})
	c := connect(t, s.addr)
	data := pattern(200)
	c.Write(data)
	c.CloseWrite()
	for range len(data) - 1 {
		sc := await(t, "OnData", conns)
		sc.Post(sc.Resume)
	}
	sc := await(t, "last OnData", conns)
	before := total(t, s.r).Batches
	cpu := cpuTime()
	within(quiet, func() bool { return false }) // what must not happen has this long
	if n, spent := total(t, s.r).Batches-before, cpuTime()-cpu; n > 100 || cpu > 0 && spent > quiet/2 {
		t.Errorf("%d batches and %v of CPU time while paused", n, spent)
	}
	sc.Post(sc.Resume)
	if err := await(t, "OnClose", a.closed); err != nil {
		t.Errorf("OnClose got %v", err)
	}
	sameBytes(t, got.Bytes(), data)
}
