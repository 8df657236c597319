package rest_test

import (
	"context"
	"fmt"
	"io"
	"net/http"

	"github.com/calandria-go/calandria/protocols/http1"
	"github.com/calandria-go/calandria/protocols/websocket"
	"github.com/calandria-go/calandria/protocols/websocket/rest"
	"github.com/calandria-go/calandria/reactor"
	"github.com/calandria-go/calandria/transports/tcp"
)

// The server asks a client that has connected to it.
func Example() {
	r := reactor.New(reactor.Config{})
	defer r.Shutdown(context.Background())
	ln, err := tcp.Listen("127.0.0.1:0")
	if err != nil {
		fmt.Println(err)
		return
	}
	opened := make(chan *rest.Peer, 1)
	ws := &websocket.Server{Protocols: []string{rest.Protocol}}
	r.Listen(ln, &http1.Server{Handler: http1.HandlerFunc(func(x *http1.Exchange) {
		ws.Upgrade(x, rest.New(rest.Config{OnOpen: func(p *rest.Peer) { opened <- p }}))
	})})

	client := rest.New(rest.Config{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "%s here", r.URL.Path[1:])
	})})
	_, err = websocket.Dial(context.Background(), "ws://"+ln.Addr().String()+"/", &websocket.DialOptions{
		Reactor: r, Handler: client, Protocols: []string{rest.Protocol},
	})
	if err != nil {
		fmt.Println(err)
		return
	}

	resp, err := (<-opened).Client().Get("http://client/ann")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	fmt.Println(resp.StatusCode, string(b), err)
	// Output: 200 ann here <nil>
}
