// Package metrics gives the counters of a tftp.Server to Prometheus. A scrape reads some atomics, and waits for nothing.
package metrics

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/calandria-go/calandria/protocols/tftp"
)

// table is what there is; docs/tftp.md has it too.
var table = []struct {
	name, help string
	kind       prometheus.ValueType
	value      func(s *tftp.Stats) float64
}{
	{"reads_total", "Requests to read that were taken.", prometheus.CounterValue, func(s *tftp.Stats) float64 { return float64(s.Reads) }},
	{"writes_total", "Requests to write that were taken.", prometheus.CounterValue, func(s *tftp.Stats) float64 { return float64(s.Writes) }},
	{"refused_total", "Requests that were refused at once.", prometheus.CounterValue, func(s *tftp.Stats) float64 { return float64(s.Refused) }},
	{"completed_total", "Transfers that were completed.", prometheus.CounterValue, func(s *tftp.Stats) float64 { return float64(s.Completed) }},
	{
		"declined_total", "Transfers whose client only wanted to know the options.", prometheus.CounterValue,
		func(s *tftp.Stats) float64 { return float64(s.Declined) },
	},
	{"failed_total", "Transfers that failed.", prometheus.CounterValue, func(s *tftp.Stats) float64 { return float64(s.Failed) }},
	{"active", "Transfers in progress.", prometheus.GaugeValue, func(s *tftp.Stats) float64 { return float64(s.Active) }},
	{
		"sent_bytes_total", "Bytes of files that clients have read, of transfers that have ended.", prometheus.CounterValue,
		func(s *tftp.Stats) float64 { return float64(s.BytesOut) },
	},
	{
		"received_bytes_total", "Bytes of files that clients have written, of transfers that have ended.", prometheus.CounterValue,
		func(s *tftp.Stats) float64 { return float64(s.BytesIn) },
	},
	{"blocks_total", "Blocks, of transfers that have ended.", prometheus.CounterValue, func(s *tftp.Stats) float64 { return float64(s.Blocks) }},
	{"resent_total", "Packets sent again.", prometheus.CounterValue, func(s *tftp.Stats) float64 { return float64(s.Resent) }},
	{"timeouts_total", "Time-outs.", prometheus.CounterValue, func(s *tftp.Stats) float64 { return float64(s.Timeouts) }},
	{"repeated_total", "Requests that were sent again while their transfer ran.", prometheus.CounterValue, func(s *tftp.Stats) float64 { return float64(s.Repeated) }},
	{"strangers_total", "Packets that belong to no transfer.", prometheus.CounterValue, func(s *tftp.Stats) float64 { return float64(s.Strangers) }},
	{"malformed_total", "Requests that could not be read.", prometheus.CounterValue, func(s *tftp.Stats) float64 { return float64(s.Malformed) }},
	{"broadcasts_total", "Requests to everybody, which are ignored.", prometheus.CounterValue, func(s *tftp.Stats) float64 { return float64(s.Broadcasts) }},
}

// Collector is a prometheus.Collector for a server.
type Collector struct {
	srv   *tftp.Server
	descs []*prometheus.Desc
}

// New makes a Collector. Its metrics begin with calandria_tftp_; labels are added to all of them, to tell servers of one
// process apart, and may be nil.
func New(srv *tftp.Server, labels prometheus.Labels) *Collector {
	c := &Collector{srv: srv}
	for _, m := range table {
		c.descs = append(c.descs, prometheus.NewDesc("calandria_tftp_"+m.name, m.help, nil, labels))
	}
	return c
}

// Describe is part of prometheus.Collector.
func (c *Collector) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range c.descs {
		ch <- d
	}
}

// Collect is part of prometheus.Collector. Any goroutine.
func (c *Collector) Collect(ch chan<- prometheus.Metric) {
	s := c.srv.Stats()
	for i, m := range table {
		ch <- prometheus.MustNewConstMetric(c.descs[i], m.kind, m.value(&s))
	}
}
