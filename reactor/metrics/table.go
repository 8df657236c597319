package metrics

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/calandria-go/calandria/reactor"
)

type loopMetric struct {
	name, help string
	kind       prometheus.ValueType
	value      func(l *reactor.LoopStats) float64
}

const (
	counter = prometheus.CounterValue
	gauge   = prometheus.GaugeValue
)

// loopMetrics are those with the label loop. docs/operations.md has the same table.
var loopMetrics = []loopMetric{
	{"connections", "Open connections.", gauge, func(l *reactor.LoopStats) float64 { return float64(l.Conns) }},
	{"connections_opened_total", "Connections given to a handler.", counter, func(l *reactor.LoopStats) float64 { return float64(l.Opened) }},
	{
		"connections_accepted_total", "Connections accepted by listeners on this loop.", counter,
		func(l *reactor.LoopStats) float64 { return float64(l.Accepted) },
	},
	{
		"connections_refused_total", "Connections closed at once, by Admit, MaxConnsPerIP or the memory budget.", counter,
		func(l *reactor.LoopStats) float64 { return float64(l.Refused) },
	},
	{"connections_shed_total", "Connections closed for want of descriptors.", counter, func(l *reactor.LoopStats) float64 { return float64(l.Shed) }},
	{"accept_full_total", "Times that a listener stopped at MaxConns.", counter, func(l *reactor.LoopStats) float64 { return float64(l.Full) }},
	{"accept_errors_total", "Failures of accept.", counter, func(l *reactor.LoopStats) float64 { return float64(l.AcceptErrors) }},
	{"dials_total", "Connections made by Dial.", counter, func(l *reactor.LoopStats) float64 { return float64(l.Dialed) }},
	{"dial_errors_total", "Dials that failed.", counter, func(l *reactor.LoopStats) float64 { return float64(l.DialErrors) }},
	{"reads_total", "System calls that read bytes.", counter, func(l *reactor.LoopStats) float64 { return float64(l.Reads) }},
	{"writes_total", "System calls that wrote bytes.", counter, func(l *reactor.LoopStats) float64 { return float64(l.Writes) }},
	{"read_bytes_total", "Bytes read from sockets.", counter, func(l *reactor.LoopStats) float64 { return float64(l.BytesRead) }},
	{"written_bytes_total", "Bytes written to sockets.", counter, func(l *reactor.LoopStats) float64 { return float64(l.BytesWritten) }},
	{"endpoints", "Open datagram endpoints.", gauge, func(l *reactor.LoopStats) float64 { return float64(l.Endpoints) }},
	{"packets_received_total", "Datagrams received.", counter, func(l *reactor.LoopStats) float64 { return float64(l.PacketsIn) }},
	{"packets_sent_total", "Datagrams sent.", counter, func(l *reactor.LoopStats) float64 { return float64(l.PacketsOut) }},
	{
		"packets_dropped_total", "Datagrams not sent for want of room, or since their endpoint closed.", counter,
		func(l *reactor.LoopStats) float64 { return float64(l.PacketsDropped) },
	},
	{"packet_errors_total", "Datagrams that could not be sent.", counter, func(l *reactor.LoopStats) float64 { return float64(l.PacketErrors) }},
	{"loop_batches_total", "Turns of the loop.", counter, func(l *reactor.LoopStats) float64 { return float64(l.Batches) }},
	{"loop_posts_total", "Posted functions that ran.", counter, func(l *reactor.LoopStats) float64 { return float64(l.Posts) }},
	{"loop_timers_total", "Timers that fired.", counter, func(l *reactor.LoopStats) float64 { return float64(l.Timers) }},
	{"loop_panics_total", "Panics that were contained.", counter, func(l *reactor.LoopStats) float64 { return float64(l.Panics) }},
	{"loop_stalls_total", "Handlers that held the loop longer than StallAfter.", counter, func(l *reactor.LoopStats) float64 { return float64(l.Stalls) }},
	{
		"loop_longest_stall_seconds", "The longest time that a handler held the loop.", gauge,
		func(l *reactor.LoopStats) float64 { return l.LongestStall.Seconds() },
	},
	{
		"loop_busy_seconds_total", "Time in batches. Its rate is the loop's utilisation, from 0 to 1.", counter,
		func(l *reactor.LoopStats) float64 { return l.Busy.Seconds() },
	},
	{"loop_uptime_seconds", "Time since the loop began.", gauge, func(l *reactor.LoopStats) float64 { return l.Uptime.Seconds() }},
}

// wholeMetrics are those of the reactor as a whole.
var wholeMetrics = []struct {
	name, help string
	value      func(s *reactor.Stats) float64
}{
	{
		"reactor_connections", "Open connections of this reactor, and dials in progress.",
		func(s *reactor.Stats) float64 { return float64(s.Open) },
	},
	{"workers", "Goroutines of Offload that run.", func(s *reactor.Stats) float64 { return float64(s.Workers) }},
	{"workers_queued", "Tasks that wait for a worker.", func(s *reactor.Stats) float64 { return float64(s.Queued) }},
}

// memoryMetrics are those of the memory budget.
var memoryMetrics = []struct {
	name, help string
	kind       prometheus.ValueType
	value      func(s *reactor.MemoryStats) float64
}{
	{"memory_limit_bytes", "The memory budget; 0 for none.", gauge, func(s *reactor.MemoryStats) float64 { return float64(s.Limit) }},
	{"memory_used_bytes", "What counts against the budget.", gauge, func(s *reactor.MemoryStats) float64 { return float64(s.Used) }},
	{
		"memory_level", "What the budget does: 0 nothing, 1 refuses, 2 closes idle connections, 3 aborts the largest queues.", gauge,
		func(s *reactor.MemoryStats) float64 { return float64(s.Level) },
	},
	{
		"memory_refused_total", "Connections refused over the budget.", counter,
		func(s *reactor.MemoryStats) float64 { return float64(s.Refused) },
	},
}
