// Command nethttp serves what the harness measures with the standard library's server at its defaults: /plaintext, and on
// demand files below /static/ by http.FileServer, and a document that klauspost's gzhttp compresses for each request, with or
// without TLS.
package main

import (
	"crypto/tls"
	"flag"
	"log"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"strconv"

	"github.com/calandria-go/calandria/bench/peers/control"
	"github.com/klauspost/compress/gzhttp"
)

var hello = []byte("Hello, World!")

// answer is a handler with a body that is always the same.
func answer(contentType string, body []byte) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", contentType)
		w.Header().Set("Content-Length", strconv.Itoa(len(body)))
		_, _ = w.Write(body)
	}
}

// proxyTo is a reverse proxy with as many idle connections as it needs.
func proxyTo(upstream string) http.Handler {
	to, err := url.Parse(upstream)
	control.Must(err)
	return &httputil.ReverseProxy{
		Rewrite:   func(r *httputil.ProxyRequest) { r.SetURL(to); r.SetXForwarded() },
		Transport: &http.Transport{MaxIdleConnsPerHost: 1024},
	}
}

func main() {
	cert := flag.String("tls-cert", "", "serve HTTPS with the certificate in this PEM `file`")
	key := flag.String("tls-key", "", "PEM `file` with its key")
	version := flag.String("tls-version", "", "the only TLS version: 1.2 or 1.3; both if empty")
	static := flag.String("static", "", "serve the files of this `directory` at /static/")
	document := flag.String("gzip", "", "serve this JSON `file` at /document.json, compressed for each request")
	upstream := flag.String("upstream", "", "pass everything on to the server at this `URL`")
	addr := control.Start()
	mux := http.NewServeMux()
	if *upstream != "" {
		mux.Handle("/", proxyTo(*upstream))
	} else {
		mux.HandleFunc("GET /plaintext", answer("text/plain", hello))
	}
	if *static != "" {
		mux.Handle("GET /static/", http.StripPrefix("/static/", http.FileServer(http.Dir(*static))))
	}
	if *document != "" {
		body, err := os.ReadFile(*document)
		control.Must(err)
		mux.HandleFunc("GET /document.json", gzhttp.GzipHandler(answer("application/json", body)))
	}
	srv := &http.Server{Addr: addr, Handler: mux}
	if *cert == "" {
		control.Must(srv.ListenAndServe())
		return
	}
	srv.TLSConfig = &tls.Config{}
	switch *version {
	case "":
	case "1.2":
		srv.TLSConfig.MinVersion, srv.TLSConfig.MaxVersion = tls.VersionTLS12, tls.VersionTLS12
	case "1.3":
		srv.TLSConfig.MinVersion = tls.VersionTLS13
	default:
		log.Fatalf("-tls-version %q: 1.2 or 1.3", *version)
	}
	control.Must(srv.ListenAndServeTLS(*cert, *key))
}
