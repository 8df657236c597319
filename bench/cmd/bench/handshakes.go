//go:build linux

package main

import (
	"bufio"
	"context"
	"crypto/tls"
	"flag"
	"fmt"
	"os"
	"sync"
	"time"
)

// handshakers is how many connections the client of the handshake loads has in progress.
const handshakers = 16

// handshaker is one of them: it connects again and again.
type handshaker struct {
	addr   string
	cfg    *tls.Config
	resume bool
	times  []float64 // of the last run, in microseconds, from connecting to the end of the answer
	faults int
	fault  error // the first one
}

// handshakes opens connections to -addr for one request each, -conns at a time, when it is told to: "run
// MILLISECONDS" is answered by "handshakes N", "faults N", "p50 US", "p99 US". With -resume each goes by the ticket
// of the one before on the same goroutine; a first one for that is made at the start. Then it says "ready N".
func handshakes(args []string) error {
	flags := flag.NewFlagSet("handshakes", flag.ExitOnError)
	addr := flags.String("addr", "", "server")
	conns := flags.Int("conns", handshakers, "connections at a time")
	version := flags.String("tls", "1.3", "TLS version")
	resume := flags.Bool("resume", false, "resume sessions")
	if err := flags.Parse(args); err != nil {
		return err
	}
	workers := make([]*handshaker, *conns)
	for i := range workers {
		cfg, err := clientTLS(*version)
		if err != nil {
			return err
		}
		workers[i] = &handshaker{addr: *addr, cfg: cfg, resume: *resume}
		if !*resume {
			continue
		}
		cfg.ClientSessionCache = tls.NewLRUClientSessionCache(1)
		if err := getOnce(*addr, cfg, false); err != nil {
			return err
		}
	}
	fmt.Println("ready", len(workers))
	for commands := bufio.NewScanner(os.Stdin); commands.Scan(); {
		var ms int
		if _, err := fmt.Sscanf(commands.Text(), "run %d", &ms); err != nil {
			return fmt.Errorf("unknown command %q", commands.Text())
		}
		reportHandshakes(workers, time.Duration(ms)*time.Millisecond)
	}
	return nil
}

// reportHandshakes runs all workers for d and prints what came of it.
func reportHandshakes(workers []*handshaker, d time.Duration) {
	deadline := time.Now().Add(d)
	var group sync.WaitGroup
	for _, w := range workers {
		group.Go(func() { w.until(deadline) })
	}
	group.Wait()
	var all []float64
	faults := 0
	for _, w := range workers {
		all = append(all, w.times...)
		faults += w.faults
		if w.fault != nil {
			fmt.Fprintln(os.Stderr, w.fault)
		}
	}
	fmt.Println("handshakes", len(all))
	fmt.Println("faults", faults)
	fmt.Println("p50", quantile(all, 0.50))
	fmt.Println("p99", quantile(all, 0.99))
}

// until connects again and again until the deadline. A server that refuses is not hammered.
func (h *handshaker) until(deadline time.Time) {
	h.times, h.faults, h.fault = h.times[:0], 0, nil
	for start := time.Now(); start.Before(deadline); start = time.Now() {
		if err := getOnce(h.addr, h.cfg, h.resume); err != nil {
			if h.faults++; h.fault == nil {
				h.fault = err
			}
			time.Sleep(time.Millisecond)
			continue
		}
		h.times = append(h.times, micros(time.Since(start)))
	}
}

// handshakeDriver is the child that does it.
type handshakeDriver struct{ child *child }

// startHandshakes starts the child and waits until it is ready.
func startHandshakes(ctx context.Context, s *server, conns int, resume bool) (driver, error) {
	c, err := startChild(ctx, "handshakes",
		"-addr", s.addr, "-tls", s.tls, "-conns", fmt.Sprint(conns), fmt.Sprintf("-resume=%v", resume))
	if err != nil {
		return nil, err
	}
	if _, err := c.expect("ready"); err != nil {
		c.stop()
		return nil, err
	}
	return handshakeDriver{c}, nil
}

func (h handshakeDriver) run(_ context.Context, d time.Duration) (wrkResult, error) {
	pid := h.child.cmd.Process.Pid
	before, err := sampleCPU(pid)
	if err != nil {
		return wrkResult{}, err
	}
	start := time.Now()
	if err := h.child.tell(fmt.Sprintf("run %d", d.Milliseconds())); err != nil {
		return wrkResult{}, err
	}
	var count, faults, p50, p99 float64
	for _, figure := range []struct {
		word string
		into *float64
	}{{"handshakes", &count}, {"faults", &faults}, {"p50", &p50}, {"p99", &p99}} {
		if *figure.into, err = h.child.expect(figure.word); err != nil {
			return wrkResult{}, err
		}
	}
	if count == 0 {
		return wrkResult{}, fmt.Errorf("no handshake succeeded: %s", h.child.log)
	}
	wall := time.Since(start)
	after, err := sampleCPU(pid)
	return wrkResult{
		Requests: int64(count), PerSecond: count / wall.Seconds(), Errors: int64(faults),
		P50: time.Duration(p50 * float64(time.Microsecond)), P99: time.Duration(p99 * float64(time.Microsecond)),
		CPU: cpuBetween(before, after),
	}, err
}

func (h handshakeDriver) stop() { h.child.stop() }
