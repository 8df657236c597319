package router

import (
	"bytes"
	"iter"
	"net/http"
	"strings"

	"github.com/calandria-go/calandria/protocols/http1"
)

// Match is what Lookup has found. It refers to the path that Lookup was given.
type Match struct {
	route  *route
	path   []byte
	other  *answer
	spans  spans
	walked bool // spans is of another form of path
}

// answer is what the router answers by itself.
type answer struct {
	status   int
	location string
	allow    string
}

// Handler is that of the route that takes the request, or nil if the router answers itself.
func (m *Match) Handler() http1.Handler {
	if m.other != nil {
		return nil
	}
	return m.route.handler
}

// Pattern is that of the route, also of the one that a redirect leads to; empty if there is none.
func (m *Match) Pattern() string {
	if m.route == nil {
		return ""
	}
	return m.route.text
}

// Status is 0 if a route takes the request, else what the router answers: 204 for OPTIONS, 307, 404 or 405.
func (m *Match) Status() int {
	if m.other == nil {
		return 0
	}
	return m.other.status
}

// Location is the path that a redirect leads to, percent-encoded as it was sent, without the query.
func (m *Match) Location() string {
	if m.other == nil {
		return ""
	}
	return m.other.location
}

// Allow lists the methods that the path has, for 204 and 405.
func (m *Match) Allow() string {
	if m.other == nil {
		return ""
	}
	return m.other.allow
}

// Value is what the wildcard of that name stands for, decoded; nil if the route has none of that name. It is a part of the path
// unless something in it was encoded.
func (m *Match) Value(name string) []byte {
	if m.other != nil {
		return nil
	}
	for i := range m.route.wilds {
		if m.route.wilds[i].name == name {
			from, to := m.span(i)
			if m.walked {
				return decode(m.path[from:to:to])
			}
			return m.path[from:to:to]
		}
	}
	return nil
}

// Values are the wildcards' names with what they stand for, as by Value, in the order of the pattern.
func (m *Match) Values() iter.Seq2[string, []byte] {
	return func(yield func(string, []byte) bool) {
		if m.other != nil {
			return
		}
		for i := range m.route.wilds {
			from, to := m.span(i)
			if name := m.route.wilds[i].name; name != "" && !yield(name, decode(m.path[from:to:to])) {
				return
			}
		}
	}
}

// span is where the ith wildcard stands in the path.
func (m *Match) span(i int) (from, to int) {
	if i < inline && !m.walked {
		s := m.spans.at[i]
		return len(m.path) - int(s.from), len(m.path) - int(s.to)
	}
	from, to = segmentAt(m.path, m.route.wilds[i].segment), len(m.path)
	if !m.route.multi || i < len(m.route.wilds)-1 {
		if n := bytes.IndexByte(m.path[from:], '/'); n >= 0 {
			to = from + n
		}
	}
	return from, to
}

// segmentAt is where the nth segment of path begins.
func segmentAt(path []byte, n int) int {
	at := 1
	for range n {
		at += bytes.IndexByte(path[at:], '/') + 1
	}
	return at
}

// exact says whether the route takes path as it is, and not as a part of a subtree.
func (r *route) exact(path []byte) bool {
	return !r.multi || path[len(path)-1] == '/' && bytes.Count(path, slash) == len(r.segments)
}

var slash = []byte("/")

// shortPath is how long a path may be to be brought into another form without an allocation.
const shortPath = 512

// lookup decides what becomes of a request. m is zero before.
func (t *table) lookup(m *Match, method, host, path []byte, options bool) {
	var named *site
	if t.hosts != nil {
		named = t.site(host, method)
	}
	r := t.find(named, method, path, &m.spans)
	if r != nil && (r.literals != "" || bytes.IndexByte(path, '%') < 0 && r.plain(path, &m.spans)) {
		m.route, m.path, m.walked = r, path, len(path) >= longPath
		return
	}
	*m = t.lookupSlow(named, method, path, options)
}

// plain says whether nothing stands against giving path to r, which was found for it: path is clean, and no subtree that could
// do with a slash.
func (r *route) plain(path []byte, s *spans) bool {
	if !r.multi {
		return !s.odd && !r.unclean
	}
	return cleanPath(path) && (path[len(path)-1] == '/' || r.exact(path))
}

// lookupSlow is lookup for what is not plain: an encoded path, one that is not clean, one that only a subtree has, or nothing.
// As with net/http, CONNECT's path is not cleaned.
func (t *table) lookupSlow(named *site, method, path []byte, options bool) Match {
	var room [shortPath]byte
	cleaned := path
	redirect := string(method) != http.MethodConnect && !cleanPath(path)
	if redirect {
		cleaned = clean(path)
	}
	key := appendNormal(room[:0], cleaned)
	m := Match{path: path, walked: true}
	r := t.find(named, method, key, &m.spans)
	if n := len(key); n > 0 && key[n-1] != '/' && (r == nil || !r.exact(key)) {
		slashed := append(key, '/')
		if to := t.find(named, method, slashed, &m.spans); to != nil && to.exact(slashed) {
			return Match{route: to, other: redirectTo(clean(append(cleaned[:len(cleaned):len(cleaned)], '/')))}
		}
	}
	switch {
	case redirect:
		return Match{route: r, other: redirectTo(cleaned)}
	case r != nil:
		m.route = r
		return m
	}
	return t.none(named, method, key, options)
}

func redirectTo(path []byte) *answer {
	return &answer{status: http.StatusTemporaryRedirect, location: location(path)}
}

// location is a path as Location may have it: bytes that are no path's are encoded.
func location(path []byte) string {
	var b strings.Builder
	for _, c := range path {
		if c <= ' ' || c >= 0x7f || strings.IndexByte(`"<>\?#`, c) >= 0 {
			const digits = "0123456789ABCDEF"
			b.WriteByte('%')
			b.WriteByte(digits[c>>4])
			c = digits[c&15]
		}
		b.WriteByte(c)
	}
	return b.String()
}

var notFound = &answer{status: http.StatusNotFound}

// none answers a request that no route takes.
func (t *table) none(named *site, method, key []byte, options bool) Match {
	allowed := t.allowed(named, key)
	if len(allowed) == 0 {
		return Match{other: notFound}
	}
	status := http.StatusMethodNotAllowed
	if options && string(method) == http.MethodOptions {
		status = http.StatusNoContent
	}
	return Match{other: &answer{status: status, allow: allowField(allowed, options)}}
}

// allowField renders Allow (RFC 9110 section 10.2.1), with OPTIONS if the router answers that.
func allowField(methods []string, options bool) string {
	if options {
		methods = sortMethods(append(methods, http.MethodOptions))
	}
	return strings.Join(methods, ", ")
}
