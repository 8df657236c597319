package cache_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/iotest"
	"testing/synctest"
	"time"

	"github.com/calandria-go/calandria/protocols/http1"
	"github.com/calandria-go/calandria/protocols/http1/cache"
	"github.com/calandria-go/calandria/reactor"
	"github.com/calandria-go/calandria/reactor/reactortest"
)

// origin answers with a body, of a length that is announced or not (negative), and counts.
type origin struct {
	body   func() io.Reader
	length int64
	header string
	asked  int
	closed int

	unframed bool
}

func (o *origin) RoundTrip(req *http.Request) (*http.Response, error) {
	o.asked++
	res, err := response(req, "200|"+o.header+"|")
	if err == nil {
		if res.ContentLength = o.length; o.length < 0 && !o.unframed {
			res.TransferEncoding = []string{"chunked"}
		}
		res.Body = struct {
			io.Reader
			io.Closer
		}{o.body(), closeFunc(func() error { o.closed++; return nil })}
	}
	return res, err
}

type closeFunc func() error

func (f closeFunc) Close() error { return f() }

func get(t testing.TB, c http.RoundTripper, s string) *http.Response {
	t.Helper()
	res, err := c.RoundTrip(request(t, s))
	if err != nil {
		t.Fatal(err)
	}
	return res
}

// TestWholeBodiesAlone: a body is stored when it was read to its end, as long as it should be, and no larger than the limit (RFC 9111
// section 3.3). However that fails, nothing is kept and no memory counted.
func TestWholeBodiesAlone(t *testing.T) {
	text := strings.Repeat("0123456789", 1000)
	whole := func() io.Reader { return strings.NewReader(text) }
	all := func(t *testing.T, b io.Reader) { io.Copy(io.Discard, b) }
	for _, tt := range []struct {
		name   string
		body   func() io.Reader
		length int64
		read   func(t *testing.T, b io.Reader)
		limit  int64
		stored bool
	}{
		{"read to its end", whole, 10_000, all, 0, true},
		{"without a length", whole, -1, all, 0, true},
		{"byte by byte", func() io.Reader { return iotest.OneByteReader(whole()) }, -1, all, 0, true},
		{"end with the last bytes", func() io.Reader { return iotest.DataErrReader(whole()) }, -1, all, 0, true},
		{"all bytes, and not the end", whole, 10_000, func(t *testing.T, b io.Reader) { io.ReadFull(b, make([]byte, 10_000)) }, 0, true},
		{"without a length, not the end", whole, -1, func(t *testing.T, b io.Reader) { io.ReadFull(b, make([]byte, 10_000)) }, 0, false},
		{"not all bytes", whole, 10_000, func(t *testing.T, b io.Reader) { io.ReadFull(b, make([]byte, 9_999)) }, 0, false},
		{"not at all", whole, 10_000, func(t *testing.T, b io.Reader) {}, 0, false},
		{"shorter than announced", whole, 10_001, all, 0, false},
		{"longer than announced", whole, 9_999, all, 0, false},
		{"broken", func() io.Reader { return io.MultiReader(strings.NewReader("a"), iotest.ErrReader(errOrigin)) }, -1, all, 0, false},
		{"at the limit", whole, -1, all, 10_000, true},
		{"above the limit", whole, -1, all, 9_999, false},
		{"announced above the limit", whole, 10_000, all, 9_999, false},
		{"empty", func() io.Reader { return strings.NewReader("") }, -1, all, 0, true},
		{"empty, announced, not read", func() io.Reader { return strings.NewReader("") }, 0, func(t *testing.T, b io.Reader) {}, 0, true},
	} {
		o := &origin{body: tt.body, length: tt.length, header: "Cache-Control: max-age=100"}
		c := &cache.Transport{Next: o, MaxEntryBytes: tt.limit}
		res := get(t, c, "GET /a")
		tt.read(t, res.Body)
		res.Body.Close()
		s := c.Stats()
		if (s.Entries == 1) != tt.stored || !tt.stored && s.Bytes != 0 || o.closed != 1 {
			t.Errorf("%s: %+v, closed %d times", tt.name, s, o.closed)
		}
		if !tt.stored {
			continue
		}
		want, _ := io.ReadAll(tt.body())
		for range 2 {
			res = get(t, c, "GET /a")
			got, err := io.ReadAll(iotest.HalfReader(res.Body))
			if err != nil || !bytes.Equal(got, want) || res.ContentLength != int64(len(want)) || o.asked != 1 {
				t.Errorf("%s: %d bytes, %d announced, %v, asked %d times", tt.name, len(got), res.ContentLength, err, o.asked)
			}
			res.Body.Close()
		}
		var to bytes.Buffer
		if n, err := get(t, c, "GET /a").Body.(io.WriterTo).WriteTo(&to); n != int64(len(want)) || err != nil || !bytes.Equal(to.Bytes(), want) {
			t.Errorf("%s: written %d, %v", tt.name, n, err)
		}
		c.Purge()
		if s := c.Stats(); s.Entries != 0 || s.Bytes != 0 {
			t.Errorf("%s: after Purge: %+v", tt.name, s)
		}
	}
}

