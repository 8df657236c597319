package multipart_test

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	std "mime/multipart"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/calandria-go/calandria/protocols/http1"
	"github.com/calandria-go/calandria/protocols/http1/multipart"
	"github.com/calandria-go/calandria/reactor"
	"github.com/calandria-go/calandria/reactor/reactortest"
)

const patience = 30 * time.Second

// uploads is a server that takes forms into a directory.
type uploads struct {
	t    testing.TB
	dir  string
	addr string
	done chan error // how exchanges ended
}

func serve(t testing.TB, cfg multipart.Config, h func(x *http1.Exchange, form *multipart.Form)) *uploads {
	t.Helper()
	u := &uploads{t: t, dir: t.TempDir(), done: make(chan error, 1000)}
	root, err := os.OpenRoot(u.dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { root.Close() })
	if cfg.MaxFiles >= 0 {
		cfg.Dir = root
	}
	r := reactortest.NewDefault(t, reactor.Config{})
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	srv := &http1.Server{
		MaxBodyBytes: 1 << 30, DrainIdle: -1,
		Handler: http1.HandlerFunc(func(x *http1.Exchange) { multipart.Read(x, cfg, h) }),
		OnDone:  func(_ *http1.Exchange, r *http1.Result) { u.done <- r.Err },
	}
	if _, err := r.Listen(ln, srv); err != nil {
		t.Fatal(err)
	}
	u.addr = ln.Addr().String()
	return u
}

// left waits until as many files are in the directory.
func (u *uploads) left(n int) {
	u.t.Helper()
	limit, tick := time.After(patience), time.NewTicker(2*time.Millisecond)
	defer tick.Stop()
	for {
		entries, err := os.ReadDir(u.dir)
		if err == nil && len(entries) == n {
			return
		}
		select {
		case <-tick.C:
		case <-limit:
			u.t.Fatalf("%d files are left, %v", len(entries), err)
		}
	}
}

// describe answers with what came.
func describe(x *http1.Exchange, form *multipart.Form) {
	fields := form.Fields
	err := x.Offload(func() {
		var b bytes.Buffer
		for _, f := range fields {
			fmt.Fprintf(&b, "%s=%s\n", f.Name, f.Value)
		}
		for _, f := range form.Files {
			r, err := f.Open()
			if err != nil {
				fmt.Fprintf(&b, "%v\n", err)
				continue
			}
			data, err := io.ReadAll(r)
			r.Close()
			fmt.Fprintf(&b, "%s: %s %s %d %v %.20s\n", f.Field, f.Name, f.ContentType, len(data), err, data)
			if int64(len(data)) != f.Size {
				fmt.Fprintf(&b, "Size is %d\n", f.Size)
			}
		}
		x.Post(func(x *http1.Exchange) { x.Respond(200, "text/plain", b.Bytes()) })
	})
	if err != nil {
		x.Respond(503, "", nil)
	}
}

func (u *uploads) post(ctype string, body io.Reader) (int, string) {
	u.t.Helper()
	tr := &http.Transport{}
	defer tr.CloseIdleConnections()
	c := http.Client{Transport: tr, Timeout: patience}
	res, err := c.Post("http://"+u.addr, ctype, body)
	if err != nil {
		u.t.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		u.t.Fatal(err)
	}
	return res.StatusCode, string(b)
}

// form writes a form: names that begin with @ are files.
func form(parts ...string) (ctype string, body *bytes.Buffer) {
	body = &bytes.Buffer{}
	w := std.NewWriter(body)
	for i := 0; i+1 < len(parts); i += 2 {
		if name, file := strings.CutPrefix(parts[i], "@"); file {
			f, _ := w.CreateFormFile(name, name+".txt")
			io.WriteString(f, parts[i+1])
			continue
		}
		w.WriteField(parts[i], parts[i+1])
	}
	w.Close()
	return w.FormDataContentType(), body
}

