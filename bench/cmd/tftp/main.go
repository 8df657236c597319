//go:build linux

// Command tftp compares TFTP servers side by side: ours on ports of their own and on one, pin/tftp likewise, tftpd-hpa and
// atftpd. It runs them one at a time, reads from them with tftp.Client, and measures the throughput, and the CPU time that
// the server's processes spend.
//
// Scenarios: single reads one file at 512 and 1428 bytes a block by windows of 1, 4, 16 and 64; parallel has many clients
// read a smaller one each; fair has 2,000 do so at once and looks at the slowest, and at the server's memory.
package main

import (
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/calandria-go/calandria/reactor"
)

type options struct {
	scenario, only, atftpd, work string
	size, rounds, many           int
}

func main() {
	o := options{}
	flag.StringVar(&o.scenario, "scenario", "single,parallel,fair", "which scenarios, separated by commas")
	flag.StringVar(&o.only, "only", "", "names of servers, separated by commas; empty: all that there are")
	flag.StringVar(&o.atftpd, "atftpd", "atftpd", "`path` of atftpd, whose package cannot be installed beside tftpd-hpa's")
	flag.StringVar(&o.work, "work", "bench/work", "`folder` for what is built")
	flag.IntVar(&o.size, "mib", 64, "size of the file that is read alone, in `MiB`")
	flag.IntVar(&o.rounds, "rounds", 3, "rounds; the table has the medians")
	flag.IntVar(&o.many, "many", 1000, "clients of the second part of parallel")
	flag.Parse()
	if err := run(&o); err != nil {
		fmt.Fprintln(os.Stderr, "tftp:", err)
		os.Exit(1)
	}
}

func run(o *options) error {
	dir, err := os.MkdirTemp("", "tftpbench")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	if err := fixtures(dir, o.size<<20); err != nil {
		return err
	}
	all, err := servers(o, dir)
	if err != nil {
		return err
	}
	r := reactor.New(reactor.Config{})
	var results []result
	for round := range o.rounds {
		for _, s := range all {
			for _, l := range loads(o) {
				if !slices.Contains(strings.Split(o.scenario, ","), l.scenario) || l.window > 1 && !s.windows {
					continue
				}
				res, err := measure(r, s, l)
				if err != nil {
					fmt.Fprintf(os.Stderr, "round %d, %s, %s: %v\n", round+1, s.name, l.name, err)
					continue
				}
				results = append(results, res)
			}
		}
	}
	report(results)
	return nil
}

// measure runs one load against a fresh server.
func measure(r *reactor.Reactor, s target, l load) (result, error) {
	p, err := s.start()
	if err != nil {
		return result{}, err
	}
	defer p.stop()
	if err := p.await(r); err != nil {
		return result{}, err
	}
	before, began := p.cpu(), time.Now()
	times, bytes, err := l.run(r, p.addr)
	took, after := time.Since(began), p.cpu()
	if err != nil {
		return result{}, err
	}
	slices.Sort(times)
	return result{
		server: s.name, load: l.name, rate: float64(bytes) / took.Seconds() / 1e6, cpu: (after - before).Seconds() / float64(bytes) * 1e9,
		spread: float64(times[len(times)-1]) / float64(times[len(times)/2]), rss: p.peak(),
	}, nil
}
