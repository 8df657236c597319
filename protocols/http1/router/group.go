package router

import (
	"fmt"
	"slices"
	"strings"

	"github.com/calandria-go/calandria/protocols/http1"
)

// Group registers routes under a common prefix, with common middleware. It is for one goroutine at a time.
type Group struct {
	r      *Router
	prefix string
	wraps  []http1.Middleware
}

// Group gives a group of the routes under prefix: "[HOST]/[PATH]", with wildcards if need be, without a method. A slash at its
// end does not count. m goes around each of its routes, the first outermost; it runs when the route is known. What is wrong
// with prefix is an error of the routes.
func (r *Router) Group(prefix string, m ...http1.Middleware) *Group {
	return &Group{r: r, prefix: strings.TrimSuffix(prefix, "/"), wraps: slices.Clone(m)}
}

// Group gives a group inside of g, whose prefix and middleware it has before its own.
func (g *Group) Group(prefix string, m ...http1.Middleware) *Group {
	return &Group{r: g.r, prefix: g.prefix + strings.TrimSuffix(prefix, "/"), wraps: slices.Concat(g.wraps, m)}
}

// Use adds middleware, inside of what g has, for the routes that are registered from now on.
func (g *Group) Use(m ...http1.Middleware) { g.wraps = append(g.wraps, m...) }

// Route registers a handler for a pattern, "[METHOD ]/[PATH]", whose path stands behind the prefix. An empty path is the prefix
// itself: "GET " or "". It panics where Register has an error.
func (g *Group) Route(pattern string, h http1.Handler) { must(g.Register(pattern, h)) }

// HandleFunc is Route for a function.
func (g *Group) HandleFunc(pattern string, f func(x *http1.Exchange)) {
	must(g.Register(pattern, http1.HandlerFunc(f)))
}

// Register is Route with an error: that of Router.Register for the whole pattern, or that this one has a host.
func (g *Group) Register(pattern string, h http1.Handler) error {
	method, path := "", pattern
	if i := strings.IndexAny(pattern, " \t"); i >= 0 {
		method, path = pattern[:i]+" ", strings.TrimLeft(pattern[i:], " \t")
	}
	if strings.ContainsAny(g.prefix, " \t") {
		return fmt.Errorf("router: prefix %q of a group: it cannot have a method", g.prefix)
	}
	if path != "" && path[0] != '/' {
		return fmt.Errorf("router: pattern %q: in a group, it begins with '/' behind the method", pattern)
	}
	if isNil(h) {
		return fmt.Errorf("router: pattern %q: %w", pattern, errNil)
	}
	return g.r.Register(method+g.prefix+path, http1.Chain(h, g.wraps...))
}