func TestRead(t *testing.T) {
	t.Parallel()
	u := serve(t, multipart.Config{}, describe)
	big := strings.Repeat("0123456789", 150_000)
	for range 3 {
		ctype, body := form("a", "1", "@big", big, "b", "", "@empty", "", "@small", "xyz", "a", "2")
		status, text := u.post(ctype, body)
		want := "a=1\nb=\na=2\nbig: big.txt application/octet-stream 1500000 <nil> 01234567890123456789\n" +
			"empty: empty.txt application/octet-stream 0 <nil> \nsmall: small.txt application/octet-stream 3 <nil> xyz\n"
		if status != 200 || text != want {
			t.Errorf("%d %s", status, text)
		}
	}
	u.left(0)
	// Chunked, and with an input without a choice.
	body := "--b\r\nContent-Disposition: form-data; name=f; filename=\"\"\r\n\r\n\r\n--b--\r\n"
	if status, text := u.post("multipart/form-data; boundary=b", io.MultiReader(strings.NewReader(body))); status != 200 || text != "" {
		t.Errorf("%d %s", status, text)
	}
	u.left(0)
}

// TestReadKeep: a file that is kept stays, under a name in the directory that nothing has yet.
func TestReadKeep(t *testing.T) {
	t.Parallel()
	errs := make(chan []error, 1)
	files := make(chan *multipart.File, 1)
	u := serve(t, multipart.Config{}, func(x *http1.Exchange, form *multipart.Form) {
		f, g := form.File("f"), form.File("g")
		x.Offload(func() {
			errs <- []error{f.Keep("kept"), f.Keep("again"), g.Keep("kept"), g.Keep("../out"), g.Keep("/out")}
			x.Post(func(x *http1.Exchange) {
				x.Respond(200, "", []byte(form.Value("none")))
				files <- g
			})
		})
	})
	ctype, body := form("@f", "data", "@g", "other")
	if status, _ := u.post(ctype, body); status != 200 {
		t.Error(status)
	}
	got := <-errs
	if got[0] != nil || !errors.Is(got[1], multipart.ErrGone) || !errors.Is(got[2], fs.ErrExist) || got[3] == nil || got[4] == nil {
		t.Error(got)
	}
	u.left(1)
	if data, err := os.ReadFile(filepath.Join(u.dir, "kept")); err != nil || string(data) != "data" {
		t.Errorf("%q, %v", data, err)
	}
	g := <-files
	if _, err := g.Open(); !errors.Is(err, multipart.ErrGone) {
		t.Error(err)
	}
	if err := g.Keep("late"); !errors.Is(err, multipart.ErrGone) {
		t.Error(err)
	}
}

// TestReadRefuses: each limit and each mistake has its answer, and nothing is left.
func TestReadRefuses(t *testing.T) {
	t.Parallel()
	never := func(x *http1.Exchange, _ *multipart.Form) {
		t.Error("the handler was called")
		x.Respond(200, "", nil)
	}
	large := strings.Repeat("x", 1_000_000)
	for _, tt := range []struct {
		name   string
		cfg    multipart.Config
		parts  []string
		status int
		text   string
	}{
		{"field", multipart.Config{MaxFieldBytes: 10}, []string{"@f", "1", "a", "12345678901"}, 413, "field too large"},
		{"memory", multipart.Config{MaxMemory: 30}, []string{"a", "1234567890", "b", "12345678901234567890"}, 413, "field too large"},
		{"file", multipart.Config{MaxFileBytes: 900_000}, []string{"@f", large}, 413, "file too large"},
		{"total", multipart.Config{MaxTotalBytes: 1_500_000}, []string{"@f", large, "@g", large}, 413, "files too large"},
		{"files", multipart.Config{MaxFiles: 1}, []string{"@f", "1", "@g", "2"}, 413, "too many files"},
		{"no files", multipart.Config{MaxFiles: -1}, []string{"@f", "1"}, 400, "no files"},
		{"parts", multipart.Config{Limits: multipart.Limits{MaxParts: 2}}, []string{"a", "1", "@b", large, "c", ""}, 413, "too many parts"},
		{"accept", multipart.Config{Accept: func(p multipart.Part) error {
			if p.Name == "bad" {
				return &multipart.Error{Status: 422, Msg: "not this"}
			}
			return nil
		}}, []string{"@f", large, "bad", ""}, 422, "not this"},
		{"accept, other error", multipart.Config{Accept: func(multipart.Part) error { return io.ErrNoProgress }}, []string{"a", ""}, 500, "stored"},
	} {
		u := serve(t, tt.cfg, never)
		ctype, body := form(tt.parts...)
		if status, text := u.post(ctype, body); status != tt.status || !strings.Contains(text, tt.text) {
			t.Errorf("%s: %d %s", tt.name, status, text)
		}
		u.left(0)
	}
	u := serve(t, multipart.Config{}, never)
	_, body := form("a", "1")
	for ctype, want := range map[string]int{
		"": 415, "text/plain": 415, "multipart/form-data": 400, "multipart/form-data; boundary=other": 400,
	} {
		if status, text := u.post(ctype, bytes.NewReader(body.Bytes())); status != want || text == "" {
			t.Errorf("%q: %d %s", ctype, status, text)
		}
	}
	if status, _ := u.post("multipart/form-data; boundary=b", strings.NewReader("--b\r\n"+cd+"x")); status != 400 {
		t.Errorf("cut: %d", status)
	}
}

