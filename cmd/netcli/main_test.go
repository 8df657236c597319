package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/calandria-go/calandria/reactor/reactortest"
)

func TestMain(m *testing.M) { reactortest.Main(m) }

// cli runs one command line.
func cli(t testing.TB, in string, args ...string) (code int, out, errs string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	var o, e bytes.Buffer
	code = run(ctx, &env{in: strings.NewReader(in), out: &o, err: &e, getenv: func(name string) string {
		if name == passwordVar {
			return "secret"
		}
		return ""
	}}, args)
	return code, o.String(), e.String()
}

// site is a server with all that the commands meet.
func site(t testing.TB) *httptest.Server {
	mux := http.NewServeMux()
	mux.HandleFunc("/hello.txt", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("ETag", `"1"`)
		http.ServeContent(w, r, "", time.Time{}, strings.NewReader("hello"))
	})
	mux.HandleFunc("/SHA256SUMS", func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "%x  hello.txt\n%x  bad.txt\n", sha256.Sum256([]byte("hello")), sha256.Sum256(nil))
	})
	mux.HandleFunc("/bad.txt", func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "bad") })
	mux.HandleFunc("/echo", func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		user, password, _ := r.BasicAuth()
		fmt.Fprintf(w, "%s %s %s %s:%s %d %s", r.Method, r.Host, r.Header.Get("Content-Type"), user, password, r.ContentLength, body)
	})
	mux.HandleFunc("/field", func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, r.Header["X-A"], r.UserAgent()) })
	mux.HandleFunc("/form", func(w http.ResponseWriter, r *http.Request) {
		if err := r.ParseMultipartForm(1 << 20); err != nil {
			t.Error(err)
			return
		}
		for _, f := range r.MultipartForm.File["f"] {
			fmt.Fprintln(w, f.Filename, f.Header.Get("Content-Type"), f.Size)
		}
		fmt.Fprintln(w, r.FormValue("a"))
	})
	mux.HandleFunc("/bytes", func(w http.ResponseWriter, r *http.Request) { w.Write([]byte{0xff, 0xfe}) })
	mux.HandleFunc("/slow", func(w http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	mux.HandleFunc("/busy", func(w http.ResponseWriter, r *http.Request) { http.Error(w, "busy", http.StatusServiceUnavailable) })
	mux.HandleFunc("/loop", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/loop", http.StatusFound) })
	mux.HandleFunc("/moved", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "/echo", http.StatusTemporaryRedirect)
	})
	raw := func(text string) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			c, buf, err := http.NewResponseController(w).Hijack()
			if err == nil {
				buf.WriteString(text)
				buf.Flush()
				c.Close()
			}
		}
	}
	mux.HandleFunc("/cut", raw("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello"))
	mux.HandleFunc("/broken", raw("HTTP/1.1 abc\r\n\r\n"))
	mux.HandleFunc("/nothing", raw(""))
	srv := httptest.NewServer(mux)
	t.Cleanup(srv.Close)
	return srv
}

func closed(t testing.TB) string {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ln.Close()
	return ln.Addr().String()
}

