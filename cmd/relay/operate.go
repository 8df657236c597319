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
	"github.com/calandria-go/calandria/protocols/http1/dashboard"
	httpmetrics "github.com/calandria-go/calandria/protocols/http1/metrics"
	"github.com/calandria-go/calandria/protocols/http1/router"
	"github.com/calandria-go/calandria/protocols/relay"
	"github.com/calandria-go/calandria/protocols/relay/metrics"
	"github.com/calandria-go/calandria/reactor"
	reactormetrics "github.com/calandria-go/calandria/reactor/metrics"
	"github.com/calandria-go/calandria/transports"
)

// operate serves metrics, the status page and health at -metrics. end closes the page.
func (p *public) operate(r *reactor.Reactor, s *relay.Server, site *http1.Server, log *slog.Logger) (at net.Addr, end func(), err error) {
	who := func(next http1.Handler) http1.Handler { return next }
	if p.auth != "" {
		user, password, _ := strings.Cut(p.auth, ":")
		m, err := auth.Require(&auth.Basic{Realm: "calandria relay", Verify: auth.Passwords(map[string]string{user: password})})
		if err != nil {
			return nil, nil, err
		}
		who = m
	}
	registry := prometheus.NewRegistry()
	for _, c := range []prometheus.Collector{reactormetrics.New(r, nil), metrics.New(s, nil)} {
		if err := registry.Register(c); err != nil {
			return nil, nil, err
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
	board, err := dashboard.New(dashboard.Config{Reactor: r, Server: site, Auth: who, Title: "calandria relay", Sections: sections(s)})
	if err != nil {
		return nil, nil, err
	}
	routes.Route(dashboard.Prefix, board)
	end = func() { board.Close() }
	defer func() {
		if err != nil {
			end()
		}
	}()
	ln, err := transports.Listen(p.metrics)
	if err != nil {
		return nil, nil, err
	}
	at = ln.Addr()
	if t, ok := at.(*net.TCPAddr); ok && !t.IP.IsLoopback() && p.auth == "" {
		ln.Close()
		return nil, nil, errors.New("-metrics on an address that is not a loopback one needs -auth")
	}
	if _, err := r.Listen(ln, &http1.Server{Handler: routes, Logger: log}); err != nil {
		return nil, nil, err
	}
	return at, end, nil
}

// sections are the relay's tables on the page.
func sections(s *relay.Server) []dashboard.Section {
	return []dashboard.Section{
		{
			Name:    "Links",
			Columns: []string{"role", "id", "grant", "from", "state", "streams", "unread", "round trip", "credit stalls", "bytes in", "bytes out"},
			Rows: func() (rows [][]any) {
				for _, l := range s.Stats().Links {
					rows = append(rows, []any{
						l.Role, l.ID, l.Grant, l.Remote, l.State, l.Session.Streams, l.Session.Unread, l.RTT, l.Session.Stalls,
						l.Session.BytesIn, l.Session.BytesOut,
					})
				}
				return rows
			},
		},
		{
			Name:    "Services",
			Columns: []string{"service", "kind", "addresses", "agents", "connections", "opened", "failed", "refused", "bytes in", "bytes out"},
			Rows: func() (rows [][]any) {
				for _, v := range s.Stats().Services {
					rows = append(rows, []any{
						v.Name, v.Kind, v.Addresses, v.Agents, v.Conns, v.Opened, v.Failed, v.Refused, v.BytesIn, v.BytesOut,
					})
				}
				return rows
			},
		},
	}
}
