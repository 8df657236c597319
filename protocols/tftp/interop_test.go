//go:build interop

package tftp_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/calandria-go/calandria/protocols/tftp"
	"github.com/calandria-go/calandria/protocols/tftp/wire"
	"github.com/calandria-go/calandria/reactor"
	"github.com/calandria-go/calandria/reactor/reactortest"
)

// atftpdPath is where .ci/run puts atftpd, whose package cannot be installed beside tftpd-hpa's.
const atftpdPath = "/tmp/atftpd/usr/sbin/atftpd"

// need skips the test if a program is not installed; where CI is set, that is a failure.
func need(t *testing.T, program string) {
	t.Helper()
	if _, err := exec.LookPath(program); err == nil {
		return
	}
	if os.Getenv("CI") != "" {
		t.Fatalf("%s is not installed", program)
	}
	t.Skipf("%s is not installed", program)
}

// run runs a program to its end in dir.
func run(t *testing.T, dir, name string, args ...string) error {
	t.Helper()
	c, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(c, name, args...)
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	if err != nil {
		return fmt.Errorf("%s %q: %w: %.300s", name, args, err, out)
	}
	if s := string(out); strings.Contains(strings.ToLower(s), "error") {
		return fmt.Errorf("%s %q: %.300s", name, args, out)
	}
	return nil
}

// program is a client that others wrote: the arguments to get remote as local, or to put it.
type program struct {
	name   string
	text   bool // it translates netascii
	blocks []int
	window []int
	get    func(host, port, remote, local string, block, window int, mode wire.Mode) []string
	put    func(host, port, remote, local string, block, window int, mode wire.Mode) []string
}

func hpa(verb string) func(host, port, remote, local string, block, window int, mode wire.Mode) []string {
	return func(host, port, remote, local string, _, _ int, mode wire.Mode) []string {
		a, b := remote, local
		if verb == "put" {
			a, b = local, remote
		}
		return []string{"-4", "-m", mode.String(), host, port, "-c", verb, a, b}
	}
}

func atftp(verb string) func(host, port, remote, local string, block, window int, mode wire.Mode) []string {
	return func(host, port, remote, local string, block, window int, _ wire.Mode) []string {
		return []string{
			"--option", fmt.Sprintf("blksize %d", block), "--option", fmt.Sprintf("windowsize %d", window), "--option", "tsize 0",
			verb, "-r", remote, "-l", local, host, port,
		}
	}
}

func curl(put bool) func(host, port, remote, local string, block, window int, mode wire.Mode) []string {
	return func(host, port, remote, local string, block, _ int, _ wire.Mode) []string {
		how := []string{"-o", local}
		if put {
			how = []string{"-T", local}
		}
		return append(how, "-sS", "--tftp-blksize", strconv.Itoa(block), "tftp://"+host+":"+port+"/"+remote)
	}
}

func busybox(verb string) func(host, port, remote, local string, block, window int, mode wire.Mode) []string {
	return func(host, port, remote, local string, block, _ int, _ wire.Mode) []string {
		return []string{"tftp", "-b", strconv.Itoa(block), verb, "-l", local, "-r", remote, host, port}
	}
}

var programs = []program{
	{"tftp", true, []int{512}, []int{1}, hpa("get"), hpa("put")},
	{"atftp", false, []int{8, 512, 1428, 8192, 65464}, []int{1, 4, 16, 64}, atftp("-g"), atftp("-p")},
	{"curl", false, []int{8, 512, 1428, 8192, 65464}, []int{1}, curl(false), curl(true)},
	{"busybox", false, []int{64, 512, 1428, 8192, 65464}, []int{1}, busybox("-g"), busybox("-p")},
}

