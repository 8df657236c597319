//go:build linux

package main

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"time"
)

// processCPU is the CPU time of a server's processes, by process id.
type processCPU map[int]cpuSample

// sampleProcesses reads the clocks of all of them.
func sampleProcesses(pids []int) (processCPU, error) {
	all := processCPU{}
	for _, pid := range pids {
		var err error
		if all[pid], err = sampleCPU(pid); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// cpuOfProcesses is the CPU time used from a to b. That a process came or went is an error: what it used
// is not known.
func cpuOfProcesses(a, b processCPU) (time.Duration, error) {
	if len(a) != len(b) {
		return 0, fmt.Errorf("the server had %d processes, and then %d", len(a), len(b))
	}
	var sum time.Duration
	for pid, before := range a {
		after, found := b[pid]
		if !found {
			return 0, fmt.Errorf("process %d of the server ended", pid)
		}
		sum += cpuBetween(before, after)
	}
	return sum, nil
}

// memoryOfProcesses adds up the resident memory; pages that processes share count in each.
func memoryOfProcesses(pids []int) (memory, error) {
	var sum memory
	for _, pid := range pids {
		m, err := readMemory(pid)
		if err != nil {
			return sum, err
		}
		sum.RSS += m.RSS
		sum.Peak += m.Peak
	}
	return sum, nil
}

// childrenOf lists the processes that the main thread of pid has started: those of nginx's master, which
// has no other thread.
func childrenOf(pid int) ([]int, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", pid, pid))
	if err != nil {
		return nil, err
	}
	return parseChildren(text)
}

func parseChildren(text []byte) ([]int, error) {
	var pids []int
	for _, field := range bytes.Fields(text) {
		pid, err := strconv.Atoi(string(field))
		if err != nil || pid <= 1 {
			return nil, fmt.Errorf("unexpected list of children: %q", text)
		}
		pids = append(pids, pid)
	}
	return pids, nil
}
