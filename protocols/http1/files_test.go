package http1_test

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/calandria-go/calandria/protocols/http1"
	"github.com/calandria-go/calandria/reactor"
)

// site is a directory that is served.
type site struct {
	*host
	dir   string
	files *http1.FileServer
	c     *http.Client
}

// newSite serves a directory with these files, by name. Their time is an hour ago, so that entity tags are strong.
func newSite(t testing.TB, cfg http1.FilesConfig, files map[string]string) *site {
	t.Helper()
	s := &site{dir: t.TempDir()}
	for name, data := range files {
		s.put(t, name, data)
	}
	root, err := os.OpenRoot(s.dir)
	if err != nil {
		t.Fatal(err)
	}
	s.files = http1.Files(root, cfg)
	t.Cleanup(func() {
		s.files.Close()
		root.Close()
	})
	s.host = serve(t, "tcp", &http1.Server{Handler: s.files}, reactor.Config{})
	tr := &http.Transport{DisableCompression: true}
	t.Cleanup(tr.CloseIdleConnections)
	s.c = &http.Client{Transport: tr, Timeout: patience, CheckRedirect: func(*http.Request, []*http.Request) error {
		return http.ErrUseLastResponse
	}}
	return s
}

var anHourAgo = time.Now().Add(-time.Hour).Truncate(time.Second)

