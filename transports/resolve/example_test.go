package resolve_test

import (
	"context"
	"fmt"
	"net/netip"

	"github.com/calandria-go/calandria/reactor"
	"github.com/calandria-go/calandria/transports/resolve"
	"github.com/calandria-go/calandria/transports/tcp"
)

func ExampleResolver() {
	res := &resolve.Resolver{
		Static: map[string][]netip.Addr{"db.internal": {netip.MustParseAddr("192.0.2.7")}},
	}
	fmt.Println(res.LookupNetIP(context.Background(), "ip", "db.internal"))
	_, err := res.LookupNetIP(context.Background(), "ip", "nothing.invalid")
	fmt.Println(err)
	// Output:
	// [192.0.2.7] <nil>
	// lookup nothing.invalid: resolve: no such name
}

// A client's dialer with a resolver that remembers.
func ExampleDialer() {
	r := reactor.New(reactor.Config{})
	defer r.Shutdown(context.Background())
	ln, err := tcp.Listen("127.0.0.1:0")
	if err != nil {
		fmt.Println(err)
		return
	}
	r.Listen(ln, reactor.ProtocolFunc(func(c *reactor.Conn) reactor.Handler { return greeter{} }))
	port := netip.MustParseAddrPort(ln.Addr().String()).Port()

	d := &resolve.Dialer{Resolver: &resolve.Resolver{}}
	conn, err := d.DialContext(context.Background(), r, fmt.Sprintf("www.localhost:%d", port))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer conn.Close()
	buf := make([]byte, 5)
	conn.Read(buf)
	fmt.Printf("%s\n", buf)
	// Output: hello
}

type greeter struct{}

func (greeter) OnOpen(c *reactor.Conn)                { c.Write([]byte("hello")) }
func (greeter) OnData(_ *reactor.Conn, in []byte) int { return len(in) }
func (greeter) OnClose(*reactor.Conn, error)          {}
