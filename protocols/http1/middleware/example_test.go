package middleware_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"

	"github.com/calandria-go/calandria/protocols/http1"
	"github.com/calandria-go/calandria/protocols/http1/middleware"
	"github.com/calandria-go/calandria/reactor"
)

// Middleware goes around a handler, the first one outermost.
func Example() {
	rec := &middleware.Recover{}
	ids := &middleware.RequestID{}
	cors := &middleware.CORS{Origins: []string{"https://app.example"}, Credentials: true}
	timeout := &middleware.Timeout{After: 5 * time.Second}
	hello := http1.HandlerFunc(func(x *http1.Exchange) {
		if len(middleware.RequestIDOf(x)) != 32 {
			panic("no identifier")
		}
		x.Respond(http.StatusOK, "text/plain", []byte("hello"))
	})
	srv := &http1.Server{Handler: http1.Chain(hello, ids.Middleware(), rec.Middleware(), cors.Middleware(), timeout.Middleware())}

	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	r := reactor.New(reactor.Config{})
	defer r.Shutdown(context.Background())
	if _, err := r.Listen(ln, srv); err != nil {
		panic(err)
	}
	req, _ := http.NewRequest("GET", "http://"+ln.Addr().String(), nil)
	req.Header.Set("Origin", "https://app.example")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		panic(err)
	}
	defer http.DefaultClient.CloseIdleConnections()
	defer res.Body.Close()
	body, _ := io.ReadAll(res.Body)
	fmt.Printf("%s\n%s\n%s\n", body, res.Header.Get("Access-Control-Allow-Origin"), res.Header.Get("Vary"))
	// Output:
	// hello
	// https://app.example
	// Origin
}

func ExampleCORS_Check() {
	c := &middleware.CORS{Origins: []string{"*"}, Credentials: true}
	fmt.Println(c.Check())
	// Output:
	// middleware: CORS with Credentials for the origin "*"
}
