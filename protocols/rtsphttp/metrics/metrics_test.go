package metrics_test

import (
	"fmt"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil/promlint"

	"github.com/calandria-go/calandria/protocols/rtsphttp"
	"github.com/calandria-go/calandria/protocols/rtsphttp/metrics"
	"github.com/calandria-go/calandria/reactor/reactortest"
)

func TestMain(m *testing.M) { reactortest.Main(m) }

func Example() {
	g, err := rtsphttp.New(rtsphttp.Config{})
	if err != nil {
		fmt.Println(err)
		return
	}
	registry := prometheus.NewRegistry()
	registry.MustRegister(metrics.New(g, nil))
	families, err := registry.Gather()
	fmt.Println(len(families), err)
	// Output: 5 <nil>
}

func TestMetricsAreWellNamed(t *testing.T) {
	g, err := rtsphttp.New(rtsphttp.Config{})
	if err != nil {
		t.Fatal(err)
	}
	registry := prometheus.NewPedanticRegistry()
	registry.MustRegister(metrics.New(g, prometheus.Labels{"gate": "a"}))
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	problems, err := promlint.NewWithMetricFamilies(families).Lint()
	if err != nil || len(problems) > 0 {
		t.Error(err, problems)
	}
}
