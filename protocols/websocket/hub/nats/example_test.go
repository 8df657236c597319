package nats_test

import (
	"fmt"

	"github.com/calandria-go/calandria/protocols/websocket/hub"
	"github.com/calandria-go/calandria/protocols/websocket/hub/nats"
)

func Example() {
	broker, err := nats.New(nats.Config{URL: "nats://127.0.0.1:4222"})
	if err != nil {
		fmt.Println(err)
		return
	}
	cfg := hub.Config{
		Broker: broker,
		OnLoss: func(l hub.Loss) { fmt.Println("missing:", l.Topic, l.Count) },
	}
	// hub.New(cfg) connects. While the server is away the hub goes on for its own subscribers.
	fmt.Println(cfg.Broker != nil)
	// Output: true
}
