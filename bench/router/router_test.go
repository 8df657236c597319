//go:build linux

// Package routerbench_test measures look-ups of the routes in routes.txt: the paths of a large public API, as that of GitHub.
// The peers are measured over the same file in bench/peers/router.
package routerbench_test

import (
	"net/http"
	"os"
	"regexp"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/calandria-go/calandria/protocols/http1"
	"github.com/calandria-go/calandria/protocols/http1/router"
)

// sample is a request for a route.
type sample struct {
	pattern, method, path string
	names                 []string // of the wildcards
}

var wildcard = regexp.MustCompile(`\{(\w+)\}`)

// read gives a sample for each route, and those of GET without wildcards, and those of all methods with some.
func read(tb testing.TB) (all, static, param []sample) {
	tb.Helper()
	text, err := os.ReadFile("routes.txt")
	if err != nil {
		tb.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		s := sample{pattern: strings.TrimSpace(line)}
		s.method, s.path, _ = strings.Cut(s.pattern, " ")
		for _, m := range wildcard.FindAllStringSubmatch(s.path, -1) {
			s.names = append(s.names, m[1])
		}
		s.path = wildcard.ReplaceAllString(s.path, "some-$1")
		all = append(all, s)
		switch {
		case len(s.names) > 0:
			param = append(param, s)
		case s.method == http.MethodGet:
			static = append(static, s)
		}
	}
	return all, static, param
}

// cpu is the processor time of this thread, which other programs do not add to.
func cpu(b *testing.B) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_THREAD, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// each measures look for one sample after another, of each kind: without wildcards, with
// some, and with some whose values are read.
func each(b *testing.B, look func(s *sample) func()) {
	_, static, param := read(b)
	for _, kind := range []struct {
		name   string
		of     []sample
		values bool
	}{{"static", static, false}, {"param", param, false}, {"values", param, true}} {
		reading = kind.values
		b.Run(kind.name, func(b *testing.B) {
			runtime.LockOSThread()
			defer runtime.UnlockOSThread()
			var fs []func()
			for i := range kind.of {
				fs = append(fs, look(&kind.of[i]))
			}
			b.ReportAllocs()
			i := 0
			began := cpu(b)
			for range b.N {
				fs[i]()
				if i++; i == len(fs) {
					i = 0
				}
			}
			used := cpu(b) - began
			b.ReportMetric(float64(used.Nanoseconds())/float64(b.N), "cpu-ns/op")
			b.ReportMetric(float64(b.N)/used.Seconds()/1e6, "M/cpu-s")
		})
	}
}

// nothing is a handler; length is where the values go.
var (
	nothing = http1.HandlerFunc(func(*http1.Exchange) {})
	length  int
	reading bool // handlers read the values
)

func ours(tb testing.TB) *router.Router {
	all, _, _ := read(tb)
	r := router.New()
	for _, s := range all {
		r.Route(s.pattern, nothing)
	}
	return r
}

// A look-up of ours and a reading of each value.
func BenchmarkCalandria(b *testing.B) {
	r := ours(b)
	host := []byte("api.example.com")
	each(b, func(s *sample) func() {
		method, path, names := []byte(s.method), []byte(s.path), s.names
		return func() {
			m := r.Lookup(method, host, path)
			if !reading {
				return
			}
			for _, name := range names {
				length += len(m.Value(name))
			}
		}
	})
}

// writer is a ResponseWriter that nobody writes to.
type writer struct{}

func (writer) Header() http.Header         { return http.Header{} }
func (writer) Write(p []byte) (int, error) { return len(p), nil }
func (writer) WriteHeader(int)             {}

// A call of net/http's ServeMux, whose handler reads each value.
func BenchmarkServeMux(b *testing.B) {
	all, _, _ := read(b)
	mux := http.NewServeMux()
	for _, s := range all {
		mux.HandleFunc(s.pattern, func(_ http.ResponseWriter, r *http.Request) {
			if !reading {
				return
			}
			for _, name := range s.names {
				length += len(r.PathValue(name))
			}
		})
	}
	each(b, func(s *sample) func() {
		r, err := http.NewRequest(s.method, s.path, nil)
		if err != nil {
			b.Fatal(err)
		}
		return func() { mux.ServeHTTP(writer{}, r) }
	})
}

// Each route is found by its sample, with the values that went in, and without an allocation.
func TestSamples(t *testing.T) {
	r := ours(t)
	all, static, param := read(t)
	if len(all) < 200 || len(static) < 25 || len(param) < 150 {
		t.Fatalf("%d routes, %d static and %d with wildcards", len(all), len(static), len(param))
	}
	for _, s := range all {
		method, path := []byte(s.method), []byte(s.path)
		m := r.Lookup(method, nil, path)
		if m.Pattern() != s.pattern || m.Status() != 0 {
			t.Errorf("%s %s: %q, status %d", s.method, s.path, m.Pattern(), m.Status())
		}
		for _, name := range s.names {
			if got := string(m.Value(name)); got != "some-"+name {
				t.Errorf("%s: %s is %q", s.pattern, name, got)
			}
		}
		if n := testing.AllocsPerRun(10, func() {
			m := r.Lookup(method, nil, path)
			for _, name := range s.names {
				length += len(m.Value(name))
			}
		}); n != 0 {
			t.Errorf("%s: %v allocations", s.pattern, n)
		}
	}
}
