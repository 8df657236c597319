package compress

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/calandria-go/calandria/protocols/http1"
)

// Every coding, by every way to answer, is what a decoder of another make takes, twice on a connection.
func TestRoundTrip(t *testing.T) {
	for _, n := range []int{3000, 40_000, 300_000} { // the last is fed in steps
		body := htmlOf(n)
		for name, h := range answers("text/html; charset=utf-8", body, `ETag: "v1"`, "Accept-Ranges: bytes") {
			t.Run(fmt.Sprint(name, " ", n), func(t *testing.T) {
				t.Parallel()
				c := &Responses{}
				addr := serve(t, c.Middleware()(h))
				cl := client(t)
				for _, coding := range allCodings {
					for range 2 {
						res, got := do(t, cl, "GET", addr, nil, "Accept-Encoding: "+coding)
						if ce := res.Header["Content-Encoding"]; !slices.Equal(ce, []string{coding}) {
							t.Fatalf("%s: Content-Encoding %q", coding, ce)
						}
						if !bytes.Equal(decoded(t, coding, got), body) {
							t.Errorf("%s: another body", coding)
						}
						if len(got) > n/2 {
							t.Errorf("%s: %d bytes became %d", coding, n, len(got))
						}
						if v := res.Header["Vary"]; !slices.Equal(v, []string{"Accept-Encoding"}) {
							t.Errorf("Vary %q", v)
						}
						if tag := res.Header.Get("ETag"); tag != `W/"v1"` {
							t.Errorf("ETag %s", tag)
						}
						if r := res.Header.Get("Accept-Ranges"); r != "" {
							t.Errorf("Accept-Ranges %s", r)
						}
					}
				}
				res, got := do(t, cl, "GET", addr, nil)
				if !bytes.Equal(got, body) || res.Header.Get("Content-Encoding") != "" || res.Header.Get("ETag") != `"v1"` {
					t.Errorf("not asked for: %v", res.Header)
				}
				if res.Header.Get("Vary") != "Accept-Encoding" || res.Header.Get("Accept-Ranges") != "bytes" {
					t.Errorf("not asked for: %v", res.Header)
				}
				if coded, skipped := c.Stats(); coded != 8 || skipped != 0 {
					t.Errorf("%d compressed, %d skipped", coded, skipped)
				}
				if n := c.pool.active.Load(); n != 0 {
					t.Errorf("%d encoders are in use", n)
				}
			})
		}
	}
}

// What must stay as it is.
func TestLeftAlone(t *testing.T) {
	body := htmlOf(5000)
	for _, tc := range []struct {
		name   string
		ctype  string
		status int
		body   []byte
		vary   bool
		fields []string
	}{
		{"tiny", "text/html", 200, body[:1023], true, nil},
		{"empty", "text/html", 200, nil, true, nil},
		{"compressed type", "image/png", 200, body, false, nil},
		{"no type", "application/octet-stream", 200, body, false, nil},
		{"coded already", "text/html", 200, body, false, []string{"Content-Encoding: br"}},
		{"no-transform", "text/html", 200, body, false, []string{"Cache-Control: public, max-age=60, no-transform"}},
		{"no-transform in a second field", "text/html", 200, body, false, []string{"Cache-Control: public", "Cache-Control: No-Transform"}},
		{"a range", "text/html", 206, body, true, []string{"Content-Range: bytes 0-4999/10000"}},
		{"a range of status 200", "text/html", 200, body, true, []string{"Content-Range: bytes 0-4999/10000"}},
		{"204", "text/html", 204, nil, true, nil},
	} {
		handlers := map[string]http1.Handler{
			"native": native(func(x *http1.Exchange) {
				for _, f := range tc.fields {
					n, v, _ := strings.Cut(f, ": ")
					x.SetHeader(n, v)
				}
				x.SetHeader("ETag", `"v"`)
				x.Respond(tc.status, tc.ctype, tc.body)
			}),
			"std": std(func(w http.ResponseWriter, r *http.Request) {
				for _, f := range tc.fields {
					n, v, _ := strings.Cut(f, ": ")
					w.Header().Add(n, v)
				}
				w.Header().Set("ETag", `"v"`)
				w.Header().Set("Content-Type", tc.ctype)
				w.WriteHeader(tc.status)
				w.Write(tc.body)
			}),
		}
		for name, h := range handlers {
			addr := serve(t, (&Responses{}).Middleware()(h))
			res, got := do(t, client(t), "GET", addr, nil, "Accept-Encoding: gzip, br, zstd")
			want := res.Header.Get("Content-Encoding")
			if want != "" && want != "br" || tc.name != "coded already" && want != "" {
				t.Errorf("%s, %s: Content-Encoding %s", tc.name, name, want)
			}
			if !bytes.Equal(got, tc.body) || res.StatusCode != tc.status || res.Header.Get("ETag") != `"v"` {
				t.Errorf("%s, %s: %d, %d bytes, %v", tc.name, name, res.StatusCode, len(got), res.Header)
			}
			if vary := res.Header.Get("Vary") == "Accept-Encoding"; vary != tc.vary {
				t.Errorf("%s, %s: Vary %q", tc.name, name, res.Header["Vary"])
			}
		}
	}
}

