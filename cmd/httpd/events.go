package main

import (
	"errors"
	"net/http"
	"time"

	"github.com/calandria-go/calandria/protocols/http1"
	"github.com/calandria-go/calandria/protocols/http1/sse"
)

// clock tells all streams of /events the time, once a second.
type clock struct {
	hub  sse.Hub
	stop chan struct{}
}

func newClock() *clock {
	c := &clock{stop: make(chan struct{})}
	go c.run()
	return c
}

func (c *clock) run() {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		select {
		case <-c.stop:
			return
		case now := <-tick.C:
			c.hub.Publish(sse.Event{Name: "time", Data: now.UTC().Format(time.RFC3339)}) // no fields of a client's: never an error
		}
	}
}

// Close ends the streams, which a drain would wait for.
func (c *clock) Close() error {
	close(c.stop)
	c.hub.Close()
	return nil
}

// Handle is part of http1.Handler.
func (c *clock) Handle(x *http1.Exchange) {
	_, err := c.hub.Subscribe(x, sse.Config{Retry: 3 * time.Second})
	if err == nil || errors.Is(err, sse.ErrNoBody) {
		return
	}
	x.Respond(http.StatusServiceUnavailable, textPlain, []byte("no more streams\n"))
}
