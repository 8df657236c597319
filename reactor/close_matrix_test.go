package reactor

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

var errWhy = errors.New("why not")

// cause is a way to end a connection.
type cause struct {
	name string
	do   func(m *closing, c *Conn)
	is   func(error) bool
}

// closing is one run of the matrix.
type closing struct {
	client chan string // what the client does next
}

func isErr(want error) func(error) bool {
	return func(err error) bool { return errors.Is(err, want) }
}

var causes = []cause{
	{"Close", func(_ *closing, c *Conn) { c.Close() }, func(err error) bool { return err == nil }},
	{"CloseWith", func(_ *closing, c *Conn) { c.CloseWith(errWhy) }, isErr(errWhy)},
	{"CloseLinger", func(_ *closing, c *Conn) { c.CloseLinger(50*time.Millisecond, 1<<20, errWhy) }, isErr(errWhy)},
	{"Abort", func(_ *closing, c *Conn) { c.Abort(errWhy) }, isErr(errWhy)},
	{"peer FIN", func(m *closing, _ *Conn) { m.client <- "FIN" }, isErr(io.EOF)},
	{"peer RST", func(m *closing, _ *Conn) { m.client <- "RST" }, func(err error) bool { return ReasonOf(err) == "reset" }},
	{"panic", func(*closing, *Conn) { panic("on purpose") }, isErr(ErrPanic)},
	{"Shutdown", func(_ *closing, c *Conn) { go c.Reactor().Shutdown(context.Background()) }, isErr(ErrShutdown)},
	{"drain deadline", func(_ *closing, c *Conn) {
		go func() {
			ctx, cancel := context.WithTimeout(context.Background(), 20*time.Millisecond)
			defer cancel()
			c.Reactor().Shutdown(ctx)
		}()
	}, isErr(ErrShutdown)},
}

// place is where the end begins: it gives a handler that calls end there, once.
type place struct {
	name string
	mk   func(a *audit, end func(*Conn)) *probe
}

var places = []place{
	{"OnOpen", func(_ *audit, end func(*Conn)) *probe { return &probe{open: end} }},
	{"OnData", func(_ *audit, end func(*Conn)) *probe {
		return &probe{data: func(c *Conn, in []byte) int { end(c); return len(in) }}
	}},
	{"OnEOF", func(_ *audit, end func(*Conn)) *probe { return &probe{eof: end} }},
	{"OnWritable", func(_ *audit, end func(*Conn)) *probe {
		return &probe{open: func(c *Conn) { c.Write(make([]byte, 4<<20)) }, writable: end}
	}},
	{"timer", func(a *audit, end func(*Conn)) *probe {
		return &probe{open: func(c *Conn) {
			c.AfterFunc(time.Millisecond, func() { a.in(c, "timer", func() { end(c) }) })
		}}
	}},
	{"post", func(a *audit, end func(*Conn)) *probe {
		return &probe{open: func(c *Conn) { c.Post(func() { a.in(c, "post", func() { end(c) }) }) }}
	}},
	{"goroutine", func(_ *audit, end func(*Conn)) *probe { return &probe{open: func(c *Conn) { go end(c) }} }},
	{"upgraded OnOpen", func(a *audit, end func(*Conn)) *probe {
		return &probe{data: func(c *Conn, in []byte) int {
			c.Upgrade(full{withDrain(&probe{a: a, open: end})})
			return 1
		}}
	}},
	{"upgraded OnData", func(a *audit, end func(*Conn)) *probe {
		return &probe{data: func(c *Conn, in []byte) int {
			c.Upgrade(full{withDrain(&probe{a: a, data: func(c *Conn, in []byte) int { end(c); return len(in) }})})
			return 1
		}}
	}},
}

// withDrain has a handler hold on during a drain: the deadline has to end it.
func withDrain(p *probe) *probe {
	if holdDrain.Load() {
		p.drain = func(*Conn) {}
	}
	return p
}

var holdDrain atomic.Bool // set between the cases

