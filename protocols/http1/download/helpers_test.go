package download_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/calandria-go/calandria/protocols/http1"
	"github.com/calandria-go/calandria/protocols/http1/download"
	"github.com/calandria-go/calandria/reactor"
	"github.com/calandria-go/calandria/reactor/reactortest"
)

// patience bounds waits for what must happen.
const patience = 30 * time.Second

// sea is a file of any size, whose bytes follow from their place and a seed, and are nowhere.
type sea struct {
	seed uint64
	size int64
	at   int64
}

func (s *sea) Seek(off int64, whence int) (int64, error) {
	switch whence {
	case io.SeekStart:
		s.at = off
	case io.SeekCurrent:
		s.at += off
	case io.SeekEnd:
		s.at = s.size + off
	}
	return s.at, nil
}

func (s *sea) Read(p []byte) (n int, err error) {
	if s.at >= s.size {
		return 0, io.EOF
	}
	p = p[:min(int64(len(p)), s.size-s.at)]
	for n < len(p) {
		var word [8]byte
		z := s.seed + uint64(s.at/8+1)*0x9e3779b97f4a7c15
		z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
		z = (z ^ z>>27) * 0x94d049bb133111eb
		binary.LittleEndian.PutUint64(word[:], z^z>>31)
		k := copy(p[n:], word[s.at%8:])
		n += k
		s.at += int64(k)
	}
	return n, nil
}

func content(seed uint64, size int64) []byte {
	b := make([]byte, size)
	io.ReadFull(&sea{seed: seed, size: size}, b)
	return b
}

// asked is a request as the server saw it.
type asked struct{ rang, ifRange string }

// clients are what downloads are tested with.
var clients = []struct {
	name string
	make func(t testing.TB) *http.Client
}{
	{"net/http", func(t testing.TB) *http.Client {
		c := &http.Client{Transport: http.DefaultTransport.(*http.Transport).Clone()}
		t.Cleanup(c.CloseIdleConnections)
		return c
	}},
	{"http1", func(t testing.TB) *http.Client {
		c := &http1.Client{Reactor: reactortest.NewDefault(t, reactor.Config{})}
		t.Cleanup(func() { c.Close() })
		return &http.Client{Transport: c}
	}},
}

// eachClient runs a test with each of them.
func eachClient(t *testing.T, f func(t *testing.T, client *http.Client)) {
	for _, c := range clients {
		t.Run(c.name, func(t *testing.T) { f(t, c.make(t)) })
	}
}

// origin is a server whose answers are scripted: the n-th request, from 0, gets script[n], those behind it the last one.
type origin struct {
	*httptest.Server
	client *http.Client
	mu     sync.Mutex
	asked  []asked
	script []http.HandlerFunc
}

func serve(t testing.TB, client *http.Client, script ...http.HandlerFunc) *origin {
	o := &origin{client: client, script: script}
	o.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Accept-Encoding") != "identity" {
			t.Errorf("Accept-Encoding: %q", r.Header.Get("Accept-Encoding"))
		}
		o.mu.Lock()
		n := len(o.asked)
		o.asked = append(o.asked, asked{r.Header.Get("Range"), r.Header.Get("If-Range")})
		h := o.script[min(n, len(o.script)-1)]
		o.mu.Unlock()
		h(w, r)
	}))
	t.Cleanup(func() {
		client.CloseIdleConnections()
		o.Close()
	})
	return o
}

func (o *origin) requests() []asked {
	o.mu.Lock()
	defer o.mu.Unlock()
	return append([]asked(nil), o.asked...)
}

// file answers with a sea, with ranges and conditions as net/http does them.
func file(seed uint64, size int64, tag string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if tag != "" {
			w.Header().Set("ETag", tag)
		}
		http.ServeContent(w, r, "", time.Time{}, &sea{seed: seed, size: size})
	}
}

// cut lets n bytes of an answer's body through, and then breaks the connection.
func cut(n int64, h http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		h(&cutter{ResponseWriter: w, left: n}, r)
		panic(http.ErrAbortHandler)
	}
}

type cutter struct {
	http.ResponseWriter
	left int64
}

func (c *cutter) Write(p []byte) (int, error) {
	p = p[:min(int64(len(p)), c.left)]
	n, _ := c.ResponseWriter.Write(p)
	c.ResponseWriter.(http.Flusher).Flush()
	if c.left -= int64(n); c.left == 0 {
		panic(http.ErrAbortHandler)
	}
	return n, nil
}

// status answers with that, and fields.
func status(code int, fields ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		for _, f := range fields {
			name, value, _ := strings.Cut(f, ": ")
			w.Header().Set(name, value)
		}
		w.WriteHeader(code)
	}
}

// quick is a Downloader that does not wait long.
func quick(o *origin) *download.Downloader {
	return &download.Downloader{Client: o.client, Backoff: time.Millisecond, Checkpoint: 5 * time.Millisecond, ProgressEvery: time.Millisecond, Stall: patience}
}

// target is a path in a folder of its own.
func target(t testing.TB) string { return filepath.Join(t.TempDir(), "file.bin") }

// wantFile checks that the file has these bytes, and that nothing else is in its folder.
func wantFile(t testing.TB, path string, want []byte) {
	t.Helper()
	got, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Fatalf("%d bytes, not the %d that were served", len(got), len(want))
	}
	wantOnly(t, path, filepath.Base(path))
}

// wantOnly checks what is in the folder of path.
func wantOnly(t testing.TB, path string, names ...string) {
	t.Helper()
	var got []string
	list, err := os.ReadDir(filepath.Dir(path))
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range list {
		got = append(got, e.Name())
	}
	if strings.Join(got, " ") != strings.Join(names, " ") {
		t.Errorf("the folder has %q; want %q", got, names)
	}
}

func sumOf(b []byte) download.Sum {
	sum := sha256.Sum256(b)
	return download.Sum{Algorithm: "sha256", Sum: sum[:]}
}

func run(t testing.TB, d *download.Downloader, job download.Job) (download.Result, error) {
	t.Helper()
	ctx, cancel := context.WithTimeoutCause(context.Background(), patience, errors.New("out of patience"))
	defer cancel()
	return d.Get(ctx, job)
}

func (c *cutter) Flush() { c.ResponseWriter.(http.Flusher).Flush() }
