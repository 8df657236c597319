package http1_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"

	"github.com/calandria-go/calandria/protocols/http1"
)

// A native handler in a net/http server, beside handlers of net/http.
func ExampleAsStd() {
	native := http1.AsStd(http1.HandlerFunc(func(x *http1.Exchange) {
		x.Respond(http.StatusOK, "text/plain", fmt.Appendf(nil, "%s by %s", x.Path(), http1.HostRequest(x).Pattern))
	}))
	mux := http.NewServeMux()
	mux.Handle("/native/", http.StripPrefix("/native", native))
	host := httptest.NewServer(mux)

	res, err := http.Get(host.URL + "/native/path")
	if err != nil {
		panic(err)
	}
	body, _ := io.ReadAll(res.Body)
	res.Body.Close()
	fmt.Printf("%d %s\n", res.StatusCode, body)
	http.DefaultClient.CloseIdleConnections()
	host.Close()
	fmt.Println(native.Shutdown(context.Background()))
	// Output:
	// 200 /path by /native/
	// <nil>
}
