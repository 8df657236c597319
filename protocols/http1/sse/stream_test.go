package sse_test

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/calandria-go/calandria/protocols/http1"
	"github.com/calandria-go/calandria/protocols/http1/sse"
	"github.com/calandria-go/calandria/reactor"
	"github.com/calandria-go/calandria/reactor/reactortest"
)

const patience = 30 * time.Second

func TestMain(m *testing.M) { reactortest.Main(m) }

// serve serves h over TCP.
func serve(t testing.TB, h http1.HandlerFunc) string {
	t.Helper()
	r := reactortest.NewDefault(t, reactor.Config{})
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.Listen(ln, &http1.Server{Handler: h, DrainIdle: -1}); err != nil {
		t.Fatal(err)
	}
	return ln.Addr().String()
}

// client reads a stream of events.
type client struct {
	t   testing.TB
	c   net.Conn
	res *http.Response
	p   sse.Parser
	got []sse.Event
	end error
}

func open(t testing.TB, c net.Conn, lastID string) *client {
	t.Helper()
	t.Cleanup(func() { c.Close() })
	field := ""
	if lastID != "" {
		field = "Last-Event-ID: " + lastID + "\r\n"
	}
	if _, err := io.WriteString(c, "GET /events HTTP/1.1\r\nHost: a\r\n"+field+"\r\n"); err != nil {
		t.Fatal(err)
	}
	res, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		t.Fatal(err)
	}
	if res.StatusCode != 200 || res.Header.Get("Content-Type") != "text/event-stream" || res.Header.Get("Cache-Control") != "no-store" {
		t.Fatalf("%s %v", res.Status, res.Header)
	}
	return &client{t: t, c: c, res: res}
}

func connect(t testing.TB, addr, lastID string) *client {
	t.Helper()
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	c.SetDeadline(time.Now().Add(patience))
	return open(t, c, lastID)
}

// next waits for an event; false at the end.
func (c *client) next() (sse.Event, bool) {
	c.t.Helper()
	var buf [512]byte
	for len(c.got) == 0 && c.end == nil {
		n, err := c.res.Body.Read(buf[:])
		if perr := c.p.Feed(buf[:n], func(e sse.Event) { c.got = append(c.got, e) }); perr != nil {
			c.t.Fatal(perr)
		}
		c.end = err
	}
	if len(c.got) == 0 {
		return sse.Event{}, false
	}
	e := c.got[0]
	c.got = c.got[1:]
	return e, true
}

func (c *client) want(data string) sse.Event {
	c.t.Helper()
	e, ok := c.next()
	if !ok || e.Data != data {
		c.t.Fatalf("got %+v, %v (%v), not %q", e, ok, c.end, data)
	}
	return e
}

// TestStream: events of many goroutines, the order of each kept, then Close.
func TestStream(t *testing.T) {
	t.Parallel()
	ended := make(chan error, 2)
	addr := serve(t, func(x *http1.Exchange) {
		s, err := sse.Start(x, sse.Config{Retry: 3 * time.Second, MaxQueue: -1, MaxQueueBytes: -1})
		if err != nil {
			t.Error(err)
			return
		}
		s.OnClose(func(err error) { ended <- err })
		s.Send(sse.Event{ID: "0", Name: "hello", Data: "id " + s.LastEventID()})
		if err := s.Send(sse.Event{ID: "a\nb"}); !errors.Is(err, sse.ErrID) {
			t.Error(err)
		}
		go func() {
			var wg sync.WaitGroup
			for g := range 4 {
				wg.Go(func() {
					for i := range 200 {
						s.Send(sse.Event{Name: fmt.Sprint(g), Data: fmt.Sprint(i)})
					}
				})
			}
			wg.Wait()
			s.Close()
			s.Close()
			if err := s.Send(sse.Event{Data: "late"}); !errors.Is(err, net.ErrClosed) {
				t.Error(err)
			}
		}()
	})
	c := connect(t, addr, "41")
	if e := c.want("id 41"); e.ID != "0" || e.Name != "hello" {
		t.Errorf("%+v", e)
	}
	next := map[string]int{}
	for {
		e, ok := c.next()
		if !ok {
			break
		}
		if e.Data != fmt.Sprint(next[e.Name]) {
			t.Fatalf("%+v, not %d", e, next[e.Name])
		}
		next[e.Name]++
	}
	if c.end != io.EOF || next["0"] != 200 || next["3"] != 200 || c.p.Retry() != 3*time.Second {
		t.Errorf("%v %v %v", c.end, next, c.p.Retry())
	}
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

// TestStreamHead: HEAD gets the head, and the connection goes on.
func TestStreamHead(t *testing.T) {
	t.Parallel()
	errs := make(chan error, 1)
	addr := serve(t, func(x *http1.Exchange) {
		_, err := sse.Start(x, sse.Config{})
		errs <- err
	})
	res, err := http.Head("http://" + addr)
	if err != nil || res.Header.Get("Content-Type") != "text/event-stream" {
		t.Fatal(res, err)
	}
	http.DefaultClient.CloseIdleConnections()
	if err := <-errs; !errors.Is(err, sse.ErrNoBody) {
		t.Error(err)
	}
}

// bubble runs f with h served in memory, on synctest's clock.
func bubble(t *testing.T, cfg reactor.Config, h http1.HandlerFunc, f func(t *testing.T, dial func() net.Conn)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		cfg.StallAfter, cfg.Loops = -1, 1
		r := reactortest.New(t, cfg)
		ln := reactortest.Listen()
		if _, err := r.Listen(ln, &http1.Server{Handler: h, DrainIdle: -1}); err != nil {
			t.Fatal(err)
		}
		f(t, func() net.Conn {
			c, err := ln.Dial()
			if err != nil {
				t.Fatal(err)
			}
			return c
		})
	})
}

