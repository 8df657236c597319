package http1_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/calandria-go/calandria/protocols/http1"
	"github.com/calandria-go/calandria/reactor"
	"github.com/calandria-go/calandria/reactor/reactortest"
)

// headOf is a request whose head has n bytes.
func headOf(n int) string {
	const rest = "GET / HTTP/1.1\r\nHost: a\r\n\r\n"
	var b strings.Builder
	for left := n - len(rest); left > 0; {
		k := min(left, 1000)
		if left-k < 10 {
			k = left // a field line has at least five bytes
		}
		b.WriteString("X: " + strings.Repeat("x", k-5) + "\r\n")
		left -= k
	}
	return "GET / HTTP/1.1\r\nHost: a\r\n" + b.String() + "\r\n"
}

// fieldsOf is a request with n field lines.
func fieldsOf(n int) string {
	return get("/", strings.Split(strings.Repeat("X: y,", n-2)+"X: y", ",")...)
}

// targetOf is a request with a target of n bytes.
func targetOf(n int) string { return get("/" + strings.Repeat("t", n-1)) }

func bodyOf(n int) string { return post("/", strings.Repeat("b", n)) }

func chunksOf(n int) string {
	var pieces []string
	for left := n; left > 0; left -= 1000 {
		pieces = append(pieces, strings.Repeat("b", min(left, 1000)))
	}
	return chunked("/", "", pieces...)
}

// Each limit, with its default, another value, and none: n is taken, one more is not.
func TestLimits(t *testing.T) {
	for _, c := range []struct {
		name   string
		set    func(s *http1.Server, n int)
		make   func(n int) string
		def    int
		status int
		reason string
	}{
		{"MaxHeadBytes", func(s *http1.Server, n int) { s.MaxHeadBytes = n }, headOf, 16 << 10, 431, "head_too_large"},
		{"MaxFields", func(s *http1.Server, n int) { s.MaxFields = n }, fieldsOf, 100, 431, "too_many_fields"},
		{"MaxTargetBytes", func(s *http1.Server, n int) { s.MaxTargetBytes = n }, targetOf, 8 << 10, 414, "target_too_long"},
		{"MaxBodyBytes/fixed", func(s *http1.Server, n int) { s.MaxBodyBytes = int64(n) }, bodyOf, 8 << 20, 413, "body_too_large"},
		{"MaxBodyBytes/chunked", func(s *http1.Server, n int) { s.MaxBodyBytes = int64(n) }, chunksOf, 8 << 20, 413, "body_too_large"},
	} {
		play := func(t *testing.T, limit, n, status int, reason string) {
			t.Helper()
			srv := &http1.Server{Logger: quiet, Handler: http1.HandlerFunc(func(x *http1.Exchange) {
				x.ReadBody(1<<40, func(x *http1.Exchange, b []byte) { x.Respond(200, "", fmt.Append(nil, len(b))) })
			})}
			c.set(srv, limit)
			cfg := reactor.Config{InputLimit: 1 << 20}
			// A good request before it: its answer comes, whatever happens to the next one.
			got := reactortest.Feed(t, cfg, srv, pieces([]byte(post("/", "abc")+c.make(n)), 50_000))
			all := answers(t, got.Out)
			if len(all) != 2 || all[0].Status != 200 || all[0].Body != "3" || all[1].Status != status {
				t.Fatalf("%d of %d: %+v", n, limit, all)
			}
			if closes := all[1].Has("Connection", "close"); closes != (status != 200) {
				t.Errorf("%d of %d: closes is %v", n, limit, closes)
			}
			if label := reactor.ReasonOf(got.Err); label != reason {
				t.Errorf("%d of %d: reason is %q, want %q", n, limit, label, reason)
			}
		}
		t.Run(c.name+"/default", func(t *testing.T) {
			play(t, 0, c.def, 200, "closed")
			play(t, 0, c.def+1, c.status, c.reason)
		})
		t.Run(c.name+"/set", func(t *testing.T) {
			play(t, 77, 77, 200, "closed")
			play(t, 77, 78, c.status, c.reason)
		})
		t.Run(c.name+"/more than the default", func(t *testing.T) {
			play(t, 2*c.def, c.def+1, 200, "closed")
		})
		t.Run(c.name+"/none", func(t *testing.T) {
			srv := &http1.Server{MaxHeadBytes: -1, MaxFields: -1} // they bound the others too
			c.set(srv, -1)
			n := min(10*c.def, 40<<20)
			if c.def == 16<<10 {
				n = 50 * c.def
			}
			unlimited(t, srv, c.make(n))
		})
	}
}