func TestExits(t *testing.T) {
	srv := site(t)
	secure := httptest.NewUnstartedServer(http.NotFoundHandler())
	secure.Config.ErrorLog = log.New(io.Discard, "", 0)
	secure.StartTLS()
	defer secure.Close()
	dir := t.TempDir()
	for _, tt := range []struct {
		args string
		want int
	}{
		{"", exitUsage},
		{"help", exitOK},
		{"get -h", exitOK},
		{"nothing", exitUsage},
		{"get", exitUsage},
		{"get a b", exitUsage},
		{"get -x URL/", exitUsage},
		{"get URL/hello.txt", exitOK},
		{"get -std URL/hello.txt", exitOK},
		{"get URL/gone", exitStatus},
		{"get URL/busy", exitStatus},
		{"get -std URL/busy", exitStatus},
		{"get http://CLOSED/", exitNetwork},
		{"get -std http://CLOSED/", exitNetwork},
		{"get http://name.invalid/", exitNetwork},
		{"get SECURE/", exitTLS},
		{"get -std SECURE/", exitTLS},
		{"get -k SECURE/", exitStatus},
		{"get -timeout 50ms URL/slow", exitTimeout},
		{"get -std -timeout 50ms URL/slow", exitTimeout},
		{"get URL/cut", exitProtocol},
		{"get -std URL/cut", exitProtocol},
		{"get URL/broken", exitProtocol},
		{"get -std URL/broken", exitProtocol},
		{"get URL/nothing", exitNetwork},
		{"get -std URL/nothing", exitNetwork},
		{"get URL/hello.txt -o DIR/new/file", exitFile},
		{"get URL/hello.txt -o DIR", exitOK},
		{"get URL/ -o DIR", exitUsage},
		{"get URL/hello.txt -resume", exitUsage},
		{"get URL/bad.txt -o DIR/bad -sha256 " + strings.Repeat("0", 64), exitChecksum},
		{"get URL/bad.txt -o DIR/bad -md5 0", exitUsage},
		{"get URL/bad.txt -o DIR/bad -sums URL/SHA256SUMS", exitChecksum},
		{"get URL/echo -o DIR/bad -sums URL/SHA256SUMS", exitChecksum},
		{"get URL/hello.txt -o DIR/good -sums URL/SHA256SUMS", exitOK},
		{"get URL/bad.txt -o DIR/bad -sums URL/gone", exitStatus},
		{"get URL/bad.txt -o DIR/bad -sums DIR/gone", exitFile},
		{"get URL/cut -o DIR/cut -retries 0", exitProtocol},
		{"get URL/gone -o DIR/gone", exitStatus},
		{"get -cacert DIR/gone URL/", exitFile},
		{"get -proxy nonsense URL/", exitUsage},
		{"get -H nonsense URL/", exitUsage},
		{"get ftp://host.example/ -o DIR/x", exitOther},
		{"get http://[ -o DIR/x", exitUsage},
		{"post URL/echo -d a -d @b", exitUsage},
		{"post URL/echo -d @DIR/gone", exitFile},
		{"upload URL/form", exitUsage},
		{"upload URL/form -F a", exitUsage},
		{"upload URL/form -F f=@DIR/gone", exitFile},
		{"upload URL/form -F a=b -T DIR/x", exitUsage},
		{"resolve", exitUsage},
		{"resolve -4 -6 localhost", exitUsage},
		{"resolve 127.0.0.1", exitOK},
		{"ifaces", exitOK},
		{"ifaces x", exitUsage},
		{"get -limit-rate 1X URL/hello.txt -o DIR/x", exitUsage},
		{"get -proxy http://CLOSED URL/hello.txt", exitNetwork},
		{"get -proxy socks5://CLOSED URL/hello.txt", exitNetwork},
	} {
		for _, also := range []string{"", " -json"} {
			line := strings.NewReplacer("URL", srv.URL, "SECURE", secure.URL, "CLOSED", closed(t), "DIR", dir).Replace(tt.args)
			args := strings.Fields(line)
			if also != "" && (len(args) < 2 || slices.Contains(args, "-h")) {
				continue
			}
			code, out, errs := cli(t, "", append(args, strings.Fields(also)...)...)
			if code != tt.want {
				t.Errorf("%s%s: %d; want %d\n%s%s", tt.args, also, code, tt.want, out, errs)
			}
			if code != exitOK && errs == "" {
				t.Errorf("%s%s: no word why", tt.args, also)
			}
			if also != "" && code != exitOK && code != exitUsage {
				var f failure
				lines := strings.Split(strings.TrimSpace(out), "\n")
				if err := json.Unmarshal([]byte(lines[len(lines)-1]), &f); err != nil || f.Exit != code || f.Error == "" || f.Command != args[0] {
					t.Errorf("%s: %q, %v", tt.args, out, err)
				}
			}
		}
	}
}

