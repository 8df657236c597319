package main

import (
	"encoding/json"
	"errors"
	"log/slog"
	"net"
	"strings"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/calandria-go/calandria/protocols/http1"
	"github.com/calandria-go/calandria/protocols/http1/auth"
	httpmetrics "github.com/calandria-go/calandria/protocols/http1/metrics"
	"github.com/calandria-go/calandria/protocols/http1/router"
	"github.com/calandria-go/calandria/protocols/relay"
	"github.com/calandria-go/calandria/protocols/relay/metrics"
	"github.com/calandria-go/calandria/reactor"
	reactormetrics "github.com/calandria-go/calandria/reactor/metrics"
	"github.com/calandria-go/calandria/transports"
)

// operate serves metrics, status and health at -metrics.
func (p *public) operate(r *reactor.Reactor, s *relay.Server, log *slog.Logger) (net.Addr, error) {
	who := func(next http1.Handler) http1.Handler { return next }
	if p.auth != "" {
		user, password, _ := strings.Cut(p.auth, ":")
		m, err := auth.Require(&auth.Basic{Realm: "calandria relay", Verify: auth.Passwords(map[string]string{user: password})})
		if err != nil {
			return nil, err
		}
		who = m
	}
	registry := prometheus.NewRegistry()
	for _, c := range []prometheus.Collector{reactormetrics.New(r, nil), metrics.New(s, nil)} {
		if err := registry.Register(c); err != nil {
			return nil, err
		}
	}
	routes := router.New()
	routes.Route("GET /metrics", who(httpmetrics.Handler(registry)))
	routes.Route("GET /status", who(http1.HandlerFunc(func(x *http1.Exchange) {
		b, err := json.MarshalIndent(s.Stats(), "", "  ")
		if err != nil {
			x.Respond(500, "", nil)
			return
		}
		x.Respond(200, "application/json", append(b, '\n'))
	})))
	routes.Route("GET /healthz", http1.HandlerFunc(func(x *http1.Exchange) { x.Respond(200, "text/plain", []byte("ok\n")) }))
	ln, err := transports.Listen(p.metrics)
	if err != nil {
		return nil, err
	}
	at := ln.Addr()
	if t, ok := at.(*net.TCPAddr); ok && !t.IP.IsLoopback() && p.auth == "" {
		ln.Close()
		return nil, errors.New("-metrics on an address that is not a loopback one needs -auth")
	}
	if _, err := r.Listen(ln, &http1.Server{Handler: routes, Logger: log}); err != nil {
		return nil, err
	}
	return at, nil
}
