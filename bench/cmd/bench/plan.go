//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"time"
)

// plan is what all scenarios share.
type plan struct {
	targets []*target
	rounds  int
	measure time.Duration
	warmUp  time.Duration
	loads   []load
	work    []workKind // of the scenarios that have their own
	wrk     wrk
	record  func(any) error // appends to the record file
	random  *rand.Rand

	absent   []string // servers that were not to be had
	failures []failure
}

// shuffled is the order of the servers in one round.
func (p *plan) shuffled() []*target {
	order := append([]*target(nil), p.targets...)
	p.random.Shuffle(len(order), func(i, j int) { order[i], order[j] = order[j], order[i] })
	return order
}

// failure is a run that gave no figures.
type failure struct {
	Kind   string `json:"kind"` // "failure"
	Server string `json:"server"`
	What   string `json:"what"` // the load or the scenario
	Round  int    `json:"round"`
	Error  string `json:"error"`
	fatal  bool   // of our own server or of the floor
}

// failed notes that a run failed: the others go on, unless all is to end.
func (p *plan) failed(ctx context.Context, t *target, what string, round int, err error) error {
	if ctx.Err() != nil {
		return errors.Join(ctx.Err(), err)
	}
	f := failure{Kind: "failure", Server: t.name, What: what, Round: round, Error: err.Error(), fatal: t.ours || t.name == floorName}
	p.failures = append(p.failures, f)
	fmt.Fprintf(os.Stderr, "round %d/%d  %s, %s: %v\n", round, p.rounds, t.name, what, err)
	return p.record(f)
}

// without gives the names of all that are not among the built ones.
func without(all, built []*target) []string {
	var absent []string
	for _, t := range all {
		if !slices.Contains(built, t) {
			absent = append(absent, t.name)
		}
	}
	return absent
}

// writeAbsent says which servers are not in the tables.
func (p *plan) writeAbsent(w io.Writer) {
	if len(p.absent) > 0 {
		fmt.Fprintf(w, "Left out, since they did not build or are not installed: %s.\n\n", strings.Join(p.absent, ", "))
	}
}

// writeFailures lists the runs that failed.
func (p *plan) writeFailures(w io.Writer) {
	for i, f := range p.failures {
		if i == 0 {
			fmt.Fprint(w, "\nFailed runs, which are not in the figures:\n\n")
		}
		fmt.Fprintf(w, "- %s, %s, round %d: %s\n", f.Server, f.What, f.Round, f.Error)
	}
}

// verdict is an error if a run of our own servers or of the floor failed; a peer may.
func (p *plan) verdict() error {
	for _, f := range p.failures {
		if f.fatal {
			return fmt.Errorf("%s, %s, round %d failed: %s", f.Server, f.What, f.Round, f.Error)
		}
	}
	return nil
}
