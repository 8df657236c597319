package websocket_test

import (
	"errors"
	"os"
	"testing"
	"time"

	"github.com/calandria-go/calandria/protocols/websocket"
	"github.com/calandria-go/calandria/protocols/websocket/wire"
	"github.com/calandria-go/calandria/reactor"
)

// A silent peer is pinged after the interval; one that answers lives, one that does not is given up after the timeout.
func TestHeartbeat(t *testing.T) {
	bubble(t, &websocket.Server{}, reactor.Config{}, nil, func(t *testing.T, h *host) {
		rec := h.rec
		p := h.dial()
		start := time.Now()
		p.want("ping:")
		took(t, start, 30*time.Second)
		p.send(wire.Pong, "")
		for range 5 { // pings go on
			start = time.Now()
			p.want("ping:")
			took(t, start, 30*time.Second)
			p.send(wire.Text, "any frame is a sign of life")
		}
		start = time.Now()
		p.want("ping:")
		err := <-rec.end
		took(t, start, 45*time.Second)
		if !errors.Is(err, websocket.ErrDeadPeer) || !errors.Is(err, os.ErrDeadlineExceeded) || reactor.ReasonOf(err) != "dead_peer" {
			t.Errorf("OnClose got %v", err)
		}
		if websocket.CloseStatus(err) != websocket.Abnormal {
			t.Error(websocket.CloseStatus(err))
		}
	})
}

// Whom we do not listen to is not taken for dead.
func TestHeartbeatPaused(t *testing.T) {
	srv := &websocket.Server{}
	bubble(t, srv, reactor.Config{}, nil, func(t *testing.T, h *host) {
		rec := h.rec
		p := h.dial()
		c := <-rec.open
		c.Reactor().Post(c.Pause)
		<-time.After(time.Hour)
		c.Reactor().Post(c.Resume)
		p.want("ping:")
		p.send(wire.Text, "here")
		if got := <-rec.log; got != "text:here" {
			t.Error(got)
		}
	})
}

func TestHeartbeatOff(t *testing.T) {
	srv := &websocket.Server{Config: websocket.Config{PingInterval: -1}}
	bubble(t, srv, reactor.Config{}, nil, func(t *testing.T, h *host) {
		rec := h.rec
		p := h.dial()
		<-time.After(24 * time.Hour)
		(<-rec.open).Send(websocket.Text, []byte("hello"))
		p.want("text:hello")
	})
}
