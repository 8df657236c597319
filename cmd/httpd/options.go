package main

import (
	"errors"
	"flag"
	"fmt"
	"net/netip"
	"strings"
)

// list is a repeatable flag.
type list []string

func (l *list) String() string     { return strings.Join(*l, ",") }
func (l *list) Set(s string) error { *l = append(*l, s); return nil }

// options are the flags.
type options struct {
	listen  list
	handler string
	maxBody int64

	tlsCert, tlsKey, tlsClientCA string
	tlsSelfSigned                bool
	acme                         list
	acmeDir, acmeDirectory       string

	static       string
	upload       string
	accessLog    string
	accessFormat string
	banLists     list
	rate         float64
	proxies      list
	metrics      string
	auth         string
}

func parseFlags(args []string) (*options, error) {
	o := &options{}
	f := flag.NewFlagSet("httpd", flag.ContinueOnError)
	f.Var(&o.listen, "listen", "`address` to listen on: host:port or unix:/path, over TLS if that is configured; http:// before it: never; repeatable (default 127.0.0.1:8080)")
	f.StringVar(&o.handler, "handler", "native", "native (on the loop) or std (the same routes as a net/http handler)")
	f.Int64Var(&o.maxBody, "max-body", 8<<20, "largest request body in `bytes`; negative: unlimited")
	f.StringVar(&o.tlsCert, "tls-cert", "", "PEM `file` with the certificate chain; read again on SIGHUP and when it changes")
	f.StringVar(&o.tlsKey, "tls-key", "", "PEM `file` with its key")
	f.StringVar(&o.tlsClientCA, "tls-client-ca", "", "PEM `file` with the authorities of client certificates, which are then required")
	f.BoolVar(&o.tlsSelfSigned, "tls-self-signed", false, "TLS with a certificate made now, for development")
	f.Var(&o.acme, "acme", "`host` to get a certificate for by ACME, which accepts the authority's terms; repeatable")
	f.StringVar(&o.acmeDir, "acme-dir", "acme", "`folder` for keys and certificates of -acme")
	f.StringVar(&o.acmeDirectory, "acme-directory", "", "`URL` of the ACME authority (default Let's Encrypt)")
	f.StringVar(&o.static, "static", "", "`folder` to serve at /static/")
	f.StringVar(&o.upload, "upload", "", "`folder` for the files of POST /upload, which are deleted with its answer (default that for temporary files)")
	f.StringVar(&o.accessLog, "access-log", "", "`file` for the access log, rotated at 100 MiB and opened again on SIGHUP; - for standard error")
	f.StringVar(&o.accessFormat, "access-format", "combined", "combined, json, or variables as in nginx's log_format")
	f.Var(&o.banLists, "ban-list", "`file` of networks whose connections are refused; read again on SIGHUP and when it changes; repeatable. Clients that keep failing are banned too, for some minutes")
	f.Float64Var(&o.rate, "rate", 0, "requests a `second` that each client may make; 0: any")
	f.Var(&o.proxies, "proxy-protocol", "`network` of proxies, as 10.0.0.0/8, that send the PROXY protocol; all others are refused; repeatable")
	f.StringVar(&o.metrics, "metrics", "", "`address` for /metrics and /debug/calandria/; empty: those of -listen; off: nowhere, and nothing is counted")
	f.StringVar(&o.auth, "auth", "", "`user:password` for /metrics and /debug/calandria/ (default none)")
	if err := f.Parse(args); err != nil {
		return nil, err
	}
	if f.NArg() > 0 {
		return nil, fmt.Errorf("unexpected argument %q", f.Arg(0))
	}
	return o, o.check()
}

// check fills in defaults and refuses what does not go together.
func (o *options) check() error {
	if len(o.listen) == 0 {
		o.listen = list{"127.0.0.1:8080"}
	}
	if o.maxBody == 0 {
		o.maxBody = 1 // zero would mean the default
	}
	sources := 0
	for _, given := range []bool{o.tlsCert != "" || o.tlsKey != "", o.tlsSelfSigned, len(o.acme) > 0} {
		if given {
			sources++
		}
	}
	switch {
	case o.handler != "native" && o.handler != "std":
		return fmt.Errorf("-handler %q: native or std", o.handler)
	case sources > 1:
		return errors.New("-tls-cert, -tls-self-signed and -acme: one of them")
	case (o.tlsCert == "") != (o.tlsKey == ""):
		return errors.New("-tls-cert and -tls-key go together")
	case o.tlsClientCA != "" && o.tlsCert == "":
		return errors.New("-tls-client-ca needs -tls-cert")
	case o.rate < 0:
		return errors.New("-rate: not below 0")
	case o.auth != "" && !strings.Contains(o.auth, ":"):
		return errors.New("-auth: want user:password")
	}
	for _, p := range o.proxies {
		if _, err := netip.ParsePrefix(p); err != nil {
			return fmt.Errorf("-proxy-protocol: %w", err)
		}
	}
	return nil
}

func (o *options) secure() bool { return o.tlsCert != "" || o.tlsSelfSigned || len(o.acme) > 0 }
