// Package metrics gives the counters of a websocket.Server, or of the process's clients, to Prometheus, and rows for the dashboard.
//
// The label reason has at most MaxReasons values.
package metrics

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/calandria-go/calandria/protocols/websocket"
	"github.com/calandria-go/calandria/reactor/metrics"
)

// MaxReasons bounds the values of the label reason; what is beyond is counted as "other".
const MaxReasons = 50

// Source is what counts: a *websocket.Server, or Clients.
type Source interface {
	// Stats are the counters.
	Stats() websocket.Stats
	// Queues are the send queues now.
	Queues() websocket.Queues
}

// Clients is the Source of all connections that websocket.Dial has opened in this process.
type Clients struct{}

// Stats is websocket.ClientStats.
func (Clients) Stats() websocket.Stats { return websocket.ClientStats() }

// Queues is websocket.ClientQueues.
func (Clients) Queues() websocket.Queues { return websocket.ClientQueues() }

// Collector is a prometheus.Collector for a Source. It waits for no loop.
type Collector struct {
	src       Source
	refused   *prometheus.Desc
	values    []value
	described []*prometheus.Desc
}

// value is one metric without a label of its own.
type value struct {
	desc *prometheus.Desc
	kind prometheus.ValueType
	of   func(*websocket.Stats, *websocket.Queues) float64
}

// New makes a Collector. Its metrics begin with calandria_websocket_; labels are added to all of them, to tell servers of one
// process apart, and may be nil.
func New(src Source, labels prometheus.Labels) *Collector {
	c := &Collector{src: src}
	desc := func(name, help string, variable ...string) *prometheus.Desc {
		d := prometheus.NewDesc("calandria_websocket_"+name, help, variable, labels)
		c.described = append(c.described, d)
		return d
	}
	add := func(kind prometheus.ValueType, name, help string, of func(*websocket.Stats, *websocket.Queues) float64) {
		c.values = append(c.values, value{desc(name, help), kind, of})
	}
	const counter, gauge = prometheus.CounterValue, prometheus.GaugeValue
	type (
		st = websocket.Stats
		qs = websocket.Queues
	)
	c.refused = desc("refused_total", "Handshakes that did not stand.", "reason")
	add(gauge, "connections", "Open connections.", func(s *st, _ *qs) float64 { return float64(s.Open) })
	add(counter, "opened_total", "Connections that were opened.", func(s *st, _ *qs) float64 { return float64(s.Opened) })
	add(counter, "received_messages_total", "Messages that came.", func(s *st, _ *qs) float64 { return float64(s.MessagesIn) })
	add(counter, "received_bytes_total", "Their payloads.", func(s *st, _ *qs) float64 { return float64(s.BytesIn) })
	add(counter, "sent_messages_total", "Messages that were queued.", func(s *st, _ *qs) float64 { return float64(s.MessagesOut) })
	add(counter, "sent_bytes_total", "Their payloads.", func(s *st, _ *qs) float64 { return float64(s.BytesOut) })
	add(counter, "received_controls_total", "Pings and pongs that came.", func(s *st, _ *qs) float64 { return float64(s.ControlsIn) })
	add(counter, "dropped_messages_total", "Messages that met a full queue.", func(s *st, _ *qs) float64 { return float64(s.Dropped) })
	add(counter, "slow_closed_total", "Connections closed for a full queue.", func(s *st, _ *qs) float64 { return float64(s.SlowClosed) })
	add(counter, "violations_total", "Connections closed for a violation.", func(s *st, _ *qs) float64 { return float64(s.Violations) })
	add(counter, "floods_total", "Connections closed for too many pings.", func(s *st, _ *qs) float64 { return float64(s.Floods) })
	add(counter, "dead_peers_total", "Connections given up for silence.", func(s *st, _ *qs) float64 { return float64(s.DeadPeers) })
	add(gauge, "compressed_connections", "Open connections with permessage-deflate.", func(s *st, _ *qs) float64 { return float64(s.Compressed) })
	add(gauge, "context_bytes", "Memory that compression contexts may take.", func(s *st, _ *qs) float64 { return float64(s.Contexts) })
	add(gauge, "queued_connections", "Connections with a queue.", func(_ *st, q *qs) float64 { return float64(q.Conns) })
	add(gauge, "queued_bytes", "What is unsent in those queues.", func(_ *st, q *qs) float64 { return float64(q.Bytes) })
	add(gauge, "queue_max_bytes", "The longest of them.", func(_ *st, q *qs) float64 { return float64(q.Max) })
	add(gauge, "slow_connections", "Connections above the high-water mark.", func(_ *st, q *qs) float64 { return float64(q.Slow) })
	return c
}

// Describe is part of prometheus.Collector.
func (c *Collector) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range c.described {
		ch <- d
	}
}

// Collect is part of prometheus.Collector.
func (c *Collector) Collect(ch chan<- prometheus.Metric) {
	s, q := c.src.Stats(), c.src.Queues()
	for _, v := range c.values {
		ch <- prometheus.MustNewConstMetric(v.desc, v.kind, v.of(&s, &q))
	}
	for reason, n := range metrics.Bounded(s.Refused, MaxReasons) {
		ch <- prometheus.MustNewConstMetric(c.refused, prometheus.CounterValue, float64(n), reason)
	}
}

// Columns are the headings of Rows.
func Columns() []string { return []string{"WebSockets", "Count"} }

// Rows are a section of package http1/dashboard: connections, messages, queues and what was closed why.
func Rows(src Source) [][]any {
	s, q := src.Stats(), src.Queues()
	return [][]any{
		{"open", s.Open},
		{"with compression", s.Compressed},
		{"opened", s.Opened},
		{"messages in", s.MessagesIn},
		{"messages out", s.MessagesOut},
		{"with a queue", q.Conns},
		{"bytes queued", q.Bytes},
		{"longest queue", q.Max},
		{"dropped", s.Dropped},
		{"closed as slow", s.SlowClosed},
		{"violations", s.Violations},
		{"ping floods", s.Floods},
		{"dead peers", s.DeadPeers},
	}
}
