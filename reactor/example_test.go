package reactor_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"

	"github.com/calandria-go/calandria/reactor"
)

// shout answers each line in capitals.
type shout struct{}

func (shout) OnOpen(*reactor.Conn) {}

func (shout) OnData(c *reactor.Conn, in []byte) int {
	end := bytes.LastIndexByte(in, '\n') + 1 // the rest comes again with what follows
	c.Write(bytes.ToUpper(in[:end]))
	return end
}

func (shout) OnClose(*reactor.Conn, error) {}

func Example() {
	r := reactor.New(reactor.Config{})
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		fmt.Println(err)
		return
	}
	if _, err := r.Listen(ln, reactor.ProtocolFunc(func(*reactor.Conn) reactor.Handler { return shout{} })); err != nil {
		fmt.Println(err)
		return
	}
	// A client on the same loops, synchronous.
	s, err := r.DialStream(context.Background(), ln.Addr(), reactor.DialOptions{})
	if err != nil {
		fmt.Println(err)
		return
	}
	io.WriteString(s, "many channels, one core\n")
	s.CloseWrite()
	answer, _ := io.ReadAll(s)
	fmt.Print(string(answer))
	fmt.Println(r.Shutdown(context.Background()))
	// Output:
	// MANY CHANNELS, ONE CORE
	// <nil>
}
