package cache_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"

	"github.com/calandria-go/calandria/protocols/http1/cache"
)

// A client with a cache: the second answer does not come from the server.
func Example() {
	asked := 0
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked++
		w.Header().Set("Cache-Control", "max-age=60")
		io.WriteString(w, "hello")
	}))
	defer srv.Close()
	c := &cache.Transport{MaxBytes: 16 << 20}
	defer c.Close()
	client := &http.Client{Transport: c}
	defer client.CloseIdleConnections()
	for range 2 {
		res, err := client.Get(srv.URL)
		if err != nil {
			panic(err)
		}
		body, _ := io.ReadAll(res.Body)
		res.Body.Close()
		fmt.Printf("%s, hit: %v\n", body, strings.Contains(res.Header.Get("Cache-Status"), "; hit"))
	}
	fmt.Println("asked", asked)
	// Output:
	// hello, hit: false
	// hello, hit: true
	// asked 1
}
