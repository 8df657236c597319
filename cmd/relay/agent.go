package main

import (
	"bufio"
	"context"
	"crypto/sha256"
	"crypto/subtle"
	ctls "crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net/netip"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/calandria-go/calandria/protocols/relay"
	"github.com/calandria-go/calandria/reactor"
)

// dialing are the flags that agents and clients share.
type dialing struct {
	connect, token, ca, cert, key string
	resume                        time.Duration
}

func (d *dialing) flags(f *flag.FlagSet) {
	f.StringVar(&d.connect, "connect", "", "`URL` of the relay's links: ws://HOST:PORT/ or wss://HOST:PORT/")
	f.StringVar(&d.token, "token", "", "`secret` or JWT; @FILE reads it from a file, anew for each link")
	f.StringVar(&d.ca, "tls-ca", "", "PEM `file` with the authorities of the relay's certificate (default the system's)")
	f.StringVar(&d.cert, "tls-cert", "", "PEM `file` with a certificate to show the relay")
	f.StringVar(&d.key, "tls-key", "", "PEM `file` with its key")
	f.DurationVar(&d.resume, "resume", 0, "how `long` streams wait for a link that broke; 0: they are reset at once")
}

func (d *dialing) dialing(r *reactor.Reactor, log *slog.Logger) (relay.Dialing, error) {
	o := relay.Dialing{Reactor: r, URL: d.connect, Logger: log}
	if d.connect == "" {
		return o, errors.New("-connect must be set")
	}
	if _, err := secret(d.token); err != nil {
		return o, fmt.Errorf("-token: %w", err)
	}
	o.TokenFunc = func(context.Context) (string, error) { return secret(d.token) }
	o.Link.Resume = d.resume
	cfg := &ctls.Config{}
	if d.ca != "" {
		pem, err := os.ReadFile(d.ca)
		if err != nil {
			return o, err
		}
		cfg.RootCAs = x509.NewCertPool()
		if !cfg.RootCAs.AppendCertsFromPEM(pem) {
			return o, fmt.Errorf("-tls-ca: no certificate in %s", d.ca)
		}
	}
	if d.cert != "" {
		c, err := ctls.LoadX509KeyPair(d.cert, d.key)
		if err != nil {
			return o, err
		}
		cfg.Certificates = []ctls.Certificate{c}
	}
	o.TLS = cfg
	return o, nil
}

// agent is "relay agent".
type agent struct {
	dialing
	id              string
	links           int
	services        list
	file            string
	keys, proxied   list
	addresses, plan list
}

func (a *agent) flags(f *flag.FlagSet) {
	a.dialing.flags(f)
	f.StringVar(&a.id, "id", "", "`name` of this agent; one of the same name is replaced (default that of the grant)")
	f.IntVar(&a.links, "links", 1, "`number` of links to keep")
	f.Var(&a.services, "service", "`NAME=TARGET`: tcp://HOST:PORT, http://HOST:PORT, unix:/PATH or udp://HOST:PORT; repeatable")
	f.StringVar(&a.file, "services", "", "`file` with further services, NAME=TARGET in each line; read again on SIGHUP")
	f.Var(&a.keys, "key", "`NAME=FILE`: the key of a service, for clients that encrypt end to end; others are then refused; repeatable")
	f.Var(&a.proxied, "proxy-protocol", "`NAME` of a service whose target gets a PROXY protocol v2 header; repeatable")
	f.Var(&a.addresses, "address", "`NAME=ADDRESS`: where the relay should serve it, if the rules allow that; repeatable")
	f.Var(&a.plan, "allow-target", "`network` of reserved addresses that targets' names may lead to, as 10.0.0.0/8; repeatable")
}

