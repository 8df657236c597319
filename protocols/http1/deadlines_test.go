package http1_test

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/calandria-go/calandria/protocols/http1"
	"github.com/calandria-go/calandria/reactor"
)

// drip sends b byte by byte, one each pause, until it is sent or the server has closed.
func drip(p *peer, b string, pause time.Duration) {
	for i := range len(b) {
		if i > 0 {
			pass(pause) // the bubble's clock
		}
		if _, err := p.Write([]byte{b[i]}); err != nil {
			return
		}
	}
}

// onTime says whether d has passed since start, and hardly more.
func onTime(t testing.TB, start time.Time, d time.Duration) {
	t.Helper()
	if got := time.Since(start); got < d || got > d+late {
		t.Errorf("after %v, want %v", got, d)
	}
}

// cut is a client that the server gives up on.
type cut struct {
	name    string
	set     func(s *http1.Server)
	handler http1.HandlerFunc
	play    func(p *peer) time.Time // sends; when the clock of the limit began
	before  int                     // answers that come first
	status  int                     // 0: none, only the end
	reason  string
	after   time.Duration
}

func (c cut) run(t *testing.T) {
	t.Helper()
	srv := &http1.Server{Handler: c.handler, Logger: quiet}
	if c.handler == nil {
		srv.Handler = http1.HandlerFunc(echo)
	}
	if c.set != nil {
		c.set(srv)
	}
	bubble(t, srv, reactor.Config{}, func(t *testing.T, h *host) {
		p := h.dial()
		began := make(chan time.Time, 1)
		go func() { began <- c.play(p) }()
		for range c.before {
			p.want(200, any)
		}
		if c.status > 0 {
			r := p.want(c.status, any)
			if !r.Has("Connection", "close") {
				t.Errorf("no Connection: close in %+v", r.Fields)
			}
		}
		p.end()
		at := time.Now()
		p.Close()
		start := <-began
		if got := at.Sub(start); got < c.after || got > c.after+late {
			t.Errorf("cut after %v, want %v", got, c.after)
		}
		if got := h.closed(1); got != c.reason {
			t.Errorf("reason is %q, want %q", got, c.reason)
		}
	})
}

func dripping(pause time.Duration, what string) func(*peer) time.Time {
	return func(p *peer) time.Time {
		start := time.Now()
		drip(p, what, pause)
		return start
	}
}

// sending sends and says when.
func sending(what string) func(*peer) time.Time {
	return func(p *peer) time.Time {
		p.send(what)
		return time.Now()
	}
}

const hour = time.Hour

