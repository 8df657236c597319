package http1_test

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/calandria-go/calandria/protocols/http1"
)

// TestFilesChange: what changes on the disk is seen once CacheValid is over, and what does not is not read again.
func TestFilesChange(t *testing.T) {
	t.Parallel()
	s := newSite(t, http1.FilesConfig{CacheValid: 20 * time.Millisecond}, map[string]string{"a": "one", "big": digits(100_000)})
	get := func(path string) (int, string) {
		res, body := s.do(t, "GET", path)
		return res.StatusCode, body
	}
	if status, body := get("/a"); status != 200 || body != "one" {
		t.Fatal(status, body)
	}
	if status, _ := get("/new"); status != 404 {
		t.Fatal(status)
	}
	s.put(t, "a", "three")
	s.put(t, "new", "new")
	big := filepath.Join(s.dir, "big")
	get("/big")
	s.put(t, "tmp", "replaced")
	if err := os.Rename(filepath.Join(s.dir, "tmp"), big); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the new contents", func() bool {
		_, a := get("/a")
		status, _ := get("/new")
		_, b := get("/big")
		return a == "three" && status == 200 && b == "replaced"
	})
	os.Remove(big)
	eventually(t, "the end of a file", func() bool { status, _ := get("/big"); return status == 404 })
	if err := os.Mkdir(big, 0o755); err != nil {
		t.Fatal(err)
	}
	eventually(t, "a directory in its place", func() bool { status, _ := get("/big"); return status == 301 })
}

// TestFilesValid: within CacheValid the disk is not asked.
func TestFilesValid(t *testing.T) {
	t.Parallel()
	s := newSite(t, http1.FilesConfig{CacheValid: -1}, map[string]string{"a": "one"})
	s.do(t, "GET", "/a")
	s.put(t, "a", "two")
	if _, body := s.do(t, "GET", "/a"); body != "one" {
		t.Errorf("got %q", body)
	}
}

// TestFilesSmallCache: more files than the cache takes, asked for by many at once: each gets its own, and none stays open in the
// end (TestMain counts descriptors).
func TestFilesSmallCache(t *testing.T) {
	t.Parallel()
	files := map[string]string{}
	for i := range 40 {
		files[fmt.Sprint(i)] = strings.Repeat(fmt.Sprint(i, ";"), 1+i*1000)
	}
	s := newSite(t, http1.FilesConfig{CacheEntries: 4, MemoryFile: 20 << 10, MemoryTotal: 30 << 10, CacheValid: time.Millisecond}, files)
	var wg sync.WaitGroup
	for w := range 8 {
		wg.Go(func() {
			for i := range size(150, 60, 3000) {
				name := fmt.Sprint((i*7 + w) % 44)
				res, body := s.do(t, "GET", "/"+name)
				if want, ok := files[name]; ok && body != want || !ok && res.StatusCode != 404 {
					t.Errorf("%s: %s, %d bytes of %d", name, res.Status, len(body), len(want))
					return
				}
			}
		})
	}
	wg.Wait()
}

// TestFilesShrink: a file that shrinks while it is sent breaks the connection off; its growth does not show.
func TestFilesShrink(t *testing.T) {
	t.Parallel()
	for _, grow := range []bool{false, true} {
		n := 64 << 20
		s := newSite(t, http1.FilesConfig{}, map[string]string{"f": ""})
		name := filepath.Join(s.dir, "f")
		if err := os.Truncate(name, int64(n)); err != nil {
			t.Fatal(err)
		}
		p := s.connect()
		fmt.Fprintf(p, "GET /f HTTP/1.1\r\nHost: a\r\n\r\n")
		res, err := http.ReadResponse(bufio.NewReader(p), nil)
		if err != nil || res.ContentLength != int64(n) {
			t.Fatal(res, err)
		}
		to := int64(1 << 20)
		if grow {
			to = int64(n + 1<<20)
		}
		if err := os.Truncate(name, to); err != nil {
			t.Fatal(err)
		}
		got, err := io.Copy(io.Discard, res.Body)
		switch {
		case grow && (err != nil || got != int64(n)):
			t.Errorf("a file that grows: %d bytes, %v", got, err)
		case !grow && (err == nil || got >= int64(n)):
			t.Errorf("a file that shrinks: %d bytes, %v", got, err)
		case !grow:
			if why := s.closed(1); why == "" {
				t.Error("no reason")
			}
		}
		p.Close()
	}
}

