package main

import (
	_ "embed"
	"net/http"

	"github.com/calandria-go/calandria/protocols/http1"
	"github.com/calandria-go/calandria/protocols/http1/router"
)

var (
	//go:embed assets/page.html
	pageHTML []byte
	//go:embed assets/app.js
	appJS []byte
	//go:embed assets/style.css
	styleCSS []byte
	//go:embed assets/icon.svg
	iconSVG []byte
)

// policy keeps the page to what this process serves.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; base-uri 'none'; " +
	"form-action 'none'; frame-ancestors 'none'"

// addPage serves the chat's page and what belongs to it.
func addPage(r *router.Router) {
	for path, file := range map[string]struct {
		kind string
		b    []byte
	}{
		"/{$}":       {"text/html; charset=utf-8", pageHTML},
		"/app.js":    {"text/javascript; charset=utf-8", appJS},
		"/style.css": {"text/css; charset=utf-8", styleCSS},
		"/icon.svg":  {"image/svg+xml", iconSVG},
	} {
		r.Route("GET "+path, http1.HandlerFunc(func(x *http1.Exchange) {
			x.SetHeader("Content-Security-Policy", policy)
			x.SetHeader("X-Content-Type-Options", "nosniff")
			x.SetHeader("Referrer-Policy", "no-referrer")
			x.SetHeader("Cache-Control", "no-cache")
			x.Respond(http.StatusOK, file.kind, file.b)
		}))
	}
}
