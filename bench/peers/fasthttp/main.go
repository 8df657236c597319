// Command fasthttp serves /plaintext with fasthttp, header names left as they came and no Server
// header, as its own benchmark entries have it.
package main

import (
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

func main() {
	addr := control.Start()
	srv := &fasthttp.Server{
		Handler:                       handle,
		NoDefaultServerHeader:         true,
		DisableHeaderNamesNormalizing: true,
	}
	control.Must(srv.ListenAndServe(addr))
}
