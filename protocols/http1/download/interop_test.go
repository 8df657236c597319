//go:build interop

package download_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/calandria-go/calandria/protocols/http1"
	"github.com/calandria-go/calandria/protocols/http1/cache"
	"github.com/calandria-go/calandria/protocols/http1/download"
	"github.com/calandria-go/calandria/reactor"
	"github.com/calandria-go/calandria/transports/tcp"
)

// tool finds a program, or skips; in CI it has to be there.
func tool(t *testing.T, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal(err)
		}
		t.Skip("no ", name)
	}
	return path
}

func freePort(t *testing.T) int {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	return ln.Addr().(*net.TCPAddr).Port
}

// start runs a server until the test ends, and waits until it answers.
func start(t *testing.T, url string, cmd *exec.Cmd) {
	t.Helper()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cmd.Process.Kill()
		cmd.Wait()
	})
	c := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	limit, tick := time.After(patience), time.NewTicker(20*time.Millisecond)
	defer tick.Stop()
	for {
		if res, err := c.Head(url); err == nil {
			res.Body.Close()
			return
		}
		select {
		case <-tick.C:
		case <-limit:
			t.Fatal("it does not answer")
		}
	}
}

// server is a real one that serves a folder. ranges: it has them.
type server struct {
	name   string
	ranges bool
	start  func(t *testing.T, dir string) (url string)
}

var servers = []server{
	{"nginx", true, nginx},
	{"python", false, func(t *testing.T, dir string) string {
		port := freePort(t)
		url := fmt.Sprintf("http://127.0.0.1:%d", port)
		cmd := exec.Command(tool(t, "python3"), "-m", "http.server", "-b", "127.0.0.1", "-d", dir, fmt.Sprint(port))
		start(t, url, cmd)
		return url
	}},
	{"busybox", true, func(t *testing.T, dir string) string {
		port := freePort(t)
		url := fmt.Sprintf("http://127.0.0.1:%d", port)
		if out, _ := exec.Command(tool(t, "busybox"), "--list").Output(); !strings.Contains(string(out), "httpd") {
			t.Skip("busybox without httpd")
		}
		start(t, url+"/file.bin", exec.Command("busybox", "httpd", "-f", "-p", fmt.Sprintf("127.0.0.1:%d", port), "-h", dir))
		return url
	}},
	{"calandria", true, func(t *testing.T, dir string) string {
		root, err := os.OpenRoot(dir)
		if err != nil {
			t.Fatal(err)
		}
		files := http1.Files(root, http1.FilesConfig{})
		ln, err := tcp.Listen("127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		r := reactor.New(reactor.Config{})
		if _, err := r.Listen(ln, &http1.Server{Handler: files, DrainIdle: -1}); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			r.Shutdown(context.Background())
			files.Close()
			root.Close()
		})
		return "http://" + ln.Addr().String()
	}},
}

func nginx(t *testing.T, dir string) string {
	bin, port, work := tool(t, "nginx"), freePort(t), t.TempDir()
	conf := fmt.Sprintf(`daemon off; worker_processes 1; error_log %[1]s/error.log; pid %[1]s/pid;
events {}
http {
	access_log off; client_body_temp_path %[1]s/a; proxy_temp_path %[1]s/b; fastcgi_temp_path %[1]s/c; uwsgi_temp_path %[1]s/d; scgi_temp_path %[1]s/e;
	sendfile on; limit_conn_zone $server_port zone=one:1m;
	server { listen 127.0.0.1:%[2]d; root %[3]s; location /one/ { alias %[3]s/; limit_conn one 1; } }
}
`, work, port, dir)
	path := filepath.Join(work, "nginx.conf")
	if err := os.WriteFile(path, []byte(conf), 0o600); err != nil {
		t.Fatal(err)
	}
	for d := work; len(d) > len(os.TempDir()); d = filepath.Dir(d) { // its worker has another user
		os.Chmod(d, 0o755)
	}
	url := fmt.Sprintf("http://127.0.0.1:%d", port)
	start(t, url, exec.Command(bin, "-c", path, "-p", work))
	return url
}

