package reactor

import (
	"context"
	"errors"
	"io"
	"os"
	"sync"
	"testing"

	"github.com/calandria-go/calandria/reactor/internal/poll"
)

// cold has every probe of the page cache say that the disk would have to be waited for, or none of them, until the test ends.
// The reactors that it is for must have ended by then.
func cold(t *testing.T, is bool) {
	t.Helper()
	real := resident
	resident = func(*os.File, int64, int) bool { return !is }
	t.Cleanup(func() { resident = real })
}

// TestResident: a file that was just read is in memory, and asking does no harm behind its end.
func TestResident(t *testing.T) {
	f := tempFile(t, pattern(1<<20))
	readFile(f, 0, 1<<20)
	if !poll.Resident(f, 0, 1<<20) {
		t.Skip("this engine, or this file system, cannot ask")
	}
	if poll.Resident(f, 1<<21, 100) {
		t.Log("behind the end nothing has to be waited for")
	}
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
	turns := map[bool]uint64{}
	for _, is := range []bool{true, false} {
		cold(t, is)
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
		turns[is] = posts(t, s.r) - before
		kill(t, s.r)
	}
	t.Logf("%d turns of workers for the cold file, %d for the hot one", turns[true], turns[false])
	if turns[true] < 5 || turns[false] > 0 {
		t.Errorf("%d posts for the cold file, %d for the hot one: no worker read it", turns[true], turns[false])
	}
}

// TestSendFileColdAbort: a connection that ends while a worker reads is done with its file once.
func TestSendFileColdAbort(t *testing.T) {
	f := tempFile(t, make([]byte, 4<<20))
	cold(t, true)
	for range 20 {
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
	cold(t, true)
	busy := make(chan struct{})
	release := sync.OnceFunc(func() { close(busy) })
	defer release()
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
