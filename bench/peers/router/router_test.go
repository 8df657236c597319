//go:build linux

// Package routerbench_test measures look-ups of the routes in bench/router/routes.txt by other routers. Each request is for
// another route, and each value of it is read.
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

	"github.com/julienschmidt/httprouter"
	"github.com/uptrace/bunrouter"
)

type sample struct {
	method, pattern, path string
	names                 []string
}

var (
	wildcard = regexp.MustCompile(`\{(\w+)\}`)
	length   int
	reading  bool // handlers read the values
)

// read gives a sample for each route, and those of GET without wildcards, and those of all methods with some. The routes have
// one name for what stands in one place, and nothing static beside a wildcard: httprouter takes no others.
func read(tb testing.TB) (all, static, param []sample) {
	tb.Helper()
	text, err := os.ReadFile("../../router/routes.txt")
	if err != nil {
		tb.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		var s sample
		s.method, s.path, _ = strings.Cut(strings.TrimSpace(line), " ")
		s.pattern = wildcard.ReplaceAllString(s.path, ":$1")
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

// A look-up, without a call of the handler.
func BenchmarkHTTPRouter(b *testing.B) {
	all, _, _ := read(b)
	r := httprouter.New()
	for _, s := range all {
		r.Handle(s.method, s.pattern, func(http.ResponseWriter, *http.Request, httprouter.Params) {})
	}
	each(b, func(s *sample) func() {
		return func() {
			h, params, _ := r.Lookup(s.method, s.path)
			if h == nil {
				b.Fatal(s.path)
			}
			if !reading {
				return
			}
			for _, name := range s.names {
				length += len(params.ByName(name))
			}
		}
	})
}

type writer struct{}

func (writer) Header() http.Header         { return http.Header{} }
func (writer) Write(p []byte) (int, error) { return len(p), nil }
func (writer) WriteHeader(int)             {}

// A call of the router, whose handler reads the values.
func BenchmarkBunRouter(b *testing.B) {
	all, _, _ := read(b)
	r := bunrouter.New()
	called := 0
	for _, s := range all {
		r.Handle(s.method, s.pattern, func(_ http.ResponseWriter, q bunrouter.Request) error {
			called++
			if !reading {
				return nil
			}
			params := q.Params()
			for _, name := range s.names {
				length += len(params.ByName(name))
			}
			return nil
		})
	}
	each(b, func(s *sample) func() {
		q, err := http.NewRequest(s.method, s.path, nil)
		if err != nil {
			b.Fatal(err)
		}
		called = 0
		if r.ServeHTTP(writer{}, q); called != 1 {
			b.Fatal(s.path)
		}
		return func() { r.ServeHTTP(writer{}, q) }
	})
}
