//go:build interop

package interop

import (
	"bytes"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// program finds one, or skips the test; where CI is set its absence is a failure.
func program(t *testing.T, names ...string) string {
	t.Helper()
	for _, name := range names {
		for _, at := range []string{name, "/usr/sbin/" + name} {
			if path, err := exec.LookPath(at); err == nil {
				return path
			}
		}
	}
	if os.Getenv("CI") != "" {
		t.Fatalf("%v is not installed", names)
	}
	t.Skipf("%v is not installed", names)
	return ""
}

// freePort is a loopback address that nobody listens at.
func freePort(t *testing.T) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	return ln.Addr().String()
}

// runAt runs a program until the test ends, and waits until addr accepts connections.
func runAt(t *testing.T, addr, path string, args ...string) {
	t.Helper()
	cmd := exec.Command(path, args...)
	var log bytes.Buffer
	cmd.Stdout, cmd.Stderr = &log, &log
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		cmd.Wait()
		close(ended)
	}()
	t.Cleanup(func() {
		syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
		<-ended
	})
	limit := time.After(20 * time.Second)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		if c, err := net.Dial("tcp", addr); err == nil {
			c.Close()
			return
		}
		select {
		case <-ended:
			t.Fatalf("%s has ended: %s", filepath.Base(path), log.String())
		case <-limit:
			t.Fatalf("%s does not listen", filepath.Base(path))
		case <-tick.C:
		}
	}
}

// write puts a file into dir and gives its path.
func write(t *testing.T, dir, name, text string) string {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

// nginxAt runs an nginx with the lines of one server.
func nginxAt(t *testing.T, addr, lines string) {
	t.Helper()
	path, dir := program(t, "nginx"), t.TempDir()
	user := ""
	if os.Getuid() == 0 {
		user = "user root;"
	}
	var temp strings.Builder
	for _, kind := range []string{"client_body", "proxy", "fastcgi", "uwsgi", "scgi"} {
		temp.WriteString(kind + "_temp_path " + dir + "/" + kind + ";\n")
	}
	conf := write(t, dir, "nginx.conf", user+"daemon off; worker_processes 1; pid "+dir+"/pid; error_log "+dir+"/log;\n"+
		"events { worker_connections 512; }\nhttp { access_log off; "+temp.String()+lines+" }\n")
	runAt(t, addr, path, "-p", dir, "-c", conf, "-e", dir+"/log")
}

// haproxyAt runs a haproxy in front of upstream.
func haproxyAt(t *testing.T, addr, upstream string) {
	t.Helper()
	path, dir := program(t, "haproxy"), t.TempDir()
	conf := write(t, dir, "haproxy.cfg", "defaults\n mode http\n timeout connect 5s\n timeout client 30s\n timeout server 30s\n"+
		"frontend in\n bind "+addr+"\n default_backend out\nbackend out\n http-reuse always\n server one "+upstream+"\n")
	runAt(t, addr, path, "-db", "-f", conf)
}

// nodeOrigin says the path of each request, and how long its body was.
const nodeOrigin = `const [host, port] = process.argv[2].split(":");
require("http").createServer((q, s) => {
  let n = 0;
  q.on("data", (d) => { n += d.length; });
  q.on("end", () => s.end("path " + q.url + " " + n));
}).listen(+port, host);`

// nodeProxy passes on what node's own parser has made of a request.
const nodeProxy = `const http = require("http");
const [host, port] = process.argv[2].split(":");
const [upHost, upPort] = process.argv[3].split(":");
const agent = new http.Agent({ keepAlive: true, maxSockets: 4 });
http.createServer((q, s) => {
  const headers = { ...q.headers };
  delete headers.connection;
  const up = http.request({ host: upHost, port: +upPort, method: q.method, path: q.url, headers, agent }, (r) => {
    s.writeHead(r.statusCode, { "content-type": "text/plain" });
    r.pipe(s);
  });
  up.on("error", () => { s.statusCode = 502; s.end(); });
  q.on("close", () => { if (!q.complete) up.destroy(); });
  q.pipe(up);
}).listen(+port, host);`
