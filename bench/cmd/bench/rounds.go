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
	Kind      string  `json:"kind"`           // the scenario
	Work      string  `json:"work,omitempty"` // what was done, where a scenario has several things
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
	Others    float64 `json:"other_cores"`           // that programs other than the server and its client kept busy
	Coded     int     `json:"coded_bytes,omitempty"` // of a compressed answer's body
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

// measureHTTP starts the server and meters one run of wrk.
func (p *plan) measureHTTP(ctx context.Context, t *target, l load) (httpRun, error) {
	s, err := startServer(ctx, t, false)
	if err != nil {
		return httpRun{}, err
	}
	defer s.stop()
	run, err := p.meter(ctx, s, wrkDriver{wrk: p.wrk, url: s.url(plaintextPath), load: l})
	run.Kind, run.Server, run.Load = "http", t.name, l
	return run, err
}

func micros(d time.Duration) float64 { return float64(d) / float64(time.Microsecond) }
