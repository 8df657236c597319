package router_test

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/calandria-go/calandria/protocols/http1/router"
)

// The tables of random patterns and requests are so small that most requests match several patterns.
var (
	wildcards = []string{"x", "y", "z"}
	literals  = []string{"a", "b", "ab", "abc", "a%20b", "c%2Fd", "%61", "{"}
	pieces    = []string{
		"a", "b", "ab", "abc", "a%20b", "c%2fd", "%61b", "%62", "", "..", ".", "q", "..a",
		"%2e%2e", "x", "%c3%a4",
	}
	hosts   = []string{"", "", "", "h.example", "i.example"}
	methods = []string{"", "GET", "GET", "HEAD", "POST", "OPTIONS", "CONNECT", "M-SEARCH"}
)

func randomPattern(rnd *rand.Rand) string {
	var p strings.Builder
	if m := pick(rnd, methods...); m != "" {
		p.WriteString(m + pick(rnd, " ", "  ", "\t"))
	}
	p.WriteString(pick(rnd, hosts...))
	names := slices.Clone(wildcards)
	rnd.Shuffle(len(names), func(i, j int) { names[i], names[j] = names[j], names[i] })
	n := rnd.IntN(4)
	for range n {
		if rnd.IntN(3) == 0 && len(names) > 0 {
			p.WriteString("/{" + names[0] + "}")
			names = names[1:]
			continue
		}
		p.WriteString("/" + pick(rnd, literals[:len(literals)-1]...))
	}
	switch k := rnd.IntN(6); {
	case k == 0:
		p.WriteString("/{$}")
	case k == 1 && len(names) > 0:
		p.WriteString("/{" + names[0] + "...}")
	case k <= 2 || n == 0:
		p.WriteString("/")
	case k == 3 && rnd.IntN(20) == 0:
		p.WriteString(pick(rnd, "/{", "/{}", "/a{x}", "/{x", "/{x}/{x}", "/{$}/", "/{x...}/a", "/{1}"))
	}
	return p.String()
}

func randomRequest(rnd *rand.Rand) request {
	var path strings.Builder
	for range 1 + rnd.IntN(4) {
		piece := pick(rnd, pieces...)
		if (piece == "" || piece[0] == '.') && rnd.IntN(3) > 0 {
			piece = pick(rnd, pieces[:4]...)
		}
		path.WriteString("/" + piece)
	}
	if rnd.IntN(4) == 0 {
		path.WriteString("/")
	}
	return request{
		method: pick(rnd, "GET", "GET", "HEAD", "POST", "OPTIONS", "CONNECT", "PUT", "M-SEARCH"),
		host:   pick(rnd, "h.example", "h.example:8080", "i.example", "other", "[::1]:80", "h.example:1:2"),
		path:   path.String(),
	}
}

// expect makes of net/http's outcome what ours has to be, by the differences that docs/router.md lists.
func expect(q request, o outcome, options bool) outcome {
	if o.allow != "" && options {
		m := append(strings.Split(o.allow, ", "), "OPTIONS")
		slices.Sort(m)
		o.allow = strings.Join(slices.Compact(m), ", ")
		if q.method == "OPTIONS" {
			o.status = http.StatusNoContent
		}
	}
	return o
}

// TestDiffersFromServeMux gives net/http's ServeMux and ours the same random patterns and requests: the same patterns are
// refused, the same one takes a request with the same values, and the same requests are answered in the same way.
func TestDiffersFromServeMux(t *testing.T) {
	t.Parallel()
	rounds := size(2000)
	took := map[int]int{}
	var refused, conflicts int
	for round := range rounds {
		rnd := rand.New(rand.NewPCG(7, uint64(round)))
		r, m := &router.Router{NoOptions: round%2 == 0}, &mux{}
		for range 1 + rnd.IntN(20) {
			p := randomPattern(rnd)
			theirs, ours := m.add(p), r.Register(p, none)
			if (theirs != nil) != (ours != nil) {
				t.Fatalf("round %d: %q: net/http says %v\nwe say %v\nafter %q", round, p, theirs, ours, slices.Collect(r.Patterns()))
			}
			if ours != nil {
				refused++
				if isConflict(ours) {
					conflicts++
				}
			}
		}
		for range 50 {
			q := randomRequest(rnd)
			if q.method == "CONNECT" {
				q.path = strings.ReplaceAll(q.path, "//", "/a") // net/http's handlers panic in PathValue for an empty segment
			}
			theirs, got := expect(q, m.theirs(t, q, wildcards), !r.NoOptions), ours(r, q)
			if q.method == "CONNECT" && got.status == http.StatusTemporaryRedirect {
				theirs.pattern = got.pattern // net/http gives the path here
			}
			if strings.Contains(q.path, "%") { // net/http encodes twice, or decodes too much
				theirs.location, got.location = "", ""
			}
			if !got.equal(theirs) {
				t.Fatalf("round %d: %v\nnet/http: %v\nours:     %v\npatterns %q", round, q, theirs, got, slices.Collect(r.Patterns()))
			}
			took[got.status]++
		}
	}
	t.Logf("outcomes by status %v, %d patterns refused, %d of them for conflicts", took, refused, conflicts)
	for _, status := range []int{0, 204, 307, 404, 405} {
		if took[status] < rounds/4 {
			t.Errorf("only %d requests had the outcome %d", took[status], status)
		}
	}
	if conflicts < rounds/4 || refused-conflicts < rounds/20 {
		t.Errorf("only %d conflicts and %d bad patterns", conflicts, refused-conflicts)
	}
}

