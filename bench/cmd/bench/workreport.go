//go:build linux

package main

import (
	"fmt"
	"io"
)

// workNotes say above the tables what the figures of a scenario are of.
var workNotes = map[string]string{
	"tls": "TLS 1.3 with TLS_AES_128_GCM_SHA256, X25519 and one ECDSA certificate on P-256. A handshake is a connection with one " +
		"request: connect, handshake, request, answer, close; a full one by a client that offers no ticket, a resumed one with the " +
		"ticket of the connection before. nginx's memory is the sum over its processes.",
	"static": "Files in the page cache. ours Files: http1.Files at its defaults; net/http: FileServer; fasthttp: FS at its defaults; " +
		"nginx: 2 workers, sendfile, tcp_nopush, open_file_cache max=1000, no access log; its memory is the sum over its processes.",
	"proxy": "One hop: the proxy alone is measured, the server behind it is our native one. ours: http1.Proxy at its defaults; net/http: " +
		"httputil.ReverseProxy; nginx: 2 workers, keepalive 64 to the upstream; haproxy: 2 threads, http-reuse always.",
	"gzip": "Compressed for each request, from memory, at the levels that each has by default: ours, middleware/compress, 5; net/http " +
		"with klauspost's gzhttp, its default, which is 5 of the same library.",
}

// workSummary is one server at one kind of work, over all rounds. The ratio divides CPU per unit by that of the
// base in the same round.
type workSummary struct {
	Kind      string `json:"kind"` // "SCENARIO-summary"
	Server    string `json:"server"`
	Work      string `json:"work"`
	Load      load   `json:"load"`
	CPU       spread `json:"cpu_us_per_unit"`
	Base      string `json:"base"`
	ToBase    spread `json:"cpu_ratio_to_base"`
	PerSecond spread `json:"per_second"`
	P50       spread `json:"p50_us"`
	P99       spread `json:"p99_us"`
	RSS       spread `json:"rss_bytes"`
	Coded     int    `json:"coded_bytes,omitempty"`
	Errors    int64  `json:"errors"`
	BadStatus int64  `json:"bad_status"`
}

// is says whether a run or a summary is of a kind of work.
func (k workKind) is(name string, l load) bool { return k.name == name && k.load == l }

// summariseWork folds the runs into one summary per kind of work and server, in the order of the arguments.
func summariseWork(runs []httpRun, kinds []workKind, servers []string, base string) []workSummary {
	var all []workSummary
	for _, k := range kinds {
		of := map[string][]httpRun{}
		cpu := map[string]map[int]float64{}
		for _, r := range runs {
			if !k.is(r.Work, r.Load) {
				continue
			}
			of[r.Server] = append(of[r.Server], r)
			if cpu[r.Server] == nil {
				cpu[r.Server] = map[int]float64{}
			}
			cpu[r.Server][r.Round] = r.CPU
		}
		for _, name := range servers {
			if len(of[name]) == 0 {
				continue
			}
			sum := workSummary{Server: name, Work: k.name, Load: k.load, Base: base}
			for _, r := range of[name] {
				sum.Errors += r.Errors
				sum.BadStatus += r.BadStatus
				sum.Coded = r.Coded
			}
			sum.CPU = column(of[name], func(r httpRun) float64 { return r.CPU })
			sum.ToBase = spreadOf(ratiosByRound(cpu[name], cpu[base]))
			sum.PerSecond = column(of[name], func(r httpRun) float64 { return r.PerSecond })
			sum.P50 = column(of[name], func(r httpRun) float64 { return r.P50 })
			sum.P99 = column(of[name], func(r httpRun) float64 { return r.P99 })
			sum.RSS = column(of[name], func(r httpRun) float64 { return float64(r.Memory.RSS) })
			all = append(all, sum)
		}
	}
	return all
}

// writeWorkTables prints one Markdown table per kind of work.
func writeWorkTables(w io.Writer, summaries []workSummary, kinds []workKind, rounds int) {
	for _, k := range kinds {
		first := true
		for _, s := range summaries {
			if !k.is(s.Work, s.Load) {
				continue
			}
			if first {
				first = false
				writeWorkHead(w, k, s, rounds)
			}
			writeWorkRow(w, s)
		}
	}
	for _, s := range summaries {
		if s.Errors+s.BadStatus > 0 {
			fmt.Fprintf(w, "\n%s, %s, %s: %d errors and %d answers other than 2xx.\n", s.Server, s.Work, s.Load, s.Errors, s.BadStatus)
		}
	}
}

func writeWorkHead(w io.Writer, k workKind, s workSummary, rounds int) {
	fmt.Fprintf(w, "\n### %s\n\nMedian of %d rounds; the ratio is of CPU time, to %s in the same round.\n\n", k.title(), rounds, s.Base)
	fmt.Fprintf(w, "| server | CPU µs/%s (min–max) | × %s (min–max) | %ss/s (min–max) | p50 | p99 | RSS MiB |", k.unit, s.Base, k.unit)
	columns := "|---|---|---|---|---|---|---|"
	if s.Coded > 0 {
		fmt.Fprint(w, " body bytes |")
		columns += "---|"
	}
	fmt.Fprintf(w, "\n%s\n", columns)
}

func writeWorkRow(w io.Writer, s workSummary) {
	fmt.Fprintf(w, "| %s | %s (%s–%s) | %s | %s (%s–%s) | %s | %s | %.1f |",
		s.Server,
		digits(s.CPU.Median), digits(s.CPU.Min), digits(s.CPU.Max),
		ratioRange(s.ToBase),
		thousands(s.PerSecond.Median), thousands(s.PerSecond.Min), thousands(s.PerSecond.Max),
		duration(s.P50), duration(s.P99), s.RSS.Median/(1<<20))
	if s.Coded > 0 {
		fmt.Fprintf(w, " %d |", s.Coded)
	}
	fmt.Fprintln(w)
}
