//go:build unix

package inherit_test

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/calandria-go/calandria/protocols/http1"
	"github.com/calandria-go/calandria/reactor"
	"github.com/calandria-go/calandria/reactor/reactortest"
	"github.com/calandria-go/calandria/transports/inherit"
	"github.com/calandria-go/calandria/transports/tcp"
)

// What the test binary plays when it is started again. The targets to listen at are in envTargets.
const (
	envRole    = "INHERIT_TEST_ROLE"
	envTargets = "INHERIT_TEST_TARGETS"
)

// patience bounds every wait of these tests for something that will happen.
const patience = 30 * time.Second

func TestMain(m *testing.M) {
	switch os.Getenv(envRole) {
	case "":
		reactortest.Main(m)
	case "server":
		server()
	case "exits":
		os.Exit(3)
	case "hangs":
		<-time.After(5 * time.Minute)
	case "activate": // as systemd does: the number is known only in the process itself
		os.Setenv(envRole, "server")
		os.Setenv("LISTEN_PID", strconv.Itoa(os.Getpid()))
		panic(syscall.Exec(os.Args[0], os.Args, os.Environ()))
	}
}

func say(format string, args ...any) { fmt.Printf(format+"\n", args...) }

// server answers with its process id. SIGHUP: a successor, then drain. SIGUSR1, SIGUSR2: one that exits, one that is never ready.
// SIGTERM: drain.
func server() {
	time.AfterFunc(5*time.Minute, func() { os.Exit(9) }) // whatever became of the test
	r := reactor.New(reactor.Config{Loops: 2})
	pid := os.Getpid()
	srv := &http1.Server{Handler: http1.HandlerFunc(func(x *http1.Exchange) {
		x.Respond(200, "text/plain", strconv.AppendInt(nil, int64(pid), 10))
	})}
	signals := make(chan os.Signal, 8)
	signal.Notify(signals, syscall.SIGHUP, syscall.SIGUSR1, syscall.SIGUSR2, syscall.SIGTERM)
	var addrs []string
	for _, target := range strings.Fields(os.Getenv(envTargets)) {
		c := inherit.Config{}
		if shards, ok := strings.CutPrefix(target, "sharded="); ok {
			target, c.TCP = shards, tcp.Config{Shards: 2}
		}
		ln, err := c.Listen(context.Background(), target)
		if err == nil {
			addrs = append(addrs, ln.Addr().String())
			_, err = r.Listen(ln, srv)
		}
		if err != nil {
			say("failed %d %v", pid, err)
			os.Exit(1)
		}
	}
	say("ready %d %s", pid, strings.Join(addrs, " ")) // first: then the one before may be drained before we say so
	if err := inherit.Ready(); err != nil {
		say("failed %d %v", pid, err)
	}
	for s := range signals {
		if s == syscall.SIGTERM || replaced(pid, s) {
			break
		}
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	err := r.Shutdown(ctx)
	inherit.Stopping()
	say("drained %d %v", pid, err)
	os.Exit(0)
}

func replaced(pid int, s os.Signal) bool {
	next := inherit.Successor{}
	switch s {
	case syscall.SIGUSR1:
		next.Env = append(os.Environ(), envRole+"=exits")
	case syscall.SIGUSR2:
		next.Env = append(os.Environ(), envRole+"=hangs")
		next.ReadyTimeout = 200 * time.Millisecond
	}
	if _, err := inherit.Restart(context.Background(), next); err != nil {
		say("alone %d %v", pid, err)
		return false
	}
	return true
}
