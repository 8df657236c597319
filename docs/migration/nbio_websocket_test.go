package migration_test

import (
	"context"
	"fmt"
	"log"
	"time"

	"github.com/calandria-go/calandria/protocols/http1"
	"github.com/calandria-go/calandria/protocols/websocket"
	"github.com/calandria-go/calandria/protocols/websocket/wire"
	"github.com/calandria-go/calandria/reactor"
	"github.com/calandria-go/calandria/transports/tcp"
)

// nbioSession is what nbio's program keeps with Conn.SetSession.
type nbioSession struct{ messages int }

// OnOpen is nbio's OnOpen.
func (s *nbioSession) OnOpen(*websocket.Conn) {}

// OnMessage is nbio's OnMessage: on the loop, so what blocks goes to Offload and comes back by Send.
func (s *nbioSession) OnMessage(c *websocket.Conn, op websocket.Opcode, p []byte) {
	s.messages++
	question := string(p)
	c.Reactor().Offload(func() { c.Send(op, []byte("answer to "+question)) })
}

// OnClose is nbio's OnClose.
func (s *nbioSession) OnClose(*websocket.Conn, error) { fmt.Println(s.messages, "messages") }

func Example_nbioWebSocket() {
	ws := &websocket.Server{Config: websocket.Config{
		Limits:       wire.Limits{MaxMessage: 4 << 20}, // MessageLengthLimit
		PingInterval: 30 * time.Second,                 // in place of KeepaliveTime
		MaxQueue:     1 << 20,                          // MaxWriteBufferSize
	}}
	r := reactor.New(reactor.Config{})
	ln, err := tcp.Listen("127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	l, err := r.Listen(ln, &http1.Server{Handler: http1.HandlerFunc(func(x *http1.Exchange) { ws.Upgrade(x, &nbioSession{}) })})
	if err != nil {
		log.Fatal(err)
	}

	ctx := context.Background()
	c, err := websocket.Dial(ctx, "ws://"+l.Addr().String(), &websocket.DialOptions{Reactor: r})
	if err != nil {
		log.Fatal(err)
	}
	c.Send(websocket.Text, []byte("a question"))
	_, p, err := c.Read(ctx)
	fmt.Printf("%s %v\n", p, err)
	c.Close(websocket.NormalClosure, "")
	<-c.Done()
	fmt.Println(r.Shutdown(ctx))
	// Output:
	// answer to a question <nil>
	// 1 messages
	// <nil>
}
