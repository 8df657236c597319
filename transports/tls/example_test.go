package tls_test

import (
	"context"
	ctls "crypto/tls"
	"fmt"
	"io"
	"time"

	"github.com/calandria-go/calandria/reactor"
	"github.com/calandria-go/calandria/transports/tcp"
	"github.com/calandria-go/calandria/transports/tls"
)

// echo sends everything back.
type echo struct{}

func (echo) OnOpen(*reactor.Conn) {}

func (echo) OnData(c *reactor.Conn, in []byte) int {
	n, _ := c.Write(in)
	return n
}

func (echo) OnClose(*reactor.Conn, error) {}

var echoes = reactor.ProtocolFunc(func(*reactor.Conn) reactor.Handler { return echo{} })

// Any protocol, with TLS below it; and a client that waits.
func Example() {
	cert, err := tls.SelfSigned("localhost", "127.0.0.1")
	if err != nil {
		fmt.Println(err)
		return
	}
	r := reactor.New(reactor.Config{})
	ln, err := tcp.Listen("127.0.0.1:0")
	if err != nil {
		fmt.Println(err)
		return
	}
	srv := &tls.Server{Config: &ctls.Config{Certificates: []ctls.Certificate{cert}}, Next: echoes}
	served := make(chan error)
	go func() { served <- r.Serve(ln, srv) }()

	d := tls.Dialer{Config: &ctls.Config{RootCAs: trusting(cert)}}
	c, err := d.DialContext(context.Background(), r, ln.Addr().String())
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Fprint(c, "over and back")
	c.CloseWrite() // close_notify, and the end of what we send
	got, err := io.ReadAll(c)
	fmt.Printf("%s, %v, %s\n", got, err, ctls.VersionName(c.ConnectionState().Version))
	c.Close()
	fmt.Println(r.Shutdown(context.Background()), <-served)
	// Output:
	// over and back, <nil>, TLS 1.3
	// <nil> <nil>
}

// Protocols chosen by ALPN, and what a server bounds.
func ExampleServer() {
	cert, err := tls.SelfSigned("localhost")
	if err != nil {
		fmt.Println(err)
		return
	}
	srv := &tls.Server{
		Config:             &ctls.Config{Certificates: []ctls.Certificate{cert}},
		Next:               echoes,
		NextProtos:         map[string]reactor.Protocol{"echo/1": echoes},
		HandshakeTimeout:   5 * time.Second,
		MaxHandshakes:      500,
		MaxHandshakesPerIP: 20,
	}
	fmt.Printf("%+v\n", srv.Stats())
	// Output: {Pending:0 Completed:0 Resumed:0 Failed:0 Refused:0}
}

// A client on the loop, which is told how the handshake went.
func ExampleClient() {
	r := reactor.New(reactor.Config{})
	defer r.Shutdown(context.Background())
	ln, err := tcp.Listen("127.0.0.1:0")
	if err != nil {
		fmt.Println(err)
		return
	}
	cert, err := tls.SelfSigned("localhost")
	if err != nil {
		fmt.Println(err)
		return
	}
	if _, err := r.Listen(ln, &tls.Server{Config: &ctls.Config{Certificates: []ctls.Certificate{cert}}, Next: echoes}); err != nil {
		fmt.Println(err)
		return
	}
	told := make(chan error)
	cl := &tls.Client{Config: &ctls.Config{ServerName: "elsewhere", RootCAs: trusting(cert)}}
	h := cl.Handler(echo{}, func(_ *reactor.Conn, err error) { told <- err })
	r.DialFunc(ln.Addr(), new(tcp.Dialer).Options(), h, func(*reactor.Conn, error) {})
	fmt.Println(reactor.ReasonOf(<-told))
	// Output: bad_certificate
}
