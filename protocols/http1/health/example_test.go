package health_test

import (
	"context"
	"fmt"

	"github.com/calandria-go/calandria/protocols/http1"
	"github.com/calandria-go/calandria/protocols/http1/health"
)

func Example() {
	ready := &health.Handler{Checks: []health.Check{
		{Name: "cache", Func: func(ctx context.Context) error { return nil }},
	}}
	srv := &http1.Server{Handler: http1.HandlerFunc(func(x *http1.Exchange) {
		if string(x.Path()) == "/healthz" {
			ready.Handle(x)
			return
		}
		x.Respond(200, "text/plain", []byte("hello\n"))
	})}
	// On SIGTERM: ready.Drain(), some seconds for the load balancers, and Reactor.Shutdown.
	fmt.Println(srv.Handler != nil)
	// Output: true
}