// TestInteropServers: whole, interrupted and resumed, and in parallel, from servers that others wrote, by both clients.
func TestInteropServers(t *testing.T) {
	const size = 20 << 20
	want := content(5, size)
	dir := t.TempDir()
	os.Chmod(dir, 0o755)
	os.Chmod(filepath.Dir(dir), 0o755)
	path := filepath.Join(dir, "file.bin")
	if err := os.WriteFile(path, want, 0o644); err != nil {
		t.Fatal(err)
	}
	long := time.Now().Add(-time.Hour) // so that its date is a strong validator
	if err := os.Chtimes(path, long, long); err != nil {
		t.Fatal(err)
	}
	for _, s := range servers {
		t.Run(s.name, func(t *testing.T) {
			url := s.start(t, dir) + "/file.bin"
			eachClient(t, func(t *testing.T, client *http.Client) {
				o := &origin{client: client}
				sums := []download.Sum{sumOf(want)}
				to := target(t)
				if _, err := run(t, quick(o), download.Job{URL: url, Path: to, Sums: sums}); err != nil {
					t.Fatal(err)
				}
				wantFile(t, to, want)

				to = target(t)
				ctx, cancel := context.WithCancelCause(context.Background())
				defer cancel(nil)
				d := quick(o)
				d.Rate = 8 << 20
				d.Progress = func(p download.Progress) {
					if p.Done > size/4 {
						cancel(errOurs)
					}
				}
				if _, err := d.Get(ctx, download.Job{URL: url, Path: to, Resume: true}); !errors.Is(err, errOurs) {
					t.Fatal(err)
				}
				res, err := run(t, quick(o), download.Job{URL: url, Path: to, Resume: true, Sums: sums})
				if err != nil {
					t.Fatal(err)
				}
				wantFile(t, to, want)
				if res.Resumed < size/4 || s.ranges != (res.Attempts == 1) {
					t.Logf("%+v", res)
					if s.ranges {
						t.Error("begun anew")
					}
				}

				to = target(t)
				d = quick(o)
				d.Parallel, d.MinRange = 4, 1<<20
				if _, err := run(t, d, download.Job{URL: url, Path: to, Sums: sums}); err != nil {
					t.Fatal(err)
				}
				wantFile(t, to, want)
			})
		})
	}
}

// TestInteropOneConnection: nginx that refuses a second connection of ours with 503.
func TestInteropOneConnection(t *testing.T) {
	const size = 20 << 20
	want := content(5, size)
	dir := t.TempDir()
	os.Chmod(dir, 0o755)
	os.Chmod(filepath.Dir(dir), 0o755)
	if err := os.WriteFile(filepath.Join(dir, "file.bin"), want, 0o644); err != nil {
		t.Fatal(err)
	}
	url := nginx(t, dir) + "/one/file.bin"
	eachClient(t, func(t *testing.T, client *http.Client) {
		d, to := quick(&origin{client: client}), target(t)
		d.Parallel, d.MinRange = 4, 1<<20
		res, err := run(t, d, download.Job{URL: url, Path: to, Sums: []download.Sum{sumOf(want)}})
		if err != nil {
			t.Fatal(err)
		}
		if res.Attempts < 2 {
			t.Errorf("%+v: nothing was refused", res)
		}
		wantFile(t, to, want)
	})
}

// TestInteropCache: nginx confirms by its own entity tag what is stored, and a change is seen.
func TestInteropCache(t *testing.T) {
	dir := t.TempDir()
	os.Chmod(dir, 0o755)
	os.Chmod(filepath.Dir(dir), 0o755)
	path := filepath.Join(dir, "file.txt")
	if err := os.WriteFile(path, []byte("one"), 0o644); err != nil {
		t.Fatal(err)
	}
	url := nginx(t, dir) + "/file.txt"
	eachClient(t, func(t *testing.T, client *http.Client) {
		c := &cache.Transport{Next: client.Transport, MaxHeuristic: -1}
		defer c.Close()
		get := func(want string) {
			t.Helper()
			res, err := (&http.Client{Transport: c}).Get(url)
			if err != nil {
				t.Fatal(err)
			}
			defer res.Body.Close()
			if got, err := io.ReadAll(res.Body); string(got) != want || err != nil {
				t.Errorf("%q, %v; want %q", got, err, want)
			}
		}
		os.WriteFile(path, []byte("one"), 0o644)
		get("one")
		get("one")
		if s := c.Stats(); s.Validated != 1 || s.Misses != 1 {
			t.Errorf("%+v", s)
		}
		os.WriteFile(path, []byte("other"), 0o644)
		get("other")
		get("other")
		if s := c.Stats(); s.Validated != 2 || s.Misses != 2 {
			t.Errorf("%+v", s)
		}
	})
}
