package websocket_test

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/calandria-go/calandria/protocols/websocket"
	"github.com/calandria-go/calandria/protocols/websocket/wire"
	"github.com/calandria-go/calandria/reactor"
)

// Messages of many sizes come back, to Read and to a handler, with compression and without.
func TestEcho(t *testing.T) {
	r := newReactor(t, reactor.Config{})
	for name, d := range map[string]*websocket.Deflate{
		"plain":    nil,
		"takeover": {},
		"without":  {Deflate: wire.Deflate{ServerNoContextTakeover: true, ClientNoContextTakeover: true}},
		"window 9": {Deflate: wire.Deflate{ServerMaxWindowBits: 9, ClientMaxWindowBits: 9}, MinBytes: -1},
	} {
		t.Run(name, func(t *testing.T) {
			srv := &websocket.Server{Config: websocket.Config{Deflate: d}, Protocols: []string{"b", "a"}}
			addr := serve(t, r, srv, newEcho)
			c := dial(t, "ws://"+addr+"/x", &websocket.DialOptions{
				Config: websocket.Config{Deflate: d}, Reactor: r, Protocols: []string{"a", "b"},
			})
			if c.Subprotocol() != "a" {
				t.Errorf("sub-protocol %q", c.Subprotocol())
			}
			if _, ok := c.Compression(); ok != (d != nil) {
				t.Errorf("compression %v", ok)
			}
			ctx := waiting(t)
			for _, n := range []int{0, 1, 125, 126, 511, 512, 4096, 65535, 65536, 1 << 20} {
				p := bytes.Repeat([]byte("calandria "), n/10+1)[:n]
				op := websocket.Text
				if n%2 == 1 {
					op = websocket.Binary
				}
				if err := c.Send(op, p); err != nil {
					t.Fatal(err)
				}
				gotOp, got, err := c.Read(ctx)
				if err != nil || gotOp != op || !bytes.Equal(got, p) {
					t.Fatalf("%d bytes: %v, %d bytes, %v", n, gotOp, len(got), err)
				}
			}
			if err := c.Close(websocket.NormalClosure, "bye"); err != nil {
				t.Fatal(err)
			}
			if _, _, err := c.Read(ctx); !errors.Is(err, websocket.ErrClosed) {
				t.Errorf("after Close: %v", err)
			}
			if err := c.Send(websocket.Text, nil); !errors.Is(err, websocket.ErrClosed) {
				t.Errorf("Send after Close: %v", err)
			}
		})
	}
}

// The end of a context ends the call, and not the connection.
func TestReadContext(t *testing.T) {
	r := newReactor(t, reactor.Config{})
	addr := serve(t, r, &websocket.Server{}, newEcho)
	c := dial(t, "ws://"+addr, &websocket.DialOptions{Reactor: r})
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, _, err := c.Read(ctx); !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	c.Send(websocket.Text, []byte(strings.Repeat("x", 10)))
	if _, p, err := c.Read(waiting(t)); err != nil || len(p) != 10 {
		t.Fatal(p, err)
	}
}
