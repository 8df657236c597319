//go:build linux

package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"runtime"
	"time"
)

// Connections of the stdp99 scenario.
const (
	saturatingConns = 64
	saturatingDepth = 16
	probeConns      = 8
)

// latencyRun is what the prober saw of one server while pipelined clients kept it busy.
type latencyRun struct {
	Kind      string  `json:"kind"` // "stdp99"
	Server    string  `json:"server"`
	Round     int     `json:"round"`
	Requests  float64 `json:"requests"` // the prober's own
	P50       float64 `json:"p50_us"`
	P99       float64 `json:"p99_us"`
	Worst     float64 `json:"worst_us"`
	PerSecond float64 `json:"saturating_requests_per_second"`
	Errors    int64   `json:"socket_errors"`
	Cores     float64 `json:"server_cores"` // that the server used on average
}

// runLatency lets the prober and the pipelined clients at each server, round by round, and writes the table.
func (p *plan) runLatency(ctx context.Context, report io.Writer) error {
	var runs []latencyRun
	for round := 1; round <= p.rounds; round++ {
		for _, t := range p.shuffled() {
			run, err := p.measureLatency(ctx, t)
			if err != nil {
				if err := p.failed(ctx, t, "stdp99", round, err); err != nil {
					return err
				}
				continue
			}
			run.Round = round
			runs = append(runs, run)
			if err := p.record(run); err != nil {
				return err
			}
			fmt.Fprintf(os.Stderr, "round %d/%d  %-12s p50 %6.0f us, p99 %6.0f us, %8.0f/s beside\n",
				round, p.rounds, t.name, run.P50, run.P99, run.PerSecond)
		}
	}
	p.writeLatencyTable(report, runs)
	return nil
}

// measureLatency saturates the server with wrk, starts the prober when that has warmed up, and ends it before.
func (p *plan) measureLatency(ctx context.Context, t *target) (latencyRun, error) {
	run := latencyRun{Kind: "stdp99", Server: t.name}
	s, err := startServer(ctx, t, false)
	if err != nil {
		return run, err
	}
	defer s.stop()
	type outcome struct {
		result wrkResult
		err    error
	}
	lead := max(p.warmUp, time.Second)
	saturated := make(chan outcome, 1)
	go func() {
		l := load{Conns: saturatingConns, Depth: saturatingDepth}
		r, err := p.wrk.run(ctx, s.url(plaintextPath), l, p.measure+2*lead)
		saturated <- outcome{r, err}
	}()
	time.Sleep(lead)
	before, err := sampleCPU(s.pid())
	if err != nil {
		return run, err
	}
	start := time.Now()
	probeErr := run.probe(ctx, s.addr, p.measure)
	wall := time.Since(start)
	after, err := sampleCPU(s.pid())
	busy := <-saturated
	for _, err := range []error{probeErr, err, busy.err} {
		if err != nil {
			return run, fmt.Errorf("%w; the server said: %s", err, s.log)
		}
	}
	run.PerSecond, run.Errors = busy.result.PerSecond, busy.result.Errors+busy.result.BadStatus
	run.Cores = cpuBetween(before, after).Seconds() / wall.Seconds()
	return run, nil
}

// probe runs the prober in a process of its own and takes its figures.
func (r *latencyRun) probe(ctx context.Context, addr string, d time.Duration) error {
	c, err := startChild(ctx, "probe", "-addr", addr, "-conns", fmt.Sprint(probeConns), "-seconds", fmt.Sprint(int(d.Seconds())))
	if err != nil {
		return err
	}
	defer c.stop()
	for _, figure := range []struct {
		word string
		into *float64
	}{{"requests", &r.Requests}, {"p50", &r.P50}, {"p99", &r.P99}, {"worst", &r.Worst}} {
		if *figure.into, err = c.expect(figure.word); err != nil {
			return err
		}
	}
	return nil
}

// writeLatencyTable prints the medians and the ratio to net/http of the same round.
func (p *plan) writeLatencyTable(w io.Writer, runs []latencyRun) {
	fmt.Fprintf(w, "Time of a GET on %d connections, one request at a time each, while %d more connections pipeline %d deep: median of %d rounds.\n\n",
		probeConns, saturatingConns, saturatingDepth, p.rounds)
	fmt.Fprintf(w, "| server | p50 (min–max) | p99 (min–max) | p99 × net/http | worst | pipelined requests/s | cores used of %d |\n", runtime.NumCPU())
	fmt.Fprintln(w, "|---|---|---|---|---|---|---|")
	p99 := map[string]map[int]float64{}
	for _, r := range runs {
		if p99[r.Server] == nil {
			p99[r.Server] = map[int]float64{}
		}
		p99[r.Server][r.Round] = r.P99
	}
	for _, t := range p.targets {
		var of []latencyRun
		var errors int64
		for _, r := range runs {
			if r.Server == t.name {
				of = append(of, r)
				errors += r.Errors
			}
		}
		fmt.Fprintf(w, "| %s | %s | %s | %s | %s | %s | %.2f |\n", t.name,
			durationRange(column(of, func(r latencyRun) float64 { return r.P50 })),
			durationRange(column(of, func(r latencyRun) float64 { return r.P99 })),
			ratioRange(spreadOf(ratiosByRound(p99[t.name], p99[nethttpName]))),
			duration(column(of, func(r latencyRun) float64 { return r.Worst })),
			thousands(column(of, func(r latencyRun) float64 { return r.PerSecond }).Median),
			column(of, func(r latencyRun) float64 { return r.Cores }).Median)
		if errors > 0 {
			fmt.Fprintf(w, "\n%s: %d socket errors.\n\n", t.name, errors)
		}
	}
}
