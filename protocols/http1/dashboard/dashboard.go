// Package dashboard is a page that shows what a server does, second by second: connections, requests, latencies, bytes, the
// loops and their stalls, why connections close, and the slowest routes.
//
// Everything comes from this process: one page with its script and style sheet, embedded, and a stream of events that feeds
// it. A Content-Security-Policy keeps the page to that. The page keeps five minutes of history; a new viewer gets what the
// server has kept. A second costs one round of Reactor.Stats and Server.Stats, whoever looks.
package dashboard

import (
	_ "embed"
	"errors"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/calandria-go/calandria/protocols/http1"
	"github.com/calandria-go/calandria/reactor"
)

// Prefix is where the page is by convention.
const Prefix = "/debug/calandria/"

// Config is what a Dashboard is made from. Reactor and Server must be set; the zero value of the rest is a safe default.
type Config struct {
	// Reactor runs the loops that are shown.
	Reactor *reactor.Reactor
	// Server is the one whose requests are shown. It must have Observe set. It need not be the one that serves the page.
	Server *http1.Server
	// Prefix is the path of the page, with a slash at its end; empty: the constant Prefix.
	Prefix string
	// Auth is in front of the page and all that belongs to it; nil: anybody who can reach it may look. It tells routes and
	// loads, and no addresses, but is not for the public.
	Auth http1.Middleware
	// Every is the time between two samples; 0 or negative: 1 s.
	Every time.Duration
	// History is how many samples a new viewer gets; 0: 300; negative: none. Each takes about 300 bytes.
	History int
	// MaxViewers bounds those who look at a time, 503 beyond it; 0: 16; negative: unlimited.
	MaxViewers int
	// Title is the page's heading; empty: calandria.
	Title string
	// Sections are more tables, below the page's own.
	Sections []Section
}

const (
	defaultHistory = 300
	defaultViewers = 16
)

// Dashboard is an http1.Handler for all paths below Config.Prefix. Its methods are safe from any goroutine; Handle is for the
// loops.
type Dashboard struct {
	cfg     Config
	handler http1.Handler
	page    []byte
	quit    chan struct{}
	ended   chan struct{}
	once    sync.Once

	mu      sync.Mutex
	viewers map[*viewer]struct{}
	history [][]byte // rendered events, the oldest first
	closed  bool
}

var (
	//go:embed assets/page.html
	pageHTML string
	//go:embed assets/app.js
	appJS []byte
	//go:embed assets/style.css
	styleCSS []byte
)

// New makes a Dashboard and starts its sampling, which Close ends, or the Reactor's Shutdown.
func New(c Config) (*Dashboard, error) {
	switch {
	case c.Reactor == nil || c.Server == nil:
		return nil, errors.New("dashboard: Reactor and Server must be set")
	case !c.Server.Observe:
		return nil, errors.New("dashboard: Server.Observe is not set")
	case c.Prefix == "":
		c.Prefix = Prefix
	case !strings.HasPrefix(c.Prefix, "/") || !strings.HasSuffix(c.Prefix, "/"):
		return nil, errors.New("dashboard: Prefix does not begin and end with a slash")
	}
	for _, s := range c.Sections {
		if s.Name == "" || len(s.Columns) == 0 || s.Rows == nil {
			return nil, errors.New("dashboard: a Section needs Name, Columns and Rows")
		}
	}
	if c.Every <= 0 {
		c.Every = time.Second
	}
	if c.History == 0 {
		c.History = defaultHistory
	}
	if c.MaxViewers == 0 {
		c.MaxViewers = defaultViewers
	}
	if c.Title == "" {
		c.Title = "calandria"
	}
	d := &Dashboard{
		cfg: c, viewers: map[*viewer]struct{}{}, quit: make(chan struct{}), ended: make(chan struct{}),
		page: []byte(strings.ReplaceAll(pageHTML, "{{title}}", escapeHTML(c.Title))),
	}
	d.handler = http1.HandlerFunc(d.serve)
	if c.Auth != nil {
		d.handler = c.Auth(d.handler)
	}
	go d.sample()
	return d, nil
}

func escapeHTML(s string) string {
	return strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", `"`, "&#34;", "'", "&#39;").Replace(s)
}

// Close ends the sampling and the streams of those who look.
func (d *Dashboard) Close() error {
	d.once.Do(func() { close(d.quit) })
	<-d.ended
	return nil
}

// Handle is part of http1.Handler.
func (d *Dashboard) Handle(x *http1.Exchange) { d.handler.Handle(x) }

// policy keeps the page to what this process serves.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; base-uri 'none'; " +
	"form-action 'none'; frame-ancestors 'none'"

func (d *Dashboard) serve(x *http1.Exchange) {
	if m := string(x.Method()); m != http.MethodGet && m != http.MethodHead {
		x.SetHeader("Allow", "GET, HEAD")
		x.Respond(http.StatusMethodNotAllowed, "text/plain; charset=utf-8", []byte("method not allowed\n"))
		return
	}
	x.SetHeader("X-Content-Type-Options", "nosniff")
	x.SetHeader("Referrer-Policy", "no-referrer")
	x.SetHeader("Cache-Control", "no-store")
	name, ok := strings.CutPrefix(string(x.Path()), d.cfg.Prefix)
	switch {
	case !ok && string(x.Path())+"/" == d.cfg.Prefix:
		x.SetHeader("Location", d.cfg.Prefix)
		x.Respond(http.StatusMovedPermanently, "", nil)
	case !ok:
		notFound(x)
	case name == "":
		x.SetHeader("Content-Security-Policy", policy)
		x.Respond(http.StatusOK, "text/html; charset=utf-8", d.page)
	case name == "app.js":
		x.Respond(http.StatusOK, "text/javascript; charset=utf-8", appJS)
	case name == "style.css":
		x.Respond(http.StatusOK, "text/css; charset=utf-8", styleCSS)
	case name == "events":
		d.stream(x)
	default:
		notFound(x)
	}
}

func notFound(x *http1.Exchange) {
	x.Respond(http.StatusNotFound, "text/plain; charset=utf-8", []byte("not found\n"))
}
