package metrics_test

import (
	"fmt"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/calandria-go/calandria/protocols/http1"
	"github.com/calandria-go/calandria/protocols/http1/metrics"
)

func Example() {
	srv := &http1.Server{Observe: true}
	registry := prometheus.NewRegistry()
	registry.MustRegister(metrics.New(srv, nil))
	scrape := metrics.Handler(registry)
	srv.Handler = http1.HandlerFunc(func(x *http1.Exchange) {
		if string(x.Path()) == "/metrics" {
			scrape.Handle(x)
			return
		}
		x.Respond(200, "text/plain", []byte("hello\n"))
	})
	families, err := registry.Gather()
	fmt.Println(len(families) > 0, err)
	// Output: true <nil>
}
