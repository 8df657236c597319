package dashboard_test

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/calandria-go/calandria/protocols/http1"
	"github.com/calandria-go/calandria/protocols/http1/dashboard"
	"github.com/calandria-go/calandria/reactor"
	"github.com/calandria-go/calandria/reactor/reactortest"
)

func TestMain(m *testing.M) { reactortest.Main(m) }

const patience = 30 * time.Second

// site is a server with its dashboard, and routes of different speed.
type site struct {
	r   *reactor.Reactor
	srv *http1.Server
	d   *dashboard.Dashboard
	url string
}

func start(t testing.TB, c dashboard.Config) *site {
	t.Helper()
	s := &site{srv: &http1.Server{Observe: true}}
	s.r = reactortest.NewDefault(t, reactor.Config{Loops: 2})
	s.srv.Handler = http1.HandlerFunc(func(x *http1.Exchange) {
		path := string(x.Path())
		if strings.HasPrefix(path+"/", dashboard.Prefix) {
			s.d.Handle(x)
			return
		}
		x.SetPattern("GET " + path)
		if path == "/slow" {
			x.Conn().AfterFunc(20*time.Millisecond, func() { x.Respond(200, "", []byte("slow")) })
			return
		}
		x.Respond(200, "text/plain", []byte("hello"))
	})
	c.Reactor, c.Server = s.r, s.srv
	d, err := dashboard.New(c)
	if err != nil {
		t.Fatal(err)
	}
	s.d = d
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.r.Listen(ln, s.srv); err != nil {
		t.Fatal(err)
	}
	s.url = "http://" + ln.Addr().String()
	t.Cleanup(func() {
		d.Close()
		http.DefaultTransport.(*http.Transport).CloseIdleConnections()
	})
	return s
}

func (s *site) get(t testing.TB, path string) (*http.Response, string) {
	t.Helper()
	client := http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	resp, err := client.Get(s.url + path)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp, string(b)
}

func TestPage(t *testing.T) {
	s := start(t, dashboard.Config{Title: "<a & b>"})
	for path, want := range map[string]struct{ kind, text string }{
		"":          {"text/html; charset=utf-8", "<title>&lt;a &amp; b&gt;</title>"},
		"app.js":    {"text/javascript; charset=utf-8", "new EventSource('events')"},
		"style.css": {"text/css; charset=utf-8", "prefers-color-scheme: dark"},
	} {
		resp, body := s.get(t, dashboard.Prefix+path)
		if resp.StatusCode != 200 || resp.Header.Get("Content-Type") != want.kind || !strings.Contains(body, want.text) {
			t.Errorf("%q: %d %s", path, resp.StatusCode, resp.Header)
		}
		if strings.Contains(body, "http://") || strings.Contains(body, "https://") || strings.Contains(body, `style="`) {
			t.Errorf("%q is not self-contained", path)
		}
		if path == "" && !strings.HasPrefix(resp.Header.Get("Content-Security-Policy"), "default-src 'none'") {
			t.Errorf("policy %q", resp.Header.Get("Content-Security-Policy"))
		}
	}
	if resp, _ := s.get(t, strings.TrimSuffix(dashboard.Prefix, "/")); resp.StatusCode != 301 || resp.Header.Get("Location") != dashboard.Prefix {
		t.Errorf("without the slash: %d %s", resp.StatusCode, resp.Header)
	}
	if resp, _ := s.get(t, dashboard.Prefix+"nothing"); resp.StatusCode != 404 {
		t.Errorf("nothing: %d", resp.StatusCode)
	}
	resp, err := http.Post(s.url+dashboard.Prefix, "", nil)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != 405 {
		t.Errorf("POST: %d", resp.StatusCode)
	}
}

// sample is what the test reads of an event.
type sample struct {
	T        int64    `json:"t"`
	Conns    int64    `json:"conns"`
	Requests uint64   `json:"requests"`
	RPS      float64  `json:"rps"`
	P50      *float64 `json:"p50"`
	P99      *float64 `json:"p99"`
	Busy     []float64
	Routes   []struct {
		Route string
		N     uint64
		Mean  float64
	}
	Loops    []struct{ Conns int64 }
	Sections []struct {
		Name string
		Rows [][]any
	}
}

