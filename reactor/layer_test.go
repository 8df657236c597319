package reactor

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"testing"
	"time"
)

// scramble is a toy layer: records of a two-byte length and bytes XORed with a key; length 0 is the orderly end.
type scramble struct {
	c *Conn

	// Loop only.
	raw    []byte
	plain  []byte
	end    error
	closed chan struct{}
	fed    int

	mu  sync.Mutex // of writers
	fin bool
}

const scrambleKey = 0x5a

var errRecord = errors.New("a bad record")

func newScramble(c *Conn) *scramble { return &scramble{c: c, closed: make(chan struct{})} }

func scrambled(p []byte) []byte {
	var out []byte
	for b := range chunks(p, 1000) {
		out = binary.BigEndian.AppendUint16(out, uint16(len(b)))
		for _, x := range b {
			out = append(out, x^scrambleKey)
		}
	}
	return out
}

func (l *scramble) Feed(in []byte) error {
	l.fed += len(in)
	l.raw = append(l.raw, in...)
	for len(l.raw) >= 2 && l.end == nil {
		n := int(binary.BigEndian.Uint16(l.raw))
		if n > 1000 {
			return errRecord
		}
		if n == 0 {
			l.end = io.EOF
			break
		}
		if len(l.raw) < 2+n {
			break
		}
		for _, x := range l.raw[2 : 2+n] {
			l.plain = append(l.plain, x^scrambleKey)
		}
		l.raw = l.raw[2+n:]
	}
	return nil
}

func (l *scramble) Read(p []byte) (int, error) {
	if len(l.plain) > 0 {
		n := copy(p[:min(len(p), 700)], l.plain) // short reads: the reactor has to ask again
		l.plain = l.plain[n:]
		return n, nil
	}
	if l.end != nil {
		return 0, l.end
	}
	return 0, ErrWouldBlock
}

func (l *scramble) EOF() {
	if l.end == nil {
		l.end = io.ErrUnexpectedEOF
	}
}

func (l *scramble) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.fin {
		return 0, net.ErrClosed
	}
	if _, err := l.c.WriteRaw(scrambled(p)); err != nil {
		return 0, err
	}
	return len(p), nil
}

func (l *scramble) CloseWrite() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.fin {
		return nil
	}
	l.fin = true
	_, err := l.c.WriteRaw([]byte{0, 0})
	return err
}

func (l *scramble) Close() { close(l.closed) }

// unscramble reads a peer's whole stream of records; ended says whether it had its orderly end.
func unscramble(r io.Reader) (plain []byte, ended bool, err error) {
	raw, err := io.ReadAll(r)
	l := &scramble{}
	if e := l.Feed(raw); e != nil {
		return nil, false, e
	}
	return l.plain, l.end == io.EOF, err
}

// layered is a server whose connections have the layer from the start.
func layered(t *testing.T, cfg Config, mk func(c *Conn, l *scramble) Handler) *server {
	return serve(t, cfg, func(c *Conn) Handler {
		l := newScramble(c)
		c.SetLayer(l)
		return mk(c, l)
	})
}

func TestLayerBothWays(t *testing.T) {
	data := pattern(1 << 20)
	a := newAudit(t)
	s := layered(t, Config{}, func(*Conn, *scramble) Handler {
		return full{&probe{a: a, data: func(c *Conn, in []byte) int { c.Write(in); return len(in) }, eof: func(c *Conn) { c.Close() }}}
	})
	c := connect(t, s.addr)
	go func() {
		for b := range chunks(scrambled(data), 777) {
			c.Write(b)
		}
		c.Write([]byte{0, 0})
	}()
	got, ended, err := unscramble(c)
	if err != nil || !ended {
		t.Errorf("ended %v, %v", ended, err)
	}
	sameBytes(t, got, data)
	if err := await(t, "OnClose", a.closed); err != nil {
		t.Errorf("OnClose got %v", err)
	}
}

// TestLayerEndWithoutRecord: a FIN in the middle of the stream is no orderly end, and what came before is delivered.
func TestLayerEndWithoutRecord(t *testing.T) {
	a := newAudit(t)
	var got bytes.Buffer
	s := layered(t, Config{}, func(*Conn, *scramble) Handler {
		return full{&probe{
			a: a, data: func(_ *Conn, in []byte) int { got.Write(in); return len(in) },
			eof: func(*Conn) { t.Error("OnEOF for a stream that was cut off") },
		}}
	})
	c := connect(t, s.addr)
	c.Write(scrambled([]byte("cut off")))
	c.CloseWrite()
	if err := await(t, "OnClose", a.closed); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("OnClose got %v", err)
	}
	if got.String() != "cut off" {
		t.Errorf("delivered %q", got.String())
	}
}

func TestLayerBadRecord(t *testing.T) {
	a := newAudit(t)
	closed := make(chan chan struct{}, 1)
	s := layered(t, Config{}, func(_ *Conn, l *scramble) Handler { closed <- l.closed; return &probe{a: a} })
	c := connect(t, s.addr)
	c.Write([]byte{0xff, 0xff})
	if err := await(t, "OnClose", a.closed); !errors.Is(err, errRecord) {
		t.Errorf("OnClose got %v", err)
	}
	await(t, "Layer.Close", <-closed)
}