// A 304 has the entity tag and the Vary that the 200 would have (RFC 9110 section 15.4.5).
func TestNotModified(t *testing.T) {
	h := native(func(x *http1.Exchange) {
		x.SetHeader("ETag", `"v"`)
		x.Respond(http.StatusNotModified, "", nil)
	})
	addr := serve(t, (&Responses{}).Middleware()(h))
	res, _ := do(t, client(t), "GET", addr, nil, "Accept-Encoding: gzip", `If-None-Match: W/"v"`)
	if res.StatusCode != 304 || res.Header.Get("ETag") != `W/"v"` || res.Header.Get("Vary") != "Accept-Encoding" || res.Header.Get("Content-Encoding") != "" {
		t.Errorf("%d %v", res.StatusCode, res.Header)
	}
	res, _ = do(t, client(t), "GET", addr, nil)
	if res.Header.Get("ETag") != `"v"` {
		t.Errorf("without a coding: %v", res.Header)
	}
}

// HEAD gets the head of GET, without the length, which is not known without the work (RFC 9110 section 9.3.2).
func TestHead(t *testing.T) {
	body := htmlOf(5000)
	for name, h := range answers("text/html", body, `ETag: "v"`) {
		addr := serve(t, (&Responses{}).Middleware()(h))
		cl := client(t)
		for _, accept := range []string{"gzip", "identity"} {
			got, b := do(t, cl, "HEAD", addr, nil, "Accept-Encoding: "+accept)
			want, _ := do(t, cl, "GET", addr, nil, "Accept-Encoding: "+accept)
			if len(b) > 0 {
				t.Errorf("%s: a body", name)
			}
			for _, f := range []string{"Content-Encoding", "Vary", "ETag", "Content-Type", "Accept-Ranges"} {
				if strings.Contains(name, "streamed") || name == "std" || name == "std flushed" {
					if f == "Content-Encoding" || f == "ETag" { // the length is not known
						continue
					}
				}
				if got.Header.Get(f) != want.Header.Get(f) {
					t.Errorf("%s, %s: %s is %q, GET's %q", name, accept, f, got.Header.Get(f), want.Header.Get(f))
				}
			}
			if n := got.Header.Get("Content-Length"); n != "" && (accept == "gzip" || n != "5000") {
				t.Errorf("%s, %s: Content-Length %s", name, accept, n)
			}
		}
	}
}

