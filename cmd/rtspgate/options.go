package main

import (
	"errors"
	"flag"
	"fmt"
	"strings"
)

// list is a repeatable flag.
type list []string

func (l *list) String() string     { return strings.Join(*l, ",") }
func (l *list) Set(s string) error { *l = append(*l, s); return nil }

// options are the flags.
type options struct {
	listen     list
	backend    string
	routes     list
	routesFile string
	interleave bool
	allow      list
	deny       list
	users      string
	origins    list

	tlsCert, tlsKey string
	tlsSelfSigned   bool
	backendCA       string
	backendInsecure bool

	maxSessions int
	maxQueue    int
	pauseCamera bool

	metrics string
	auth    string
	verbose bool
}

func parseFlags(args []string) (*options, error) {
	o := &options{}
	f := flag.NewFlagSet("rtspgate", flag.ContinueOnError)
	f.Var(&o.listen, "listen", "`address` to listen on: host:port or unix:/path, over TLS if that is configured; http:// before it: never; repeatable (default 127.0.0.1:8554)")
	f.StringVar(&o.backend, "backend", "", "`camera` of all requests that no route is for: host:port, or rtsp[s]://[user:password@]host[:port][/path]")
	f.Var(&o.routes, "route", "`[HOST]/PREFIX=URL`: the camera of requests below a path, and for a host; repeatable")
	f.StringVar(&o.routesFile, "routes", "", "JSON `file` with more routes, read again on SIGHUP")
	f.BoolVar(&o.interleave, "interleave", false, "rewrite a SETUP over UDP to one inside the tunnel, in place of refusing it")
	f.Var(&o.allow, "allow", "`network`, or file of networks, whose viewers may use the gateway; repeatable (default all)")
	f.Var(&o.deny, "deny", "`network`, or file of networks, whose viewers may not; repeatable")
	f.StringVar(&o.users, "users", "", "`file` of viewers, read again on SIGHUP: htpasswd -B for Basic, htdigest (user:realm:hash) for Digest")
	f.Var(&o.origins, "origin", "`host` whose pages may open WebSockets beside the gateway's own; repeatable")
	f.StringVar(&o.tlsCert, "tls-cert", "", "PEM `file` with the certificate chain; read again on SIGHUP and when it changes")
	f.StringVar(&o.tlsKey, "tls-key", "", "PEM `file` with its key")
	f.BoolVar(&o.tlsSelfSigned, "tls-self-signed", false, "TLS with a certificate made now, for development")
	f.StringVar(&o.backendCA, "backend-ca", "", "PEM `file` with the authorities of rtsps cameras (default the system's)")
	f.BoolVar(&o.backendInsecure, "backend-insecure", false, "do not check the certificates of rtsps cameras")
	f.IntVar(&o.maxSessions, "max-sessions", 10_000, "tunnels at a `time`; negative: unlimited")
	f.IntVar(&o.maxQueue, "max-queue", 4<<20, "`bytes` that may wait for a viewer, who is dropped beyond them")
	f.BoolVar(&o.pauseCamera, "pause-camera", false, "slow a camera down to its viewer, in place of dropping the viewer: for recordings")
	f.StringVar(&o.metrics, "metrics", "", "`address` for /metrics, /sessions and /debug/calandria/ (default nowhere)")
	f.StringVar(&o.auth, "auth", "", "`user:password` for what -metrics serves (default none)")
	f.BoolVar(&o.verbose, "verbose", false, "log the beginning and the end of each tunnel")
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
		o.listen = list{"127.0.0.1:8554"}
	}
	switch {
	case o.backend == "" && len(o.routes) == 0 && o.routesFile == "":
		return errors.New("-backend, -route or -routes: where are the cameras?")
	case (o.tlsCert == "") != (o.tlsKey == ""):
		return errors.New("-tls-cert and -tls-key go together")
	case o.tlsCert != "" && o.tlsSelfSigned:
		return errors.New("-tls-cert and -tls-self-signed: one of them")
	case o.backendCA != "" && o.backendInsecure:
		return errors.New("-backend-ca and -backend-insecure: one of them")
	case o.maxSessions == 0 || o.maxQueue <= 0:
		return errors.New("-max-sessions and -max-queue: not 0")
	case o.auth != "" && !strings.Contains(o.auth, ":"):
		return errors.New("-auth: want user:password")
	}
	return nil
}
