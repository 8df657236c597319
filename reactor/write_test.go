package reactor

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"testing"
	"time"
)

// TestOneWriteATurn: what one turn writes goes out in one system call.
func TestOneWriteATurn(t *testing.T) {
	s := serve(t, Config{}, func(*Conn) Handler {
		return &probe{data: func(c *Conn, in []byte) int {
			for i := range 50 {
				fmt.Fprintf(c, "%d,", i)
			}
			return len(in)
		}}
	})
	c := connect(t, s.addr)
	before := total(t, s.r).Writes
	const turns = 20
	for range turns {
		c.Write([]byte("x"))
		if _, err := io.ReadFull(c, make([]byte, 10*2+40*3)); err != nil {
			t.Fatal(err)
		}
	}
	if n := total(t, s.r).Writes - before; n != turns {
		t.Errorf("%d system calls in %d turns", n, turns)
	}
}

// TestWritersKeepTheirOrder: writes of one goroutine stay in sequence, whatever others do.
func TestWritersKeepTheirOrder(t *testing.T) {
	const writers, each = 8, 2000
	s := serve(t, Config{}, func(*Conn) Handler {
		return &probe{open: func(c *Conn) {
			var wg sync.WaitGroup
			for w := range writers {
				wg.Go(func() {
					for i := range each {
						fmt.Fprintf(c, "%d:%05d;", w, i)
					}
				})
			}
			go func() { wg.Wait(); c.Close() }()
		}}
	})
	got, err := io.ReadAll(connect(t, s.addr))
	if err != nil {
		t.Fatal(err)
	}
	checkSequences(t, got, writers, each)
}

// producer writes total bytes and stops above HighWater.
type producer struct {
	left  int
	next  int
	src   []byte
	over  int // the most that was ever unsent
	waits int
}

func (p *producer) OnOpen(c *Conn)                { p.OnWritable(c) }
func (p *producer) OnData(_ *Conn, in []byte) int { return len(in) }
func (p *producer) OnClose(*Conn, error)          {}
func (p *producer) OnWritable(c *Conn) {
	for p.left > 0 && !c.OverHigh() {
		n := min(p.left, 10_007, len(p.src)-p.next)
		c.Write(p.src[p.next : p.next+n])
		p.next = (p.next + n) % len(p.src)
		p.left -= n
		p.over = max(p.over, c.Unsent())
	}
	if p.left == 0 {
		c.Close()
		return
	}
	p.waits++
}