// watch opens a stream; next gives its samples.
func (s *site) watch(t testing.TB) (next func() sample, stop func()) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	req, _ := http.NewRequestWithContext(ctx, "GET", s.url+dashboard.Prefix+"events", nil)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		cancel()
		t.Fatal(err)
	}
	if resp.StatusCode != 200 || resp.Header.Get("Content-Type") != "text/event-stream" {
		t.Fatalf("%d %s", resp.StatusCode, resp.Header)
	}
	in := bufio.NewScanner(resp.Body)
	in.Buffer(nil, 1<<20)
	return func() (one sample) {
			t.Helper()
			for in.Scan() {
				if data, ok := strings.CutPrefix(in.Text(), "data: "); ok {
					if err := json.Unmarshal([]byte(data), &one); err != nil {
						t.Fatal(err)
					}
					return one
				}
			}
			t.Fatalf("the stream has ended: %v", in.Err())
			return one
		}, func() {
			cancel()
			resp.Body.Close()
		}
}

// TestSamples has the numbers agree with what was asked for, and history for one who comes later.
func TestSamples(t *testing.T) {
	s := start(t, dashboard.Config{Every: 20 * time.Millisecond})
	next, stop := s.watch(t)
	defer stop()
	next()
	const n = 20
	for i := range n {
		path := "/fast"
		if i%4 == 0 {
			path = "/slow"
		}
		s.get(t, path)
	}
	var last sample
	sawRate, sawLatency := false, false
	for last.Requests < n {
		one := next()
		if one.T <= last.T || one.Requests < last.Requests {
			t.Fatalf("%+v after %+v", one, last)
		}
		last = one
		sawRate = sawRate || one.RPS > 0
		sawLatency = sawLatency || one.P99 != nil && *one.P99 >= 10 && *one.P50 <= *one.P99
	}
	if !sawRate || !sawLatency || last.Conns < 1 || len(last.Busy) != 2 || len(last.Loops) != 2 {
		t.Errorf("rate %v, latency %v: %+v", sawRate, sawLatency, last)
	}
	if len(last.Routes) != 2 || last.Routes[0].Route != "GET /slow" || last.Routes[0].N != n/4 || last.Routes[0].Mean < 20 {
		t.Errorf("routes %+v", last.Routes)
	}
	again, stop2 := s.watch(t)
	defer stop2()
	if first := again(); first.T >= last.T {
		t.Errorf("a new viewer begins at %d, the other one is at %d", first.T, last.T)
	}
}

// TestViewers: there is a bound, and who leaves makes room.
func TestViewers(t *testing.T) {
	s := start(t, dashboard.Config{Every: 10 * time.Millisecond, MaxViewers: 2})
	_, stop1 := s.watch(t)
	next, stop2 := s.watch(t)
	defer stop2()
	if resp, _ := s.get(t, dashboard.Prefix+"events"); resp.StatusCode != 503 || resp.Header.Get("Retry-After") == "" {
		t.Errorf("a third viewer: %d", resp.StatusCode)
	}
	stop1()
	limit := time.Now().Add(patience)
	for {
		next()
		req, _ := http.NewRequest("GET", s.url+dashboard.Prefix+"events", nil)
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode == 200 {
			break
		}
		if time.Now().After(limit) {
			t.Fatal("no room after one has left")
		}
	}
}

// TestDrain: those who look do not hold up a shutdown.
func TestDrain(t *testing.T) {
	s := start(t, dashboard.Config{Every: 10 * time.Millisecond})
	next, stop := s.watch(t)
	defer stop()
	next()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if err := s.r.Shutdown(ctx); err != nil {
		t.Error(err)
	}
}

func TestAuth(t *testing.T) {
	deny := func(next http1.Handler) http1.Handler {
		return http1.HandlerFunc(func(x *http1.Exchange) {
			if v, _ := x.Request().Get("Authorization"); string(v) == "let me in" {
				next.Handle(x)
				return
			}
			x.Respond(401, "", nil)
		})
	}
	s := start(t, dashboard.Config{Auth: deny})
	for _, path := range []string{"", "app.js", "style.css", "events"} {
		if resp, _ := s.get(t, dashboard.Prefix+path); resp.StatusCode != 401 {
			t.Errorf("%q: %d", path, resp.StatusCode)
		}
	}
	req, _ := http.NewRequest("GET", s.url+dashboard.Prefix, nil)
	req.Header.Set("Authorization", "let me in")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != 200 {
		t.Errorf("with a password: %d", resp.StatusCode)
	}
}

func TestConfigErrors(t *testing.T) {
	r := reactortest.NewDefault(t, reactor.Config{Loops: 1})
	for _, c := range []dashboard.Config{
		{}, {Reactor: r}, {Reactor: r, Server: &http1.Server{}}, {Reactor: r, Server: &http1.Server{Observe: true}, Prefix: "debug"},
	} {
		if d, err := dashboard.New(c); err == nil {
			d.Close()
			t.Errorf("%+v is accepted", c)
		}
	}
}
