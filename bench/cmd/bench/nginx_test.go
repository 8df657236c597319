//go:build linux

package main

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

func TestNginxConfig(t *testing.T) {
	plain := nginxSite{dir: "/w/nginx", static: "/w/static"}.config("127.0.0.1:8080", "")
	for _, want := range []string{
		"daemon off;\n", "worker_processes 2;\n", "    listen 127.0.0.1:8080;\n", "  sendfile on;\n", "  tcp_nopush on;\n", "  access_log off;\n",
		"  open_file_cache max=1000;\n", "  keepalive_requests 1000000;\n", "error_log \"/w/nginx/error.log\" warn;\n",
		"    location /static/ { alias \"/w/static/\"; }\n",
		"    location = /plaintext { default_type text/plain; return 200 \"Hello, World!\"; }\n",
	} {
		if !strings.Contains(plain, want) {
			t.Errorf("the configuration lacks %q:\n%s", want, plain)
		}
	}
	for _, not := range []string{"ssl", "user "} {
		if strings.Contains(plain, not) {
			t.Errorf("the configuration has %q:\n%s", not, plain)
		}
	}
	secure := nginxSite{dir: "/w/nginx", cert: "/w/cert.pem", key: "/w/key.pem"}.config("127.0.0.1:8443", "root")
	for _, want := range []string{
		"user root;\n", "    listen 127.0.0.1:8443 ssl;\n", "    ssl_certificate \"/w/cert.pem\";\n", "    ssl_certificate_key \"/w/key.pem\";\n",
		"    ssl_protocols TLSv1.3;\n", "    ssl_session_tickets on;\n",
	} {
		if !strings.Contains(secure, want) {
			t.Errorf("the configuration lacks %q:\n%s", want, secure)
		}
	}
	if strings.Contains(secure, "/static/") {
		t.Errorf("files are served without a folder of files:\n%s", secure)
	}
}

func TestNginxTakesItsConfig(t *testing.T) {
	path, err := findNginx(nginxPaths...)
	if err != nil {
		t.Skip(err)
	}
	f, err := makeFixtures(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	n := nginxSite{dir: filepath.Join(t.TempDir(), "a folder"), cert: f.cert, key: f.key, static: f.static}
	addr, err := freeAddr()
	if err != nil {
		t.Fatal(err)
	}
	cmd, err := n.command(t.Context(), path, addr)
	if err != nil {
		t.Fatal(err)
	}
	if out, err := exec.CommandContext(t.Context(), path, append(cmd.Args[1:], "-t")...).CombinedOutput(); err != nil {
		t.Errorf("%v: %s", err, out)
	}
}

// The real nginx: both workers are found, answer, and are gone after stop.
func TestNginxServesAndStops(t *testing.T) {
	path, err := findNginx(nginxPaths...)
	if err != nil {
		t.Skip(err)
	}
	work := t.TempDir()
	f, err := makeFixtures(work)
	if err != nil {
		t.Fatal(err)
	}
	for _, target := range append(tlsTargets(f, nginxSite{dir: work}), staticTargets(f, nginxSite{dir: work})...) {
		if target.nginx == nil {
			continue
		}
		target.path = path
		s, err := startServer(t.Context(), target, false)
		if err != nil {
			t.Fatal(err)
		}
		if len(s.pids()) != 1+nginxWorkers {
			t.Errorf("processes %v, want a master and %d workers", s.pids(), nginxWorkers)
		}
		kinds := staticWork([]load{{Conns: 1, Depth: 1}})
		if s.tls != "" {
			kinds = tlsWork(nil)
		}
		for _, k := range kinds {
			if _, err := k.check(s); err != nil {
				t.Errorf("%s: %v", k.name, err)
			}
		}
		if m, err := memoryOfProcesses(s.pids()); err != nil || m.RSS <= 0 {
			t.Errorf("memory %+v, %v", m, err)
		}
		s.stop()
		for _, pid := range s.pids() {
			if _, err := os.Stat(filepath.Join("/proc", strconv.Itoa(pid))); err == nil {
				t.Errorf("process %d is still there", pid)
			}
		}
	}
}

func TestFindNginx(t *testing.T) {
	if path, err := findNginx("no-such-program", "/no/such/program"); !errors.Is(err, errNoNginx) {
		t.Errorf("got %q, %v", path, err)
	}
	if path, err := findNginx("no-such-program", "sh"); err != nil || filepath.Base(path) != "sh" {
		t.Errorf("got %q, %v, want the second program", path, err)
	}
}

func TestParseNginxVersion(t *testing.T) {
	for out, want := range map[string]string{
		"nginx version: nginx/1.22.1\nbuilt with OpenSSL 3.0.22 25 Aug 2026 (running with OpenSSL 3.0.19 27 Jan 2026)\nTLS SNI support enabled\n": "1.22.1 (OpenSSL 3.0.19 27 Jan 2026)",
		"nginx version: nginx/1.26.0 (Ubuntu)\nbuilt by gcc 12\nbuilt with OpenSSL 3.0.13 30 Jan 2024\n":                                          "1.26.0 (Ubuntu) (OpenSSL 3.0.13 30 Jan 2024)",
		"nginx version: nginx/1.24.0\n": "1.24.0",
		"":                              "unknown",
	} {
		if got := parseNginxVersion(out); got != want {
			t.Errorf("%q: got %q, want %q", out, got, want)
		}
	}
}