// TestLayerWriters: records of several goroutines are whole, and those of each in order.
func TestLayerWriters(t *testing.T) {
	const writers, each = 4, 200
	s := layered(t, Config{}, func(c *Conn, _ *scramble) Handler {
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
	got, ended, err := unscramble(connect(t, s.addr))
	if err != nil || !ended {
		t.Errorf("ended %v, %v", ended, err)
	}
	checkSequences(t, got, writers, each)
}

// checkSequences looks at "writer:number;" items.
func checkSequences(t testing.TB, got []byte, writers, each int) {
	t.Helper()
	next := make([]int, writers)
	for _, item := range bytes.Split(bytes.TrimSuffix(got, []byte(";")), []byte(";")) {
		var w, i int
		if _, err := fmt.Sscanf(string(item), "%d:%d", &w, &i); err != nil {
			t.Fatalf("item %q", item)
		}
		if i != next[w] {
			t.Fatalf("writer %d: %d, want %d", w, i, next[w])
		}
		next[w]++
	}
	for w, n := range next {
		if n != each {
			t.Errorf("writer %d: %d items of %d", w, n, each)
		}
	}
}

// TestSetLayerLate: bytes that came before the layer are its, whether it is set in OnData or by a post.
func TestSetLayerLate(t *testing.T) {
	for _, post := range []bool{false, true} {
		got := make(chan string, 10)
		s := serve(t, Config{}, func(*Conn) Handler {
			return &probe{data: func(c *Conn, in []byte) int {
				if c.Layer() != nil {
					got <- string(in)
					return len(in)
				}
				if in[0] != 'S' {
					return 0
				}
				if !post {
					c.SetLayer(newScramble(c))
					return 1
				}
				if len(in) < 2 {
					return 0
				}
				c.Pause()
				c.Post(func() { c.SetLayer(newScramble(c)); c.Resume() })
				return 1
			}}
		})
		c := connect(t, s.addr)
		c.Write(append([]byte{'S'}, scrambled([]byte("secret"))...))
		if b := await(t, "plaintext", got); b != "secret" {
			t.Errorf("post=%v: got %q", post, b)
		}
	}
}

// TestLayerPause: plaintext that waits in the layer is not delivered while paused, and all of it is after Resume.
func TestLayerPause(t *testing.T) {
	data := pattern(300_000)
	a := newAudit(t)
	var got bytes.Buffer
	s := layered(t, Config{}, func(*Conn, *scramble) Handler {
		n := 0
		return full{&probe{a: a, data: func(c *Conn, in []byte) int {
			if c.Paused() {
				t.Error("OnData while paused")
			}
			k := len(in)
			if n++; n%3 == 0 {
				k /= 2
				c.Pause()
				if n%2 == 0 {
					c.Post(c.Resume)
				} else {
					c.AfterFunc(0, c.Resume)
				}
			}
			got.Write(in[:k])
			return k
		}, eof: func(c *Conn) { c.Close() }}}
	})
	c := connect(t, s.addr)
	c.Write(scrambled(data))
	c.Write([]byte{0, 0})
	c.CloseWrite()
	if err := await(t, "OnClose", a.closed); err != nil {
		t.Errorf("OnClose got %v", err)
	}
	sameBytes(t, got.Bytes(), data)
}

// TestLayerFloodAfterItsEnd: what a peer sends after its orderly end is thrown away, not kept by the layer.
func TestLayerFloodAfterItsEnd(t *testing.T) {
	ended := make(chan *scramble, 1)
	conns := make(chan *Conn, 1)
	s := layered(t, Config{}, func(c *Conn, l *scramble) Handler {
		return full{&probe{eof: func(c *Conn) { conns <- c; ended <- l }}} // and goes on writing, say
	})
	c := connect(t, s.addr)
	c.Write([]byte{0, 0})
	sc, l := await(t, "OnEOF", conns), await(t, "OnEOF", ended)
	flood := make([]byte, 1<<20)
	for range 16 {
		if _, err := c.Write(flood); err != nil {
			t.Fatal(err)
		}
	}
	eventually(t, "the flood is read", func() bool { return total(t, s.r).BytesRead >= 16<<20 || s.r.open.Load() == 0 })
	fed := make(chan int, 1)
	sc.Post(func() { fed <- l.fed })
	if n := await(t, "count", fed); n > 1<<17 {
		t.Errorf("the layer was fed %d bytes after its end", n)
	}
}

// TestLayerClose: every orderly close puts the layer's end out after what was written.
func TestLayerClose(t *testing.T) {
	for name, end := range map[string]func(*Conn){
		"Close":       func(c *Conn) { c.Close() },
		"CloseWith":   func(c *Conn) { c.CloseWith(errWhy) },
		"CloseLinger": func(c *Conn) { c.CloseLinger(time.Second, 1000, nil) },
		"CloseWrite":  func(c *Conn) { c.CloseWrite() },
	} {
		s := layered(t, Config{}, func(*Conn, *scramble) Handler {
			return &probe{open: func(c *Conn) { c.Write([]byte("bye")); end(c) }}
		})
		got, ended, err := unscramble(connect(t, s.addr))
		if string(got) != "bye" || !ended || err != nil {
			t.Errorf("%s: %q, ended %v, %v", name, got, ended, err)
		}
	}
}