// TestPrograms: clients that others wrote, every size, block and window that they can.
func TestPrograms(t *testing.T) {
	both(t, func(t *testing.T, single bool) {
		s := newSite(t, func(s *tftp.Server, f *tftp.Files) {
			writable(s, f)
			s.SinglePort = single
			s.Transfer.Dally = 200 * time.Millisecond
		})
		for _, p := range programs {
			t.Run(p.name, func(t *testing.T) {
				need(t, p.name)
				for _, block := range p.blocks {
					for _, window := range p.window {
						for _, n := range []int{0, 1, 511, 512, 513, 1 << 20, size(0, 0, 40<<20)} {
							if n > 20_000*block && os.Getenv("CALANDRIA_SOAK") == "" || n > 500_000*block {
								continue
							}
							s.programBoth(t, p, n, block, window, wire.Octet)
							if p.text {
								s.programBoth(t, p, n, block, window, wire.Netascii)
							}
						}
					}
				}
			})
		}
	})
}

// programBoth gets and puts one file.
func (s *site) programBoth(t *testing.T, p program, n, block, window int, mode wire.Mode) {
	t.Helper()
	host, port, _ := net.SplitHostPort(s.addr)
	want := noise(n)
	if mode == wire.Netascii {
		want = text(n)
	}
	what := fmt.Sprintf("%d bytes at %d by %d, %v", n, block, window, mode)
	s.put(t, "f", want)
	dir := t.TempDir()
	if err := run(t, dir, p.name, p.get(host, port, "f", "local", block, window, mode)...); err != nil {
		t.Errorf("get %s: %v", what, err)
		return
	}
	got, err := os.ReadFile(filepath.Join(dir, "local"))
	if err != nil && n > 0 { // some make no file of nothing
		t.Errorf("get %s: %v", what, err)
	}
	same(t, "get "+what, got, want)
	if err := os.WriteFile(filepath.Join(dir, "local"), want, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := run(t, dir, p.name, p.put(host, port, "g", "local", block, window, mode)...); err != nil {
		t.Errorf("put %s: %v", what, err)
		return
	}
	same(t, "put "+what, s.file(t, "g"), want)
}

// daemon is a server that others wrote.
type daemon struct {
	name     string
	program  string
	args     func(dir, port string) []string
	port     string // if it cannot be chosen
	write    bool
	textMax  int // up to which size it translates netascii; atftpd does it wrong when it has to send a block again
	smallest int // block size
}

var daemons = []daemon{
	{"tftpd-hpa", "in.tftpd", func(dir, port string) []string {
		return []string{"-L", "-4", "--secure", "--create", "--permissive", "--user", "root", "--address", "127.0.0.1:" + port, dir}
	}, "", true, 1 << 20, 8},
	{"atftpd", atftpdPath, func(dir, port string) []string {
		return []string{"--daemon", "--no-fork", "--logfile", "-", "--port", port, "--bind-address", "127.0.0.1", "--user", "root.root", dir}
	}, "", true, 513, 8},
	{"dnsmasq", "dnsmasq", func(dir, _ string) []string {
		return []string{
			"--no-daemon", "--conf-file=/dev/null", "--port=0", "--enable-tftp", "--tftp-root=" + dir, "--listen-address=127.0.0.1", "--bind-interfaces", "--user=root",
			"--pid-file=",
		}
	}, "69", false, -1, 512},
}

// TestDaemons: our client against servers that others wrote.
func TestDaemons(t *testing.T) {
	for _, d := range daemons {
		t.Run(d.name, func(t *testing.T) {
			need(t, d.program)
			if os.Getuid() != 0 {
				t.Skip("these servers want to be started by root")
			}
			dir, port := t.TempDir(), d.port
			os.Chmod(dir, 0o777)
			os.Chmod(filepath.Dir(dir), 0o755)
			if port == "" {
				port = strconv.Itoa(int(freePorts(t)))
			}
			addr := "127.0.0.1:" + port
			if c, err := net.ListenPacket("udp", addr); err != nil {
				t.Skipf("the port that this server has to have is taken: %v", err)
			} else {
				c.Close()
			}
			os.WriteFile(filepath.Join(dir, "ready"), []byte("yes"), 0o644)
			startDaemon(t, d.program, d.args(dir, port)...)
			c := tftp.Client{Reactor: reactortest.NewDefault(t, reactor.Config{Loops: 1}), Addr: addr}
			c.Transfer = quick
			waitFor(t, c)
			for _, block := range []int{8, 512, 1428, 8192, 65464} {
				for _, window := range []int{1, 4, 16, 64} {
					for _, n := range []int{0, 1, 511, 512, 513, 1 << 20, size(0, 0, 40<<20)} {
						if block < d.smallest || n > 20_000*block && os.Getenv("CALANDRIA_SOAK") == "" || n > 500_000*block {
							continue
						}
						c.BlockSize, c.WindowSize = block, window
						for _, mode := range []wire.Mode{wire.Octet, wire.Netascii} {
							if mode == wire.Netascii && n > d.textMax {
								continue
							}
							c.Mode = mode
							d.both(t, c, dir, n)
						}
					}
				}
			}
			if _, err := c.Get(ctx(t), "nothing", io.Discard); err == nil {
				t.Error("a file that is not there")
			}
		})
	}
}

func (d *daemon) both(t *testing.T, c tftp.Client, dir string, n int) {
	t.Helper()
	want := noise(n)
	if c.Mode == wire.Netascii {
		want = text(n)
	}
	what := fmt.Sprintf("%d bytes at %d by %d, %v", n, c.BlockSize, c.WindowSize, c.Mode)
	name := fmt.Sprintf("f%d%v", n, c.Mode) // dnsmasq goes on with the size that a file had while it has it open
	if err := os.WriteFile(filepath.Join(dir, name), want, 0o666); err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if _, err := c.Get(ctx(t), name, &b); err != nil {
		t.Errorf("get %s: %v", what, err)
		return
	}
	same(t, "get "+what, b.Bytes(), want)
	if !d.write {
		return
	}
	os.Remove(filepath.Join(dir, "g"))
	if _, err := c.Put(ctx(t), "g", bytes.NewReader(want), int64(n)); err != nil {
		t.Errorf("put %s: %v", what, err)
		return
	}
	// Some answer before the last bytes are in the file.
	for end := time.Now().Add(patience); ; {
		got, _ := os.ReadFile(filepath.Join(dir, "g"))
		if bytes.Equal(got, want) {
			return
		}
		if time.Now().After(end) {
			same(t, "put "+what, got, want)
			return
		}
	}
}

func startDaemon(t *testing.T, program string, args ...string) {
	t.Helper()
	cmd := exec.Command(program, args...)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	cmd.WaitDelay = time.Second
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cmd.Process.Kill()
		cmd.Wait()
		if t.Failed() {
			t.Logf("%s: %.2000s", program, out.String())
		}
	})
}

// waitFor waits until the server serves.
func waitFor(t *testing.T, c tftp.Client) {
	t.Helper()
	for end := time.Now().Add(patience); ; {
		c.Transfer.Retries = 1
		var b bytes.Buffer
		_, err := c.Get(ctx(t), "ready", &b)
		if err == nil && b.String() == "yes" {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("the server does not come: %v", err)
		}
	}
}

// TestProgramsAcrossALossyNetwork: a real client behind a network that loses a tenth.
func TestProgramsAcrossALossyNetwork(t *testing.T) {
	need(t, "atftp")
	s := newSite(t, func(s *tftp.Server, f *tftp.Files) {
		writable(s, f)
		s.Transfer.OpeningSends = 100
		s.Transfer.Dally = 3 * time.Second
	})
	f := faults
	f.Loss = 0.02
	s.addr = reactortest.LossyProxy(t, s.addr, 1, f).String()
	s.programBoth(t, programs[1], size(100_000, 50_000, 1<<20), 1428, 4, wire.Octet)
}
