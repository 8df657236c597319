package router_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/calandria-go/calandria/protocols/http1/router"
)

// More wildcards than a look-up notes, and paths longer than it has room for.
func TestLongPaths(t *testing.T) {
	t.Parallel()
	r := router.New()
	var pattern, path strings.Builder
	for i := range 40 {
		fmt.Fprintf(&pattern, "/{v%d}/s", i)
		fmt.Fprintf(&path, "/value-%d/s", i)
	}
	r.Route(pattern.String(), none)
	for _, q := range []string{path.String(), strings.Replace(path.String(), "/s", "/%73", 1)} {
		m := r.Lookup([]byte("GET"), nil, []byte(q))
		for i := range 40 {
			if got, want := string(m.Value(fmt.Sprint("v", i))), fmt.Sprint("value-", i); got != want {
				t.Fatalf("v%d is %q", i, got)
			}
		}
	}
	r = router.New()
	r.Route("/s/{rest...}", none)
	r.Route("/t/{x}/{y}/", none)
	for _, n := range []int{500, 510, 511, 512, 513, 1000, 65_530, 65_536, 70_000, 140_000} {
		long := strings.Repeat("a", n)
		m := r.Lookup([]byte("GET"), nil, []byte("/s/"+long))
		if string(m.Value("rest")) != long {
			t.Errorf("%d bytes: %q has %d", n, m.Pattern(), len(m.Value("rest")))
		}
		m = r.Lookup([]byte("GET"), nil, []byte("/t/b/"+long))
		if m.Status() != 307 || m.Location() != "/t/b/"+long+"/" {
			t.Errorf("%d bytes: status %d to %d bytes", n, m.Status(), len(m.Location()))
		}
		m = r.Lookup([]byte("GET"), nil, []byte("/t/"+long+"/%61/"))
		if string(m.Value("x")) != long || string(m.Value("y")) != "a" || m.Value("z") != nil {
			t.Errorf("%d bytes: x has %d, y %q", n, len(m.Value("x")), m.Value("y"))
		}
	}
}

// A choice that turns out wrong is taken back, with the values that it had.
func TestBackTracking(t *testing.T) {
	t.Parallel()
	r := router.New()
	for _, p := range []string{
		"/a/b/c/{x}/e", "/a/{x}/c/{y}/f", "/{x}/{y}/{z}/d/g", "/{rest...}", "/a/bc", "/a/b/c/q", "/ab",
	} {
		r.Route(p, none)
	}
	for _, tt := range []struct{ path, want string }{
		{"/a/b/c/d/e", "/a/b/c/{x}/e map[x:d]"},
		{"/a/b/c/d/f", "/a/{x}/c/{y}/f map[x:b y:d]"},
		{"/a/q/c/d/f", "/a/{x}/c/{y}/f map[x:q y:d]"},
		{"/a/q/c/d/g", "/{x}/{y}/{z}/d/g map[x:a y:q z:c]"},
		{"/a/q/c/d/h", "/{rest...} map[rest:a/q/c/d/h]"},
		{"/a/bc", "/a/bc map[]"},
		{"/a/bcd", "/{rest...} map[rest:a/bcd]"},
		{"/a/b/c/q", "/a/b/c/q map[]"},
		{"/", "/{rest...} map[rest:]"},
		{"/ab", "/ab map[]"},
	} {
		o := ours(r, request{"GET", "", tt.path})
		if got := fmt.Sprint(o.pattern, " ", o.values); got != tt.want {
			t.Errorf("%s: %s; want %s", tt.path, got, tt.want)
		}
	}
}

func TestLookupAllocatesNothing(t *testing.T) {
	r := router.New()
	for _, p := range []string{"GET /a", "/u/{x}/{y}/p", "h.example/{x}", "/s/{rest...}", "/d/"} {
		r.Route(p, none)
	}
	for _, q := range []request{
		{"GET", "h.example:80", "/a"},
		{"HEAD", "i.example", "/a"},
		{"GET", "i.example", "/u/1/2/p"},
		{"POST", "h.example:80", "/v"},
		{"POST", "h.example:80", "/s/a/b/c"},
		{"POST", "", "/d/" + strings.Repeat("a", 500)},
		{"GET", "", "/%61"},
		{"GET", "", "/u/%61/%62/p"},
	} {
		method, host, path := []byte(q.method), []byte(q.host), []byte(q.path)
		if n := testing.AllocsPerRun(100, func() {
			if m := r.Lookup(method, host, path); m.Status() != 0 {
				t.Errorf("%v: %d", q, m.Status())
			}
		}); n != 0 {
			t.Errorf("%v: %v allocations", q, n)
		}
	}
}

// Hosts are compared as net/http does it, but for letter case.
func TestHosts(t *testing.T) {
	t.Parallel()
	r := router.New()
	for _, p := range []string{"h.example/", "[::1]/", "::1/x", "/y"} {
		r.Route(p, none)
	}
	for _, tt := range []struct{ host, path, want string }{
		{"h.example", "/y", "h.example/"},
		{"H.Example:8080", "/y", "h.example/"},
		{"h.example:", "/y", "h.example/"},
		{"h.example.", "/y", "/y"},
		{"h.example:1:2", "/y", "/y"},
		{"[::1]", "/", "[::1]/"},
		{"[::1]:80", "/x", "::1/x"},
		{"[::1", "/y", "/y"},
		{"[]", "/y", "/y"},
		{":80", "/y", "/y"},
		{"", "/y", "/y"},
		{"[h.example]:]", "/y", "/y"},
	} {
		m := r.Lookup([]byte("GET"), []byte(tt.host), []byte(tt.path))
		if m.Pattern() != tt.want {
			t.Errorf("%q%s: %q; want %q", tt.host, tt.path, m.Pattern(), tt.want)
		}
	}
}
