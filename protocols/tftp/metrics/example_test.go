package metrics_test

import (
	"fmt"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/calandria-go/calandria/protocols/tftp"
	"github.com/calandria-go/calandria/protocols/tftp/metrics"
)

func ExampleNew() {
	registry := prometheus.NewRegistry()
	err := registry.Register(metrics.New(&tftp.Server{}, prometheus.Labels{"site": "lab"}))
	all, _ := registry.Gather()
	fmt.Println(err, all[0].GetName())
	// Output: <nil> calandria_tftp_active
}
