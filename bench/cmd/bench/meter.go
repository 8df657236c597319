//go:build linux

package main

import (
	"context"
	"fmt"
	"time"
)

// driver is a client that loads a server.
type driver interface {
	run(ctx context.Context, d time.Duration) (wrkResult, error)
	stop()
}

// wrkDriver is wrk with its arguments.
type wrkDriver struct {
	wrk    wrk
	url    string
	load   load
	fields []string // of each request
}

func (w wrkDriver) run(ctx context.Context, d time.Duration) (wrkResult, error) {
	return w.wrk.run(ctx, w.url, w.load, d, w.fields...)
}

func (wrkDriver) stop() {}

// meter warms the server up, and reads the CPU time of all its processes around one run of its client.
func (p *plan) meter(ctx context.Context, s *server, d driver) (httpRun, error) {
	var run httpRun
	if p.warmUp > 0 {
		if _, err := d.run(ctx, p.warmUp); err != nil {
			return run, fmt.Errorf("%w; the server said: %s", err, s.log)
		}
	}
	time.Sleep(settle)
	start := time.Now()
	hostBefore, err := readHostCPU()
	if err != nil {
		return run, err
	}
	before, err := sampleProcesses(s.pids())
	if err != nil {
		return run, err
	}
	result, err := d.run(ctx, p.measure)
	if err != nil {
		return run, fmt.Errorf("%w; the server said: %s", err, s.log)
	}
	time.Sleep(settle)
	after, err := sampleProcesses(s.pids())
	if err != nil {
		return run, err
	}
	hostAfter, err := readHostCPU()
	if err != nil {
		return run, err
	}
	wall := time.Since(start)
	if run.Memory, err = memoryOfProcesses(s.pids()); err != nil {
		return run, err
	}
	used, err := cpuOfProcesses(before, after)
	if err != nil {
		return run, err
	}
	if result.Requests == 0 {
		return run, fmt.Errorf("no request was answered; the server said: %s", s.log)
	}
	run.Others = max(0, (hostAfter-hostBefore-used-result.CPU).Seconds()/wall.Seconds())
	run.CPU = micros(used) / float64(result.Requests)
	run.CPUTotal = used.Seconds()
	run.Requests, run.PerSecond = result.Requests, result.PerSecond
	run.P50, run.P99 = micros(result.P50), micros(result.P99)
	run.Errors, run.BadStatus = result.Errors, result.BadStatus
	return run, nil
}
