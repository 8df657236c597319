// Command nethttp serves /plaintext with the standard library's server at its defaults.
package main

import (
	"net/http"

	"github.com/calandria-go/calandria/bench/peers/control"
)

var hello = []byte("Hello, World!")

func plaintext(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/plain")
	w.Header().Set("Content-Length", "13")
	_, _ = w.Write(hello)
}

func main() {
	addr := control.Start()
	mux := http.NewServeMux()
	mux.HandleFunc("GET /plaintext", plaintext)
	control.Must(http.ListenAndServe(addr, mux))
}
