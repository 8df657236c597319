package router

import (
	"bytes"
	"net/http"
	"slices"
	"strings"
)

// table is what requests are looked up in. It is made of all routes at once, and never changed.
type table struct {
	hosts map[string]*site // by name in lower case
	any   *site            // for every host; nil: no route
	every []string         // the methods that any route has
}

// site is the trees of a host.
type site struct {
	trees []*tree // of the methods
	get   *tree   // that of GET, which HEAD may use, or nil
	all   *tree   // for any method, or nil
}

// tree is the routes of a method. Those without wildcards are in plain, too, where they are found sooner; they win over all
// others.
type tree struct {
	method  string
	root    node
	plain   map[string]*route // by path in the tree's form
	lengths uint64            // bit n: plain has a path whose length is n modulo 64
}

func newTable(routes []*route) *table {
	t := &table{}
	for _, r := range routes {
		if r.method != "" {
			t.every = append(t.every, r.method)
		}
		if r.host == "" {
			if t.any == nil {
				t.any = &site{}
			}
			t.any.add(r)
			continue
		}
		if t.hosts == nil {
			t.hosts = map[string]*site{}
		}
		if t.hosts[r.host] == nil {
			t.hosts[r.host] = &site{}
		}
		t.hosts[r.host].add(r)
	}
	t.every = sortMethods(t.every)
	return t
}

func (s *site) add(r *route) {
	if r.method == "" {
		if s.all == nil {
			s.all = &tree{}
		}
		s.all.add(r)
		return
	}
	i := slices.IndexFunc(s.trees, func(t *tree) bool { return t.method == r.method })
	if i < 0 {
		i = len(s.trees)
		s.trees = append(s.trees, &tree{method: r.method})
	}
	s.trees[i].add(r)
	if r.method == http.MethodGet {
		s.get = s.trees[i]
	}
}

func (t *tree) add(r *route) {
	t.root.add(r.segments, r)
	if r.literals == "" {
		return
	}
	if t.plain == nil {
		t.plain = map[string]*route{}
	}
	t.plain[r.literals] = r
	t.lengths |= 1 << (len(r.literals) % 64)
}

// find gives the route for a path in the tree's form.
func (t *tree) find(path []byte, s *spans) *route {
	if t.lengths&(1<<(len(path)%64)) != 0 {
		if r := t.plain[string(path)]; r != nil {
			return r
		}
	}
	return t.root.find(path, s, 0)
}

// find gives the route for a path in the trees' form. Those of the method come first, then, for HEAD, those of GET, then those
// for any method.
func (s *site) find(method, path []byte, at *spans) *route {
	for _, t := range s.trees {
		if string(method) == t.method {
			if r := t.find(path, at); r != nil {
				return r
			}
			break
		}
	}
	if s.get != nil && string(method) == http.MethodHead {
		if r := s.get.find(path, at); r != nil {
			return r
		}
	}
	if s.all == nil {
		return nil
	}
	return s.all.find(path, at)
}

// find gives the route for a path in the trees' form; named is the site of the request's host.
func (t *table) find(named *site, method, path []byte, at *spans) *route {
	if named != nil {
		if r := named.find(method, path, at); r != nil {
			return r
		}
	}
	if t.any == nil {
		return nil
	}
	return t.any.find(method, path, at)
}

// methods adds those for which path has a route. The trees for any method are not asked: they would have taken the request.
func (s *site) methods(path []byte, to []string) []string {
	if s == nil {
		return to
	}
	var at spans
	for _, t := range s.trees {
		if t.find(path, &at) != nil {
			to = append(to, t.method)
		}
	}
	return to
}

// allowed are the methods for which path, or what it would be redirected to, has a route: sorted, HEAD beside GET.
func (t *table) allowed(named *site, path []byte) []string {
	m := t.any.methods(path, named.methods(path, nil))
	if len(path) == 0 || path[len(path)-1] != '/' {
		slashed := append(path[:len(path):len(path)], '/')
		m = t.any.methods(slashed, named.methods(slashed, m))
	}
	return sortMethods(m)
}

func sortMethods(m []string) []string {
	if slices.Contains(m, http.MethodGet) {
		m = append(m, http.MethodHead)
	}
	slices.Sort(m)
	return slices.Compact(m)
}

// site is the one that has the request's host, or nil. Hosts are compared without regard to letter case (RFC 9110 section
// 4.2.3); the port counts with CONNECT only, whose host is what the tunnel leads to.
func (t *table) site(host, method []byte) *site {
	if string(method) != http.MethodConnect {
		host = withoutPort(host)
	}
	if s := t.hosts[string(host)]; s != nil {
		return s
	}
	for _, c := range host {
		if 'A' <= c && c <= 'Z' {
			return t.hosts[strings.ToLower(string(host))]
		}
	}
	return nil
}

// withoutPort gives the host of host ":" port, an IPv6 address without its brackets; what is not of that form stays as it is.
func withoutPort(h []byte) []byte {
	colon := bytes.LastIndexByte(h, ':')
	if colon < 0 {
		return h
	}
	host, port := h[:colon], h[colon+1:]
	if h[0] == '[' {
		if host[len(host)-1] != ']' {
			return h
		}
		host = host[1 : len(host)-1]
	} else if bytes.IndexByte(host, ':') >= 0 {
		return h
	}
	if bytes.ContainsAny(host, "[]") || bytes.ContainsAny(port, "[]") {
		return h
	}
	return host
}
