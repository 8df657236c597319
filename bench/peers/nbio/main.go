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
	engine := nbhttp.NewEngine(config)
	control.Must(engine.Start())
	select {}
}
