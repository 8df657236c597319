package router

import (
	"errors"
	"fmt"
	"iter"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/calandria-go/calandria/protocols/http1"
)

// Router is an http1.Handler that gives each request to the handler of the pattern that matches it. The zero value is ready.
// Its methods are safe from any goroutine, also while it serves: a route that is added is there for the requests that begin
// afterwards. Its fields must not be changed once it serves.
//
// A new route is compared with all others: adding 1,000 takes some 10 ms, 10,000 about a second. The first request afterwards
// finds that the trees have to be made anew, at about a microsecond a route.
type Router struct {
	// NotFound answers what no route matches; nil: 404 with a line of text.
	NotFound http1.Handler
	// MethodNotAllowed answers for a path that has only routes of other methods. Allow is set already. nil: 405 with a line of
	// text.
	MethodNotAllowed http1.Handler
	// Connect takes CONNECT requests; their target is a host and port and no path, so no pattern matches it. nil: they are
	// answered as net/http's ServeMux would: 405 if "/" has a route of a method, else 404.
	Connect http1.Handler
	// NoOptions: OPTIONS is a method like any other. Else the router answers it for each path that has a route and none that
	// takes OPTIONS, by 204 with Allow, and lists it in Allow.
	NoOptions bool

	mu     sync.Mutex // guards routes and wraps
	routes []*route
	wraps  []http1.Middleware
	table  atomic.Pointer[table]         // of routes; nil: to be made
	entry  atomic.Pointer[http1.Handler] // what Use has wrapped
}

// New gives an empty router: the zero value.
func New() *Router { return &Router{} }

// Route registers a handler for a pattern. It panics where Register has an error. (Handle is what http1.Handler calls so.)
func (r *Router) Route(pattern string, h http1.Handler) { must(r.Register(pattern, h)) }

// HandleFunc is Route for a function.
func (r *Router) HandleFunc(pattern string, f func(x *http1.Exchange)) {
	must(r.Register(pattern, http1.HandlerFunc(f)))
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}

// Register registers a handler for a pattern. The error says at which offset what is wrong with the pattern, or is a
// *ConflictError; then nothing is registered.
func (r *Router) Register(pattern string, h http1.Handler) error {
	if isNil(h) {
		return fmt.Errorf("router: pattern %q: %w", pattern, errNil)
	}
	p, err := parse(pattern)
	if err != nil {
		return err
	}
	where := caller()
	r.mu.Lock()
	defer r.mu.Unlock()
	fresh := newRoute(p, h, where)
	for _, other := range r.routes {
		if conflict(p, &other.pattern) {
			return newConflict(fresh, other)
		}
	}
	r.routes = append(r.routes, fresh)
	r.table.Store(nil)
	return nil
}

var errNil = errors.New("nil handler")

func isNil(h http1.Handler) bool {
	f, ok := h.(http1.HandlerFunc)
	return h == nil || ok && f == nil
}

// caller is the file and line that called this package.
func caller() string {
	var pcs [16]uintptr
	frames := runtime.CallersFrames(pcs[:runtime.Callers(2, pcs[:])])
	for {
		f, more := frames.Next()
		if !strings.HasPrefix(f.Function, self) {
			return fmt.Sprintf("%s:%d", f.File, f.Line)
		}
		if !more {
			return "an unknown place"
		}
	}
}

// self begins the names of this package's functions.
const self = "github.com/calandria-go/calandria/protocols/http1/router."

// current is the table of all routes.
func (r *Router) current() *table {
	if t := r.table.Load(); t != nil {
		return t
	}
	return r.build()
}

func (r *Router) build() *table {
	r.mu.Lock()
	defer r.mu.Unlock()
	t := r.table.Load()
	if t == nil {
		t = newTable(r.routes)
		r.table.Store(t)
	}
	return t
}

// Use puts middleware around all that the router answers, its own answers included. Its handlers run before the route is
// known: Exchange.Pattern is set when they see the answer. The first of m sees a request first, and what an earlier call
// has added before that.
func (r *Router) Use(m ...http1.Middleware) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.wraps = append(r.wraps, m...)
	h := http1.Chain(http1.HandlerFunc(r.dispatch), r.wraps...)
	r.entry.Store(&h)
}

// Lookup says what becomes of a request. host may have a port, path is percent-encoded as it was sent. It does not allocate if
// a route takes the request, unless the path has more than 511 bytes and is encoded or taken by a subtree.
func (r *Router) Lookup(method, host, path []byte) (m Match) {
	r.current().lookup(&m, method, host, path, !r.NoOptions)
	return m
}

// Patterns gives the patterns of all routes in the order of their registration.
func (r *Router) Patterns() iter.Seq[string] {
	r.mu.Lock()
	routes := r.routes[:len(r.routes):len(r.routes)]
	r.mu.Unlock()
	return func(yield func(string) bool) {
		for _, route := range routes {
			if !yield(route.text) {
				return
			}
		}
	}
}
