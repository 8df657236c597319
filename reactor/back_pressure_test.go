//go:build linux

package reactor

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"hash"
	"os"
	"regexp"
	"runtime"
	"runtime/debug"
	"strconv"
	"testing"
	"time"
)

// rss is the resident set of this process in bytes; under the race detector, whose shadow memory grows as it likes, the heap's
// and the stacks' part of it.
func rss(t testing.TB) int {
	t.Helper()
	if raceDetector {
		var m runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&m)
		return int(m.HeapInuse + m.StackInuse)
	}
	b, err := os.ReadFile("/proc/self/status")
	if err != nil {
		t.Fatal(err)
	}
	m := regexp.MustCompile(`VmRSS:\s+(\d+) kB`).FindSubmatch(b)
	n, _ := strconv.Atoi(string(m[1]))
	return n << 10
}

// TestBackPressure offers far more than memory may grow to a handler that pauses, and to one that holds its loop. The sender
// sees a closed window; after it goes on, every byte has come.
func TestBackPressure(t *testing.T) {
	for _, stuck := range []bool{false, true} {
		name := "paused"
		if stuck {
			name = "stuck"
		}
		t.Run(name, func(t *testing.T) { backPressure(t, stuck) })
	}
}

func backPressure(t *testing.T, stuck bool) {
	const piece = 1 << 20
	offered := size(256, 2048) << 20
	limit := 8 << 20
	a := newAudit(t)
	release := make(chan struct{})
	conns := make(chan *Conn, 1)
	var got hash.Hash
	s := serve(t, Config{StallAfter: -1}, func(*Conn) Handler {
		got = sha256.New()
		first := true
		return &probe{a: a, data: func(c *Conn, in []byte) int {
			if first {
				first = false
				if stuck {
					conns <- c
					<-release
				} else {
					c.Pause()
					conns <- c
				}
			}
			got.Write(in)
			return len(in)
		}}
	})
	c := connect(t, s.addr)
	src := pattern(piece + 1)
	debug.FreeOSMemory()
	before := rss(t)
	want, sent := sha256.New(), 0
	closedWindow := false
	c.SetDeadline(time.Now().Add(500 * time.Millisecond))
	var sc *Conn
	for sent < offered {
		off := sent % piece
		n, err := c.Write(src[off:piece])
		want.Write(src[off : off+n])
		sent += n
		switch {
		case err == nil:
			if !closedWindow {
				c.SetDeadline(time.Now().Add(500 * time.Millisecond))
			}
		case errors.Is(err, os.ErrDeadlineExceeded) && !closedWindow:
			closedWindow = true
			if grown := rss(t) - before; grown > limit {
				t.Errorf("memory grew by %d KiB for %d KiB offered", grown>>10, sent>>10)
			}
			sc = await(t, "OnData", conns)
			c.SetDeadline(time.Now().Add(10 * patience))
			if stuck {
				close(release)
			} else {
				sc.Post(sc.Resume)
			}
		default:
			t.Fatal(err)
		}
	}
	if !closedWindow {
		t.Fatal("the window never closed")
	}
	c.CloseWrite()
	await(t, "OnClose", a.closed)
	if !bytes.Equal(got.Sum(nil), want.Sum(nil)) {
		t.Error("the bytes differ")
	}
	if grown := rss(t) - before; grown > limit {
		t.Errorf("memory grew by %d KiB in all", grown>>10)
	}
}
