package compress

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/calandria-go/calandria/protocols/http1"
)

// echoes answer with the request's body, and with what they see of its coding.
func echoes() map[string]http1.Handler {
	return map[string]http1.Handler{
		"native": native(func(x *http1.Exchange) {
			x.ReadBody(64<<20, func(x *http1.Exchange, body []byte) {
				x.SetHeader("X-Decoded", fmt.Sprint(Decoded(x)))
				x.Respond(200, "application/octet-stream", body)
			})
		}),
		"native stream": native(func(x *http1.Exchange) {
			var all []byte
			x.StreamBody(func(x *http1.Exchange, p []byte, last bool) {
				all = append(all, p...)
				if last {
					x.SetHeader("X-Decoded", fmt.Sprint(Decoded(x)))
					x.Respond(200, "application/octet-stream", all)
				}
			})
		}),
		"std": std(func(w http.ResponseWriter, r *http.Request) {
			b, err := io.ReadAll(r.Body)
			if err != nil || r.ContentLength >= 0 && int64(len(b)) != r.ContentLength {
				http.Error(w, fmt.Sprint(err, len(b), r.ContentLength), 500)
				return
			}
			w.Header().Set("X-Decoded", fmt.Sprint(r.Header.Get("Content-Encoding") == ""))
			w.Header().Set("Content-Type", "application/octet-stream")
			w.Write(b)
		}),
	}
}

func TestRequestRoundTrip(t *testing.T) {
	for name, h := range echoes() {
		addr := serve(t, (&Requests{}).Middleware()(h))
		cl := client(t)
		for _, n := range []int{1, 1000, 70_000} {
			body := jsonOf(n)
			for _, list := range []string{
				"gzip", "x-gzip", "GZIP", "deflate", "br", "zstd", "identity", "gzip, identity", "gzip, br", "br, gzip", "zstd, deflate", "gzip,gzip",
			} {
				sent := body
				for _, c := range strings.Split(strings.ToLower(list), ",") {
					sent = encoded(t, strings.TrimSpace(c), sent)
				}
				res, got := do(t, cl, "POST", addr, bytes.NewReader(sent), "Content-Encoding: "+list)
				if res.StatusCode != 200 || !bytes.Equal(got, body) {
					t.Fatalf("%s, %s of %d: %d, %d bytes", name, list, n, res.StatusCode, len(got))
				}
				if d := res.Header.Get("X-Decoded"); d != "true" && list != "identity" {
					t.Errorf("%s, %s: decoded %s", name, list, d)
				}
				// Chunked.
				res, got = do(t, cl, "POST", addr, io.MultiReader(bytes.NewReader(sent)), "Content-Encoding: "+list)
				if res.StatusCode != 200 || !bytes.Equal(got, body) {
					t.Fatalf("%s, %s of %d, chunked: %d, %d bytes", name, list, n, res.StatusCode, len(got))
				}
			}
		}
		// Without a body there is nothing to decode.
		for _, method := range []string{"GET", "POST"} {
			if res, got := do(t, cl, method, addr, nil, "Content-Encoding: gzip"); res.StatusCode != 200 || len(got) > 0 {
				t.Errorf("%s, %s without a body: %d %q", name, method, res.StatusCode, got)
			}
		}
		if res, got := do(t, cl, "POST", addr, io.MultiReader(), "Content-Encoding: gzip"); res.StatusCode != 200 || len(got) > 0 {
			t.Errorf("%s, an empty chunked body: %d %q", name, res.StatusCode, got)
		}
	}
}

