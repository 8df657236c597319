package conform_test

import (
	"net"
	"os"
	"testing"

	"github.com/calandria-go/calandria/protocols/http1/internal/conform"
)

// TestAgainstNetHTTP shows that the table can be passed and can be failed:
// net/http passes all of it but the cases listed in deviations, and fails each
// of those.
func TestAgainstNetHTTP(t *testing.T) {
	t.Parallel()
	results := conform.Evaluate(startNetHTTP(t), conform.Cases())
	failed := map[string]conform.Result{}
	for _, r := range conform.Failed(results) {
		failed[r.Case.Name] = r
	}
	seen := map[string]bool{}
	for _, r := range results {
		name := r.Case.Name
		if seen[name] {
			continue
		}
		seen[name] = true
		_, known := deviations[name]
		bad, did := failed[name]
		switch {
		case did && !known:
			t.Errorf("%s (%s): %v", name, bad.Mode, bad.Err)
		case !did && known:
			t.Errorf("%s passes, and is listed as a deviation", name)
		}
	}
	for name := range deviations {
		if !seen[name] {
			t.Errorf("%s is listed as a deviation, and is no case", name)
		}
	}
	if os.Getenv("CALANDRIA_CONFORM_VERBOSE") != "" {
		t.Logf("\n%s", conform.Markdown(results))
	}
}

// TestExternal plays the table against a running server.
func TestExternal(t *testing.T) {
	addr := os.Getenv("CALANDRIA_CONFORM_ADDR")
	if addr == "" {
		t.Skip("CALANDRIA_CONFORM_ADDR (host:port) names no server to test")
	}
	conform.Run(t, func() (net.Conn, error) { return net.Dial("tcp", addr) })
}
