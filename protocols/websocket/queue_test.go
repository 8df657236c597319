package websocket_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/calandria-go/calandria/protocols/websocket"
	"github.com/calandria-go/calandria/protocols/websocket/wire"
	"github.com/calandria-go/calandria/reactor"
)

var kilobyte = []byte(strings.Repeat("k", 1<<10))

// flood sends until a Send fails.
func flood(c *websocket.Conn) (n int, err error) {
	for ; err == nil && n < 1<<20; n++ {
		err = c.Send(websocket.Text, kilobyte)
	}
	return n, err
}

// A peer that does not read: by the policy its messages are dropped, or it is closed, and the queue never holds more than the
// limit and one message.
func TestOverflow(t *testing.T) {
	const limit = 100 << 10
	for _, c := range []struct {
		policy websocket.Overflow
		err    error
		code   websocket.CloseCode
	}{
		{websocket.CloseTryAgain, websocket.ErrSlowConsumer, 1013},
		{websocket.ClosePolicy, websocket.ErrSlowConsumer, 1008},
		{websocket.Drop, websocket.ErrQueueFull, 0},
	} {
		t.Run(fmt.Sprint(c.policy), func(t *testing.T) {
			srv := &websocket.Server{Config: websocket.Config{MaxQueue: limit, Overflow: c.policy, CloseTimeout: time.Second}}
			bubble(t, srv, reactor.Config{}, nil, func(t *testing.T, h *host) {
				rec := h.rec
				p := h.dial()
				conn := <-rec.open
				n, err := flood(conn)
				if !errors.Is(err, c.err) {
					t.Fatalf("after %d: %v", n, err)
				}
				if most := limit + 2<<10; conn.Unsent() > most {
					t.Errorf("%d bytes are queued", conn.Unsent())
				}
				if st := srv.Stats(); st.Dropped != 1 {
					t.Errorf("%+v", st)
				}
				if q := srv.Queues(); q.Conns != 1 || q.Bytes == 0 || q.Max != q.Bytes {
					t.Errorf("%+v", q)
				}
				if c.code == 0 {
					for range n - 1 {
						p.want("text:" + string(kilobyte))
					}
					synctest.Wait()
					if err := conn.Send(websocket.Text, []byte("room again")); err != nil {
						t.Fatal(err)
					}
					p.want("text:room again")
					return
				}
				for range n - 1 {
					p.want("text:" + string(kilobyte))
				}
				p.want(fmt.Sprintf("close:%d:reads too slowly", c.code))
				p.write(wire.AppendClose(nil, wire.Client, c.code, ""))
				p.c.Close()
				if err := <-rec.end; !errors.Is(err, c.err) {
					t.Errorf("OnClose got %v", err)
				}
			})
		})
	}
}

// SendContext waits for the peer to read, and its context's end does no harm.
func TestSendContext(t *testing.T) {
	bubble(t, &websocket.Server{}, reactor.Config{}, nil, func(t *testing.T, h *host) {
		rec := h.rec
		p := h.dial()
		c := <-rec.open
		const many = 2000
		sent := make(chan error, 1)
		go func() {
			for range many {
				if err := c.SendContext(context.Background(), websocket.Text, kilobyte); err != nil {
					sent <- err
					return
				}
			}
			sent <- nil
		}()
		synctest.Wait()
		if u := c.Unsent(); u < 64<<10 || u > 260<<10 {
			t.Errorf("%d bytes are queued", u)
		}
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		if err := c.SendContext(ctx, websocket.Text, kilobyte); !errors.Is(err, context.DeadlineExceeded) {
			t.Error(err)
		}
		for range many {
			p.want("text:" + string(kilobyte))
		}
		if err := <-sent; err != nil {
			t.Error(err)
		}
		// The end of the connection ends the wait.
		for !c.OverHigh() {
			c.Send(websocket.Text, kilobyte)
		}
		go func() { sent <- c.SendContext(context.Background(), websocket.Text, kilobyte) }()
		synctest.Wait()
		c.Abort(nil)
		if err := <-sent; !errors.Is(err, websocket.ErrClosed) {
			t.Error(err)
		}
	})
}