func TestGetPrints(t *testing.T) {
	srv := site(t)
	for _, std := range []bool{false, true} {
		with := func(args ...string) []string {
			if std {
				return append(args, "-std")
			}
			return args
		}
		if _, out, _ := cli(t, "", with("get", srv.URL+"/hello.txt")...); out != "hello" {
			t.Errorf("%q", out)
		}
		if _, out, _ := cli(t, "", with("get", "-i", srv.URL+"/hello.txt")...); !strings.HasPrefix(out, "HTTP/1.1 200 OK\r\n") || !strings.HasSuffix(out, "\r\n\r\nhello") || !strings.Contains(out, "Etag: \"1\"\r\n") {
			t.Errorf("%q", out)
		}
		if _, out, _ := cli(t, "", with("get", "-I", srv.URL+"/hello.txt")...); !strings.HasSuffix(out, "\r\n\r\n") || !strings.Contains(out, "Content-Length: 5\r\n") {
			t.Errorf("%q", out)
		}
		if _, out, _ := cli(t, "", with("get", "-H", "X-A: 1", "-H", "x-a:2", "-A", "me", srv.URL+"/field")...); out != "[1 2] me" && out != "[1 2]me" {
			t.Errorf("%q", out)
		}
		if _, out, _ := cli(t, "", with("get", "-user", "me:you", "-H", "Host: other.example", srv.URL+"/echo")...); out != "GET other.example  me:you 0 " {
			t.Errorf("%q", out)
		}
		if _, out, _ := cli(t, "", with("get", "-user", "me", srv.URL+"/echo")...); !strings.Contains(out, "me:secret") {
			t.Errorf("%q", out)
		}
		var a answer
		if _, out, _ := cli(t, "", with("get", "-json", srv.URL+"/hello.txt")...); json.Unmarshal([]byte(out), &a) != nil || a.Status != 200 || a.Body == nil || *a.Body != "hello" || a.Bytes != 5 || a.Headers.Get("Etag") != `"1"` {
			t.Errorf("%q", out)
		}
		a = answer{}
		if _, out, _ := cli(t, "", with("get", "-json", srv.URL+"/bytes")...); json.Unmarshal([]byte(out), &a) != nil || a.Body != nil || a.Base64 != "//4=" {
			t.Errorf("%q", out)
		}
	}
}

func TestGetFile(t *testing.T) {
	srv := site(t)
	dir := t.TempDir()
	code, out, errs := cli(t, "", "get", srv.URL+"/hello.txt", "-o", dir, "-resume", "-parallel", "4", "-limit-rate", "1M", "-json", "-sha256", fmt.Sprintf("%x", sha256.Sum256([]byte("hello"))))
	var f file
	if err := json.Unmarshal([]byte(out), &f); code != exitOK || err != nil || f.File != filepath.Join(dir, "hello.txt") || f.Bytes != 5 || !f.Checked || f.ETag != `"1"` {
		t.Errorf("%d %q %q", code, out, errs)
	}
	if got, err := os.ReadFile(filepath.Join(dir, "hello.txt")); string(got) != "hello" || err != nil {
		t.Errorf("%q, %v", got, err)
	}
	if !strings.Contains(errs, "hello.txt: 5 of 5 bytes (100 %)") {
		t.Errorf("%q", errs)
	}
	if _, _, errs := cli(t, "", "get", srv.URL+"/hello.txt", "-q", "-o", dir); errs != "" {
		t.Errorf("%q", errs)
	}
}

func TestPost(t *testing.T) {
	srv := site(t)
	host := strings.TrimPrefix(srv.URL, "http://")
	path := filepath.Join(t.TempDir(), "body")
	if err := os.WriteFile(path, []byte("from a file"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct{ args, want string }{
		{"-d a=1 -d b=2", "POST HOST application/x-www-form-urlencoded : 7 a=1&b=2"},
		{"", "POST HOST application/x-www-form-urlencoded : 0 "},
		{"-X PUT -type text/plain -d x", "PUT HOST text/plain : 1 x"},
		{"-H Content-Type:a/b -d x", "POST HOST a/b : 1 x"},
		{"-d @" + path, "POST HOST application/x-www-form-urlencoded : 11 from a file"},
		{"-d @-", "POST HOST application/x-www-form-urlencoded : -1 from standard input"},
	} {
		for _, at := range []string{"/echo", "/moved"} {
			if at == "/moved" && tt.args == "-d @-" { // cannot be sent again
				continue
			}
			code, out, errs := cli(t, "from standard input", append([]string{"post", srv.URL + at}, strings.Fields(tt.args)...)...)
			if want := strings.ReplaceAll(tt.want, "HOST", host); code != exitOK || out != want {
				t.Errorf("%s: %d, %q; want %q; %s", tt.args, code, out, want, errs)
			}
		}
	}
}

func TestUpload(t *testing.T) {
	srv := site(t)
	path := filepath.Join(t.TempDir(), "sea.bin")
	if err := os.WriteFile(path, make([]byte, 300_000), 0o600); err != nil {
		t.Fatal(err)
	}
	code, out, errs := cli(t, "", "upload", srv.URL+"/form", "-F", "a=b=c", "-F", "f=@"+path, "-F", "f=@"+path+";type=image/png;filename=x y.png")
	if want := "sea.bin application/octet-stream 300000\nx y.png image/png 300000\nb=c\n"; code != exitOK || out != want {
		t.Errorf("%d, %q; want %q; %s", code, out, want, errs)
	}
	code, out, errs = cli(t, "", "upload", srv.URL+"/echo", "-T", path, "-q")
	if want := "PUT " + strings.TrimPrefix(srv.URL, "http://") + " application/octet-stream : 300000 "; code != exitOK || !strings.HasPrefix(out, want) || len(out) != len(want)+300_000 || errs != "" {
		t.Errorf("%d, %d bytes; %s", code, len(out), errs)
	}
}

func TestTLSFlags(t *testing.T) {
	srv := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, r.Proto) }))
	defer srv.Close()
	path := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: srv.Certificate().Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{{"-cacert", path}, {"-k"}, {"-cacert", path, "-std"}, {"-k", "-std"}} {
		if code, out, errs := cli(t, "", append([]string{"get", srv.URL}, args...)...); code != exitOK || out != "HTTP/1.1" {
			t.Errorf("%v: %d, %q, %s", args, code, out, errs)
		}
	}
}

