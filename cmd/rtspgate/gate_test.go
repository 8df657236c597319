package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/bcrypt"

	"github.com/calandria-go/calandria/protocols/http1/auth"
	"github.com/calandria-go/calandria/protocols/rtsphttp"
	"github.com/calandria-go/calandria/reactor/reactortest"
)

func TestMain(m *testing.M) { reactortest.Main(m) }

// camera answers every request with its name.
func camera(t *testing.T, name string) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ln.Close() })
	go func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				r := bufio.NewReader(c)
				for {
					line, err := r.ReadString('\n')
					if err != nil {
						return
					}
					if line == "\r\n" {
						fmt.Fprintf(c, "RTSP/1.0 200 OK\r\nServer: %s\r\n\r\n", name)
					}
				}
			}()
		}
	}()
	return ln.Addr().String()
}

// start runs a gate with flags, and gives the addresses of its listeners.
func start(t *testing.T, args ...string) (*gate, []string) {
	t.Helper()
	o, err := parseFlags(append([]string{"-listen", "127.0.0.1:0"}, args...))
	if err != nil {
		t.Fatal(err)
	}
	stdout := os.Stdout
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	os.Stdout = w
	g, err := newGate(o, slog.New(slog.DiscardHandler))
	if err == nil {
		err = g.listen()
	}
	os.Stdout = stdout
	w.Close()
	out, _ := io.ReadAll(r)
	r.Close()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		g.close()
		if err := g.reactor.Shutdown(ctx); err != nil {
			t.Error(err)
		}
	})
	var addrs []string
	for _, line := range strings.Fields(string(out)) {
		if _, rest, ok := strings.Cut(line, "://"); ok {
			addrs = append(addrs, strings.TrimSuffix(rest, "/"))
		}
	}
	return g, addrs
}

// ask opens a tunnel and sends a request: it gives the Server field of the answer.
func ask(t *testing.T, g *gate, url, rtspURL string) (string, error) {
	t.Helper()
	c, err := rtsphttp.Dial(t.Context(), url, &rtsphttp.DialOptions{Reactor: g.reactor})
	if err != nil {
		return "", err
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(30 * time.Second))
	fmt.Fprintf(c, "OPTIONS %s RTSP/1.0\r\nCSeq: 1\r\n\r\n", rtspURL)
	r := bufio.NewReader(c)
	if _, err := r.ReadString('\n'); err != nil {
		return "", err
	}
	line, err := r.ReadString('\n')
	return strings.TrimSpace(strings.TrimPrefix(line, "Server: ")), err
}

func write(t *testing.T, name, text string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

func TestRoutesAndReload(t *testing.T) {
	a, b, c := camera(t, "a"), camera(t, "b"), camera(t, "c")
	file := write(t, "routes.json", `[{"prefix": "/b", "backend": "`+b+`"}]`)
	g, addrs := start(t, "-backend", a, "-routes", file, "-route", "/c=rtsp://"+c+"/live", "-metrics", "127.0.0.1:0")
	for path, want := range map[string]string{"/": "a", "/b/x": "b", "/c": "c", "/bb": "a"} {
		if got, err := ask(t, g, "http://"+addrs[0]+path, "rtsp://h"+path); got != want || err != nil {
			t.Errorf("%s: %q, %v", path, got, err)
		}
	}
	os.WriteFile(file, []byte(`[{"prefix": "/b", "backend": "`+c+`", "deny": ["10.0.0.0/8"]}, {"prefix": "/no", "backend": "`+c+`", "deny": ["127.0.0.1"]}]`), 0o600)
	if err := g.reload(); err != nil {
		t.Fatal(err)
	}
	if got, err := ask(t, g, "http://"+addrs[0]+"/b", "rtsp://h/b"); got != "c" || err != nil {
		t.Errorf("%q, %v", got, err)
	}
	if _, err := ask(t, g, "http://"+addrs[0]+"/no", "rtsp://h/no"); err == nil || !strings.Contains(err.Error(), "403") {
		t.Error(err)
	}
	os.WriteFile(file, []byte(`[{"prefix": "/b", "bakend": "x"}]`), 0o600)
	if err := g.reload(); err == nil {
		t.Error("a file with a mistake was taken")
	}
	if got, err := ask(t, g, "http://"+addrs[0]+"/b", "rtsp://h/b"); got != "c" || err != nil {
		t.Errorf("after a reload that failed: %q, %v", got, err)
	}
}

func TestUsersOfHtpasswdAndHtdigest(t *testing.T) {
	cam := camera(t, "cam")
	hash, err := bcrypt.GenerateFromPassword([]byte("secret"), bcrypt.MinCost)
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"htpasswd":        "ann:" + string(hash) + "\n",
		"htdigest":        "# viewers\nann:cameras:" + auth.HA1(auth.MD5, "ann", "cameras", "secret") + "\n",
		"htdigest sha256": "ann:cameras:" + auth.HA1(auth.SHA256, "ann", "cameras", "secret") + "\n",
	} {
		t.Run(name, func(t *testing.T) {
			file := write(t, "users", text)
			g, addrs := start(t, "-backend", cam, "-users", file)
			if got, err := ask(t, g, "http://ann:secret@"+addrs[0]+"/", "rtsp://h/"); got != "cam" || err != nil {
				t.Errorf("%q, %v", got, err)
			}
			for _, user := range []string{"", "ann:wrong@", "bob:secret@"} {
				if _, err := ask(t, g, "http://"+user+addrs[0]+"/", "rtsp://h/"); err == nil || !strings.Contains(err.Error(), "401") {
					t.Errorf("%q: %v", user, err)
				}
			}
			os.WriteFile(file, []byte("bob:x\n"), 0o600)
			if err := g.reload(); err == nil {
				t.Error("a bad file was taken")
			}
			if got, err := ask(t, g, "http://ann:secret@"+addrs[0]+"/", "rtsp://h/"); got != "cam" || err != nil {
				t.Errorf("after a reload that failed: %q, %v", got, err)
			}
		})
	}
}

