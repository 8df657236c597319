//go:build linux

package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"time"
)

// workKind is one kind of work of a scenario, which has a table of its own.
type workKind struct {
	name string // in its table's title and in the records
	unit string // what the CPU time is divided by
	load load
	// check sees that a server does the work as it is meant; it returns the size of the body of a compressed
	// answer, 0 of others.
	check func(s *server) (coded int, err error)
	start func(ctx context.Context, p *plan, s *server) (driver, error)
}

// workBase is the server that a scenario's ratios divide by.
func workBase(scenario string) string {
	if scenario == "static" {
		return nginxName
	}
	return nethttpName
}

// wrkOn loads a path with wrk.
func wrkOn(path string, l load, fields ...string) func(context.Context, *plan, *server) (driver, error) {
	return func(_ context.Context, p *plan, s *server) (driver, error) {
		return wrkDriver{wrk: p.wrk, url: s.url(path), load: l, fields: fields}, nil
	}
}

// runWork measures every server at every kind of work, the servers in turn, round by round, and writes the tables.
func (p *plan) runWork(ctx context.Context, scenario string, report io.Writer) error {
	var runs []httpRun
	for round := 1; round <= p.rounds; round++ {
		for _, k := range p.work {
			for _, t := range p.shuffled() {
				run, err := p.measureWork(ctx, t, k)
				if err != nil {
					if err := p.failed(ctx, t, k.title(), round, err); err != nil {
						return err
					}
					continue
				}
				run.Kind, run.Round = scenario, round
				runs = append(runs, run)
				if err := p.record(run); err != nil {
					return err
				}
				fmt.Fprintf(os.Stderr, "round %d/%d  %-48s %-12s %8.2f us/%s %9.0f/s\n",
					round, p.rounds, k.title(), t.name, run.CPU, k.unit, run.PerSecond)
			}
		}
	}
	var servers []string
	for _, t := range p.targets {
		servers = append(servers, t.name)
	}
	summaries := summariseWork(runs, p.work, servers, workBase(scenario))
	for i := range summaries {
		summaries[i].Kind = scenario + "-summary"
		if err := p.record(summaries[i]); err != nil {
			return err
		}
	}
	others := column(runs, func(r httpRun) float64 { return r.Others })
	fmt.Fprintf(report, "Other programs kept %.2f cores busy during the runs (%.2f–%.2f).\n\n", others.Median, others.Min, others.Max)
	fmt.Fprintln(report, workNotes[scenario])
	writeWorkTables(report, summaries, p.work, p.rounds)
	return nil
}

// title names the kind and its load.
func (k workKind) title() string { return fmt.Sprintf("%s, %s", k.name, k.load) }

// measureWork starts the server, checks it, and meters one run of the client.
func (p *plan) measureWork(ctx context.Context, t *target, k workKind) (httpRun, error) {
	s, err := startServer(ctx, t, false)
	if err != nil {
		return httpRun{}, err
	}
	defer s.stop()
	coded, err := k.check(s)
	if err != nil {
		return httpRun{}, fmt.Errorf("check: %w; the server said: %s", err, s.log)
	}
	d, err := k.start(ctx, p, s)
	if err != nil {
		return httpRun{}, err
	}
	defer d.stop()
	started := time.Now()
	run, err := p.meter(ctx, s, d)
	if err != nil {
		return run, fmt.Errorf("after %v: %w", time.Since(started).Round(time.Millisecond), err)
	}
	run.Server, run.Work, run.Load, run.Coded = t.name, k.name, k.load, coded
	return run, nil
}
