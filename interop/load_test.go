//go:build interop

package interop

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// pipelineLua makes wrk send 16 requests at a time.
const pipelineLua = `
local batch
function init(args) batch = string.rep(wrk.format("GET", "/plaintext"), 16) end
function request() return batch end
`

func TestWrk(t *testing.T) {
	need(t, "wrk")
	script := filepath.Join(t.TempDir(), "pipeline.lua")
	if err := os.WriteFile(script, []byte(pipelineLua), 0o600); err != nil {
		t.Fatal(err)
	}
	eachHandler(t, func(t *testing.T, s *server) {
		for name, args := range map[string][]string{"plain": nil, "pipelined": {"-s", script}} {
			t.Run(name, func(t *testing.T) {
				r := mustRun(t, nil, "wrk", append([]string{"-t1", "-c64", "-d3s"}, append(args, s.url("/plaintext"))...)...)
				for _, bad := range []string{"Non-2xx", "Socket errors"} {
					if strings.Contains(r.stdout, bad) {
						t.Errorf("wrk reports %s\n%s", bad, r.stdout)
					}
				}
				if n := number(t, r.stdout, `(\d+) requests in`); n < 1000 {
					t.Errorf("%d requests in 3 s", n)
				}
			})
		}
	})
}

func TestH2loadHTTP1(t *testing.T) {
	need(t, "h2load")
	eachHandler(t, func(t *testing.T, s *server) {
		for _, depth := range []string{"1", "8"} {
			r := mustRun(t, nil, "h2load", "--h1", "-n", "20000", "-c", "32", "-m", depth, s.url("/plaintext"))
			if !strings.Contains(r.stdout, "20000 succeeded, 0 failed, 0 errored, 0 timeout") ||
				!strings.Contains(r.stdout, "status codes: 20000 2xx, 0 3xx, 0 4xx, 0 5xx") {
				t.Errorf("depth %s\n%s", depth, r.stdout)
			}
		}
	})
}

// TestApacheBench: ab speaks HTTP/1.0, keeps connections alive with "Connection: Keep-Alive", and needs a Content-Length.
func TestApacheBench(t *testing.T) {
	need(t, "ab")
	body := filepath.Join(t.TempDir(), "body")
	if err := os.WriteFile(body, bytes.Repeat([]byte("x"), 3000), 0o600); err != nil {
		t.Fatal(err)
	}
	eachHandler(t, func(t *testing.T, s *server) {
		for name, args := range map[string][]string{
			"GET":  {s.url("/plaintext")},
			"POST": {"-p", body, "-T", "application/octet-stream", s.url("/echo")},
		} {
			t.Run(name, func(t *testing.T) {
				r := mustRun(t, nil, "ab", append([]string{"-q", "-n", "5000", "-c", "16", "-k"}, args...)...)
				for label, want := range map[string]int{"Complete requests": 5000, "Failed requests": 0, "Keep-Alive requests": 5000} {
					if n := number(t, r.stdout, label+`:\s+(\d+)`); n != want {
						t.Errorf("%s: %d; want %d", label, n, want)
					}
				}
				if strings.Contains(r.stdout, "Non-2xx") {
					t.Errorf("ab reports other statuses\n%s", r.stdout)
				}
			})
		}
	})
}

// number is the first group of the pattern in text.
func number(t *testing.T, text, pattern string) int {
	t.Helper()
	m := regexp.MustCompile(pattern).FindStringSubmatch(text)
	if m == nil {
		t.Fatalf("%s does not occur in\n%s", pattern, text)
	}
	n, err := strconv.Atoi(m[1])
	if err != nil {
		t.Fatal(err)
	}
	return n
}
