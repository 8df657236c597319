//go:build linux && (amd64 || arm64 || loong64)

package poll

import (
	"os"
	"testing"
	"time"
)

const patience = 20 * time.Second

func await[T any](t testing.TB, what string, ch <-chan T) T {
	t.Helper()
	select {
	case v := <-ch:
		return v
	case <-time.After(patience):
		t.Fatalf("no %s within %v", what, patience)
		panic("unreachable")
	}
}

// children run in a process of their own.
var children = map[string]func(){}

const childEnv = "CALANDRIA_TEST_CHILD"

func TestMain(m *testing.M) {
	if name := os.Getenv(childEnv); name != "" {
		children[name]()
		os.Exit(0)
	}
	os.Exit(m.Run())
}
