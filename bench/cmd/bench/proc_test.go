//go:build linux

package main

import (
	"os"
	"testing"
	"time"
)

func TestParseSchedstat(t *testing.T) {
	got, err := parseSchedstat([]byte("123456789 70487 42\n"))
	if err != nil || got != 123456789*time.Nanosecond {
		t.Errorf("got %v, %v", got, err)
	}
	for _, bad := range []string{"", "1 2\n", "a 2 3\n"} {
		if got, err := parseSchedstat([]byte(bad)); err == nil {
			t.Errorf("parseSchedstat(%q) = %v, want an error", bad, got)
		}
	}
}

func TestParseStatCPU(t *testing.T) {
	const rest = " S 1 2 2 0 -1 4194560 100 0 0 0 250 50 7 8 20 0 3 0 100 1000 10 18446744073709551615\n"
	for _, name := range []string{"(httpd)", "(a b) c)", "()"} {
		got, err := parseStatCPU([]byte("42 " + name + rest))
		if err != nil || got != 3*time.Second {
			t.Errorf("%s: got %v, %v, want 3s", name, got, err)
		}
	}
	for _, bad := range []string{"", "42 (x) S 1", "42 no name"} {
		if got, err := parseStatCPU([]byte(bad)); err == nil {
			t.Errorf("parseStatCPU(%q) = %v, want an error", bad, got)
		}
	}
}

func TestParseStatus(t *testing.T) {
	got, err := parseStatus([]byte("Name:\thttpd\nVmHWM:\t    2048 kB\nVmRSS:\t    1024 kB\nThreads:\t3\n"))
	if err != nil || got != (memory{RSS: 1 << 20, Peak: 2 << 20}) {
		t.Errorf("got %+v, %v", got, err)
	}
	if got, err := parseStatus([]byte("Name:\tzombie\n")); err == nil {
		t.Errorf("a process without memory gave %+v", got)
	}
}

func TestParseHostCPU(t *testing.T) {
	got, err := parseHostCPU([]byte("cpu  100 20 30 9999 8888 4 5 6 70 80\ncpu0 1 2 3 4 5 6 7 8 0 0\n"))
	if err != nil || got != 1650*time.Millisecond {
		t.Errorf("got %v, %v, want 1.65s", got, err)
	}
	for _, bad := range []string{"", "cpu 1 2 3\n", "intr 1 2 3 4 5 6 7 8 9\n"} {
		if got, err := parseHostCPU([]byte(bad)); err == nil {
			t.Errorf("parseHostCPU(%q) = %v, want an error", bad, got)
		}
	}
}

func TestCPUBetween(t *testing.T) {
	threads := func(a, b time.Duration) map[string]time.Duration {
		return map[string]time.Duration{"1": a, "2": b}
	}
	before := cpuSample{threads: threads(100*time.Millisecond, time.Second), ticks: 1100 * time.Millisecond}
	for name, c := range map[string]struct {
		after cpuSample
		want  time.Duration
	}{
		"exact": {
			cpuSample{threads: threads(104*time.Millisecond, 1003*time.Millisecond), ticks: 1110 * time.Millisecond},
			7 * time.Millisecond,
		},
		"a thread began": {
			cpuSample{threads: map[string]time.Duration{"1": 100 * time.Millisecond, "2": time.Second, "3": 5 * time.Millisecond}, ticks: 1100 * time.Millisecond},
			5 * time.Millisecond,
		},
		"a thread ended": {
			cpuSample{threads: map[string]time.Duration{"1": 300 * time.Millisecond}, ticks: 1350 * time.Millisecond},
			250 * time.Millisecond,
		},
		"threads came and went unseen": {
			cpuSample{threads: threads(100*time.Millisecond, time.Second), ticks: 1500 * time.Millisecond},
			400 * time.Millisecond,
		},
	} {
		if got := cpuBetween(before, c.after); got != c.want {
			t.Errorf("%s: got %v, want %v", name, got, c.want)
		}
	}
}

// The real files, of this process: some work must show, and not more than the time that passed on all cores.
func TestSampleThisProcess(t *testing.T) {
	before, err := sampleCPU(os.Getpid())
	if err != nil {
		t.Skip("no /proc here:", err)
	}
	if len(before.threads) == 0 {
		t.Fatal("no threads were found")
	}
	sum := 0
	for i := range 20_000_000 {
		sum += i ^ sum
	}
	after, err := sampleCPU(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	if used := cpuBetween(before, after); used < 0 {
		t.Errorf("CPU time went back by %v (%d)", -used, sum)
	}
	m, err := readMemory(os.Getpid())
	if err != nil || m.RSS <= 0 || m.Peak < m.RSS {
		t.Errorf("memory is %+v, %v", m, err)
	}
}
