package download_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/calandria-go/calandria/protocols/http1"
	"github.com/calandria-go/calandria/protocols/http1/download"
	"github.com/calandria-go/calandria/reactor"
	"github.com/calandria-go/calandria/reactor/reactortest"
	"github.com/calandria-go/calandria/transports/tcp"
)

const size = 1 << 20

func TestGet(t *testing.T) { eachClient(t, testGet) }

func testGet(t *testing.T, client *http.Client) {
	want := content(1, size)
	for _, parallel := range []int{0, 4} {
		o := serve(t, client, func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/old" {
				http.Redirect(w, r, "/new", http.StatusFound)
				return
			}
			file(1, size, `"1"`)(w, r)
		})
		path := target(t)
		if err := os.WriteFile(path, []byte("before"), 0o600); err != nil {
			t.Fatal(err)
		}
		d := quick(o)
		d.Parallel, d.MinRange = parallel, 100_000
		var last atomic.Pointer[download.Progress]
		d.Progress = func(p download.Progress) { last.Store(&p) }
		res, err := run(t, d, download.Job{URL: o.URL + "/old", Path: path, Sums: []download.Sum{sumOf(want)}})
		if err != nil || res.Size != size || res.Resumed != 0 || res.Attempts != 1 || res.ETag != `"1"` {
			t.Fatalf("%+v, %v", res, err)
		}
		wantFile(t, path, want)
		if p := last.Load(); p == nil || p.Done != size || p.Total != size {
			t.Errorf("%+v", p)
		}
		if n := len(o.requests()); n != 2 && parallel == 0 || n < 3 && parallel == 4 {
			t.Errorf("%d requests with %d connections: %v", n, parallel, o.requests())
		}
	}
}

type brokenCase struct {
	name     string
	script   []http.HandlerFunc
	resume   bool
	sum      bool
	retries  int // 0: as many as it takes
	want     error
	requests string // the ranges that were asked for
}

