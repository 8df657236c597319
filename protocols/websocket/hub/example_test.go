package hub_test

import (
	"fmt"

	"github.com/calandria-go/calandria/protocols/http1"
	"github.com/calandria-go/calandria/protocols/websocket"
	"github.com/calandria-go/calandria/protocols/websocket/hub"
)

// speaker publishes what its client says, and gets what all say.
type speaker struct{ h *hub.Hub }

func (s speaker) OnOpen(c *websocket.Conn) {
	s.h.Subscribe(c, "room", hub.Since{Last: 20})
}

func (s speaker) OnMessage(c *websocket.Conn, op websocket.Opcode, p []byte) {
	s.h.Publish("room", op, p)
}

func (s speaker) OnClose(*websocket.Conn, error) {}

func Example() {
	h, err := hub.New(hub.Config{})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer h.Close()
	var ws websocket.Server
	_ = http1.HandlerFunc(func(x *http1.Exchange) { ws.Upgrade(x, speaker{h}) })

	h.Publish("room", websocket.Text, []byte("anybody there?"))
	fmt.Println(len(h.History("room")), h.Count("room"))
	// Output: 1 0
}
