//go:build unix

// Command haproxy becomes a haproxy that passes everything on to one server, for the harness: it writes the configuration and
// replaces itself.
package main

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/calandria-go/calandria/bench/control"
)

func main() {
	upstream := flag.String("upstream", "", "URL of the server behind it")
	addr := control.Start()
	path, err := exec.LookPath("haproxy")
	if err != nil {
		path, err = exec.LookPath("/usr/sbin/haproxy")
	}
	control.Must(err)
	dir, err := os.MkdirTemp("", "haproxy")
	control.Must(err)
	conf := filepath.Join(dir, "haproxy.cfg")
	text := fmt.Sprintf(`global
  nbthread 2
  maxconn 4000
defaults
  mode http
  timeout connect 5s
  timeout client 1h
  timeout server 60s
  option forwardfor
frontend in
  bind %s
  default_backend out
backend out
  http-reuse always
  server one %s
`, addr, strings.TrimPrefix(*upstream, "http://"))
	control.Must(os.WriteFile(conf, []byte(text), 0o600))
	control.Must(syscall.Exec(path, []string{"haproxy", "-db", "-f", conf}, os.Environ()))
}
