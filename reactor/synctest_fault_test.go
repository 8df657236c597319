package reactor_test

import (
	"fmt"
	"io"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/calandria-go/calandria/reactor"
	"github.com/calandria-go/calandria/reactor/reactortest"
)

// The nth call of each operation fails, for every n of an exchange in memory: no hang, no leak, and one OnClose for each
// OnOpen. The same on real sockets is the syscall matrix's.
func TestNthOperationFails(t *testing.T) {
	for op := reactortest.Read; op <= reactortest.Shutdown; op++ {
		t.Run(fmt.Sprint(op), func(t *testing.T) {
			for _, errno := range []syscall.Errno{syscall.EIO, syscall.EMFILE} {
				n := 1
				for failNth(t, op, n, errno) {
					n++
				}
				if n < 3 {
					t.Errorf("only %d calls were reached", n-1)
				}
			}
		})
	}
}

// failNth runs two exchanges; false if they need fewer than n calls.
func failNth(t *testing.T, op reactortest.Op, n int, errno syscall.Errno) (reached bool) {
	synctest.Test(t, func(t *testing.T) {
		var opens, closes int
		r := reactortest.New(t, reactor.Config{Loops: 1, StallAfter: -1})
		ln := reactortest.Listen()
		if _, err := r.Listen(ln, reactor.ProtocolFunc(func(*reactor.Conn) reactor.Handler {
			return &hooks{
				open:   func(*reactor.Conn) { opens++ },
				data:   func(c *reactor.Conn, in []byte) int { c.Write(in); return len(in) },
				closed: func(*reactor.Conn, error) { closes++ },
			}
		})); err != nil {
			t.Fatal(err)
		}
		f := reactortest.Fail(t, op, n, errno)
		start := time.Now()
		for range 2 {
			s, err := r.DialStream(t.Context(), ln.Addr(), reactor.DialOptions{})
			if err != nil {
				continue
			}
			s.SetDeadline(time.Now().Add(time.Minute))
			s.Write(make([]byte, 70_000))
			s.CloseWrite()
			io.ReadAll(s)
			s.Close()
		}
		if took := time.Since(start); took > time.Second {
			t.Errorf("%v, %v at call %d: it took %v", op, errno, n, took)
		}
		pass(time.Minute)
		if s, err := r.Stats(t.Context()); err != nil || s.Open != 0 {
			t.Errorf("%v, %v at call %d: %d connections are open, %v", op, errno, n, s.Open, err)
		}
		if err := r.Shutdown(t.Context()); err != nil {
			t.Error(err)
		}
		if opens != closes {
			t.Errorf("%v, %v at call %d: %d OnOpen, %d OnClose", op, errno, n, opens, closes)
		}
		reached = f.Hits() > 0
	})
	return reached
}
