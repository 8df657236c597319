package http1_test

import (
	"io"
	"net/http"
	"testing"

	"github.com/calandria-go/calandria/protocols/http1"
	"github.com/calandria-go/calandria/reactor"
)

// BenchmarkClient is one caller, the server included.
func BenchmarkClient(b *testing.B) {
	h := serve(b, "tcp", &http1.Server{Handler: http1.HandlerFunc(func(x *http1.Exchange) {
		x.Respond(200, "text/plain", []byte("Hello, World!"))
	})}, reactor.Config{Loops: 1})
	for name, rt := range map[string]http.RoundTripper{
		"ours": newClient(b, &http1.Client{}), "nethttp": &http.Transport{MaxIdleConnsPerHost: 10},
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				req, _ := http.NewRequest("GET", "http://"+h.addr.String(), nil)
				res, err := rt.RoundTrip(req)
				if err != nil {
					b.Fatal(err)
				}
				io.Copy(io.Discard, res.Body)
				res.Body.Close()
			}
		})
		if t, ok := rt.(*http.Transport); ok {
			t.CloseIdleConnections()
		}
	}
}
