package http1_test

import (
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/calandria-go/calandria/protocols/http1"
	"github.com/calandria-go/calandria/reactor"
	"github.com/calandria-go/calandria/reactor/reactortest"
)

// TestNthSystemCallFails lets the Nth call of each kind fail, for every N that a mixed workload gets to. No client waits in
// vain or gets a byte that is wrong, every connection is closed once, and every exchange is answered or canceled.
func TestNthSystemCallFails(t *testing.T) {
	large := numbered(700 << 10)
	var handled, ended atomic.Int64
	srv := &http1.Server{Logger: quiet, Handler: http1.HandlerFunc(func(x *http1.Exchange) {
		handled.Add(1)
		x.OnCancel(func(*http1.Exchange, error) { ended.Add(1) })
		respond := func(x *http1.Exchange, body []byte) {
			x.SetHeader("Date", "once")
			x.Respond(200, "", body)
			ended.Add(1)
		}
		switch string(x.Path()) {
		case "/echo":
			x.ReadBody(1<<20, respond)
		case "/timer":
			x.Conn().AfterFunc(time.Millisecond, func() { respond(x, []byte("later")) })
		case "/offload":
			if err := x.Offload(func() { x.Post(func(x *http1.Exchange) { respond(x, []byte("later")) }) }); err != nil {
				respond(x, nil)
			}
		case "/large": // by feed: the answer is complete when it is queued
			x.SetHeader("Date", "once")
			x.Start(200, "", int64(len(large)))
			left := large
			more := func(x *http1.Exchange) {
				for len(left) > 0 {
					piece := left[:min(len(left), 50_000)]
					left = left[len(piece):]
					if full, err := x.Write(piece); err != nil || full && len(left) > 0 {
						return
					}
				}
				ended.Add(1)
				x.Finish()
			}
			x.OnWritable(more)
			more(x)
		case "/up":
			if x.SwitchProtocols("shout", shout{}) == nil {
				ended.Add(1)
			}
		default:
			respond(x, []byte("hello"))
		}
	})}
	answer := func(body string) string {
		return fmt.Sprintf("HTTP/1.1 200 OK\r\nDate: once\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
	}
	echoed := strings.Repeat("e", 100_000)
	clients := []struct{ in, want string }{
		{get("/") + get("/timer") + get("/"), answer("hello") + answer("later") + answer("hello")},
		{post("/echo", echoed) + get("/offload"), answer(echoed) + answer("later")},
		{chunked("/echo", "", "ab", "cd") + get("/large"), answer("abcd") + answer(string(large))},
		{upgradeRequest + earlyBytes, switched + "<" + earlyBytesAloud + ">"},
	}
	h := serve(t, "tcp", srv, reactor.Config{})
	workload := func(whole bool) {
		var wg sync.WaitGroup
		for _, c := range clients {
			wg.Go(func() {
				got, err := faulty(h.addr, c.in)
				switch {
				case err != nil:
					t.Errorf("after %d bytes of %d: %v", len(got), len(c.want), err)
				case !strings.HasPrefix(c.want, got), whole && got != c.want:
					t.Errorf("%d bytes of %d: %.300q", len(got), len(c.want), got)
				}
			})
		}
		wg.Wait()
		eventually(t, "all are closed", func() bool { s := h.stats(); return s.Conns == 0 && s.Opened == s.Closed })
		if a, b := handled.Load(), ended.Load(); a != b {
			t.Errorf("%d exchanges began, %d ended", a, b)
			ended.Store(a)
		}
	}
	workload(true)
	cases := 0
	for _, c := range []struct {
		op   reactortest.Op
		errs []error
	}{
		{reactortest.Read, []error{syscall.EIO, syscall.ENOMEM, syscall.ECONNRESET}},
		{reactortest.Write, []error{syscall.EIO, syscall.ENOMEM, syscall.EPIPE, syscall.ECONNRESET}},
		{reactortest.Register, []error{syscall.ENOMEM, syscall.EIO}},
		{reactortest.Shutdown, []error{syscall.ENOTCONN, syscall.EIO}},
		{reactortest.Close, []error{syscall.EIO, syscall.EINTR}},
		{reactortest.Accept, []error{syscall.ECONNABORTED, syscall.EMFILE, syscall.ENOMEM}},
	} {
		for _, err := range c.errs {
			for n := 1; n <= size(40, 15, 200); n++ {
				f := reactortest.Fail(t, c.op, n, err)
				workload(false)
				f.Stop()
				if t.Failed() {
					t.Fatalf("when %v number %d failed with %v", c.op, n, err)
				}
				if f.Hits() == 0 {
					break // the workload has no more of these
				}
				cases++
			}
		}
	}
	if cases < 60 {
		t.Errorf("only %d cases", cases)
	}
	report(t, "nth system call", fmt.Sprintf("failures_in_%d_cases", cases), 0, 0)
	workload(true)
}

// faulty is a client whose server may fail, and what it got. The error is that it waited in vain.
func faulty(addr net.Addr, in string) (string, error) {
	c, err := net.Dial("tcp", addr.String())
	if err != nil {
		return "", nil // the server was quicker with a reset than we with looking
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(patience))
	sent := make(chan bool)
	go func() {
		defer close(sent)
		if _, err := io.WriteString(c, in); err == nil {
			c.(*net.TCPConn).CloseWrite()
		}
	}()
	got, err := io.ReadAll(c)
	c.Close()
	<-sent
	if ne, ok := err.(net.Error); ok && ne.Timeout() {
		return string(got), err
	}
	return string(got), nil
}
