package metrics_test

import (
	"fmt"
	"io"
	"net"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil/promlint"

	"github.com/calandria-go/calandria/reactor"
	"github.com/calandria-go/calandria/reactor/metrics"
	"github.com/calandria-go/calandria/reactor/reactortest"
)

func TestMain(m *testing.M) { reactortest.Main(m) }

// registry is one with c alone, which checks more than others do.
func registry(c prometheus.Collector) *prometheus.Registry {
	r := prometheus.NewPedanticRegistry()
	r.MustRegister(c)
	return r
}

type echo struct{}

func (echo) OnOpen(*reactor.Conn) {}
func (echo) OnData(c *reactor.Conn, in []byte) int {
	n, _ := c.Write(in)
	return n
}
func (echo) OnClose(*reactor.Conn, error) {}

// gather gives the sums of the collector's metrics over their labels but reason.
func gather(t *testing.T, c prometheus.Collector) map[string]float64 {
	t.Helper()
	all, err := registry(c).Gather()
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]float64{}
	for _, f := range all {
		for _, m := range f.Metric {
			name := f.GetName()
			for _, l := range m.Label {
				if l.GetName() == "reason" {
					name += "/" + l.GetValue()
				}
			}
			out[name] += m.GetCounter().GetValue() + m.GetGauge().GetValue()
		}
	}
	return out
}

func TestCollector(t *testing.T) {
	r := reactortest.New(t, reactor.Config{Loops: 2, StallAfter: -1})
	ln := reactortest.Listen()
	if _, err := r.Listen(ln, reactor.ProtocolFunc(func(*reactor.Conn) reactor.Handler { return echo{} })); err != nil {
		t.Fatal(err)
	}
	var open []net.Conn
	for range 3 {
		c, err := ln.Dial()
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		fmt.Fprint(c, "hello")
		if _, err := io.ReadFull(c, make([]byte, 5)); err != nil {
			t.Fatal(err)
		}
		open = append(open, c)
	}
	open[0].(interface{ CloseWrite() error }).CloseWrite()
	io.Copy(io.Discard, open[0])
	c := metrics.New(r, prometheus.Labels{"reactor": "main"})
	got := gather(t, c)
	for name, want := range map[string]float64{
		"calandria_connections_opened_total": 3, "calandria_connections_accepted_total": 3, "calandria_connections": 2,
		"calandria_reactor_connections": 2, "calandria_connections_closed_total/eof": 1, "calandria_read_bytes_total": 15,
		"calandria_written_bytes_total": 15, "calandria_scrape_ok": 1, "calandria_workers": 0,
	} {
		if got[name] != want {
			t.Errorf("%s: %v, want %v", name, got[name], want)
		}
	}
	if busy := got["calandria_loop_busy_seconds_total"]; busy <= 0 {
		t.Errorf("busy for %v s", busy)
	}
	all, err := registry(c).Gather()
	if err != nil {
		t.Fatal(err)
	}
	if problems, err := promlint.NewWithMetricFamilies(all).Lint(); err != nil || len(problems) > 0 {
		t.Errorf("lint: %v, %v", problems, err)
	}
}

// TestStopped: after the loops have ended a scrape says so, and does not hang.
func TestStopped(t *testing.T) {
	r := reactortest.New(t, reactor.Config{Loops: 1})
	r.Shutdown(t.Context())
	got := gather(t, metrics.New(r, nil))
	if ok, there := got["calandria_scrape_ok"]; !there || ok != 0 || len(got) != 1 {
		t.Errorf("%v", got)
	}
}

func TestBounded(t *testing.T) {
	in := map[string]uint64{}
	for i := range 10 {
		in[fmt.Sprintf("r%d", i)] = 1
	}
	got := metrics.Bounded(in, 4)
	if len(got) != 4 || got["other"] != 7 || got["r2"] != 1 {
		t.Errorf("%v", got)
	}
	if got := metrics.Bounded(in, 10); len(got) != 10 {
		t.Errorf("%v", got)
	}
}

// TestDocumented compares the table of docs/operations.md with what is collected.
func TestDocumented(t *testing.T) {
	doc, err := os.ReadFile("../../docs/operations.md")
	if err != nil {
		t.Fatal(err)
	}
	var have []string
	ch := make(chan *prometheus.Desc, 100)
	metrics.New(reactortest.New(t, reactor.Config{Loops: 1}), nil).Describe(ch)
	close(ch)
	for d := range ch {
		have = append(have, regexp.MustCompile(`calandria_[a-z_]+`).FindString(d.String()))
	}
	slices.Sort(have)
	var written []string
	for _, m := range regexp.MustCompile("(?m)^\\| `(calandria_[a-z_]+)`").FindAllStringSubmatch(string(doc), -1) {
		if !strings.HasPrefix(m[1], "calandria_http_") {
			written = append(written, m[1])
		}
	}
	slices.Sort(written)
	if !slices.Equal(have, written) {
		t.Errorf("docs/operations.md has\n%q\nthe collector\n%q", written, have)
	}
}