// broken are answers that are none, or not whole, at each attempt or at first, and what comes of them.
var broken = []brokenCase{
	{"cut, continued", []http.HandlerFunc{cut(400_000, file(1, size, `"1"`)), file(1, size, `"1"`)}, false, false, 0, nil, " bytes=400000-1048575"},
	{
		"cut, continued several times",
		[]http.HandlerFunc{cut(400_000, file(1, size, `"1"`)), cut(100_000, file(1, size, `"1"`)), cut(100_000, file(1, size, `"1"`)), file(1, size, `"1"`)},
		false, false, 1, nil, " bytes=400000-1048575 bytes=500000-1048575 bytes=600000-1048575",
	},
	// Its few bytes may be lost with their connection, so nobody can say where the next attempt begins.
	{"cut for ever", []http.HandlerFunc{cut(1000, file(1, size, `"1"`))}, false, false, 2, io.ErrUnexpectedEOF, "*"},
	{"cut, chunked", []http.HandlerFunc{cut(400_000, chunked(file(1, size, `"1"`))), file(1, size, `"1"`)}, false, false, 0, nil, " bytes=400000-"},
	{"cut, weak tag", []http.HandlerFunc{cut(400_000, file(1, size, `W/"1"`)), file(1, size, `W/"1"`)}, false, false, 0, nil, " "},
	{"cut for ever, weak tag", []http.HandlerFunc{cut(400_000, file(1, size, `W/"1"`))}, false, false, 2, io.ErrUnexpectedEOF, "  "},
	{"cut, no validator", []http.HandlerFunc{cut(400_000, file(1, size, "")), file(1, size, "")}, false, false, 0, nil, " "},
	{"cut, a date", []http.HandlerFunc{cut(400_000, dated), dated}, false, false, 0, nil, " bytes=400000-1048575"},
	{"cut, changed", []http.HandlerFunc{cut(400_000, file(2, size+5, `"2"`)), file(1, size, `"1"`)}, false, false, 0, nil, " bytes=400000-1048580 "},
	{"ranges ignored", []http.HandlerFunc{cut(400_000, file(1, size, `"1"`)), noRanges}, false, false, 0, nil, " bytes=400000-1048575 "},
	{"416 when all is there", []http.HandlerFunc{cutEnd(chunked(file(1, size, `"1"`))), file(1, size, `"1"`)}, false, false, 0, nil, " bytes=1048576-"},
	{"416 of another size", []http.HandlerFunc{cutEnd(chunked(file(1, size, `"1"`))), status(416, "Content-Range: bytes */99"), file(1, size, `"1"`)}, false, false, 0, nil, " bytes=1048576- "},
	{"416 without a size", []http.HandlerFunc{cut(400_000, file(1, size, `"1"`)), status(416), file(1, size, `"1"`)}, false, false, 0, nil, " bytes=400000-1048575 "},
	{"206 to no Range", []http.HandlerFunc{status(206, "Content-Range: bytes 0-0/1")}, false, false, 0, download.ErrRange, ""},
	{"another range", []http.HandlerFunc{cut(400_000, file(1, size, `"1"`)), partial("bytes 400001-1048575/1048576", 648_575), file(1, size, `"1"`)}, false, false, 0, nil, " bytes=400000-1048575 "},
	{"another size", []http.HandlerFunc{cut(400_000, file(1, size, `"1"`)), partial("bytes 400000-1048575/1048577", 648_576), file(1, size, `"1"`)}, false, false, 0, nil, " bytes=400000-1048575 "},
	{"range and length differ", []http.HandlerFunc{cut(400_000, file(1, size, `"1"`)), partial("bytes 400000-1048575/1048576", 5), file(1, size, `"1"`)}, false, false, 0, nil, " bytes=400000-1048575 "},
	{"no Content-Range", []http.HandlerFunc{cut(400_000, file(1, size, `"1"`)), partial("", 648_576), file(1, size, `"1"`)}, false, false, 0, nil, " bytes=400000-1048575 "},
	{"206 of another tag", []http.HandlerFunc{cut(400_000, file(1, size, `"1"`)), tagged(`"9"`, partial("bytes 400000-1048575/1048576", 648_576)), file(1, size, `"1"`)}, false, false, 0, nil, " bytes=400000-1048575 "},
	{"changes for ever", []http.HandlerFunc{changing()}, false, false, 0, download.ErrChanged, "*"},
	{"coded", []http.HandlerFunc{status(200, "Content-Encoding: gzip")}, false, false, 0, download.ErrEncoded, ""},
	{"not found", []http.HandlerFunc{status(404)}, false, false, 0, &download.StatusError{StatusCode: 404}, ""},
	{"busy, then not", []http.HandlerFunc{status(503), status(429, "Retry-After: 0"), file(1, size, "")}, false, false, 0, nil, "  "},
	{"busy for ever", []http.HandlerFunc{status(503)}, false, false, 2, &download.StatusError{StatusCode: 503}, "  "},
	{"busy for longer than we wait", []http.HandlerFunc{status(503, "Retry-After: 3600")}, false, false, 0, &download.StatusError{StatusCode: 503}, ""},
	{"no length", []http.HandlerFunc{old(size)}, false, false, 0, download.ErrNoLength, ""},
	{"no length, but a sum", []http.HandlerFunc{old(size)}, false, true, 0, nil, ""},
	{"no length, cut, a sum", []http.HandlerFunc{old(size - 1)}, false, true, 0, download.ErrChecksum, ""},
	{"wrong bytes", []http.HandlerFunc{file(3, size, `"1"`)}, true, true, 0, download.ErrChecksum, ""},
	{"broken head", []http.HandlerFunc{raw("HTTP/1.1 abc\r\n\r\n"), file(1, size, "")}, false, false, 0, nil, " "},
	{"nothing", []http.HandlerFunc{raw(""), file(1, size, "")}, false, false, 0, nil, "*"},
}

// TestBroken: truncation is never success, what can be continued is, and of two versions no file is made.
func TestBroken(t *testing.T) {
	eachClient(t, func(t *testing.T, client *http.Client) {
		for _, tt := range broken {
			t.Run(tt.name, func(t *testing.T) { testBroken(t, client, tt) })
		}
	})
}

