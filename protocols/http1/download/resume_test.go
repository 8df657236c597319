package download_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strings"
	"testing"

	"github.com/calandria-go/calandria/protocols/http1/download"
)

// stopAfter gets a URL until so many bytes are there, and leaves them.
func stopAfter(t *testing.T, o *origin, path string, n int64) {
	t.Helper()
	ctx, cancel := context.WithCancelCause(context.Background())
	defer cancel(nil)
	d := quick(o)
	d.Progress = func(p download.Progress) {
		if p.Done >= n {
			cancel(errOurs)
		}
	}
	if _, err := d.Get(ctx, download.Job{URL: o.URL, Path: path, Resume: true}); !errors.Is(err, errOurs) {
		t.Fatal(err)
	}
	wantOnly(t, path, "file.bin.part", "file.bin.part.json")
}

// hold lets n bytes through, and then nothing until the client has gone.
func hold(n int64, h http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) { h(&holder{w, r, n}, r) }
}

type holder struct {
	http.ResponseWriter
	r    *http.Request
	left int64
}

func (h *holder) Write(p []byte) (int, error) {
	if int64(len(p)) > h.left {
		h.ResponseWriter.Write(p[:h.left])
		h.ResponseWriter.(http.Flusher).Flush()
		<-h.r.Context().Done()
		panic(http.ErrAbortHandler)
	}
	h.left -= int64(len(p))
	return h.ResponseWriter.Write(p)
}

// TestResume: another call goes on where the first was stopped, if it is still the same; else from the beginning.
func TestResume(t *testing.T) { eachClient(t, testResume) }

func testResume(t *testing.T, client *http.Client) {
	for _, tt := range []struct {
		name     string
		first    http.HandlerFunc
		then     http.HandlerFunc
		between  func(path string)
		requests string
		resumed  int64
	}{
		{name: "the same", first: file(1, size, `"1"`), then: file(1, size, `"1"`), requests: " bytes=400000-1048575", resumed: 400_000},
		{name: "by date", first: dated, then: dated, requests: " bytes=400000-1048575", resumed: 400_000},
		{name: "chunked", first: chunked(file(1, size, `"1"`)), then: file(1, size, `"1"`), requests: " bytes=400000-", resumed: 400_000},
		{name: "changed", first: file(2, size-9, `"0"`), then: file(1, size, `"1"`), requests: " bytes=400000-1048566 "},
		{name: "changed, of the same tag", first: file(2, size-9, `"1"`), then: file(1, size, `"1"`), requests: " bytes=400000-1048566 "},
		{name: "file lost", first: file(1, size, `"1"`), then: file(1, size, `"1"`), between: func(path string) { os.Remove(path + ".part") }, requests: " "},
		{name: "file cut", first: file(1, size, `"1"`), then: file(1, size, `"1"`), between: func(path string) { os.Truncate(path+".part", 399_999) }, requests: " "},
		{name: "notes lost", first: file(1, size, `"1"`), then: file(1, size, `"1"`), between: func(path string) { os.Remove(path + ".part.json") }, requests: " "},
		{name: "notes spoilt", first: file(1, size, `"1"`), then: file(1, size, `"1"`), between: func(path string) { os.WriteFile(path+".part.json", []byte("{"), 0o600) }, requests: " "},
	} {
		o := serve(t, client, hold(400_000, tt.first), tt.then)
		path := target(t)
		stopAfter(t, o, path, 400_000)
		if tt.between != nil {
			tt.between(path)
		}
		res, err := run(t, quick(o), download.Job{URL: o.URL, Path: path, Resume: true, Sums: []download.Sum{sumOf(content(1, size))}})
		if err != nil || res.Resumed != tt.resumed {
			t.Errorf("%s: %+v, %v", tt.name, res, err)
			continue
		}
		wantFile(t, path, content(1, size))
		var ranges []string
		for _, a := range o.requests() {
			ranges = append(ranges, a.rang)
		}
		if got := strings.Join(ranges, " "); got != tt.requests {
			t.Errorf("%s: asked %q; want %q", tt.name, got, tt.requests)
		}
	}
}

