// Package metrics gives the counters of a hub to Prometheus, and rows for the dashboard.
package metrics

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/calandria-go/calandria/protocols/websocket/hub"
)

// Collector is a prometheus.Collector for a hub. It looks at every topic, and waits for no loop.
type Collector struct {
	h      *hub.Hub
	values []value
}

type value struct {
	desc *prometheus.Desc
	kind prometheus.ValueType
	of   func(*hub.Stats) float64
}

// New makes a Collector. Its metrics begin with calandria_hub_; labels are added to all of them, to tell hubs of one process apart,
// and may be nil.
func New(h *hub.Hub, labels prometheus.Labels) *Collector {
	c := &Collector{h: h}
	add := func(kind prometheus.ValueType, name, help string, of func(*hub.Stats) float64) {
		c.values = append(c.values, value{prometheus.NewDesc("calandria_hub_"+name, help, nil, labels), kind, of})
	}
	const counter, gauge = prometheus.CounterValue, prometheus.GaugeValue
	add(counter, "published_total", "Messages that were published, here and elsewhere.", func(s *hub.Stats) float64 { return float64(s.Published) })
	add(counter, "remote_total", "Messages that came from other hubs.", func(s *hub.Stats) float64 { return float64(s.Remote) })
	add(counter, "delivered_total", "Messages that were queued for a connection.", func(s *hub.Stats) float64 { return float64(s.Delivered) })
	add(counter, "dropped_total", "Messages that slow connections missed.", func(s *hub.Stats) float64 { return float64(s.Dropped) })
	add(counter, "slow_closed_total", "Connections that were closed as slow.", func(s *hub.Stats) float64 { return float64(s.SlowClosed) })
	add(counter, "busy_total", "Messages that were refused, as loops were behind.", func(s *hub.Stats) float64 { return float64(s.Busy) })
	add(counter, "lost_total", "Messages of other hubs that did not come.", func(s *hub.Stats) float64 { return float64(s.Lost) })
	add(counter, "breaks_total", "Times that an unknown number may not have come.", func(s *hub.Stats) float64 { return float64(s.Breaks) })
	add(gauge, "topics", "Topics.", func(s *hub.Stats) float64 { return float64(s.Topics) })
	add(gauge, "subscriptions", "Subscriptions.", func(s *hub.Stats) float64 { return float64(s.Subscriptions) })
	add(gauge, "history_messages", "Messages that are kept.", func(s *hub.Stats) float64 { return float64(s.History) })
	add(gauge, "history_bytes", "Their payloads.", func(s *hub.Stats) float64 { return float64(s.HistoryBytes) })
	add(gauge, "pending_bytes", "Payloads that wait for loops.", func(s *hub.Stats) float64 { return float64(s.Pending) })
	return c
}

// Describe is part of prometheus.Collector.
func (c *Collector) Describe(ch chan<- *prometheus.Desc) {
	for _, v := range c.values {
		ch <- v.desc
	}
}

// Collect is part of prometheus.Collector.
func (c *Collector) Collect(ch chan<- prometheus.Metric) {
	s := c.h.Stats()
	for _, v := range c.values {
		ch <- prometheus.MustNewConstMetric(v.desc, v.kind, v.of(&s))
	}
}

// Columns are the headings of Rows.
func Columns() []string { return []string{"Hub", "Count"} }

// Rows are a section of package http1/dashboard.
func Rows(h *hub.Hub) [][]any {
	s := h.Stats()
	return [][]any{
		{"topics", s.Topics},
		{"subscriptions", s.Subscriptions},
		{"published", s.Published},
		{"from other hubs", s.Remote},
		{"delivered", s.Delivered},
		{"missed by slow ones", s.Dropped},
		{"closed as slow", s.SlowClosed},
		{"refused, loops behind", s.Busy},
		{"lost on the way", s.Lost},
		{"kept messages", s.History},
		{"bytes waiting for loops", s.Pending},
	}
}