func TestDeadlines(t *testing.T) {
	long := get("/", "X: "+strings.Repeat("x", 100))
	upload := request("POST", "/", "Content-Length: 100000")
	for _, c := range []cut{
		// HeadTimeout counts from the first byte, whatever comes after it.
		{
			name: "head/dripping", set: func(s *http1.Server) { s.HeadTimeout = 3500 * time.Millisecond },
			play: dripping(time.Second, long), status: 408, reason: "head_timeout", after: 3500 * time.Millisecond,
		},
		{name: "head/default", play: dripping(time.Second, long), status: 408, reason: "head_timeout", after: 10 * time.Second},
		{name: "head/stuck", play: sending("GET"), status: 408, reason: "head_timeout", after: 10 * time.Second},
		{name: "head/only the empty line before", play: sending("\r\n"), status: 408, reason: "head_timeout", after: 10 * time.Second},
		{
			name: "head/after an answer", play: sending(get("/") + "GET / HT"), before: 1,
			status: 408, reason: "head_timeout", after: 10 * time.Second,
		},
		{
			name: "head/after a pause", status: 408, reason: "head_timeout", after: 10 * time.Second, before: 1,
			play: func(p *peer) time.Time {
				p.send(get("/"))
				pass(100 * time.Second)
				p.send("G")
				return time.Now()
			},
		},
		// BodyTimeout is reset by every byte.
		{
			name: "body/stuck", set: func(s *http1.Server) { s.BodyTimeout, s.BodyMinRate = 5*time.Second, -1 },
			play: sending(upload), status: 408, reason: "body_timeout", after: 5 * time.Second,
		},
		{
			name: "body/progress, then stuck", status: 408, reason: "body_timeout", after: 5 * time.Second,
			set: func(s *http1.Server) { s.BodyTimeout, s.BodyMinRate = 5*time.Second, -1 },
			play: func(p *peer) time.Time {
				p.send(upload)
				drip(p, strings.Repeat("b", 20), 4*time.Second)
				return time.Now()
			},
		},
		{
			name: "body/default", set: func(s *http1.Server) { s.BodyMinRate = -1 },
			play: sending(upload + "some"), status: 408, reason: "body_timeout", after: 60 * time.Second,
		},
		{
			name: "body/chunked", set: func(s *http1.Server) { s.BodyMinRate = -1 },
			play:   sending(request("POST", "/", "Transfer-Encoding: chunked") + "5\r\nhel"),
			status: 408, reason: "body_timeout", after: 60 * time.Second,
		},
		// BodyMinRate is over windows of ten seconds.
		{
			name: "rate/100 bytes a second", status: 408, reason: "body_rate", after: 10 * time.Second,
			play: func(p *peer) time.Time {
				p.send(upload)
				start := time.Now()
				drip(p, strings.Repeat("b", 2000), 10*time.Millisecond)
				return start
			},
		},
		{
			name: "rate/slow in the third window", status: 408, reason: "body_rate", after: 30 * time.Second,
			play: func(p *peer) time.Time {
				p.send(upload)
				start := time.Now()
				pass(time.Millisecond)
				drip(p, strings.Repeat("b", 5999), 20*time.Second/6000)
				drip(p, strings.Repeat("b", 2000), 10*time.Millisecond)
				return start
			},
		},
		{
			name: "rate/set", set: func(s *http1.Server) { s.BodyMinRate = 1000 },
			status: 408, reason: "body_rate", after: 10 * time.Second,
			play: func(p *peer) time.Time {
				p.send(upload)
				start := time.Now()
				drip(p, strings.Repeat("b", 10000), 2*time.Millisecond)
				return start
			},
		},
		// A body that nobody reads has the same clocks.
		{
			name: "discarded/stuck", set: func(s *http1.Server) { s.BodyTimeout, s.BodyMinRate = 5*time.Second, -1 },
			handler: hello, play: sending(upload), before: 1, reason: "body_timeout", after: 5 * time.Second,
		},
		{
			name: "discarded/slow", handler: hello, before: 1, reason: "body_rate", after: 10 * time.Second,
			play: func(p *peer) time.Time {
				p.send(upload)
				start := time.Now()
				drip(p, strings.Repeat("b", 2000), 10*time.Millisecond)
				return start
			},
		},
		// IdleTimeout: no answer, only the end.
		{name: "idle/before the first request", play: sending(""), reason: "idle_timeout", after: 120 * time.Second},
		{name: "idle/after an answer", play: sending(get("/")), before: 1, reason: "idle_timeout", after: 120 * time.Second},
		{
			name: "idle/set", set: func(s *http1.Server) { s.IdleTimeout = 7 * time.Second },
			play: sending(get("/") + get("/")), before: 2, reason: "idle_timeout", after: 7 * time.Second,
		},
		{
			name: "idle/after the last of several", before: 3, reason: "idle_timeout", after: 120 * time.Second,
			play: func(p *peer) time.Time {
				p.send(get("/"))
				pass(100 * time.Second)
				p.send(post("/", "abc"))
				pass(119 * time.Second)
				p.send(get("/"))
				return time.Now()
			},
		},
		{
			name: "idle/after a body that nobody read", handler: hello, before: 1, reason: "idle_timeout", after: 120 * time.Second,
			play: func(p *peer) time.Time {
				p.send(request("POST", "/", "Content-Length: 6") + "one")
				pass(5 * time.Second)
				p.send("two")
				return time.Now()
			},
		},
		{
			name: "idle/after an upload", before: 1, reason: "idle_timeout", after: 120 * time.Second,
			play: func(p *peer) time.Time {
				p.send(request("POST", "/", "Content-Length: 6") + "one")
				pass(5 * time.Second)
				p.send("two")
				return time.Now()
			},
		},
	} {
		t.Run(c.name, c.run)
	}
}

