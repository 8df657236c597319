package migration_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log"
	"net"
	"sync/atomic"

	"github.com/calandria-go/calandria/reactor"
	"github.com/calandria-go/calandria/transports/tcp"
)

// upper answers each line in capitals. One value serves one connection.
type upper struct{ open *atomic.Int64 }

// OnOpen is gnet's OnOpen; what it returned is written.
func (u upper) OnOpen(c *reactor.Conn) {
	u.open.Add(1)
	c.Write([]byte("ready\n"))
}

// OnData is gnet's OnTraffic: in is what Peek(-1) gave, and the result is what Discard got.
func (u upper) OnData(c *reactor.Conn, in []byte) int {
	end := bytes.LastIndexByte(in, '\n') + 1
	if end > 0 {
		c.Write(bytes.ToUpper(in[:end]))
	}
	return end
}

// OnClose is gnet's OnClose.
func (u upper) OnClose(c *reactor.Conn, err error) { u.open.Add(-1) }

func Example_gnet() {
	ln, err := tcp.Listen("127.0.0.1:0") // "tcp://127.0.0.1:0"
	if err != nil {
		log.Fatal(err)
	}
	var open atomic.Int64
	r := reactor.New(reactor.Config{}) // WithMulticore(true) is the only way
	served := make(chan error)
	go func() {
		served <- r.Serve(ln, reactor.ProtocolFunc(func(*reactor.Conn) reactor.Handler { return upper{&open} }))
	}()

	c, err := net.Dial("tcp", ln.Addr().String())
	if err != nil {
		log.Fatal(err)
	}
	fmt.Fprint(c, "many channels\none co")
	fmt.Fprint(c, "re\n")
	c.(*net.TCPConn).CloseWrite()
	got, err := io.ReadAll(c)
	fmt.Printf("%s%v\n", got, err)
	c.Close()

	fmt.Println(r.Shutdown(context.Background()), <-served, open.Load())
	// Output:
	// ready
	// MANY CHANNELS
	// ONE CORE
	// <nil>
	// <nil> <nil> 0
}
