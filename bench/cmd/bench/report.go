//go:build linux

package main

import (
	"fmt"
	"io"
	"slices"
	"strings"
)

// httpSummary is one server under one load, over all rounds. The ratios divide CPU per request by that of
// the named server in the same round.
type httpSummary struct {
	Kind      string `json:"kind"` // "http-summary"
	Server    string `json:"server"`
	Load      load   `json:"load"`
	CPU       spread `json:"cpu_us_per_request"`
	ToFloor   spread `json:"cpu_ratio_to_floor"`
	ToNetHTTP spread `json:"cpu_ratio_to_nethttp"`
	PerSecond spread `json:"requests_per_second"`
	P50       spread `json:"p50_us"`
	P99       spread `json:"p99_us"`
	RSS       spread `json:"rss_bytes"`
	Peak      spread `json:"peak_bytes"`
	Errors    int64  `json:"socket_errors"`
	BadStatus int64  `json:"bad_status"`
}

// summariseHTTP folds the runs into one summary per load and server, in the order of the arguments.
func summariseHTTP(runs []httpRun, loads []load, servers []string) []httpSummary {
	var all []httpSummary
	for _, l := range loads {
		cpu := map[string]map[int]float64{}
		for _, r := range runs {
			if r.Load == l {
				if cpu[r.Server] == nil {
					cpu[r.Server] = map[int]float64{}
				}
				cpu[r.Server][r.Round] = r.CPU
			}
		}
		for _, name := range servers {
			sum := httpSummary{Kind: "http-summary", Server: name, Load: l}
			var of []httpRun
			for _, r := range runs {
				if r.Load == l && r.Server == name {
					of = append(of, r)
					sum.Errors += r.Errors
					sum.BadStatus += r.BadStatus
				}
			}
			if len(of) == 0 {
				continue
			}
			sum.CPU = column(of, func(r httpRun) float64 { return r.CPU })
			sum.PerSecond = column(of, func(r httpRun) float64 { return r.PerSecond })
			sum.P50 = column(of, func(r httpRun) float64 { return r.P50 })
			sum.P99 = column(of, func(r httpRun) float64 { return r.P99 })
			sum.RSS = column(of, func(r httpRun) float64 { return float64(r.Memory.RSS) })
			sum.Peak = column(of, func(r httpRun) float64 { return float64(r.Memory.Peak) })
			sum.ToFloor = spreadOf(ratiosByRound(cpu[name], cpu[floorName]))
			sum.ToNetHTTP = spreadOf(ratiosByRound(cpu[name], cpu[nethttpName]))
			all = append(all, sum)
		}
	}
	return all
}

// column summarises one value of the runs; where it is 0 it was not to be had. (wrk prints quantiles of 0
// when its correction for delayed requests has run past what it counted.)
func column[R any](runs []R, value func(R) float64) spread {
	var values []float64
	for _, r := range runs {
		if v := value(r); v != 0 {
			values = append(values, v)
		}
	}
	return spreadOf(values)
}

// writeHTTPTables prints one Markdown table per load, after one with the CPU cost of all loads side by side.
func writeHTTPTables(w io.Writer, summaries []httpSummary, rounds int) {
	loads := loadsOf(summaries)
	fmt.Fprintf(w, "CPU per request of the server process, in µs: median of %d rounds, and × the floor's (median of the rounds' ratios).\n\n", rounds)
	fmt.Fprint(w, "| server |")
	for _, l := range loads {
		fmt.Fprintf(w, " %s |", l)
	}
	fmt.Fprintf(w, "\n|---|%s\n", strings.Repeat("---|", len(loads)))
	for _, name := range serversOf(summaries) {
		fmt.Fprintf(w, "| %s |", name)
		for _, l := range loads {
			i := slices.IndexFunc(summaries, func(s httpSummary) bool { return s.Server == name && s.Load == l })
			if i < 0 {
				fmt.Fprint(w, " |")
				continue
			}
			fmt.Fprintf(w, " %s (%s) |", digits(summaries[i].CPU.Median), ratio(summaries[i].ToFloor))
		}
		fmt.Fprintln(w)
	}
	for _, l := range loads {
		fmt.Fprintf(w, "\n### %s\n\n", l)
		fmt.Fprintln(w, "| server | CPU µs/request (min–max) | × floor (min–max) | × net/http | requests/s (min–max) | p50 | p99 | RSS MiB | peak MiB |")
		fmt.Fprintln(w, "|---|---|---|---|---|---|---|---|---|")
		for _, s := range summaries {
			if s.Load == l {
				writeHTTPRow(w, s)
			}
		}
	}
	writeFaults(w, summaries)
}

func writeHTTPRow(w io.Writer, s httpSummary) {
	fmt.Fprintf(w, "| %s | %s (%s–%s) | %s | %s | %s (%s–%s) | %s | %s | %.1f | %.1f |\n",
		s.Server,
		digits(s.CPU.Median), digits(s.CPU.Min), digits(s.CPU.Max),
		ratioRange(s.ToFloor), ratio(s.ToNetHTTP),
		thousands(s.PerSecond.Median), thousands(s.PerSecond.Min), thousands(s.PerSecond.Max),
		duration(s.P50), duration(s.P99),
		s.RSS.Median/(1<<20), s.Peak.Median/(1<<20))
}

// writeFaults lists the servers that did not answer everything well: their figures mean little.
func writeFaults(w io.Writer, summaries []httpSummary) {
	for _, s := range summaries {
		if s.Errors+s.BadStatus > 0 {
			fmt.Fprintf(w, "\n%s, %s: %d socket errors and %d answers other than 2xx.\n", s.Server, s.Load, s.Errors, s.BadStatus)
		}
	}
}

func loadsOf(summaries []httpSummary) []load {
	var all []load
	for _, s := range summaries {
		if !slices.Contains(all, s.Load) {
			all = append(all, s.Load)
		}
	}
	return all
}

func serversOf(summaries []httpSummary) []string {
	var all []string
	for _, s := range summaries {
		if !slices.Contains(all, s.Server) {
			all = append(all, s.Server)
		}
	}
	return all
}

// digits shows a value with three significant digits or so.
func digits(v float64) string {
	switch {
	case v >= 100:
		return fmt.Sprintf("%.0f", v)
	case v >= 10:
		return fmt.Sprintf("%.1f", v)
	case v >= 1:
		return fmt.Sprintf("%.2f", v)
	}
	return fmt.Sprintf("%.3f", v)
}

func ratio(s spread) string {
	if s.N == 0 {
		return "-"
	}
	return fmt.Sprintf("%.2f", s.Median)
}

func ratioRange(s spread) string {
	if s.N == 0 {
		return "-"
	}
	return fmt.Sprintf("%.2f (%.2f–%.2f)", s.Median, s.Min, s.Max)
}

func thousands(v float64) string { return digits(v/1000) + " k" }

// duration shows a median of microseconds in the unit that suits it.
func duration(us spread) string {
	switch {
	case us.N == 0:
		return "-"
	case us.Median >= 1000:
		return digits(us.Median/1000) + " ms"
	}
	return fmt.Sprintf("%.0f µs", us.Median)
}

func durationRange(us spread) string {
	at := func(v float64) string { return duration(spread{Median: v, N: us.N}) }
	return fmt.Sprintf("%s (%s–%s)", at(us.Median), at(us.Min), at(us.Max))
}
