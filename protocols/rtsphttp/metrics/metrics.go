// Package metrics gives the counters of an rtsphttp.Gateway to Prometheus. The labels are bounded: reason at most MaxReasons, and there
// is none for cameras or viewers, which Gateway.Sessions shows.
package metrics

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/calandria-go/calandria/protocols/rtsphttp"
	"github.com/calandria-go/calandria/reactor/metrics"
)

// MaxReasons bounds the values of the label reason; what is beyond is counted as "other".
const MaxReasons = 100

// Collector is a prometheus.Collector for a Gateway.
type Collector struct {
	g                                             *rtsphttp.Gateway
	open, pending, queued, opened, refused, ended *prometheus.Desc
	bytes                                         *prometheus.Desc
}

// New makes a Collector. Its metrics begin with calandria_rtsp_; labels are added to all of them, to tell gateways of one process apart,
// and may be nil.
func New(g *rtsphttp.Gateway, labels prometheus.Labels) *Collector {
	desc := func(name, help string, variable ...string) *prometheus.Desc {
		return prometheus.NewDesc("calandria_rtsp_"+name, help, variable, labels)
	}
	return &Collector{
		g:       g,
		open:    desc("tunnels", "Open tunnels by what carries them.", "kind"),
		pending: desc("halves_pending", "Halves that wait for their other one."),
		queued:  desc("queued_bytes", "Bytes that wait for viewers."),
		opened:  desc("tunnels_opened_total", "Tunnels that there have been."),
		refused: desc("requests_refused_total", "Requests that became no tunnel.", "reason"),
		ended:   desc("tunnels_ended_total", "Tunnels that have ended.", "reason"),
		bytes:   desc("bytes_total", "Bytes of RTSP and media, up to cameras and down to viewers.", "direction"),
	}
}

// Describe is part of prometheus.Collector.
func (c *Collector) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{c.open, c.pending, c.queued, c.opened, c.refused, c.ended, c.bytes} {
		ch <- d
	}
}

// Collect is part of prometheus.Collector. It looks at every tunnel, and waits for no loop.
func (c *Collector) Collect(ch chan<- prometheus.Metric) {
	s := c.g.Stats()
	send := func(d *prometheus.Desc, kind prometheus.ValueType, v float64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, kind, v, labels...)
	}
	send(c.open, prometheus.GaugeValue, float64(max(s.Open-s.Sockets, 0)), "http")
	send(c.open, prometheus.GaugeValue, float64(s.Sockets), "websocket")
	send(c.pending, prometheus.GaugeValue, float64(s.Pending))
	send(c.queued, prometheus.GaugeValue, float64(s.Queued))
	send(c.opened, prometheus.CounterValue, float64(s.Opened))
	for reason, n := range metrics.Bounded(s.Refused, MaxReasons) {
		send(c.refused, prometheus.CounterValue, float64(n), reason)
	}
	for reason, n := range metrics.Bounded(s.Ended, MaxReasons) {
		send(c.ended, prometheus.CounterValue, float64(n), reason)
	}
	send(c.bytes, prometheus.CounterValue, float64(s.Up), "up")
	send(c.bytes, prometheus.CounterValue, float64(s.Down), "down")
}
