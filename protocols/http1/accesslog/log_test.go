package accesslog_test

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"gopkg.in/natefinch/lumberjack.v2"

	"github.com/calandria-go/calandria/protocols/http1"
	"github.com/calandria-go/calandria/protocols/http1/accesslog"
	"github.com/calandria-go/calandria/reactor"
	"github.com/calandria-go/calandria/reactor/reactortest"
)

// serve gives the address of a server on two real loops with the log.
func serve(t testing.TB, l *accesslog.Log, h http1.HandlerFunc) string {
	t.Helper()
	r := reactortest.NewDefault(t, reactor.Config{Loops: 2})
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.Listen(ln, &http1.Server{Handler: h, OnDone: l.OnDone}); err != nil {
		t.Fatal(err)
	}
	return ln.Addr().String()
}

// batch sends n pipelined requests with numbers and reads the answers.
func batch(t testing.TB, addr, name string, n int) {
	t.Helper()
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Error(err)
		return
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(patience))
	br := bufio.NewReader(c)
	for from := 0; from < n; from += 50 {
		var b strings.Builder
		for i := from; i < min(from+50, n); i++ {
			fmt.Fprintf(&b, "GET /%s/%d HTTP/1.1\r\nHost: a\r\n\r\n", name, i)
		}
		io.WriteString(c, b.String())
		for i := from; i < min(from+50, n); i++ {
			resp, err := http.ReadResponse(br, nil)
			if err != nil {
				t.Error(err)
				return
			}
			io.Copy(io.Discard, resp.Body)
		}
	}
}

// TestEveryLine: with a writer that keeps up, no line is lost, none is cut, and those of a connection keep their order.
func TestEveryLine(t *testing.T) {
	out := &sink{}
	f, err := accesslog.Parse("$request_uri")
	if err != nil {
		t.Fatal(err)
	}
	l := start(t, accesslog.Config{Output: out, Format: f, BufferBytes: 4096, FlushEvery: time.Millisecond})
	addr := serve(t, l, hello)
	const conns, each = 8, 1000
	var wg sync.WaitGroup
	for c := range conns {
		wg.Go(func() { batch(t, addr, fmt.Sprint(c), each) })
	}
	wg.Wait()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	next := map[string]int{}
	for _, one := range strings.Split(strings.TrimSuffix(out.String(), "\n"), "\n") {
		name, n, _ := strings.Cut(strings.TrimPrefix(one, "/"), "/")
		if n != fmt.Sprint(next[name]) {
			t.Fatalf("connection %s: line %q, want number %d", name, one, next[name])
		}
		next[name]++
	}
	if s := l.Stats(); s.Lines != conns*each || s.Dropped != 0 || s.Bytes != uint64(len(out.String())) || s.Errors != 0 {
		t.Errorf("%+v", s)
	}
	for c := range conns {
		if next[fmt.Sprint(c)] != each {
			t.Errorf("connection %d: %d lines", c, next[fmt.Sprint(c)])
		}
	}
}

// stuck is a disk that does not answer until it is let go.
type stuck struct {
	sink
	entered chan struct{}
	once    sync.Once
	free    chan struct{}
}

func (s *stuck) Write(p []byte) (int, error) {
	s.once.Do(func() { close(s.entered) })
	<-s.free
	return s.sink.Write(p)
}

// TestStuckWriter: with a writer that hangs, requests are answered all the same, and what does not fit is dropped and counted.
func TestStuckWriter(t *testing.T) {
	out := &stuck{entered: make(chan struct{}), free: make(chan struct{})}
	l := start(t, accesslog.Config{Output: out, BufferBytes: 4096, QueueBytes: 8192, FlushEvery: time.Millisecond})
	addr := serve(t, l, hello)
	batch(t, addr, "first", 1)
	<-out.entered
	batch(t, addr, "more", 3000)
	s := l.Stats()
	if s.Lines != 3001 || s.Dropped < 2000 || s.Dropped > 3000 {
		t.Errorf("while it hangs: %+v", s)
	}
	close(out.free)
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	s = l.Stats()
	if n := strings.Count(out.String(), "\n"); uint64(n)+s.Dropped != s.Lines {
		t.Errorf("%d lines written, %d dropped, of %d", n, s.Dropped, s.Lines)
	}
	batch(t, addr, "late", 1)
	if got := l.Stats(); got.Dropped != s.Dropped+1 {
		t.Errorf("a line after Close: %+v", got)
	}
	if err := l.Close(); !errors.Is(err, net.ErrClosed) {
		t.Errorf("second Close: %v", err)
	}
	if err := l.Reopen(); !errors.Is(err, net.ErrClosed) {
		t.Errorf("Reopen after Close: %v", err)
	}
}