// TestUnframed: what only its connection ends may have been cut off, and is not stored.
func TestUnframed(t *testing.T) {
	for _, unframed := range []bool{true, false} {
		o := &origin{body: func() io.Reader { return strings.NewReader("x") }, length: -1, header: "Cache-Control: max-age=100", unframed: unframed}
		c := &cache.Transport{Next: o}
		io.Copy(io.Discard, get(t, c, "GET /a").Body)
		if s := c.Stats(); (s.Entries == 0) != unframed {
			t.Errorf("%v: %+v", unframed, s)
		}
	}
}

// TestRoom: all that is stored, and being stored, stays within MaxBytes; what was used longest ago goes first.
func TestRoom(t *testing.T) {
	const size, most = 10_000, 100_000
	o := &origin{body: func() io.Reader { return strings.NewReader(strings.Repeat("x", size)) }, length: -1, header: "Cache-Control: max-age=100"}
	c := &cache.Transport{Next: o, MaxBytes: most}
	read := func(n int) {
		res := get(t, c, fmt.Sprintf("GET /%d", n))
		buf := make([]byte, 100)
		for {
			_, err := res.Body.Read(buf)
			if s := c.Stats(); s.Bytes > most || s.Bytes < 0 {
				t.Fatalf("%d bytes", s.Bytes)
			}
			if err != nil {
				break
			}
		}
		res.Body.Close()
	}
	for n := range 100 {
		read(n)
		read(0) // used all the time
	}
	if s := c.Stats(); s.Entries < 6 || s.Evicted == 0 || o.asked != 100 {
		t.Errorf("%+v, asked %d times", s, o.asked)
	}
	// Bodies that are being read hold room that entries have to leave.
	var open []*http.Response
	for n := range 30 {
		res := get(t, c, fmt.Sprintf("GET /open/%d", n))
		io.ReadFull(res.Body, make([]byte, size-1))
		open = append(open, res)
		if s := c.Stats(); s.Bytes > most {
			t.Fatalf("%d bytes", s.Bytes)
		}
	}
	for _, res := range open {
		if n, err := io.Copy(io.Discard, res.Body); n != 1 || err != nil {
			t.Error("what is not stored has to stream all the same", n, err)
		}
		res.Body.Close()
	}
	c.Purge()
	if s := c.Stats(); s.Bytes != 0 || s.Entries != 0 {
		t.Errorf("%+v", s)
	}
}

func TestMaxEntries(t *testing.T) {
	o := &origin{body: func() io.Reader { return strings.NewReader("x") }, length: 1, header: "Cache-Control: max-age=100"}
	c := &cache.Transport{Next: o, MaxEntries: 3}
	for _, n := range []int{1, 2, 3, 1, 4, 1, 3, 4} {
		io.Copy(io.Discard, get(t, c, fmt.Sprintf("GET /%d", n)).Body)
	}
	if s := c.Stats(); s.Entries != 3 || s.Evicted != 1 || o.asked != 4 {
		t.Errorf("%+v, asked %d times", s, o.asked)
	}
	unlimited := &cache.Transport{Next: o, MaxEntries: -1, MaxBytes: -1, MaxVariants: -1, MaxEntryBytes: 0}
	for n := range 100 {
		io.Copy(io.Discard, get(t, unlimited, fmt.Sprintf("GET /%d", n)).Body)
	}
	if s := unlimited.Stats(); s.Entries != 100 {
		t.Errorf("%+v", s)
	}
}

