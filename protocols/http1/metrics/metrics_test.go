package metrics_test

import (
	"io"
	"net"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil/promlint"

	"github.com/calandria-go/calandria/protocols/http1"
	"github.com/calandria-go/calandria/protocols/http1/metrics"
	"github.com/calandria-go/calandria/reactor"
	core "github.com/calandria-go/calandria/reactor/metrics"
	"github.com/calandria-go/calandria/reactor/reactortest"
)

func TestMain(m *testing.M) { reactortest.Main(m) }

// registry is one with c alone, which checks more than others do.
func registry(c prometheus.Collector) *prometheus.Registry {
	r := prometheus.NewPedanticRegistry()
	r.MustRegister(c)
	return r
}

// start serves a server whose /metrics has its own counters and the reactor's.
func start(t testing.TB) (addr string, c *metrics.Collector) {
	t.Helper()
	r := reactortest.NewDefault(t, reactor.Config{Loops: 2, StallAfter: -1})
	both := prometheus.NewPedanticRegistry()
	scrape := metrics.Handler(both)
	srv := &http1.Server{Observe: true, Handler: http1.HandlerFunc(func(x *http1.Exchange) {
		switch string(x.Path()) {
		case "/metrics":
			scrape.Handle(x)
		case "/bad":
			x.SetPattern("GET /bad")
			x.Respond(500, "", nil)
		default:
			x.SetPattern("/")
			x.Respond(200, "text/plain", []byte("hello"))
		}
	})}
	c = metrics.New(srv, nil)
	both.MustRegister(c, core.New(r, nil))
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.Listen(ln, srv); err != nil {
		t.Fatal(err)
	}
	return ln.Addr().String(), c
}

func get(t testing.TB, url string) string {
	t.Helper()
	resp, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestHandler(t *testing.T) {
	addr, c := start(t)
	defer http.DefaultTransport.(*http.Transport).CloseIdleConnections()
	for range 3 {
		get(t, "http://"+addr+"/")
	}
	get(t, "http://"+addr+"/bad")
	raw, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer raw.Close()
	io.WriteString(raw, "GET / HTTP/1.1\r\n\r\n")
	if _, err := io.ReadAll(raw); err != nil {
		t.Fatal(err)
	}
	text := get(t, "http://"+addr+"/metrics")
	for _, want := range []string{
		`calandria_http_requests_total{code="2xx",method="GET"} 3`,
		`calandria_http_requests_total{code="5xx",method="GET"} 1`,
		`calandria_http_requests_refused_total{reason="missing_host"} 1`,
		`calandria_http_requests_in_flight 1`,
		`calandria_http_response_body_bytes_total`,
		`calandria_http_request_duration_seconds_bucket{le="1e-05"}`,
		`calandria_http_request_duration_seconds_bucket{le="60"} 5`,
		`calandria_http_request_duration_seconds_count 5`,
		`calandria_http_route_requests_total{route="/"} 3`,
		`calandria_http_route_errors_total{route="GET /bad"} 1`,
		`calandria_http_connections{state="handling"} 1`,
		`calandria_http_scrape_ok 1`,
		`calandria_scrape_ok 1`,
	} {
		if !strings.Contains(text, want) {
			t.Errorf("lacks %s", want)
		}
	}
	if t.Failed() {
		t.Log(text)
	}
	all, err := registry(c).Gather()
	if err != nil {
		t.Fatal(err)
	}
	if problems, err := promlint.NewWithMetricFamilies(all).Lint(); err != nil || len(problems) > 0 {
		t.Errorf("lint: %v, %v", problems, err)
	}
}

// TestNotObserved: a server without Observe has one metric, which says so.
func TestNotObserved(t *testing.T) {
	got, err := registry(metrics.New(&http1.Server{}, nil)).Gather()
	if err != nil {
		t.Fatal(err)
	}
	if len(got) != 1 || got[0].GetName() != "calandria_http_scrape_ok" || got[0].Metric[0].GetGauge().GetValue() != 0 {
		t.Errorf("%v", got)
	}
}

// TestDocumented compares the table of docs/operations.md with what is collected.
func TestDocumented(t *testing.T) {
	doc, err := os.ReadFile("../../../docs/operations.md")
	if err != nil {
		t.Fatal(err)
	}
	var have, written []string
	ch := make(chan *prometheus.Desc, 100)
	metrics.New(&http1.Server{}, nil).Describe(ch)
	close(ch)
	for d := range ch {
		have = append(have, regexp.MustCompile(`calandria_http_[a-z_]+`).FindString(d.String()))
	}
	for _, m := range regexp.MustCompile("(?m)^\\| `(calandria_http_[a-z_]+)`").FindAllStringSubmatch(string(doc), -1) {
		written = append(written, m[1])
	}
	slices.Sort(have)
	slices.Sort(written)
	if !slices.Equal(have, written) {
		t.Errorf("docs/operations.md has\n%q\nthe collector\n%q", written, have)
	}
}