// TestOneCloseMatrix ends connections in every way from every place: one OnClose for the OnOpen, last, with the right
// reason, inside no other call.
func TestOneCloseMatrix(t *testing.T) {
	for _, p := range places {
		for _, k := range causes {
			if k.name == "panic" && p.name == "goroutine" {
				continue // that one is the program's own
			}
			t.Run(p.name+"/"+k.name, func(t *testing.T) { closeOnce(t, p, k) })
		}
	}
}

func closeOnce(t *testing.T, p place, k cause) {
	if p.name == "OnEOF" && k.name == "peer FIN" {
		k = causes[0] // it has come; somebody has to close
	}
	holdDrain.Store(k.name == "drain deadline")
	defer holdDrain.Store(false)
	a := newAudit(t)
	m := &closing{client: make(chan string, 1)}
	ended := false
	h := p.mk(a, func(c *Conn) {
		if !ended {
			ended = true
			k.do(m, c)
		}
	})
	h.a = a
	upgrades := len(p.name) > 8 && p.name[:8] == "upgraded"
	s := serve(t, Config{MaxUnsent: 16 << 20}, func(*Conn) Handler { return full{withDrain(h)} })
	if s.r.Engine() == "portable" && p.name == "OnEOF" && k.name == "peer RST" {
		t.Skip("a net.Conn that was read to its end tells of a reset only when it is written")
	}
	c := connect(t, s.addr)
	c.Write([]byte("xyz"))
	if p.name == "OnEOF" {
		c.CloseWrite()
	}
	go func() {
		defer c.Close()
		io.Copy(io.Discard, c)
	}()
	go func() {
		select {
		case what := <-m.client:
			switch what {
			case "FIN":
				c.CloseWrite()
			case "RST":
				c.SetLinger(0)
				c.Close()
			}
		case <-t.Context().Done():
		}
	}()
	err := await(t, "OnClose", a.closed)
	// A write that is under way takes the kernel's one report of a reset; a read then says EOF.
	taken := s.r.Engine() == "portable" && p.name == "OnWritable" && k.name == "peer RST" && err == io.EOF
	if !k.is(err) && !taken {
		t.Errorf("OnClose got %v", err)
	}
	opens, closes := a.counts()
	if upgrades {
		opens-- // the first handler hears nothing more
	}
	if opens != 1 || closes != 1 {
		t.Errorf("%d OnOpens, %d OnCloses", opens, closes)
	}
	if k.name == "panic" {
		eventually(t, "the panic is logged", func() bool { return s.log.count("handler panicked")+s.log.count("function panicked") == 1 })
	}
	kill(t, s.r) // a second OnClose would come now
	if _, again := a.counts(); again != closes {
		t.Errorf("%d OnCloses in the end", again)
	}
}

// TestReasonLabels: each end has its label, however it is wrapped.
func TestReasonLabels(t *testing.T) {
	for _, tc := range []struct {
		err  error
		want string
	}{
		{nil, "closed"},
		{io.EOF, "eof"},
		{io.ErrUnexpectedEOF, "eof"},
		{syscall.ECONNRESET, "reset"},
		{syscall.EPIPE, "reset"},
		{syscall.ETIMEDOUT, "timeout"},
		{context.DeadlineExceeded, "timeout"},
		{context.Canceled, "canceled"},
		{syscall.EIO, "os_error"},
		{errWhy, "error"},
		{ErrSlowPeer, "slow_peer"},
		{ErrWriteStall, "write_stall"},
		{ErrInputLimit, "input_limit"},
		{ErrShutdown, "shutdown"},
		{ErrAborted, "aborted"},
		{ErrOverload, "overload"},
		{&panicError{1}, "panic"},
	} {
		if got := ReasonOf(tc.err); got != tc.want {
			t.Errorf("ReasonOf(%v) = %q, want %q", tc.err, got, tc.want)
		}
		if tc.err != nil {
			if got := ReasonOf(fmt.Errorf("wrapped: %w", tc.err)); got != tc.want {
				t.Errorf("ReasonOf(wrapped %v) = %q, want %q", tc.err, got, tc.want)
			}
		}
	}
}
