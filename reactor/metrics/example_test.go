package metrics_test

import (
	"context"
	"fmt"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/calandria-go/calandria/reactor"
	"github.com/calandria-go/calandria/reactor/metrics"
)

func Example() {
	r := reactor.New(reactor.Config{Loops: 1})
	defer r.Shutdown(context.Background())
	registry := prometheus.NewRegistry()
	registry.MustRegister(metrics.New(r, nil))
	families, err := registry.Gather()
	fmt.Println(len(families) > 20, err)
	// Output: true <nil>
}
