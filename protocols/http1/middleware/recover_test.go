package middleware

import (
	"bufio"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/calandria-go/calandria/protocols/http1"
)

func TestRecover(t *testing.T) {
	j := &journal{}
	m := &Recover{Logger: slog.New(slog.NewTextHandler(j, nil))}
	results := make(chan http1.Result, 10)
	h := m.Middleware()(native(func(x *http1.Exchange) {
		x.OnDone(func(_ *http1.Exchange, r *http1.Result) { results <- *r })
		switch q := x.Request(); string(q.RawQuery()) {
		case "boom":
			x.SetHeader("ETag", `"v"`)
			x.SetHeader("Content-Encoding", "gzip")
			x.SetHeader("Cache-Control", "public")
			x.SetHeader("X-Kept", "1")
			panic("on purpose")
		case "hook":
			x.OnHead(func(*http1.Exchange, *http1.Head) { panic("on purpose") })
			x.Respond(200, "", []byte("never"))
		case "half":
			x.Start(200, "", 10)
			x.Write([]byte("half"))
			panic("on purpose")
		case "abort":
			panic(http.ErrAbortHandler)
		case "answered":
			x.Respond(200, "", []byte("whole"))
			panic("on purpose")
		case "body":
			x.ReadBody(100, func(x *http1.Exchange, body []byte) {
				m.Run(x, func(*http1.Exchange) { panic("on purpose") })
			})
		case "nil":
			panic(error(nil))
		default:
			x.Respond(200, "text/plain", []byte("ok"))
		}
	}))
	addr := serve(t, h)
	req := func(query string) string { return "GET /?" + query + " HTTP/1.1\r\nHost: a\r\n\r\n" }
	for _, tc := range []struct {
		in, want string
		panics   uint64
	}{
		{req("boom"), "500 Internal Server Error\n", 1},
		{"POST /?body HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc", "500 Internal Server Error\n", 1},
		{req("answered"), "200 whole", 1},
		{req("nil"), "500 Internal Server Error\n", 1},
		{req("half"), "reset", 1},
		{req("hook"), "reset", 1},
		{req("abort"), "reset", 0},
	} {
		before, logged := m.Panics(), strings.Count(j.String(), "handler panicked")
		c, err := net.Dial("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		c.SetDeadline(time.Now().Add(patience))
		io.WriteString(c, tc.in+req("ok")) // the connection goes on behind a 500
		r := bufio.NewReader(c)
		res, err := http.ReadResponse(r, nil)
		got := "reset"
		if err == nil {
			var b []byte
			if b, err = io.ReadAll(res.Body); err == nil {
				got = res.Status[:4] + string(b)
			}
		}
		if got != tc.want {
			t.Errorf("%q: %q, want %q", tc.in, got, tc.want)
		}
		if tc.want != "reset" {
			if h := res.Header; res.StatusCode == 500 && (h.Get("ETag")+h.Get("Content-Encoding")+h.Get("Cache-Control") != "" || h.Get("Content-Type") != plain) {
				t.Errorf("%q: %v", tc.in, h)
			}
			if strings.Contains(tc.in, "boom") && res.Header.Get("X-Kept") != "1" {
				t.Errorf("a field of the program's own is gone: %v", res.Header)
			}
			next, err := http.ReadResponse(r, nil)
			if err != nil || next.StatusCode != 200 {
				t.Fatalf("%q: the next: %v", tc.in, err)
			}
			<-results
		}
		c.Close()
		r0 := <-results
		if tc.want == "reset" && r0.Err != ErrPanic {
			t.Errorf("%q: %v", tc.in, r0.Err)
		}
		if n := m.Panics() - before; n != tc.panics {
			t.Errorf("%q: %d panics", tc.in, n)
		}
		if n := strings.Count(j.String(), "handler panicked") - logged; uint64(n) != tc.panics {
			t.Errorf("%q: logged %d times", tc.in, n)
		}
	}
	if log := j.String(); !strings.Contains(log, "recover_test.go") || !strings.Contains(log, "GET /?boom") {
		t.Errorf("no stack or no request in the log:\n%s", log)
	}
}

// A net/http handler's panic resets the connection, as in net/http.
func TestRecoverStd(t *testing.T) {
	m := &Recover{Logger: quiet}
	addr := serve(t, m.Middleware()(std(func(http.ResponseWriter, *http.Request) { panic("on purpose") })))
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(patience))
	io.WriteString(c, request("GET"))
	if b, err := io.ReadAll(c); err == nil || len(b) > 0 {
		t.Errorf("%q, %v", b, err)
	}
}