// TestSlowReader: 64 MiB through a reader that stops now and then arrive exactly, with no more queued than HighWater and
// one write.
func TestSlowReader(t *testing.T) {
	const all = 64 << 20
	src := pattern(1 << 20)
	want := sha256.New()
	for range all / len(src) {
		want.Write(src)
	}
	p := &producer{left: all, src: src}
	s := serve(t, Config{HighWater: 100_000, LowWater: 10_000}, func(*Conn) Handler { return p })
	c := connect(t, s.addr)
	c.SetReadBuffer(128 << 10)
	got := sha256.New()
	buf := make([]byte, 64<<10)
	total := 0
	for i := 0; ; i++ {
		if i%500 == 0 { // a while in which nothing is read
			within(5*time.Millisecond, func() bool { return false })
		}
		n, err := c.Read(buf)
		got.Write(buf[:n])
		total += n
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if total != all || !bytes.Equal(got.Sum(nil), want.Sum(nil)) {
		t.Errorf("%d bytes of %d, or not the same", total, all)
	}
	kill(t, s.r)
	if p.over > 100_000+10_007 {
		t.Errorf("%d bytes were queued", p.over)
	}
	if p.waits == 0 {
		t.Error("never above HighWater: nothing was tested")
	}
}

// stuffed is a server that writes n bytes to each connection at once.
func stuffed(t *testing.T, cfg Config, a *audit, n int, then func(*Conn, error)) *server {
	return serve(t, cfg, func(*Conn) Handler {
		return &probe{a: a, open: func(c *Conn) {
			for range n / (64 << 10) {
				if _, err := c.Write(make([]byte, 64<<10)); err != nil {
					then(c, err)
					return
				}
			}
			then(c, nil)
		}}
	})
}

func TestMaxUnsent(t *testing.T) {
	a := newAudit(t)
	var werr error
	s := stuffed(t, Config{MaxUnsent: 1 << 20}, a, 2<<20, func(_ *Conn, err error) { werr = err })
	c := connect(t, s.addr)
	if err := await(t, "OnClose", a.closed); !errors.Is(err, ErrSlowPeer) {
		t.Errorf("OnClose got %v", err)
	}
	if !errors.Is(werr, ErrSlowPeer) {
		t.Errorf("Write returned %v", werr)
	}
	if _, err := io.Copy(io.Discard, c); err == nil {
		t.Error("the peer saw a clean end")
	}
}

// TestWriteStall: a peer that takes nothing is cut off; one that takes a little is not.
func TestWriteStall(t *testing.T) {
	for _, slow := range []bool{false, true} {
		a := newAudit(t)
		s := stuffed(t, Config{MaxUnsent: 64 << 20, WriteStall: 300 * time.Millisecond}, a, 32<<20, func(*Conn, error) {})
		c := connect(t, s.addr)
		if !slow {
			if err := await(t, "OnClose", a.closed); !errors.Is(err, ErrWriteStall) {
				t.Errorf("OnClose got %v", err)
			}
			continue
		}
		from := time.Now()
		tick := time.NewTicker(20 * time.Millisecond)
		for time.Since(from) < time.Second {
			<-tick.C
			if _, err := io.CopyN(io.Discard, c, 400<<10); err != nil {
				t.Fatalf("cut off after %v: %v", time.Since(from), err)
			}
			if time.Since(from) > 2*time.Second {
				break // a slow machine; nothing was shown, nor was it refuted
			}
		}
	}
}

// TestShared: the references of shared bytes end in every way that a connection can.
func TestShared(t *testing.T) {
	for name, end := range map[string]func(*Conn, net.Conn){
		"sent":     func(_ *Conn, c net.Conn) { io.CopyN(io.Discard, c, 16<<20) },
		"Close":    func(sc *Conn, c net.Conn) { sc.Close(); io.Copy(io.Discard, c) },
		"Abort":    func(sc *Conn, _ net.Conn) { sc.Abort(nil) },
		"RST":      func(_ *Conn, c net.Conn) { c.(*net.TCPConn).SetLinger(0); c.Close() },
		"FIN":      func(_ *Conn, c net.Conn) { c.Close() },
		"Shutdown": func(sc *Conn, _ net.Conn) { kill(t, sc.Reactor()) },
		"panic":    func(sc *Conn, _ net.Conn) { sc.Post(func() { panic("on purpose") }) },
	} {
		freed := make(chan struct{}, 2)
		sh := NewShared(make([]byte, 1<<20), func() { freed <- struct{}{} })
		conns := make(chan *Conn, 1)
		s := serve(t, Config{MaxUnsent: 32 << 20}, func(*Conn) Handler {
			return &probe{open: func(c *Conn) {
				for range 16 {
					if err := c.WriteShared(sh); err != nil {
						t.Error(err)
					}
				}
				conns <- c
			}}
		})
		c := connect(t, s.addr)
		sc := await(t, "OnOpen", conns)
		sh.Release()
		end(sc, c)
		await(t, "last release after "+name, freed)
		if sc.WriteShared(sh) == nil && name != "sent" {
			t.Errorf("%s: WriteShared after the end", name)
		}
		kill(t, s.r)
	}
}

// TestSendFile: a range of a file lies between the writes around it, and done is called once.
func TestSendFile(t *testing.T) {
	data := pattern(3 << 20)
	f := tempFile(t, data)
	for _, cut := range []bool{false, true} {
		a := newAudit(t)
		done := make(chan struct{}, 4)
		s := serve(t, Config{}, func(*Conn) Handler {
			return &probe{a: a, open: func(c *Conn) {
				c.Write([]byte("head"))
				n := int64(len(data) - 5)
				if cut {
					n = int64(len(data)) // five more than there are
				}
				if err := c.SendFile(f, 5, n, func() { done <- struct{}{} }); err != nil {
					t.Error(err)
				}
				c.Write([]byte("tail"))
				c.Close()
			}}
		})
		got, err := io.ReadAll(connect(t, s.addr))
		await(t, "done", done)
		why := await(t, "OnClose", a.closed)
		if cut {
			if err == nil || !errors.Is(why, io.ErrUnexpectedEOF) {
				t.Errorf("a short file: the client got %v, OnClose %v", err, why)
			}
			continue
		}
		if err != nil || why != nil {
			t.Errorf("%v, %v", err, why)
		}
		sameBytes(t, got, append(append([]byte("head"), data[5:]...), "tail"...))
		kill(t, s.r)
		if len(done) != 0 {
			t.Error("done was called twice")
		}
	}
}

// TestSendFileAbort: done is called exactly once for each file that was never sent.
func TestSendFileAbort(t *testing.T) {
	f := tempFile(t, make([]byte, 16<<20))
	for name, end := range map[string]func(*Conn){
		"Abort":    func(c *Conn) { c.Abort(nil) },
		"panic":    func(c *Conn) { c.Post(func() { panic("on purpose") }) },
		"Shutdown": func(c *Conn) { kill(t, c.Reactor()) },
	} {
		done := make(chan struct{}, 10)
		conns := make(chan *Conn, 1)
		s := serve(t, Config{}, func(*Conn) Handler {
			return &probe{open: func(c *Conn) {
				for range 3 {
					c.SendFile(f, 0, 16<<20, func() { done <- struct{}{} })
				}
				conns <- c
			}}
		})
		connect(t, s.addr)
		end(await(t, "OnOpen", conns))
		for range 3 {
			await(t, "done after "+name, done)
		}
		kill(t, s.r)
		if len(done) != 0 {
			t.Errorf("%s: done was called too often", name)
		}
	}
}

// TestAfterTheEnd: nothing can be written after Close, nor after CloseWrite.
func TestAfterTheEnd(t *testing.T) {
	for name, end := range map[string]func(*Conn){
		"Close": func(c *Conn) { c.Close() }, "CloseWrite": func(c *Conn) { c.CloseWrite() },
		"Abort": func(c *Conn) { c.Abort(nil) }, "CloseLinger": func(c *Conn) { c.CloseLinger(time.Second, 1, nil) },
	} {
		errs := make(chan error, 3)
		f := tempFile(t, []byte("x"))
		s := serve(t, Config{}, func(*Conn) Handler {
			return &probe{open: func(c *Conn) {
				end(c)
				_, err := c.Write([]byte("late"))
				errs <- err
				errs <- c.WriteShared(NewShared([]byte("late"), nil))
				errs <- c.SendFile(f, 0, 1, nil)
			}}
		})
		c := connect(t, s.addr)
		for range 3 {
			if err := await(t, "error", errs); !errors.Is(err, net.ErrClosed) {
				t.Errorf("after %s: %v", name, err)
			}
		}
		if got, _ := io.ReadAll(c); len(got) > 0 {
			t.Errorf("after %s the peer got %q", name, got)
		}
	}
}

// TestCloseWriteThenRead: after our FIN the peer's bytes still come, and then its end.
func TestCloseWriteThenRead(t *testing.T) {
	a := newAudit(t)
	var got bytes.Buffer
	s := serve(t, Config{}, func(*Conn) Handler {
		return full{&probe{
			a:    a,
			open: func(c *Conn) { c.Write([]byte("all I say")); c.CloseWrite() },
			data: func(_ *Conn, in []byte) int { got.Write(in); return len(in) },
			eof:  func(*Conn) {},
		}}
	})
	c := connect(t, s.addr)
	if b, err := io.ReadAll(c); string(b) != "all I say" || err != nil {
		t.Fatalf("%q, %v", b, err)
	}
	data := pattern(1 << 20)
	c.Write(data)
	c.CloseWrite()
	if err := await(t, "OnClose", a.closed); err != nil {
		t.Errorf("OnClose got %v", err)
	}
	sameBytes(t, got.Bytes(), data)
}

// TestCloseFlushes: what was written before Close reaches a reader that takes its time.
func TestCloseFlushes(t *testing.T) {
	const n = 24 << 20
	a := newAudit(t)
	s := stuffed(t, Config{MaxUnsent: 64 << 20}, a, n, func(c *Conn, _ error) { c.Close() })
	c := connect(t, s.addr)
	got := 0
	buf := make([]byte, 128<<10)
	for i := 0; ; i++ {
		if i%20 == 0 {
			within(2*time.Millisecond, func() bool { return false })
		}
		k, err := c.Read(buf)
		got += k
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatalf("after %d bytes: %v", got, err)
		}
	}
	if got != n {
		t.Errorf("%d bytes of %d", got, n)
	}
	if err := await(t, "OnClose", a.closed); err != nil {
		t.Errorf("OnClose got %v", err)
	}
}

