package websocket_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/calandria-go/calandria/protocols/websocket"
	"github.com/calandria-go/calandria/protocols/websocket/wire"
	"github.com/calandria-go/calandria/reactor"
)

// attacks are what a hostile client sends, and the code that it has to get.
func attacks() map[string]struct {
	bytes []byte
	code  websocket.CloseCode
} {
	zeros := wire.NewDeflater(15, false).Append(nil, make([]byte, 64<<20)) // 1000:1
	bomb := wire.Header{Fin: true, RSV: 4, Op: wire.Binary, Masked: true, Length: int64(len(zeros))}
	fragments := wire.AppendFrame(nil, wire.Client, wire.Text, false, []byte("x"))
	for range 1_000_000 {
		fragments = append(fragments, 0x00, 0x81, 0, 0, 0, 0, 'x')
	}
	huge := binary.BigEndian.AppendUint64([]byte{0x82, 0xff}, 1<<62)
	long := wire.AppendFrame(nil, wire.Client, wire.Binary, false, make([]byte, 1<<20))
	return map[string]struct {
		bytes []byte
		code  websocket.CloseCode
	}{
		"a bomb of 1000 to 1":          {append(wire.AppendHeader(nil, bomb), zeros...), 1009},
		"a million one-byte fragments": {fragments, 1009},
		"2^62 announced":               {append(huge, 1, 2, 3, 4), 1009},
		"a byte more than the limit":   {append(long, wire.AppendFrame(nil, wire.Client, wire.Continuation, true, []byte("x"))...), 1009},
		"pings without end":            {bytes.Repeat([]byte{0x89, 0x80, 1, 2, 3, 4}, 1_000_000), 1008},
		"pongs without end":            {bytes.Repeat([]byte{0x8a, 0x80, 1, 2, 3, 4}, 1_000_000), 1008},
	}
}

// TestAbuse: a client that floods gets the RFC's code within a second of the limit, whether or not it reads and closes, its connection
// costs no more memory than the message limit and a MiB, and another one does not notice.
func TestAbuse(t *testing.T) {
	for name, a := range attacks() {
		for _, reads := range []bool{true, false} {
			t.Run(fmt.Sprintf("%s, reads %v", name, reads), func(t *testing.T) {
				d := &websocket.Deflate{}
				d.ServerNoContextTakeover, d.ClientNoContextTakeover = true, true
				srv := &websocket.Server{Config: websocket.Config{Deflate: d, CloseTimeout: time.Second}}
				bubble(t, srv, reactor.Config{}, nil, func(t *testing.T, h *host) {
					p := h.dial("Sec-WebSocket-Extensions: permessage-deflate")
					<-h.rec.open
					other := h.dial()
					<-h.rec.open
					other.send(wire.Text, "before")
					if got := <-h.rec.log; got != "text:before" {
						t.Error(got)
					}
					var before, after runtime.MemStats
					runtime.ReadMemStats(&before)
					start := time.Now()
					go p.c.Write(a.bytes) // it fails when the server has had enough
					if reads {
						want := fmt.Sprintf("close:%d:", a.code)
						got := p.next()
						for got == "pong:" {
							got = p.next()
						}
						// One who goes on beyond what is read away while closing may get the reset before it has read the code.
						floods := len(a.bytes) > 4<<20 && strings.Contains(got, "reset")
						if !strings.HasPrefix(got, want) && !floods {
							t.Errorf("%q, want %q", got, want)
						}
					}
					err := <-h.rec.end
					runtime.ReadMemStats(&after)
					if websocket.CloseStatus(err) != a.code {
						t.Errorf("OnClose got %v", err)
					}
					if d := time.Since(start); d > time.Second+late {
						t.Errorf("it took %v", d)
					}
					// All that was allocated, the halves of a buffer that grew included.
					if used := after.TotalAlloc - before.TotalAlloc; used > 2<<20+1<<20 && !raceDetector {
						t.Errorf("%d bytes were allocated", used)
					}
					other.send(wire.Text, "after")
					for got := range h.rec.log {
						if got == "text:after" {
							break
						}
					}
				})
			})
		}
	}
}

// Messages of many goroutines arrive whole, and in each one's order.
func TestConcurrentSend(t *testing.T) {
	srv := &websocket.Server{Config: websocket.Config{MaxQueue: -1}}
	bubble(t, srv, reactor.Config{}, nil, func(t *testing.T, h *host) {
		p := h.dial()
		c := <-h.rec.open
		const writers, each = 8, 200
		var wg sync.WaitGroup
		for w := range writers {
			wg.Go(func() {
				for i := range each {
					msg := fmt.Sprintf("%d %d %s", w, i, kilobyte[:i*5])
					if err := c.Send(websocket.Text, []byte(msg)); err != nil {
						t.Error(err)
					}
				}
			})
		}
		next := map[int]int{}
		for range writers * each {
			var w, i int
			if _, err := fmt.Sscanf(p.next(), "text:%d %d", &w, &i); err != nil || i != next[w] {
				t.Fatalf("writer %d: %d, want %d, %v", w, i, next[w], err)
			}
			next[w]++
		}
		wg.Wait()
		synctest.Wait()
		if err := c.Send(websocket.Opcode(3), nil); !errors.Is(err, websocket.ErrOpcode) {
			t.Error(err)
		}
		if _, _, err := c.Read(t.Context()); !errors.Is(err, websocket.ErrHandler) {
			t.Error(err)
		}
	})
}
