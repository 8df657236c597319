//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
)

const (
	nginxName    = "nginx"
	nginxWorkers = 2
)

// errNoNginx is why a comparison goes on without nginx.
var errNoNginx = errors.New("nginx is not installed (Debian: apt-get install nginx-light)")

// nginxSite is what an nginx serves beside /plaintext.
type nginxSite struct {
	dir       string // for its configuration, log and temporary files
	cert, key string // empty: no TLS
	static    string // folder that is /static/; empty: none
	upstream  string // address that everything is passed on to; empty: none
}

// config is the text of nginx.conf. The settings of a server that is set up for speed are in it, and one
// cipher suite, the one that Go's servers choose: OpenSSL would take AES-256 with a client such as wrk.
// user is the workers' account if the master is root's; empty: nginx's own choice.
func (n nginxSite) config(addr, user string) string {
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	line("daemon off;")
	if user != "" {
		line("user %s;", user)
	}
	line("worker_processes %d;", nginxWorkers)
	line("pid %q;", filepath.Join(n.dir, "nginx.pid"))
	line("error_log %q warn;", filepath.Join(n.dir, "error.log"))
	line("events { worker_connections 4096; }")
	line("http {")
	for _, kind := range []string{"client_body", "proxy", "fastcgi", "uwsgi", "scgi"} {
		line("  %s_temp_path %q;", kind, filepath.Join(n.dir, kind))
	}
	line("  access_log off;")
	line("  sendfile on;")
	line("  tcp_nopush on;")
	line("  keepalive_requests 1000000;")
	line("  keepalive_timeout 1h;")
	line("  open_file_cache max=1000;")
	line("  default_type application/octet-stream;")
	if n.upstream != "" {
		line("  upstream behind { server %s; keepalive 64; keepalive_requests 1000000; }", n.upstream)
	}
	line("  server {")
	if n.cert == "" {
		line("    listen %s;", addr)
	} else {
		line("    listen %s ssl;", addr)
		line("    ssl_certificate %q;", n.cert)
		line("    ssl_certificate_key %q;", n.key)
		line("    ssl_protocols TLSv1.3;")
		line("    ssl_conf_command Ciphersuites TLS_AES_128_GCM_SHA256;")
		line("    ssl_session_tickets on;")
	}
	if n.upstream != "" {
		line("    location / { proxy_pass http://behind; proxy_http_version 1.1; proxy_set_header Connection \"\";")
		line("      proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for; }")
		line("  }")
		line("}")
		return b.String()
	}
	line("    location = %s { default_type text/plain; return 200 %q; }", plaintextPath, plaintextBody)
	if n.static != "" {
		line("    location %s { alias %q; }", staticPrefix, n.static+"/")
	}
	line("  }")
	line("}")
	return b.String()
}

// command writes the configuration and prepares nginx in the foreground. When ctx ends, its master is
// asked to end, so that it takes its workers along.
func (n nginxSite) command(ctx context.Context, path, addr string) (*exec.Cmd, error) {
	if err := os.MkdirAll(n.dir, 0o755); err != nil {
		return nil, err
	}
	user := ""
	if os.Getuid() == 0 {
		user = "root" // the work folder may be closed to nginx's own account
	}
	conf := filepath.Join(n.dir, "nginx.conf")
	if err := os.WriteFile(conf, []byte(n.config(addr, user)), 0o644); err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, path, "-p", n.dir, "-c", conf, "-e", filepath.Join(n.dir, "error.log"))
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	return cmd, nil
}

// nginxPaths are where nginx may be: Debian's folder is not in every user's PATH.
var nginxPaths = []string{"nginx", "/usr/sbin/nginx", "/usr/local/sbin/nginx"}

// findNginx gives the first program of a list that exists.
func findNginx(names ...string) (string, error) {
	for _, name := range names {
		if path, err := exec.LookPath(name); err == nil {
			return path, nil
		}
	}
	return "", errNoNginx
}

// nginxVersion asks a program for its version.
func nginxVersion(ctx context.Context, path string) string {
	out, err := exec.CommandContext(ctx, path, "-V").CombinedOutput()
	if err != nil {
		return "unknown"
	}
	return parseNginxVersion(string(out))
}

// parseNginxVersion reads what nginx -V prints: the version, and the OpenSSL that it runs with, which need
// not be the one that it was built with.
func parseNginxVersion(out string) string {
	version, ssl := "unknown", ""
	for line := range strings.Lines(out) {
		line = strings.TrimSpace(line)
		if v, found := strings.CutPrefix(line, "nginx version: nginx/"); found {
			version = v
		}
		if v, found := strings.CutPrefix(line, "built with "); found {
			ssl = v
			if _, running, found := strings.Cut(v, "(running with "); found {
				ssl = strings.TrimSuffix(running, ")")
			}
		}
	}
	if ssl != "" {
		version += " (" + ssl + ")"
	}
	return version
}
