package tcp_test

import (
	"context"
	"fmt"
	"io"
	"net"

	"github.com/calandria-go/calandria/reactor"
	"github.com/calandria-go/calandria/transports/tcp"
)

func Example() {
	r := reactor.New(reactor.Config{})
	ln, err := tcp.Listen("127.0.0.1:0")
	if err != nil {
		fmt.Println(err)
		return
	}
	served := make(chan error)
	go func() { served <- r.Serve(ln, echoes) }()

	var d tcp.Dialer
	s, err := d.DialContext(context.Background(), r, ln.Addr().String())
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Fprint(s, "over and back")
	s.CloseWrite()
	got, err := io.ReadAll(s)
	fmt.Printf("%s, %v\n", got, err)
	s.Close()

	fmt.Println(r.Shutdown(context.Background()), <-served)
	// Output:
	// over and back, <nil>
	// <nil> <nil>
}

// A server with limits; at MaxConns connections wait in the backlog.
func ExampleConfig() {
	ln, err := tcp.Config{
		KeepAlive: tcp.KeepAlive{Idle: -1},
		Limits:    reactor.ListenLimits{MaxConns: 5000, MaxConnsPerIP: 100},
	}.Listen(context.Background(), "127.0.0.1:0")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer ln.Close()
	fmt.Println(ln.Addr().Network(), ln.ListenLimits().MaxConns)
	// Output: tcp 5000
}

// The Stream is a net.Conn, so a Dialer serves whoever asks for a function that dials.
func ExampleDialer() {
	r := reactor.New(reactor.Config{})
	defer r.Shutdown(context.Background())
	d := tcp.Dialer{KeepAlive: tcp.KeepAlive{Idle: -1}}
	dial := func(ctx context.Context, network, addr string) (net.Conn, error) {
		s, err := d.DialContext(ctx, r, addr)
		if err != nil {
			return nil, err // not s: a nil *Stream in an interface is not nil
		}
		return s, nil
	}
	_, err := dial(context.Background(), "tcp", "127.0.0.1")
	fmt.Println(err)
	// Output: dial tcp: address 127.0.0.1: missing port in address
}
