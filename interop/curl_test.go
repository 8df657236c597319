//go:build interop

package interop

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const mib = 1 << 20

// payload makes n bytes that are different for every n.
func payload(n int) []byte {
	b := make([]byte, n)
	_, _ = rand.NewChaCha8(sha256.Sum256(fmt.Append(nil, n))).Read(b)
	return b
}

// A curlRun is one call of curl and what has to come of it.
type curlRun struct {
	name   string
	args   []string
	stdin  []byte
	path   string
	status string // "cut": 413, or an answer that was begun and is broken off
	body   []byte // nil: any
	head   string // what the answer's head must contain, if not empty
}

func curlRuns(t *testing.T) []curlRun {
	dir := t.TempDir()
	file := func(n int) (flag string, data []byte) {
		name := filepath.Join(dir, fmt.Sprint(n))
		data = payload(n)
		if err := os.WriteFile(name, data, 0o600); err != nil {
			t.Fatal(err)
		}
		return "@" + name, data
	}
	small, smallData := file(1000)
	large, largeData := file(4 * mib)
	full, fullData := file(8 * mib)
	over, _ := file(9 * mib)
	noExpect := []string{"-H", "Expect:"}
	post := func(args []string, data string) []string { return append(args, "--data-binary", data) }
	return []curlRun{
		{name: "GET", path: "/", status: "200", head: "Content-Type: text/html"},
		{name: "GET plaintext", path: "/plaintext", status: "200", body: []byte("Hello, World!"), head: "Content-Length: 13"},
		{name: "GET json", path: "/json", status: "200", head: "Content-Type: application/json"},
		{name: "HEAD", args: []string{"-I"}, path: "/plaintext", status: "200", head: "Content-Length: 13"},
		{name: "not found", path: "/none", status: "404"},
		{name: "wrong method", args: []string{"-X", "DELETE"}, path: "/plaintext", status: "405", head: "Allow:"},
		{name: "POST fixed", args: post(noExpect, small), path: "/echo", status: "200", body: smallData, head: "Content-Length: 1000"},
		{name: "POST fixed, 4 MiB", args: post(noExpect, large), path: "/echo", status: "200", body: largeData},
		{name: "POST empty", args: []string{"-d", ""}, path: "/echo", status: "200", body: []byte{}},
		{name: "POST chunked", args: []string{"-X", "POST", "-T", "-"}, stdin: largeData, path: "/echo", status: "200", body: largeData, head: "Transfer-Encoding: chunked"},
		{name: "expect", args: post([]string{"-H", "Expect: 100-continue", "--expect100-timeout", "20"}, large), path: "/echo", status: "200", body: largeData, head: "HTTP/1.1 100 Continue"},
		{name: "HTTP/1.0", args: []string{"--http1.0"}, path: "/plaintext", status: "200", body: []byte("Hello, World!")},
		{name: "HTTP/1.0 POST", args: post([]string{"--http1.0", "-H", "Expect:"}, small), path: "/echo", status: "200", body: smallData},
		{name: "largest body", args: post(noExpect, full), path: "/echo", status: "200", body: fullData},
		{name: "body over the limit", args: post(noExpect, over), path: "/echo", status: "413"},
		{name: "chunked over the limit", args: []string{"-X", "POST", "-T", "-"}, stdin: payload(9 * mib), path: "/echo", status: "cut"},
		{name: "sleep", path: "/sleep?ms=50", status: "200"},
		{name: "sleep, POST", args: post(nil, small), path: "/sleep?ms=5", status: "200"},
		{name: "sleep, too long", path: "/sleep?ms=60001", status: "400"},
	}
}

func TestCurl(t *testing.T) {
	need(t, "curl")
	runs := curlRuns(t)
	eachHandler(t, func(t *testing.T, s *server) {
		for _, network := range networks {
			for _, c := range runs {
				t.Run(network+"/"+c.name, func(t *testing.T) { c.check(t, s, network) })
			}
		}
	})
}

func (c curlRun) check(t *testing.T, s *server, network string) {
	head, out := filepath.Join(t.TempDir(), "head"), filepath.Join(t.TempDir(), "out")
	args := []string{"-sS", "--max-time", "30", "-D", head, "-o", out, "-w", "%{http_code}"}
	if network == "unix" {
		args = append(args, "--unix-socket", s.socket)
	}
	r := run(t, bytes.NewReader(c.stdin), "curl", append(append(args, c.args...), s.url(c.path))...)
	if c.status == "cut" {
		if r.stdout != "413" && r.err == nil {
			t.Fatalf("status %q, and the answer is whole", r.stdout)
		}
		return
	}
	if r.stdout != c.status {
		t.Fatalf("status %q (%v); want %s\n%s", r.stdout, r.err, c.status, r.stderr)
	}
	if r.err != nil && c.status == "200" {
		t.Fatalf("%v\n%s", r.err, r.stderr)
	}
	if h, err := os.ReadFile(head); err != nil || !strings.Contains(strings.ToLower(string(h)), strings.ToLower(c.head)) {
		t.Errorf("head (%v)\n%s\nwant %q in it", err, h, c.head)
	}
	if c.body == nil {
		return
	}
	b, err := os.ReadFile(out)
	if err != nil && len(c.body) > 0 {
		t.Fatal(err)
	}
	if !bytes.Equal(b, c.body) {
		t.Errorf("%d bytes of body, not the %d expected", len(b), len(c.body))
	}
}

// TestCurlExpectRefused: a body that would be refused is not asked for.
func TestCurlExpectRefused(t *testing.T) {
	need(t, "curl")
	eachHandler(t, func(t *testing.T, s *server) {
		r := mustRun(t, bytes.NewReader(payload(9*mib)), "curl", "-sS", "-o", os.DevNull, "-w", "%{http_code} %{size_upload}",
			"-H", "Expect: 100-continue", "--expect100-timeout", "20", "--data-binary", "@-", s.url("/echo"))
		if r.stdout != "413 0" {
			t.Errorf("status and bytes sent: %q; want 413 and 0", r.stdout)
		}
	})
}

func TestCurlReusesConnection(t *testing.T) {
	need(t, "curl")
	eachHandler(t, func(t *testing.T, s *server) {
		args := []string{"-sS", "--max-time", "30", "-w", "%{num_connects} ", "-d", "x"}
		for range 20 {
			args = append(args, "-o", os.DevNull, s.url("/echo"))
		}
		r := mustRun(t, nil, "curl", args...)
		if want := "1 " + strings.Repeat("0 ", 19); r.stdout != want {
			t.Errorf("connects per request %q; want %q", r.stdout, want)
		}
	})
}

func TestCurlParallel(t *testing.T) {
	need(t, "curl")
	eachHandler(t, func(t *testing.T, s *server) {
		args := []string{"-sS", "--max-time", "30", "-Z", "--parallel-immediate", "--parallel-max", "50", "-w", "%{http_code}\n"}
		for range 100 {
			args = append(args, "-o", os.DevNull, s.url("/sleep?ms=20"))
		}
		r := mustRun(t, nil, "curl", args...)
		if n := strings.Count(r.stdout, "200\n"); n != 100 {
			t.Errorf("%d of 100 answers are 200", n)
		}
	})
}
