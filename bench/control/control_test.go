package control

import (
	"bytes"
	"os"
	"strings"
	"testing"
)

func TestServeAnswersEachLine(t *testing.T) {
	var out bytes.Buffer
	Serve(strings.NewReader("gc\nstats\nnonsense\n"), &out)
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	if len(lines) != 3 {
		t.Fatalf("got %d answers, want 3: %q", len(lines), lines)
	}
	if lines[0] != "ok" {
		t.Errorf("gc answered %q, want ok", lines[0])
	}
	if !strings.HasPrefix(lines[1], "goroutines=") {
		t.Errorf("stats answered %q, want goroutines=...", lines[1])
	}
	if lines[2] != "unknown command" {
		t.Errorf("nonsense answered %q", lines[2])
	}
}

// The peers' module cannot import this one without its dependencies, so it has a copy.
func TestPeersUseTheSameControl(t *testing.T) {
	for _, name := range []string{"control.go", "load.go"} {
		ours, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		theirs, err := os.ReadFile("../peers/control/" + name)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(ours, theirs) {
			t.Errorf("bench/control/%s and bench/peers/control/%s differ", name, name)
		}
	}
}