func (a *agent) run(ctx context.Context, out io.Writer, log *slog.Logger) error {
	r := reactor.New(reactor.Config{Logger: log})
	defer end(r)
	d, err := a.dialing.dialing(r, log)
	if err != nil {
		return err
	}
	services, err := a.list()
	if err != nil {
		return err
	}
	ag := &relay.Agent{Dialing: d, ID: a.id, Links: a.links, Services: services}
	for _, s := range a.plan {
		p, err := netip.ParsePrefix(s)
		if err != nil {
			return fmt.Errorf("-allow-target: %w", err)
		}
		ag.Targets.Allow = append(ag.Targets.Allow, p)
	}
	if err := ag.SetServices(services); err != nil {
		return err
	}
	hup := make(chan os.Signal, 1)
	signal.Notify(hup, syscall.SIGHUP)
	defer signal.Stop(hup)
	go func() {
		for {
			select {
			case <-ctx.Done():
				return
			case <-hup:
			}
			services, err := a.list()
			if err == nil {
				err = ag.SetServices(services)
			}
			log.Info("services read again", "services", len(services), "err", err)
		}
	}()
	fmt.Fprintf(out, "agent of %s\n", a.connect)
	running, end := context.WithCancel(context.Background())
	defer end()
	stop, done := context.WithCancel(context.Background())
	defer done()
	go func() {
		defer end()
		select {
		case <-ctx.Done():
		case <-running.Done():
			return
		}
		limit, cancel := context.WithTimeout(stop, drainTime)
		defer cancel()
		if err := ag.Drain(limit); err != nil {
			log.Warn("drain", "err", err)
		}
	}()
	err = ag.Run(running)
	r.Shutdown(stop)
	if errors.Is(err, context.Canceled) {
		return nil
	}
	return err
}

// list reads the flags and the file.
func (a *agent) list() (out []relay.AgentService, err error) {
	all := append(list(nil), a.services...)
	if a.file != "" {
		f, err := os.Open(a.file)
		if err != nil {
			return nil, err
		}
		defer f.Close()
		for sc := bufio.NewScanner(f); sc.Scan(); {
			if line := strings.TrimSpace(sc.Text()); line != "" && line[0] != '#' {
				all = append(all, line)
			}
		}
	}
	at := map[string]int{}
	for _, s := range all {
		name, target, err := pair("-service", s)
		if err != nil {
			return nil, err
		}
		at[name] = len(out)
		out = append(out, relay.AgentService{Name: name, Target: target})
	}
	find := func(flagName, name string) (*relay.AgentService, error) {
		if i, ok := at[name]; ok {
			return &out[i], nil
		}
		return nil, fmt.Errorf("%s: no service %q", flagName, name)
	}
	for _, k := range a.keys {
		name, file, err := pair("-key", k)
		if err != nil {
			return nil, err
		}
		s, err := find("-key", name)
		if err != nil {
			return nil, err
		}
		if s.Key, err = relay.ReadKeyFile(file); err != nil {
			return nil, err
		}
		s.RequireKey = true
	}
	for _, name := range a.proxied {
		s, err := find("-proxy-protocol", name)
		if err != nil {
			return nil, err
		}
		s.ProxyProtocol = true
	}
	for _, v := range a.addresses {
		name, addr, err := pair("-address", v)
		if err != nil {
			return nil, err
		}
		s, err := find("-address", name)
		if err != nil {
			return nil, err
		}
		s.Address = addr
	}
	return out, nil
}

// basic compares an Authorization field with one user's, in a time that does not depend on it.
func basic(userPassword string) (func(string) bool, error) {
	if !strings.Contains(userPassword, ":") {
		return nil, errors.New("basic is not user:password")
	}
	want := sha256.Sum256([]byte(base64.StdEncoding.EncodeToString([]byte(userPassword))))
	return func(authorization string) bool {
		scheme, value, _ := strings.Cut(authorization, " ")
		got := sha256.Sum256([]byte(strings.TrimSpace(value)))
		return strings.EqualFold(scheme, "Basic") && subtle.ConstantTimeCompare(got[:], want[:]) == 1
	}, nil
}