func (s *site) put(t testing.TB, name, data string) {
	t.Helper()
	p := filepath.Join(s.dir, filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(p), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(p, []byte(data), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Chtimes(p, anHourAgo, anHourAgo); err != nil {
		t.Fatal(err)
	}
}

func (s *site) url(path string) string { return "http://" + s.addr.String() + path }

// do sends a request with fields given as name, value pairs.
func (s *site) do(t testing.TB, method, path string, fields ...string) (*http.Response, string) {
	t.Helper()
	q, err := http.NewRequest(method, s.url(path), nil)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i+1 < len(fields); i += 2 {
		q.Header.Add(fields[i], fields[i+1])
	}
	res, err := s.c.Do(q)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatalf("%s %s: %v", method, path, err)
	}
	return res, string(body)
}

// digits is n bytes that differ from place to place.
func digits(n int) string {
	var b bytes.Buffer
	for i := 0; b.Len() < n; i++ {
		fmt.Fprintf(&b, "%08d\n", i)
	}
	return b.String()[:n]
}

// TestFiles: what names stand for, twice: looked up, and from the cache.
func TestFiles(t *testing.T) {
	t.Parallel()
	big := digits(300_000)
	s := newSite(t, http1.FilesConfig{Prefix: "/s", CacheControl: "max-age=60"}, map[string]string{
		"index.html": "home", "a.txt": "text", "empty.css": "", "big.bin": big, "d/index.html": "in d", "e/x": "x",
		".hidden": "h", ".git/config": "c", "sp ace.json": "{}", "ü.svg": "<svg/>", "a:b": "colon", "dots..": "dots",
	})
	for _, tt := range []struct {
		method, path string
		status       int
		ctype, body  string
	}{
		{"GET", "/s/", 200, "text/html; charset=utf-8", "home"},
		{"GET", "/s/a.txt", 200, "text/plain; charset=utf-8", "text"},
		{"GET", "/s/a.txt?query=1", 200, "text/plain; charset=utf-8", "text"},
		{"GET", "/s/%61.txt", 200, "text/plain; charset=utf-8", "text"},
		{"HEAD", "/s/a.txt", 200, "text/plain; charset=utf-8", ""},
		{"HEAD", "/s/big.bin", 200, "application/octet-stream", ""},
		{"GET", "/s/big.bin", 200, "application/octet-stream", big},
		{"GET", "/s/empty.css", 200, "text/css; charset=utf-8", ""},
		{"GET", "/s/d/", 200, "text/html; charset=utf-8", "in d"},
		{"GET", "/s/sp%20ace.json", 200, "application/json", "{}"},
		{"GET", "/s/%c3%bc.svg", 200, "image/svg+xml", "<svg/>"},
		{"GET", "/s/a:b", 200, "application/octet-stream", "colon"},
		{"GET", "/s/dots..", 200, "application/octet-stream", "dots"},
		{"GET", "/s/a.txt/", 404, "", "Not Found\n"},
		{"GET", "/s/e/", 404, "", "Not Found\n"}, // no listing
		{"GET", "/s/none", 404, "", "Not Found\n"},
		{"GET", "/s/a.txt/none", 404, "", "Not Found\n"},
		{"GET", "/s/.hidden", 404, "", "Not Found\n"},
		{"GET", "/s/%2ehidden", 404, "", "Not Found\n"},
		{"GET", "/s/.git/config", 404, "", "Not Found\n"},
		{"GET", "/other", 404, "", "Not Found\n"},
		{"GET", "/s/" + strings.Repeat("x", 300), 404, "", "Not Found\n"},
		{"GET", "/s", 301, "", "Moved Permanently\n"},
		{"GET", "/s/d", 301, "", "Moved Permanently\n"},
		{"POST", "/s/a.txt", 405, "", "Method Not Allowed\n"},
		{"DELETE", "/s/none", 405, "", "Method Not Allowed\n"},
	} {
		for _, again := range []string{"", " again"} {
			res, body := s.do(t, tt.method, tt.path)
			ctype := tt.ctype
			if ctype == "" {
				ctype = "text/plain; charset=utf-8"
			}
			if res.StatusCode != tt.status || body != tt.body || res.Header.Get("Content-Type") != ctype ||
				res.Header.Get("X-Content-Type-Options") != "nosniff" {
				t.Errorf("%s %s%s: %s, %.60q, %v", tt.method, tt.path, again, res.Status, body, res.Header)
			}
			if tt.status == 200 && (res.Header.Get("Etag") == "" || res.Header.Get("Accept-Ranges") != "bytes" ||
				res.Header.Get("Cache-Control") != "max-age=60" ||
				res.Header.Get("Last-Modified") != anHourAgo.UTC().Format(http.TimeFormat)) {
				t.Errorf("%s%s: %v", tt.path, again, res.Header)
			}
			if tt.method == "HEAD" && res.ContentLength < 4 {
				t.Errorf("HEAD %s: Content-Length %d", tt.path, res.ContentLength)
			}
			if tt.status == 405 && res.Header.Get("Allow") != "GET, HEAD" {
				t.Errorf("405 with Allow %q", res.Header.Get("Allow"))
			}
		}
	}
	for path, want := range map[string]string{"/s": "./s/", "/s/d": "./d/", "/s/d?q=1": "./d/?q=1", "/s/%64": "./%64/"} {
		if res, _ := s.do(t, "GET", path); res.Header.Get("Location") != want {
			t.Errorf("%s leads to %q, not %q", path, res.Header.Get("Location"), want)
		}
	}
}

// TestFilesRanges: RFC 9110 section 14, in memory and from the disk.
func TestFilesRanges(t *testing.T) {
	t.Parallel()
	for name, size := range map[string]int{"small.txt": 1000, "large.txt": 400_000} {
		data := digits(size)
		s := newSite(t, http1.FilesConfig{MaxRanges: 5}, map[string]string{name: data, "empty": ""})
		last := size - 1
		for spec, want := range map[string]string{
			"bytes=0-0": data[:1], "bytes=10-19": data[10:20], "bytes=990-": data[990:], "bytes=-7": data[size-7:],
			"bytes=-9999999": data, "bytes=5-99999999999999999999": data[5:], "Bytes=1-2": data[1:3], "bytes=, 1-2 ,": data[1:3],
			fmt.Sprintf("bytes=%d-", last): data[last:], "bytes=0-9,5-20": data[:21], "bytes=5-9,0-7": data[:10],
			"bytes=0-0,2-2,4-4,6-6,8-8": data[:9], "bytes=1-2,9999999-": data[1:3],
		} {
			res, body := s.do(t, "GET", "/"+name, "Range", spec)
			if res.StatusCode != 206 || body != want || res.Header.Get("Content-Range") == "" {
				t.Errorf("%s %s: %s %q, %d bytes", name, spec, res.Status, res.Header.Get("Content-Range"), len(body))
			}
		}
		// To be ignored.
		for _, spec := range []string{
			"bytes=", "bytes=,", "bytes=-", "bytes=a-b", "bytes=2-1", "lines=1-2", "bytes=1-2,x", "bytes 1-2", "bytes=--1", "bytes=1--2",
			"bytes=0-0,200-200,400-400,600-600,800-800,990-990", // more than MaxRanges
		} {
			if res, body := s.do(t, "GET", "/"+name, "Range", spec); res.StatusCode != 200 || body != data {
				t.Errorf("%s %q: %s, %d bytes", name, spec, res.Status, len(body))
			}
		}
		if res, _ := s.do(t, "GET", "/"+name, "Range", "bytes=1-2", "Range", "bytes=3-4"); res.StatusCode != 200 {
			t.Errorf("two Range fields: %s", res.Status)
		}
		for _, spec := range []string{fmt.Sprintf("bytes=%d-", size), "bytes=-0", "bytes=9999999-,99999999-"} {
			res, _ := s.do(t, "GET", "/"+name, "Range", spec)
			if res.StatusCode != 416 || res.Header.Get("Content-Range") != fmt.Sprintf("bytes */%d", size) {
				t.Errorf("%s %s: %s %q", name, spec, res.Status, res.Header.Get("Content-Range"))
			}
		}
		if res, _ := s.do(t, "GET", "/empty", "Range", "bytes=0-"); res.StatusCode != 200 {
			t.Errorf("a range of nothing: %s", res.Status)
		}
		if res, body := s.do(t, "HEAD", "/"+name, "Range", "bytes=0-1"); res.StatusCode != 200 || body != "" || res.ContentLength != int64(size) {
			t.Errorf("HEAD with Range: %s", res.Status)
		}
		parts(t, s, name, data)
	}
}

// parts asks for several ranges, of which two come out as one, in the order of the file then.
func parts(t *testing.T, s *site, name, data string) {
	t.Helper()
	for spec, want := range map[string][]string{
		"bytes=500-509,0-9,-3":         {data[500:510], data[:10], data[len(data)-3:]},
		"bytes=500-509,0-9,505-520,-1": {data[:10], data[500:521], data[len(data)-1:]},
	} {
		res, body := s.do(t, "GET", "/"+name, "Range", spec)
		typ, params, err := mime.ParseMediaType(res.Header.Get("Content-Type"))
		if res.StatusCode != 206 || typ != "multipart/byteranges" || err != nil {
			t.Fatalf("%s: %s %v", spec, res.Status, res.Header)
		}
		if res.ContentLength != int64(len(body)) || res.Header.Get("Content-Range") != "" {
			t.Errorf("%s: %v", spec, res.Header)
		}
		r := multipart.NewReader(strings.NewReader(body), params["boundary"])
		for i := 0; ; i++ {
			p, err := r.NextPart()
			if err == io.EOF {
				if i != len(want) {
					t.Errorf("%s: %d parts", spec, i)
				}
				break
			}
			if err != nil {
				t.Fatal(err)
			}
			got, _ := io.ReadAll(p)
			if i >= len(want) || string(got) != want[i] || p.Header.Get("Content-Range") == "" || p.Header.Get("Content-Type") == "" {
				t.Errorf("%s: part %d is %q, %v", spec, i, got, p.Header)
			}
		}
	}
}

// TestFilesConditional: RFC 9110 section 13.
func TestFilesConditional(t *testing.T) {
	t.Parallel()
	s := newSite(t, http1.FilesConfig{CacheControl: "no-cache"}, map[string]string{"a.txt": digits(100)})
	res, _ := s.do(t, "GET", "/a.txt")
	tag, date := res.Header.Get("Etag"), res.Header.Get("Last-Modified")
	if strings.HasPrefix(tag, "W/") {
		t.Errorf("the tag of an old file is weak: %s", tag)
	}
	later := anHourAgo.Add(time.Hour).UTC().Format(http.TimeFormat)
	before := anHourAgo.Add(-time.Hour).UTC().Format(http.TimeFormat)
	for _, tt := range []struct {
		fields []string
		status int
		n      int
	}{
		{[]string{"If-None-Match", tag}, 304, 0},
		{[]string{"If-None-Match", `"x", W/` + tag}, 304, 0},
		{[]string{"If-None-Match", "*"}, 304, 0},
		{[]string{"If-None-Match", `"x"`}, 200, 100},
		{[]string{"If-None-Match", `"x"`, "If-Modified-Since", later}, 200, 100},
		{[]string{"If-Modified-Since", date}, 304, 0},
		{[]string{"If-Modified-Since", before}, 200, 100},
		{[]string{"If-Match", tag}, 200, 100},
		{[]string{"If-Match", "W/" + tag}, 412, -1},
		{[]string{"If-Match", `"x"`}, 412, -1},
		{[]string{"If-Unmodified-Since", before}, 412, -1},
		{[]string{"Range", "bytes=0-9", "If-Range", tag}, 206, 10},
		{[]string{"Range", "bytes=0-9", "If-Range", "W/" + tag}, 200, 100},
		{[]string{"Range", "bytes=0-9", "If-Range", `"x"`}, 200, 100},
		{[]string{"Range", "bytes=0-9", "If-Range", date}, 206, 10},
		{[]string{"Range", "bytes=0-9", "If-Range", later}, 200, 100},
		{[]string{"Range", "bytes=0-9", "If-None-Match", tag}, 304, 0},
		{[]string{"Range", "bytes=999-", "If-Range", `"x"`}, 200, 100},
	} {
		res, body := s.do(t, "GET", "/a.txt", tt.fields...)
		if res.StatusCode != tt.status || tt.n >= 0 && len(body) != tt.n {
			t.Errorf("%q: %s, %d bytes", tt.fields, res.Status, len(body))
		}
		if tt.status == 304 && (res.Header.Get("Etag") != tag || res.Header.Get("Cache-Control") != "no-cache") {
			t.Errorf("%q: 304 with %v", tt.fields, res.Header)
		}
	}
	s.put(t, "new.txt", "new")
	now := time.Now()
	os.Chtimes(filepath.Join(s.dir, "new.txt"), now, now)
	if res, _ := s.do(t, "GET", "/new.txt"); !strings.HasPrefix(res.Header.Get("Etag"), `W/"`) {
		t.Errorf("the tag of a file that was just written is strong: %q", res.Header.Get("Etag"))
	}
}

// TestFilesPrecompressed: siblings answer for a file by the weights of Accept-Encoding, with tags of their own.
func TestFilesPrecompressed(t *testing.T) {
	t.Parallel()
	s := newSite(t, http1.FilesConfig{Precompressed: true}, map[string]string{
		"a.css": "plain", "a.css.gz": "gz", "a.css.br": "br", "a.css.zst": "zst", "b.css": "plain", "b.css.gz": "old",
	})
	old := anHourAgo.Add(-time.Hour)
	if err := os.Chtimes(filepath.Join(s.dir, "b.css.gz"), old, old); err != nil {
		t.Fatal(err)
	}
	tags := map[string]string{}
	for accept, want := range map[string]string{
		"": "", "gzip": "gzip", "x-gzip": "gzip", "br": "br", "zstd": "zstd", "gzip, br, zstd": "br", "gzip;q=1, br;q=0.5": "gzip",
		"*": "br", "br;q=0, *": "zstd", "*;q=0": "", "identity": "", "gzip;q=0": "", "gzip;q=0.5, identity": "", "GZIP": "gzip",
		"identity;q=0.5, gzip;q=0.5": "gzip", "deflate": "", "gzip;q=2": "", "gzip;q=x": "", "gzip ; q=0.001": "gzip",
		"br;q=0.1234": "", "br;q=1.001": "",
	} {
		var fields []string
		if accept != "" {
			fields = []string{"Accept-Encoding", accept}
		}
		res, body := s.do(t, "GET", "/a.css", fields...)
		got := res.Header.Get("Content-Encoding")
		bodies := map[string]string{"": "plain", "gzip": "gz", "br": "br", "zstd": "zst"}
		if got != want || body != bodies[want] || res.Header.Get("Vary") != "Accept-Encoding" ||
			res.Header.Get("Content-Type") != "text/css; charset=utf-8" {
			t.Errorf("%q: %q %q %v", accept, got, body, res.Header)
		}
		if tag := res.Header.Get("Etag"); tags[got] != "" && tags[got] != tag {
			t.Errorf("%q has two tags", got)
		} else {
			tags[got] = tag
		}
	}
	seen := map[string]bool{}
	for _, tag := range tags {
		seen[tag] = true
	}
	if len(seen) != 4 {
		t.Errorf("tags %v", tags)
	}
	if res, body := s.do(t, "GET", "/b.css", "Accept-Encoding", "gzip"); body != "plain" || res.Header.Get("Vary") != "" {
		t.Errorf("a sibling older than the file: %q %v", body, res.Header)
	}
	if res, body := s.do(t, "GET", "/a.css.gz"); body != "gz" || res.Header.Get("Content-Type") != "application/gzip" {
		t.Errorf("the sibling itself: %q %v", body, res.Header)
	}
	if res, _ := s.do(t, "GET", "/a.css", "Accept-Encoding", "br", "If-None-Match", tags["br"]); res.StatusCode != 304 ||
		res.Header.Get("Vary") != "Accept-Encoding" {
		t.Errorf("revalidated: %s %v", res.Status, res.Header)
	}
	if res, body := s.do(t, "GET", "/a.css", "Accept-Encoding", "zstd", "Range", "bytes=1-"); body != "st" || res.StatusCode != 206 {
		t.Errorf("a range of the compressed form: %s %q", res.Status, body)
	}
}

// TestFilesList: listings are sorted, escaped, bounded, and HTML or JSON.
func TestFilesList(t *testing.T) {
	t.Parallel()
	s := newSite(t, http1.FilesConfig{List: true, MaxList: 4}, map[string]string{
		"l/b": "22", "l/a<b>&\"c": "1", "l/z/x": "", "l/.hidden": "", "l/java:x": "", "m/1": "", "m/2": "", "m/3": "", "m/4": "", "m/5": "",
	})
	if err := os.Symlink("/etc/passwd", filepath.Join(s.dir, "l", "out")); err != nil {
		t.Skip(err)
	}
	res, body := s.do(t, "GET", "/l/")
	if res.StatusCode != 200 || res.Header.Get("Content-Type") != "text/html; charset=utf-8" || res.Header.Get("Vary") != "Accept" {
		t.Fatalf("%s %v", res.Status, res.Header)
	}
	for _, want := range []string{
		`<a href="./z/">z/</a>`, `<a href="./a%3Cb%3E&amp;%22c">a&lt;b&gt;&amp;&#34;c</a>`, `<a href="./java:x">`, `<td>2</td>`,
	} {
		if !strings.Contains(body, want) {
			t.Errorf("no %s in %s", want, body)
		}
	}
	for _, not := range []string{"hidden", "out", "<b>"} {
		if strings.Contains(body, not) {
			t.Errorf("%q in %s", not, body)
		}
	}
	var l struct {
		Path      string
		Truncated bool
		Entries   []struct {
			Name, Type string
			Size       int64
		}
	}
	for _, accept := range []string{"application/json", "text/html;q=0.5, application/json;q=0.6", "application/*, text/html;q=0.1"} {
		_, body = s.do(t, "GET", "/l/", "Accept", accept)
		if err := json.Unmarshal([]byte(body), &l); err != nil || len(l.Entries) != 4 || l.Truncated || l.Path != "/l/" ||
			l.Entries[0].Name != "z" || l.Entries[0].Type != "directory" || l.Entries[2].Name != "b" || l.Entries[2].Size != 2 {
			t.Errorf("%s: %v %+v", accept, err, l)
		}
	}
	_, body = s.do(t, "GET", "/m/", "Accept", "application/json")
	if err := json.Unmarshal([]byte(body), &l); err != nil || !l.Truncated || len(l.Entries) != 4 {
		t.Errorf("%v %+v", err, l)
	}
}

// TestFilesCurl: ranges, resumed downloads and content codings as curl asks for them.
func TestFilesCurl(t *testing.T) {
	t.Parallel()
	curl, err := exec.LookPath("curl")
	if err != nil {
		t.Skip("no curl")
	}
	data := digits(500_000)
	s := newSite(t, http1.FilesConfig{Precompressed: true}, map[string]string{"f": data})
	run := func(args ...string) string {
		t.Helper()
		out, err := exec.Command(curl, append([]string{"-sS", "--fail", "-m", "30"}, args...)...).Output()
		if err != nil {
			t.Fatalf("curl %q: %v", args, err)
		}
		return string(out)
	}
	if got := run("-r", "100-199", s.url("/f")); got != data[100:200] {
		t.Errorf("-r: %q", got)
	}
	if got := run("-r", "0-1,1000-1001", s.url("/f")); strings.Count(got, "Content-Range: bytes ") != 2 {
		t.Errorf("-r with two ranges: %q", got)
	}
	part := filepath.Join(t.TempDir(), "part")
	if err := os.WriteFile(part, []byte(data[:123_456]), 0o600); err != nil {
		t.Fatal(err)
	}
	run("-C", "-", "-o", part, s.url("/f"))
	if got, err := os.ReadFile(part); err != nil || string(got) != data {
		t.Errorf("-C: %d bytes, %v", len(got), err)
	}
	var gz bytes.Buffer
	w := gzip.NewWriter(&gz)
	w.Write([]byte(data))
	w.Close()
	s.put(t, "g", data)
	s.put(t, "g.gz", gz.String())
	if got := run("--compressed", s.url("/g")); got != data {
		t.Errorf("--compressed: %d bytes", len(got))
	}
}
