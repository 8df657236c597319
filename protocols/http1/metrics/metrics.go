// Package metrics gives the counters of an http1.Server to Prometheus, and serves /metrics. The reactor's own are those of
// package reactor/metrics.
//
// The labels are bounded: method has ten values, code six, reason at most MaxReasons, route Server.MaxRoutes and "other".
package metrics

import (
	"context"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/calandria-go/calandria/protocols/http1"
	"github.com/calandria-go/calandria/reactor/metrics"
)

const (
	// Timeout bounds how long a scrape waits for the loops.
	Timeout = 5 * time.Second
	// MaxReasons bounds the values of the label reason; what is beyond is counted as "other".
	MaxReasons = 100
	// MaxScrapes bounds the scrapes that Handler answers at a time: 503 beyond it.
	MaxScrapes = 4
)

// Collector is a prometheus.Collector for a server that has Observe set.
type Collector struct {
	srv       *http1.Server
	requests  *prometheus.Desc
	inFlight  *prometheus.Desc
	refused   *prometheus.Desc
	failed    *prometheus.Desc
	in, out   *prometheus.Desc
	latency   *prometheus.Desc
	routeN    *prometheus.Desc
	routeErr  *prometheus.Desc
	routeSum  *prometheus.Desc
	routeMax  *prometheus.Desc
	conns     *prometheus.Desc
	opened    *prometheus.Desc
	up        *prometheus.Desc
	described []*prometheus.Desc
}

// New makes a Collector. Its metrics begin with calandria_http_; labels are added to all of them, to tell servers of one process
// apart, and may be nil.
func New(srv *http1.Server, labels prometheus.Labels) *Collector {
	c := &Collector{srv: srv}
	desc := func(name, help string, variable ...string) *prometheus.Desc {
		d := prometheus.NewDesc("calandria_http_"+name, help, variable, labels)
		c.described = append(c.described, d)
		return d
	}
	c.requests = desc("requests_total", "Requests that have ended.", "method", "code")
	c.inFlight = desc("requests_in_flight", "Requests that have begun and not ended.")
	c.refused = desc("requests_refused_total", "Requests that the server answered by itself.", "reason")
	c.failed = desc("requests_failed_total", "Requests that ended without a whole answer.", "reason")
	c.in = desc("request_body_bytes_total", "Bytes of request bodies that were read.")
	c.out = desc("response_body_bytes_total", "Bytes of answers' bodies that were queued.")
	c.latency = desc("request_duration_seconds", "From the last byte of a request's head to the last byte of its answer being queued.")
	c.routeN = desc("route_requests_total", "Requests of a route.", "route")
	c.routeErr = desc("route_errors_total", "Requests of a route with a status of 500 and above, or none.", "route")
	c.routeSum = desc("route_duration_seconds_total", "Time that the requests of a route took.", "route")
	c.routeMax = desc("route_duration_max_seconds", "The longest time that a request of a route took.", "route")
	c.conns = desc("connections", "Open connections by what they do.", "state")
	c.opened = desc("connections_opened_total", "Connections that the server was given.")
	c.up = desc("scrape_ok", "1 if every loop has told its counters in time.")
	return c
}

// Describe is part of prometheus.Collector.
func (c *Collector) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range c.described {
		ch <- d
	}
}

// Collect is part of prometheus.Collector. It waits for the loops, Timeout at the most, and must not be called on one: then, and
// when a loop is stuck, or has ended, scrape_ok is 0 and the rest is missing.
func (c *Collector) Collect(ch chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), Timeout)
	defer cancel()
	s, err := c.srv.Stats(ctx)
	ok := 0.0
	if err == nil {
		ok = 1
		c.send(sender{ch}, &s)
	}
	sender{ch}.gauge(c.up, ok)
}

func (c *Collector) send(ch sender, s *http1.Stats) {
	for class, n := range s.Requests {
		ch.counter(c.requests, float64(n), class.Method, class.Status)
	}
	ch.gauge(c.inFlight, float64(s.InFlight))
	for reason, n := range metrics.Bounded(s.Refused, MaxReasons) {
		ch.counter(c.refused, float64(n), reason)
	}
	for reason, n := range metrics.Bounded(s.Failed, MaxReasons) {
		ch.counter(c.failed, float64(n), reason)
	}
	ch.counter(c.in, float64(s.BytesIn))
	ch.counter(c.out, float64(s.BytesOut))
	ch.histogram(c.latency, s.Latency)
	for route, r := range s.Routes {
		ch.counter(c.routeN, float64(r.Requests), route)
		ch.counter(c.routeErr, float64(r.Errors), route)
		ch.counter(c.routeSum, r.Sum.Seconds(), route)
		ch.gauge(c.routeMax, r.Max.Seconds(), route)
	}
	n := s.Conns
	for state, v := range map[string]int64{
		"idle": n.Idle, "head": n.Head, "body": n.Body, "handling": n.Handling, "streaming": n.Streaming, "closing": n.Closing,
		"upgraded": n.Upgraded,
	} {
		ch.gauge(c.conns, float64(v), state)
	}
	ch.counter(c.opened, float64(n.Opened))
}

type sender struct{ ch chan<- prometheus.Metric }

func (s sender) counter(d *prometheus.Desc, v float64, labels ...string) {
	s.ch <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, v, labels...)
}

func (s sender) gauge(d *prometheus.Desc, v float64, labels ...string) {
	s.ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
}

func (s sender) histogram(d *prometheus.Desc, h http1.Histogram) {
	buckets := make(map[float64]uint64, len(h.Bounds))
	var n uint64
	for i, bound := range h.Bounds {
		n += h.Counts[i]
		buckets[bound.Seconds()] = n
	}
	s.ch <- prometheus.MustNewConstHistogram(d, h.Count(), h.Sum.Seconds(), buckets)
}

// Handler serves what g gathers, in the formats of Prometheus and OpenMetrics: for /metrics. It runs on a worker of the reactor; at most
// MaxScrapes run at a time.
func Handler(g prometheus.Gatherer) http1.Handler {
	return http1.Std(promhttp.HandlerFor(g, promhttp.HandlerOpts{
		EnableOpenMetrics:   true,
		MaxRequestsInFlight: MaxScrapes,
		Timeout:             2 * Timeout,
	}))
}