// TestAnotherURL: what was left of one URL is nothing for another; and nothing at all without Resume.
func TestAnotherURL(t *testing.T) { eachClient(t, testAnotherURL) }

func testAnotherURL(t *testing.T, client *http.Client) {
	for _, resume := range []bool{true, false} {
		o := serve(t, client, hold(400_000, file(1, size, `"1"`)), file(1, size, `"1"`))
		path := target(t)
		stopAfter(t, o, path, 400_000)
		url := o.URL
		if resume {
			url += "/other"
		}
		res, err := run(t, quick(o), download.Job{URL: url, Path: path, Resume: resume})
		if err != nil || res.Resumed != 0 || o.requests()[1].rang != "" {
			t.Errorf("%+v, %v, %+v", res, err, o.requests())
		}
		wantFile(t, path, content(1, size))
	}
}

// TestNotesGoFirst: before bytes of another version are written, what is noted of the old ones is gone; else a crash would leave
// notes that say too much.
func TestNotesGoFirst(t *testing.T) { eachClient(t, testNotesGoFirst) }

func testNotesGoFirst(t *testing.T, client *http.Client) {
	path := target(t)
	o := serve(t, client, hold(400_000, file(1, size, `"1"`)), file(2, size, `"2"`), func(w http.ResponseWriter, r *http.Request) {
		if _, err := os.Stat(path + ".part.json"); err == nil {
			t.Error("the old notes are still there")
		}
		file(2, size, `"2"`)(w, r)
	})
	stopAfter(t, o, path, 400_000)
	if _, err := run(t, quick(o), download.Job{URL: o.URL, Path: path, Resume: true}); err != nil {
		t.Fatal(err)
	}
	wantFile(t, path, content(2, size))
	if n := len(o.requests()); n != 3 {
		t.Errorf("%d requests", n)
	}
}

// TestKeepsWhatItHas: a failure that says nothing about the file leaves what there is of it; without Resume nothing is left.
func TestKeepsWhatItHas(t *testing.T) { eachClient(t, testKeepsWhatItHas) }

func testKeepsWhatItHas(t *testing.T, client *http.Client) {
	o := serve(t, client, hold(400_000, file(1, size, `"1"`)), status(404), status(503), status(404), file(1, size, `"1"`))
	path := target(t)
	stopAfter(t, o, path, 400_000)
	d := quick(o)
	d.Retries = -1
	for range 2 {
		if _, err := run(t, d, download.Job{URL: o.URL, Path: path, Resume: true}); err == nil {
			t.Fatal("no error")
		}
		wantOnly(t, path, "file.bin.part", "file.bin.part.json")
	}
	if _, err := run(t, d, download.Job{URL: o.URL, Path: path}); err == nil {
		t.Fatal("no error")
	}
	wantOnly(t, path)
}

func TestBusy(t *testing.T) { eachClient(t, testBusy) }

func testBusy(t *testing.T, client *http.Client) {
	if !locks {
		t.Skip("no locks of files on this system")
	}
	path := target(t)
	inner := make(chan error, 1)
	self := make(chan *origin, 1)
	o := serve(t, client, func(w http.ResponseWriter, r *http.Request) {
		o := <-self
		_, err := quick(o).Get(r.Context(), download.Job{URL: o.URL, Path: path})
		inner <- err
		file(1, size, "")(w, r)
	})
	self <- o
	if _, err := run(t, quick(o), download.Job{URL: o.URL, Path: path}); err != nil {
		t.Fatal(err)
	}
	if err := <-inner; !errors.Is(err, download.ErrBusy) {
		t.Error(err)
	}
	wantFile(t, path, content(1, size))
}

// TestLink: a link in the partial file's place is not followed.
func TestLink(t *testing.T) { eachClient(t, testLink) }

