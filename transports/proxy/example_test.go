package proxy_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/netip"

	"github.com/calandria-go/calandria/reactor"
	"github.com/calandria-go/calandria/transports/netaddr"
	"github.com/calandria-go/calandria/transports/proxy"
	"github.com/calandria-go/calandria/transports/tcp"
)

// A server behind a load balancer that sends PROXY headers: the next handler sees the client's address.
func ExampleProtocol() {
	ln, err := tcp.Listen("127.0.0.1:0")
	if err != nil {
		fmt.Println(err)
		return
	}
	r := reactor.New(reactor.Config{})
	p := &proxy.Protocol{Next: tellers, Trusted: netaddr.MustSet("127.0.0.0/8")}
	if _, err := r.Listen(ln, p); err != nil {
		fmt.Println(err)
		return
	}
	defer r.Shutdown(context.Background())

	c, err := net.Dial("tcp", ln.Addr().String()) // the load balancer
	if err != nil {
		fmt.Println(err)
		return
	}
	defer c.Close()
	header, err := proxy.AppendV2(nil, &proxy.Header{
		Source: netip.MustParseAddrPort("203.0.113.7:40000"), Destination: netip.MustParseAddrPort("198.51.100.1:443"),
		Checksum: true,
	})
	c.Write(append(header, "hello"...))
	c.(*net.TCPConn).CloseWrite()
	got, _ := io.ReadAll(c)
	fmt.Printf("%s, %v\n", got, err)
	// Output: 203.0.113.7:40000|hello|EOF, <nil>
}

func ExampleAppendV1() {
	b, err := proxy.AppendV1(nil, netip.MustParseAddrPort("203.0.113.7:40000"), netip.MustParseAddrPort("198.51.100.1:443"))
	fmt.Printf("%q %v\n", b, err)
	// Output: "PROXY TCP4 203.0.113.7 198.51.100.1 40000 443\r\n" <nil>
}

func ExampleParse() {
	in := []byte("PROXY TCP6 2001:db8::1 2001:db8::2 40000 443\r\nGET / HTTP/1.1\r\n")
	h, n, err := proxy.Parse(in, 0)
	fmt.Println(h.Family, h.Source, n, err)
	fmt.Printf("%q\n", in[n:n+5])
	_, n, err = proxy.Parse(in[:20], 0)
	fmt.Println(n, err) // more is needed
	// Output:
	// TCP6 [2001:db8::1]:40000 46 <nil>
	// "GET /"
	// 0 <nil>
}