// A negative limit is no limit.
func TestNegativeTimeoutsNeverEnd(t *testing.T) {
	srv := &http1.Server{
		Handler: http1.HandlerFunc(echo), HeadTimeout: -1, BodyTimeout: -1, BodyMinRate: -1, IdleTimeout: -1, LingerTimeout: -1,
	}
	bubble(t, srv, reactor.Config{}, func(t *testing.T, h *host) {
		p := h.dial()
		pass(50 * hour)
		p.send("POST / HT")
		pass(50 * hour)
		p.send("TP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\n")
		p.silent(50 * hour)
		p.send("a")
		p.silent(50 * hour)
		p.send("bc")
		p.want(200, "abc")
		p.silent(50 * hour)
		p.send("bad\r\n\r\n")
		p.want(400, any)
		p.end()
		pass(50 * hour)
		synctest.Wait()
		if got := h.reasons(); len(got) > 0 {
			t.Fatalf("closed: %q", got)
		}
		p.Close()
		h.closed(1)
	})
}

// The timeouts of a body that the handler has paused are the handler's own affair, and start anew when it goes on.
func TestPausedBodyIsNotTimedOut(t *testing.T) {
	srv := &http1.Server{Logger: quiet, Handler: http1.HandlerFunc(func(x *http1.Exchange) {
		var got []byte
		x.StreamBody(func(x *http1.Exchange, piece []byte, last bool) {
			if len(got) == 0 && len(piece) > 0 {
				x.PauseBody()
				x.Conn().AfterFunc(hour, x.ResumeBody)
			}
			got = append(got, piece...)
			if last {
				x.Respond(200, "", got)
			}
		})
	})}
	t.Run("then all comes", func(t *testing.T) {
		bubble(t, srv, reactor.Config{}, func(t *testing.T, h *host) {
			p := h.dial()
			start := time.Now()
			p.send(request("POST", "/", "Content-Length: 6") + "a")
			pass(time.Second)
			p.send("bcdef")
			p.want(200, "abcdef")
			onTime(t, start, hour)
		})
	})
	t.Run("then nothing comes", func(t *testing.T) {
		bubble(t, srv, reactor.Config{}, func(t *testing.T, h *host) {
			p := h.dial()
			start := time.Now()
			p.send(request("POST", "/", "Content-Length: 6") + "a")
			p.want(408, any)
			onTime(t, start, hour+10*time.Second)
			p.end()
			p.Close()
			if got := h.closed(1); got != "body_rate" {
				t.Error(got)
			}
		})
	})
}

// A handler that takes its time is not limited by the server.
func TestSlowHandlerIsNotTimedOut(t *testing.T) {
	srv := &http1.Server{Logger: quiet, Handler: http1.HandlerFunc(func(x *http1.Exchange) {
		x.Conn().AfterFunc(10*hour, func() { hello(x) })
	})}
	bubble(t, srv, reactor.Config{}, func(t *testing.T, h *host) {
		p := h.dial()
		start := time.Now()
		p.send(get("/") + "GET / H") // and the next one's deadline has not begun
		p.want(200, "hello")
		onTime(t, start, 10*hour)
		p.send("TTP/1.1\r\nHost: a\r\n\r\n")
		p.want(200, "hello")
	})
}