func TestRequestRefused(t *testing.T) {
	body := jsonOf(10_000)
	gz := encoded(t, "gzip", body)
	zl := encoded(t, "deflate", body)
	flip := func(b []byte) []byte { c := bytes.Clone(b); c[len(c)-6] ^= 0xff; return c } // in the checksum
	for _, tc := range []struct {
		name, list string
		body       []byte
		want       int
	}{
		{"unknown", "compress", body, 415},
		{"unknown among known", "gzip, snappy", gz, 415},
		{"three", "gzip, gzip, gzip", gz, 415},
		{"no token", "gzip;q=1", gz, 415},
		{"not gzip", "gzip", body, 400},
		{"not zlib", "deflate", body, 400},
		{"raw deflate", "deflate", encoded(t, "raw deflate", body), 400},
		{"not br", "br", body, 400},
		{"not zstd", "zstd", body, 400},
		{"coded once, said twice", "gzip, gzip", gz, 400},
		{"wrong checksum", "gzip", flip(gz), 400},
		{"wrong checksum", "deflate", func() []byte { c := bytes.Clone(zl); c[len(c)-1] ^= 1; return c }(), 400},
		{"wrong checksum", "zstd", func() []byte { c := encoded(t, "zstd", body); c[len(c)-1] ^= 1; return c }(), 400},
		{"more behind it", "gzip", append(bytes.Clone(gz), "GET / HTTP/1.1\r\n"...), 400},
		{"more behind it", "deflate", append(bytes.Clone(zl), 0), 400},
		{"more behind it", "br", append(encoded(t, "br", body), 0), 400},
		{"more behind it", "zstd", append(encoded(t, "zstd", body), 0, 1, 2, 3, 4), 400},
		{"more behind the inner one", "deflate, gzip", encoded(t, "gzip", append(bytes.Clone(zl), 0)), 400},
		{"two members", "gzip", append(bytes.Clone(gz), gz...), 200}, // RFC 1952 section 2.2
		{"two frames", "zstd", append(encoded(t, "zstd", body), encoded(t, "zstd", body)...), 200},
	} {
		for name, h := range echoes() {
			called := false
			addr := serve(t, (&Requests{}).Middleware()(native(func(x *http1.Exchange) { called = true; h.Handle(x) })))
			res, _ := do(t, client(t), "POST", addr, bytes.NewReader(tc.body), "Content-Encoding: "+tc.list)
			if res.StatusCode != tc.want {
				t.Errorf("%s, %s, %s: %d, want %d", tc.name, tc.list, name, res.StatusCode, tc.want)
			}
			if ae := res.Header.Get("Accept-Encoding"); (tc.want == 415) != (ae == "gzip, deflate, br, zstd") {
				t.Errorf("%s: Accept-Encoding %q", tc.name, ae)
			}
			if tc.want != 200 && called {
				t.Errorf("%s: the handler was called", tc.name)
			}
		}
	}
	res, _ := do(t, client(t), "POST", serve(t, (&Requests{Codings: []string{"zstd"}}).Middleware()(echoes()["native"])), bytes.NewReader(gz), "Content-Encoding: gzip")
	if res.StatusCode != 415 || res.Header.Get("Accept-Encoding") != "zstd" {
		t.Errorf("not taken: %d %v", res.StatusCode, res.Header)
	}
	if (&Requests{Codings: []string{"lzma"}}).Check() == nil {
		t.Error("lzma is a coding")
	}
}

// Each coding cut at every place is 400, and no cut part is taken for the whole.
func TestRequestTruncated(t *testing.T) {
	body := jsonOf(300)
	d := newDecoders()
	for _, c := range []coding{gzipCoding, deflate, br, zstdCoding} {
		whole := encoded(t, codingNames[c], body)
		for n := range whole {
			if out, err := d.decode(whole[:n], []coding{c}, 1<<20); err != ErrCorrupt && n > 0 {
				t.Errorf("%s: %d of %d bytes: %d bytes, %v", codingNames[c], n, len(whole), len(out), err)
			}
		}
		if out, err := d.decode(whole, []coding{c}, 1<<20); err != nil || !bytes.Equal(out, body) { // the decoders are as new
			t.Errorf("%s: %v", codingNames[c], err)
		}
	}
}

