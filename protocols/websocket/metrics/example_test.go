package metrics_test

import (
	"fmt"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/calandria-go/calandria/protocols/http1/dashboard"
	"github.com/calandria-go/calandria/protocols/websocket"
	"github.com/calandria-go/calandria/protocols/websocket/metrics"
)

func Example() {
	srv := &websocket.Server{}
	registry := prometheus.NewRegistry()
	registry.MustRegister(metrics.New(srv, nil))
	families, err := registry.Gather()
	fmt.Println(len(families) > 0, err)
	section := dashboard.Section{Name: "WebSockets", Columns: metrics.Columns(), Rows: func() [][]any { return metrics.Rows(srv) }}
	fmt.Println(section.Rows()[0])
	// Output:
	// true <nil>
	// [open 0]
}
