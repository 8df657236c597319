//go:build interop

package main

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"testing"
	"time"
)

// broker is Debian's nats-server, at an address that it keeps.
type broker struct {
	t    *testing.T
	path string
	addr string
	cmd  *exec.Cmd
}

func newBroker(t *testing.T) *broker {
	t.Helper()
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
	b := &broker{t: t, path: path, addr: ln.Addr().String()}
	ln.Close()
	b.start()
	t.Cleanup(b.kill)
	return b
}

func (b *broker) start() {
	b.t.Helper()
	host, port, _ := net.SplitHostPort(b.addr)
	b.cmd = exec.Command(b.path, "-a", host, "-p", port)
	if err := b.cmd.Start(); err != nil {
		b.t.Fatal(err)
	}
}

func (b *broker) kill() {
	b.cmd.Process.Kill()
	b.cmd.Wait()
}

// TestTwoServers: two wsd on one NATS are one chat: messages reach the clients of the other once and in order, and each shows who is
// at the other. The broker is killed: each goes on by itself. It comes back: so does the other's chat, and nothing is there
// twice.
func TestTwoServers(t *testing.T) {
	b := newBroker(t)
	one, two := start(t, "", "-nats", "nats://"+b.addr), start(t, "", "-nats", "nats://"+b.addr)
	ann, _ := one.join("lobby", "Ann", nil)
	bob, _ := two.join("lobby", "Bob", nil)
	ann.untilWho("Ann", "Bob")
	bob.untilWho("Ann", "Bob")
	for i := range 10 {
		ann.say(fmt.Sprint("a", i), fmt.Sprint("from ann ", i))
	}
	for i := range 10 {
		if g := bob.last("msg"); g.M.From != "Ann" || g.M.Text != fmt.Sprint("from ann ", i) {
			t.Fatalf("%d: %+v", i, g)
		}
		ann.last("msg")
	}

	b.kill()
	waitStats(t, "the broker is away", func() bool {
		ann.say("", "ping")
		ann.last("msg")
		return one.chat.hub.Stats().Published > 12
	})
	b.start()
	// Both connect again at moments of their own; what was said before both had done so may be lost, and is counted.
	seen := map[string]bool{}
	n := 0
	waitStats(t, "the other's messages", func() bool {
		n++
		id := fmt.Sprint("back", n)
		ann.say(id, id)
		ann.last("msg")
		for _, m := range two.chat.hub.History("lobby") {
			seen[saidID(m.Data)] = true
		}
		return seen[id]
	})
	ids := map[string]int{}
	for _, m := range two.chat.hub.History("lobby") {
		ids[saidID(m.Data)]++
	}
	for id, n := range ids {
		if n != 1 {
			t.Errorf("%s is there %d times", id, n)
		}
	}
	if s := two.chat.hub.Stats(); s.Breaks != 1 {
		t.Errorf("told %d times that something may be missing: %+v", s.Breaks, s)
	}
	bob.say("", "and back")
	for ann.last("msg").M.Text != "and back" {
	}
}

// waitStats calls f until it holds, with a pause in between.
func waitStats(t *testing.T, what string, f func() bool) {
	t.Helper()
	limit := time.After(patience)
	for !f() {
		select {
		case <-time.After(50 * time.Millisecond):
		case <-limit:
			t.Fatalf("not within %v: %s", patience, what)
		}
	}
}
