package router_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/calandria-go/calandria/protocols/http1"
	"github.com/calandria-go/calandria/protocols/http1/router"
)

func TestBadPatterns(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ pattern, want string }{
		{"", "empty pattern"},
		{"GET", "at offset 0: there is no '/'"},
		{"GET example.com", "at offset 4: there is no '/'"},
		{"G(T /", `at offset 0: "G(T" is no method`},
		{"a{b}/", "at offset 1: '{' in the host"},
		{"GET  /a//b", "at offset 5: requests have clean paths"},
		{"GET /a/./b", "at offset 4: requests have clean paths"},
		{"/a/b{x}", "at offset 4: a wildcard is a whole segment: '{' stands behind"},
		{"/{x}b", "at offset 1: a wildcard is a whole segment: it does not end"},
		{"/{$}/a", "at offset 1: {$} stands at the end only"},
		{"/{x...}/a", "at offset 1: {...} stands at the end only"},
		{"/{}", `at offset 1: "" is no name`},
		{"/{1x}", `at offset 1: "1x" is no name`},
		{"/{x}/{x...}", `at offset 5: two wildcards are named "x"`},
	} {
		r := router.New()
		if err := r.Register(tt.pattern, none); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%q: %v; want %q", tt.pattern, err, tt.want)
		}
		if n := len(slices.Collect(r.Patterns())); n != 0 {
			t.Errorf("%q: %d patterns are registered", tt.pattern, n)
		}
	}
	for _, h := range []http1.Handler{nil, http1.HandlerFunc(nil)} {
		if err := router.New().Register("/", h); err == nil || !strings.Contains(err.Error(), "nil handler") {
			t.Errorf("a nil handler: %v", err)
		}
	}
}

func TestConflict(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ one, two, reason string }{
		{"GET /a/{x}", "GET /a/{y}", "they match the same requests"},
		{"/a/", "/a/{x...}", "they match the same requests"},
		{"GET h.example/{$}", "GET H.EXAMPLE/{$}", "they match the same requests"},
		{"/{x}/b", "/a/{y}", "both match /a/b; /a/y is for the first only, and /x/b for the second only"},
		{"/a/{x...}", "/{y}/b/{$}", "both match /a/b/; /y/b/ is for the first only, and /a/ for the second only"},
		{"GET /a/{x}", "/a/b", "the first has more methods, and the second more paths"},
		{"/a/b", "GET /a/{x}", "the first has more paths, and the second more methods"},
		{"HEAD /{x}", "GET /a", "the first has more methods, and the second more paths"},
	} {
		r := router.New()
		r.Route(tt.one, none)
		err := r.Register(tt.two, none)
		var c *router.ConflictError
		if !errors.As(err, &c) || c.Pattern != tt.two || c.Other != tt.one || c.Reason != tt.reason {
			t.Errorf("%q after %q: %v; want %q", tt.two, tt.one, err, tt.reason)
			continue
		}
		for _, part := range []string{tt.one, tt.two, "register_test.go:"} {
			if !strings.Contains(err.Error(), part) {
				t.Errorf("%v: %s is not named", err, part)
			}
		}
		func() {
			defer func() {
				if got := recover(); fmt.Sprint(got) == "<nil>" {
					t.Error("Route does not panic")
				}
			}()
			r.Route(tt.two, none)
		}()
	}
}

// The paths in a conflict's reason are what they are said to be.
func TestConflictWitnesses(t *testing.T) {
	t.Parallel()
	found, rounds := 0, size(40_000)
	for i := range rounds {
		rnd := rand.New(rand.NewPCG(11, uint64(i)))
		one, two := strings.TrimLeft(pathOf(randomPattern(rnd)), "h"), pathOf(randomPattern(rnd))
		r, only := router.New(), router.New()
		if r.Register(one, none) != nil || only.Register(two, none) != nil {
			continue
		}
		var c *router.ConflictError
		if !errors.As(r.Register(two, none), &c) || !strings.HasPrefix(c.Reason, "both match ") {
			continue
		}
		found++
		var both, second, first string
		fmt.Sscanf(strings.NewReplacer("; ", " ", ",", "").Replace(c.Reason),
			"both match %s %s is for the first only and %s for the second only", &both, &second, &first)
		for _, tt := range []struct {
			path     string
			one, two bool
		}{{both, true, true}, {first, true, false}, {second, false, true}} {
			if took(r, tt.path) != tt.one || took(only, tt.path) != tt.two {
				t.Fatalf("%q and %q: %s, but %q is matched by the first: %v, by the second: %v", one, two, c.Reason, tt.path,
					took(r, tt.path), took(only, tt.path))
			}
		}
	}
	if found < rounds/400 {
		t.Errorf("only %d conflicts", found)
	}
}

// pathOf is a pattern without its method and host.
func pathOf(pattern string) string { return pattern[strings.IndexByte(pattern, '/'):] }

func took(r *router.Router, path string) bool {
	m := r.Lookup([]byte("GET"), nil, []byte(path))
	return m.Status() == 0
}

// Routes may be added while requests are looked up: what is there is found all the time.
func TestAddWhileServing(t *testing.T) {
	t.Parallel()
	r := router.New()
	r.Route("GET /first/{x}", none)
	stop := make(chan struct{})
	var wg sync.WaitGroup
	for range 2 {
		wg.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				m := r.Lookup([]byte("GET"), nil, []byte("/first/1"))
				if m.Pattern() != "GET /first/{x}" || string(m.Value("x")) != "1" {
					t.Errorf("found %q", m.Pattern())
					return
				}
			}
		})
	}
	for i := range 300 {
		path := fmt.Sprintf("/added/%d", i)
		r.Route("GET "+path, none)
		if !took(r, path) {
			t.Errorf("%s is not there", path)
		}
	}
	close(stop)
	wg.Wait()
}