// TestCloseLinger: a client that is still sending reads our last bytes and a clean end, not a reset.
func TestCloseLinger(t *testing.T) {
	answer := pattern(200_000)
	for range size(20, 500) {
		a := newAudit(t)
		s := serve(t, Config{}, func(*Conn) Handler {
			return &probe{a: a, data: func(c *Conn, in []byte) int {
				c.Write(answer)
				c.CloseLinger(10*time.Second, 1<<30, errWhy)
				return len(in)
			}}
		})
		c := connect(t, s.addr)
		sent := make(chan error, 1)
		go func() {
			_, err := c.Write(make([]byte, 8<<20))
			c.CloseWrite()
			sent <- err
		}()
		if err := await(t, "the client's writing", sent); err != nil {
			t.Fatalf("the client's writing was cut: %v", err)
		}
		got, err := io.ReadAll(c)
		if err != nil {
			t.Fatal(err)
		}
		sameBytes(t, got, answer)
		if err := await(t, "OnClose", a.closed); err != errWhy {
			t.Errorf("OnClose got %v", err)
		}
		kill(t, s.r)
	}
}

// TestCloseLingerBounds: neither the time nor the bytes of a lingering close are the peer's to choose.
func TestCloseLingerBounds(t *testing.T) {
	for name, end := range map[string]func(*Conn){
		"time":  func(c *Conn) { c.CloseLinger(50*time.Millisecond, 1<<30, errWhy) },
		"bytes": func(c *Conn) { c.CloseLinger(time.Hour, 100_000, errWhy) },
	} {
		a := newAudit(t)
		s := serve(t, Config{}, func(*Conn) Handler { return &probe{a: a, open: end} })
		c := connect(t, s.addr)
		go func() {
			for {
				if _, err := c.Write(make([]byte, 10_000)); err != nil {
					return
				}
			}
		}()
		if err := await(t, "OnClose by "+name, a.closed); err != errWhy {
			t.Errorf("OnClose got %v", err)
		}
	}
}

// TestAbortIsAReset: the peer cannot take an abort for a clean end, not even with nothing unsent.
func TestAbortIsAReset(t *testing.T) {
	for range 50 {
		s := serve(t, Config{}, func(*Conn) Handler {
			return &probe{data: func(c *Conn, in []byte) int { c.Write([]byte("partial")); c.Abort(nil); return len(in) }}
		})
		c := connect(t, s.addr)
		c.Write([]byte("x"))
		if _, err := io.ReadAll(c); ReasonOf(err) != "reset" {
			t.Fatalf("the peer got %v", err)
		}
		kill(t, s.r)
	}
}