// TestProxy: requests go through the proxy that is named.
func TestProxy(t *testing.T) {
	srv := site(t)
	var asked atomic.Int64
	via := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		fmt.Fprint(w, "by the proxy for ", r.URL)
	}))
	defer via.Close()
	for _, std := range []string{"", "-std"} {
		if code, out, errs := cli(t, "", append([]string{"get", "-proxy", via.URL, "http://host.example/a"}, strings.Fields(std)...)...); code != exitOK || out != "by the proxy for http://host.example/a" {
			t.Errorf("%d, %q, %s", code, out, errs)
		}
		if code, out, _ := cli(t, "", append([]string{"get", "-proxy", via.URL, "-noproxy", srv.URL + "/hello.txt"}, strings.Fields(std)...)...); code != exitOK || out != "hello" {
			t.Errorf("%d, %q", code, out)
		}
	}
	if asked.Load() != 2 {
		t.Errorf("asked %d times", asked.Load())
	}
}

// TestMeter: a bar on a terminal, which is gone at the end; lines elsewhere.
func TestMeter(t *testing.T) {
	var out bytes.Buffer
	m := (&env{err: &out, terminal: true}).meter("file", false)
	m.set(0, -1)
	m.set(512, 1024)
	m.set(1024, 1024)
	if !strings.Contains(out.String(), "file") || !strings.Contains(out.String(), "\r") {
		t.Errorf("%q", out.String())
	}
	m.end(1024, 1024, false)
	if !strings.HasSuffix(out.String(), "file: 1024 of 1024 bytes (100 %)\n") {
		t.Errorf("%q", out.String())
	}
	out.Reset()
	m = (&env{err: &out}).meter("file", false)
	m.set(1, 2)
	m.last = time.Time{}
	m.set(1, 2)
	m.last = time.Time{}
	m.set(1, -1)
	if out.String() != "file: 1 of 2 bytes (50 %)\nfile: 1 bytes\n" {
		t.Errorf("%q", out.String())
	}
}

func TestSize(t *testing.T) {
	for s, want := range map[string]size{"0": 0, "500": 500, "64K": 64 << 10, "64KiB": 64 << 10, "1.5M": 3 << 19, "2g": 2 << 30, "5B": 5} {
		var z size
		if err := z.Set(s); err != nil || z != want {
			t.Errorf("%s: %d, %v", s, z, err)
		}
	}
	for _, s := range []string{"", "K", "-1", "1KM", "x", "1e30", "NaN", "Inf"} {
		var z size
		if z.Set(s) == nil {
			t.Errorf("%q was taken: %d", s, z)
		}
	}
}

// TestHelp: every command and every exit status is there.
func TestHelp(t *testing.T) {
	_, out, _ := cli(t, "", "help")
	for name, c := range commands {
		if c.name != name || !strings.Contains(out, "\n  "+name+" ") || c.what == "" {
			t.Errorf("%s is not in help", name)
		}
	}
	for _, x := range exits {
		if !strings.Contains(out, fmt.Sprintf("\n  %3d  %s\n", x.code, x.what)) {
			t.Errorf("%d is not in help", x.code)
		}
	}
}