func testLink(t *testing.T, client *http.Client) {
	if !locks {
		t.Skip("links are followed on this system")
	}
	path := target(t)
	victim := target(t)
	if err := os.WriteFile(victim, []byte("precious"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(victim, path+".part"); err != nil {
		t.Fatal(err)
	}
	o := serve(t, client, file(1, size, ""))
	if _, err := run(t, quick(o), download.Job{URL: o.URL, Path: path}); err == nil {
		t.Error("the link was followed")
	}
	wantFile(t, victim, []byte("precious"))
}

// parallel is a Downloader with four connections.
func parallel(o *origin) *download.Downloader {
	d := quick(o)
	d.Parallel, d.MinRange = 4, 1000
	return d
}

// TestParallel: four ranges that do not overlap and are all of the file; of a server that is not up to it, one.
func TestParallel(t *testing.T) { eachClient(t, testParallel) }

func testParallel(t *testing.T, client *http.Client) {
	want := content(1, size)
	isRange := func(r *http.Request) bool { return r.Header.Get("Range") != "" }
	for _, tt := range []struct {
		name   string
		h      func(n int) http.HandlerFunc
		ranges int // at least
	}{
		{"four", func(int) http.HandlerFunc { return file(1, size, `"1"`) }, 3},
		{"weak tag", func(int) http.HandlerFunc { return file(1, size, `W/"1"`) }, 0},
		{"no length", func(int) http.HandlerFunc { return chunked(file(1, size, `"1"`)) }, 0},
		{"one connection alone", func(n int) http.HandlerFunc {
			return func(w http.ResponseWriter, r *http.Request) {
				if isRange(r) && n < 4 {
					w.WriteHeader(http.StatusServiceUnavailable)
					return
				}
				file(1, size, `"1"`)(w, r)
			}
		}, 1},
		{"one connection alone, it says, and for long", func(n int) http.HandlerFunc {
			return func(w http.ResponseWriter, r *http.Request) {
				if isRange(r) && n < 4 {
					status([]int{503, 403}[n%2], "Retry-After: 3600")(w, r)
					return
				}
				file(1, size, `"1"`)(w, r)
			}
		}, 1},
		{"ranges ignored", func(int) http.HandlerFunc { return noRanges }, 1},
		{"ranges broken", func(n int) http.HandlerFunc {
			return func(w http.ResponseWriter, r *http.Request) {
				if isRange(r) {
					partial("bytes 0-9/10", 10)(w, r)
					return
				}
				file(1, size, `"1"`)(w, r)
			}
		}, 1},
		{"ends of ranges ignored", func(n int) http.HandlerFunc {
			return func(w http.ResponseWriter, r *http.Request) {
				if rang := r.Header.Get("Range"); rang != "" {
					r.Header.Set("Range", rang[:strings.Index(rang, "-")+1])
				}
				file(1, size, `"1"`)(w, r)
			}
		}, 1},
		{"all cut", func(n int) http.HandlerFunc {
			if n < 8 {
				return cut(70_000, file(1, size, `"1"`))
			}
			return file(1, size, `"1"`)
		}, 4},
		{"changed meanwhile", func(n int) http.HandlerFunc {
			if n == 0 {
				return file(2, size, `"0"`)
			}
			return file(1, size, `"1"`)
		}, 1},
	} {
		var script []http.HandlerFunc
		for n := range 20 {
			script = append(script, tt.h(n))
		}
		o := serve(t, client, script...)
		path := target(t)
		res, err := run(t, parallel(o), download.Job{URL: o.URL, Path: path, Sums: []download.Sum{sumOf(want)}})
		if err != nil {
			t.Errorf("%s: %+v, %v, %+v", tt.name, res, err, o.requests())
			continue
		}
		wantFile(t, path, want)
		ranges := 0
		for _, a := range o.requests() {
			if a.rang != "" {
				ranges++
			}
		}
		if ranges < tt.ranges || tt.ranges == 0 && ranges > 0 {
			t.Errorf("%s: %+v", tt.name, o.requests())
		}
	}
}

// TestParallelResume: every range goes on from where it was.
func TestParallelResume(t *testing.T) { eachClient(t, testParallelResume) }

func testParallelResume(t *testing.T, client *http.Client) {
	const part = size / 4
	o := serve(t, client, hold(10_000, file(1, size, `"1"`)), hold(10_000, file(1, size, `"1"`)), hold(10_000, file(1, size, `"1"`)), hold(10_000, file(1, size, `"1"`)),
		file(1, size, `"1"`))
	path := target(t)
	ctx, cancel := context.WithCancelCause(context.Background())
	defer cancel(nil)
	d := parallel(o)
	d.Progress = func(p download.Progress) {
		if p.Done >= 40_000 {
			cancel(errOurs)
		}
	}
	if _, err := d.Get(ctx, download.Job{URL: o.URL, Path: path, Resume: true}); !errors.Is(err, errOurs) {
		t.Fatal(err)
	}
	res, err := run(t, parallel(o), download.Job{URL: o.URL, Path: path, Resume: true})
	if err != nil || res.Resumed != 40_000 {
		t.Fatalf("%+v, %v", res, err)
	}
	wantFile(t, path, content(1, size))
	again := map[string]bool{}
	for _, a := range o.requests()[4:] {
		again[a.rang] = true
	}
	for i := range 4 {
		if r := fmt.Sprintf("bytes=%d-%d", i*part+10_000, (i+1)*part-1); !again[r] {
			t.Errorf("%s was not asked for: %v", r, again)
		}
	}
}

func (h *holder) Flush() { h.ResponseWriter.(http.Flusher).Flush() }

// TestParallelReadsOn: when the others find out that there are no ranges, the first connection reads on, and nothing is asked for twice.
func TestParallelReadsOn(t *testing.T) { eachClient(t, testParallelReadsOn) }

func testParallelReadsOn(t *testing.T, client *http.Client) {
	refused := make(chan struct{}, 100)
	o := serve(t, client, func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Range") != "" {
			defer func() { refused <- struct{}{} }() // the client has seen the status, and left
			hold(10_000, noRanges)(w, r)
			return
		}
		waiting := &waiter{ResponseWriter: w, left: 100_000, c: refused}
		file(1, size, `"1"`)(waiting, r)
	})
	path := target(t)
	res, err := run(t, parallel(o), download.Job{URL: o.URL, Path: path})
	if err != nil || res.Attempts != 1 {
		t.Fatalf("%+v, %v", res, err)
	}
	wantFile(t, path, content(1, size))
}