// What is flushed can be decoded at once, with each coding: Server-Sent Events.
func TestFlush(t *testing.T) {
	for _, coding := range allCodings {
		for _, kind := range []string{"native", "std"} {
			t.Run(coding+" "+kind, func(t *testing.T) {
				t.Parallel()
				step := make(chan struct{})
				event := func(i int) string { return fmt.Sprintf("id: %d\ndata: event %d\n\n", i, i) }
				h := std(func(w http.ResponseWriter, r *http.Request) {
					w.Header().Set("Content-Type", "text/event-stream")
					for i := range 3 {
						io.WriteString(w, event(i))
						w.(http.Flusher).Flush()
						w.(http.Flusher).Flush() // nothing new: no bytes
						<-step
					}
				})
				if kind == "native" {
					h = native(func(x *http1.Exchange) {
						x.Start(200, "text/event-stream", -1)
						x.Offload(func() {
							for i := range 3 {
								x.Post(func(x *http1.Exchange) {
									x.Write([]byte(event(i)))
									x.Flush()
									x.Flush()
								})
								<-step
							}
							x.Post(func(x *http1.Exchange) { x.Finish() })
						})
					})
				}
				addr := serve(t, (&Responses{}).Middleware()(h))
				c, err := net.Dial("tcp", addr)
				if err != nil {
					t.Fatal(err)
				}
				defer c.Close()
				c.SetDeadline(time.Now().Add(patience))
				fmt.Fprintf(c, "GET / HTTP/1.1\r\nHost: a\r\nAccept-Encoding: %s\r\n\r\n", coding)
				res, err := http.ReadResponse(bufio.NewReader(c), nil)
				if err != nil || res.Header.Get("Content-Encoding") != coding {
					t.Fatal(err, res)
				}
				// What came so far decodes to all the events so far.
				var got []byte
				for i := range 3 {
					want := ""
					for k := range i + 1 {
						want += event(k)
					}
					for {
						b := make([]byte, 4096)
						n, err := res.Body.Read(b)
						if err != nil {
							t.Fatal(err)
						}
						got = append(got, b[:n]...)
						if out, _ := tryDecode(coding, got); string(out) == want {
							break
						} else if !strings.HasPrefix(want, string(out)) {
							t.Fatalf("%q of %q", out, want)
						}
					}
					step <- struct{}{}
				}
				rest, err := io.ReadAll(res.Body)
				if err != nil {
					t.Fatal(err)
				}
				if out := decoded(t, coding, append(got, rest...)); string(out) != event(0)+event(1)+event(2) {
					t.Errorf("%q", out)
				}
			})
		}
	}
}

// Above MaxActive answers go out as they are; MaxIdle bounds what is kept.
func TestEncodersBounded(t *testing.T) {
	body := htmlOf(5000)
	c := &Responses{MaxActive: 2, MaxIdle: 1}
	release := make(chan struct{})
	h := std(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		w.Write(body)
		w.(http.Flusher).Flush()
		<-release
	})
	addr := serve(t, c.Middleware()(h))
	cl := client(t)
	var open []*http.Response
	for i := range 4 {
		req, _ := http.NewRequest("GET", "http://"+addr, nil)
		req.Header.Set("Accept-Encoding", "gzip")
		res, err := cl.Do(req) // the head is there: its encoder is in use until the body's end
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		if coded := res.Header.Get("Content-Encoding") == "gzip"; coded != (i < 2) {
			t.Errorf("answer %d: %v", i, res.Header)
		}
		if res.Header.Get("Vary") != "Accept-Encoding" {
			t.Errorf("answer %d: %v", i, res.Header)
		}
		open = append(open, res)
	}
	close(release)
	for _, res := range open {
		b, err := io.ReadAll(res.Body)
		if err != nil {
			t.Fatal(err)
		}
		if ce := res.Header.Get("Content-Encoding"); ce != "" {
			b = decoded(t, ce, b)
		}
		if !bytes.Equal(b, body) {
			t.Error("another body")
		}
	}
	if coded, skipped := c.Stats(); coded != 2 || skipped != 2 {
		t.Errorf("%d, %d", coded, skipped)
	}
	deadline, tick := time.After(patience), time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for c.pool.active.Load() != 0 { // each was put away before it was counted off
		select {
		case <-deadline:
			t.Fatalf("%d encoders in use", c.pool.active.Load())
		case <-tick.C:
		}
	}
	if n := c.pool.idle(kindGzip); n != 1 {
		t.Errorf("%d encoders are kept", n)
	}
}

