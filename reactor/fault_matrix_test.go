package reactor

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/calandria-go/calandria/reactor/internal/poll"
)

// TestNthSystemCallFails lets the Nth call of each kind fail with each error, for every N that a small workload gets to:
// nothing hangs, every OnOpen has its OnClose, no descriptor is lost, and the loops serve the next connection.
func TestNthSystemCallFails(t *testing.T) {
	ops := []poll.Op{
		poll.OpRead, poll.OpWrite, poll.OpAccept, poll.OpConnect, poll.OpRegister, poll.OpShutdown, poll.OpClose,
	}
	errs := []error{
		syscall.EIO, syscall.ENOMEM, syscall.EPIPE, syscall.ECONNRESET, syscall.EINTR, poll.ErrAgain, syscall.EMFILE,
	}
	a := newAudit(t)
	s := serve(t, Config{}, func(*Conn) Handler {
		return full{&probe{
			a:    a,
			data: func(c *Conn, in []byte) int { c.Write(in); return len(in) },
			eof:  func(c *Conn) { c.Close() },
		}}
	})
	defer poll.Inject(nil)
	workload(t, s, a)
	fds := openFDs()
	cases := 0
	for _, op := range ops {
		for _, err := range errs {
			for n := 1; n <= size(60, 200); n++ {
				var left, fired atomic.Int64
				left.Store(int64(n))
				poll.Inject(func(o poll.Op) error {
					if o == op && left.Add(-1) == 0 {
						fired.Add(1)
						return err
					}
					return nil
				})
				workload(t, s, a)
				poll.Inject(nil)
				if t.Failed() {
					t.Fatalf("when %v number %d failed with %v", op, n, err)
				}
				if fired.Load() == 0 {
					break // the workload has no more of these
				}
				cases++
				if n%4 == 0 || n < 3 {
					c := connect(t, s.addr)
					ping(t, c)
					c.Close()
				}
			}
		}
	}
	t.Logf("%d cases", cases)
	if cases < 200 {
		t.Errorf("only %d cases", cases)
	}
	if fds >= 0 && !within(patience, func() bool { closeIdle(s); return openFDs() <= fds+2 }) {
		t.Errorf("%d descriptors, then %d", fds, openFDs())
	}
}

// closeIdle aborts what is open.
func closeIdle(s *server) { s.r.each(func(c *Conn) { c.Abort(nil) }) }

// workload is eight dialed connections that ask, read the answer, half-close, and wait for the end. Each may fail.
func workload(t testing.TB, s *server, a *audit) {
	t.Helper()
	var wg sync.WaitGroup
	for i := range 8 {
		msg := bytes.Repeat([]byte(fmt.Sprintf("%d.", i)), 500)
		var got []byte
		wg.Add(1)
		s.r.DialFunc(s.addr, DialOptions{Timeout: 5 * time.Second}, full{&probe{
			a:    a,
			open: func(c *Conn) { c.Write(msg[:10]); c.Post(func() { c.Write(msg[10:]) }) },
			data: func(c *Conn, in []byte) int {
				if got = append(got, in...); !bytes.HasPrefix(msg, got) {
					t.Errorf("the answer is not the question: %d bytes", len(got))
				}
				if len(got) == len(msg) {
					c.CloseWrite()
				}
				return len(in)
			},
			eof:   func(c *Conn) { c.Close() },
			close: func(*Conn, error) { wg.Done() },
		}}, func(_ *Conn, err error) {
			if err != nil {
				wg.Done()
			}
		})
	}
	finish(t, "end of the workload", wg.Wait)
	a.balanced(t)
	for len(a.closed) > 0 {
		<-a.closed
	}
}

// TestAcceptErrors: an accept that fails for want of something makes the listener rest, not spin, and is logged once a
// second; one that fails for its own connection does not.
func TestAcceptErrors(t *testing.T) {
	defer poll.Inject(nil)
	for _, tc := range []struct {
		err  error
		rest bool
	}{
		{syscall.ECONNABORTED, false},
		{syscall.EMFILE, true},
		{syscall.ENFILE, true},
		{syscall.ENOBUFS, true},
		{syscall.ENOMEM, true},
	} {
		s := serve(t, Config{}, func(*Conn) Handler { return echoing(nil) })
		var calls, fails atomic.Int64
		fails.Store(5)
		poll.Inject(func(o poll.Op) error {
			if o != poll.OpAccept {
				return nil
			}
			calls.Add(1)
			if fails.Add(-1) >= 0 {
				return tc.err
			}
			return nil
		})
		from := time.Now()
		for { // a connection may be shed meanwhile
			c, err := net.Dial("tcp", s.addr.String())
			if err != nil {
				t.Fatal(err)
			}
			c.SetDeadline(time.Now().Add(patience))
			c.Write([]byte("x"))
			_, err = io.ReadFull(c, make([]byte, 1))
			c.Close()
			if err == nil {
				break
			}
			if time.Since(from) > patience {
				t.Fatalf("%v: no service", tc.err)
			}
		}
		poll.Inject(nil)
		took := time.Since(from)
		if tc.rest && (took < 4*acceptRetry || calls.Load() > 40) {
			t.Errorf("%v: %d accepts in %v: did not rest", tc.err, calls.Load(), took)
		}
		if n := s.log.count("accept failed"); tc.rest && (n < 1 || n > 2+int(took/time.Second)) || !tc.rest && n > 0 {
			t.Errorf("%v: logged %d times in %v", tc.err, n, took)
		}
		kill(t, s.r)
	}
}