func testBroken(t *testing.T, client *http.Client, tt brokenCase) {
	want := content(1, size)
	o := serve(t, client, tt.script...)
	d, path := quick(o), target(t)
	d.Retries = tt.retries
	job := download.Job{URL: o.URL, Path: path, Resume: tt.resume}
	if tt.sum {
		job.Sums = []download.Sum{sumOf(want)}
	}
	_, err := run(t, d, job)
	var status, wanted *download.StatusError
	switch {
	case errors.As(tt.want, &wanted):
		if !errors.As(err, &status) || status.StatusCode != wanted.StatusCode {
			t.Fatal(err)
		}
	case tt.want == nil && err != nil, !errors.Is(err, tt.want):
		t.Fatalf("%v; want %v", err, tt.want)
	}
	if tt.want == nil {
		wantFile(t, path, want)
	} else {
		wantOnly(t, path)
	}
	var ranges []string
	for _, a := range o.requests() {
		ranges = append(ranges, a.rang)
		if (a.rang == "") != (a.ifRange == "") {
			t.Errorf("Range %q, If-Range %q", a.rang, a.ifRange)
		}
	}
	if got := strings.Join(ranges, " "); got != tt.requests && tt.requests != "*" {
		t.Errorf("asked %q; want %q", got, tt.requests)
	}
}

// chunked hides the length of an answer.
func chunked(h http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) { h(hidden{w}, r) }
}

type hidden struct{ http.ResponseWriter }

func (h hidden) WriteHeader(code int) {
	h.Header().Del("Content-Length")
	h.ResponseWriter.WriteHeader(code)
	h.ResponseWriter.(http.Flusher).Flush()
}

func (h hidden) Flush() { h.ResponseWriter.(http.Flusher).Flush() }

// cutEnd breaks the connection behind the last byte of the body, before its end.
func cutEnd(h http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		h(w, r)
		w.(http.Flusher).Flush()
		panic(http.ErrAbortHandler)
	}
}

func dated(w http.ResponseWriter, r *http.Request) {
	http.ServeContent(w, r, "", time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC), &sea{seed: 1, size: size})
}

func noRanges(w http.ResponseWriter, r *http.Request) {
	r.Header.Del("Range")
	file(1, size, `"1"`)(w, r)
}

func partial(contentRange string, n int) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if contentRange != "" {
			w.Header().Set("Content-Range", contentRange)
		}
		w.WriteHeader(http.StatusPartialContent)
		w.Write(make([]byte, n))
	}
}

func tagged(tag string, h http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("ETag", tag)
		h(w, r)
	}
}

func changing() http.HandlerFunc {
	var n atomic.Int64
	return func(w http.ResponseWriter, r *http.Request) {
		cut(400_000, file(1, size, fmt.Sprintf(`"%d"`, n.Add(1))))(w, r)
	}
}

// old is an HTTP/1.0 answer that ends with its connection.
func old(n int64) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		c, buf, err := http.NewResponseController(w).Hijack()
		if err != nil {
			return
		}
		defer c.Close()
		io.WriteString(buf, "HTTP/1.0 200 OK\r\n\r\n")
		io.CopyN(buf, &sea{seed: 1, size: size}, n)
		buf.Flush()
	}
}

func raw(s string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		c, buf, err := http.NewResponseController(w).Hijack()
		if err != nil {
			return
		}
		defer c.Close()
		io.WriteString(buf, s)
		buf.Flush()
	}
}

func TestShortRanges(t *testing.T) { eachClient(t, testShortRanges) }

func testShortRanges(t *testing.T, client *http.Client) {
	o := serve(t, client, cut(400_000, file(1, size, `"1"`)), func(w http.ResponseWriter, r *http.Request) {
		var from int64
		fmt.Sscanf(r.Header.Get("Range"), "bytes=%d-", &from)
		last := min(from+99_999, size-1)
		w.Header().Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", from, last, size))
		w.WriteHeader(http.StatusPartialContent)
		s := &sea{seed: 1, size: size, at: from}
		io.CopyN(w, s, last+1-from)
	})
	path := target(t)
	res, err := run(t, quick(o), download.Job{URL: o.URL, Path: path})
	if err != nil || res.Attempts != 2 {
		t.Fatalf("%+v, %v", res, err)
	}
	wantFile(t, path, content(1, size))
	if n := len(o.requests()); n != 8 {
		t.Errorf("%d requests", n)
	}
}

func TestMaxBytes(t *testing.T) { eachClient(t, testMaxBytes) }

