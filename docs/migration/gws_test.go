package migration_test

import (
	"context"
	"fmt"
	"log"
	"time"

	"github.com/calandria-go/calandria/protocols/http1"
	"github.com/calandria-go/calandria/protocols/websocket"
	"github.com/calandria-go/calandria/reactor"
	"github.com/calandria-go/calandria/transports/tcp"
)

// gwsEcho has gws's events; pings are answered, and silent peers found, without it.
type gwsEcho struct{}

// OnOpen is gws's OnOpen. Its SetDeadline is Config.PingInterval and PongTimeout.
func (gwsEcho) OnOpen(*websocket.Conn) {}

// OnMessage is gws's; p is valid until it returns, and needs no Close.
func (gwsEcho) OnMessage(c *websocket.Conn, op websocket.Opcode, p []byte) { c.Send(op, p) }

// OnClose is gws's.
func (gwsEcho) OnClose(_ *websocket.Conn, err error) {
	fmt.Println("closed", websocket.CloseStatus(err))
}

func Example_gws() {
	deflate := &websocket.Deflate{}
	deflate.ServerNoContextTakeover, deflate.ClientNoContextTakeover = true, true // gws's default
	ws := &websocket.Server{Config: websocket.Config{PingInterval: 10 * time.Second, Deflate: deflate}}
	r := reactor.New(reactor.Config{})
	ln, err := tcp.Listen("127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	l, err := r.Listen(ln, &http1.Server{Handler: http1.HandlerFunc(func(x *http1.Exchange) { ws.Upgrade(x, gwsEcho{}) })})
	if err != nil {
		log.Fatal(err)
	}

	ctx := context.Background()
	c, err := websocket.Dial(ctx, "ws://"+l.Addr().String(), &websocket.DialOptions{Reactor: r})
	if err != nil {
		log.Fatal(err)
	}
	c.Send(websocket.Binary, []byte("there and back"))
	op, p, err := c.Read(ctx)
	fmt.Printf("%v %s %v\n", op, p, err)
	c.Close(4000, "enough")
	<-c.Done()
	fmt.Println(r.Shutdown(ctx))
	// Output:
	// binary there and back <nil>
	// closed 4000
	// <nil>
}
