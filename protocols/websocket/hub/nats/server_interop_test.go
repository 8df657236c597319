//go:build interop

package nats_test

import (
	"net"
	"os"
	"os/exec"
	"testing"
	"time"
)

// program is Debian's nats-server.
type program struct {
	path, addr string
	cmd        *exec.Cmd
}

func (p *program) url() string { return "nats://" + p.addr }

// start waits until it answers.
func (p *program) start(t *testing.T) {
	t.Helper()
	host, port, _ := net.SplitHostPort(p.addr)
	p.cmd = exec.Command(p.path, "-a", host, "-p", port)
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(patience); ; {
		c, err := net.Dial("tcp", p.addr)
		if err == nil {
			c.Close()
			return
		}
		if time.Now().After(deadline) {
			t.Fatal(err)
		}
		<-time.After(10 * time.Millisecond)
	}
}

func (p *program) kill() {
	p.cmd.Process.Kill()
	p.cmd.Wait()
}

// TestNATSServer is TestBroker with a real server, which is killed with SIGKILL.
func TestNATSServer(t *testing.T) {
	path, err := exec.LookPath("nats-server")
	if err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal(err)
		}
		t.Skip("nats-server is not installed")
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &program{path: path, addr: ln.Addr().String()}
	ln.Close()
	p.start(t)
	t.Cleanup(p.kill)
	twoHubs(t, p)
}
