package main

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/calandria-go/calandria/reactor/reactortest"
)

func TestMain(m *testing.M) { reactortest.Main(m) }

const patience = 30 * time.Second

// start runs a command until the test ends, and gives its lines.
func start(t *testing.T, args ...string) *bufio.Reader {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	r, w := io.Pipe()
	var wg sync.WaitGroup
	wg.Go(func() {
		if err := execute(ctx, args, w, slog.New(slog.DiscardHandler)); err != nil {
			t.Errorf("%v: %v", args, err)
		}
		w.Close()
	})
	t.Cleanup(func() {
		cancel()
		go io.Copy(io.Discard, r)
		wg.Wait()
	})
	return bufio.NewReader(r)
}

// address reads a line "listening on SCHEME://ADDR (what)".
func address(t *testing.T, r *bufio.Reader) string {
	t.Helper()
	line, err := r.ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(line, "://")
	addr, _, _ := strings.Cut(rest, " ")
	return addr
}

// eventually tries until f succeeds.
func eventually(t *testing.T, f func() error) {
	t.Helper()
	deadline := time.After(patience)
	for tick := time.Tick(5 * time.Millisecond); ; {
		err := f()
		if err == nil {
			return
		}
		select {
		case <-tick:
		case <-deadline:
			t.Fatal(err)
		}
	}
}

// TestOneLineEach: one line on each side publishes a local web server, by path and by a port; a client reaches it end to end.
func TestOneLineEach(t *testing.T) {
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "hello "+r.URL.Path) }))
	defer web.Close()
	target := strings.TrimPrefix(web.URL, "http://")
	dir := t.TempDir()
	keyFile := filepath.Join(dir, "key")
	var public bytes.Buffer
	if err := execute(t.Context(), []string{"keygen", "-out", keyFile}, &public, slog.New(slog.DiscardHandler)); err != nil {
		t.Fatal(err)
	}
	token := filepath.Join(dir, "token")
	os.WriteFile(token, []byte("a-secret-of-some-length\n"), 0o600)
	out := start(t, "public", "-listen", "127.0.0.1:0", "-agents", "127.0.0.1:0", "-token", "@"+token,
		"-expose", "web=http", "-expose", "raw=tcp://127.0.0.1:0", "-expose", "safe=unix:"+filepath.Join(dir, "sock"), "-metrics", "127.0.0.1:0", "-auth", "me:secret")
	links, site, raw, _ := address(t, out), address(t, out), address(t, out), address(t, out)
	metrics := address(t, out)
	agent := start(t, "agent", "-connect", "ws://"+links+"/", "-token", "@"+token,
		"-service", "web=http://"+target, "-service", "raw=tcp://"+target, "-service", "safe=tcp://"+target, "-key", "safe="+keyFile)
	agent.ReadString('\n')
	client := address(t, start(t, "client", "-connect", "ws://"+links+"/", "-token", "@"+token, "-service", "safe", "-listen", "127.0.0.1:0", "-key", strings.TrimSpace(public.String())))
	cl := &http.Client{Timeout: patience, Transport: &http.Transport{DisableKeepAlives: true}}
	get := func(url, want string) func() error {
		return func() error {
			req, _ := http.NewRequest("GET", url, nil)
			req.SetBasicAuth("me", "secret")
			res, err := cl.Do(req)
			if err != nil {
				return err
			}
			defer res.Body.Close()
			b, err := io.ReadAll(res.Body)
			if err == nil && !strings.Contains(string(b), want) {
				err = io.ErrUnexpectedEOF
			}
			return err
		}
	}
	eventually(t, get("http://"+site+"/web/x", "hello /x"))
	eventually(t, get("http://"+raw+"/y", "hello /y"))
	eventually(t, get("http://"+client+"/z", "hello /z"))
	eventually(t, get("http://"+metrics+"/metrics", `calandria_relay_service_agents{service="raw"} 1`))
	eventually(t, get("http://"+metrics+"/status", `"Name": "web"`))
	if res, err := cl.Get("http://" + metrics + "/status"); err != nil || res.StatusCode != 401 {
		t.Errorf("status without a password: %v, %v", res, err)
	} else {
		res.Body.Close()
	}
}

// TestConfig: a file has all rules, and what is not known in it is an error.
func TestConfig(t *testing.T) {
	dir := t.TempDir()
	name := filepath.Join(dir, "relay.json")
	write := func(s string) {
		if err := os.WriteFile(name, []byte(s), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(`{
		"tokens": [{"token": "agent-token", "name": "lab", "agent": true, "services": ["echo"]}],
		"services": {"echo": {"listen": ["tcp://127.0.0.1:0"], "allow": ["127.0.0.0/8"], "balance": "least_loaded", "max_conns": 10}}
	}`)
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	go func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			io.Copy(c, c)
			c.Close()
		}
	}()
	out := start(t, "public", "-agents", "127.0.0.1:0", "-config", name)
	links, addr := address(t, out), address(t, out)
	list := filepath.Join(dir, "services")
	os.WriteFile(list, []byte("# what is offered\necho=tcp://"+ln.Addr().String()+"\n"), 0o600)
	start(t, "agent", "-connect", "ws://"+links+"/", "-token", "agent-token", "-services", list).ReadString('\n')
	eventually(t, func() error {
		c, err := net.Dial("tcp", addr)
		if err != nil {
			return err
		}
		defer c.Close()
		c.SetDeadline(time.Now().Add(patience))
		c.Write([]byte("x"))
		_, err = io.ReadFull(c, make([]byte, 1))
		return err
	})
	for _, bad := range []string{
		`{"tokenz": []}`, `{"tokens": [{"token": ""}]}`, `{"services": {"a/b": {}}}`, `{"services": {"a": {"kind": "x"}}}`, `{"jwt": {"key_file": "/nowhere"}}`, `{`,
		`{"services": {"a": {"allow": ["10.0.0.0/99"]}}}`,
	} {
		write(bad)
		if err := execute(t.Context(), []string{"public", "-agents", "127.0.0.1:0", "-config", name}, io.Discard, slog.New(slog.DiscardHandler)); err == nil {
			t.Errorf("%s is taken", bad)
		}
	}
}

// TestFlags: what is wrong on a command line is said, and nothing is served.
func TestFlags(t *testing.T) {
	for _, args := range [][]string{
		nil,
		{"x"},
		{"public"},
		{"agent"},
		{"client"},
		{"keygen"},
		{"public", "-agents", ":0", "x"},
		{"agent", "-connect", "ws://x/", "-service", "x"},
		{"agent", "-connect", "ws://x/", "-service", "x=ftp://a:1"},
		{"agent", "-connect", "ws://x/", "-service", "x=tcp://a:1", "-key", "y=/z"},
		{"client", "-connect", "ws://x/", "-service", "a", "-listen", ":0", "-key", "short"},
		{"public", "-agents", "127.0.0.1:0", "-expose", "a=http"},
		{"public", "-agents", "127.0.0.1:0", "-expose", "a=tcp://x:1", "-expose", "a=udp://x:1"},
	} {
		if err := execute(t.Context(), args, io.Discard, slog.New(slog.DiscardHandler)); err == nil {
			t.Errorf("%v: no error", args)
		}
	}
}
