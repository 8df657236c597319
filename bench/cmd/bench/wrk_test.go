//go:build linux

package main

import (
	"testing"
	"time"
)

const wrkReport = `Running 1s test @ http://127.0.0.1:9999/plaintext
  1 threads and 64 connections
  Thread Stats   Avg      Stdev     Max   +/- Stdev
    Latency     2.32ms    6.04ms  44.13ms   91.96%
    Req/Sec    57.93k    38.52k  108.61k    60.00%
  Latency Distribution
     50%  309.00us
     75%  626.00us
     90%    6.11ms
     99%   32.37ms
  58563 requests in 1.09s, 6.42MB read
`

func TestParseWrk(t *testing.T) {
	got, err := parseWrk(wrkReport + "Requests/sec:  53936.39\nTransfer/sec:      5.92MB\n")
	want := wrkResult{Requests: 58563, PerSecond: 53936.39, P50: 309 * time.Microsecond, P99: 32370 * time.Microsecond}
	if err != nil || got != want {
		t.Errorf("got %+v, %v, want %+v", got, err, want)
	}
}

func TestParseWrkFaults(t *testing.T) {
	got, err := parseWrk(wrkReport +
		"  Socket errors: connect 1, read 20, write 300, timeout 4000\n" +
		"  Non-2xx or 3xx responses: 17\n" +
		"Requests/sec:  53936.39\n")
	if err != nil || got.Errors != 4321 || got.BadStatus != 17 {
		t.Errorf("got %+v, %v, want 4321 errors and 17 bad answers", got, err)
	}
}

func TestParseWrkUnits(t *testing.T) {
	got, err := parseWrk("     50%    1.50s\n     99%    2.00m\n  5 requests in 3.00s, 1KB read\nRequests/sec:      1.67\n")
	if err != nil || got.P50 != 1500*time.Millisecond || got.P99 != 2*time.Minute {
		t.Errorf("got %+v, %v", got, err)
	}
}

func TestParseWrkWithoutTotals(t *testing.T) {
	for _, out := range []string{"", wrkReport, "unable to connect to 127.0.0.1:1 Connection refused\n"} {
		if got, err := parseWrk(out); err == nil {
			t.Errorf("parseWrk(%.20q...) = %+v, want an error", out, got)
		}
	}
}

func TestParseLoads(t *testing.T) {
	got, err := parseLoads("64, 1024", "1,16")
	want := []load{{64, 1}, {1024, 1}, {64, 16}, {1024, 16}}
	if err != nil || len(got) != len(want) {
		t.Fatalf("got %v, %v", got, err)
	}
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("load %d is %v, want %v", i, got[i], want[i])
		}
	}
	for _, bad := range []string{"", "x", "0", "64,"} {
		if _, err := parseLoads(bad, "1"); err == nil {
			t.Errorf("parseLoads(%q) took it", bad)
		}
	}
}