func testMaxBytes(t *testing.T, client *http.Client) {
	for name, h := range map[string]http.HandlerFunc{"declared": file(1, size, `"1"`), "chunked": chunked(file(1, size, `"1"`))} {
		for most, want := range map[int64]error{size: nil, size - 1: download.ErrTooLarge, -1: nil} {
			o := serve(t, client, h)
			d, path := quick(o), target(t)
			d.MaxBytes = most
			if _, err := run(t, d, download.Job{URL: o.URL, Path: path}); !errors.Is(err, want) {
				t.Errorf("%s, %d: %v", name, most, err)
			}
			if n := len(o.requests()); n != 1 {
				t.Errorf("%s: %d requests", name, n)
			}
		}
	}
}

// TestStall: a server that sends nothing more ends the attempt, before the head and in the body, and the next one goes on.
func TestStall(t *testing.T) { eachClient(t, testStall) }

func testStall(t *testing.T, client *http.Client) {
	hang := func(h http.HandlerFunc) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			h(w, r)
			w.(http.Flusher).Flush()
			<-r.Context().Done()
		}
	}
	o := serve(t, client, func(w http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	d, path := quick(o), target(t)
	d.Stall, d.Retries = 50*time.Millisecond, -1
	_, err := run(t, d, download.Job{URL: o.URL, Path: path})
	if !errors.Is(err, download.ErrStalled) || !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Error(err)
	}
	wantOnly(t, path)

	o = serve(t, client, hang(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("ETag", `"1"`)
		w.Header().Set("Content-Length", fmt.Sprint(size))
		io.CopyN(w, &sea{seed: 1, size: size}, 300_000)
	}), file(1, size, `"1"`))
	d.Retries = 0
	if _, err := run(t, d, download.Job{URL: o.URL, Path: path}); err != nil {
		t.Fatal(err)
	}
	wantFile(t, path, content(1, size))
}

// TestRate: no more than the rate, all connections together. How much less is the machine's matter.
func TestRate(t *testing.T) { eachClient(t, testRate) }

func testRate(t *testing.T, client *http.Client) {
	const rate = 2 << 20
	for _, parallel := range []int{1, 4} {
		o := serve(t, client, file(1, size, `"1"`))
		d, path := quick(o), target(t)
		d.Rate, d.Parallel, d.MinRange = rate, parallel, 1000
		from := time.Now()
		if _, err := run(t, d, download.Job{URL: o.URL, Path: path}); err != nil {
			t.Fatal(err)
		}
		if least := time.Second * (size - 64<<10) / rate; time.Since(from) < least {
			t.Errorf("%v; at least %v", time.Since(from), least)
		}
		wantFile(t, path, content(1, size))
	}
}

func TestRefused(t *testing.T) { eachClient(t, testRefused) }

func testRefused(t *testing.T, client *http.Client) {
	o := serve(t, client, file(1, size, ""))
	dir := t.TempDir()
	d := quick(o)
	for name, job := range map[string]download.Job{
		"a scheme": {URL: "ftp://host.example/", Path: dir + "/a"},
		"no URL":   {URL: "http://[", Path: dir + "/a"},
		"a sum":    {URL: o.URL, Path: dir + "/a", Sums: []download.Sum{{Algorithm: "md5", Sum: make([]byte, 5)}}},
		"a folder": {URL: o.URL, Path: dir},
		"nowhere":  {URL: o.URL, Path: dir + "/gone/a"},
	} {
		if _, err := run(t, d, job); err == nil {
			t.Errorf("%s was taken", name)
		}
	}
	if n := len(o.requests()); n != 0 {
		t.Errorf("%d requests", n)
	}
	if _, err := run(t, d, download.Job{URL: o.URL, Path: dir + "/gone/a"}); !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
	ctx, cancel := context.WithCancelCause(context.Background())
	cancel(errOurs)
	if _, err := d.Get(ctx, download.Job{URL: o.URL, Path: dir + "/a"}); !errors.Is(err, errOurs) {
		t.Error(err)
	}
}

var errOurs = errors.New("ours")

// early is a body that ends before its length, and does not say so.
type early struct{ http.RoundTripper }

