package http1_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/calandria-go/calandria/protocols/http1"
	"github.com/calandria-go/calandria/reactor"
)

func statsOf(t testing.TB, srv *http1.Server) http1.Stats {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	s, err := srv.Stats(ctx)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// TestStats has requests of every kind counted under a clock of its own.
func TestStats(t *testing.T) {
	srv := &http1.Server{Observe: true, MaxRoutes: 2, MaxBodyBytes: 10, Handler: http1.HandlerFunc(func(x *http1.Exchange) {
		x.SetPattern(string(x.Path()))
		switch string(x.Path()) {
		case "/slow":
			x.Conn().AfterFunc(3*time.Second, func() { x.Respond(200, "", []byte("slow")) })
		case "/bad":
			x.Respond(503, "", nil)
		case "/abort":
			x.Abort(http1.ErrBodyLength)
		default:
			x.ReadBody(10, func(x *http1.Exchange, b []byte) { x.Respond(200, "", b) })
		}
	})}
	bubble(t, srv, reactor.Config{}, func(t *testing.T, h *host) {
		p := h.dial()
		send := func(text string) {
			t.Helper()
			if _, err := p.Write([]byte(text)); err != nil {
				t.Fatal(err)
			}
		}
		send("GET /slow HTTP/1.1\r\nHost: a\r\n\r\n")
		pass(time.Second)
		if s := statsOf(t, srv); s.InFlight != 1 || s.Conns.Handling != 1 || s.Conns.Open() != 1 || s.Latency.Count() != 0 {
			t.Errorf("while it runs: in flight %d, %+v, %d done", s.InFlight, s.Conns, s.Latency.Count())
		}
		pass(3 * time.Second)
		send("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc")
		send("PROPFIND /bad HTTP/1.1\r\nHost: a\r\n\r\n") // a third route: other
		pass(time.Second)
		send("GET /echo HT")
		pass(time.Second)
		if s := statsOf(t, srv); s.Conns.Head != 1 || s.InFlight != 0 {
			t.Errorf("in a head: %+v, in flight %d", s.Conns, s.InFlight)
		}
		send("TP/1.1\r\nHost: a b\r\n\r\n")
		pass(10 * time.Second)
		p = h.dial()
		send("PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 11\r\n\r\n")
		pass(10 * time.Second)
		p = h.dial()
		send("DELETE /abort HTTP/1.1\r\nHost: a\r\n\r\n")
		pass(10 * time.Second)

		s := statsOf(t, srv)
		want := map[http1.RequestClass]uint64{
			{Method: "GET", Status: "2xx"}: 1, {Method: "POST", Status: "2xx"}: 1, {Method: "other", Status: "5xx"}: 1,
			{Method: "GET", Status: "4xx"}: 1, {Method: "PUT", Status: "4xx"}: 1, {Method: "DELETE", Status: "none"}: 1,
		}
		if !maps.Equal(s.Requests, want) {
			t.Errorf("requests %v, want %v", s.Requests, want)
		}
		if want := map[string]uint64{"bad_host": 1, "body_too_large": 1}; !maps.Equal(s.Refused, want) {
			t.Errorf("refused %v, want %v", s.Refused, want)
		}
		if want := map[string]uint64{"body_length": 1}; !maps.Equal(s.Failed, want) {
			t.Errorf("failed %v, want %v", s.Failed, want)
		}
		if s.BytesIn != 3 || s.BytesOut < 7 || s.InFlight != 0 || s.Conns.Opened != 3 || s.Conns.Open() != 0 {
			t.Errorf("bytes %d, %d, in flight %d, %+v", s.BytesIn, s.BytesOut, s.InFlight, s.Conns)
		}
		slow := s.Routes["/slow"]
		if slow.Requests != 1 || slow.Max < 3*time.Second || slow.Max > 3*time.Second+late || slow.Sum != slow.Max {
			t.Errorf("slow: %+v", slow)
		}
		if o := s.Routes[http1.OtherRoute]; o.Requests != 2 || o.Errors != 2 || len(s.Routes) != 3 {
			t.Errorf("routes %+v", s.Routes)
		}
		if s.Latency.Count() != 6 || s.Latency.Max != slow.Max || s.Latency.Quantile(1) != slow.Max {
			t.Errorf("latency %+v", s.Latency)
		}
	})
}

// idleProtocol takes what comes.
type idleProtocol struct{}

func (idleProtocol) OnOpen(*reactor.Conn)                  {}
func (idleProtocol) OnData(_ *reactor.Conn, in []byte) int { return len(in) }
func (idleProtocol) OnClose(*reactor.Conn, error)          {}

// TestStatsConns follows connections from state to state, one that is upgraded to its end.
func TestStatsConns(t *testing.T) {
	srv := &http1.Server{Observe: true, Handler: http1.HandlerFunc(func(x *http1.Exchange) {
		switch {
		case string(x.Path()) == "/stream":
			x.Start(200, "", -1)
			x.Conn().AfterFunc(5*time.Second, func() { x.Finish() })
		case x.Request().Upgrade():
			if err := x.SwitchProtocols("idle", idleProtocol{}); err != nil {
				t.Error(err)
			}
		default:
			x.ReadBody(10, func(x *http1.Exchange, b []byte) { x.Respond(200, "", b) })
		}
	})}
	bubble(t, srv, reactor.Config{}, func(t *testing.T, h *host) {
		check := func(what string, want http1.ConnStats) {
			t.Helper()
			pass(time.Second)
			want.Opened = statsOf(t, srv).Conns.Opened
			if got := statsOf(t, srv).Conns; got != want {
				t.Errorf("%s: %+v, want %+v", what, got, want)
			}
		}
		idle, body, stream, up := h.dial(), h.dial(), h.dial(), h.dial()
		check("open", http1.ConnStats{Idle: 4})
		fmt.Fprint(body, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\na")
		fmt.Fprint(stream, "GET /stream HTTP/1.1\r\nHost: a\r\n\r\n")
		fmt.Fprint(up, "GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: idle\r\n\r\n")
		check("busy", http1.ConnStats{Idle: 1, Body: 1, Streaming: 1, Upgraded: 1})
		fmt.Fprint(body, "b")
		pass(5 * time.Second)
		check("answered", http1.ConnStats{Idle: 3, Upgraded: 1})
		up.Close()
		idle.Close()
		check("two closed", http1.ConnStats{Idle: 2})
		fmt.Fprint(body, "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
		check("the last answer", http1.ConnStats{Idle: 1, Closing: 1})
	})
}

func TestStatsRefused(t *testing.T) {
	if _, err := (&http1.Server{}).Stats(t.Context()); err == nil {
		t.Error("a server without Observe has stats")
	}
	errs := make(chan error, 1)
	srv := &http1.Server{Observe: true}
	srv.Handler = http1.HandlerFunc(func(x *http1.Exchange) {
		_, err := srv.Stats(context.Background())
		errs <- err
		x.Respond(204, "", nil)
	})
	h := serve(t, "tcp", srv, reactor.Config{Loops: 1})
	resp, err := http.Get("http://" + h.addr.String())
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if err := <-errs; !errors.Is(err, reactor.ErrOnLoop) {
		t.Errorf("on a loop: %v", err)
	}
	http.DefaultTransport.(*http.Transport).CloseIdleConnections()
}

func TestHistogramQuantile(t *testing.T) {
	ms := time.Millisecond
	h := http1.Histogram{Bounds: []time.Duration{ms, 10 * ms}, Counts: []uint64{50, 40, 10}, Max: time.Second}
	for _, c := range []struct {
		q    float64
		want time.Duration
	}{{0, 0}, {0.25, ms / 2}, {0.5, ms}, {0.9, 10 * ms}, {0.95, time.Second}, {1, time.Second}} {
		if got := h.Quantile(c.q); got != c.want {
			t.Errorf("%v: %v, want %v", c.q, got, c.want)
		}
	}
	d := h.Sub(http1.Histogram{Counts: []uint64{50, 30, 10}})
	if d.Count() != 10 || d.Quantile(0) != ms {
		t.Errorf("difference %+v", d)
	}
	if (http1.Histogram{}).Quantile(0.5) != 0 {
		t.Error("an empty histogram has a median")
	}
}

// BenchmarkObserve shows what counting costs a request, in a batch of pipelined ones.
func BenchmarkObserve(b *testing.B) {
	body := []byte("Hello, World!")
	for _, c := range []struct {
		name    string
		observe bool
		route   string
	}{{"off", false, ""}, {"on", true, ""}, {"route", true, "GET /plaintext"}, {"route_off", false, "GET /plaintext"}} {
		b.Run(c.name, func(b *testing.B) {
			srv := &http1.Server{Observe: c.observe, Handler: http1.HandlerFunc(func(x *http1.Exchange) {
				if c.route != "" {
					x.SetPattern(c.route)
				}
				x.Respond(200, "text/plain", body)
			})}
			h := serve(b, "tcp", srv, reactor.Config{Loops: 1})
			p := h.connect()
			const depth, answer = 64, 115
			batch := []byte(strings.Repeat("GET /plaintext HTTP/1.1\r\nHost: a\r\n\r\n", depth))
			buf := make([]byte, 64<<10)
			b.ReportAllocs()
			for n := 0; n < b.N; n += depth {
				p.Write(batch)
				for left := depth * answer; left > 0; {
					got, err := p.Read(buf)
					if err != nil {
						b.Fatal(err)
					}
					left -= got
				}
			}
		})
	}
}
