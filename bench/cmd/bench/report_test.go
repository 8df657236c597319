//go:build linux

package main

import (
	"bytes"
	"strings"
	"testing"
)

func TestHTTPReport(t *testing.T) {
	l := load{Conns: 64, Depth: 16}
	runs := []httpRun{
		{Server: floorName, Round: 1, Load: l, CPU: 1, PerSecond: 1000, P99: 5},
		{Server: floorName, Round: 2, Load: l, CPU: 2, PerSecond: 3000},
		{Server: nethttpName, Round: 1, Load: l, CPU: 3, PerSecond: 500},
		{Server: nethttpName, Round: 2, Load: l, CPU: 6, PerSecond: 500, Errors: 2},
	}
	sums := summariseHTTP(runs, []load{l}, []string{floorName, nethttpName, "absent"})
	if len(sums) != 2 {
		t.Fatalf("got %d summaries, want 2", len(sums))
	}
	if got := sums[1].ToFloor; got.Median != 3 || got.N != 2 {
		t.Errorf("ratio to the floor is %+v, want 3 of 2 rounds", got)
	}
	if got := sums[0].P99; got.Median != 5 || got.N != 1 {
		t.Errorf("p99 is %+v: what wrk could not tell must not count", got)
	}
	var out bytes.Buffer
	writeHTTPTables(&out, sums, 2)
	for _, want := range []string{
		"| net/http | 4.50 (3.00) |",
		"### 64 connections, pipelined 16 deep",
		"| net/http | 4.50 (3.00–6.00) | 3.00 (3.00–3.00) | 1.00 |",
		"net/http, 64 connections, pipelined 16 deep: 2 socket errors",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("the report lacks %q:\n%s", want, out.String())
		}
	}
}
