// The ports of docs/migration.md, as programs that run.
package migration_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net/http"
	"strings"
	"time"

	"github.com/calandria-go/calandria/protocols/http1"
	"github.com/calandria-go/calandria/reactor"
	"github.com/calandria-go/calandria/transports/tcp"
)

// routes is the handler of the net/http program, as it was.
func routes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /hello/{name}", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		json.NewEncoder(w).Encode(map[string]string{"hello": r.PathValue("name")})
	})
	mux.HandleFunc("POST /count", func(w http.ResponseWriter, r *http.Request) {
		n, err := io.Copy(io.Discard, http.MaxBytesReader(w, r.Body, 1<<20))
		if err != nil {
			http.Error(w, "too large", http.StatusRequestEntityTooLarge)
			return
		}
		fmt.Fprintln(w, n)
	})
	return mux
}

// Example_nethttp is the program under http1.Std.
func Example_nethttp() {
	ln, err := tcp.Listen("127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	r := reactor.New(reactor.Config{})
	srv := &http1.Server{
		Handler:     http1.Std(routes()),
		HeadTimeout: 5 * time.Second,
		IdleTimeout: time.Minute,
	}
	go r.Serve(ln, srv)

	base := "http://" + ln.Addr().String()
	show(http.Get(base + "/hello/gopher"))
	show(http.Post(base+"/count", "text/plain", strings.NewReader("twelve bytes")))
	show(http.Post(base+"/hello/gopher", "text/plain", nil))

	http.DefaultClient.CloseIdleConnections()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	fmt.Println(r.Shutdown(ctx))
	// Output:
	// 200 {"hello":"gopher"}
	// 200 12
	// 405 Method Not Allowed
	// <nil>
}

// native has the same routes on the loop.
func native(x *http1.Exchange) {
	path := string(x.Path())
	name, hello := strings.CutPrefix(path, "/hello/")
	switch method := string(x.Method()); {
	case hello && name != "" && (method == http.MethodGet || method == http.MethodHead):
		b, _ := json.Marshal(map[string]string{"hello": name})
		x.Respond(http.StatusOK, "application/json", append(b, '\n'))
	case path == "/count" && method == http.MethodPost:
		n := 0
		x.StreamBody(func(x *http1.Exchange, piece []byte, last bool) {
			if n += len(piece); last {
				x.Respond(http.StatusOK, "text/plain; charset=utf-8", fmt.Appendln(nil, n))
			}
		})
	case hello || path == "/count":
		x.SetHeader("Allow", map[bool]string{true: "GET, HEAD", false: "POST"}[hello])
		x.Respond(http.StatusMethodNotAllowed, "text/plain; charset=utf-8", []byte("Method Not Allowed\n"))
	default:
		x.Respond(http.StatusNotFound, "text/plain; charset=utf-8", []byte("404 page not found\n"))
	}
}

// Example_nethttpNative is the program with native handlers.
func Example_nethttpNative() {
	ln, err := tcp.Listen("127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	r := reactor.New(reactor.Config{})
	go r.Serve(ln, &http1.Server{Handler: http1.HandlerFunc(native), MaxBodyBytes: 1 << 20})

	base := "http://" + ln.Addr().String()
	show(http.Get(base + "/hello/gopher"))
	show(http.Post(base+"/count", "text/plain", strings.NewReader("twelve bytes")))
	show(http.Post(base+"/hello/gopher", "text/plain", nil))
	show(http.Get(base + "/nowhere"))

	http.DefaultClient.CloseIdleConnections()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	fmt.Println(r.Shutdown(ctx))
	// Output:
	// 200 {"hello":"gopher"}
	// 200 12
	// 405 Method Not Allowed
	// 404 404 page not found
	// <nil>
}

// show prints an answer.
func show(res *http.Response, err error) {
	if err != nil {
		fmt.Println(err)
		return
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		fmt.Println(err)
	}
	fmt.Println(res.StatusCode, strings.TrimSpace(string(body)))
}
