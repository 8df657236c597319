// Command hertz serves /plaintext with hertz on its netpoll transport, one poller per core (the
// default is one poller up to 20 cores, which costs more CPU per request on two).
package main

import (
	"context"
	"io"
	"runtime"
	"time"

	"github.com/calandria-go/calandria/bench/peers/control"
	"github.com/cloudwego/hertz/pkg/app"
	"github.com/cloudwego/hertz/pkg/app/server"
	"github.com/cloudwego/hertz/pkg/common/config"
	"github.com/cloudwego/hertz/pkg/common/hlog"
	hertznetpoll "github.com/cloudwego/hertz/pkg/network/netpoll"
	"github.com/cloudwego/netpoll"
)

var hello = []byte("Hello, World!")

func plaintext(_ context.Context, c *app.RequestContext) {
	c.Data(200, "text/plain", hello)
}

func main() {
	addr := control.Start()
	hlog.SetOutput(io.Discard)
	control.Must(netpoll.Configure(netpoll.Config{PollerNum: runtime.GOMAXPROCS(0)}))
	h := server.New(
		server.WithHostPorts(addr),
		server.WithTransport(hertznetpoll.NewTransporter),
		server.WithDisablePrintRoute(true),
		server.WithDisableHeaderNamesNormalizing(true),
		server.WithIdleTimeout(time.Hour),
		config.Option{F: func(o *config.Options) { o.NoDefaultServerHeader = true }},
	)
	h.GET("/plaintext", plaintext)
	control.Must(h.Run())
}
