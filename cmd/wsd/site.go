package main

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"strings"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"github.com/calandria-go/calandria/protocols/http1"
	"github.com/calandria-go/calandria/protocols/http1/dashboard"
	"github.com/calandria-go/calandria/protocols/http1/health"
	"github.com/calandria-go/calandria/protocols/http1/metrics"
	"github.com/calandria-go/calandria/protocols/http1/router"
	"github.com/calandria-go/calandria/protocols/websocket"
	hubmetrics "github.com/calandria-go/calandria/protocols/websocket/hub/metrics"
	wsmetrics "github.com/calandria-go/calandria/protocols/websocket/metrics"
	"github.com/calandria-go/calandria/protocols/websocket/wire"
	"github.com/calandria-go/calandria/reactor"
	reactormetrics "github.com/calandria-go/calandria/reactor/metrics"
	"github.com/calandria-go/calandria/transports/inherit"
)

// chatMessage bounds what a client of the chat may send at a time.
const chatMessage = 32 << 10

// site is all that runs.
type site struct {
	o         *options
	log       *slog.Logger
	reactor   *reactor.Reactor
	server    *http1.Server
	operator  *http1.Server // of -metrics' own address; nil without one
	health    health.Handler
	echo      *websocket.Server
	chat      *chat
	dashboard *dashboard.Dashboard // nil without metrics
}

func newSite(o *options, log *slog.Logger) (*site, error) {
	most := int(o.maxMessage)
	s := &site{o: o, log: log}
	// The largest message is echoed whole, while another one may be on its way out.
	s.reactor = reactor.New(reactor.Config{Logger: log, MaxUnsent: max(8<<20, 2*most+1<<20)})
	s.server = &http1.Server{Logger: log, Observe: o.metrics != "off"}
	var deflate *websocket.Deflate
	if o.deflate {
		deflate = &websocket.Deflate{}
	}
	s.echo = &websocket.Server{Config: websocket.Config{
		Limits: wire.Limits{MaxMessage: int64(most)}, MaxQueue: max(1<<20, most), Deflate: deflate,
	}}
	var err error
	ws := &websocket.Server{Config: websocket.Config{Limits: wire.Limits{MaxMessage: chatMessage}, Deflate: deflate}}
	if s.chat, err = newChat(o, ws, log); err != nil {
		return nil, err
	}
	if err := s.route(); err != nil {
		s.close()
		return nil, err
	}
	return s, nil
}

// echo answers every message with itself.
type echo struct{}

func (echo) OnOpen(*websocket.Conn)                                     {}
func (echo) OnMessage(c *websocket.Conn, op websocket.Opcode, p []byte) { c.Send(op, p) }
func (echo) OnClose(*websocket.Conn, error)                             {}

func (s *site) route() error {
	r := router.New()
	r.NotFound = http1.HandlerFunc(func(x *http1.Exchange) {
		x.Respond(http.StatusNotFound, "text/plain; charset=utf-8", []byte("not found\n"))
	})
	r.Route("GET /healthz", &s.health)
	r.Route("GET /echo", http1.HandlerFunc(func(x *http1.Exchange) { s.echo.Upgrade(x, echo{}) }))
	r.Route("GET /chat", s.chat)
	addPage(r)
	s.server.Handler = r
	switch s.o.metrics {
	case "off":
		return nil
	case "":
		return s.addOperation(r)
	}
	own := router.New()
	own.Route("GET /healthz", &s.health)
	s.operator = &http1.Server{Handler: own, Logger: s.log}
	return s.addOperation(own)
}

// addOperation serves metrics and the dashboard.
func (s *site) addOperation(r *router.Router) error {
	registry := prometheus.NewRegistry()
	for _, c := range []prometheus.Collector{
		collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
		reactormetrics.New(s.reactor, nil),
		metrics.New(s.server, nil),
		wsmetrics.New(s.echo, prometheus.Labels{"endpoint": "echo"}),
		wsmetrics.New(s.chat.ws, prometheus.Labels{"endpoint": "chat"}),
		hubmetrics.New(s.chat.hub, nil),
	} {
		if err := registry.Register(c); err != nil {
			return err
		}
	}
	var err error
	s.dashboard, err = dashboard.New(dashboard.Config{
		Reactor: s.reactor, Server: s.server, Title: "calandria wsd",
		Sections: []dashboard.Section{
			{Name: "Echo", Columns: wsmetrics.Columns(), Rows: func() [][]any { return wsmetrics.Rows(s.echo) }},
			{Name: "Chat", Columns: wsmetrics.Columns(), Rows: func() [][]any { return wsmetrics.Rows(s.chat.ws) }},
			{Name: "Hub", Columns: hubmetrics.Columns(), Rows: func() [][]any { return hubmetrics.Rows(s.chat.hub) }},
		},
	})
	if err != nil {
		return err
	}
	r.Route(dashboard.Prefix, s.dashboard)
	r.Route("GET /metrics", metrics.Handler(registry))
	return nil
}

// listen opens the listeners, and gives their URLs.
func (s *site) listen() (urls []string, err error) {
	open := func(target string, srv *http1.Server) error {
		ln, err := inherit.Config{}.Listen(context.Background(), target)
		if err != nil {
			return err
		}
		if _, err := s.reactor.Listen(ln, srv); err != nil {
			return err
		}
		if strings.HasPrefix(target, "unix:") {
			urls = append(urls, target)
		} else {
			urls = append(urls, "http://"+ln.Addr().String()+"/")
		}
		return nil
	}
	if err := open(s.o.listen, s.server); err != nil {
		return nil, err
	}
	if s.operator != nil {
		if err := open(s.o.metrics, s.operator); err != nil {
			return nil, fmt.Errorf("-metrics: %w", err)
		}
	}
	return urls, nil
}

// drain closes the connections in order, and what feeds them.
func (s *site) drain(ctx context.Context) error {
	s.health.Drain()
	if s.dashboard != nil {
		s.dashboard.Close()
	}
	return s.reactor.Shutdown(ctx)
}

// close lets go of the rest.
func (s *site) close() {
	if s.dashboard != nil {
		s.dashboard.Close()
	}
	if err := s.chat.close(); err != nil {
		s.log.Error("close", "err", err)
	}
}
