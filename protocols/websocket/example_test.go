package websocket_test

import (
	"context"
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"

	"github.com/calandria-go/calandria/protocols/http1"
	"github.com/calandria-go/calandria/protocols/websocket"
	"github.com/calandria-go/calandria/reactor"
	"github.com/calandria-go/calandria/transports/tcp"
)

// upper answers on the loop.
type upper struct{ name string }

func (u *upper) OnOpen(c *websocket.Conn) { c.Send(websocket.Text, []byte("hello "+u.name)) }

func (u *upper) OnMessage(c *websocket.Conn, op websocket.Opcode, p []byte) { c.Send(op, p) }

func (u *upper) OnClose(*websocket.Conn, error) {}

// A server on the loop, and a client that waits.
func Example() {
	r := reactor.New(reactor.Config{})
	defer r.Shutdown(context.Background())
	ws := &websocket.Server{Protocols: []string{"chat"}}
	srv := &http1.Server{Handler: http1.HandlerFunc(func(x *http1.Exchange) {
		_, name, _ := cut(x.Request().RawQuery(), '=')
		if name == "" {
			x.Respond(401, "text/plain", []byte("who are you?\n"))
			return
		}
		ws.Upgrade(x, &upper{name}) // answers by itself if the handshake does not stand
	})}
	ln, err := tcp.Listen("127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	l, err := r.Listen(ln, srv)
	if err != nil {
		log.Fatal(err)
	}

	ctx := context.Background()
	c, err := websocket.Dial(ctx, "ws://"+l.Addr().String()+"/?name=ann", &websocket.DialOptions{Reactor: r, Protocols: []string{"chat"}})
	if err != nil {
		log.Fatal(err)
	}
	c.Send(websocket.Text, []byte("good day"))
	for range 2 {
		_, p, err := c.Read(ctx)
		fmt.Printf("%s %v\n", p, err)
	}
	c.Close(websocket.NormalClosure, "")
	<-c.Done()
	fmt.Println(c.Subprotocol(), c.Err())
	// Output:
	// hello ann <nil>
	// good day <nil>
	// chat <nil>
}

func cut(b []byte, sep byte) (before, after string, found bool) {
	for i, c := range b {
		if c == sep {
			return string(b[:i]), string(b[i+1:]), true
		}
	}
	return string(b), "", false
}

// A handler of any net/http server; the connection moves onto a loop.
func ExampleServer_UpgradeHTTP() {
	r := reactor.New(reactor.Config{})
	defer r.Shutdown(context.Background())
	ws := &websocket.Server{Reactor: r}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		ws.UpgradeHTTP(w, req, &upper{req.URL.Query().Get("name")})
	}))
	defer s.Close()

	c, err := websocket.Dial(context.Background(), s.URL+"?name=bob", &websocket.DialOptions{Reactor: r})
	if err != nil {
		log.Fatal(err)
	}
	_, p, err := c.Read(context.Background())
	fmt.Printf("%s %v\n", p, err)
	// Output: hello bob <nil>
}

func ExamplePrepare() {
	all := []*websocket.Conn{} // who listens
	m := websocket.Prepare(websocket.Text, []byte("framed once"))
	for _, c := range all {
		c.SendPrepared(m)
	}
	fmt.Println(m.Size())
	// Output: 11
}
