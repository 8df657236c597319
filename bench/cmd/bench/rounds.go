//go:build linux

package main

import (
	"context"
	"fmt"
	"os"
	"time"
)

// settle is the pause around a measured run: connections of the one before are closed by then, and those
// of the run itself too, so that each run pays for opening and closing its connections, once.
const settle = 200 * time.Millisecond

// httpRun is one measured run of one server in one round.
type httpRun struct {
	Kind      string  `json:"kind"` // "http"
	Server    string  `json:"server"`
	Round     int     `json:"round"`
	Load      load    `json:"load"`
	CPU       float64 `json:"cpu_us_per_request"`
	PerSecond float64 `json:"requests_per_second"`
	Requests  int64   `json:"requests"`
	CPUTotal  float64 `json:"cpu_seconds"`
	P50       float64 `json:"p50_us,omitempty"` // absent if wrk could not tell
	P99       float64 `json:"p99_us,omitempty"`
	Memory    memory  `json:"memory_bytes"`
	Errors    int64   `json:"socket_errors"`
	BadStatus int64   `json:"bad_status"`
	Others    float64 `json:"other_cores"` // that programs other than the server and wrk kept busy
}

// runHTTP measures every server under every load, the servers in turn, round by round.
func (p *plan) runHTTP(ctx context.Context) ([]httpRun, error) {
	var runs []httpRun
	for round := 1; round <= p.rounds; round++ {
		for _, l := range p.loads {
			for _, t := range p.shuffled() {
				run, err := p.measureHTTP(ctx, t, l)
				if err != nil {
					if err := p.failed(ctx, t, l.String(), round, err); err != nil {
						return runs, err
					}
					continue
				}
				run.Round = round
				runs = append(runs, run)
				if err := p.record(run); err != nil {
					return runs, err
				}
				fmt.Fprintf(os.Stderr, "round %d/%d  %-36s %-12s %7.3f us/request %9.0f/s\n",
					round, p.rounds, l, t.name, run.CPU, run.PerSecond)
			}
		}
	}
	return runs, nil
}

// measureHTTP starts the server, warms it up, and reads its CPU time around one run of wrk.
func (p *plan) measureHTTP(ctx context.Context, t *target, l load) (httpRun, error) {
	run := httpRun{Kind: "http", Server: t.name, Load: l}
	s, err := startServer(ctx, t, false)
	if err != nil {
		return run, err
	}
	defer s.stop()
	if p.warmUp > 0 {
		if _, err := p.wrk.run(ctx, s.url(), l, p.warmUp); err != nil {
			return run, err
		}
	}
	time.Sleep(settle)
	start := time.Now()
	hostBefore, err := readHostCPU()
	if err != nil {
		return run, err
	}
	before, err := sampleCPU(s.pid())
	if err != nil {
		return run, err
	}
	result, err := p.wrk.run(ctx, s.url(), l, p.measure)
	if err != nil {
		return run, fmt.Errorf("%w; the server said: %s", err, s.log)
	}
	time.Sleep(settle)
	after, err := sampleCPU(s.pid())
	if err != nil {
		return run, err
	}
	hostAfter, err := readHostCPU()
	if err != nil {
		return run, err
	}
	wall := time.Since(start)
	if run.Memory, err = readMemory(s.pid()); err != nil {
		return run, err
	}
	if result.Requests == 0 {
		return run, fmt.Errorf("no request was answered; the server said: %s", s.log)
	}
	used := cpuBetween(before, after)
	run.Others = max(0, (hostAfter-hostBefore-used-result.CPU).Seconds()/wall.Seconds())
	run.CPU = micros(used) / float64(result.Requests)
	run.CPUTotal = used.Seconds()
	run.Requests, run.PerSecond = result.Requests, result.PerSecond
	run.P50, run.P99 = micros(result.P50), micros(result.P99)
	run.Errors, run.BadStatus = result.Errors, result.BadStatus
	return run, nil
}

func micros(d time.Duration) float64 { return float64(d) / float64(time.Microsecond) }