// What Allow, Location and values are for a hostile path is compared by FuzzPath; here is a fixed set of patterns for it.
var fuzzPatterns = []string{
	"GET /{$}", "GET /a/{x}", "POST /a/b", "/a/b/", "GET /a/b/{y...}", "/c/{x}/{y}/{$}", "h.example/a/{z}", "PUT h.example/a/b/c",
	"DELETE /%7Bu%7D/{x}/k", "GET /files/{y...}", "/a%20b/{x}",
}

func fuzzRouters(t testing.TB) (*router.Router, *mux) {
	r, m := router.New(), &mux{}
	for _, p := range fuzzPatterns {
		r.Route(p, none)
		if refusal := m.add(p); refusal != nil {
			t.Fatal(refusal)
		}
	}
	return r, m
}

func FuzzPath(f *testing.F) {
	for i, p := range []string{
		"/", "/a/b", "/a//b/../c", "/a/b/c%2fd", "/%7bu%7D/1/k", "/files", "/files/", "/c/1/2", "/a%20b/%41",
		"/./..", "/a/%2e", "//x",
	} {
		f.Add(uint8(i), p)
	}
	r, m := fuzzRouters(f)
	f.Fuzz(func(t *testing.T, k uint8, path string) {
		q := request{
			method: []string{"GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "CONNECT"}[k%7],
			host:   []string{"h.example", "H.EXAMPLE:80", "other"}[k/7%3], path: path,
		}
		got := ours(r, q) // must not panic, whatever the path
		if !comparablePath(path) || q.method == "CONNECT" && strings.Contains(path, "//") {
			return
		}
		theirs := q
		theirs.host = strings.ToLower(q.host)
		want := expect(q, m.theirs(t, theirs, wildcards), true)
		if q.method == "CONNECT" && got.status == http.StatusTemporaryRedirect {
			want.pattern = got.pattern
		}
		if strings.Contains(path, "%") {
			want.location, got.location = "", ""
		}
		want.location, got.location = decoded(want.location), decoded(got.location) // net/http encodes more
		if !got.equal(want) {
			t.Fatalf("%v\nnet/http: %v\nours:     %v", q, want, got)
		}
	})
}

func decoded(location string) string {
	u, err := url.Parse(location)
	if err != nil {
		return err.Error()
	}
	return u.Path
}

// comparablePath says whether net/http takes path for a path, and none of the documented differences applies.
func comparablePath(path string) bool {
	if path == "" || path[0] != '/' {
		return false
	}
	for i := range len(path) {
		if path[i] <= ' ' || path[i] >= 0x7f || strings.IndexByte(`"<>\?#{}|^`+"`", path[i]) >= 0 {
			return false
		}
	}
	for rest := path; ; {
		i := strings.IndexByte(rest, '%')
		if i < 0 {
			break
		}
		if len(rest) < i+3 || strings.Trim(rest[i+1:i+3], "0123456789abcdefABCDEF") != "" {
			return false
		}
		rest = rest[i+3:]
	}
	for segment := range strings.SplitSeq(path, "/") {
		if strings.EqualFold(segment, "%2f") {
			return false
		}
	}
	return true
}

func FuzzPattern(f *testing.F) {
	for _, p := range slices.Concat(fuzzPatterns, []string{
		"", "GET", "GET /", " /", "GET\t /x", "G@T /", "{h}/", "a{b/", "/a{x}", "/{x}b", "/{x", "/{}", "/{...}", "/{$}/",
		"/{a...}/", "/{a}/{a}",
		"/{1}", "/{ä}", "GET //", "//", "CONNECT //", "GET /.", "/%", "/%zz", "/%41", "GET GET /x", "/{a}{b}", "/{$...}",
	}) {
		f.Add(p, "/{x}/b")
	}
	f.Fuzz(func(t *testing.T, one, two string) {
		if oddPattern(one) || oddPattern(two) {
			router.New().Register(one, none)
			return
		}
		r, m := router.New(), &mux{}
		for _, p := range []string{one, two} {
			theirs, ours := m.add(p), r.Register(p, none)
			if (theirs != nil) != (ours != nil) {
				t.Fatalf("%q: net/http says %v\nwe say %v", p, theirs, ours)
			}
		}
	})
}

// oddPattern says whether a documented difference applies: upper case in hosts; empty and "/" literals, which net/http
// takes for wildcards and {$}.
func oddPattern(p string) bool {
	_, path, _ := strings.Cut(p, "/")
	return strings.ToLower(p) != p || strings.Contains("/"+path, "//") || strings.Contains(p, "%2f")
}

func isConflict(err error) bool {
	_, ok := err.(*router.ConflictError)
	return ok
}

func ExampleConflictError() {
	r := router.New()
	r.Route("/users/{id}/profile", none)
	err := r.Register("/users/me/{page}", none).(*router.ConflictError)
	fmt.Println(err.Pattern, "and", err.Other)
	fmt.Println(err.Reason)
	// Output:
	// /users/me/{page} and /users/{id}/profile
	// both match /users/me/profile; /users/me/page is for the first only, and /users/id/profile for the second only
}
