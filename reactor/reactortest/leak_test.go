package reactortest

import (
	"os"
	"runtime"
	"testing"
	"time"

	"github.com/calandria-go/calandria/reactor"
)

func TestLeaksSeesGoroutines(t *testing.T) {
	before := snapshot()
	stop := make(chan struct{})
	go func() { <-stop }()
	if left := before.leaks(10 * time.Millisecond); left == "" {
		t.Error("a goroutine was not seen")
	}
	close(stop)
	if left := before.leaks(leakWait); left != "" {
		t.Errorf("it ended, and was still seen:\n%s", left)
	}
}

func TestLeaksSeesDescriptors(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("descriptors are counted in /proc, which is Linux's")
	}
	before := snapshot()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	if left := before.leaks(10 * time.Millisecond); left == "" {
		t.Error("a pipe was not seen")
	}
	r.Close()
	w.Close()
	if left := before.leaks(leakWait); left != "" {
		t.Errorf("it was closed, and was still seen:\n%s", left)
	}
}

func TestLeakCheckLetsReactorsPass(t *testing.T) {
	LeakCheck(t)
	New(t, reactor.Config{})
	r, addr := server(t)
	if err := exchange(addr); err != nil {
		t.Fatal(err)
	}
	if err := r.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func TestLeakChecksCanFail(t *testing.T) {
	mustFail(t, "TestInnerLeakCheck", "the test left behind")
	mustFail(t, "TestInnerMain", "the tests left behind")
}

func TestInnerLeakCheck(t *testing.T) {
	inner(t)
	LeakCheck(t)
	go func() { select {} }()
}

func TestInnerMain(t *testing.T) {
	inner(t)
	go func() { select {} }()
}