func (e early) RoundTrip(req *http.Request) (*http.Response, error) {
	res, err := e.RoundTripper.RoundTrip(req)
	if err == nil {
		res.Body = struct {
			io.Reader
			io.Closer
		}{io.LimitReader(res.Body, 300_000), res.Body}
	}
	return res, err
}

// TestSilentTruncation: a RoundTripper that takes a lost connection for the end is not believed.
func TestSilentTruncation(t *testing.T) { eachClient(t, testSilentTruncation) }

func testSilentTruncation(t *testing.T, client *http.Client) {
	o := serve(t, &http.Client{Transport: early{client.Transport}}, file(1, size, `"1"`))
	path := target(t)
	res, err := run(t, quick(o), download.Job{URL: o.URL, Path: path})
	if err != nil || res.Attempts != 4 {
		t.Fatalf("%+v, %v", res, err)
	}
	wantFile(t, path, content(1, size))
	o = serve(t, o.client, file(1, size, ""))
	if _, err := run(t, quick(o), download.Job{URL: o.URL, Path: path + "2"}); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Error(err)
	}
}

// TestOnLoop: a call that would hold up a loop is refused.
func TestOnLoop(t *testing.T) {
	path := target(t)
	errs := make(chan error, 1)
	r := reactortest.NewDefault(t, reactor.Config{})
	ln, err := tcp.Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.Listen(ln, &http1.Server{Handler: http1.HandlerFunc(func(x *http1.Exchange) {
		_, err := (&download.Downloader{}).Get(context.Background(), download.Job{URL: "http://127.0.0.1:1/", Path: path})
		errs <- err
		x.Respond(http.StatusOK, "", nil)
	})}); err != nil {
		t.Fatal(err)
	}
	res, err := clients[0].make(t).Get("http://" + ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	if err := <-errs; !errors.Is(err, reactor.ErrOnLoop) {
		t.Error(err)
	}
	wantOnly(t, path)
}

// TestTLS: the same over TLS, and a certificate that nobody vouches for ends it at once.
func TestTLS(t *testing.T) {
	srv := httptest.NewUnstartedServer(file(1, size, `"1"`))
	srv.Config.ErrorLog = log.New(io.Discard, "", 0)
	srv.StartTLS()
	defer srv.Close()
	pool := x509.NewCertPool()
	pool.AddCert(srv.Certificate())
	for name, conf := range map[string]*tls.Config{"trusted": {RootCAs: pool}, "not trusted": nil} {
		ours := &http1.Client{Reactor: reactortest.NewDefault(t, reactor.Config{}), TLS: conf}
		theirs := &http.Transport{TLSClientConfig: conf}
		for _, c := range []http.RoundTripper{ours, theirs} {
			d := quick(&origin{client: &http.Client{Transport: c}})
			d.Parallel, d.MinRange = 3, 1000
			path := target(t)
			from := time.Now()
			_, err := run(t, d, download.Job{URL: srv.URL, Path: path})
			var unknown x509.UnknownAuthorityError
			switch {
			case conf == nil && !errors.As(err, &unknown), conf != nil && err != nil:
				t.Errorf("%s, %T: %v, %v", name, c, err, time.Since(from))
			case conf != nil:
				wantFile(t, path, content(1, size))
			}
		}
		ours.Close()
		theirs.CloseIdleConnections()
	}
}

// TestMaxBytesOfParts: ranges that never say how many there are end at the limit.
func TestMaxBytesOfParts(t *testing.T) { eachClient(t, testMaxBytesOfParts) }

func testMaxBytesOfParts(t *testing.T, client *http.Client) {
	o := serve(t, client, cut(400_000, chunked(file(1, size, `"1"`))), func(w http.ResponseWriter, r *http.Request) {
		var from int64
		fmt.Sscanf(r.Header.Get("Range"), "bytes=%d-", &from)
		w.Header().Set("Content-Range", fmt.Sprintf("bytes %d-%d/*", from, from+99_999))
		w.WriteHeader(http.StatusPartialContent)
		w.Write(make([]byte, 100_000))
	})
	d, path := quick(o), target(t)
	d.MaxBytes = 2_000_000
	if _, err := run(t, d, download.Job{URL: o.URL, Path: path}); !errors.Is(err, download.ErrTooLarge) {
		t.Error(err)
	}
}
