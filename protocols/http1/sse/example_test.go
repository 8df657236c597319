package sse_test

import (
	"context"
	"fmt"
	"net/http"

	"github.com/calandria-go/calandria/protocols/http1"
	"github.com/calandria-go/calandria/protocols/http1/sse"
	"github.com/calandria-go/calandria/reactor"
	"github.com/calandria-go/calandria/transports/tcp"
)

// A hub, to which any goroutine publishes, and a client that comes back for what it missed.
func ExampleHub() {
	var hub sse.Hub
	r := reactor.New(reactor.Config{})
	ln, err := tcp.Listen("127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	srv := &http1.Server{DrainIdle: -1, Handler: http1.HandlerFunc(func(x *http1.Exchange) {
		if _, err := hub.Subscribe(x, sse.Config{}); err != nil {
			x.Respond(http.StatusServiceUnavailable, "", nil)
		}
	})}
	if _, err := r.Listen(ln, srv); err != nil {
		panic(err)
	}
	hub.Publish(sse.Event{ID: "1", Name: "price", Data: "42"})
	hub.Publish(sse.Event{ID: "2", Name: "price", Data: "43"})

	q, _ := http.NewRequest("GET", "http://"+ln.Addr().String(), nil)
	q.Header.Set("Last-Event-ID", "1")
	res, err := http.DefaultClient.Do(q)
	if err != nil {
		panic(err)
	}
	hub.Close() // before Shutdown, which waits for what is in progress
	var p sse.Parser
	buf := make([]byte, 1000)
	for {
		n, err := res.Body.Read(buf)
		p.Feed(buf[:n], func(e sse.Event) { fmt.Println(e.ID, e.Name, e.Data) })
		if err != nil {
			break
		}
	}
	http.DefaultClient.CloseIdleConnections()
	fmt.Println(r.Shutdown(context.Background()))
	// Output:
	// 2 price 43
	// <nil>
}