type broken struct{}

func (broken) Write([]byte) (int, error) { return 0, errors.New("disk full") }

func TestBrokenWriter(t *testing.T) {
	logged := &sink{}
	l := start(t, accesslog.Config{Output: broken{}, Logger: slog.New(slog.NewTextHandler(logged, nil))})
	ask(t, l, hello, request)
	flush(t, l)
	ask(t, l, hello, request)
	flush(t, l)
	if s := l.Stats(); s.Lines != 2 || s.Dropped != 2 || s.Errors != 2 {
		t.Errorf("%+v", s)
	}
	if n := strings.Count(logged.String(), "disk full"); n != 1 {
		t.Errorf("reported %d times in a minute: %s", n, logged)
	}
}

// TestReopen moves the file away under the log, as logrotate does.
func TestReopen(t *testing.T) {
	path := filepath.Join(t.TempDir(), "access.log")
	l := start(t, accesslog.Config{File: &lumberjack.Logger{Filename: path}})
	ask(t, l, hello, "GET /one HTTP/1.1\r\nHost: a\r\n\r\n")
	flush(t, l)
	if err := os.Rename(path, path+".1"); err != nil {
		t.Fatal(err)
	}
	ask(t, l, hello, "GET /two HTTP/1.1\r\nHost: a\r\n\r\n")
	if err := l.Reopen(); err != nil {
		t.Fatal(err)
	}
	ask(t, l, hello, "GET /three HTTP/1.1\r\nHost: a\r\n\r\n")
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string][]string{path + ".1": {"/one", "/two"}, path: {"/three"}} {
		got, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Count(string(got), "\n") != len(want) {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
		for _, w := range want {
			if !strings.Contains(string(got), w+" ") {
				t.Errorf("%s lacks %s: %q", name, w, got)
			}
		}
	}
}

// TestRotate has lumberjack begin a new file by size.
func TestRotate(t *testing.T) {
	dir := t.TempDir()
	l := start(t, accesslog.Config{File: &lumberjack.Logger{Filename: filepath.Join(dir, "access.log"), MaxSize: 1}})
	addr := serve(t, l, hello)
	name := strings.Repeat("n", 4000)
	for range 7 {
		batch(t, addr, name, 50)
		flush(t, l)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(filepath.Join(dir, "access*.log"))
	if err != nil || len(files) != 2 {
		t.Errorf("%q, %v: want two files for 1.4 MB with at most 1 MB in each", files, err)
	}
}

func TestConfigErrors(t *testing.T) {
	if _, err := (accesslog.Config{}).New(); err == nil {
		t.Error("a log without an output")
	}
	if _, err := (accesslog.Config{Output: &sink{}, File: &lumberjack.Logger{}}).New(); err == nil {
		t.Error("a log with two outputs")
	}
}

// BenchmarkOnDone is what a line costs the loop, in a batch of pipelined requests: the difference to "none".
func BenchmarkOnDone(b *testing.B) {
	for _, c := range []struct {
		name string
		f    accesslog.Format
		none bool
	}{{"none", accesslog.Format{}, true}, {"combined", accesslog.Combined, false}, {"json", accesslog.JSON, false}} {
		b.Run(c.name, func(b *testing.B) {
			l := start(b, accesslog.Config{Output: io.Discard, Format: c.f})
			r := reactortest.NewDefault(b, reactor.Config{Loops: 1})
			ln, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				b.Fatal(err)
			}
			done := l.OnDone
			var spent time.Duration
			var lines int
			srv := &http1.Server{Handler: http1.HandlerFunc(hello), OnDone: func(x *http1.Exchange, r *http1.Result) {
				from := time.Now()
				if !c.none {
					done(x, r)
				}
				spent += time.Since(from)
				lines++
			}}
			if _, err := r.Listen(ln, srv); err != nil {
				b.Fatal(err)
			}
			conn, err := net.Dial("tcp", ln.Addr().String())
			if err != nil {
				b.Fatal(err)
			}
			defer conn.Close()
			one := "GET /plaintext HTTP/1.1\r\nHost: example.org\r\nUser-Agent: Mozilla/5.0 (X11; Linux x86_64)\r\nReferer: http://example.org/\r\n\r\n"
			all := []byte(strings.Repeat(one, 64))
			buf := make([]byte, 64<<10)
			b.ReportAllocs()
			b.ResetTimer()
			for n := 0; n < b.N; n += 64 {
				conn.Write(all)
				for left := 64 * 106; left > 0; {
					got, err := conn.Read(buf)
					if err != nil {
						b.Fatal(err)
					}
					left -= got
				}
			}
			b.ReportMetric(float64(spent.Nanoseconds())/float64(lines), "ns/line")
		})
	}
}
