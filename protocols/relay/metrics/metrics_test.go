package metrics_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/calandria-go/calandria/protocols/relay"
	"github.com/calandria-go/calandria/protocols/relay/metrics"
	"github.com/calandria-go/calandria/reactor"
)

// TestCollector: every metric is described, collected, and of consistent labels.
func TestCollector(t *testing.T) {
	r := reactor.New(reactor.Config{})
	defer r.Shutdown(context.Background())
	s := &relay.Server{Reactor: r}
	if err := s.AddService(relay.Service{Name: "web"}); err != nil {
		t.Fatal(err)
	}
	reg := prometheus.NewPedanticRegistry()
	reg.MustRegister(metrics.New(s, nil))
	all, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	if len(all) != 17 {
		t.Errorf("%d metrics", len(all))
	}
}

func ExampleNew() {
	r := reactor.New(reactor.Config{})
	defer r.Shutdown(context.Background())
	s := &relay.Server{Reactor: r}
	s.AddService(relay.Service{Name: "web"})
	reg := prometheus.NewRegistry()
	reg.MustRegister(metrics.New(s, nil))
	all, _ := reg.Gather()
	for _, m := range all {
		if m.GetName() == "calandria_relay_service_agents" {
			fmt.Println(m.GetMetric()[0].GetLabel()[0].GetValue(), m.GetMetric()[0].GetGauge().GetValue())
		}
	}
	// Output: web 0
}