// TestFilesClose: after Close nothing is served, and what is being sent is finished.
func TestFilesClose(t *testing.T) {
	t.Parallel()
	data := digits(8 << 20)
	s := newSite(t, http1.FilesConfig{}, map[string]string{"f": data, "a": "a"})
	s.do(t, "GET", "/a")
	res, err := s.c.Get(s.url("/f"))
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	s.files.Close()
	if got, err := io.ReadAll(res.Body); err != nil || string(got) != data {
		t.Errorf("%d bytes, %v", len(got), err)
	}
	if res, _ := s.do(t, "GET", "/a"); res.StatusCode != 503 {
		t.Errorf("after Close: %s", res.Status)
	}
}

// TestFilesSlowReaders: clients that do not read cost no memory, and get all in the end.
func TestFilesSlowReaders(t *testing.T) {
	clients, n := size(40, 20, 200), int64(size(32<<20, 8<<20, 1<<30))
	s := newSite(t, http1.FilesConfig{}, map[string]string{"f": ""})
	if err := os.Truncate(filepath.Join(s.dir, "f"), n); err != nil {
		t.Fatal(err)
	}
	before := heapInUse()
	var bodies []io.ReadCloser
	for range clients {
		p := s.connect()
		fmt.Fprintf(p, "GET /f HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
		res, err := http.ReadResponse(bufio.NewReaderSize(p, 512), nil)
		if err != nil {
			t.Fatal(err)
		}
		bodies = append(bodies, res.Body)
	}
	limit := 64 << 10
	if engineTag != "" {
		limit = 320 << 10 // without sendfile each connection holds pieces of the file
	}
	held := heapInUse() - before
	for n := 0; n < 20 && held > int64(limit*clients); n++ {
		held = min(held, heapInUse()-before) // pools keep over one collection what was needed while the queues filled
	}
	report(t, "files-slow-readers", "heap_bytes_per_client", float64(max(held, 0))/float64(clients), float64(limit))
	for i, b := range bodies {
		if i >= 5 {
			b.Close() // the rest goes away in the middle
			continue
		}
		if got, err := io.Copy(io.Discard, b); err != nil || got != n {
			t.Errorf("client %d: %d bytes, %v", i, got, err)
		}
	}
}

// TestFilesPipelined: answers from memory, from the disk and from look-ups keep the order of their requests.
func TestFilesPipelined(t *testing.T) {
	t.Parallel()
	big := digits(200_000)
	s := newSite(t, http1.FilesConfig{}, map[string]string{"a": "a", "big": big})
	p := s.connect()
	paths := []string{"/a", "/big", "/none", "/a", "/a", "/big", "/a", "/none2"}
	for _, path := range paths {
		fmt.Fprintf(p, "GET %s HTTP/1.1\r\nHost: a\r\n\r\n", path)
	}
	br := bufio.NewReader(p)
	for _, path := range paths {
		res, err := http.ReadResponse(br, nil)
		if err != nil {
			t.Fatal(path, err)
		}
		body, err := io.ReadAll(res.Body)
		want := map[string]string{"/a": "a", "/big": big}[path]
		if want == "" {
			want = "Not Found\n"
		}
		if err != nil || string(body) != want {
			t.Fatalf("%s: %d bytes, %v", path, len(body), err)
		}
	}
}

// TestFilesSpecial: pipes and what may not be read do not hold a worker, and are not served.
func TestFilesSpecial(t *testing.T) {
	t.Parallel()
	s := newSite(t, http1.FilesConfig{}, map[string]string{"secret": "x"})
	if err := makePipe(filepath.Join(s.dir, "pipe")); err == nil {
		if res, _ := s.do(t, "GET", "/pipe"); res.StatusCode != 404 {
			t.Errorf("a pipe: %s", res.Status)
		}
	} else if !errors.Is(err, errors.ErrUnsupported) {
		t.Fatal(err)
	}
	if err := os.Chmod(filepath.Join(s.dir, "secret"), 0); err != nil {
		t.Fatal(err)
	}
	if f, err := os.Open(filepath.Join(s.dir, "secret")); err == nil {
		f.Close()
		t.Skip("this user reads everything")
	}
	if res, _ := s.do(t, "GET", "/secret"); res.StatusCode != 403 {
		t.Errorf("a file without permission: %s", res.Status)
	}
}
