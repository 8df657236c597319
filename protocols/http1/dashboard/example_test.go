package dashboard_test

import (
	"context"
	"fmt"

	"github.com/calandria-go/calandria/protocols/http1"
	"github.com/calandria-go/calandria/protocols/http1/dashboard"
	"github.com/calandria-go/calandria/reactor"
)

func Example() {
	r := reactor.New(reactor.Config{Loops: 1})
	defer r.Shutdown(context.Background())
	srv := &http1.Server{Observe: true}
	board, err := dashboard.New(dashboard.Config{Reactor: r, Server: srv})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer board.Close()
	srv.Handler = board // or a router that gives it all below dashboard.Prefix
	fmt.Println(dashboard.Prefix)
	// Output: /debug/calandria/
}
