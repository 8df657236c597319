package compress_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"

	"github.com/calandria-go/calandria/protocols/http1"
	"github.com/calandria-go/calandria/protocols/http1/middleware/compress"
	"github.com/calandria-go/calandria/reactor"
)

// An echo that takes and gives compressed bodies, and knows nothing of it.
func Example() {
	echo := http1.Std(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/plain")
		io.Copy(w, r.Body)
	}))
	out, in := &compress.Responses{}, &compress.Requests{}
	srv := &http1.Server{Handler: http1.Chain(echo, out.Middleware(), in.Middleware())}

	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	r := reactor.New(reactor.Config{})
	defer r.Shutdown(context.Background())
	if _, err := r.Listen(ln, srv); err != nil {
		panic(err)
	}
	var body bytes.Buffer
	w := gzip.NewWriter(&body)
	io.WriteString(w, strings.Repeat("again and ", 1000))
	w.Close()
	sent := body.Len()
	req, _ := http.NewRequest("POST", "http://"+ln.Addr().String(), &body)
	req.Header.Set("Content-Encoding", "gzip")
	res, err := http.DefaultClient.Do(req) // asks for gzip, and decodes it
	if err != nil {
		panic(err)
	}
	defer http.DefaultClient.CloseIdleConnections()
	defer res.Body.Close()
	got, _ := io.ReadAll(res.Body)
	fmt.Println(sent < 100, len(got), res.Uncompressed, res.Header.Get("Vary"))
	// Output:
	// true 10000 true Accept-Encoding
}
