//go:build interop

package dashboard_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/calandria-go/calandria/internal/browser"
	"github.com/calandria-go/calandria/protocols/http1/dashboard"
	"github.com/calandria-go/calandria/protocols/http1/metrics"
)

// work asks for pages until stop is called, at varying speed.
func (s *site) work(t *testing.T) (stop func()) {
	quit := make(chan struct{})
	var wg sync.WaitGroup
	for i := range 6 {
		wg.Go(func() {
			client := &http.Client{Transport: &http.Transport{}}
			defer client.CloseIdleConnections()
			paths := []string{"/fast", "/fast", "/items/{id}", "/slow", "/search", "/missing"}
			for n := 0; ; n++ {
				resp, err := client.Get(s.url + paths[(n+i)%len(paths)])
				if err != nil {
					t.Error(err)
					return
				}
				io.Copy(io.Discard, resp.Body)
				resp.Body.Close()
				if n%40 == 0 {
					client.CloseIdleConnections()
				}
				select {
				case <-quit:
					return
				case <-time.After(time.Duration(n/50%4) * time.Millisecond):
				}
			}
		})
	}
	return func() {
		close(quit)
		wg.Wait()
	}
}

// shown is the number of requests that the page tells.
func shown(b *browser.Tab) int {
	n, _ := strconv.Atoi(b.Eval(`document.getElementById("requests")?.textContent`))
	return n
}

// until waits for what the page will show.
func until(t *testing.T, what string, cond func() bool) {
	t.Helper()
	limit, tick := time.After(patience), time.NewTicker(100*time.Millisecond)
	defer tick.Stop()
	for !cond() {
		select {
		case <-tick.C:
		case <-limit:
			t.Fatalf("not within %v: %s", patience, what)
		}
	}
}

// look sets the width of the page and its colours, and gives a picture.
func look(b *browser.Tab, width int, scheme string) []byte {
	b.Size(width, 900, scheme)
	<-time.After(1500 * time.Millisecond) // for the next sample, which draws at the new size
	return b.Picture()
}

// TestChromium has the page drawn under load, and its numbers move and agree with /metrics. With SCREENSHOTS set to a directory it
// leaves pictures there.
func TestChromium(t *testing.T) {
	s := start(t, dashboard.Config{Title: "calandria", Sections: []dashboard.Section{
		{Name: "WebSockets", Columns: []string{"Room", "Open"}, Rows: func() [][]any { return [][]any{{"chat", 12}} }},
	}})
	stop := s.work(t)
	b := browser.Start(t).Open(s.url + dashboard.Prefix)
	until(t, "requests", func() bool { return shown(b) > 0 })
	first := shown(b)
	until(t, "more requests", func() bool { return shown(b) > first })
	until(t, "a latency", func() bool { return strings.HasSuffix(b.Eval(`document.getElementById("v-p99")?.textContent`), "ms") })
	page := b.Eval("document.documentElement.outerHTML")
	for what, want := range map[string]string{
		"live":  `<span id="status-text">live</span>`,
		"rate":  `<dd id="v-rps">[1-9]`,
		"loops": `<td title="1">1</td>`,
		"other": `<h2>WebSockets</h2>.*<td title="chat">chat</td><td title="12">12</td>`,
		"route": `<td title="GET /slow">GET /slow</td><td title="[1-9][0-9.]* ms">`,
		"chart": `aria-label="Requests per second, last five minutes. Now: all [1-9]`,
	} {
		if !regexp.MustCompile(want).MatchString(page) {
			t.Errorf("%s: the page lacks %s\n%.5000s", what, want, page)
		}
	}
	if pictures := os.Getenv("SCREENSHOTS"); pictures != "" {
		<-time.After(75 * time.Second)
		for name, png := range map[string][]byte{"light": look(b, 1280, "light"), "dark": look(b, 1280, "dark"), "phone": look(b, 390, "light")} {
			if err := os.WriteFile(filepath.Join(pictures, name+".png"), png, 0o644); err != nil {
				t.Error(err)
			}
		}
	}
	for _, width := range []int{1280, 360} {
		look(b, width, "light")
		if wide := b.Eval("document.documentElement.scrollWidth"); wide != strconv.Itoa(width) {
			t.Errorf("at a width of %d px the page is %s px wide", width, wide)
		}
	}
	stop()

	// At rest the page tells what /metrics tells: nobody asks any more.
	want := scraped(t, s)
	until(t, "the number of /metrics", func() bool { return shown(b) == want })
	if got := scraped(t, s); got != want {
		t.Errorf("/metrics moved from %d to %d at rest", want, got)
	}
}

// scraped is the number of requests that /metrics tells.
func scraped(t *testing.T, s *site) int {
	t.Helper()
	registry := prometheus.NewRegistry()
	registry.MustRegister(metrics.New(s.srv, nil))
	w := httptest.NewRecorder()
	promhttp.HandlerFor(registry, promhttp.HandlerOpts{}).ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
	n := 0
	for _, m := range regexp.MustCompile(`(?m)^calandria_http_requests_total\{[^}]*\} (\S+)$`).FindAllStringSubmatch(w.Body.String(), -1) {
		v, err := strconv.ParseFloat(m[1], 64)
		if err != nil {
			t.Fatal(err)
		}
		n += int(v)
	}
	return n
}
