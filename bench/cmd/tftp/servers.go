//go:build linux

package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/calandria-go/calandria/reactor"
)

// target is a server that can be started.
type target struct {
	name    string
	windows bool // it knows windowsize
	argv    func(port string) []string
}

// servers builds what is ours and pin's, and finds the others.
func servers(o *options, root string) ([]target, error) {
	work, err := filepath.Abs(o.work)
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(work, 0o755); err != nil {
		return nil, err
	}
	ours, pin := filepath.Join(work, "tftpd"), filepath.Join(work, "pintftp")
	for _, cmd := range []*exec.Cmd{
		exec.Command("go", "build", "-o", ours, "./cmd/tftpd"),
		exec.Command("go", "-C", "bench/peers", "build", "-o", pin, "./pintftp"),
	} {
		if out, err := cmd.CombinedOutput(); err != nil {
			return nil, fmt.Errorf("%v: %w\n%s", cmd, err, out)
		}
	}
	of := func(args ...string) func(string) []string {
		return func(port string) []string {
			return append(slices.Clone(args), "-listen", "127.0.0.1:"+port, "-root", root)
		}
	}
	all := []target{
		{"ours", true, of(ours, "-quiet", "-max-per-ip", "-1")},
		{"ours, single port", true, of(ours, "-quiet", "-max-per-ip", "-1", "-single-port")},
		{"pin/tftp", false, of(pin)},
		{"pin/tftp, single port", false, of(pin, "-single-port")},
		{"tftpd-hpa", false, func(port string) []string {
			return []string{"in.tftpd", "-L", "-4", "--secure", "--user", "root", "--address", "127.0.0.1:" + port, root}
		}},
		{"atftpd", true, func(port string) []string {
			return []string{
				o.atftpd, "--daemon", "--no-fork", "--logfile", "/dev/null", "--port", port, "--bind-address", "127.0.0.1", "--maxthread", "3000",
				"--user", "root.root", root,
			}
		}},
	}
	return slices.DeleteFunc(all, func(t target) bool {
		if o.only != "" && !slices.Contains(strings.Split(o.only, ","), t.name) {
			return true
		}
		_, err := exec.LookPath(t.argv("0")[0])
		if err != nil {
			fmt.Fprintf(os.Stderr, "%s is left out: %v\n", t.name, err)
		}
		return err != nil
	}), nil
}

// process is a server that runs.
type process struct {
	cmd    *exec.Cmd
	addr   string
	group  string // its control group, which counts all that it forks
	output bytes.Buffer
}

func (t *target) start() (*process, error) {
	c, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	p := &process{addr: c.LocalAddr().String()}
	c.Close()
	_, port, _ := net.SplitHostPort(p.addr)
	argv := t.argv(port)
	p.group = newGroup()
	if p.group != "" {
		argv = append([]string{"sh", "-c", `echo $$ > "$0/cgroup.procs" && exec "$@"`, p.group}, argv...)
	}
	p.cmd = exec.Command(argv[0], argv[1:]...)
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	p.cmd.Stdout, p.cmd.Stderr = io.Discard, &p.output
	p.cmd.WaitDelay = time.Second
	return p, p.cmd.Start()
}

// stop ends the server and what it has forked.
func (p *process) stop() {
	syscall.Kill(-p.cmd.Process.Pid, syscall.SIGKILL)
	p.cmd.Wait()
	if p.group != "" {
		for range 100 {
			if os.Remove(p.group) == nil {
				return
			}
			time.Sleep(10 * time.Millisecond)
		}
	}
}

// await waits until the server serves.
func (p *process) await(r *reactor.Reactor) error {
	for range 20 {
		c := client(r, p.addr, 512, 1)
		c.Transfer.Retries, c.Transfer.InitialRTO = 1, 200*time.Millisecond
		if _, err := c.Get(context.Background(), "ready", io.Discard); err == nil {
			return nil
		}
	}
	return errors.New("it does not come: " + strings.TrimSpace(p.output.String()))
}

// newGroup makes a control group that counts CPU time; empty where that is not possible.
func newGroup() string {
	name := fmt.Sprintf("calandria-bench-%d-%d", os.Getpid(), time.Now().UnixNano())
	for _, root := range []string{"/sys/fs/cgroup/cpuacct", "/sys/fs/cgroup"} {
		dir := filepath.Join(root, name)
		if os.Mkdir(dir, 0o755) != nil {
			continue
		}
		if readGroup(dir) >= 0 {
			return dir
		}
		os.Remove(dir)
	}
	return ""
}

// readGroup is the CPU time of a control group, of version 1 or 2; negative if it is none.
func readGroup(dir string) time.Duration {
	if b, err := os.ReadFile(dir + "/cpuacct.usage"); err == nil {
		n, _ := strconv.ParseInt(strings.TrimSpace(string(b)), 10, 64)
		return time.Duration(n)
	}
	b, err := os.ReadFile(dir + "/cpu.stat")
	if err != nil {
		return -1
	}
	var n int64
	if _, err := fmt.Sscanf(string(b), "usage_usec %d", &n); err != nil {
		return -1
	}
	return time.Duration(n) * time.Microsecond
}

// cpu is what the server has used so far. Without a control group it is that of /proc/PID/stat, which misses what
// tftpd-hpa's processes used, as it does not wait for them.
func (p *process) cpu() time.Duration {
	if p.group != "" {
		return readGroup(p.group)
	}
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", p.cmd.Process.Pid))
	f := strings.Fields(string(b[bytes.LastIndexByte(b, ')')+1:]))
	if err != nil || len(f) < 15 {
		return 0
	}
	var ticks int64
	for _, v := range f[11:15] {
		n, _ := strconv.ParseInt(v, 10, 64)
		ticks += n
	}
	return time.Duration(ticks) * 10 * time.Millisecond
}

// peak is the most memory that the server itself has had.
func (p *process) peak() int64 {
	b, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid))
	for line := range strings.Lines(string(b)) {
		var kib int64
		if n, _ := fmt.Sscanf(line, "VmHWM: %d kB", &kib); n == 1 {
			return kib << 10
		}
	}
	return 0
}
