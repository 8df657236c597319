// Command wsd serves with package websocket what the harness measures: /echo and /broadcast, with compression or without. It takes
// commands on standard input like the peers.
package main

import (
	"flag"
	"sync"

	"github.com/calandria-go/calandria/bench/control"
	"github.com/calandria-go/calandria/protocols/http1"
	"github.com/calandria-go/calandria/protocols/websocket"
	"github.com/calandria-go/calandria/protocols/websocket/wire"
	"github.com/calandria-go/calandria/reactor"
	"github.com/calandria-go/calandria/transports/tcp"
	"github.com/calandria-go/calandria/transports/tls"

	ctls "crypto/tls"
)

func main() {
	deflate := flag.Bool("deflate", false, "agree on permessage-deflate")
	secure := flag.Bool("tls", false, "TLS 1.3 with a certificate of its own")
	addr := control.Start()
	control.Must(serve(addr, *deflate, *secure))
}

func serve(addr string, deflate, secure bool) error {
	srv := &websocket.Server{Config: websocket.Config{Limits: wire.Limits{MaxMessage: 16 << 20}, PingInterval: -1, Overflow: websocket.Drop}}
	if deflate {
		srv.Deflate = &websocket.Deflate{}
	}
	all := &room{members: map[*websocket.Conn]struct{}{}}
	var p reactor.Protocol = &http1.Server{Handler: http1.HandlerFunc(func(x *http1.Exchange) {
		var h websocket.Handler = echo{}
		if string(x.Path()) == "/broadcast" {
			h = all
		}
		_, _ = srv.Upgrade(x, h)
	})}
	if secure {
		cert, err := tls.SelfSigned("127.0.0.1")
		if err != nil {
			return err
		}
		p = &tls.Server{Config: &ctls.Config{Certificates: []ctls.Certificate{cert}, MinVersion: ctls.VersionTLS13}, Next: p, MaxHandshakesPerIP: -1}
	}
	ln, err := tcp.Listen(addr)
	if err != nil {
		return err
	}
	return reactor.New(reactor.Config{MaxUnsent: 64 << 20}).Serve(ln, p)
}

// echo answers each message with itself.
type echo struct{}

// OnOpen is part of websocket.Handler.
func (echo) OnOpen(*websocket.Conn) {}

// OnMessage is part of websocket.Handler.
func (echo) OnMessage(c *websocket.Conn, op websocket.Opcode, p []byte) { _ = c.Send(op, p) }

// OnClose is part of websocket.Handler.
func (echo) OnClose(*websocket.Conn, error) {}

// room sends each message to all.
type room struct {
	mu      sync.Mutex
	members map[*websocket.Conn]struct{}
}

// OnOpen is part of websocket.Handler.
func (r *room) OnOpen(c *websocket.Conn) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.members[c] = struct{}{}
}

// OnMessage is part of websocket.Handler.
func (r *room) OnMessage(_ *websocket.Conn, op websocket.Opcode, p []byte) {
	m := websocket.Prepare(op, p)
	r.mu.Lock()
	defer r.mu.Unlock()
	for c := range r.members {
		_ = c.SendPrepared(m)
	}
}

// OnClose is part of websocket.Handler.
func (r *room) OnClose(c *websocket.Conn, _ error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.members, c)
}
