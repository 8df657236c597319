//go:build interop

package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// tool finds a program, or skips.
func tool(t *testing.T, names ...string) string {
	t.Helper()
	for _, n := range names {
		if p, err := exec.LookPath(n); err == nil {
			return p
		}
	}
	absent(t, names[0])
	return ""
}

// absent skips for want of a program, but where the variable CI says that all are there.
func absent(t *testing.T, what string) {
	t.Helper()
	if os.Getenv("CI") != "" {
		t.Fatalf("%s is not installed", what)
	}
	t.Skipf("%s is not installed", what)
}

// output runs a program to its end.
func output(t *testing.T, name string, args ...string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	b, err := exec.CommandContext(ctx, name, args...).CombinedOutput()
	if err != nil {
		t.Errorf("%s %v: %v\n%s", filepath.Base(name), args, err, b)
	}
	return string(b)
}

// process runs a program until the test ends.
func process(t *testing.T, name string, args ...string) {
	t.Helper()
	c := exec.Command(name, args...)
	var log bytes.Buffer
	c.Stdout, c.Stderr = &log, &log
	c.WaitDelay = time.Second
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		c.Process.Kill()
		c.Wait()
		if t.Failed() {
			t.Logf("%s: %s", filepath.Base(name), log.String())
		}
	})
}

// freePort is one that nobody listens at now.
func freePort(t *testing.T) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	return ln.Addr().String()
}

func listens(t *testing.T, addr string) {
	t.Helper()
	eventually(t, func() error {
		c, err := net.Dial("tcp", addr)
		if err == nil {
			c.Close()
		}
		return err
	})
}

// relayed publishes a target by a port, as one line on each side, and returns the port's address when it is served.
func relayed(t *testing.T, target string) string {
	t.Helper()
	out := start(t, "public", "-agents", "127.0.0.1:0", "-token", "a-secret-token", "-expose", "x=tcp://127.0.0.1:0", "-metrics", "127.0.0.1:0")
	links, addr, metrics := address(t, out), address(t, out), address(t, out)
	start(t, "agent", "-connect", "ws://"+links+"/", "-token", "a-secret-token", "-service", "x="+target).ReadString('\n')
	eventually(t, func() error {
		res, err := http.Get("http://" + metrics + "/metrics")
		if err != nil {
			return err
		}
		defer res.Body.Close()
		b, _ := io.ReadAll(res.Body)
		if !strings.Contains(string(b), `calandria_relay_service_agents{service="x"} 1`) {
			return io.ErrUnexpectedEOF
		}
		return nil
	})
	http.DefaultClient.CloseIdleConnections()
	return addr
}

// TestCurl: downloads and uploads, byte-exact.
func TestCurl(t *testing.T) {
	curl := tool(t, "curl")
	data := bytes.Repeat([]byte("0123456789abcdef"), 1<<20)
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == "PUT" {
			b, _ := io.ReadAll(r.Body)
			fmt.Fprint(w, bytes.Equal(b, data))
			return
		}
		w.Write(data)
	}))
	defer web.Close()
	addr := relayed(t, "tcp://"+web.Listener.Addr().String())
	file := filepath.Join(t.TempDir(), "down")
	output(t, curl, "-sS", "-o", file, "http://"+addr+"/")
	if b, err := os.ReadFile(file); err != nil || !bytes.Equal(b, data) {
		t.Errorf("%d bytes, %v", len(b), err)
	}
	if got := output(t, curl, "-sS", "-T", file, "http://"+addr+"/up"); got != "true" {
		t.Errorf("upload: %s", got)
	}
}

// TestChromium: a page with a WebSocket of its own.
func TestChromium(t *testing.T) {
	chromium := tool(t, "chromium", "chromium-browser")
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		io.WriteString(w, `<p id=x>no</p><script>fetch("/data").then(r=>r.text()).then(t=>document.getElementById("x").textContent=t)</script>`)
		if r.URL.Path == "/data" {
			io.WriteString(w, "through")
		}
	}))
	defer web.Close()
	addr := relayed(t, "tcp://"+web.Listener.Addr().String())
	got := output(t, chromium, "--headless", "--no-sandbox", "--disable-gpu", "--virtual-time-budget=3000", "--user-data-dir="+t.TempDir(), "--dump-dom", "http://"+addr+"/")
	if !strings.Contains(got, "through") {
		t.Errorf("%s", got)
	}
}

