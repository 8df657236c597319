package reactor

import (
	"bytes"
	"errors"
	"io"
	"math/rand"
	"net"
	"testing"
	"time"
)

// records are "length, bytes" with lengths from 0 to 200, so that they lie across every boundary.
func records(n int) (wire []byte, want [][]byte) {
	src := pattern(n * 201)
	for i := range n {
		b := src[i*7 : i*7+i%201]
		wire = append(append(wire, byte(len(b))), b...)
		want = append(want, b)
	}
	return wire, want
}

// recordHandler takes at most one record a call, and asks for the rest by Resume.
func recordHandler(a *audit, got *[][]byte, all chan struct{}, want int) *probe {
	return &probe{a: a, data: func(c *Conn, in []byte) int {
		if len(in) == 0 || len(in) < 1+int(in[0]) {
			return 0
		}
		n := 1 + int(in[0])
		*got = append(*got, bytes.Clone(in[1:n]))
		if len(*got) == want {
			close(all)
		}
		if len(in) > n {
			c.Resume() // nothing new may come for what is left
		}
		return n
	}}
}

// TestCarry: a handler that takes one record at a time sees all of them, whatever the pieces in which they come.
func TestCarry(t *testing.T) {
	wire, want := records(size(400, 4000))
	for _, pieces := range []int{1, 2, 3, 64, 1000, len(wire)} {
		a, all := newAudit(t), make(chan struct{})
		var got [][]byte
		s := serve(t, Config{}, func(*Conn) Handler { return recordHandler(a, &got, all, len(want)) })
		c := connect(t, s.addr)
		c.SetNoDelay(true)
		for b := range chunks(wire, max(pieces, len(wire)/20000)) {
			c.Write(b)
		}
		await(t, "last record", all)
		kill(t, s.r)
		for i := range want {
			if !bytes.Equal(got[i], want[i]) {
				t.Fatalf("pieces of %d: record %d differs", pieces, i)
			}
		}
	}
}

// chunks cuts b into pieces of n.
func chunks(b []byte, n int) func(func([]byte) bool) {
	return func(yield func([]byte) bool) {
		for len(b) > 0 {
			k := min(n, len(b))
			if !yield(b[:k]) {
				return
			}
			b = b[k:]
		}
	}
}

// TestCarryAtEverySplit cuts a stream in two at every place, with the halves in different reads.
func TestCarryAtEverySplit(t *testing.T) {
	wire, want := records(12)
	type result struct{ got [][]byte }
	read := make(chan int, 1)
	done := make(chan result, 1)
	s := serve(t, Config{}, func(*Conn) Handler {
		var res result
		return &probe{
			data: func(c *Conn, in []byte) int {
				select {
				case read <- len(in):
				default:
				}
				n := 0
				for len(in) > n && len(in) >= n+1+int(in[n]) {
					k := 1 + int(in[n])
					res.got = append(res.got, bytes.Clone(in[n+1:n+k]))
					n += k
				}
				return n
			},
			close: func(*Conn, error) { done <- res },
		}
	})
	for at := 1; at < len(wire); at++ {
		c := connect(t, s.addr)
		c.Write(wire[:at])
		await(t, "first half", read)
		c.Write(wire[at:])
		c.CloseWrite()
		res := await(t, "OnClose", done)
		for len(read) > 0 {
			<-read
		}
		c.Close()
		if len(res.got) != len(want) {
			t.Fatalf("split at %d: %d records of %d", at, len(res.got), len(want))
		}
		for i := range want {
			if !bytes.Equal(res.got[i], want[i]) {
				t.Fatalf("split at %d: record %d differs", at, i)
			}
		}
	}
}

// TestInputLimit: more than the limit left unconsumed closes; exactly the limit does not.
func TestInputLimit(t *testing.T) {
	a := newAudit(t)
	seen := make(chan int, 1024)
	s := serve(t, Config{InputLimit: 1000}, func(*Conn) Handler {
		return &probe{a: a, data: func(_ *Conn, in []byte) int { seen <- len(in); return 0 }}
	})
	c := connect(t, s.addr)
	c.Write(make([]byte, 1000))
	for await(t, "1000 bytes", seen) < 1000 {
	}
	if o, cl := a.counts(); o != 1 || cl != 0 {
		t.Fatal("closed at the limit")
	}
	c.Write([]byte("x"))
	if err := await(t, "OnClose", a.closed); !errors.Is(err, ErrInputLimit) {
		t.Errorf("OnClose got %v", err)
	}
	if _, err := io.ReadAll(c); err == nil {
		t.Error("a clean end instead of a reset")
	}
}

// TestPauseEverywhere pauses at random and resumes from a timer, a post, another call and at once; the bytes stay exact
// and none comes while paused.
func TestPauseEverywhere(t *testing.T) {
	data := pattern(size(4<<20, 64<<20))
	a := newAudit(t)
	var got bytes.Buffer
	s := serve(t, Config{}, func(*Conn) Handler {
		rnd := rand.New(rand.NewSource(1))
		return &probe{
			a: a,
			open: func(c *Conn) {
				c.Pause()
				c.AfterFunc(time.Millisecond, c.Resume)
			},
			data: func(c *Conn, in []byte) int {
				if c.Paused() {
					t.Error("OnData while paused")
				}
				n := len(in)
				switch rnd.Intn(6) {
				case 0: // part of it, again at once
					n = rnd.Intn(len(in) + 1)
					c.Pause()
					c.Resume()
				case 1:
					n = rnd.Intn(len(in) + 1)
					c.Pause()
					c.Post(c.Resume)
				case 2:
					n = rnd.Intn(len(in) + 1)
					c.Pause()
					c.Pause()
					c.AfterFunc(0, c.Resume)
				case 3: // from elsewhere
					n = rnd.Intn(len(in) + 1)
					c.Pause()
					go c.Post(c.Resume)
				case 4: // on and off
					c.Pause()
					c.Resume()
					c.Pause()
					c.Post(func() { c.Resume(); c.Pause(); c.Post(c.Resume) })
				}
				got.Write(in[:n])
				if n < len(in) && !c.Paused() {
					c.Resume()
				}
				return n
			},
		}
	})
	c := connect(t, s.addr)
	for b := range chunks(data, 100_003) {
		if _, err := c.Write(b); err != nil {
			t.Fatal(err)
		}
	}
	c.CloseWrite()
	if err := await(t, "OnClose", a.closed); err != io.EOF {
		t.Errorf("OnClose got %v", err)
	}
	sameBytes(t, got.Bytes(), data)
}