// unlimited wants srv to take a request.
func unlimited(t *testing.T, srv *http1.Server, input string) {
	t.Helper()
	srv.Handler = http1.HandlerFunc(hello)
	srv.Logger = quiet
	if srv.MaxBodyBytes != 0 {
		srv.Handler = http1.HandlerFunc(func(x *http1.Exchange) {
			n := 0
			x.StreamBody(func(x *http1.Exchange, piece []byte, last bool) {
				if n += len(piece); last {
					x.Respond(200, "text/plain", []byte("hello"))
				}
			})
		})
	}
	got := reactortest.Feed(t, reactor.Config{InputLimit: 4 << 20}, srv, pieces([]byte(input), 60_000))
	if out := undated(got.Out); out != helloAnswer {
		t.Errorf("%d bytes: %q, %v", len(input), out, got.Err)
	}
}

// pieces cuts b into pieces of n bytes.
func pieces(b []byte, n int) (all [][]byte) {
	for len(b) > 0 {
		k := min(n, len(b))
		all = append(all, append([]byte(nil), b[:k]...))
		b = b[k:]
	}
	return all
}

// A handler may take less than the server does, and never more.
func TestReadBodyLimit(t *testing.T) {
	reading := func(max int64) http1.HandlerFunc {
		return func(x *http1.Exchange) {
			x.ReadBody(max, func(x *http1.Exchange, b []byte) { hello(x) })
		}
	}
	const tooLarge = "HTTP/1.1 413 Request Entity Too Large\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: 49\r\n" +
		"Connection: close\r\n\r\nRequest Entity Too Large: request body too large\n"
	for _, in := range []string{post("/", "12345"), chunked("/", "", "12", "345")} {
		everySplit(t, reading(5), in, helloAnswer)
		everySplit(t, reading(4), in, tooLarge)
		everySplit(t, reading(0), in, tooLarge)
	}
	everySplit(t, reading(0), get("/"), helloAnswer)
	srv := &http1.Server{Logger: quiet, Handler: reading(1 << 40), MaxBodyBytes: 4}
	if got := reactortest.Feed(t, reactor.Config{}, srv, [][]byte{[]byte(chunked("/", "", "12", "345"))}); reactor.ReasonOf(got.Err) != "body_too_large" {
		t.Errorf("%q", got.Out)
	}
}

// A body that says that it is too large is refused before it comes, and a chunk too.
func TestDeclaredLengthIsRefusedAtOnce(t *testing.T) {
	for _, in := range []string{
		request("POST", "/", "Content-Length: 9223372036854775807"),
		request("POST", "/", "Content-Length: 8388609"),
		request("POST", "/", "Transfer-Encoding: chunked") + "7fffffffffffffff\r\n",
		request("POST", "/", "Transfer-Encoding: chunked") + "3\r\nabc\r\n7ffffe\r\nx",
	} {
		got := reactortest.Feed(t, reactor.Config{}, &http1.Server{Logger: quiet, Handler: http1.HandlerFunc(echo)}, [][]byte{[]byte(in)})
		if all := answers(t, got.Out); len(all) != 1 || all[0].Status != 413 {
			t.Errorf("%q: %q", in, got.Out)
		}
	}
}

func TestMaxRequests(t *testing.T) {
	for _, n := range []int{1, 2, 5} {
		srv := &http1.Server{Logger: quiet, Handler: http1.HandlerFunc(hello), MaxRequests: n}
		got := reactortest.Feed(t, reactor.Config{}, srv, [][]byte{[]byte(strings.Repeat(get("/"), 7))})
		all := answers(t, got.Out)
		if len(all) != n {
			t.Fatalf("%d answers, want %d", len(all), n)
		}
		for i, r := range all {
			if last := r.Has("Connection", "close"); last != (i == n-1) {
				t.Errorf("answer %d of %d says close: %v", i+1, n, last)
			}
		}
		if !got.Closed || got.Err != nil {
			t.Errorf("closed: %v, %v", got.Closed, got.Err)
		}
	}
	srv := &http1.Server{Logger: quiet, Handler: http1.HandlerFunc(hello), MaxRequests: -1}
	got := reactortest.Feed(t, reactor.Config{}, srv, pieces([]byte(strings.Repeat(get("/"), 2000)), 20_000))
	if all := answers(t, got.Out); len(all) != 2000 {
		t.Errorf("%d answers without a limit", len(all))
	}
}

// The millionth request of a connection is its last by default.
func TestMaxRequestsDefault(t *testing.T) {
	n := 0
	srv := &http1.Server{Logger: quiet, Handler: http1.HandlerFunc(func(x *http1.Exchange) { n++; x.Respond(204, "", nil) })}
	batch := []byte(strings.Repeat("GET / HTTP/1.1\r\nHost:\r\n\r\n", 2500))
	var in [][]byte
	for range 401 {
		in = append(in, append([]byte(nil), batch...))
	}
	got := reactortest.Feed(t, reactor.Config{}, srv, in)
	if n != 1_000_000 || !strings.HasSuffix(string(got.Out), "Connection: close\r\n\r\n") {
		t.Errorf("%d requests, then %q", n, got.Out[len(got.Out)-60:])
	}
}
