package reactortest

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"
)

// leakWait bounds the wait for goroutines and descriptors that are on their way out.
var leakWait = 5 * time.Second

// Main runs a package's tests, for TestMain, and then fails if they left goroutines or, on Linux, descriptors behind. The
// loops of the process and the runtime's own do not count; what is ending gets five seconds. It does not return. Without a
// failure of the tests themselves the leak is printed with its stacks and the exit status is 1. A fuzzing run is not
// checked.
func Main(m *testing.M) {
	before := snapshot()
	code := m.Run()
	if code == 0 && !fuzzing() {
		if left := before.leaks(leakWait); left != "" {
			fmt.Fprintf(os.Stderr, "reactortest: the tests left behind:\n%s\n", left)
			code = 1
		}
	}
	os.Exit(code)
}

func fuzzing() bool {
	for _, name := range []string{"test.fuzz", "test.fuzzworker"} {
		if f := flag.Lookup(name); f != nil && f.Value.String() != "" && f.Value.String() != "false" {
			return true
		}
	}
	return false
}

// LeakCheck has one test fail if it leaves goroutines or descriptors behind, as in Main. Call it first, so that it looks
// last. Tests that run in parallel with others cannot use it.
func LeakCheck(t testing.TB) {
	t.Helper()
	before := snapshot()
	t.Cleanup(func() {
		if left := before.leaks(leakWait); left != "" {
			t.Errorf("reactortest: the test left behind:\n%s", left)
		}
	})
}

// resources are the goroutines and descriptors of the process.
type resources struct {
	goroutines map[string]string // stack by id
	pollers    int               // goroutines of netpoll's pollers
	fds        map[string]int    // count by what they are
}

func snapshot() resources {
	s := resources{goroutines: map[string]string{}, fds: map[string]int{}}
	buf := make([]byte, 1<<20)
	for {
		n := runtime.Stack(buf, true)
		if n < len(buf) {
			buf = buf[:n]
			break
		}
		buf = make([]byte, 2*len(buf))
	}
	for _, stack := range strings.Split(strings.TrimSpace(string(buf)), "\n\n") {
		if strings.Contains(stack, "netpoll.(*defaultPoll).Wait") {
			s.pollers++
		}
		head, _, _ := strings.Cut(stack, " [")
		s.goroutines[head] = stack
	}
	dir, err := os.Open("/proc/self/fd")
	if err != nil {
		return s // another system
	}
	defer dir.Close()
	names, _ := dir.Readdirnames(-1)
	for _, name := range names {
		target, err := os.Readlink(filepath.Join(dir.Name(), name))
		if err != nil || strings.HasSuffix(target, "/fd") && strings.HasPrefix(target, "/proc/") {
			continue // dir itself
		}
		s.fds[target]++
	}
	return s
}

// permanent are goroutines that a test may start and cannot end: netpoll's pollers and its pool's workers, lumberjack's for
// each log file, the one that receives signals, and the runtime's own.
var permanent = regexp.MustCompile(`(?m)^(` + strings.Join([]string{
	`github\.com/cloudwego/netpoll\.\(\*defaultPoll\)\.`,
	`github\.com/bytedance/gopkg/`,
	`gopkg\.in/natefinch/lumberjack`,
	`os/signal\.loop`,
	`runtime\.ReadTrace`,
	`created by runtime\.`,
}, "|") + `)`)

// leaks waits until all is as before and returns the empty string, or what is left when the time is up.
func (before resources) leaks(wait time.Duration) string {
	end := time.Now().Add(wait)
	for pause := time.Millisecond; ; pause = min(2*pause, 100*time.Millisecond) {
		runtime.Gosched()
		left := before.extra(snapshot())
		if left == "" || time.Now().After(end) {
			return left
		}
		time.Sleep(pause)
	}
}

// extra lists what now has and before had not.
func (before resources) extra(now resources) string {
	var out []string
	for id, stack := range now.goroutines {
		if _, old := before.goroutines[id]; !old && !permanent.MatchString(stack) {
			out = append(out, stack)
		}
	}
	slices.Sort(out)
	polls := now.pollers - before.pollers
	for target, n := range now.fds {
		if n -= before.fds[target] + allowed(target, polls); n > 0 {
			out = append(out, fmt.Sprintf("%d descriptor(s): %s", n, target))
		}
	}
	return strings.Join(out, "\n\n")
}

// allowed is how many descriptors of a kind the loops that were started since may hold for ever: an epoll set of netpoll's
// and an auxiliary one, an eventfd, and a timerfd each. The Go runtime opens an epoll set and an eventfd when it first
// needs them.
func allowed(target string, polls int) int {
	switch target {
	case "anon_inode:[eventpoll]":
		return 2*polls + 1
	case "anon_inode:[eventfd]":
		return polls + 1
	case "anon_inode:[timerfd]":
		return polls
	}
	return 0
}