// A body that comes byte by byte, with its head, behind and before other requests of the connection.
func TestRequestByteByByte(t *testing.T) {
	body := jsonOf(200)
	for name, h := range echoes() {
		addr := serve(t, (&Requests{}).Middleware()(h))
		for _, coding := range allCodings {
			c, err := net.Dial("tcp", addr)
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			c.SetDeadline(time.Now().Add(patience))
			sent := encoded(t, coding, body)
			plain := "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello"
			one := fmt.Sprintf("POST / HTTP/1.1\r\nHost: a\r\nContent-Encoding: %s\r\nContent-Length: %d\r\n\r\n%s", coding, len(sent), sent)
			chunked := fmt.Sprintf("POST / HTTP/1.1\r\nHost: a\r\nContent-Encoding: %s\r\nTransfer-Encoding: chunked\r\n\r\n", coding)
			for _, b := range sent {
				chunked += "1\r\n" + string([]byte{b}) + "\r\n"
			}
			chunked += "0\r\n\r\n"
			all := plain + one + plain + chunked + one + plain
			go func() {
				for i := range len(all) {
					if _, err := c.Write([]byte(all[i : i+1])); err != nil {
						return
					}
				}
			}()
			r := bufio.NewReader(c)
			for i, want := range []string{"hello", string(body), "hello", string(body), string(body), "hello"} {
				res, err := http.ReadResponse(r, nil)
				if err != nil {
					t.Fatal(name, coding, i, err)
				}
				got, err := io.ReadAll(res.Body)
				if err != nil || string(got) != want {
					t.Fatalf("%s, %s, answer %d: %d %q, %v", name, coding, i, res.StatusCode, got, err)
				}
			}
		}
	}
}

// A client that waits for 100 (Continue) gets it, and one whose coding is refused does not.
func TestRequestExpect(t *testing.T) {
	addr := serve(t, (&Requests{}).Middleware()(echoes()["std"]))
	sent := encoded(t, "gzip", []byte("hello"))
	for coding, want := range map[string]string{"gzip": "HTTP/1.1 100 Continue\r\n", "x": "HTTP/1.1 415 Unsupported Media Type\r\n"} {
		c, err := net.Dial("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		c.SetDeadline(time.Now().Add(patience))
		fmt.Fprintf(c, "POST / HTTP/1.1\r\nHost: a\r\nContent-Encoding: %s\r\nExpect: 100-continue\r\nContent-Length: %d\r\n\r\n", coding, len(sent))
		r := bufio.NewReader(c)
		line, err := r.ReadString('\n')
		if err != nil || line != want {
			t.Fatalf("%q, %v", line, err)
		}
		if coding != "gzip" {
			continue
		}
		r.ReadString('\n')
		c.Write(sent)
		res, err := http.ReadResponse(r, nil)
		if err != nil {
			t.Fatal(err)
		}
		if b, err := io.ReadAll(res.Body); err != nil || string(b) != "hello" {
			t.Errorf("%q, %v", b, err)
		}
	}
}

// Above MaxActive there is 503, and the count comes back.
func TestRequestsBounded(t *testing.T) {
	c := &Requests{MaxActive: 1}
	addr := serve(t, c.Middleware()(echoes()["native"]))
	cl := client(t)
	c.active.Store(1) // as if one were decoded
	sent := encoded(t, "gzip", []byte("hello"))
	res, _ := do(t, cl, "POST", addr, bytes.NewReader(sent), "Content-Encoding: gzip")
	if res.StatusCode != 503 || res.Header.Get("Retry-After") == "" {
		t.Errorf("%d %v", res.StatusCode, res.Header)
	}
	if n := c.active.Load(); n != 1 {
		t.Errorf("%d are counted", n)
	}
	c.active.Store(0)
	for range 10 {
		if res, _ := do(t, cl, "POST", addr, bytes.NewReader(sent), "Content-Encoding: gzip"); res.StatusCode != 200 {
			t.Errorf("%d", res.StatusCode)
		}
	}
	if n := c.active.Load(); n != 0 {
		t.Errorf("%d are counted", n)
	}
}
