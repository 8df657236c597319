// Command httpd serves with http1 what the harness measures: /plaintext, by a native handler or a net/http one, and on demand
// files below /static/ and a document that is compressed for each request, with or without TLS. It takes commands on standard
// input like the peers. Defaults throughout, but for the idle time, which must outlast a measurement.
package main

import (
	"flag"
	"time"

	"github.com/calandria-go/calandria/bench/control"
	"github.com/calandria-go/calandria/protocols/http1"
	"github.com/calandria-go/calandria/reactor"
	"github.com/calandria-go/calandria/transports/tcp"
)

// settings are the flags.
type settings struct {
	handler            string
	cert, key, version string
	static             string
	document           string
}

func main() {
	var s settings
	flag.StringVar(&s.handler, "handler", "native", "native (on the loop) or std (a net/http handler)")
	flag.StringVar(&s.cert, "tls-cert", "", "serve HTTPS with the certificate in this PEM `file`")
	flag.StringVar(&s.key, "tls-key", "", "PEM `file` with its key")
	flag.StringVar(&s.version, "tls-version", "", "the only TLS version: 1.2 or 1.3; both if empty")
	flag.StringVar(&s.static, "static", "", "serve the files of this `directory` at "+staticPrefix)
	flag.StringVar(&s.document, "gzip", "", "serve this JSON `file` at "+documentPath+", compressed for each request")
	addr := control.Start()
	control.Must(s.serve(addr))
}

// serve answers on addr until it fails.
func (s *settings) serve(addr string) error {
	h, err := s.routes()
	if err != nil {
		return err
	}
	var protocol reactor.Protocol = &http1.Server{IdleTimeout: time.Hour, Handler: h}
	if s.cert != "" {
		if protocol, err = s.secure(protocol); err != nil {
			return err
		}
	}
	ln, err := tcp.Listen(addr)
	if err != nil {
		return err
	}
	return reactor.New(reactor.Config{}).Serve(ln, protocol)
}
