package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/netip"
	"os"
	"strings"

	"gopkg.in/natefinch/lumberjack.v2"

	"github.com/calandria-go/calandria/protocols/http1"
	"github.com/calandria-go/calandria/protocols/http1/accesslog"
	"github.com/calandria-go/calandria/protocols/http1/guard"
	"github.com/calandria-go/calandria/protocols/http1/health"
	"github.com/calandria-go/calandria/reactor"
	"github.com/calandria-go/calandria/transports/netaddr"
	"github.com/calandria-go/calandria/transports/proxy"
)

// site is all that runs.
type site struct {
	o        *options
	log      *slog.Logger
	reactor  *reactor.Reactor
	server   *http1.Server
	operator *http1.Server // of -metrics' own address; nil without one
	tls      *tlsSite      // nil without TLS
	health   health.Handler
	clock    *clock
	streams  []io.Closer // answers without an end, to be ended before a drain
	access   *accesslog.Log
	bans     *guard.Bans
	banned   *netaddr.List
	proxies  *netaddr.Set
	closers  []io.Closer
}

func newSite(o *options, log *slog.Logger) (*site, error) {
	s := &site{o: o, log: log, reactor: reactor.New(reactor.Config{Logger: log})}
	s.clock = newClock()
	s.streams = append(s.streams, s.clock)
	s.server = &http1.Server{MaxBodyBytes: o.maxBody, Logger: log, Observe: o.metrics != "off"}
	for _, step := range []func() error{s.openAccessLog, s.loadBans, s.loadTLS, s.buildHandler} {
		if err := step(); err != nil {
			s.close()
			return nil, err
		}
	}
	s.server.OnDone = s.onDone()
	return s, nil
}

// close lets go of files, last opened first.
func (s *site) close() {
	s.endStreams()
	for i := len(s.closers) - 1; i >= 0; i-- {
		if err := s.closers[i].Close(); err != nil {
			s.log.Error("close", "err", err)
		}
	}
	s.closers = nil
}

func (s *site) endStreams() {
	for _, c := range s.streams {
		c.Close()
	}
	s.streams = nil
}

func (s *site) openAccessLog() (err error) {
	if s.o.accessLog == "" {
		return nil
	}
	c := accesslog.Config{Logger: s.log}
	switch s.o.accessFormat {
	case "combined":
	case "json":
		c.Format = accesslog.JSON
	default:
		if c.Format, err = accesslog.Parse(s.o.accessFormat); err != nil {
			return fmt.Errorf("-access-format: %w", err)
		}
	}
	if s.o.accessLog == "-" {
		c.Output = os.Stderr
	} else {
		c.File = &lumberjack.Logger{Filename: s.o.accessLog, MaxSize: 100, MaxBackups: 10, Compress: true}
	}
	if s.access, err = c.New(); err == nil {
		s.closers = append(s.closers, s.access)
	}
	return err
}

// loadBans prepares what is checked at accept.
func (s *site) loadBans() (err error) {
	for _, p := range s.o.proxies {
		s.proxies = netaddr.Union(s.proxies, netaddr.NewSet(netip.MustParsePrefix(p)))
	}
	if len(s.o.banLists) == 0 {
		return nil
	}
	if s.banned, err = netaddr.NewList(netaddr.ListConfig{Files: s.o.banLists, Logger: s.log}); err != nil {
		return fmt.Errorf("-ban-list: %w", err)
	}
	s.closers = append(s.closers, s.banned)
	c := guard.BanConfig{Lists: []guard.Networks{s.banned}, Logger: s.log}
	if s.proxies != nil {
		c.Proxies = s.proxies
	}
	s.bans = guard.NewBans(c)
	return nil
}

// onDone is what each ended exchange is told to; nil if nobody asks.
func (s *site) onDone() func(*http1.Exchange, *http1.Result) {
	switch {
	case s.access != nil && s.bans != nil:
		return func(x *http1.Exchange, r *http1.Result) {
			s.access.OnDone(x, r)
			s.bans.OnDone(x, r)
		}
	case s.access != nil:
		return s.access.OnDone
	case s.bans != nil:
		return s.bans.OnDone
	}
	return nil
}

// admit decides about a connection, by the client's address as far as it is known by then.
func (s *site) admit() func(netip.AddrPort) bool {
	if s.bans == nil {
		return nil
	}
	return s.bans.Admit
}

// protocol is what connections speak, from the outside in: the PROXY protocol, TLS, HTTP.
func (s *site) protocol(srv *http1.Server, secure bool) reactor.Protocol {
	var p reactor.Protocol = srv
	if secure {
		p = s.tls.wrap(p)
	}
	if s.proxies != nil && srv == s.server {
		p = &proxy.Protocol{Next: p, Trusted: s.proxies, TrustUnix: true, Admit: s.admit()}
	}
	return p
}

// reload is SIGHUP.
func (s *site) reload() {
	var errs []error
	if s.tls != nil {
		errs = append(errs, s.tls.reload())
	}
	if s.banned != nil {
		errs = append(errs, s.banned.Reload())
	}
	if s.access != nil {
		errs = append(errs, s.access.Reopen())
	}
	if err := errors.Join(errs...); err != nil {
		s.log.Error("reload", "err", err)
		return
	}
	s.log.Info("reloaded")
}

// listen opens the listeners, and prints the URL of each.
func (s *site) listen() error {
	for _, target := range s.o.listen {
		addr, plain := strings.CutPrefix(target, "http://")
		if err := s.listenAt(addr, s.server, s.tls != nil && !plain); err != nil {
			return fmt.Errorf("-listen %s: %w", target, err)
		}
	}
	if s.operator != nil {
		if err := s.listenAt(s.o.metrics, s.operator, false); err != nil {
			return fmt.Errorf("-metrics %s: %w", s.o.metrics, err)
		}
	}
	if s.tls != nil {
		return s.tls.obtain(context.Background())
	}
	return nil
}
