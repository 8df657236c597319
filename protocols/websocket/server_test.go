package websocket_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/calandria-go/calandria/protocols/http1"
	"github.com/calandria-go/calandria/protocols/websocket"
	"github.com/calandria-go/calandria/protocols/websocket/wire"
	"github.com/calandria-go/calandria/reactor"
	"github.com/calandria-go/calandria/reactor/reactortest"
)

func upgrading(srv *websocket.Server, h websocket.Handler) reactor.Protocol {
	return &http1.Server{Handler: http1.HandlerFunc(func(x *http1.Exchange) {
		x.SetHeader("X-Set", "before")
		srv.Upgrade(x, h)
	})}
}

// Frames that come with the handshake are the first, however the bytes are cut; fields that were set are part of the answer.
func TestUpgradeEarlyFrames(t *testing.T) {
	in := []byte(rawRequest("/", "Sec-WebSocket-Protocol: b, a"))
	in = wire.AppendMessage(in, wire.Client, wire.Text, []byte("early"), nil)
	in = wire.AppendControl(in, wire.Client, wire.Ping, []byte("p"))
	in = wire.AppendClose(in, wire.Client, 1000, "")
	want := "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nX-Set: before\r\n" +
		"Sec-WebSocket-Accept: " + wire.Accept(rawKey) + "\r\nSec-WebSocket-Protocol: a\r\n\r\n"
	out := wire.AppendMessage([]byte(want), wire.Server, wire.Text, []byte("early"), nil)
	out = wire.AppendControl(out, wire.Server, wire.Pong, []byte("p"))
	out = wire.AppendClose(out, wire.Server, 1000, "")
	srv := &websocket.Server{Protocols: []string{"a"}}
	reactortest.SplitsHandler(t, reactor.Config{}, upgrading(srv, echo{}), in, func(t *testing.T, got reactortest.Fed) {
		if string(got.Out) != string(out) || !got.Closed || got.Reset {
			t.Errorf("%q, closed %v", got.Out, got.Closed)
		}
	})
}

// Who may connect, and what a bad handshake is answered with; the HTTP connection goes on.
func TestUpgradeRefused(t *testing.T) {
	good := rawRequest("/")
	origin := func(o string) string { return rawRequest("/", "Origin: "+o) }
	for _, c := range []struct {
		name, request string
		srv           *websocket.Server
		status        int
		has           string
	}{
		{"good", good, nil, 101, ""},
		{"own host", origin("https://server.example.com"), nil, 101, ""},
		{"own host in capitals", origin("http://SERVER.example.com"), nil, 101, ""},
		{"another host", origin("http://evil.example"), nil, 403, "origin not allowed"},
		{"another port", origin("http://server.example.com:81"), nil, 403, ""},
		{"null", origin("null"), nil, 403, ""},
		{"no URL", origin("http://[::"), nil, 403, ""},
		{"a friend", origin("http://friend.example"), &websocket.Server{Origins: []string{"friend.example"}}, 101, ""},
		{"a friend's friend", origin("http://friend.example.evil"), &websocket.Server{Origins: []string{"friend.example"}}, 403, ""},
		{"all", origin("null"), &websocket.Server{Origins: []string{"*"}}, 101, ""},
		{"checked", origin("x"), &websocket.Server{CheckOrigin: func(o, h string) bool { return o == "x" && h == "server.example.com" }}, 101, ""},
		{"POST", strings.Replace(good, "GET", "POST", 1), nil, 405, "Allow: GET\r\n"},
		{"no upgrade", "GET / HTTP/1.1\r\nHost: a\r\n\r\n", nil, 426, "Upgrade: websocket\r\n"},
		{"version 8", strings.Replace(good, "Version: 13", "Version: 8", 1), nil, 426, "Sec-WebSocket-Version: 13\r\n"},
		{"a short key", strings.Replace(good, "==", "=", 1), nil, 400, ""},
		{"two keys", rawRequest("/", "Sec-WebSocket-Key: "+rawKey), nil, 400, ""},
		{"a bad list", rawRequest("/", "Sec-WebSocket-Protocol: a,,b"), nil, 400, ""},
	} {
		if c.srv == nil {
			c.srv = &websocket.Server{}
		}
		got := reactortest.Feed(t, reactor.Config{}, upgrading(c.srv, echo{}), [][]byte{[]byte(c.request)})
		if !strings.HasPrefix(string(got.Out), fmt.Sprintf("HTTP/1.1 %d ", c.status)) || !strings.Contains(string(got.Out), c.has) {
			t.Errorf("%s: %q, want %d", c.name, got.Out, c.status)
		}
		if c.status != 101 {
			again := reactortest.Feed(t, reactor.Config{}, upgrading(c.srv, echo{}), [][]byte{[]byte(c.request + good)})
			if strings.Count(string(again.Out), "HTTP/1.1 101 ") != 1 {
				t.Errorf("%s: the connection did not go on: %q", c.name, again.Out)
			}
		}
	}
}

// What is agreed on for an offer, and that no offer fails a handshake.
func TestUpgradeDeflate(t *testing.T) {
	for _, c := range []struct{ offer, want string }{
		{"", ""},
		{"permessage-deflate", "permessage-deflate"},
		{"permessage-deflate; client_max_window_bits", "permessage-deflate"},
		{"permessage-deflate; server_max_window_bits=10", "permessage-deflate; server_max_window_bits=10"},
		{"permessage-deflate; server_no_context_takeover; client_no_context_takeover", "permessage-deflate; server_no_context_takeover; client_no_context_takeover"},
		{"permessage-deflate; unknown, permessage-deflate; server_max_window_bits=8", "permessage-deflate; server_max_window_bits=8"},
		{"permessage-deflate; server_max_window_bits=16", ""},
		{"permessage-deflate; =", ""},
		{"x-webkit-deflate-frame", ""},
	} {
		srv := &websocket.Server{Config: websocket.Config{Deflate: &websocket.Deflate{}}}
		req := rawRequest("/", "Sec-WebSocket-Extensions: "+c.offer)
		got := reactortest.Feed(t, reactor.Config{}, upgrading(srv, echo{}), [][]byte{[]byte(req)})
		_, rest, found := strings.Cut(string(got.Out), "Sec-WebSocket-Extensions: ")
		answer, _, _ := strings.Cut(rest, "\r\n")
		if !strings.HasPrefix(string(got.Out), "HTTP/1.1 101 ") || found != (c.want != "") || answer != c.want {
			t.Errorf("%q: %q", c.offer, got.Out)
		}
		if s := srv.Stats(); s.Contexts != 0 {
			t.Errorf("%q: %d bytes of contexts are left", c.offer, s.Contexts)
		}
	}
}

// pieces is a handler that takes messages as they come.
type pieces struct{ echo }

func (pieces) OnPiece(c *websocket.Conn, op websocket.Opcode, p []byte, first, last bool) {
	c.Send(op, fmt.Appendf(nil, "%d %v %v", len(p), first, last))
}

// OnPiece gets what comes, and nothing is collected.
func TestPieces(t *testing.T) {
	bubble(t, &websocket.Server{}, reactor.Config{}, func() websocket.Handler { return pieces{} }, func(t *testing.T, h *host) {
		p := h.dial()
		p.write(wire.AppendFrame(nil, wire.Client, wire.Text, false, []byte("abc")))
		p.want("text:3 true false")
		p.write(wire.AppendFrame(nil, wire.Client, wire.Continuation, true, []byte("de")))
		p.want("text:2 false true")
		p.send(wire.Binary, "")
		p.want("binary:0 true true")
	})
}
