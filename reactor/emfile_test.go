//go:build linux

package reactor

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"
)

// runChild runs one of the children in a process of its own.
func runChild(t *testing.T, name string) (out string, err error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 3*patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, os.Args[0])
	cmd.Env = append(os.Environ(), childEnv+"="+name)
	b, err := cmd.CombinedOutput()
	return string(b), err
}

// TestEMFILE runs a server out of descriptors, three times.
func TestEMFILE(t *testing.T) {
	out, err := runChild(t, "emfile")
	if err != nil || !strings.Contains(out, "three episodes") {
		t.Errorf("%v\n%s", err, out)
	}
	t.Log(out)
}

func init() { children["emfile"] = emfile }

func check(err error) {
	if err != nil {
		fmt.Println("failed:", err)
		os.Exit(1)
	}
}

func emfile() {
	log := &journal{}
	r := New(Config{Loops: 2, Logger: slog.New(slog.NewTextHandler(log, nil))})
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	check(err)
	_, err = r.Listen(ln, ProtocolFunc(func(*Conn) Handler { return echoing(nil) }))
	check(err)
	serves := func() error {
		c, err := net.Dial("tcp", ln.Addr().String())
		if err != nil {
			return err
		}
		defer c.Close()
		c.SetDeadline(time.Now().Add(patience))
		if _, err = c.Write([]byte("x")); err == nil {
			_, err = io.ReadFull(c, make([]byte, 1))
		}
		return err
	}
	check(serves())
	var lim syscall.Rlimit
	check(syscall.Getrlimit(syscall.RLIMIT_NOFILE, &lim))
	old := lim.Cur
	goroutines := runtime.NumGoroutine()
	for episode := range 3 {
		// Client sockets first, unconnected: then the limit, so that the server's side has none.
		var clients []int
		for range 40 {
			fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
			check(err)
			clients = append(clients, fd)
		}
		lim.Cur = uint64(highestFD() + 1)
		check(syscall.Setrlimit(syscall.RLIMIT_NOFILE, &lim))
		fillFDs := fill()
		cpu, from := cpuTime(), time.Now()
		port := ln.Addr().(*net.TCPAddr).Port
		for _, fd := range clients {
			check(syscall.Connect(fd, &syscall.SockaddrInet4{Port: port, Addr: [4]byte{127, 0, 0, 1}}))
		}
		within(time.Second, func() bool { return false })
		spent, took := cpuTime()-cpu, time.Since(from)
		if spent > took/2 {
			fmt.Printf("failed: episode %d: %v of CPU time in %v\n", episode, spent, took)
			os.Exit(1)
		}
		more := 5
		if r.Engine() == "portable" {
			more += 2 * len(clients) // that is what connections cost there
		}
		if n := runtime.NumGoroutine(); n > goroutines+more {
			fmt.Printf("failed: episode %d: %d goroutines, then %d\n", episode, goroutines, n)
			os.Exit(1)
		}
		lim.Cur = old
		check(syscall.Setrlimit(syscall.RLIMIT_NOFILE, &lim))
		for _, fd := range append(fillFDs, clients...) {
			syscall.Close(fd)
		}
		from = time.Now()
		for err = serves(); err != nil && time.Since(from) < patience; err = serves() {
			// one more may be shed for an error from before the relief
		}
		check(err)
		if took := time.Since(from); took > 3*time.Second {
			fmt.Printf("failed: episode %d: service after %v\n", episode, took)
			os.Exit(1)
		}
	}
	st, err := r.Stats(context.Background())
	check(err)
	tot := st.Total()
	if tot.AcceptErrors < 3 || tot.AcceptErrors > 200 || log.count("accept failed") > 15 || log.count("accept failed") < 1 { // one line a second
		fmt.Printf("failed: %d accept errors, logged %d times\n", tot.AcceptErrors, log.count("accept failed"))
		os.Exit(1)
	}
	fmt.Printf("three episodes: %d errors, %d shed, %d lines\n", tot.AcceptErrors, tot.Shed, log.count("accept failed"))
}

func highestFD() int {
	d, err := os.ReadDir("/proc/self/fd")
	check(err)
	top := 0
	for _, e := range d {
		var n int
		fmt.Sscan(e.Name(), &n)
		top = max(top, n)
	}
	return top
}

// fill takes the descriptors that are still free below the limit.
func fill() (fds []int) {
	for {
		fd, err := syscall.Dup(0)
		if err != nil {
			return fds
		}
		fds = append(fds, fd)
	}
}

// TestShrunkByOthers: whoever takes loops away that we run on ends the process, with the reason.
func TestShrunkByOthers(t *testing.T) {
	if len(children) < 2 {
		t.Skip("no netpoll in this build")
	}
	out, err := runChild(t, "shrink")
	if err == nil || !strings.Contains(out, "netpoll.SetNumLoops") || !strings.Contains(out, "panic: poll:") {
		t.Errorf("%v\n%s", err, firstLines(out))
	}
}

func firstLines(s string) string {
	b := []byte(s)
	if len(b) > 2000 {
		b = b[:2000]
	}
	return string(bytes.TrimSpace(b))
}
