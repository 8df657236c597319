//go:build linux

package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"strings"
	"syscall"
	"time"
)

// idleProcesses is how many client processes share the connections: one process has too few descriptors.
const idleProcesses = 2

// idleState is what a server holds while nothing happens.
type idleState struct {
	Plain      int64 `json:"plain_rss_bytes"`           // VmRSS as it is
	Freed      int64 `json:"freed_rss_bytes,omitempty"` // VmRSS after debug.FreeOSMemory
	Goroutines int   `json:"goroutines,omitempty"`
	Heap       int64 `json:"heap_bytes,omitempty"`
	Stacks     int64 `json:"stack_bytes,omitempty"`
}

// idleRun is one server's memory: before any client, with all connections idle after a request each, and
// idle again after all of them sent a request at the same moment.
type idleRun struct {
	Kind   string    `json:"kind"` // "idle"
	Server string    `json:"server"`
	Round  int       `json:"round"`
	Conns  int       `json:"conns"`
	Before idleState `json:"before"`
	Idle   idleState `json:"idle"`
	Burst  idleState `json:"after_burst"`
	Peak   int64     `json:"peak_rss_bytes"`
}

// perConn are the growths in bytes per connection: plain, and after freeing; the latter 0 where there is
// no garbage to collect.
func (r idleRun) perConn(s idleState) (plain, freed float64) {
	plain = float64(s.Plain-r.Before.Plain) / float64(r.Conns)
	if s.Freed > 0 {
		freed = float64(s.Freed-r.Before.Freed) / float64(r.Conns)
	}
	return plain, freed
}

// runIdle measures each server's idle memory, round by round, and writes the table.
func (p *plan) runIdle(ctx context.Context, conns int, wait time.Duration, report io.Writer) error {
	var runs []idleRun
	for round := 1; round <= p.rounds; round++ {
		for _, t := range p.shuffled() {
			run, err := p.measureIdle(ctx, t, conns, wait)
			if err != nil {
				if err := p.failed(ctx, t, "idle", round, err); err != nil {
					return err
				}
				continue
			}
			run.Round = round
			runs = append(runs, run)
			if err := p.record(run); err != nil {
				return err
			}
			plain, freed := run.perConn(run.Idle)
			fmt.Fprintf(os.Stderr, "round %d/%d  %-19s %6.0f B/connection, %6.0f B after freeing\n", round, p.rounds, t.name, plain, freed)
		}
	}
	p.writeIdleTable(report, runs, conns, wait)
	return nil
}

// measureIdle takes one server through its three states.
func (p *plan) measureIdle(ctx context.Context, t *target, conns int, wait time.Duration) (idleRun, error) {
	run := idleRun{Kind: "idle", Server: t.name, Conns: conns}
	s, err := startServer(ctx, t, true)
	if err != nil {
		return run, err
	}
	defer s.stop()
	time.Sleep(time.Second)
	if run.Before, err = s.state(t.control); err != nil {
		return run, err
	}
	clients, err := startIdleClients(ctx, s, conns)
	defer clients.stop()
	if err != nil {
		return run, err
	}
	if err := clients.expectAll("", "open", conns); err != nil {
		return run, fmt.Errorf("%w; the server said: %s", err, s.log)
	}
	if run.Idle, err = s.stateAfter(ctx, wait, t.control); err != nil {
		return run, err
	}
	if err := burst(s, clients, conns); err != nil {
		return run, err
	}
	if run.Burst, err = s.stateAfter(ctx, wait, t.control); err != nil {
		return run, err
	}
	// Every connection must have been there all the time, or the figures are of fewer.
	if err := burst(s, clients, conns); err != nil {
		return run, fmt.Errorf("at the end: %w", err)
	}
	m, err := readMemory(s.pid())
	run.Peak = m.Peak
	return run, err
}

