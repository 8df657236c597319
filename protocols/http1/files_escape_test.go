package http1

import (
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"
)

// marker is what stands in every file outside of the root.
const marker = "THIS IS OUTSIDE"

// escapeSite is a root with a way out of every kind, beside and above files that must not be reached.
func escapeSite(t testing.TB, cfg FilesConfig) *FileServer {
	t.Helper()
	top := t.TempDir()
	for name, data := range map[string]string{
		"marker": marker, "out/marker": marker, "rootmarker": marker, "root/in": "in", "root/dir/in": "in", "root/dir/index.html": "in",
		"root/dir/sub/in": "in", "root/.hidden": "hidden", "root/dir/.hidden/x": "hidden", "root-evil/marker": marker,
	} {
		p := filepath.Join(top, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(p), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(p, []byte(data), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for link, to := range map[string]string{
		"root/abs": filepath.Join(top, "marker"), "root/rel": "../marker", "root/updir": "..", "root/dir/updir": "../../out", "root/absdir": top,
		"root/good": "dir/in", "root/loop": "loop", "root/dir/deep": "../../root/../marker",
	} {
		if err := os.Symlink(filepath.FromSlash(to), filepath.Join(top, filepath.FromSlash(link))); err != nil {
			t.Skip(err)
		}
	}
	root, err := os.OpenRoot(filepath.Join(top, "root"))
	if err != nil {
		t.Fatal(err)
	}
	s := Files(root, cfg)
	t.Cleanup(func() {
		s.Close()
		root.Close()
	})
	return s
}

// checkInside asks for a path, past the decoder too, and wants nothing from outside, and nothing hidden through the decoder.
func checkInside(t testing.TB, s *FileServer, path string) {
	t.Helper()
	if key, status := s.key(nil, []byte(path)); status == 0 {
		if !utf8.Valid(key) || strings.ContainsAny(string(key), "\\\x00") || strings.Contains("/"+string(key), "/.") {
			t.Fatalf("%q is taken for %q", path, key)
		}
		if strings.TrimSuffix(string(key), "/") != "" && !fs.ValidPath(strings.TrimSuffix(string(key), "/")) {
			t.Fatalf("%q is taken for %q", path, key)
		}
		found(t, s, path, s.find(string(key), nil))
	}
	found(t, s, path, s.find(path, nil)) // and the root alone holds
}

func found(t testing.TB, s *FileServer, path string, e *fileEntry) {
	t.Helper()
	switch {
	case e.kind == entryFile && (string(e.file.body) != "in" && !strings.Contains(path, "hidden") || string(e.file.body) == marker):
		t.Fatalf("%q gives %q of %s", path, e.file.body, e.file.name)
	case e.kind == entryList:
		l, err := s.readList(e.key)
		if err != nil {
			t.Fatalf("%q: %v", path, err)
		}
		for _, f := range l.Entries {
			if strings.Contains(f.Name, "marker") || strings.Contains(f.Name, "abs") || strings.Contains(f.Name, "up") || f.Name[0] == '.' {
				t.Fatalf("%q lists %q", path, f.Name)
			}
		}
	}
	e.release()
}

// escapeWords are what names are put together from.
var escapeWords = []string{
	"/", "/", "/", "..", "../", "/../", "./", ".", "%2e%2e", "%2E.", ".%2e/", "%2f", "%2F", "%5c", "\\", "..\\", "%00", "%252e%252e", "%252f",
	"%c0%ae", "%c0%af", "%e0%80%ae", "%uff0e", "%ef%bc%8e", "%ef%bc%8f", "in", "dir", "sub", "marker", "out", "root", "rootmarker", "abs", "rel", "updir",
	"absdir", "good", "loop", "deep", ".hidden", "root-evil", ":", "C:", "c%3a", "::$DATA", "%20", "...", "..;", "~", "%7e", "?", "#", "%", "%2", "%zz", "%0a", "%0d%0a",
	"%7f", "\x00", "\xff", "é", "etc/passwd", "proc/self/root", "//", "index.html", "con", "aux.txt", "in.", "in%20", "in::$INDEX_ALLOCATION",
}

// TestFilesTraversal: no name, however it is written, leads out of the root or to what is hidden.
func TestFilesTraversal(t *testing.T) {
	t.Parallel()
	s := escapeSite(t, FilesConfig{List: true})
	for _, path := range []string{
		"/../marker", "/%2e%2e/marker", "/%2e%2e%2fmarker", "/..%5cmarker", "/dir/../../marker", "/abs", "/rel", "/updir/marker", "/updir/",
		"/absdir/marker", "/dir/updir/marker", "/dir/deep", "//marker", "/dir//in", "/./in", "/in%00", "/in%00.html", "/%c0%ae%c0%ae/marker",
		"/%252e%252e/marker", "/loop", "/../root-evil/marker", "/..%00/marker", "/.hidden", "/dir/.hidden/x", "/dir/%2ehidden/x", "", "/", "*",
	} {
		checkInside(t, s, path)
	}
	if e := s.find("good", nil); e.kind != entryFile || string(e.file.body) != "in" {
		t.Error("a link inside of the root is not followed")
	}
	n := 100_000
	if os.Getenv("CALANDRIA_SOAK") != "" {
		n = 10_000_000
	} else if testing.Short() {
		n = 10_000
	}
	rnd := rand.New(rand.NewPCG(1, 2))
	var b []byte
	for range n {
		b = append(b[:0], '/')
		for range rnd.IntN(7) + 1 {
			if rnd.IntN(8) == 0 {
				b = append(b, byte(rnd.IntN(256)))
				continue
			}
			b = append(b, escapeWords[rnd.IntN(len(escapeWords))]...)
		}
		checkInside(t, s, string(b))
	}
}

// FuzzFilesTraversal is TestFilesTraversal with the fuzzer's names.
func FuzzFilesTraversal(f *testing.F) {
	for _, w := range escapeWords {
		f.Add("/" + w + "/marker")
	}
	s := escapeSite(f, FilesConfig{List: true})
	f.Fuzz(func(t *testing.T, path string) { checkInside(t, s, path) })
}

// FuzzRanges: whatever a Range field holds, the ranges that come out of it lie in the file, apart from each other.
func FuzzRanges(f *testing.F) {
	for _, v := range []string{"bytes=0-1", "bytes=-5", "bytes=5-", "bytes=0-1,5-9,-1", "bytes=9-1", "bytes=,,1-1", "x=1-2", "bytes=0-99999999999999999999"} {
		f.Add(v, int64(100))
	}
	f.Fuzz(func(t *testing.T, v string, size int64) {
		size = max(size, 0)
		ranges, ok := parseRanges(v, size, 8)
		if !ok && ranges != nil || len(ranges) > 8 {
			t.Fatalf("%q of %d: %v, %v", v, size, ranges, ok)
		}
		sum := int64(0)
		for i, r := range ranges {
			if r.off < 0 || r.n <= 0 || r.off > size-r.n {
				t.Fatalf("%q of %d: %v", v, size, ranges)
			}
			sum += r.n
			for _, o := range ranges[:i] {
				if r.off < o.off+o.n && o.off < r.off+r.n {
					t.Fatalf("%q of %d: %v overlap", v, size, ranges)
				}
			}
		}
		if sum > size {
			t.Fatalf("%q of %d: %d bytes", v, size, sum)
		}
	})
}
