// Command nbio serves /plaintext with nbio's nbhttp, non-blocking mode, one poller per core. By default
// handlers run on its own pool of workers, which any net/http handler needs, since those may block; with
// -inline they run on the poller, which costs less, suits only handlers that never block, and with 1.5.9 can
// lock up: a connection closed while its batch is parsed is cleaned up under the parser's own lock.
package main

import (
	"flag"
	"net/http"
	"runtime"
	"time"

	"github.com/calandria-go/calandria/bench/peers/control"
	"github.com/lesismal/llib/std/crypto/tls"
	"github.com/lesismal/nbio/logging"
	"github.com/lesismal/nbio/nbhttp"
)

var hello = []byte("Hello, World!")

func plaintext(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/plain")
	w.Header().Set("Content-Length", "13")
	_, _ = w.Write(hello)
}

func main() {
	inline := flag.Bool("inline", false, "run handlers on the poller")
	cert := flag.String("tls-cert", "", "serve HTTPS with the certificate in this PEM `file`")
	key := flag.String("tls-key", "", "PEM `file` with its key")
	version := flag.String("tls-version", "", "the only TLS version: 1.2 or 1.3; both if empty")
	addr := control.Start()
	logging.SetLevel(logging.LevelNone)
	mux := http.NewServeMux()
	mux.HandleFunc("GET /plaintext", plaintext)
	config := nbhttp.Config{
		Network:       "tcp",
		Addrs:         []string{addr},
		NPoller:       runtime.GOMAXPROCS(0),
		KeepaliveTime: time.Hour,
		Handler:       mux,
	}
	if *inline {
		config.ServerExecutor = func(f func()) { f() }
	}
	if *cert != "" {
		config.Addrs, config.AddrsTLS = nil, config.Addrs
		config.TLSConfig = tlsConfig(*cert, *key, *version)
	}
	engine := nbhttp.NewEngine(config)
	control.Must(engine.Start())
	select {}
}

// tlsConfig is for nbio's own copy of crypto/tls.
func tlsConfig(cert, key, version string) *tls.Config {
	pair, err := tls.LoadX509KeyPair(cert, key)
	control.Must(err)
	config := &tls.Config{Certificates: []tls.Certificate{pair}}
	switch version {
	case "1.2":
		config.MinVersion, config.MaxVersion = tls.VersionTLS12, tls.VersionTLS12
	case "1.3":
		config.MinVersion, config.MaxVersion = tls.VersionTLS13, tls.VersionTLS13
	}
	return config
}
