//go:build linux

package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"time"

	"github.com/calandria-go/calandria/bench/control"
)

type options struct {
	rounds  int
	length  time.Duration
	callers []int
	idle    int
}

// contender is one client of the comparison.
type contender struct{ name, kind, program string }

var contenders = []contender{
	{"ours", "ours", "clients"},
	{"net/http", "nethttp", "clients"},
	{"fasthttp", "fasthttp", "peers-clients"},
	{"hertz", "hertz", "peers-clients"},
}

// base is what the ratios divide by.
const base = "net/http"

// run builds the programs, measures and writes the tables.
func (o *options) run(ctx context.Context, out io.Writer) error {
	work, err := filepath.Abs(filepath.Join("bench", "work", "bin"))
	if err != nil {
		return err
	}
	for name, at := range map[string][2]string{
		"clients": {".", "./bench/clients"}, "peers-clients": {filepath.Join("bench", "peers"), "./clients"},
		"httpd": {".", "./bench/servers/httpd"},
	} {
		cmd := exec.CommandContext(ctx, "go", "build", "-o", filepath.Join(work, name), at[1])
		cmd.Dir = at[0]
		if text, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("build %s (run this at the module's root): %w: %s", name, err, text)
		}
	}
	if err := o.load(ctx, work, out); err != nil || o.idle == 0 {
		return err
	}
	return o.memory(ctx, work, out)
}

// load measures requests.
func (o *options) load(ctx context.Context, work string, out io.Writer) error {
	const addr = "127.0.0.1:28181"
	server := exec.CommandContext(ctx, filepath.Join(work, "httpd"), "-listen", addr)
	server.Stderr = os.Stderr
	if err := server.Start(); err != nil {
		return err
	}
	defer func() { _ = server.Process.Kill(); _ = server.Wait() }()
	for _, callers := range o.callers {
		cpu, rate := map[string][]float64{}, map[string][]float64{}
		ratio := map[string][]float64{}
		for range o.rounds {
			order := slices.Clone(contenders)
			rand.Shuffle(len(order), func(i, j int) { order[i], order[j] = order[j], order[i] })
			round := map[string]float64{}
			for _, c := range order {
				r, err := c.measure(ctx, work, "-url", "http://"+addr+"/plaintext", "-callers", strconv.Itoa(callers), "-for", o.length.String())
				if err != nil {
					return err
				}
				round[c.name] = r.CPU
				cpu[c.name] = append(cpu[c.name], r.CPU)
				rate[c.name] = append(rate[c.name], r.PerSecond)
			}
			for name, v := range round {
				ratio[name] = append(ratio[name], v/round[base])
			}
		}
		fmt.Fprintf(out, "\n%d callers, median of %d rounds\n\n| client | CPU per request | beside %s | requests/s |\n|---|---|---|---|\n",
			callers, o.rounds, base)
		for _, c := range contenders {
			fmt.Fprintf(out, "| %s | %.2f us | %.2f | %.0f |\n", c.name, median(cpu[c.name]), median(ratio[c.name]), median(rate[c.name]))
		}
	}
	return nil
}

// memory measures idle connections, each client's with a server of its own.
func (o *options) memory(ctx context.Context, work string, out io.Writer) error {
	fmt.Fprintf(out, "\n%d idle connections\n\n| client | bytes each | goroutines |\n|---|---|---|\n", o.idle)
	self, err := os.Executable()
	if err != nil {
		return err
	}
	for _, c := range contenders {
		server := exec.CommandContext(ctx, self, "-hold", strconv.Itoa(o.idle))
		server.Stderr = os.Stderr
		lines, err := server.StdoutPipe()
		if err != nil {
			return err
		}
		if err := server.Start(); err != nil {
			return err
		}
		addr, err := bufio.NewReader(lines).ReadString('\n')
		if err == nil {
			var r control.Report
			if r, err = c.measure(ctx, work, "-url", "http://"+addr[:len(addr)-1]+"/", "-idle", strconv.Itoa(o.idle)); err == nil {
				fmt.Fprintf(out, "| %s | %.0f | %d |\n", c.name, r.Memory, r.Goroutines)
			}
		}
		_ = server.Process.Kill()
		_ = server.Wait()
		if err != nil {
			return err
		}
	}
	return nil
}

// measure runs a client once.
func (c contender) measure(ctx context.Context, work string, args ...string) (r control.Report, err error) {
	cmd := exec.CommandContext(ctx, filepath.Join(work, c.program), append([]string{"-client", c.kind}, args...)...)
	cmd.Stderr = os.Stderr
	text, err := cmd.Output()
	if err != nil {
		return r, fmt.Errorf("%s: %w", c.name, err)
	}
	return r, json.Unmarshal(text, &r)
}

func median(v []float64) float64 {
	v = slices.Sorted(slices.Values(v))
	if len(v)%2 == 1 {
		return v[len(v)/2]
	}
	return (v[len(v)/2-1] + v[len(v)/2]) / 2
}