// startIdleClients divides the connections among processes, each with source addresses of its own. What
// it returns is to be stopped even with an error.
func startIdleClients(ctx context.Context, s *server, conns int) (group, error) {
	var clients group
	for i := range idleProcesses {
		var sources []string
		for last := 2 + 4*i; last < 6+4*i; last++ {
			sources = append(sources, fmt.Sprintf("127.0.0.%d", last))
		}
		n := conns / idleProcesses
		if i == 0 {
			n += conns % idleProcesses
		}
		c, err := startChild(ctx, "idle-client",
			"-addr", s.addr, "-tls", s.tls, "-n", fmt.Sprint(n), "-sources", strings.Join(sources, ","))
		if err != nil {
			return clients, err
		}
		clients = append(clients, c)
	}
	return clients, nil
}

// burst has a request arrive on every connection at one moment: the server is halted while they are sent.
func burst(s *server, clients group, conns int) error {
	if err := s.cmd.Process.Signal(syscall.SIGSTOP); err != nil {
		return err
	}
	sendErr := clients.expectAll("send", "sent", conns)
	if err := s.cmd.Process.Signal(syscall.SIGCONT); err != nil {
		return err
	}
	if sendErr != nil {
		return sendErr
	}
	if err := clients.expectAll("receive", "received", conns); err != nil {
		return fmt.Errorf("%w; the server said: %s", err, s.log)
	}
	return nil
}

// stateAfter waits, then reads the state.
func (s *server) stateAfter(ctx context.Context, wait time.Duration, control bool) (idleState, error) {
	select {
	case <-time.After(wait):
	case <-s.done:
		return idleState{}, fmt.Errorf("the server has ended: %s", s.log)
	case <-ctx.Done():
		return idleState{}, ctx.Err()
	}
	return s.state(control)
}

// state reads the resident memory as it is, and, where the server takes commands, once more after it has
// freed what it can, with its counters.
func (s *server) state(control bool) (idleState, error) {
	var st idleState
	m, err := readMemory(s.pid())
	if err != nil || !control {
		return idleState{Plain: m.RSS}, err
	}
	st.Plain = m.RSS
	if _, err := s.ask("gc"); err != nil {
		return st, err
	}
	if m, err = readMemory(s.pid()); err != nil {
		return st, err
	}
	st.Freed = m.RSS
	line, err := s.ask("stats")
	if err != nil {
		return st, err
	}
	_, err = fmt.Sscanf(line, "goroutines=%d heap=%d stacks=%d", &st.Goroutines, &st.Heap, &st.Stacks)
	return st, err
}

// writeIdleTable prints the medians over the rounds.
func (p *plan) writeIdleTable(w io.Writer, runs []idleRun, conns int, wait time.Duration) {
	fmt.Fprintf(w, "Growth of VmRSS in bytes per connection, %d keep-alive connections, %v after the last request: after one "+
		"debug.FreeOSMemory, and in brackets as it is. Burst: after a request arrived on all of them at one moment.\n\n", conns, wait)
	fmt.Fprintln(w, "| server | idle after one request each | idle after a burst | goroutines | peak MiB |")
	fmt.Fprintln(w, "|---|---|---|---|---|")
	for _, t := range p.targets {
		var of []idleRun
		for _, r := range runs {
			if r.Server == t.name {
				of = append(of, r)
			}
		}
		goroutines := "-"
		if g := column(of, func(r idleRun) float64 { return float64(r.Idle.Goroutines) }); g.N > 0 {
			goroutines = fmt.Sprintf("%.0f", g.Median)
		}
		fmt.Fprintf(w, "| %s | %s | %s | %s | %.1f |\n", t.name,
			idleCell(of, func(r idleRun) idleState { return r.Idle }),
			idleCell(of, func(r idleRun) idleState { return r.Burst }),
			goroutines, column(of, func(r idleRun) float64 { return float64(r.Peak) }).Median/(1<<20))
	}
}

// idleCell shows one state: "freed (plain)", or only the latter.
func idleCell(runs []idleRun, state func(idleRun) idleState) string {
	plain := column(runs, func(r idleRun) float64 { v, _ := r.perConn(state(r)); return v })
	freed := column(runs, func(r idleRun) float64 { _, v := r.perConn(state(r)); return v })
	if freed.N == 0 {
		return fmt.Sprintf("(%.0f)", plain.Median)
	}
	return fmt.Sprintf("%.0f (%.0f)", freed.Median, plain.Median)
}