// waiter lets a little through, and the rest after a word from c.
type waiter struct {
	http.ResponseWriter
	left int
	c    chan struct{}
}

func (w *waiter) Write(p []byte) (int, error) {
	if w.left -= len(p); w.left < 0 && w.c != nil {
		w.ResponseWriter.(http.Flusher).Flush()
		<-w.c
		w.c = nil
	}
	return w.ResponseWriter.Write(p)
}

// TestShorter: of a longer version nothing is left behind the end of a shorter one.
func TestShorter(t *testing.T) { eachClient(t, testShorter) }

func testShorter(t *testing.T, client *http.Client) {
	o := serve(t, client, hold(size, file(2, 2*size, `"2"`)), file(1, 1000, `"1"`))
	path := target(t)
	stopAfter(t, o, path, size)
	if _, err := run(t, quick(o), download.Job{URL: o.URL, Path: path, Resume: true}); err != nil {
		t.Fatal(err)
	}
	wantFile(t, path, content(1, 1000))
}

// TestHost: Header's Host is the request's.
func TestHost(t *testing.T) { eachClient(t, testHost) }

func testHost(t *testing.T, client *http.Client) {
	o := serve(t, client, func(w http.ResponseWriter, r *http.Request) {
		if r.Host != "other.example" || r.Header.Get("X-A") != "1" || r.Header.Get("Range") != "" {
			t.Errorf("%s, %v", r.Host, r.Header)
		}
	})
	d := quick(o)
	d.Header = http.Header{"Host": {"other.example"}, "x-a": {"1"}, "Range": {"bytes=5-"}, "Accept-Encoding": {"gzip"}}
	path := target(t)
	if _, err := run(t, d, download.Job{URL: o.URL, Path: path}); err != nil {
		t.Fatal(err)
	}
	wantFile(t, path, nil)
}
