//go:build linux

package main

import (
	"bytes"
	"os/exec"
	"slices"
	"testing"
	"time"
)

func TestParseChildren(t *testing.T) {
	got, err := parseChildren([]byte("412 413 \n"))
	if err != nil || !slices.Equal(got, []int{412, 413}) {
		t.Errorf("got %v, %v", got, err)
	}
	if got, err := parseChildren(nil); err != nil || len(got) != 0 {
		t.Errorf("of none: got %v, %v", got, err)
	}
	for _, bad := range []string{"x", "12 0", "-5", "1"} { // ids that may be signalled by and by
		if got, err := parseChildren([]byte(bad)); err == nil {
			t.Errorf("parseChildren(%q) = %v, want an error", bad, got)
		}
	}
}

func TestCPUOfProcesses(t *testing.T) {
	sample := func(used time.Duration) cpuSample {
		return cpuSample{threads: map[string]time.Duration{"1": used}, ticks: used}
	}
	before := processCPU{10: sample(time.Second), 11: sample(2 * time.Second)}
	after := processCPU{10: sample(1500 * time.Millisecond), 11: sample(5 * time.Second)}
	if got, err := cpuOfProcesses(before, after); err != nil || got != 3500*time.Millisecond {
		t.Errorf("got %v, %v, want 3.5s", got, err)
	}
	for name, changed := range map[string]processCPU{
		"a process ended":        {10: sample(time.Second)},
		"a process was replaced": {10: sample(time.Second), 12: sample(0)},
	} {
		if got, err := cpuOfProcesses(before, changed); err == nil {
			t.Errorf("%s: got %v, want an error", name, got)
		}
	}
}

// A real child, of a shell that waits for it.
func TestChildrenOf(t *testing.T) {
	cmd := exec.CommandContext(t.Context(), "sh", "-c", "sleep 60 & echo started; read line; kill $!")
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		_ = in.Close()
		_ = cmd.Wait()
	}()
	var line [8]byte
	if n, err := out.Read(line[:]); err != nil || !bytes.Equal(line[:n], []byte("started\n")) {
		t.Fatalf("the shell said %q, %v", line[:n], err)
	}
	pids, err := childrenOf(cmd.Process.Pid)
	if err != nil || len(pids) != 1 {
		t.Fatalf("got %v, %v, want one child", pids, err)
	}
	all, err := sampleProcesses(append(pids, cmd.Process.Pid))
	if err != nil || len(all) != 2 {
		t.Errorf("sampled %d processes, %v", len(all), err)
	}
}
