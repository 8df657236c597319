//go:build interop

package interop

import (
	"strings"
	"testing"
)

func TestChromium(t *testing.T) {
	need(t, "chromium")
	eachHandler(t, func(t *testing.T, s *server) {
		for path, want := range map[string]string{"/": "</html>", "/plaintext": "Hello, World!"} {
			r := mustRun(t, nil, "chromium", "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-background-networking",
				"--disable-component-update", "--no-first-run", "--user-data-dir="+t.TempDir(), "--dump-dom", s.url(path))
			if !strings.Contains(r.stdout, want) {
				t.Errorf("%s: the page lacks %q\n%s", path, want, tail(r.stdout, 2000))
			}
			if path == "/" && !strings.Contains(r.stdout, "calandria") {
				t.Errorf("the page does not say what runs here\n%s", tail(r.stdout, 2000))
			}
		}
	})
}
