package http1_test

import (
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// descriptors counts those of a process.
func descriptors(t *testing.T, pid int) int {
	t.Helper()
	names, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", pid))
	if err != nil {
		t.Fatal(err)
	}
	return len(names)
}

// cpuTime is what a process has used, by the kernel's ticks of 10 ms.
func cpuTime(t *testing.T, pid int) time.Duration {
	t.Helper()
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(b), ") ")
	var user, system int64
	f := strings.Fields(rest)
	fmt.Sscan(f[11], &user)
	fmt.Sscan(f[12], &system)
	return time.Duration(user+system) * 10 * time.Millisecond
}

// TestEMFILE takes a running server's descriptors away three times. It goes on serving those that it has, does not spin,
// serves fully as soon as there are descriptors again, and loses none.
func TestEMFILE(t *testing.T) {
	p := startHTTPD(t, buildHTTPD(t))
	pid := p.cmd.Process.Pid
	var old unix.Rlimit
	if err := unix.Prlimit(pid, unix.RLIMIT_NOFILE, nil, &old); err != nil {
		t.Fatal(err)
	}
	ask := func(c net.Conn) error {
		if _, err := io.WriteString(c, get("/plaintext")); err != nil {
			return err
		}
		_, err := io.ReadFull(c, make([]byte, 12))
		return err
	}
	connect := func() net.Conn {
		c, err := p.dialTCP()
		if err != nil {
			t.Fatal(err)
		}
		c.SetDeadline(time.Now().Add(patience))
		return c
	}
	base := descriptors(t, pid) // before the first connection
	first := connect()
	if err := ask(first); err != nil {
		t.Fatal(err)
	}
	first.Close()
	eventually(t, "it is closed", func() bool { return descriptors(t, pid) <= base+3 })
	for episode := 1; episode <= 3; episode++ {
		limit := unix.Rlimit{Cur: uint64(base + 20), Max: old.Max}
		if err := unix.Prlimit(pid, unix.RLIMIT_NOFILE, &limit, nil); err != nil {
			t.Fatal(err)
		}
		failures := p.stderr.count("accept failed")
		var all []net.Conn
		for range 100 {
			c, err := p.dialTCP()
			if err != nil {
				continue
			}
			c.SetDeadline(time.Now().Add(patience))
			all = append(all, c)
		}
		tried := time.Now()
		eventually(t, "accept fails", func() bool { // it says so at most once a second
			if time.Since(tried) > 200*time.Millisecond {
				tried = time.Now()
				if c, err := p.dialTCP(); err == nil {
					all = append(all, c)
				}
			}
			return p.stderr.count("accept failed") > failures
		})
		if err := ask(all[0]); err != nil {
			t.Errorf("episode %d: one that was there: %v", episode, err)
		}
		used, from := cpuTime(t, pid), time.Now()
		idle := time.NewTimer(time.Duration(size(1, 1, 10)) * time.Second)
		<-idle.C
		share := float64(cpuTime(t, pid)-used) / float64(time.Since(from))
		report(t, "EMFILE", fmt.Sprintf("cpu_share_%d", episode), share, 0.2)
		if lines, most := p.stderr.count("accept failed")-failures, 3+int(time.Since(from)/time.Second); lines > most {
			t.Errorf("episode %d: %d lines in the log", episode, lines)
		}
		for _, c := range all {
			c.Close()
		}
		relief := time.Now()
		eventually(t, "service", func() bool {
			c := connect()
			defer c.Close()
			return ask(c) == nil
		})
		report(t, "EMFILE", fmt.Sprintf("seconds_to_service_%d", episode), time.Since(relief).Seconds(), 1)
		if err := unix.Prlimit(pid, unix.RLIMIT_NOFILE, &old, nil); err != nil {
			t.Fatal(err)
		}
		var many []net.Conn
		for range 100 {
			c := connect()
			defer c.Close()
			if err := ask(c); err != nil {
				t.Fatalf("episode %d: after it: %v", episode, err)
			}
			many = append(many, c)
		}
		for _, c := range many {
			c.Close()
		}
		eventually(t, "no descriptor is lost", func() bool { return descriptors(t, pid) <= base+3 })
	}
}