// TestReadStorage: what the file system says is answered; a full disk is 507.
func TestReadStorage(t *testing.T) {
	t.Parallel()
	u := serve(t, multipart.Config{}, describe)
	if err := os.RemoveAll(u.dir); err != nil {
		t.Fatal(err)
	}
	ctype, body := form("@f", "x")
	if status, text := u.post(ctype, body); status != 500 || !strings.Contains(text, "could not be stored") {
		t.Errorf("%d %s", status, text)
	}
}

// TestReadCut: a client that goes away in the middle leaves nothing.
func TestReadCut(t *testing.T) {
	t.Parallel()
	u := serve(t, multipart.Config{}, describe)
	for range 20 {
		c, err := net.Dial("tcp", u.addr)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(c, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100000000\r\nContent-Type: multipart/form-data; boundary=b\r\n\r\n"+
			"--b\r\nContent-Disposition: form-data; name=f; filename=x\r\n\r\n%s", strings.Repeat("x", 300_000))
		c.Close()
	}
	for range 20 {
		select {
		case err := <-u.done:
			if err == nil {
				t.Error("no error")
			}
		case <-time.After(patience):
			t.Fatal("not noticed")
		}
	}
	u.left(0)
}

// TestReadSlowBytes: a form in pieces of one byte.
func TestReadSlowBytes(t *testing.T) {
	t.Parallel()
	u := serve(t, multipart.Config{}, describe)
	ctype, body := form("a", "1", "@f", "data")
	c, err := net.Dial("tcp", u.addr)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(patience))
	fmt.Fprintf(c, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\nContent-Type: %s\r\n\r\n", body.Len(), ctype)
	for _, b := range body.Bytes() {
		if _, err := c.Write([]byte{b}); err != nil {
			t.Fatal(err)
		}
	}
	res, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		t.Fatal(err)
	}
	text, _ := io.ReadAll(res.Body)
	if res.StatusCode != 200 || string(text) != "a=1\nf: f.txt application/octet-stream 4 <nil> data\n" {
		t.Errorf("%s %s", res.Status, text)
	}
	u.left(0)
}

// TestReadCurl: forms as curl sends them.
func TestReadCurl(t *testing.T) {
	t.Parallel()
	curl, err := exec.LookPath("curl")
	if err != nil {
		t.Skip("no curl")
	}
	u := serve(t, multipart.Config{}, describe)
	file := filepath.Join(t.TempDir(), `qu"ote.json`)
	if err := os.WriteFile(file, bytes.Repeat([]byte("{}"), 2_000_000), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(curl, "-sS", "-m", "30", "-F", "a=1", "-F", "b=two\r\nlines", "-F", "f=@-;type=application/json;filename=C:\\dir\\x.json", "-F",
		"g=@"+strings.ReplaceAll(filepath.Join(filepath.Dir(file), "plain"), `"`, `\"`)+";filename=pl\u00e4in", "http://"+u.addr)
	if err := os.Rename(file, filepath.Join(filepath.Dir(file), "plain")); err != nil {
		t.Fatal(err)
	}
	cmd.Stdin = strings.NewReader("[1]")
	out, err := cmd.CombinedOutput()
	want := "a=1\nb=two\r\nlines\nf: x.json application/json 3 <nil> [1]\n" +
		"g: pl\u00e4in application/octet-stream 4000000 <nil> {}{}{}{}{}{}{}{}{}{}\n"
	if err != nil || string(out) != want {
		t.Errorf("%v\n%s", err, out)
	}
	u.left(0)
}