// TestInvalidatedWhileRead: what was asked for before an unsafe request is not stored after it.
func TestInvalidatedWhileRead(t *testing.T) {
	o := &origin{body: func() io.Reader { return strings.NewReader("old") }, length: 3, header: "Cache-Control: max-age=100"}
	c := &cache.Transport{Next: o}
	res := get(t, c, "GET /a")
	other := get(t, c, "GET /b")
	get(t, c, "PUT /a").Body.Close()
	io.Copy(io.Discard, res.Body)
	io.Copy(io.Discard, other.Body)
	if s := c.Stats(); s.Entries != 1 {
		t.Errorf("%+v", s)
	}
	io.Copy(io.Discard, get(t, c, "GET /a").Body)
	if s := c.Stats(); s.Entries != 2 || s.Misses != 3 {
		t.Errorf("%+v", s)
	}
}

// TestConfirmsSomethingElse: a 304 with another entity tag than ours is of nothing that we have; the whole is asked for.
func TestConfirmsSomethingElse(t *testing.T) {
	answers := []string{`200|ETag: "1"|Cache-Control: no-cache|1`, `304|ETag: "2"|`, `200|ETag: "2"|Cache-Control: max-age=10|2`}
	c := &cache.Transport{Next: tripper(func(req *http.Request) (*http.Response, error) {
		s := answers[0]
		answers = answers[1:]
		if asked := req.Header["If-None-Match"] != nil; asked != (len(answers) == 1) {
			t.Errorf("%d left: %v", len(answers), req.Header)
		}
		return response(req, s)
	})}
	for _, want := range []string{"1", "2", "2"} {
		res := get(t, c, "GET /a")
		if got, err := io.ReadAll(res.Body); string(got) != want || err != nil {
			t.Errorf("%s, %v; want %s", got, err, want)
		}
	}
}

// TestCloseEndsWhatGoesOnBeside: a validation beside does not outlive the Transport, and its user's context does not end it.
func TestCloseEndsWhatGoesOnBeside(t *testing.T) {
	for most, want := range map[int]int{1: 1, 3: 2, -1: 0} {
		synctest.Test(t, func(t *testing.T) { closeBeside(t, most, want) })
	}
}

// closeBeside asks for two stale answers again and again; of each there is one validation at the most.
func closeBeside(t *testing.T, most, want int) {
	first, started := map[string]int{}, make(chan struct{}, 10)
	c := &cache.Transport{MaxBeside: most, BesideTimeout: -1, Next: tripper(func(req *http.Request) (*http.Response, error) {
		if first[req.URL.Path] == 0 {
			first[req.URL.Path]++
			return response(req, "200|Cache-Control: max-age=0, stale-while-revalidate=100|ETag: \"1\"|1")
		}
		started <- struct{}{}
		<-req.Context().Done()
		return nil, req.Context().Err()
	})}
	io.Copy(io.Discard, get(t, c, "GET /a").Body)
	io.Copy(io.Discard, get(t, c, "GET /b").Body)
	ctx, cancel := context.WithCancel(context.Background())
	for range 3 {
		res, err := c.RoundTrip(request(t, "GET /a").WithContext(ctx))
		if err != nil {
			t.Fatal(err)
		}
		io.Copy(io.Discard, res.Body)
		io.Copy(io.Discard, get(t, c, "GET /b").Body)
	}
	cancel()
	synctest.Wait()
	if n := len(started); n != want {
		t.Errorf("%d validations at once", n)
	}
	if err := c.Close(); err != nil {
		t.Error(err)
	}
	if s := c.Stats(); s.Entries != 0 || s.Bytes != 0 {
		t.Errorf("%+v", s)
	}
	first = map[string]int{}
	io.Copy(io.Discard, get(t, c, "GET /a").Body)
	if s := c.Stats(); s.Entries != 0 || s.Bytes != 0 {
		t.Errorf("stored after Close: %+v", s)
	}
}