// TestIperf3: TCP both ways.
func TestIperf3(t *testing.T) {
	iperf := tool(t, "iperf3")
	at := freePort(t)
	_, port, _ := net.SplitHostPort(at)
	process(t, iperf, "-s", "-B", "127.0.0.1", "-p", port)
	listens(t, at)
	addr := relayed(t, "tcp://"+at)
	_, public, _ := net.SplitHostPort(addr)
	for _, dir := range []string{"", "-R"} {
		args := []string{"-c", "127.0.0.1", "-p", public, "-n", "64M", "-J"}
		if dir != "" {
			args = append(args, dir)
		}
		if got := output(t, iperf, args...); !strings.Contains(got, `"sum_received"`) || strings.Contains(got, `"error"`) {
			t.Errorf("%s", got)
		}
	}
}

// TestSSH: Debian's sshd and ssh, a command with input and output.
func TestSSH(t *testing.T) {
	ssh, keygen := tool(t, "ssh"), tool(t, "ssh-keygen")
	sshd := "/usr/sbin/sshd"
	if _, err := os.Stat(sshd); err != nil {
		absent(t, "sshd")
	}
	if os.Geteuid() == 0 {
		os.MkdirAll("/run/sshd", 0o755) // which sshd as root wants
	}
	dir := t.TempDir()
	host, key := filepath.Join(dir, "host"), filepath.Join(dir, "key")
	output(t, keygen, "-q", "-t", "ed25519", "-N", "", "-f", host)
	output(t, keygen, "-q", "-t", "ed25519", "-N", "", "-f", key)
	at := freePort(t)
	_, port, _ := net.SplitHostPort(at)
	process(t, sshd, "-D", "-e", "-f", "/dev/null", "-p", port, "-o", "ListenAddress=127.0.0.1", "-o", "HostKey="+host, "-o", "PidFile=none",
		"-o", "AuthorizedKeysFile="+key+".pub", "-o", "StrictModes=no", "-o", "PermitRootLogin=yes", "-o", "UsePAM=no")
	listens(t, at)
	addr := relayed(t, "tcp://"+at)
	_, public, _ := net.SplitHostPort(addr)
	who, err := user.Current()
	if err != nil {
		t.Fatal(err)
	}
	got := output(t, ssh, "-p", public, "-i", key, "-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null", "-o", "LogLevel=ERROR",
		who.Username+"@127.0.0.1", "head -c 3000000 /dev/zero | wc -c; echo done")
	if !strings.Contains(got, "3000000") || !strings.Contains(got, "done") {
		t.Errorf("%s", got)
	}
}

// TestPostgres: psql with a real server, a result of many rows and COPY.
func TestPostgres(t *testing.T) {
	psql := tool(t, "psql")
	found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/initdb")
	if len(found) == 0 {
		absent(t, "postgresql")
	}
	bin := filepath.Dir(found[len(found)-1])
	dir := t.TempDir()
	data := filepath.Join(dir, "data")
	at := freePort(t)
	_, port, _ := net.SplitHostPort(at)
	run := func(args ...string) []string { return args }
	if os.Geteuid() == 0 { // the server refuses to be root
		u, err := user.Lookup("postgres")
		if err != nil {
			absent(t, "postgresql")
		}
		uid, _ := strconv.Atoi(u.Uid)
		gid, _ := strconv.Atoi(u.Gid)
		for p := dir; len(p) > len(os.TempDir()); p = filepath.Dir(p) {
			os.Chmod(p, 0o755)
		}
		os.Chown(dir, uid, gid)
		run = func(args ...string) []string {
			return append([]string{"setpriv", "--reuid", u.Uid, "--regid", u.Gid, "--clear-groups"}, args...)
		}
	}
	initdb := run(filepath.Join(bin, "initdb"), "-D", data, "-A", "trust", "-U", "me", "-N")
	output(t, initdb[0], initdb[1:]...)
	serve := run(filepath.Join(bin, "postgres"), "-D", data, "-h", "127.0.0.1", "-p", port, "-k", dir, "-F")
	process(t, serve[0], serve[1:]...)
	listens(t, at)
	addr := relayed(t, "tcp://"+at)
	_, public, _ := net.SplitHostPort(addr)
	url := "postgresql://me@127.0.0.1:" + public + "/postgres"
	var got string
	eventually(t, func() error {
		b, err := exec.Command(psql, url, "-Atc", "select count(*), sum(n) from generate_series(1,100000) n").Output()
		got = string(b)
		return err
	})
	if got != "100000|5000050000\n" {
		t.Errorf("%q", got)
	}
	if rows := output(t, psql, url, "-Atc", "copy (select n, repeat('x', 100) from generate_series(1,50000) n) to stdout"); strings.Count(rows, "\n") != 50000 {
		t.Errorf("%d rows", strings.Count(rows, "\n"))
	}
}
