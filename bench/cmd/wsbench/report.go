//go:build linux

package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// report prints the medians, and the ratios of CPU to ours, taken within a round.
func (b *bench) report(l *load, all map[string][]figures) {
	fmt.Printf("%s, %d connections, %d bytes, %d rounds of %v\n", b.scenario, l.Conns, l.Size, b.rounds, l.Time)
	for _, name := range names {
		runs := all[name]
		if len(runs) == 0 {
			continue
		}
		if b.scenario == "idle" {
			fmt.Printf("%-10s %8.0f B RSS per connection\n", name, median(runs, func(f figures) float64 { return f.rss }))
			continue
		}
		ratio := 0.0
		if ours := all[names[0]]; len(ours) == len(runs) {
			var rs []float64
			for i, f := range runs {
				rs = append(rs, float64(f.perMessage)/float64(ours[i].perMessage))
			}
			slices.Sort(rs)
			ratio = rs[len(rs)/2]
		}
		fmt.Printf("%-10s %9v CPU per message  %5.2f x ours  %9.0f messages/s  p50 %v  p99 %v\n", name,
			time.Duration(median(runs, func(f figures) float64 { return float64(f.perMessage) })), ratio,
			median(runs, func(f figures) float64 { return f.rate }),
			time.Duration(median(runs, func(f figures) float64 { return float64(f.p50) })).Round(time.Microsecond),
			time.Duration(median(runs, func(f figures) float64 { return float64(f.p99) })).Round(time.Microsecond))
	}
}

func median(runs []figures, of func(figures) float64) float64 {
	all := make([]float64, len(runs))
	for i, f := range runs {
		all[i] = of(f)
	}
	slices.Sort(all)
	return all[len(all)/2]
}

// processorTime is that of all threads of a process, to the nanosecond.
func processorTime(pid int) (sum time.Duration) {
	tasks, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/schedstat", pid))
	for _, t := range tasks {
		b, _ := os.ReadFile(t)
		if f := strings.Fields(string(b)); len(f) > 0 {
			n, _ := strconv.ParseInt(f[0], 10, 64)
			sum += time.Duration(n)
		}
	}
	return sum
}

// residentSet is a process's, in bytes.
func residentSet(pid int) int64 {
	b, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	for line := range strings.Lines(string(b)) {
		if rest, ok := strings.CutPrefix(line, "VmRSS:"); ok {
			var kb int64
			fmt.Sscan(rest, &kb)
			return kb << 10
		}
	}
	return 0
}
