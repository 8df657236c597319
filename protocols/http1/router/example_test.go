package router_test

import (
	"context"
	"fmt"
	"io"
	"net/http"

	"github.com/calandria-go/calandria/protocols/http1"
	"github.com/calandria-go/calandria/protocols/http1/router"
	"github.com/calandria-go/calandria/reactor"
	"github.com/calandria-go/calandria/transports/tcp"
)

// A server with routes, and a group of them behind middleware.
func ExampleRouter() {
	r := router.New()
	r.HandleFunc("GET /users/{id}", func(x *http1.Exchange) {
		x.Respond(http.StatusOK, "text/plain", fmt.Appendf(nil, "user %s by %s", x.PathValue("id"), x.Pattern()))
	})
	r.HandleFunc("GET /users/me", func(x *http1.Exchange) { // more specific, so it wins
		x.Respond(http.StatusOK, "text/plain", []byte("you"))
	})
	admin := r.Group("/admin", func(next http1.Handler) http1.Handler {
		return http1.HandlerFunc(func(x *http1.Exchange) {
			if _, ok := x.Request().Get("Authorization"); !ok {
				x.Respond(http.StatusUnauthorized, "text/plain", []byte("who are you?"))
				return
			}
			next.Handle(x)
		})
	})
	admin.HandleFunc("DELETE /cache/{$}", func(x *http1.Exchange) { x.Respond(http.StatusNoContent, "", nil) })

	ln, err := tcp.Listen("127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	rt := reactor.New(reactor.Config{})
	if _, err := rt.Listen(ln, &http1.Server{Handler: r, DrainIdle: -1}); err != nil {
		panic(err)
	}
	for _, q := range []string{"GET /users/7", "GET /users/me", "PUT /users/7", "DELETE /admin/cache/", "GET /nothing"} {
		var method, path string
		fmt.Sscan(q, &method, &path)
		req, err := http.NewRequest(method, "http://"+ln.Addr().String()+path, nil)
		if err != nil {
			panic(err)
		}
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			panic(err)
		}
		body, _ := io.ReadAll(res.Body)
		res.Body.Close()
		fmt.Printf("%d %s %.25q\n", res.StatusCode, res.Header.Values("Allow"), body)
	}
	http.DefaultClient.CloseIdleConnections()
	rt.Shutdown(context.Background())
	// Output:
	// 200 [] "user 7 by GET /users/{id}"
	// 200 [] "you"
	// 405 [GET, HEAD, OPTIONS] "Method Not Allowed\n"
	// 401 [] "who are you?"
	// 404 [] "404 page not found\n"
}
