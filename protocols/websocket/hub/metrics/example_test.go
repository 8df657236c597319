package metrics_test

import (
	"fmt"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/calandria-go/calandria/protocols/websocket"
	"github.com/calandria-go/calandria/protocols/websocket/hub"
	"github.com/calandria-go/calandria/protocols/websocket/hub/metrics"
)

func Example() {
	h, err := hub.New(hub.Config{})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer h.Close()
	h.Publish("news", websocket.Text, []byte("hello"))
	registry := prometheus.NewRegistry()
	registry.MustRegister(metrics.New(h, nil))
	families, err := registry.Gather()
	for _, f := range families {
		if f.GetName() == "calandria_hub_published_total" {
			fmt.Println(f.GetMetric()[0].GetCounter().GetValue())
		}
	}
	fmt.Println(metrics.Rows(h)[0], err)
	// Output:
	// 1
	// [topics 1] <nil>
}
