package main

import (
	"fmt"
	"net/http"
	"os"
	"strings"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"github.com/calandria-go/calandria/protocols/http1"
	"github.com/calandria-go/calandria/protocols/http1/auth"
	"github.com/calandria-go/calandria/protocols/http1/dashboard"
	"github.com/calandria-go/calandria/protocols/http1/guard"
	"github.com/calandria-go/calandria/protocols/http1/metrics"
	"github.com/calandria-go/calandria/protocols/http1/router"
	reactormetrics "github.com/calandria-go/calandria/reactor/metrics"
)

// others are the first segments of the paths that the router has, whatever -handler says.
var others = map[string]bool{
	"events": true, "upload": true, "static": true, "healthz": true, "metrics": true, "debug": true, ".well-known": true,
}

// buildHandler makes the server's handler: the demo's routes, then those of the router, inside the middleware that was asked
// for.
func (s *site) buildHandler() error {
	r := router.New()
	r.NotFound = http1.HandlerFunc(func(x *http1.Exchange) { x.Respond(http.StatusNotFound, textPlain, []byte("not found\n")) })
	r.Route("GET /healthz", &s.health)
	r.Route("GET /events", s.clock)
	if err := s.addStatic(r); err != nil {
		return err
	}
	if err := s.addUpload(r); err != nil {
		return err
	}
	if err := s.addOperation(r); err != nil {
		return err
	}
	var h http1.Handler = &native{others: r}
	if s.o.handler == "std" {
		h = &either{std: http1.Std(stdRoutes()), others: r}
	}
	if s.tls != nil && s.tls.acme != nil {
		h = s.tls.acme.Handler(h)
	}
	m, err := s.middleware()
	if err != nil {
		return err
	}
	s.server.Handler = http1.Chain(h, m...)
	return nil
}

// either gives what the router has to it, and the rest to the net/http handler.
type either struct{ std, others http1.Handler }

// Handle is part of http1.Handler.
func (e *either) Handle(x *http1.Exchange) {
	path := x.Path()
	if len(path) > 1 {
		first, _, _ := strings.Cut(string(path[1:]), "/")
		if others[first] {
			e.others.Handle(x)
			return
		}
	}
	e.std.Handle(x)
}

// middleware is what stands in front of all handlers.
func (s *site) middleware() (all []http1.Middleware, err error) {
	if s.bans != nil {
		all = append(all, s.bans.Middleware())
	}
	if s.o.rate > 0 {
		limiter, err := guard.NewLimiter(guard.RateConfig{Rate: s.o.rate})
		if err != nil {
			return nil, fmt.Errorf("-rate: %w", err)
		}
		all = append(all, limiter.Middleware())
	}
	return all, nil
}

// addStatic serves the files of -static.
func (s *site) addStatic(r *router.Router) error {
	if s.o.static == "" {
		return nil
	}
	root, err := os.OpenRoot(s.o.static)
	if err != nil {
		return fmt.Errorf("-static: %w", err)
	}
	files := http1.Files(root, http1.FilesConfig{Prefix: "/static/", Precompressed: true})
	s.closers = append(s.closers, root, files)
	r.Route("/static/", files)
	return nil
}

// addOperation serves metrics and the dashboard, here or at an address of their own.
func (s *site) addOperation(r *router.Router) error {
	switch s.o.metrics {
	case "off":
		return nil
	case "":
	default:
		own := router.New()
		own.Route("GET /healthz", &s.health)
		s.operator = &http1.Server{Handler: own, Logger: s.log}
		r = own
	}
	registry := prometheus.NewRegistry()
	for _, c := range []prometheus.Collector{
		collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
		reactormetrics.New(s.reactor, nil),
		metrics.New(s.server, nil),
	} {
		if err := registry.Register(c); err != nil {
			return err
		}
	}
	who, err := s.authenticate()
	if err != nil {
		return err
	}
	board, err := dashboard.New(dashboard.Config{Reactor: s.reactor, Server: s.server, Auth: who, Title: "calandria httpd"})
	if err != nil {
		return err
	}
	s.streams = append(s.streams, board)
	r.Route(dashboard.Prefix, board)
	r.Route("GET /metrics", who(metrics.Handler(registry)))
	return nil
}

// authenticate asks for -auth's user and password, if there are.
func (s *site) authenticate() (http1.Middleware, error) {
	if s.o.auth == "" {
		return func(next http1.Handler) http1.Handler { return next }, nil
	}
	user, password, _ := strings.Cut(s.o.auth, ":")
	return auth.Require(&auth.Basic{Realm: "calandria httpd", Verify: auth.Passwords(map[string]string{user: password})})
}
