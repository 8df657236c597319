// Package metrics gives the counters of a relay.Server to Prometheus. Labels are the names of services, which are configured or
// granted, and the roles of links; a link has none of its own.
package metrics

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/calandria-go/calandria/protocols/relay"
)

// Collector is a prometheus.Collector for a relay.Server.
type Collector struct {
	srv *relay.Server
	all map[string]*prometheus.Desc
}

var descriptions = []struct{ name, help, label string }{
	{"links", "Links by role and state.", "role,state"},
	{"links_opened_total", "Sessions that began.", ""},
	{"links_resumed_total", "Links that went on with a session.", ""},
	{"links_replaced_total", "Sessions that a newer one of the same agent ended.", ""},
	{"refused_total", "Credentials, offers and links that were not accepted.", ""},
	{"streams", "Open streams by the role of their link.", "role"},
	{"unread_bytes", "Bytes that links have brought and nobody has read yet.", "role"},
	{"credit_stalls", "Times that a stream of the links there are had bytes and no credit.", "role"},
	{"link_stalls", "Times that all streams of one of the links there are had to wait for its credit.", "role"},
	{"rtt_max_seconds", "The longest of the links' round trips.", "role"},
	{"service_agents", "Agents that a service can be reached at.", "service"},
	{"service_connections", "Open connections to a service.", "service"},
	{"service_opened_total", "Connections that reached an agent.", "service"},
	{"service_failed_total", "Connections that found no agent or no target.", "service"},
	{"service_refused_total", "Connections that were not admitted.", "service"},
	{"service_in_bytes_total", "Bytes to a service.", "service"},
	{"service_out_bytes_total", "Bytes from a service.", "service"},
}

// New makes a Collector. Its metrics begin with calandria_relay_; labels are added to all of them and may be nil.
func New(srv *relay.Server, labels prometheus.Labels) *Collector {
	c := &Collector{srv: srv, all: map[string]*prometheus.Desc{}}
	for _, d := range descriptions {
		var variable []string
		switch d.label {
		case "":
		case "role,state":
			variable = []string{"role", "state"}
		default:
			variable = []string{d.label}
		}
		c.all[d.name] = prometheus.NewDesc("calandria_relay_"+d.name, d.help, variable, labels)
	}
	return c
}

// Describe is part of prometheus.Collector.
func (c *Collector) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range descriptions {
		ch <- c.all[d.name]
	}
}

// role sums up the links of one role.
type role struct {
	states             map[string]int
	streams, unread    int
	stalls, linkStalls uint64
	rtt                float64
}

// Collect is part of prometheus.Collector. It takes the lock of each link.
func (c *Collector) Collect(ch chan<- prometheus.Metric) {
	st := c.srv.Stats()
	put := func(name string, kind prometheus.ValueType, v float64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(c.all[name], kind, v, labels...)
	}
	const counter, gauge = prometheus.CounterValue, prometheus.GaugeValue
	put("links_opened_total", counter, float64(st.Linked))
	put("links_resumed_total", counter, float64(st.Resumed))
	put("links_replaced_total", counter, float64(st.Replaced))
	put("refused_total", counter, float64(st.Refused))
	roles := map[string]*role{"agent": {states: map[string]int{}}, "client": {states: map[string]int{}}}
	for i := range st.Links {
		l := &st.Links[i]
		r := roles[l.Role]
		if r == nil {
			continue
		}
		r.states[l.State]++
		r.streams += l.Session.Streams
		r.unread += l.Session.Unread
		r.stalls += l.Session.Stalls
		r.linkStalls += l.Session.LinkStalls
		r.rtt = max(r.rtt, l.RTT.Seconds())
	}
	for name, r := range roles {
		for _, state := range []string{"up", "suspended", "draining"} {
			put("links", gauge, float64(r.states[state]), name, state)
		}
		put("streams", gauge, float64(r.streams), name)
		put("unread_bytes", gauge, float64(r.unread), name)
		put("credit_stalls", gauge, float64(r.stalls), name) // of the links that there are: it falls when one goes
		put("link_stalls", gauge, float64(r.linkStalls), name)
		put("rtt_max_seconds", gauge, r.rtt, name)
	}
	for _, s := range st.Services {
		put("service_agents", gauge, float64(s.Agents), s.Name)
		put("service_connections", gauge, float64(s.Conns), s.Name)
		put("service_opened_total", counter, float64(s.Opened), s.Name)
		put("service_failed_total", counter, float64(s.Failed), s.Name)
		put("service_refused_total", counter, float64(s.Refused), s.Name)
		put("service_in_bytes_total", counter, float64(s.BytesIn), s.Name)
		put("service_out_bytes_total", counter, float64(s.BytesOut), s.Name)
	}
}
