//go:build linux

package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// run builds the servers, runs the scenario and writes its report.
func run(ctx context.Context, o options) error {
	if _, err := exec.LookPath("wrk"); err != nil {
		return fmt.Errorf("%w (Debian: apt-get install wrk)", err)
	}
	root, err := moduleRoot()
	if err != nil {
		return err
	}
	files, err := raiseFileLimit()
	if err != nil {
		return err
	}
	work := filepath.Join(root, "bench", "work")
	p, err := newPlan(ctx, root, work, o)
	if err != nil {
		return err
	}
	records, err := createRecords(work, o)
	if err != nil {
		return err
	}
	defer records.Close()
	encoder := json.NewEncoder(records)
	p.record = func(v any) error { return encoder.Encode(v) }
	h := describe(ctx, root, o.scenario, p, files, o.seed)
	if err := p.record(h); err != nil {
		return err
	}
	if o.scenario == "proxy" {
		stop, err := startUpstream(ctx, root, work, upstreamAddr)
		if err != nil {
			return err
		}
		defer stop()
	}
	var report strings.Builder
	h.write(&report)
	p.writeAbsent(&report)
	if err := p.runScenario(ctx, o, &report); err != nil {
		return err
	}
	p.writeFailures(&report)
	if o.markdown != "" {
		err = os.WriteFile(o.markdown, []byte(report.String()), 0o644)
	} else {
		_, err = io.WriteString(os.Stdout, report.String())
	}
	return errors.Join(err, p.verdict())
}

// newPlan picks and builds the servers and reads the loads.
func newPlan(ctx context.Context, root, work string, o options) (*plan, error) {
	if o.scenario == "stdp99" && o.only == "" {
		o.only = "ours std," + nethttpName
	}
	if ownWork(o.scenario) {
		o.depths = "1"
	}
	loads, err := parseLoads(o.conns, o.depths)
	if err != nil {
		return nil, err
	}
	targets, kinds, err := lineUp(work, o, loads)
	if err != nil {
		return nil, err
	}
	if targets, err = only(targets, o.only); err != nil {
		return nil, err
	}
	built, err := buildAll(ctx, root, filepath.Join(work, "bin"), targets, o.requireOurs)
	if err != nil {
		return nil, err
	}
	return &plan{
		targets: built, absent: without(targets, built), rounds: o.rounds, loads: loads, work: kinds,
		measure: time.Duration(o.seconds) * time.Second,
		warmUp:  time.Duration(o.warmUp) * time.Second,
		wrk:     wrk{threads: o.wrkThreads, scripts: work},
		random:  rand.New(rand.NewPCG(o.seed, o.seed)),
	}, nil
}

// ownWork says whether a scenario measures work of its own, by kinds, in place of /plaintext under loads.
func ownWork(scenario string) bool {
	return scenario == "tls" || scenario == "static" || scenario == "gzip" || scenario == "proxy"
}

// lineUp gives the servers of a scenario, and the kinds of work that they are given if it has its own.
func lineUp(work string, o options, loads []load) ([]*target, []workKind, error) {
	switch {
	case o.idleTLS && o.scenario != "idle":
		return nil, nil, errors.New("-tls is for -scenario idle; see -scenario tls")
	case o.scenario == "http" || o.scenario == "stdp99":
		return httpTargets(), nil, nil
	case o.scenario == "idle" && !o.idleTLS:
		return idleTargets(), nil, nil
	case o.scenario != "idle" && !ownWork(o.scenario):
		return nil, nil, fmt.Errorf("-scenario: %q is none of http, idle, stdp99, tls, static, gzip, proxy", o.scenario)
	}
	f, err := makeFixtures(work)
	if err != nil {
		return nil, nil, err
	}
	nginx := nginxSite{dir: filepath.Join(work, nginxName)}
	switch o.scenario {
	case "tls":
		return tlsTargets(f, nginx), tlsWork(loads), nil
	case "static":
		return staticTargets(f, nginx), staticWork(loads), nil
	case "proxy":
		return proxyTargets(upstreamAddr, nginx), proxyWork(loads), nil
	case "gzip":
		kinds, err := gzipWork(f, loads)
		return gzipTargets(f), kinds, err
	}
	return idleTLSTargets(f), nil, nil
}

// runScenario measures and writes the report's tables.
func (p *plan) runScenario(ctx context.Context, o options, report io.Writer) error {
	switch o.scenario {
	case "idle":
		return p.runIdle(ctx, o.idleConns, o.idleWait, report)
	case "stdp99":
		return p.runLatency(ctx, report)
	case "tls", "static", "gzip", "proxy":
		return p.runWork(ctx, o.scenario, report)
	}
	runs, err := p.runHTTP(ctx)
	if err != nil {
		return err
	}
	var servers []string
	for _, t := range p.targets {
		servers = append(servers, t.name)
	}
	others := column(runs, func(r httpRun) float64 { return r.Others })
	fmt.Fprintf(report, "Other programs kept %.2f cores busy during the runs (%.2f–%.2f).\n\n", others.Median, others.Min, others.Max)
	summaries := summariseHTTP(runs, p.loads, servers)
	for _, s := range summaries {
		if err := p.record(s); err != nil {
			return err
		}
	}
	writeHTTPTables(report, summaries, p.rounds)
	return nil
}

// parseLoads makes every pair of a number of connections and a depth, unpipelined loads first.
func parseLoads(conns, depths string) ([]load, error) {
	var loads []load
	for depth := range strings.SplitSeq(depths, ",") {
		for n := range strings.SplitSeq(conns, ",") {
			c, err := strconv.Atoi(strings.TrimSpace(n))
			d, err2 := strconv.Atoi(strings.TrimSpace(depth))
			if err != nil || err2 != nil || c < 1 || d < 1 {
				return nil, fmt.Errorf("-conns %q -depths %q: want lists of numbers above 0", conns, depths)
			}
			loads = append(loads, load{Conns: c, Depth: d})
		}
	}
	return loads, nil
}

// createRecords opens the record file, by default in the work folder.
func createRecords(work string, o options) (*os.File, error) {
	path := o.out
	if path == "" {
		path = filepath.Join(work, o.scenario+".jsonl")
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return nil, err
	}
	return os.Create(path)
}
