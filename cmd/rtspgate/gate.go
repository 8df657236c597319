package main

import (
	"context"
	ctls "crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strings"

	"github.com/calandria-go/calandria/protocols/http1"
	"github.com/calandria-go/calandria/protocols/http1/dashboard"
	"github.com/calandria-go/calandria/protocols/rtsphttp"
	"github.com/calandria-go/calandria/reactor"
	"github.com/calandria-go/calandria/transports/inherit"
	"github.com/calandria-go/calandria/transports/tls"
)

// gate is all that runs.
type gate struct {
	o        *options
	log      *slog.Logger
	reactor  *reactor.Reactor
	gateway  *rtsphttp.Gateway
	server   *http1.Server
	operator *http1.Server // of -metrics; nil without it
	board    *dashboard.Dashboard
	users    *users     // nil: anybody
	store    *tls.Store // of -tls-cert; nil without it
	config   *ctls.Config
}

func newGate(o *options, log *slog.Logger) (*gate, error) {
	g := &gate{o: o, log: log, reactor: reactor.New(reactor.Config{Logger: log})}
	for _, step := range []func() error{g.loadTLS, g.build, g.buildOperator} {
		if err := step(); err != nil {
			g.close()
			g.reactor.Shutdown(context.Background()) // nothing runs yet
			return nil, err
		}
	}
	return g, nil
}

func (g *gate) build() error {
	routes, err := g.o.readRoutes()
	if err != nil {
		return err
	}
	c := rtsphttp.Config{
		Routes: routes, Logger: g.log, Origins: g.o.origins, MaxSessions: g.o.maxSessions, MaxQueued: g.o.maxQueue, PauseCamera: g.o.pauseCamera,
	}
	if g.o.verbose {
		c.Logger = slog.New(verbose{g.log.Handler()})
	}
	if g.o.users != "" {
		if g.users, c.Auth, err = readUsers(g.o.users); err != nil {
			return err
		}
	}
	if g.gateway, err = rtsphttp.New(c); err != nil {
		return err
	}
	g.server = &http1.Server{Handler: g.gateway, MaxBodyBytes: -1, Logger: g.log, Observe: g.o.metrics != ""}
	return nil
}

// verbose lets everything through.
type verbose struct{ slog.Handler }

// Enabled is part of slog.Handler.
func (verbose) Enabled(context.Context, slog.Level) bool { return true }

func (g *gate) loadTLS() (err error) {
	switch {
	case g.o.tlsCert != "":
		g.store, err = tls.NewStore(tls.StoreConfig{Pairs: []tls.Pair{{Cert: g.o.tlsCert, Key: g.o.tlsKey}}, Logger: g.log})
		if err != nil {
			return err
		}
		g.config = g.store.Config(&ctls.Config{NextProtos: []string{"http/1.1", "http/1.0"}})
	case g.o.tlsSelfSigned:
		pair, err := tls.SelfSigned("localhost", "127.0.0.1", "::1")
		if err != nil {
			return err
		}
		g.config = &ctls.Config{Certificates: []ctls.Certificate{pair}, NextProtos: []string{"http/1.1", "http/1.0"}}
	}
	return nil
}

// listen opens the listeners, and prints the URL of each.
func (g *gate) listen() error {
	for _, target := range g.o.listen {
		addr, plain := strings.CutPrefix(target, "http://")
		if err := g.listenAt(addr, g.server, g.config != nil && !plain); err != nil {
			return fmt.Errorf("-listen %s: %w", target, err)
		}
	}
	if g.operator == nil {
		return nil
	}
	if err := g.listenAt(g.o.metrics, g.operator, false); err != nil {
		return fmt.Errorf("-metrics %s: %w", g.o.metrics, err)
	}
	return nil
}

func (g *gate) listenAt(target string, srv *http1.Server, secure bool) error {
	ln, err := inherit.Config{}.Listen(context.Background(), target)
	if err != nil {
		return err
	}
	var p reactor.Protocol = srv
	if secure {
		p = &tls.Server{Config: g.config, Next: p}
	}
	if _, err := g.reactor.Listen(ln, p); err != nil {
		return err
	}
	fmt.Println("listening on", urlOf(target, ln, secure))
	return nil
}

// urlOf is the URL that reaches a listener.
func urlOf(target string, ln net.Listener, secure bool) string {
	switch {
	case strings.HasPrefix(target, "unix:"):
		return target
	case secure:
		return "https://" + ln.Addr().String() + "/"
	}
	return "http://" + ln.Addr().String() + "/"
}

// reload is SIGHUP. Each part that cannot be read stays as it was.
func (g *gate) reload() error {
	routes, err := g.o.readRoutes()
	if err == nil {
		err = g.gateway.SetRoutes(routes)
	}
	if g.users != nil {
		if e := g.users.reload(); e != nil {
			err = errors.Join(err, fmt.Errorf("-users: %w", e))
		}
	}
	if g.store != nil {
		err = errors.Join(err, g.store.Reload())
	}
	return err
}

// close lets go of files.
func (g *gate) close() {
	if g.board != nil {
		g.board.Close()
	}
	if g.store != nil {
		g.store.Close()
	}
}
