// Command httpd serves /plaintext with http1, for the scenario of idle connections: it takes commands on
// standard input like the peers. Defaults throughout, but for the idle time, which must outlast a measurement.
package main

import (
	"flag"
	"log"
	"net/http"
	"time"

	"github.com/calandria-go/calandria/bench/control"
	"github.com/calandria-go/calandria/protocols/http1"
	"github.com/calandria-go/calandria/reactor"
	"github.com/calandria-go/calandria/transports/tcp"
)

var hello = []byte("Hello, World!")

func plaintext(x *http1.Exchange) {
	if string(x.Path()) != "/plaintext" {
		x.Respond(404, "", nil)
		return
	}
	x.Respond(200, "text/plain", hello)
}

func stdPlaintext(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/plain")
	w.Header().Set("Content-Length", "13")
	_, _ = w.Write(hello)
}

func main() {
	kind := flag.String("handler", "native", "native (on the loop) or std (a net/http handler)")
	addr := control.Start()
	srv := &http1.Server{IdleTimeout: time.Hour}
	switch *kind {
	case "native":
		srv.Handler = http1.HandlerFunc(plaintext)
	case "std":
		mux := http.NewServeMux()
		mux.HandleFunc("GET /plaintext", stdPlaintext)
		srv.Handler = http1.Std(mux)
	default:
		log.Fatalf("-handler %q: native or std", *kind)
	}
	ln, err := tcp.Listen(addr)
	control.Must(err)
	control.Must(reactor.New(reactor.Config{}).Serve(ln, srv))
}
