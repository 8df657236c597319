package tftp_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"net/netip"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/calandria-go/calandria/protocols/tftp"
)

func TestCleanName(t *testing.T) {
	for name, want := range map[string]string{
		"f": "f", "/f": "f", "//a//b/./c": "a/b/c", `\boot\x64\wdsnbp.com`: "boot/x64/wdsnbp.com", "a..b": "a..b", "...": "...",
		"caf\u00e9": "caf\u00e9", " ": " ", "-": "-",
		"": "", "/": "", ".": "", "..": "", "a/..": "", "../a": "", `..\a`: "", `a\..\..\b`: "", "a\x00": "", "a\nb": "", "\x7f": "", "\xff": "",
		".tftp-1.part": "", "a/.tftp-": "", strings.Repeat("x", 256): "", strings.Repeat("x/", 300): "",
	} {
		got, err := tftp.CleanName(name)
		if got != want || (err != nil) != (want == "") || err != nil && !errors.Is(err, fs.ErrInvalid) {
			t.Errorf("%q: %q, %v; want %q", name, got, err, want)
		}
	}
}

// hostile makes names of what attackers use.
func hostile(r *rand.Rand) string {
	parts := []string{
		"..", ".", "/", `\`, "a", "b", "link", "out", "dir", "secret", "\x00", "%2e%2e", "..%2f", "\u2024\u2024", "\uff0e", "~", "C:", "NUL", " ", "\xc0\xae",
		"....", "..;", "\n", "in", "/etc/passwd", "\ufeff", ".tftp-", "loop",
	}
	var b strings.Builder
	for range 1 + r.IntN(8) {
		b.WriteString(parts[r.IntN(len(parts))])
		if r.IntN(3) > 0 {
			b.WriteByte("/\\"[r.IntN(2)])
		}
	}
	return b.String()
}

// TestNamesByTheMillion: no name that is let through leads out of where it is put.
func TestNamesByTheMillion(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range size(200_000, 20_000, 10_000_000) {
		name := hostile(r)
		clean, err := tftp.CleanName(name)
		if err != nil {
			continue
		}
		if !filepath.IsLocal(clean) || !fs.ValidPath(clean) || strings.ContainsAny(clean, "\\\x00") || strings.Contains("/"+clean+"/", "/../") {
			t.Fatalf("%q became %q", name, clean)
		}
	}
}

func FuzzCleanName(f *testing.F) {
	r := rand.New(rand.NewPCG(3, 4))
	for range 20 {
		f.Add(hostile(r))
	}
	f.Fuzz(func(t *testing.T, name string) {
		clean, err := tftp.CleanName(name)
		if err != nil {
			return
		}
		if !filepath.IsLocal(clean) || !fs.ValidPath(clean) || strings.ContainsRune(clean, '\\') {
			t.Fatalf("%q became %q", name, clean)
		}
		if again, err := tftp.CleanName(clean); again != clean || err != nil {
			t.Fatalf("%q became %q, and that %q, %v", name, clean, again, err)
		}
	})
}

// open reads what a request of that name gives, or nothing.
func open(s tftp.Source, req *tftp.Request) (b []byte, err error) {
	s.Open(nil, req, func(c tftp.Content, e error) {
		if err = e; err != nil {
			return
		}
		defer c.Close()
		for off := int64(0); ; off = int64(len(b)) {
			p, e := c.Peek(off)
			switch e {
			case nil:
				b = append(b, p...)
			case tftp.ErrWait:
				if err = c.Load(off); err != nil {
					return
				}
			case io.EOF:
				return
			default:
				err = e
				return
			}
		}
	})
	return b, err
}

// TestNothingOutsideIsReached: with symbolic links of every kind, by a million names.
func TestNothingOutsideIsReached(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("symbolic links need a privilege there")
	}
	outer := t.TempDir()
	root := filepath.Join(outer, "root")
	for p, b := range map[string]string{
		"secret": "SECRET", "root-private/secret": "SECRET", "root/a": "fine", "root/dir/b": "fine", "root/in/a": "fine",
	} {
		os.MkdirAll(filepath.Dir(filepath.Join(outer, p)), 0o755)
		if err := os.WriteFile(filepath.Join(outer, p), []byte(b), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for link, to := range map[string]string{
		"link": "../secret", "out": "..", "dir/out": "../..", "dir/secret": "/etc/passwd", "in/link": "../a", "loop": "loop", "dir/link": filepath.Join(outer, "secret"),
		"b": "../root-private/secret",
	} {
		if err := os.Symlink(to, filepath.Join(root, link)); err != nil {
			t.Fatal(err)
		}
	}
	f, err := tftp.NewFiles(root)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	f.Create, f.Overwrite = true, true
	r := rand.New(rand.NewPCG(5, 6))
	found := 0
	for i := range size(5_000, 1_000, 1_000_000) {
		name := hostile(r)
		b, err := open(f, &tftp.Request{Name: name})
		if err == nil && string(b) != "fine" {
			t.Fatalf("%q: %.20q", name, b)
		}
		if err == nil {
			found++
		}
		if i%10 == 0 {
			f.Sink().Create(nil, &tftp.Request{Name: name, Write: true, Size: -1}, func(w tftp.Writer, err error) {
				if err == nil {
					w.Abort()
				}
			})
		}
	}
	if found == 0 {
		t.Error("nothing was found at all")
	}
	if b, err := open(f, &tftp.Request{Name: "in/link"}); string(b) != "fine" {
		t.Errorf("a link inside: %q, %v", b, err)
	}
	for _, name := range []string{"link", "out/secret", "dir/out/secret", "dir/secret", "dir/link", "b", "loop"} {
		if b, err := open(f, &tftp.Request{Name: name}); err == nil {
			t.Errorf("%s: %q", name, b)
		}
	}
	left, _ := filepath.Glob(filepath.Join(outer, "*"))
	if len(left) != 3 {
		t.Errorf("outside there is %q", left)
	}
}

// TestWriteThroughALink: a link is not written through, nor replaced.
func TestWriteThroughALink(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("symbolic links need a privilege there")
	}
	s := newSite(t, writable)
	s.put(t, "target", []byte("old"))
	if err := os.Symlink("target", filepath.Join(s.dir, "link")); err != nil {
		t.Fatal(err)
	}
	if _, err := s.client().Put(ctx(t), "link", strings.NewReader("new"), 3); !errors.Is(err, fs.ErrPermission) {
		t.Errorf("%v", err)
	}
	if got := string(s.file(t, "target")); got != "old" {
		t.Errorf("%q", got)
	}
}

// TestCacheSeesChanges: by size, by time, and by inode, as when a file is replaced by one of the same size and time.
func TestCacheSeesChanges(t *testing.T) {
	s := newSite(t, nil)
	when := time.Now().Add(-time.Hour)
	p := filepath.Join(s.dir, "f")
	for i, change := range []func(b []byte){
		func(b []byte) { s.put(t, "f", b) },
		func(b []byte) { s.put(t, "f", b[:len(b)-1]) },
		func(b []byte) { s.put(t, "f", b[:len(b)-1]); os.Chtimes(p, when, when) },
		func(b []byte) {
			s.put(t, "g", b[:len(b)-1])
			os.Chtimes(filepath.Join(s.dir, "g"), when, when)
			os.Rename(filepath.Join(s.dir, "g"), p)
		},
	} {
		b := bytes.Repeat([]byte{byte('0' + i)}, 100_000)
		change(b)
		for range 2 {
			got, _ := get(t, s.client(), "f")
			same(t, fmt.Sprint("change ", i), got, s.file(t, "f"))
		}
	}
}

// TestSmallCache: files are served whole whatever the cache holds.
func TestSmallCache(t *testing.T) {
	for _, n := range []int64{-1, 1, 64 << 10, 200 << 10} {
		s := newSite(t, func(_ *tftp.Server, f *tftp.Files) { f.CacheBytes = n })
		s.put(t, "f", noise(500_000))
		errs := make(chan error, 4)
		for range 4 {
			go func() {
				var b bytes.Buffer
				_, err := s.client().Get(ctx(t), "f", &b)
				if err == nil && !bytes.Equal(b.Bytes(), noise(500_000)) {
					err = errors.New("other bytes")
				}
				errs <- err
			}()
		}
		for range 4 {
			if err := <-errs; err != nil {
				t.Errorf("cache of %d: %v", n, err)
			}
		}
	}
}

// TestClientDirs: a client's own directory goes first.
func TestClientDirs(t *testing.T) {
	s := newSite(t, func(_ *tftp.Server, f *tftp.Files) {
		f.PerClient = []tftp.ClientDir{tftp.ByMAC, tftp.ByIP}
		f.MAC = func(ip netip.Addr) (string, bool) { return "AA:BB:CC:00:11:22", ip.Is4() }
	})
	s.put(t, "f", []byte("common"))
	s.put(t, "g", []byte("common"))
	s.put(t, "h", []byte("common"))
	s.put(t, "127.0.0.1/f", []byte("by ip"))
	s.put(t, "127.0.0.1/g", []byte("by ip"))
	s.put(t, "aa-bb-cc-00-11-22/f", []byte("by mac"))
	for name, want := range map[string]string{"f": "by mac", "g": "by ip", "h": "common"} {
		if b, _ := get(t, s.client(), name); string(b) != want {
			t.Errorf("%s: %q", name, b)
		}
	}
}

// TestPipesAreNotFiles: what is no regular file is not there, and does not hold a worker.
func TestPipesAreNotFiles(t *testing.T) {
	s := newSite(t, nil)
	if !makePipe(t, filepath.Join(s.dir, "pipe")) {
		return
	}
	if _, err := s.client().Get(ctx(t), "pipe", io.Discard); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("%v", err)
	}
}
