//go:build linux

package main

import (
	"bytes"
	"strings"
	"testing"
)

func TestWorkReport(t *testing.T) {
	l := load{Conns: 64, Depth: 1}
	kinds := []workKind{{name: "file of 10 KiB", unit: "request", load: l}, {name: "file of 1 MiB", unit: "request", load: l}}
	runs := []httpRun{
		{Server: nginxName, Work: kinds[0].name, Round: 1, Load: l, CPU: 10, PerSecond: 1000},
		{Server: nginxName, Work: kinds[0].name, Round: 2, Load: l, CPU: 20, PerSecond: 1000},
		{Server: "ours Files", Work: kinds[0].name, Round: 1, Load: l, CPU: 9, PerSecond: 1100, Coded: 77},
		{Server: "ours Files", Work: kinds[0].name, Round: 2, Load: l, CPU: 18, PerSecond: 1100, Errors: 3, Coded: 77},
		{Server: "ours Files", Work: kinds[1].name, Round: 1, Load: l, CPU: 100, PerSecond: 100},
	}
	sums := summariseWork(runs, kinds, []string{"ours Files", nginxName, "absent"}, workBase("static"))
	if len(sums) != 3 {
		t.Fatalf("got %d summaries, want 3", len(sums))
	}
	if got := sums[0].ToBase; got.Median != 0.9 || got.N != 2 {
		t.Errorf("the ratio to nginx is %+v, want 0.9 of 2 rounds", got)
	}
	var out bytes.Buffer
	writeWorkTables(&out, sums, kinds, 2)
	for _, want := range []string{
		"### file of 10 KiB, 64 connections\n",
		"to nginx in the same round",
		"| server | CPU µs/request (min–max) | × nginx (min–max) | requests/s (min–max) | p50 | p99 | RSS MiB | body bytes |\n|---|---|---|---|---|---|---|---|\n",
		"| ours Files | 13.5 (9.00–18.0) | 0.90 (0.90–0.90) | 1.10 k (1.10 k–1.10 k) | - | - | 0.0 | 77 |\n",
		"| ours Files | 100 (100–100) | - |",
		"ours Files, file of 10 KiB, 64 connections: 3 errors",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("the report lacks %q:\n%s", want, out.String())
		}
	}
}

// Every scenario has its base among its servers, a note for its report, and different names for its servers.
func TestWorkScenarios(t *testing.T) {
	loads := []load{{Conns: 64, Depth: 1}}
	for _, scenario := range []string{"tls", "static", "gzip"} {
		targets, kinds, err := lineUp(t.TempDir(), options{scenario: scenario}, loads)
		if err != nil || len(kinds) == 0 {
			t.Fatalf("%s: %d kinds of work, %v", scenario, len(kinds), err)
		}
		if _, err := only(targets, workBase(scenario)); err != nil {
			t.Errorf("%s: its base: %v", scenario, err)
		}
		if workNotes[scenario] == "" {
			t.Errorf("%s has no note", scenario)
		}
	}
	targets, _, err := lineUp(t.TempDir(), options{scenario: "idle", idleTLS: true}, loads)
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for _, target := range targets {
		if seen[target.name] || !strings.HasSuffix(target.name, target.tls) || target.tls == "" {
			t.Errorf("%q with TLS %q", target.name, target.tls)
		}
		seen[target.name] = true
	}
	if _, _, err := lineUp(t.TempDir(), options{scenario: "quic"}, loads); err == nil {
		t.Error("an unknown scenario passed")
	}
}