// A peer that sends and does not read is not read from: nothing is lost, and memory is bounded.
func TestHeldBack(t *testing.T) {
	srv := &websocket.Server{}
	bubble(t, srv, reactor.Config{}, newEcho, func(t *testing.T, h *host) {
		p := h.dial()
		const many = 4096
		go func() {
			for range many {
				p.send(wire.Binary, string(kilobyte))
			}
		}()
		synctest.Wait()
		if q := srv.Queues(); q.Slow != 1 || q.Max > 256<<10+80<<10 {
			t.Errorf("%+v", q)
		}
		for range many {
			p.want("binary:" + string(kilobyte))
		}
	})
}

// Pings of a peer that does not read are answered once, with the last, when it does.
func TestLatePong(t *testing.T) {
	bubble(t, &websocket.Server{Config: websocket.Config{KeepReading: true}}, reactor.Config{}, nil, func(t *testing.T, h *host) {
		rec := h.rec
		p := h.dial()
		c := <-rec.open
		n := 0
		for ; !c.OverHigh(); n++ {
			c.Send(websocket.Text, kilobyte)
		}
		for i := range 100 {
			p.send(wire.Ping, fmt.Sprint(i))
		}
		synctest.Wait()
		for range n {
			p.want("text:" + string(kilobyte))
		}
		p.want("pong:99")
	})
}

// More controls in a second than allowed close with 1008.
func TestControlFlood(t *testing.T) {
	srv := &websocket.Server{}
	bubble(t, srv, reactor.Config{}, nil, func(t *testing.T, h *host) {
		rec := h.rec
		p := h.dial()
		start := time.Now()
		go func() {
			for range 257 {
				p.send(wire.Ping, "")
			}
		}()
		for range 256 {
			p.want("pong:")
		}
		p.want("close:1008:too many control frames", "EOF")
		if err := <-rec.end; !errors.Is(err, websocket.ErrControlFlood) {
			t.Errorf("OnClose got %v", err)
		}
		took(t, start, time.Second)
		if srv.Stats().Floods != 1 {
			t.Errorf("%+v", srv.Stats())
		}
	})
}

// Pause stops within a read; Resume goes on with the next message.
func TestPause(t *testing.T) {
	bubble(t, &websocket.Server{}, reactor.Config{}, nil, func(t *testing.T, h *host) {
		rec := h.rec
		rec.on = func(c *websocket.Conn, _ websocket.Opcode, p []byte) {
			rec.log <- string(p)
			c.Pause()
		}
		p := h.dial()
		var b []byte
		for i := range 10 {
			b = wire.AppendFrame(b, wire.Client, wire.Text, true, fmt.Append(nil, i))
		}
		p.write(b)
		c := <-rec.open
		for i := range 10 {
			synctest.Wait()
			if n := len(rec.log); n != 1 {
				t.Fatalf("%d messages", n)
			}
			if got := <-rec.log; got != fmt.Sprint(i) {
				t.Fatal(got)
			}
			c.Reactor().Post(c.Resume)
		}
	})
}

// Messages wait for Read within bounds, and none is lost.
func TestInbox(t *testing.T) {
	bubble(t, &websocket.Server{}, reactor.Config{}, func() websocket.Handler { return nil }, func(t *testing.T, h *host) {
		p := h.dial()
		const many = 1000
		go func() {
			for i := range many {
				p.send(wire.Text, fmt.Sprint(i))
			}
			p.c.Close()
		}()
		synctest.Wait()
		c := <-h.conns
		for i := range many {
			_, b, err := c.Read(context.Background())
			if err != nil || string(b) != fmt.Sprint(i) {
				t.Fatalf("%d: %q, %v", i, b, err)
			}
		}
		for range 2 {
			if _, _, err := c.Read(context.Background()); !errors.Is(err, websocket.ErrNoCloseFrame) {
				t.Error(err)
			}
		}
	})
}
