//go:build interop

package interop

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// staticSite runs httpd with a folder of one file, called file, of so many bytes.
func staticSite(t *testing.T, size int64, random bool) (s *site, path string) {
	t.Helper()
	dir := t.TempDir()
	path = filepath.Join(dir, "file")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if random {
		_, err = io.CopyN(f, rand.NewChaCha8([32]byte{1}), size)
	} else {
		err = f.Truncate(size)
	}
	if err != nil {
		t.Fatal(err)
	}
	return runSite(t, 1, "-listen", "127.0.0.1:0", "-static", dir), path
}

// TestCurlStatic: curl's ranges, its going on with a file that it has a part of, and its conditions.
func TestCurlStatic(t *testing.T) {
	need(t, "curl")
	s, path := staticSite(t, 3<<20, true)
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	url := s.urls[0] + "/static/file"
	for r, part := range map[string][]byte{
		"0-99": want[:100], "1048576-2097151": want[1<<20 : 2<<20], "-500": want[len(want)-500:], "3145000-": want[3145000:],
	} {
		if got := mustRun(t, nil, "curl", "-sSf", "-r", r, url); got.stdout != string(part) {
			t.Errorf("range %s: %d bytes, want %d", r, len(got.stdout), len(part))
		}
	}
	if r := run(t, nil, "curl", "-sS", "-o", "/dev/null", "-w", "%{http_code}", "-r", "4000000-", url); r.stdout != "416" {
		t.Errorf("a range behind the end: %s", r.stdout)
	}
	half := filepath.Join(t.TempDir(), "half")
	if err := os.WriteFile(half, want[:1234567], 0o600); err != nil {
		t.Fatal(err)
	}
	mustRun(t, nil, "curl", "-sSf", "-C", "-", "-o", half, url)
	if got, err := os.ReadFile(half); err != nil || !bytes.Equal(got, want) {
		t.Errorf("the resumed download has %d bytes and is not the file; %v", len(got), err)
	}
	if r := run(t, nil, "curl", "-sS", "-o", "/dev/null", "-w", "%{http_code}", "-z", path, url); r.stdout != "304" {
		t.Errorf("not modified since: %s", r.stdout)
	}
	for _, way := range []string{"/static/../front.go", "/static/%2e%2e/%2e%2e/etc/passwd", "/static/..%2f..%2fetc/passwd", "/static/%5c..%5cfile"} {
		if r := run(t, nil, "curl", "-sS", "--path-as-is", "-o", "/dev/null", "-w", "%{http_code}", s.urls[0]+way); r.stdout == "200" {
			t.Errorf("%s was served", way)
		}
	}
}

// TestSlowDownloads: 1 GiB to 200 readers that hardly read: the server's memory stays flat.
func TestSlowDownloads(t *testing.T) {
	const size, readers = 1 << 30, 200
	s, _ := staticSite(t, size, false)
	warm, err := http.Get(s.urls[0] + "/healthz")
	if err != nil {
		t.Fatal(err)
	}
	warm.Body.Close()
	before := s.rss()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var all sync.WaitGroup
	var whole sync.WaitGroup
	errs := make(chan error, readers)
	for i := range readers {
		c, err := net.Dial("tcp", strings.TrimPrefix(s.urls[0], "http://"))
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		fmt.Fprintf(c, "GET /static/file HTTP/1.1\r\nHost: localhost\r\n\r\n")
		if i == 0 { // one reads as fast as it can, beside them
			whole.Go(func() { errs <- readWhole(c, size) })
			continue
		}
		all.Go(func() { trickle(ctx, c) })
	}
	<-time.After(3 * time.Second)
	during := s.rss()
	whole.Wait()
	if err := <-errs; err != nil {
		t.Error(err)
	}
	after := s.rss()
	cancel()
	all.Wait()
	t.Logf("RSS %d KiB before, %d KiB with %d readers, %d KiB when one had all of it", before>>10, during>>10, readers, after>>10)
	if grown := max(during, after) - before; grown > slowReaderMemory*readers+4<<20 {
		t.Errorf("RSS grew by %d KiB", grown>>10)
	}
}

// trickle reads 16 KiB every 100 ms.
func trickle(ctx context.Context, c net.Conn) {
	buf := make([]byte, 16<<10)
	for tick := time.NewTicker(100 * time.Millisecond); ; {
		select {
		case <-ctx.Done():
			tick.Stop()
			c.Close()
			return
		case <-tick.C:
			c.Read(buf)
		}
	}
}

func readWhole(c net.Conn, size int64) error {
	c.SetDeadline(time.Now().Add(2 * time.Minute))
	head := make([]byte, 0, 1024)
	for !bytes.HasSuffix(head, []byte("\r\n\r\n")) {
		var b [1]byte
		if _, err := c.Read(b[:]); err != nil {
			return err
		}
		head = append(head, b[0])
	}
	n, err := io.CopyN(io.Discard, c, size)
	if err != nil {
		return fmt.Errorf("the fast reader got %d bytes: %w", n, err)
	}
	return nil
}

// rss is the memory of the process that serves.
func (s *site) rss() int64 {
	s.t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", s.pid))
	if err != nil {
		s.t.Fatal(err)
	}
	return int64(number(s.t, string(status), `VmRSS:\s+(\d+) kB`)) << 10
}