// TestHeartbeat: a comment breaks a silence, and only that.
func TestHeartbeat(t *testing.T) {
	var s *sse.Stream
	bubble(t, reactor.Config{}, func(x *http1.Exchange) {
		s, _ = sse.Start(x, sse.Config{Heartbeat: 10 * time.Second})
	}, func(t *testing.T, dial func() net.Conn) {
		c := open(t, dial(), "")
		br := bufio.NewReader(c.res.Body)
		begin := time.Now()
		var at []int
		for range 3 {
			for {
				line, err := br.ReadString('\n')
				if err != nil {
					t.Fatal(err)
				}
				if line == ":\n" {
					break
				}
			}
			at = append(at, int(time.Since(begin)/time.Second))
			if len(at) == 2 {
				<-time.After(5 * time.Second)
				s.Send(sse.Event{Data: "x"})
			}
		}
		if fmt.Sprint(at) != "[10 20 35]" {
			t.Errorf("heartbeats after %v seconds", at)
		}
		s.Close()
		io.Copy(io.Discard, br)
	})
}

// fillUp sends large events until the client's queues are full.
func fillUp(s *sse.Stream, n int) (err error) {
	for i := range n {
		if err = s.Send(sse.Event{ID: fmt.Sprint(i), Data: strings.Repeat("x", 10_000)}); err != nil {
			return err
		}
		synctest.Wait()
	}
	return nil
}

// TestSlowClient: one that does not read is dropped, or loses the oldest events; memory is bounded both ways.
func TestSlowClient(t *testing.T) {
	cfg := reactor.Config{HighWater: 64 << 10, LowWater: 16 << 10, WriteStall: -1}
	streams := make(chan *sse.Stream, 1)
	for _, policy := range []sse.Policy{sse.DropClient, sse.DropOldest} {
		ended := make(chan error, 1)
		bubble(t, cfg, func(x *http1.Exchange) {
			s, err := sse.Start(x, sse.Config{MaxQueue: 10, Full: policy, Heartbeat: -1})
			if err != nil {
				t.Error(err)
			}
			s.OnClose(func(err error) { ended <- err })
			streams <- s
		}, func(t *testing.T, dial func() net.Conn) {
			c := open(t, dial(), "")
			s := <-streams
			err := fillUp(s, 300)
			if policy == sse.DropClient {
				if !errors.Is(err, sse.ErrSlowClient) || !errors.Is(<-ended, sse.ErrSlowClient) {
					t.Errorf("Send: %v", err)
				}
				return
			}
			if err != nil || s.Dropped() == 0 {
				t.Errorf("%v, %d dropped", err, s.Dropped())
			}
			s.Close()
			n, last := uint64(0), ""
			for {
				e, ok := c.next()
				if !ok {
					break
				}
				n, last = n+1, e.ID
			}
			if n+s.Dropped() != 300 || last != "299" || c.end != io.EOF {
				t.Errorf("%d came, %d were dropped, the last is %s, %v", n, s.Dropped(), last, c.end)
			}
			if err := <-ended; err != nil {
				t.Error(err)
			}
		})
	}
}

// TestClientGone: a client that has gone shows at the next heartbeats.
func TestClientGone(t *testing.T) {
	t.Parallel()
	ended, started := make(chan error, 1), make(chan *sse.Stream, 1)
	addr := serve(t, func(x *http1.Exchange) {
		s, _ := sse.Start(x, sse.Config{Heartbeat: 20 * time.Millisecond})
		s.OnClose(func(err error) { ended <- err })
		started <- s
	})
	c := connect(t, addr, "")
	c.c.Close()
	select {
	case err := <-ended:
		if err == nil {
			t.Error("no error")
		}
	case <-time.After(patience):
		t.Fatal("not noticed")
	}
	s := <-started
	if err := s.Send(sse.Event{Data: "x"}); !errors.Is(err, sse.ErrClosed) {
		t.Error(err)
	}
	called := false
	s.OnClose(func(error) { called = true })
	if !called {
		t.Error("OnClose after the end is not called")
	}
}

// holdBack is a filter that gives nothing before it has to.
type holdBack struct{ held []byte }

func (h *holdBack) Append(dst, p []byte, flush, last bool) ([]byte, error) {
	h.held = append(h.held, p...)
	if flush || last {
		dst = append(dst, h.held...)
		h.held = nil
	}
	return dst, nil
}

func (h *holdBack) Close() {}

// TestFilter: each event goes through a compressing filter at once.
func TestFilter(t *testing.T) {
	t.Parallel()
	streams := make(chan *sse.Stream, 1)
	addr := serve(t, func(x *http1.Exchange) {
		x.OnHead(func(_ *http1.Exchange, h *http1.Head) { h.Filter(&holdBack{}) })
		s, _ := sse.Start(x, sse.Config{})
		streams <- s
	})
	c := connect(t, addr, "")
	s := <-streams
	for i := range 10 {
		s.Send(sse.Event{Data: fmt.Sprint(i)})
		c.want(fmt.Sprint(i))
	}
	s.Close()
	if _, ok := c.next(); ok || c.end != io.EOF {
		t.Error(c.end)
	}
}
