package tls_test

import (
	"bytes"
	"context"
	ctls "crypto/tls"
	"io"
	"os"
	"testing"
	"time"

	"github.com/calandria-go/calandria/reactor"
	"github.com/calandria-go/calandria/transports/tls"
)

// A client that does not read: a producer that heeds OverHigh stops near HighWater, and goes on when it reads.
func TestSlowReader(t *testing.T) {
	versions(t, func(t *testing.T, v uint16) {
		const high, block = 128 << 10, 32 << 10
		total := size(30<<20, 300<<20)
		a := newAudit(t)
		conns := make(chan *reactor.Conn, 1)
		worst, sent := 0, 0
		h := serve(t, reactor.Config{HighWater: high, LowWater: high / 2}, &tls.Server{Config: serverConfig(), Next: one(func() *probe {
			produce := func(c *reactor.Conn) {
				for !c.OverHigh() && sent < total {
					c.Write(make([]byte, block))
					worst = max(worst, c.Unsent())
					if sent += block; sent >= total {
						c.Close()
					}
				}
			}
			return &probe{a: a, open: func(c *reactor.Conn) { conns <- c; produce(c) }, writable: produce}
		})})
		raw := h.raw()
		raw.SetReadBuffer(64 << 10)
		c := ctls.Client(raw, at(clientConfig(), v))
		if err := c.Handshake(); err != nil {
			t.Fatal(err)
		}
		sc := await(t, "OnOpen", conns)
		eventually(t, "the producer stops", sc.OverHigh)
		if n, err := io.Copy(io.Discard, c); n != int64(total) || err != nil {
			t.Errorf("got %d bytes, %v", n, err)
		}
		await(t, "OnClose", a.closed)
		if worst > high+2*block { // of cipher text
			t.Errorf("%d bytes were unsent", worst)
		}
	})
}

// A producer that does not heed it is cut off at MaxUnsent.
func TestMaxUnsent(t *testing.T) {
	a := newAudit(t)
	h := serve(t, reactor.Config{MaxUnsent: 1 << 20}, &tls.Server{Config: serverConfig(), Next: one(func() *probe {
		return &probe{a: a, open: func(c *reactor.Conn) {
			for {
				if _, err := c.Write(make([]byte, 100_000)); err != nil {
					return
				}
			}
		}}
	})})
	h.dial(clientConfig())
	h.ended("slow_peer", reactor.ErrSlowPeer)
}

// A handler that pauses: nothing more is read off the socket, and every byte is there after Resume.
func TestPause(t *testing.T) {
	versions(t, func(t *testing.T, v uint16) {
		total := size(8<<20, 200<<20)
		a := newAudit(t)
		conns := make(chan *reactor.Conn, 1)
		var got bytes.Buffer
		calls := 0
		h := serve(t, reactor.Config{}, &tls.Server{Config: serverConfig(), Next: one(func() *probe {
			return &probe{a: a, open: func(c *reactor.Conn) { c.Pause(); conns <- c }, data: func(c *reactor.Conn, in []byte) int {
				if c.Paused() {
					t.Error("OnData while paused")
				}
				n := len(in)
				if calls++; calls%3 == 0 {
					n = len(in) / 2 // what is left has to come again, though nothing new does
					c.Pause()
					c.Post(c.Resume)
				}
				got.Write(in[:n])
				return n
			}}
		})})
		raw := h.raw()
		c := ctls.Client(raw, at(clientConfig(), v))
		if err := c.Handshake(); err != nil {
			t.Fatal(err)
		}
		data := pattern(total)
		written := make(chan error, 1)
		go func() {
			for p := data; len(p) > 0; { // records of many sizes
				n := min(len(p), 1+len(p)%50_000)
				if _, err := c.Write(p[:n]); err != nil {
					written <- err
					return
				}
				p = p[n:]
			}
			written <- c.CloseWrite()
		}()
		sc := await(t, "OnOpen", conns)
		read := func() uint64 {
			s, err := h.r.Stats(context.Background())
			if err != nil {
				t.Fatal(err)
			}
			return s.Total().BytesRead
		}
		first := read()
		<-time.After(100 * time.Millisecond) // that nothing happens takes a while to see
		if n := read(); n-first > 256<<10 {
			t.Errorf("%d bytes were read while paused", n-first)
		}
		sc.Post(sc.Resume)
		if err := await(t, "the end of writing", written); err != nil && !os.IsTimeout(err) {
			t.Error(err)
		}
		if err := await(t, "OnClose", a.closed); err != nil {
			t.Errorf("OnClose got %v", err)
		}
		if !bytes.Equal(got.Bytes(), data) {
			t.Errorf("%d bytes of %d", got.Len(), total)
		}
	})
}

// Several goroutines write: records stay whole.
func TestWriters(t *testing.T) {
	versions(t, func(t *testing.T, v uint16) {
		a := newAudit(t)
		const writers, each = 4, 300
		h := serve(t, reactor.Config{}, &tls.Server{Config: serverConfig(), Next: one(func() *probe {
			return &probe{a: a, open: func(c *reactor.Conn) {
				done := make(chan struct{}, writers)
				for w := range writers {
					go func() {
						for range each {
							c.Write(bytes.Repeat([]byte{byte('a' + w)}, 100))
						}
						done <- struct{}{}
					}()
				}
				go func() {
					for range writers {
						<-done
					}
					c.Close()
				}()
			}}
		})})
		c := ctls.Client(h.raw(), at(clientConfig(), v))
		got, err := io.ReadAll(c)
		if err != nil || len(got) != writers*each*100 {
			t.Fatalf("%d bytes, %v", len(got), err)
		}
		for i := 0; i < len(got); i += 100 {
			if !bytes.Equal(got[i:i+100], bytes.Repeat(got[i:i+1], 100)) {
				t.Fatalf("torn: %q", got[i:i+100])
			}
		}
	})
}
