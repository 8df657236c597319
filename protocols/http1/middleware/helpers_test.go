package middleware

import (
	"bufio"
	"bytes"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/calandria-go/calandria/protocols/http1"
	"github.com/calandria-go/calandria/reactor"
	"github.com/calandria-go/calandria/reactor/reactortest"
)

const patience = 30 * time.Second

var quiet = slog.New(slog.DiscardHandler)

// journal is a log for looking at.
type journal struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (j *journal) Write(p []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.buf.Write(p)
}

func (j *journal) String() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.buf.String()
}

// serve starts a server and gives its address.
func serve(t testing.TB, h http1.Handler) string {
	t.Helper()
	r := reactortest.NewDefault(t, reactor.Config{Loops: 1, Logger: quiet, StallAfter: -1})
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.Listen(ln, &http1.Server{Handler: h, Logger: quiet}); err != nil {
		t.Fatal(err)
	}
	return ln.Addr().String()
}

// exchange sends raw requests on one connection and reads as many answers.
func exchange(t testing.TB, addr, in string, methods ...string) []*http.Response {
	t.Helper()
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	return talk(t, c, in, methods...)
}

func talk(t testing.TB, c net.Conn, in string, methods ...string) []*http.Response {
	t.Helper()
	c.SetDeadline(time.Now().Add(patience))
	if _, err := io.WriteString(c, in); err != nil {
		t.Fatal(err)
	}
	var list []*http.Response
	r := bufio.NewReader(c)
	for _, m := range methods {
		res, err := http.ReadResponse(r, &http.Request{Method: m})
		if err != nil {
			t.Fatal(err)
		}
		b, err := io.ReadAll(res.Body)
		if err != nil {
			t.Fatal(err)
		}
		res.Body = io.NopCloser(bytes.NewReader(b))
		list = append(list, res)
	}
	return list
}

// request is one with fields given as "Name: value".
func request(method string, fields ...string) string {
	return method + " /path HTTP/1.1\r\nHost: a\r\n" + strings.Join(append(fields, "", ""), "\r\n")
}

// one sends a request on a connection of its own.
func one(t testing.TB, addr, method string, fields ...string) (*http.Response, string) {
	t.Helper()
	res := exchange(t, addr, request(method, fields...), method)[0]
	return res, text(res)
}

func text(res *http.Response) string {
	b, _ := io.ReadAll(res.Body)
	res.Body = io.NopCloser(bytes.NewReader(b))
	return string(b)
}

func native(f func(x *http1.Exchange)) http1.Handler { return http1.HandlerFunc(f) }

func std(f func(w http.ResponseWriter, r *http.Request)) http1.Handler {
	return http1.Std(http.HandlerFunc(f))
}

// hellos answer "hello", natively and by net/http, whole and streamed.
func hellos(fields ...string) map[string]http1.Handler {
	set := func(add func(name, value string)) {
		for _, f := range fields {
			name, value, _ := strings.Cut(f, ": ")
			add(name, value)
		}
	}
	return map[string]http1.Handler{
		"native": native(func(x *http1.Exchange) {
			set(func(n, v string) { x.SetHeader(n, v) })
			x.Respond(200, "text/plain", []byte("hello"))
		}),
		"native streamed": native(func(x *http1.Exchange) {
			set(func(n, v string) { x.SetHeader(n, v) })
			x.Start(200, "text/plain", -1)
			x.Write([]byte("hel"))
			x.Write([]byte("lo"))
			x.Finish()
		}),
		"std": std(func(w http.ResponseWriter, r *http.Request) {
			set(w.Header().Add)
			io.WriteString(w, "hello")
		}),
		"std flushed": std(func(w http.ResponseWriter, r *http.Request) {
			set(w.Header().Add)
			io.WriteString(w, "hel")
			w.(http.Flusher).Flush()
			io.WriteString(w, "lo")
		}),
	}
}

// bubble runs f with a server in memory, whose clock is synctest's: it must be called in a bubble.
func bubble(t *testing.T, h http1.Handler, f func(dial func() net.Conn)) {
	r := reactortest.New(t, reactor.Config{Loops: 1, Logger: quiet, StallAfter: -1})
	ln := reactortest.Listen()
	if _, err := r.Listen(ln, &http1.Server{Handler: h, Logger: quiet}); err != nil {
		t.Fatal(err)
	}
	f(func() net.Conn {
		c, err := ln.Dial()
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.Close() })
		return c
	})
}

// panics says whether f does.
func panics(f func()) (yes bool) {
	defer func() { yes = recover() != nil }()
	f()
	return
}