// TestResumeWithoutNewBytes: what was left is delivered again although the peer says nothing more; with the FIN already
// there, the end comes after it.
func TestResumeWithoutNewBytes(t *testing.T) {
	for _, fin := range []bool{false, true} {
		a := newAudit(t)
		got := make(chan string, 10)
		conns := make(chan *Conn, 1)
		calls := 0
		s := serve(t, Config{}, func(*Conn) Handler {
			return full{&probe{
				a: a,
				data: func(c *Conn, in []byte) int {
					if calls++; calls == 1 {
						c.Pause()
						conns <- c
						return 1
					}
					got <- string(in)
					return len(in)
				},
				eof: func(c *Conn) { got <- "EOF"; c.Close() },
			}}
		})
		c := connect(t, s.addr)
		c.Write([]byte("abc"))
		sc := await(t, "OnData", conns)
		if fin {
			c.CloseWrite()
		}
		if len(got) > 0 {
			t.Fatalf("delivered while paused: %q", <-got)
		}
		sc.Post(sc.Resume)
		if b := await(t, "redelivery", got); b != "bc" {
			t.Errorf("redelivered %q", b)
		}
		if fin {
			if e := await(t, "OnEOF", got); e != "EOF" {
				t.Errorf("then %q", e)
			}
		}
	}
}

// TestUpgradeInOnData: the bytes that the old handler left go to the new one, through a chain of upgrades in one read.
func TestUpgradeInOnData(t *testing.T) {
	a := newAudit(t)
	var order []string
	done := make(chan struct{})
	var link func(n int) Handler
	link = func(n int) Handler {
		return &probe{
			a:    a,
			open: func(*Conn) { order = append(order, "open") },
			data: func(c *Conn, in []byte) int {
				order = append(order, string(in))
				if n == 0 {
					close(done)
					return len(in)
				}
				c.Upgrade(link(n - 1))
				return 1
			},
		}
	}
	s := serve(t, Config{}, func(*Conn) Handler { return link(4) })
	c := connect(t, s.addr)
	c.Write([]byte("abcde"))
	await(t, "last handler", done)
	kill(t, s.r)
	want := []string{"open", "abcde", "open", "bcde", "open", "cde", "open", "de", "open", "e"}
	if len(order) != len(want) {
		t.Fatalf("%q", order)
	}
	for i := range want {
		if order[i] != want[i] {
			t.Fatalf("%q", order)
		}
	}
}

// TestUpgradeFromPost: unconsumed bytes go to a handler that is installed later, and so does an end that came before.
func TestUpgradeFromPost(t *testing.T) {
	for _, eof := range []bool{false, true} {
		a := newAudit(t)
		old, got := make(chan *Conn, 4), make(chan string, 10)
		s := serve(t, Config{}, func(*Conn) Handler {
			return full{&probe{
				a: a,
				data: func(c *Conn, in []byte) int {
					if !eof {
						old <- c
					}
					return 0
				},
				eof: func(c *Conn) { old <- c },
			}}
		})
		c := connect(t, s.addr)
		c.Write([]byte("early"))
		if eof {
			c.CloseWrite()
		}
		sc := await(t, "first handler", old)
		sc.Post(func() {
			sc.Upgrade(full{&probe{
				a:    a,
				data: func(_ *Conn, in []byte) int { got <- string(in); return len(in) },
				eof:  func(c *Conn) { got <- "EOF"; c.Close() },
			}})
		})
		if b := await(t, "bytes for the new handler", got); b != "early" {
			t.Errorf("got %q", b)
		}
		if eof {
			if e := await(t, "the end for the new handler", got); e != "EOF" {
				t.Errorf("got %q", e)
			}
		}
	}
}

// TestUpgradeWhileClosing: a Stream that comes too late ends without a panic.
func TestUpgradeWhileClosing(t *testing.T) {
	a := newAudit(t)
	conns := make(chan *Conn, 1)
	s := serve(t, Config{MaxUnsent: 64 << 20}, func(*Conn) Handler {
		return &probe{a: a, open: func(c *Conn) {
			c.Write(make([]byte, 32<<20)) // more than the kernel takes
			c.Close()
			conns <- c
		}}
	})
	c := connect(t, s.addr)
	sc := await(t, "OnOpen", conns)
	streams := make(chan *Stream, 1)
	sc.Post(func() { sc.Post(func() { streams <- sc.Stream() }) })
	st := await(t, "Stream", streams)
	if n, err := io.Copy(io.Discard, c); n != 32<<20 || err != nil {
		t.Errorf("%d bytes, %v", n, err)
	}
	c.Close()
	if _, err := st.Read(make([]byte, 1)); !errors.Is(err, net.ErrClosed) {
		t.Errorf("Read: %v", err)
	}
	eventually(t, "closed", func() bool { return s.r.open.Load() == 0 })
	if n := s.log.count("handler panicked"); n > 0 {
		t.Error(s.log.text())
	}
}