// idle says how many streams of a kind are kept.
func (p *pool) idle(k kind) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.free[k])
}

// A client that goes away in the middle leaves no encoder behind, and the next one gets a good stream from the same encoder.
func TestGivenUp(t *testing.T) {
	body := htmlOf(5000)
	c := &Responses{MaxIdle: 1}
	gone := make(chan struct{}, 1)
	h := native(func(x *http1.Exchange) {
		if string(x.Path()) == "/half" {
			x.OnDone(func(*http1.Exchange, *http1.Result) { gone <- struct{}{} })
			x.Start(200, "text/html", -1)
			x.Write(body[:2500])
			x.Flush()
			return
		}
		x.Start(200, "text/html", -1)
		x.Write(body)
		x.Finish()
	})
	addr := serve(t, c.Middleware()(h))
	for _, coding := range allCodings {
		p, err := net.Dial("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(p, "GET /half HTTP/1.1\r\nHost: a\r\nAccept-Encoding: %s\r\n\r\n", coding)
		if _, err := p.Read(make([]byte, 1)); err != nil {
			t.Fatal(err)
		}
		p.(*net.TCPConn).SetLinger(0)
		p.Close()
		<-gone
		if n := c.pool.active.Load(); n != 0 {
			t.Fatalf("%d encoders in use", n)
		}
		_, got := do(t, client(t), "GET", addr, nil, "Accept-Encoding: "+coding)
		if !bytes.Equal(decoded(t, coding, got), body) {
			t.Errorf("%s: another body", coding)
		}
	}
}

// Pipelined requests of different wishes each get theirs, in order.
func TestPipelined(t *testing.T) {
	body := htmlOf(5000)
	for name, h := range answers("text/html", body) {
		addr := serve(t, (&Responses{}).Middleware()(h))
		c, err := net.Dial("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		c.SetDeadline(time.Now().Add(patience))
		wishes := []string{"gzip", "identity", "br", "zstd", "deflate", "gzip;q=0", "gzip"}
		all := ""
		for _, w := range wishes {
			all += "GET / HTTP/1.1\r\nHost: a\r\nAccept-Encoding: " + w + "\r\n\r\n"
		}
		io.WriteString(c, all)
		r := bufio.NewReader(c)
		for _, w := range wishes {
			res, err := http.ReadResponse(r, nil)
			if err != nil {
				t.Fatal(name, err)
			}
			b, err := io.ReadAll(res.Body)
			if err != nil {
				t.Fatal(name, err)
			}
			want := w
			if w == "identity" || w == "gzip;q=0" {
				want = ""
			}
			if ce := res.Header.Get("Content-Encoding"); ce != want {
				t.Fatalf("%s: %q for %q", name, ce, w)
			}
			if !bytes.Equal(decoded(t, want, b), body) {
				t.Errorf("%s, %s: another body", name, w)
			}
		}
	}
}

// An HTTP/1.0 client gets the same, ended by the close where the length is not known.
func TestHTTP10(t *testing.T) {
	body := htmlOf(5000)
	for name, h := range answers("text/html", body) {
		addr := serve(t, (&Responses{}).Middleware()(h))
		c, err := net.Dial("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		c.SetDeadline(time.Now().Add(patience))
		io.WriteString(c, "GET / HTTP/1.0\r\nAccept-Encoding: gzip\r\n\r\n")
		res, err := http.ReadResponse(bufio.NewReader(c), nil)
		if err != nil {
			t.Fatal(err)
		}
		b, err := io.ReadAll(res.Body)
		if err != nil || res.Header.Get("Content-Encoding") != "gzip" || !bytes.Equal(decoded(t, "gzip", b), body) {
			t.Errorf("%s: %v %v", name, res.Header, err)
		}
	}
}

// curl's decoders are zlib, libbrotli and libzstd.
func TestCurl(t *testing.T) {
	curl, err := exec.LookPath("curl")
	if err != nil {
		t.Skip("no curl")
	}
	version, _ := exec.Command(curl, "--version").Output()
	body := htmlOf(300_000)
	for name, h := range answers("text/html", body) {
		addr := serve(t, (&Responses{}).Middleware()(h))
		for _, coding := range allCodings {
			if !strings.Contains(string(version), map[string]string{"br": "brotli", "zstd": "zstd"}[coding]) {
				continue
			}
			out, err := exec.Command(curl, "-sS", "--max-time", "30", "--compressed", "-H", "Accept-Encoding: "+coding,
				"-w", "%{size_download}", "http://"+addr+"/").Output()
			if err != nil || !bytes.HasPrefix(out, body) {
				t.Errorf("%s, %s: %v, %d bytes", name, coding, err, len(out))
				continue
			}
			if n, err := strconv.Atoi(string(out[len(body):])); err != nil || n >= len(body)/2 {
				t.Errorf("%s, %s: %d bytes on the wire, %v", name, coding, n, err)
			}
		}
	}
}

func TestResponsesCheck(t *testing.T) {
	for _, c := range []*Responses{
		{Codings: []string{"compress"}},
		{Codings: []string{"identity"}},
		{GzipLevel: 10},
		{GzipLevel: -1},
		{BrotliLevel: 12},
		{ZstdLevel: 4},
		{BrotliStreamLevel: 12},
		{DeflateLevel: -2},
	} {
		if c.Check() == nil {
			t.Errorf("%+v is good", c.Codings)
		}
		func() {
			defer func() {
				if recover() == nil {
					t.Error("Middleware did not panic")
				}
			}()
			c.Middleware()(native(func(*http1.Exchange) {}))
		}()
	}
	for level := 1; level <= 11; level++ { // all that are allowed work
		c := &Responses{GzipLevel: min(level, 9), DeflateLevel: min(level, 9), BrotliLevel: min(level, 9), BrotliStreamLevel: level, ZstdLevel: min(level, 3)}
		if err := c.Check(); err != nil {
			t.Fatal(err)
		}
		body := jsonOf(8_000)
		for k := range kinds {
			s := c.pool.get(k)
			out, err := s.Append([]byte("x"), body[:4_000], false, false)
			if err == nil {
				out, err = s.Append(out, body[4_000:], false, true)
			}
			if err != nil || out[0] != 'x' {
				t.Fatal(err)
			}
			name := map[kind]string{kindGzip: "gzip", kindDeflate: "deflate", kindBrWhole: "br", kindBrStream: "br", kindZstd: "zstd"}[k]
			if !bytes.Equal(decoded(t, name, out[1:]), body) {
				t.Errorf("%s level %d: another body", name, level)
			}
			if _, err := s.Append(nil, body, false, true); err == nil {
				t.Error("more after the end is no error")
			}
			s.Close()
		}
	}
}

// Digests of the plain body, and trailers, survive or go as they have to.
func TestDigestsGo(t *testing.T) {
	h := native(func(x *http1.Exchange) {
		x.SetHeader("Content-Digest", "sha-256=:AAAA:")
		x.SetHeader("Repr-Digest", "sha-256=:AAAA:")
		x.Start(200, "text/plain", -1)
		x.Write(htmlOf(3000))
		x.SetTrailer("X-Sum", "1")
		x.Finish()
	})
	res, got := do(t, client(t), "GET", serve(t, (&Responses{}).Middleware()(h)), nil, "Accept-Encoding: br")
	if res.Header.Get("Content-Digest")+res.Header.Get("Repr-Digest") != "" || res.Trailer.Get("X-Sum") != "1" || len(decoded(t, "br", got)) != 3000 {
		t.Errorf("%v %v", res.Header, res.Trailer)
	}
}