func TestOperator(t *testing.T) {
	cam := camera(t, "cam")
	g, addrs := start(t, "-route", "/live=rtsp://admin:hunter2@"+cam, "-metrics", "127.0.0.1:0", "-auth", "op:pw")
	c, err := rtsphttp.Dial(t.Context(), "http://"+addrs[0]+"/live", &rtsphttp.DialOptions{Reactor: g.reactor})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	get := func(path string) string {
		req, _ := http.NewRequest("GET", "http://"+addrs[1]+path, nil)
		req.SetBasicAuth("op", "pw")
		res, err := client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		b, _ := io.ReadAll(res.Body)
		return string(b)
	}
	var rows []row
	if err := json.Unmarshal([]byte(get("/sessions")), &rows); err != nil || len(rows) != 1 || rows[0].Camera != "rtsp://"+cam || rows[0].Viewer != "127.0.0.1" || rows[0].Kind != "http" {
		t.Errorf("%v, %+v", err, rows)
	}
	if s := get("/metrics"); !strings.Contains(s, "calandria_rtsp_tunnels{kind=\"http\"} 1\n") || strings.Contains(s, "hunter2") {
		t.Error("metrics lack the tunnel")
	}
	if s := get("/debug/calandria/"); !strings.Contains(s, "rtspgate") {
		t.Error("no dashboard")
	}
}

func TestFlags(t *testing.T) {
	for _, args := range [][]string{
		{},
		{"x"},
		{"-backend", "h", "x"},
		{"-backend", "h:1", "-tls-cert", "c"},
		{"-backend", "h:1", "-tls-cert", "c", "-tls-key", "k", "-tls-self-signed"},
		{"-backend", "h:1", "-backend-ca", "x", "-backend-insecure"},
		{"-backend", "h:1", "-max-queue", "0"},
		{"-backend", "h:1", "-auth", "x"},
	} {
		o, err := parseFlags(args)
		if err == nil {
			t.Errorf("%q: %+v", args, o)
		}
	}
	for _, args := range [][]string{
		{"-route", "x"},
		{"-route", "cam=rtsp://h"},
		{"-backend", "h:1", "-allow", "/no/such/file"},
		{"-backend", "h:1", "-users", "/no/such/file"},
		{"-backend", "h:port:1"},
		{"-backend", "h:1", "-backend-ca", "/no/such/file"},
		{"-backend", "h:1", "-tls-cert", "/no/such", "-tls-key", "/no/such"},
	} {
		o, err := parseFlags(args)
		if err != nil {
			t.Fatal(err)
		}
		if g, err := newGate(o, slog.New(slog.DiscardHandler)); err == nil {
			g.close()
			t.Errorf("%q was taken", args)
		} else if g != nil {
			t.Error("both")
		}
	}
}
