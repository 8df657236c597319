// Package metrics gives the counters of a reactor to Prometheus. Each scrape asks every loop once, by a post; between scrapes it
// costs nothing.
//
// The labels are bounded: loop by the number of loops, reason by the labels of reactor.ReasonOf and at most MaxReasons of
// them.
package metrics

import (
	"context"
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/calandria-go/calandria/reactor"
)

const (
	// Timeout bounds how long a scrape waits for the loops.
	Timeout = 5 * time.Second
	// MaxReasons bounds the values of the label reason; what is beyond is counted as "other".
	MaxReasons = 100
)

// Collector is a prometheus.Collector for a reactor.
type Collector struct {
	r      *reactor.Reactor
	loop   []series
	whole  []series
	memory []series
	close  *prometheus.Desc
	up     *prometheus.Desc
}

// series is one metric, and how it is read off a loop's counters.
type series struct {
	desc *prometheus.Desc
	kind prometheus.ValueType
	loop func(l *reactor.LoopStats) float64
	all  func(s *reactor.Stats) float64
	mem  func(s *reactor.MemoryStats) float64
}

// New makes a Collector. Its metrics begin with calandria_; labels are added to all of them, to tell reactors of one process
// apart, and may be nil.
func New(r *reactor.Reactor, labels prometheus.Labels) *Collector {
	c := &Collector{r: r}
	desc := func(name, help string, variable ...string) *prometheus.Desc {
		return prometheus.NewDesc("calandria_"+name, help, variable, labels)
	}
	for _, m := range loopMetrics {
		c.loop = append(c.loop, series{desc: desc(m.name, m.help, "loop"), kind: m.kind, loop: m.value})
	}
	for _, m := range wholeMetrics {
		c.whole = append(c.whole, series{desc: desc(m.name, m.help), kind: prometheus.GaugeValue, all: m.value})
	}
	for _, m := range memoryMetrics {
		c.memory = append(c.memory, series{desc: desc(m.name, m.help), kind: m.kind, mem: m.value})
	}
	c.close = desc("connections_closed_total", "Connections closed, by the reason that OnClose got.", "reason")
	c.up = desc("scrape_ok", "1 if every loop has told its counters in time.")
	return c
}

// Describe is part of prometheus.Collector.
func (c *Collector) Describe(ch chan<- *prometheus.Desc) {
	for _, s := range slices.Concat(c.loop, c.whole, c.memory) {
		ch <- s.desc
	}
	ch <- c.close
	ch <- c.up
}

// Collect is part of prometheus.Collector. It waits for the loops, Timeout at the most, and must not be called on one: then, and
// when a loop is stuck, or has ended, scrape_ok is 0 and the rest is missing.
func (c *Collector) Collect(ch chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), Timeout)
	defer cancel()
	s, err := c.r.Stats(ctx)
	ok := 0.0
	if err == nil {
		ok = 1
		c.send(ch, &s)
	}
	ch <- prometheus.MustNewConstMetric(c.up, prometheus.GaugeValue, ok)
}

func (c *Collector) send(ch chan<- prometheus.Metric, s *reactor.Stats) {
	for i := range s.Loops {
		l := &s.Loops[i]
		label := strconv.Itoa(l.Loop)
		for _, m := range c.loop {
			ch <- prometheus.MustNewConstMetric(m.desc, m.kind, m.loop(l), label)
		}
	}
	for _, m := range c.whole {
		ch <- prometheus.MustNewConstMetric(m.desc, m.kind, m.all(s))
	}
	mem := c.r.MemoryStats()
	for _, m := range c.memory {
		ch <- prometheus.MustNewConstMetric(m.desc, m.kind, m.mem(&mem))
	}
	for reason, n := range Bounded(s.Total().Reasons, MaxReasons) {
		ch <- prometheus.MustNewConstMetric(c.close, prometheus.CounterValue, float64(n), reason)
	}
}

// Bounded gives counts with at most limit labels: of more, the least in alphabetical order are kept, so that a label that was there once
// stays unless new ones come before it, and the rest is added up as "other".
func Bounded(counts map[string]uint64, limit int) map[string]uint64 {
	if len(counts) <= limit {
		return counts
	}
	out := map[string]uint64{}
	for i, k := range slices.Sorted(maps.Keys(counts)) {
		if i >= limit-1 {
			out["other"] += counts[k]
			continue
		}
		out[k] += counts[k]
	}
	return out
}
