package migration_test

import (
	"context"
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"
	"sync"

	"github.com/calandria-go/calandria/protocols/websocket"
	"github.com/calandria-go/calandria/reactor"
)

// gorillaHub is the hub of gorilla's chat example without its goroutines: a set of connections, each of which takes what it is
// sent without blocking.
type gorillaHub struct {
	mu      sync.Mutex
	members map[*websocket.Conn]bool
}

// OnOpen registers.
func (h *gorillaHub) OnOpen(c *websocket.Conn) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.members[c] = true
}

// OnMessage broadcasts: framed once.
func (h *gorillaHub) OnMessage(_ *websocket.Conn, op websocket.Opcode, p []byte) {
	m := websocket.Prepare(op, p)
	h.mu.Lock()
	defer h.mu.Unlock()
	for c := range h.members {
		c.SendPrepared(m) // one who is too slow is closed with 1013
	}
}

// OnClose unregisters.
func (h *gorillaHub) OnClose(c *websocket.Conn, _ error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.members, c)
}

func Example_gorilla() {
	r := reactor.New(reactor.Config{})
	defer r.Shutdown(context.Background())
	hub := &gorillaHub{members: map[*websocket.Conn]bool{}}
	up := &websocket.Server{Reactor: r} // the Upgrader
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		up.UpgradeHTTP(w, req, hub) // the request's goroutine ends here
	}))
	defer s.Close()

	ctx := context.Background()
	var all []*websocket.Conn
	for range 2 {
		c, err := websocket.Dial(ctx, s.URL, &websocket.DialOptions{Reactor: r})
		if err != nil {
			log.Fatal(err)
		}
		all = append(all, c)
	}
	all[0].Send(websocket.Text, []byte("hello, everybody"))
	for _, c := range all {
		_, p, err := c.Read(ctx)
		fmt.Printf("%s %v\n", p, err)
	}
	// Output:
	// hello, everybody <nil>
	// hello, everybody <nil>
}
