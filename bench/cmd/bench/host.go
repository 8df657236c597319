//go:build linux

package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"regexp"
	"runtime"
	"strings"
	"syscall"
	"time"
)

// wantedFiles is the limit of open files that the scenarios are sized to.
const wantedFiles = 20_000

// header says where and with what a comparison was run.
type header struct {
	Kind     string            `json:"kind"` // "header"
	Scenario string            `json:"scenario"`
	CPU      string            `json:"cpu"`
	Cores    int               `json:"cores"`
	Kernel   string            `json:"kernel"`
	Go       string            `json:"go"`
	CC       string            `json:"cc"`
	Wrk      string            `json:"wrk"`
	Peers    map[string]string `json:"peers"`
	Commit   string            `json:"commit"`
	Date     string            `json:"date"`
	Files    uint64            `json:"open_files"`
	Rounds   int               `json:"rounds"`
	Seconds  float64           `json:"seconds"`
	WarmUp   float64           `json:"warm_up_seconds"`
	Seed     uint64            `json:"seed"`
	order    []string
}

// describe gathers the header.
func describe(ctx context.Context, root, scenario string, p *plan, files, seed uint64) header {
	h := header{
		Kind: "header", Scenario: scenario,
		CPU: cpuModel(), Cores: runtime.NumCPU(), Kernel: kernelRelease(), Go: runtime.Version(),
		CC: firstLine(ctx, root, "cc", "--version"), Wrk: wrkVersion(ctx, root),
		Commit: commit(ctx, root), Date: time.Now().UTC().Format(time.DateTime) + " UTC",
		Files: files, Rounds: p.rounds, Seconds: p.measure.Seconds(), WarmUp: p.warmUp.Seconds(),
		Seed: seed, Peers: map[string]string{},
	}
	for _, t := range p.targets {
		if v := t.versionText(ctx); v != "" && h.Peers[t.version] == "" {
			h.Peers[t.version] = v
			h.order = append(h.order, t.version)
		}
	}
	return h
}

// write prints the header as Markdown.
func (h header) write(w io.Writer) {
	fmt.Fprintf(w, "- Machine: %s, %d cores; Linux %s; %d open files\n", h.CPU, h.Cores, h.Kernel, h.Files)
	fmt.Fprintf(w, "- Tools: %s; %s; %s\n", h.Go, h.CC, h.Wrk)
	var peers []string
	for _, module := range h.order {
		peers = append(peers, strings.TrimPrefix(module, "github.com/")+" "+h.Peers[module])
	}
	if len(peers) > 0 {
		fmt.Fprintf(w, "- Peers: %s\n", strings.Join(peers, ", "))
	}
	runs := fmt.Sprintf("rounds: %d", h.Rounds)
	if h.Scenario != "idle" {
		runs += fmt.Sprintf(", each run %g s after %g s of warm-up", h.Seconds, h.WarmUp)
	}
	fmt.Fprintf(w, "- Commit: %s; %s; %s; seed %d\n\n", h.Commit, h.Date, runs, h.Seed)
}

// raiseFileLimit sets the soft limit of open files, which child processes inherit, to what the scenarios
// need or as near as the hard limit allows, and returns it.
func raiseFileLimit() (uint64, error) {
	var l syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &l); err != nil {
		return 0, err
	}
	l.Cur = min(wantedFiles, l.Max)
	return l.Cur, syscall.Setrlimit(syscall.RLIMIT_NOFILE, &l)
}

var modelName = regexp.MustCompile(`(?m)^(?:model name|Processor|cpu model)\s*:\s*(.+)$`)

func cpuModel() string {
	text, err := os.ReadFile("/proc/cpuinfo")
	if m := modelName.FindSubmatch(text); err == nil && m != nil {
		return string(m[1])
	}
	return runtime.GOARCH
}

func kernelRelease() string {
	text, err := os.ReadFile("/proc/sys/kernel/osrelease")
	if err != nil {
		return "unknown"
	}
	return strings.TrimSpace(string(text))
}

// firstLine runs a program and takes the first line of what it prints; some, like wrk -v, also fail.
func firstLine(ctx context.Context, dir string, name string, args ...string) string {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir = dir
	out, _ := cmd.CombinedOutput()
	line, _, _ := strings.Cut(strings.TrimSpace(string(out)), "\n")
	return line
}

func wrkVersion(ctx context.Context, root string) string {
	line, _, _ := strings.Cut(firstLine(ctx, root, "wrk", "-v"), " [")
	return line
}

// commit is the short hash that is checked out, marked if tracked files differ from it.
func commit(ctx context.Context, root string) string {
	hash := firstLine(ctx, root, "git", "rev-parse", "--short", "--verify", "-q", "HEAD")
	if hash == "" || strings.HasPrefix(hash, "fatal:") {
		return "none yet"
	}
	if firstLine(ctx, root, "git", "--no-optional-locks", "status", "--porcelain", "--untracked-files=no") != "" {
		hash += " with local changes"
	}
	return hash
}
