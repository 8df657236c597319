package router_test

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/url"
	"os"
	"strings"
	"testing"

	"github.com/calandria-go/calandria/protocols/http1"
	"github.com/calandria-go/calandria/protocols/http1/router"
	"github.com/calandria-go/calandria/reactor"
	"github.com/calandria-go/calandria/reactor/reactortest"
	"github.com/calandria-go/calandria/transports/tcp"
)

func TestMain(m *testing.M) { reactortest.Main(m) }

var none = http1.HandlerFunc(func(*http1.Exchange) {})

// request is one that is not sent.
type request struct{ method, host, path string }

func (q request) String() string { return q.method + " " + q.host + q.path }

// outcome is what a router does with a request.
type outcome struct {
	status   int // 0: a route takes it
	pattern  string
	location string
	allow    string
	values   map[string]string
}

func (o outcome) String() string {
	return fmt.Sprintf("status %d, pattern %q, location %q, allow %q, values %q",
		o.status, o.pattern, o.location, o.allow, o.values)
}

func (o outcome) equal(p outcome) bool {
	values := maps.Equal(o.values, p.values)
	o.values, p.values = nil, nil
	return values && fmt.Sprint(o) == fmt.Sprint(p)
}

// ours is what r does.
func ours(r *router.Router, q request) outcome {
	m := r.Lookup([]byte(q.method), []byte(q.host), []byte(q.path))
	o := outcome{status: m.Status(), pattern: m.Pattern(), location: m.Location(), allow: m.Allow(), values: map[string]string{}}
	for name, value := range m.Values() {
		o.values[name] = string(value)
		if string(m.Value(name)) != string(value) {
			o.values[name] = fmt.Sprintf("%q by Values and %q by Value", value, m.Value(name))
		}
	}
	return o
}

// mux is net/http's with handlers that note what they see.
type mux struct {
	http.ServeMux
	seen *http.Request
}

// add registers pattern, and gives what the mux panics with.
func (m *mux) add(pattern string) (refusal any) {
	defer func() { refusal = recover() }()
	m.HandleFunc(pattern, func(_ http.ResponseWriter, r *http.Request) { m.seen = r })
	return nil
}

// writer is a ResponseWriter that keeps the head.
type writer struct {
	header http.Header
	status int
}

func (w *writer) Header() http.Header         { return w.header }
func (w *writer) Write(p []byte) (int, error) { return len(p), nil }
func (w *writer) WriteHeader(status int)      { w.status = status }

// theirs is what the mux does. names are those of the wildcards to ask for.
func (m *mux) theirs(t testing.TB, q request, names []string) outcome {
	t.Helper()
	u, err := url.ParseRequestURI(q.path)
	if err != nil {
		t.Fatalf("%v: %v", q, err)
	}
	if q.method == http.MethodConnect {
		u.Host = q.host
	}
	w := &writer{header: http.Header{}}
	r := &http.Request{Method: q.method, URL: u, Host: q.host, RequestURI: q.path, ProtoMajor: 1, ProtoMinor: 1}
	m.seen = nil
	m.ServeHTTP(w, r)
	o := outcome{
		status: w.status, pattern: r.Pattern, location: w.header.Get("Location"), allow: w.header.Get("Allow"),
		values: map[string]string{},
	}
	if m.seen == nil {
		return o
	}
	for _, name := range names {
		if strings.Contains(r.Pattern, "{"+name+"}") || strings.Contains(r.Pattern, "{"+name+"...}") {
			o.values[name] = m.seen.PathValue(name)
		}
	}
	return o
}

func pick[T any](rnd *rand.Rand, of ...T) T { return of[rnd.IntN(len(of))] }

// serve serves h on loopback, and gives its address.
func serve(t testing.TB, h http1.Handler) string {
	t.Helper()
	ln, err := tcp.Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	r := reactortest.NewDefault(t, reactor.Config{Loops: 1})
	if _, err := r.Listen(ln, &http1.Server{Handler: h, DrainIdle: -1}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Shutdown(context.Background()) })
	return ln.Addr().String()
}

// size is n, a tenth of it under the race detector, and a hundred times as much in a soak.
func size(n int) int {
	switch {
	case os.Getenv("CALANDRIA_SOAK") != "":
		return 100 * n
	case raceDetector:
		return n / 10
	}
	return n
}
