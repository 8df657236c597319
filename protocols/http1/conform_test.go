package http1_test

import (
	"bufio"
	"bytes"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/calandria-go/calandria/protocols/http1/internal/conform"
)

// buildHTTPD builds the command for the engine that is under test.
func buildHTTPD(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "httpd")
	args := []string{"build", "-o", path}
	if engineTag != "" {
		args = append(args, "-tags", engineTag)
	}
	if raceDetector {
		args = append(args, "-race")
	}
	cmd := exec.Command("go", append(args, "github.com/calandria-go/calandria/cmd/httpd")...)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return path
}

// process is a running httpd.
type process struct {
	t      *testing.T
	cmd    *exec.Cmd
	tcp    string
	unix   string
	stderr *journal
}

// startHTTPD runs the command at path on a port and a unix socket of its own until the test ends, when it must drain and exit with 0.
func startHTTPD(t *testing.T, path string, args ...string) *process {
	t.Helper()
	dir, err := os.MkdirTemp("", "h1")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	p := &process{t: t, unix: filepath.Join(dir, "s"), stderr: &journal{}}
	p.cmd = exec.Command(path, append([]string{"-listen", "127.0.0.1:0", "-listen", "unix:" + p.unix}, args...)...)
	p.cmd.Stderr = p.stderr
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.stop)
	lines := bufio.NewScanner(out)
	for n := 0; n < 2; n++ {
		if !lines.Scan() {
			t.Fatalf("httpd ended: %s", p.stderr.buf.Bytes())
		}
		if url, ok := strings.CutPrefix(lines.Text(), "listening on http://"); ok {
			p.tcp = strings.TrimSuffix(url, "/")
		}
	}
	return p
}

// stop sends SIGTERM and wants an orderly exit.
func (p *process) stop() {
	p.cmd.Process.Signal(syscall.SIGTERM)
	kill := time.AfterFunc(patience, func() { p.cmd.Process.Kill() })
	defer kill.Stop()
	if err := p.cmd.Wait(); err != nil {
		p.t.Errorf("httpd: %v\n%s", err, p.stderr.buf.Bytes())
	}
	p.stderr.mu.Lock()
	defer p.stderr.mu.Unlock()
	if b := p.stderr.buf.Bytes(); bytes.Contains(b, []byte("panic")) || bytes.Contains(b, []byte("DATA RACE")) {
		p.t.Errorf("httpd said: %s", b)
	}
}

func (p *process) dialTCP() (net.Conn, error)  { return net.Dial("tcp", p.tcp) }
func (p *process) dialUnix() (net.Conn, error) { return net.Dial("unix", p.unix) }

// The whole table, over real sockets, against the command that users run: no failure, at no level.
func TestConformance(t *testing.T) {
	path := buildHTTPD(t)
	for _, handler := range []string{"native", "std"} {
		t.Run(handler, func(t *testing.T) {
			p := startHTTPD(t, path, "-handler", handler)
			t.Run("tcp", func(t *testing.T) { conform.Run(t, p.dialTCP) })
			if raceDetector && !soaking() {
				return // it takes too long, and is the same code
			}
			t.Run("unix", func(t *testing.T) { conform.Run(t, p.dialUnix) })
		})
	}
}