// TestBesideTimeout: a validation beside that hangs ends.
func TestBesideTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		first, ended := true, make(chan error, 1)
		c := &cache.Transport{Next: tripper(func(req *http.Request) (*http.Response, error) {
			if first {
				first = false
				return response(req, "200|Cache-Control: max-age=0, stale-while-revalidate=100|1")
			}
			<-req.Context().Done()
			ended <- context.Cause(req.Context())
			return nil, req.Context().Err()
		})}
		defer c.Close()
		io.Copy(io.Discard, get(t, c, "GET /a").Body)
		io.Copy(io.Discard, get(t, c, "GET /a").Body)
		if err := <-ended; !errors.Is(err, context.DeadlineExceeded) {
			t.Error(err)
		}
	})
}

// TestServer: many at once, over net/http's client and server, with conditions that are the server's.
func TestServer(t *testing.T) {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "max-age=0, stale-while-revalidate=1")
		w.Header().Set("ETag", `"`+r.URL.Path+`"`)
		if r.Method == http.MethodPost {
			return
		}
		http.ServeContent(w, r, "", noTime, strings.NewReader(strings.Repeat(r.URL.Path, 10_000)))
	}))
	defer srv.Close()
	for name, next := range map[string]http.RoundTripper{
		"net/http": http.DefaultTransport.(*http.Transport).Clone(), "http1": &http1.Client{Reactor: reactortest.NewDefault(t, reactor.Config{})},
	} {
		t.Run(name, func(t *testing.T) { manyAtOnce(t, next, srv.URL) })
	}
}

func manyAtOnce(t *testing.T, next http.RoundTripper, url string) {
	c := &cache.Transport{Next: next, MaxBytes: 300_000}
	defer c.Close()
	client := &http.Client{Transport: c}
	defer client.CloseIdleConnections()
	var wg sync.WaitGroup
	for n := range 8 {
		wg.Go(func() {
			for i := range 100 {
				path := fmt.Sprint("/", (n+i)%10)
				if i%20 == 19 {
					res, err := client.Post(url+path, "", nil)
					if err != nil {
						t.Error(err)
						return
					}
					res.Body.Close()
				}
				res, err := client.Get(url + path)
				if err != nil {
					t.Error(err)
					return
				}
				got, err := io.ReadAll(res.Body)
				res.Body.Close()
				if err != nil || string(got) != strings.Repeat(path, 10_000) || res.StatusCode != 200 {
					t.Errorf("%s: %d, %d bytes, %v", path, res.StatusCode, len(got), err)
				}
			}
		})
	}
	wg.Wait()
	if s := c.Stats(); s.Bytes > 300_000 || s.Bytes < 0 || s.Hits+s.Validated == 0 {
		t.Errorf("%+v", s)
	}
}

var noTime time.Time

// TestCanceledIsNoError: who has gone gets his context's error, and no stale answer.
func TestCanceledIsNoError(t *testing.T) {
	c := &cache.Transport{StaleIfError: time.Hour, Next: tripper(func(req *http.Request) (*http.Response, error) {
		if err := req.Context().Err(); err != nil {
			return nil, err
		}
		return response(req, "200|ETag: \"1\"|Cache-Control: max-age=0|1")
	})}
	io.Copy(io.Discard, get(t, c, "GET /a").Body)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := c.RoundTrip(request(t, "GET /a").WithContext(ctx)); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

// TestOtherOriginsLocation: what another origin has is not for this one to invalidate (RFC 9111 section 4.4).
func TestOtherOriginsLocation(t *testing.T) {
	c := &cache.Transport{Next: tripper(func(req *http.Request) (*http.Response, error) {
		return response(req, "200|Cache-Control: max-age=100|Location: http://other.example/c|1")
	})}
	for _, s := range []string{"GET http://other.example/c", "DELETE /x"} {
		req := request(t, s)
		req.Host = ""
		res, err := c.RoundTrip(req)
		if err != nil {
			t.Fatal(err)
		}
		io.Copy(io.Discard, res.Body)
	}
	if s := c.Stats(); s.Entries != 1 || s.Invalidated != 0 {
		t.Errorf("%+v", s)
	}
}
