//go:build linux

package main

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strconv"
	"time"
)

// clockTick is the unit of utime and stime in /proc/PID/stat: USER_HZ, 100 a second on every Linux port.
const clockTick = 10 * time.Millisecond

// tickTolerance is how far the two clocks of a process may differ by rounding alone: each of utime and
// stime is cut to a tick, at both ends of an interval.
const tickTolerance = 4 * clockTick

// cpuSample is the CPU time that a process has used, by two clocks.
type cpuSample struct {
	threads map[string]time.Duration // by thread id, from schedstat: exact, but of living threads only
	ticks   time.Duration            // of the whole process, dead threads too, in steps of a clock tick
}

// sampleCPU reads both clocks of process pid.
func sampleCPU(pid int) (cpuSample, error) {
	s := cpuSample{threads: map[string]time.Duration{}}
	dir := fmt.Sprintf("/proc/%d", pid)
	tasks, err := os.ReadDir(dir + "/task")
	if err != nil {
		return s, err
	}
	for _, task := range tasks {
		text, err := os.ReadFile(dir + "/task/" + task.Name() + "/schedstat")
		if errors.Is(err, fs.ErrNotExist) {
			continue // the thread ended since the listing
		}
		if err != nil {
			return s, err
		}
		if s.threads[task.Name()], err = parseSchedstat(text); err != nil {
			return s, err
		}
	}
	text, err := os.ReadFile(dir + "/stat")
	if err != nil {
		return s, err
	}
	s.ticks, err = parseStatCPU(text)
	return s, err
}

// cpuBetween is the CPU time used from a to b. The threads' sum is exact as long as none has ended in
// between; when one has, or when the process's own clock says that some came and went unseen, that
// coarser clock is taken.
func cpuBetween(a, b cpuSample) time.Duration {
	var exact time.Duration
	for _, used := range b.threads {
		exact += used
	}
	lost := false
	for id, used := range a.threads {
		exact -= used
		if _, alive := b.threads[id]; !alive {
			lost = true
		}
	}
	coarse := b.ticks - a.ticks
	if lost || (coarse-exact).Abs() > tickTolerance {
		return coarse
	}
	return exact
}

// parseSchedstat takes the first field of a schedstat file: nanoseconds on a CPU.
func parseSchedstat(text []byte) (time.Duration, error) {
	fields := bytes.Fields(text)
	if len(fields) != 3 {
		return 0, fmt.Errorf("schedstat has %d fields, want 3: %q", len(fields), text)
	}
	ns, err := strconv.ParseInt(string(fields[0]), 10, 64)
	return time.Duration(ns), err
}

// parseStatCPU takes utime+stime, fields 14 and 15 of /proc/PID/stat, whose second field is the program's
// name in parentheses and may itself hold blanks and parentheses.
func parseStatCPU(text []byte) (time.Duration, error) {
	end := bytes.LastIndexByte(text, ')')
	fields := bytes.Fields(text[end+1:])
	if end < 0 || len(fields) < 13 {
		return 0, fmt.Errorf("unexpected stat: %q", text)
	}
	var ticks int64
	for _, field := range fields[11:13] {
		n, err := strconv.ParseInt(string(field), 10, 64)
		if err != nil {
			return 0, err
		}
		ticks += n
	}
	return time.Duration(ticks) * clockTick, nil
}

// memory is the resident memory of a process in bytes.
type memory struct {
	RSS  int64 `json:"rss"`
	Peak int64 `json:"peak"`
}

// readMemory reads VmRSS and VmHWM of process pid.
func readMemory(pid int) (memory, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return memory{}, err
	}
	return parseStatus(text)
}

func parseStatus(text []byte) (memory, error) {
	var m memory
	found := 0
	for line := range bytes.Lines(text) {
		name, value, _ := bytes.Cut(line, []byte(":"))
		var into *int64
		switch string(name) {
		case "VmRSS":
			into = &m.RSS
		case "VmHWM":
			into = &m.Peak
		default:
			continue
		}
		kib, err := strconv.ParseInt(string(bytes.TrimSuffix(bytes.TrimSpace(value), []byte(" kB"))), 10, 64)
		if err != nil {
			return m, err
		}
		*into = kib << 10
		found++
	}
	if found != 2 {
		return m, errors.New("status has no VmRSS or VmHWM: the process has ended")
	}
	return m, nil
}

// readHostCPU is the time that all cores have spent at work, with what the hypervisor took from them.
func readHostCPU() (time.Duration, error) {
	text, err := os.ReadFile("/proc/stat")
	if err != nil {
		return 0, err
	}
	return parseHostCPU(text)
}

// parseHostCPU adds up the first line of /proc/stat but for its fourth and fifth figure, idle and iowait,
// and the guests' time at its end, which the first ones contain.
func parseHostCPU(text []byte) (time.Duration, error) {
	line, _, _ := bytes.Cut(text, []byte("\n"))
	fields := bytes.Fields(line)
	if len(fields) < 9 || string(fields[0]) != "cpu" {
		return 0, fmt.Errorf("unexpected first line of /proc/stat: %q", line)
	}
	var ticks int64
	for _, i := range []int{1, 2, 3, 6, 7, 8} { // user, nice, system, irq, softirq, steal
		n, err := strconv.ParseInt(string(fields[i]), 10, 64)
		if err != nil {
			return 0, err
		}
		ticks += n
	}
	return time.Duration(ticks) * clockTick, nil
}
