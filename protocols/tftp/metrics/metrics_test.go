package metrics

import (
	"os"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/calandria-go/calandria/protocols/tftp"
)

// TestDocumented: each metric has its line in the guide, and there are no others.
func TestDocumented(t *testing.T) {
	doc, err := os.ReadFile("../../../docs/tftp.md")
	if err != nil {
		t.Fatal(err)
	}
	registry := prometheus.NewPedanticRegistry()
	if err := registry.Register(New(&tftp.Server{}, nil)); err != nil {
		t.Fatal(err)
	}
	all, err := registry.Gather()
	if err != nil || len(all) != len(table) {
		t.Fatalf("%d metrics, %v", len(all), err)
	}
	for _, m := range all {
		if !strings.Contains(string(doc), "`"+m.GetName()+"`") {
			t.Errorf("docs/tftp.md says nothing of %s", m.GetName())
		}
	}
	if n := strings.Count(string(doc), "| `calandria_tftp_"); n != len(table) {
		t.Errorf("docs/tftp.md has %d metrics; there are %d", n, len(table))
	}
}
