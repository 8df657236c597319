package main

import (
	"context"
	ctls "crypto/tls"
	"crypto/x509"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"
	"time"

	"github.com/calandria-go/calandria/protocols/http1"
	"github.com/calandria-go/calandria/protocols/relay"
	"github.com/calandria-go/calandria/protocols/relay/access"
	"github.com/calandria-go/calandria/protocols/relay/wire"
	"github.com/calandria-go/calandria/reactor"
	"github.com/calandria-go/calandria/transports"
	"github.com/calandria-go/calandria/transports/tls"
)

// public is "relay public".
type public struct {
	listen, agents, config, token string
	expose                        list
	cert, key, clientCA           string
	metrics, auth                 string
	resume                        time.Duration
	trust                         bool
}

func (p *public) flags(f *flag.FlagSet) {
	f.StringVar(&p.listen, "listen", "", "`address` of the public HTTP, for services that are exposed as http")
	f.StringVar(&p.agents, "agents", "", "`address` that agents and clients dial")
	f.StringVar(&p.config, "config", "", "JSON `file` with rules and services: docs/relay.md says what is in it")
	f.StringVar(&p.token, "token", "", "`secret` with which agents and clients may offer and use all services; @FILE reads it from a file")
	f.Var(&p.expose, "expose", "`NAME=ADDRESS`: serve that service at tcp://HOST:PORT, unix:/PATH or udp://HOST:PORT; NAME=http: at -listen, by host NAME.* and path /NAME/; repeatable")
	f.StringVar(&p.cert, "tls-cert", "", "PEM `file` with the certificate chain for -listen and -agents; read again when it changes")
	f.StringVar(&p.key, "tls-key", "", "PEM `file` with its key")
	f.StringVar(&p.clientCA, "tls-client-ca", "", "PEM `file` with the authorities of agents' and clients' certificates, which are then asked for")
	f.StringVar(&p.metrics, "metrics", "", "`address` for /metrics and the status page at /debug/calandria/ (default none)")
	f.StringVar(&p.auth, "auth", "", "`user:password` for -metrics, which must be set unless that address is a loopback one")
	f.DurationVar(&p.resume, "resume", 0, "how `long` streams wait for a link that broke; 0: they are reset at once")
	f.BoolVar(&p.trust, "trust-forwarded", false, "keep the X-Forwarded fields of requests: for a relay behind a proxy of one's own")
}

func (p *public) run(ctx context.Context, out io.Writer, log *slog.Logger) error {
	if p.agents == "" {
		return errors.New("-agents must be set")
	}
	r := reactor.New(reactor.Config{Logger: log})
	defer end(r)
	s := &relay.Server{Reactor: r, PathPrefix: true, TrustForwarded: p.trust, Logger: log}
	s.Link.Resume = p.resume
	addresses, err := p.services(s, log)
	if err == nil {
		err = s.Check()
	}
	if err != nil {
		return err
	}
	secure, store, err := p.tls()
	if err != nil {
		return err
	}
	if store != nil {
		defer store.Close()
	}
	say := func(name, scheme string, addr fmt.Stringer) {
		fmt.Fprintf(out, "listening on %s://%s (%s)\n", scheme, addr, name)
	}
	serve := func(name, scheme, addr string, srv *http1.Server) error {
		proto := reactor.Protocol(srv)
		if secure != nil {
			proto, scheme = &tls.Server{Config: secure, Next: srv}, scheme+"s"
		}
		ln, err := transports.Listen(addr)
		if err != nil {
			return err
		}
		at := ln.Addr()
		if _, err := r.Listen(ln, proto); err != nil {
			return err
		}
		say(name, scheme, at)
		return nil
	}
	if err := serve("links", "ws", p.agents, &http1.Server{Handler: s.Links(), Logger: log}); err != nil {
		return err
	}
	site := &http1.Server{Handler: s.HTTP(), Logger: log, Observe: true}
	if p.listen != "" {
		if err := serve("http services", "http", p.listen, site); err != nil {
			return err
		}
	}
	for _, a := range addresses {
		name, target, _ := strings.Cut(a, "=")
		at, err := s.Listen(name, target)
		if err != nil {
			return err
		}
		say("service "+name, at.Network(), at)
	}
	endPage := func() {}
	if p.metrics != "" {
		at, end, err := p.operate(r, s, site, log)
		if err != nil {
			return err
		}
		endPage = end
		say("metrics", "http", at)
	}
	<-ctx.Done()
	endPage()
	log.Info("draining", "for", drainTime)
	stop, done := context.WithTimeout(context.Background(), drainTime)
	defer done()
	return s.Shutdown(stop)
}

// shortToken is the length below which a token is warned of.
const shortToken = 16

// services reads -config, -token and -expose, and returns the addresses to serve as NAME=ADDRESS.
func (p *public) services(s *relay.Server, log *slog.Logger) (addresses []string, err error) {
	if p.config != "" {
		if addresses, err = readConfig(p.config, s); err != nil {
			return nil, err
		}
	}
	if p.token != "" {
		token, err := secret(p.token)
		if err != nil {
			return nil, fmt.Errorf("-token: %w", err)
		}
		if len(token) < shortToken {
			log.Warn("-token is short: it can be guessed", "bytes", len(token))
		}
		s.Rules.Tokens = append(s.Rules.Tokens, access.Token{
			Secret: token, Grant: access.Grant{Name: "default", Agent: true, Client: true, Services: []string{"*"}},
		})
	}
	kinds := map[string]wire.Kind{}
	for _, e := range p.expose {
		name, addr, err := pair("-expose", e)
		if err != nil {
			return nil, err
		}
		kind := wire.KindTCP
		switch {
		case addr == "http":
			kind = wire.KindHTTP
			if p.listen == "" {
				return nil, fmt.Errorf("-expose %s: -listen must be set", e)
			}
		case strings.HasPrefix(addr, "udp://"):
			kind = wire.KindUDP
		}
		if old, ok := kinds[name]; !ok {
			if err := s.AddService(relay.Service{Name: name, Kind: kind}); err != nil {
				return nil, err
			}
		} else if old != kind {
			return nil, fmt.Errorf("-expose: service %q as %v and as %v: use two names", name, old, kind)
		}
		kinds[name] = kind
		if addr != "http" {
			addresses = append(addresses, name+"="+addr)
		}
	}
	return addresses, nil
}

// tls makes the configuration of -tls-cert and the rest; nil without.
func (p *public) tls() (*ctls.Config, *tls.Store, error) {
	if p.cert == "" && p.key == "" && p.clientCA == "" {
		return nil, nil, nil
	}
	store, err := tls.NewStore(tls.StoreConfig{Pairs: []tls.Pair{{Cert: p.cert, Key: p.key}}})
	if err != nil {
		return nil, nil, err
	}
	cfg := &ctls.Config{GetCertificate: store.GetCertificate, NextProtos: []string{"http/1.1"}}
	if p.clientCA != "" {
		pem, err := os.ReadFile(p.clientCA)
		if err != nil {
			return nil, nil, err
		}
		cfg.ClientCAs = x509.NewCertPool()
		if !cfg.ClientCAs.AppendCertsFromPEM(pem) {
			return nil, nil, fmt.Errorf("-tls-client-ca: no certificate in %s", p.clientCA)
		}
		cfg.ClientAuth = ctls.VerifyClientCertIfGiven
	}
	return cfg, store, nil
}
