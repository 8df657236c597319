package multipart_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"mime"
	std "mime/multipart"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/calandria-go/calandria/protocols/http1/multipart"
)

func text(s string) func() (io.ReadCloser, error) {
	return func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(s)), nil }
}

// sample is what the tests encode.
func sample(t testing.TB) *multipart.Encoder {
	t.Helper()
	var e multipart.Encoder
	for _, err := range []error{
		e.AddField("title", "Sea"),
		e.AddField("", ""),
		e.AddField("odd \"name\"\r\n", "--\r\n--x\r\n"),
		e.AddFile("f", "a \"b\".txt", "", 3, text("abc")),
		e.AddFile("g", "日本.json", "application/json", 0, text("")),
		e.AddFile("h", "line\r\nend", "text/plain; charset=utf-8", 2, text("\r\n")),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	return &e
}

const sampleParts = `title|false|||"Sea" |false|||"" odd "name"` + "\r\n" + `|false|||"--\r\n--x\r\n" f|true|a _b_.txt|application/octet-stream|"abc" ` +
	`g|true|日本.json|application/json|"" h|true|lineend|text/plain; charset=utf-8|"\r\n"`

// TestEncoderRoundTrip: what is written is what our parser and mime/multipart read, whatever pieces the body is read in.
func TestEncoderRoundTrip(t *testing.T) {
	e := sample(t)
	for how, wrap := range map[string]func(io.Reader) io.Reader{
		"whole": func(r io.Reader) io.Reader { return r }, "byte by byte": iotest.OneByteReader, "halves": iotest.HalfReader, "data with EOF": iotest.DataErrReader,
	} {
		b := e.Body()
		body, err := io.ReadAll(wrap(b))
		if err != nil || int64(len(body)) != e.ContentLength() {
			t.Fatalf("%s: %d bytes of %d, %v", how, len(body), e.ContentLength(), err)
		}
		if err := b.Close(); err != nil {
			t.Error(err)
		}
		parts, err := parse(e.Boundary(), multipart.Limits{}, string(body))
		if err != nil || show(parts) != sampleParts {
			t.Fatalf("%s: %s, %v\nwant %s", how, show(parts), err, sampleParts)
		}
		theirs := std.NewReader(bytes.NewReader(body), e.Boundary())
		for i := range parts {
			p, err := theirs.NextPart()
			if err != nil {
				t.Fatal(how, i, err)
			}
			data, err := io.ReadAll(p)
			if err != nil || string(data) != parts[i].data || (p.FileName() != "") != parts[i].IsFile {
				t.Fatalf("%s: part %d: %q, %v", how, i, data, err)
			}
		}
		if _, err := theirs.NextPart(); !errors.Is(err, io.EOF) {
			t.Fatal(how, err)
		}
	}
	if b, err := multipart.Boundary(e.ContentType()); b != e.Boundary() || err != nil {
		t.Error(b, err)
	}
}

// TestEncoderBytes: the very bytes, as browsers send them.
func TestEncoderBytes(t *testing.T) {
	var e multipart.Encoder
	e.AddField(`a"b`, "1")
	e.AddFile("f\n", "é\r.txt", "text/plain", 1, text("x"))
	body, err := io.ReadAll(e.Body())
	want := "--B\r\nContent-Disposition: form-data; name=\"a%22b\"\r\n\r\n1\r\n" +
		"--B\r\nContent-Disposition: form-data; name=\"f%0A\"; filename=\"é%0D.txt\"\r\nContent-Type: text/plain\r\n\r\nx\r\n--B--\r\n"
	if got := strings.ReplaceAll(string(body), e.Boundary(), "B"); err != nil || got != want {
		t.Errorf("%q, %v", got, err)
	}
	var other multipart.Encoder
	if other.Boundary() == e.Boundary() || len(e.Boundary()) != 60 {
		t.Error("boundaries are not random")
	}
	if body, err := io.ReadAll(other.Body()); err != nil || int64(len(body)) != other.ContentLength() {
		t.Error(len(body), err)
	} else if parts, err := parse(other.Boundary(), multipart.Limits{}, string(body)); len(parts) != 0 || err != nil {
		t.Error(parts, err)
	}
}

func TestEncoderRefuses(t *testing.T) {
	var e multipart.Encoder
	for _, tt := range []struct {
		err, want error
	}{
		{e.AddField("a\x00", ""), multipart.ErrName},
		{e.AddField("a\tb", ""), multipart.ErrName},
		{e.AddField("\xff", ""), multipart.ErrName},
		{e.AddFile("a", "b\x7f", "", 0, text("")), multipart.ErrName},
		{e.AddFile("a", "b", "text/plain\r\nX: y", 0, text("")), multipart.ErrContentType},
		{e.AddPath("a", filepath.Join(t.TempDir(), "gone"), ""), fs.ErrNotExist},
	} {
		if !errors.Is(tt.err, tt.want) {
			t.Errorf("%v; want %v", tt.err, tt.want)
		}
	}
	if e.AddPath("a", t.TempDir(), "") == nil {
		t.Error("a directory was taken")
	}
	if n := e.ContentLength(); n != int64(len("--"+e.Boundary()+"--\r\n")) {
		t.Error("a part that was refused is there", n)
	}
}

// closer counts what is open.
type closer struct {
	io.Reader
	open *int
}

func (c closer) Close() error { *c.open--; return nil }

// TestEncoderFileFails: a file that is not what it was ends the body with an error, is closed, and leaves no form behind.
func TestEncoderFileFails(t *testing.T) {
	broken := errors.New("broken")
	for _, tt := range []struct {
		name string
		size int64
		data func(boundary string) io.Reader
		want error
	}{
		{"longer", 2, func(string) io.Reader { return strings.NewReader("abc") }, multipart.ErrSize},
		{"shorter", 4, func(string) io.Reader { return strings.NewReader("abc") }, io.ErrUnexpectedEOF},
		{"broken", 4, func(string) io.Reader { return iotest.ErrReader(broken) }, broken},
		{"boundary", -1, func(b string) io.Reader { return strings.NewReader("a\r\n--" + b + "--") }, multipart.ErrBoundaryInData},
		{"boundary at the beginning", -1, func(b string) io.Reader { return strings.NewReader("--" + b) }, multipart.ErrBoundaryInData},
		{"boundary in bytes", -1, func(b string) io.Reader { return iotest.OneByteReader(strings.NewReader("\r\r\n--" + b + "x")) }, multipart.ErrBoundaryInData},
		{"almost the boundary", -1, func(b string) io.Reader { return strings.NewReader("x--" + b + "\r\n-" + b + "\r\n--" + b[:59]) }, nil},
	} {
		var e multipart.Encoder
		open := 0
		e.AddFile("f", "f", "", tt.size, func() (io.ReadCloser, error) {
			open++
			return closer{tt.data(e.Boundary()), &open}, nil
		})
		b := e.Body()
		body, err := io.ReadAll(b)
		if !errors.Is(err, tt.want) {
			t.Errorf("%s: %v", tt.name, err)
		}
		b.Close()
		if open != 0 {
			t.Errorf("%s: %d files are open", tt.name, open)
		}
		if _, perr := parse(e.Boundary(), multipart.Limits{}, string(body)); (perr == nil) != (tt.want == nil) {
			t.Errorf("%s: what was written is read with %v", tt.name, perr)
		}
	}
	var e multipart.Encoder
	e.AddFile("f", "f", "", -1, func() (io.ReadCloser, error) { return nil, broken })
	if _, err := io.ReadAll(e.Body()); !errors.Is(err, broken) {
		t.Error(err)
	}
	b := sample(t).Body()
	b.Close()
	if _, err := b.Read(make([]byte, 1)); !errors.Is(err, fs.ErrClosed) {
		t.Error(err)
	}
}

// TestEncoderRequest: with its length if all sizes are known, chunked if not, and once more after a redirect.
func TestEncoderRequest(t *testing.T) {
	path := filepath.Join(t.TempDir(), "sea.txt")
	if err := os.WriteFile(path, bytes.Repeat([]byte("sea "), 100_000), 0o600); err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/old" {
			http.Redirect(w, r, "/new", http.StatusTemporaryRedirect)
			return
		}
		if err := r.ParseMultipartForm(1 << 20); err != nil {
			t.Error(err)
			return
		}
		f := r.MultipartForm.File["file"][0]
		fmt.Fprintln(w, r.ContentLength, r.TransferEncoding, r.FormValue("title"), f.Filename, f.Size, f.Header.Get("Content-Type"))
	}))
	defer srv.Close()
	defer srv.Client().CloseIdleConnections()
	for _, known := range []bool{true, false} {
		var e multipart.Encoder
		e.AddField("title", "Sea")
		if known {
			e.AddPath("file", path, "")
		} else {
			e.AddFile("file", "sea.txt", "text/plain; charset=utf-8", -1, func() (io.ReadCloser, error) { return os.Open(path) })
		}
		req, err := e.NewRequest(context.Background(), "POST", srv.URL+"/old")
		if err != nil {
			t.Fatal(err)
		}
		res, err := srv.Client().Do(req)
		if err != nil {
			t.Fatal(err)
		}
		got, _ := io.ReadAll(res.Body)
		res.Body.Close()
		want := fmt.Sprintln(e.ContentLength(), []string(nil), "Sea", "sea.txt", 400_000, mime.TypeByExtension(".txt"))
		if !known {
			want = fmt.Sprintln(-1, []string{"chunked"}, "Sea", "sea.txt", 400_000, "text/plain; charset=utf-8")
		}
		if string(got) != want {
			t.Errorf("%s; want %s", got, want)
		}
	}
	if _, err := sample(t).NewRequest(context.Background(), "bad method", "/"); err == nil {
		t.Error("a bad method was taken")
	}
}

