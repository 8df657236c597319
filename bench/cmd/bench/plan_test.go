//go:build linux

package main

import (
	"bytes"
	"context"
	"errors"
	"math/rand/v2"
	"strings"
	"testing"
)

func TestFailuresOfPeersAreOnlyReported(t *testing.T) {
	records := 0
	p := &plan{rounds: 5, record: func(any) error { records++; return nil }}
	fault := errors.New("no request was answered")
	if err := p.failed(t.Context(), &target{name: "nbio"}, "64 connections", 2, fault); err != nil {
		t.Fatal(err)
	}
	if err := p.verdict(); err != nil {
		t.Errorf("a peer's failure ends it all: %v", err)
	}
	var out bytes.Buffer
	p.writeFailures(&out)
	if want := "- nbio, 64 connections, round 2: no request was answered\n"; !strings.HasSuffix(out.String(), want) {
		t.Errorf("the report says %q, want %q at its end", out.String(), want)
	}
	for _, fatal := range []*target{{name: floorName}, {name: "ours std", ours: true}} {
		q := &plan{record: p.record}
		if err := q.failed(t.Context(), fatal, "idle", 1, fault); err != nil {
			t.Fatal(err)
		}
		if q.verdict() == nil {
			t.Errorf("a failure of %s is no failure", fatal.name)
		}
	}
	if records != 3 {
		t.Errorf("%d failures were recorded, want 3", records)
	}
}

func TestAbsentServersAreNamed(t *testing.T) {
	all := []*target{{name: "a"}, {name: "b"}, {name: "c"}}
	p := &plan{absent: without(all, all[1:2])}
	var out bytes.Buffer
	p.writeAbsent(&out)
	if !strings.HasSuffix(out.String(), ": a, c.\n\n") {
		t.Errorf("the report says %q", out.String())
	}
	out.Reset()
	(&plan{absent: without(all, all)}).writeAbsent(&out)
	if out.Len() > 0 {
		t.Errorf("of none the report says %q", out.String())
	}
}

func TestAnInterruptEndsTheRun(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	p := &plan{record: func(any) error { return nil }}
	if err := p.failed(ctx, &target{}, "idle", 1, errors.New("killed")); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want the interrupt", err)
	}
}

func TestShuffledKeepsEveryServer(t *testing.T) {
	p := &plan{targets: httpTargets(), random: rand.New(rand.NewPCG(1, 1))}
	before := names(p.targets)
	order := p.shuffled()
	if len(order) != len(p.targets) || names(p.targets) != before {
		t.Fatalf("shuffled gave %s of %s", names(order), names(p.targets))
	}
	if got, err := only(order, strings.ReplaceAll(before, ", ", ",")); err != nil || len(got) != len(order) {
		t.Errorf("a server is missing: %v", err)
	}
}
