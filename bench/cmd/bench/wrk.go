//go:build linux

package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// load is one way to drive a server.
type load struct {
	Conns int `json:"conns"`
	Depth int `json:"depth"` // requests in flight per connection: 1, or as many as are pipelined
}

// String names the load as the tables do.
func (l load) String() string {
	if l.Depth == 1 {
		return fmt.Sprintf("%d connections", l.Conns)
	}
	return fmt.Sprintf("%d connections, pipelined %d deep", l.Conns, l.Depth)
}

// wrkResult is what one run of wrk reported.
type wrkResult struct {
	Requests  int64
	PerSecond float64
	P50, P99  time.Duration // 0: wrk could not tell
	Errors    int64         // sockets' errors and timeouts
	BadStatus int64         // answers other than 2xx and 3xx
	CPU       time.Duration // that wrk itself used
}

// wrk is the load generator and the folder of its scripts.
type wrk struct {
	threads int
	scripts string
}

// pipelineScript makes wrk send depth requests at a time.
const pipelineScript = `init = function(args)
  local batch = {}
  for i = 1, %d do batch[i] = wrk.format("GET") end
  requests = table.concat(batch)
end
request = function() return requests end
`

// command prepares a run of wrk against url for the given time, with fields ("Name: value") in each request.
func (w wrk) command(ctx context.Context, url string, l load, d time.Duration, fields ...string) (*exec.Cmd, error) {
	args := []string{
		fmt.Sprintf("-t%d", w.threads), fmt.Sprintf("-c%d", l.Conns), fmt.Sprintf("-d%ds", max(int(d.Seconds()), 1)),
		"--latency", "--timeout", "10s",
	}
	for _, field := range fields {
		args = append(args, "-H", field)
	}
	if l.Depth > 1 {
		script := filepath.Join(w.scripts, fmt.Sprintf("pipeline%d.lua", l.Depth))
		if err := os.WriteFile(script, fmt.Appendf(nil, pipelineScript, l.Depth), 0o644); err != nil {
			return nil, err
		}
		args = append(args, "-s", script)
	}
	return exec.CommandContext(ctx, "wrk", append(args, url)...), nil
}

// run drives url with the load for d, and gives up some seconds later.
func (w wrk) run(ctx context.Context, url string, l load, d time.Duration, fields ...string) (wrkResult, error) {
	ctx, cancel := context.WithTimeout(ctx, d+15*time.Second)
	defer cancel()
	cmd, err := w.command(ctx, url, l, d, fields...)
	if err != nil {
		return wrkResult{}, err
	}
	out, err := cmd.CombinedOutput()
	if err != nil {
		return wrkResult{}, fmt.Errorf("wrk: %w: %s", err, lastLine(out))
	}
	r, err := parseWrk(string(out))
	r.CPU = cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
	return r, err
}

var (
	wrkRequests = regexp.MustCompile(`(?m)^\s*(\d+) requests in `)
	wrkRate     = regexp.MustCompile(`(?m)^Requests/sec:\s+([\d.]+)`)
	wrkQuantile = regexp.MustCompile(`(?m)^\s+(50|99)%\s+([\d.]+)(us|ms|s|m|h)\s*$`)
	wrkErrors   = regexp.MustCompile(`Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)`)
	wrkStatus   = regexp.MustCompile(`Non-2xx or 3xx responses: (\d+)`)
)

// parseWrk reads the report that wrk --latency prints.
func parseWrk(out string) (wrkResult, error) {
	var r wrkResult
	count, rate := wrkRequests.FindStringSubmatch(out), wrkRate.FindStringSubmatch(out)
	if count == nil || rate == nil {
		return r, fmt.Errorf("wrk's report has no totals: %q", out)
	}
	r.Requests = atoi(count[1])
	r.PerSecond, _ = strconv.ParseFloat(rate[1], 64)
	for _, q := range wrkQuantile.FindAllStringSubmatch(out, -1) {
		d, err := time.ParseDuration(q[2] + q[3])
		if err != nil {
			return r, err
		}
		if q[1] == "50" {
			r.P50 = d
		} else {
			r.P99 = d
		}
	}
	if m := wrkErrors.FindStringSubmatch(out); m != nil {
		for _, n := range m[1:] {
			r.Errors += atoi(n)
		}
	}
	if m := wrkStatus.FindStringSubmatch(out); m != nil {
		r.BadStatus = atoi(m[1])
	}
	return r, nil
}

// atoi is for digits that a pattern has matched.
func atoi(digits string) int64 {
	n, _ := strconv.ParseInt(digits, 10, 64)
	return n
}

// lastLine is the end of a program's output, for messages.
func lastLine(out []byte) string {
	text := strings.TrimSpace(string(out))
	return text[strings.LastIndexByte(text, '\n')+1:]
}