// sea is a file of any size that is never in memory.
type sea struct{ left int64 }

func (s *sea) Read(p []byte) (int, error) {
	if s.left == 0 {
		return 0, io.EOF
	}
	n := int(min(int64(len(p)), s.left))
	clear(p[:n])
	s.left -= int64(n)
	return n, nil
}

// TestEncoderMemory: a form of any size costs no memory.
func TestEncoderMemory(t *testing.T) {
	const size = 64 << 20
	var e multipart.Encoder
	e.AddFile("f", "f", "", size, func() (io.ReadCloser, error) { return io.NopCloser(&sea{size}), nil })
	allocs := testing.AllocsPerRun(1, func() {
		b := e.Body()
		buf := make([]byte, 64<<10)
		var total int64
		for {
			n, err := b.Read(buf)
			total += int64(n)
			if err != nil {
				break
			}
		}
		if total != e.ContentLength() {
			t.Error(total)
		}
	})
	if allocs > 100 {
		t.Errorf("%v allocations", allocs)
	}
}

// FuzzEncoder: what is written is read back, or is refused when it is added.
func FuzzEncoder(f *testing.F) {
	f.Add("a", "v", "f.txt", "\r\n--", 3)
	f.Add("odd \"name\"\r\n%22", "", "a/b\\c\".txt", "x", 1)
	f.Fuzz(func(t *testing.T, name, value, fileName, data string, piece int) {
		var e multipart.Encoder
		if e.AddField(name, value) != nil || e.AddFile(name, fileName, "", int64(len(data)), text(data)) != nil {
			return
		}
		body, err := io.ReadAll(&pieces{e.Body(), piece%100 + 1})
		if err != nil || int64(len(body)) != e.ContentLength() {
			t.Fatal(err)
		}
		parts, err := parse(e.Boundary(), multipart.Limits{MaxHeadBytes: -1}, string(body))
		if err != nil || len(parts) != 2 || parts[0].data != value || parts[1].data != data || parts[0].IsFile || !parts[1].IsFile {
			t.Fatalf("%q: %v, %v", body, parts, err)
		}
		if !strings.ContainsAny(name, `%\`) && parts[0].Name != name {
			t.Fatalf("%q became %q", name, parts[0].Name)
		}
	})
}

// pieces reads so many bytes at a time.
type pieces struct {
	r io.Reader
	n int
}

func (p *pieces) Read(b []byte) (int, error) { return p.r.Read(b[:min(len(b), max(p.n, 1))]) }
