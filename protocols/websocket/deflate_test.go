package websocket_test

import (
	"strings"
	"testing"
	"time"

	"github.com/calandria-go/calandria/protocols/websocket"
	"github.com/calandria-go/calandria/protocols/websocket/wire"
	"github.com/calandria-go/calandria/reactor"
)

// Contexts are paid for from the budget, given back by those who do not use them, and done without when there is none.
func TestContextBudget(t *testing.T) {
	const window, context = 32 << 10, 1 << 20
	srv := &websocket.Server{Config: websocket.Config{Deflate: &websocket.Deflate{MaxContexts: 2*window + context}}}
	offer := "Sec-WebSocket-Extensions: permessage-deflate"
	text := strings.Repeat("again and ", 100)
	bubble(t, srv, reactor.Config{}, nil, func(t *testing.T, h *host) {
		var peers []*peer
		var conns []*websocket.Conn
		connect := func() {
			p := h.dial(offer)
			peers, conns = append(peers, p), append(conns, <-h.rec.open)
			agreed, ok := conns[len(conns)-1].Compression()
			if !ok || agreed.ClientNoContextTakeover != (len(peers) == 3) {
				t.Errorf("connection %d: %+v, %v", len(peers), agreed, ok)
			}
			p.dec.Reset(wire.Client, nil, agreed.Inflater(wire.Client))
		}
		taken := func(when string, want int64) {
			t.Helper()
			if n := srv.Stats().Contexts; n != want {
				t.Errorf("%s: %d bytes are taken, want %d", when, n, want)
			}
		}
		send := func() {
			for i, c := range conns {
				if err := c.Send(websocket.Text, []byte(text)); err != nil {
					t.Fatal(err)
				}
				peers[i].want("text:" + text)
			}
		}
		connect()
		connect()
		taken("at first", 2*window)
		send()
		taken("with one context", 2*window+context)
		connect() // for which there is no room
		send()    // the second message of those without a context does without, too
		taken("when all is given away", 2*window+context)
		// After a beat without a message the context is given back, and the next one stands alone.
		for range 2 {
			for _, p := range peers {
				p.want("ping:")
				p.send(wire.Pong, "")
			}
		}
		<-time.After(time.Second)
		taken("after a rest", 2*window)
		conns[0].Send(websocket.Text, []byte(text))
		peers[0].want("text:" + text)
		m := websocket.Prepare(websocket.Text, []byte(text)) // past the context, which it ends
		for range 2 {
			conns[0].SendPrepared(m)
			peers[0].want("text:" + text)
			conns[0].Send(websocket.Text, []byte(text))
			peers[0].want("text:" + text)
		}
		for _, c := range conns {
			c.Abort(nil)
			<-c.Done()
		}
		taken("at the end", 0)
	})
}
