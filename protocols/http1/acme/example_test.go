package acme_test

import (
	"fmt"

	"github.com/calandria-go/calandria/protocols/http1"
	"github.com/calandria-go/calandria/protocols/http1/acme"
)

func ExampleNew() {
	m, err := acme.New(acme.Config{
		Hosts:       []string{"www.example.com"},
		AcceptTerms: true,
		Dir:         "/var/lib/site/certificates",
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	site := http1.HandlerFunc(func(x *http1.Exchange) { x.Respond(200, "text/plain", []byte("hello")) })
	port80 := &http1.Server{Handler: m.Handler(site)}
	port443 := m.TLSConfig() // for a TLS listener
	fmt.Println(port80.Handler != nil, port443.NextProtos)
	// Output: true [http/1.1 acme-tls/1]
}
