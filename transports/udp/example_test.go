package udp_test

import (
	"context"
	"fmt"
	"net"

	"github.com/calandria-go/calandria/reactor"
	"github.com/calandria-go/calandria/transports/udp"
)

// An echo server.
func Example() {
	r := reactor.New(reactor.Config{})
	defer r.Shutdown(context.Background())
	s, err := udp.Listen("127.0.0.1:0")
	if err != nil {
		fmt.Println(err)
		return
	}
	if _, err := r.OpenPacket(s, reactor.PacketOptions{}, echo{}); err != nil {
		fmt.Println(err)
		return
	}

	c, err := net.Dial("udp", s.LocalAddr().String())
	if err != nil {
		fmt.Println(err)
		return
	}
	defer c.Close()
	fmt.Fprint(c, "over and back")
	b := make([]byte, 100)
	n, err := c.Read(b)
	fmt.Printf("%s, %v\n", b[:n], err)
	// Output: over and back, <nil>
}
