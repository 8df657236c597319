package reactor

import (
	"context"
	"errors"
	"io"
	"os"
	"sync"
	"testing"

	"github.com/calandria-go/calandria/reactor/internal/poll"
	"golang.org/x/sys/unix"
)

// chill drops a file from the page cache, and skips the test where that cannot be seen.
func chill(t *testing.T, f *os.File, n int) {
	t.Helper()
	if err := f.Sync(); err != nil {
		t.Fatal(err)
	}
	rc, err := f.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	drop := func() {
		rc.Control(func(fd uintptr) { unix.Fadvise(int(fd), 0, 0, unix.FADV_DONTNEED) })
	}
	drop()
	if poll.Resident(f, 0, n) {
		t.Skip("this file system keeps files in memory")
	}
	readFile(f, 0, int64(n)) // asking made the kernel read ahead, and pages in flight are not dropped
	drop()
}

func posts(t *testing.T, r *Reactor) uint64 {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	s, err := r.Stats(ctx)
	if err != nil {
		t.Fatal(err)
	}
	return s.Total().Posts
}

// TestSendFileCold: what is not in the page cache is read by workers, a step each, and comes out whole between the writes
// around it; hot, no worker is needed.
func TestSendFileCold(t *testing.T) {
	data := pattern(5<<20 + 77)
	f := tempFile(t, data)
	chill(t, f, len(data))
	turns := map[bool]uint64{}
	for _, cold := range []bool{true, false} {
		s := serve(t, Config{}, func(*Conn) Handler {
			return &probe{open: func(c *Conn) {
				c.Write([]byte("head"))
				if err := c.SendFile(f, 0, int64(len(data)), nil); err != nil {
					t.Error(err)
				}
				c.Write([]byte("tail"))
				c.Close()
			}}
		})
		before := posts(t, s.r)
		got, err := io.ReadAll(connect(t, s.addr))
		if err != nil {
			t.Fatal(err)
		}
		sameBytes(t, got, append(append([]byte("head"), data...), "tail"...))
		turns[cold] = posts(t, s.r) - before
		kill(t, s.r)
	}
	t.Logf("%d turns of workers for the cold file, %d for the hot one", turns[true], turns[false])
	if turns[true] == 0 || turns[false] >= turns[true] { // where the engine cannot ask, workers read always
		t.Errorf("%d posts for the cold file, %d for the hot one: no worker read it", turns[true], turns[false])
	}
}

// TestSendFileColdAbort: a connection that ends while a worker reads is done with its file once.
func TestSendFileColdAbort(t *testing.T) {
	f := tempFile(t, make([]byte, 4<<20))
	for range 20 {
		chill(t, f, 4<<20)
		done := make(chan struct{}, 2)
		a := newAudit(t)
		s := serve(t, Config{}, func(*Conn) Handler {
			return &probe{a: a, open: func(c *Conn) {
				c.SendFile(f, 0, 4<<20, func() { done <- struct{}{} })
				c.Post(func() { c.Abort(io.ErrNoProgress) })
			}}
		})
		io.Copy(io.Discard, connect(t, s.addr))
		await(t, "done", done)
		if err := await(t, "OnClose", a.closed); !errors.Is(err, io.ErrNoProgress) {
			t.Errorf("OnClose got %v", err)
		}
		kill(t, s.r)
		if len(done) != 0 {
			t.Fatal("done was called twice")
		}
	}
}

// TestSendFileColdOverload: with all workers busy and no queue the file still comes, later, and the loop does not read it.
func TestSendFileColdOverload(t *testing.T) {
	data := pattern(1 << 20)
	f := tempFile(t, data)
	chill(t, f, len(data))
	busy := make(chan struct{})
	release := sync.OnceFunc(func() { close(busy) })
	defer release() // also if the file was in memory all the same, and the connection ended before the timer
	s := serve(t, Config{MaxWorkers: 1, MaxQueued: -1}, func(*Conn) Handler {
		return &probe{open: func(c *Conn) {
			if err := c.Offload(func() { <-busy }); err != nil {
				t.Error(err)
			}
			c.SendFile(f, 0, int64(len(data)), nil)
			tries := 0
			c.AfterFunc(5*aheadRetry, func() {
				c.mu.Lock()
				if c.diskLocked() || c.head != nil {
					tries++
				}
				c.mu.Unlock()
				if tries == 0 {
					t.Error("sent without a worker")
				}
				release()
			})
			c.Close()
		}}
	})
	got, err := io.ReadAll(connect(t, s.addr))
	if err != nil {
		t.Fatal(err)
	}
	sameBytes(t, got, data)
	release()
	kill(t, s.r)
}
