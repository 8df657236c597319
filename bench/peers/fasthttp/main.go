// Command fasthttp serves /plaintext with fasthttp, header names left as they came and no Server
// header, as its own benchmark entries have it; and on demand files below /static/ with its FS at the defaults.
package main

import (
	"flag"
	"strings"

	"github.com/calandria-go/calandria/bench/peers/control"
	"github.com/valyala/fasthttp"
)

func handle(ctx *fasthttp.RequestCtx) {
	if string(ctx.Path()) != "/plaintext" {
		ctx.SetStatusCode(fasthttp.StatusNotFound)
		return
	}
	ctx.SetContentType("text/plain")
	ctx.SetBodyString("Hello, World!")
}

// withFiles serves /static/ from dir, by an FS at its defaults, and the rest with next.
func withFiles(dir string, next fasthttp.RequestHandler) fasthttp.RequestHandler {
	files := (&fasthttp.FS{Root: dir, PathRewrite: fasthttp.NewPathSlashesStripper(1)}).NewRequestHandler()
	return func(ctx *fasthttp.RequestCtx) {
		if strings.HasPrefix(string(ctx.Path()), "/static/") {
			files(ctx)
			return
		}
		next(ctx)
	}
}

func main() {
	static := flag.String("static", "", "serve the files of this `directory` at /static/")
	addr := control.Start()
	handler := handle
	if *static != "" {
		handler = withFiles(*static, handle)
	}
	srv := &fasthttp.Server{
		Handler:                       handler,
		NoDefaultServerHeader:         true,
		DisableHeaderNamesNormalizing: true,
	}
	control.Must(srv.ListenAndServe(addr))
}
