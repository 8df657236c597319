// Command proxy is http1.Proxy as the harness measures it, at its defaults.
package main

import (
	"flag"
	"time"

	"github.com/calandria-go/calandria/bench/control"
	"github.com/calandria-go/calandria/protocols/http1"
	"github.com/calandria-go/calandria/reactor"
	"github.com/calandria-go/calandria/transports/tcp"
)

func main() {
	upstream := flag.String("upstream", "", "URL of the server behind it")
	addr := control.Start()
	p := &http1.Proxy{Upstreams: []string{*upstream}}
	control.Must(p.Check())
	ln, err := tcp.Listen(addr)
	control.Must(err)
	srv := &http1.Server{IdleTimeout: time.Hour, MaxBodyBytes: -1, Handler: p}
	control.Must(reactor.New(reactor.Config{}).Serve(ln, srv))
}
