package websocket_test

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"testing"
	"testing/synctest"
	"time"

	"github.com/calandria-go/calandria/protocols/http1"
	"github.com/calandria-go/calandria/protocols/websocket"
	"github.com/calandria-go/calandria/protocols/websocket/wire"
	"github.com/calandria-go/calandria/reactor"
	"github.com/calandria-go/calandria/reactor/reactortest"
)

// late is how much later than asked for a timer may fire: a tick of the wheel and one of the loop.
const late = 20 * time.Millisecond

// bubble runs f with a server in memory, under a clock that only the test moves. Without mk its handler is host.rec.
func bubble(t *testing.T, srv *websocket.Server, cfg reactor.Config, mk func() websocket.Handler, f func(t *testing.T, h *host)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		cfg.Loops, cfg.StallAfter = 1, -1
		rec := newRecord() // its channels are the bubble's
		if mk == nil {
			mk = rec.handler
		}
		r := reactortest.New(t, cfg)
		ln := reactortest.Listen()
		conns := make(chan *websocket.Conn, 100)
		p := &http1.Server{Handler: http1.HandlerFunc(func(x *http1.Exchange) {
			if c, err := srv.Upgrade(x, mk()); err == nil {
				conns <- c
			}
		})}
		if _, err := r.Listen(ln, p); err != nil {
			t.Fatal(err)
		}
		f(t, &host{t, r, ln, rec, conns})
	})
}

type host struct {
	t     *testing.T
	r     *reactor.Reactor
	ln    *reactortest.Listener
	rec   *record
	conns chan *websocket.Conn
}

// dial opens a WebSocket whose frames the test makes itself.
func (h *host) dial(fields ...string) *peer {
	h.t.Helper()
	c, err := h.ln.Dial()
	if err != nil {
		h.t.Fatal(err)
	}
	h.t.Cleanup(func() { c.Close() })
	io.WriteString(c, rawRequest("/", fields...))
	p := newPeer(h.t, c, wire.Client)
	p.head()
	return p
}

// peer is the other end, frame by frame.
type peer struct {
	t    *testing.T
	c    net.Conn
	role wire.Role
	dec  wire.Decoder
	in   []byte
	buf  []byte
	msg  []byte
}

func newPeer(t *testing.T, c net.Conn, role wire.Role) *peer {
	p := &peer{t: t, c: c, role: role}
	p.dec.Reset(role, &wire.Limits{MaxMessage: 1 << 30}, nil)
	return p
}

// head reads the answer of the handshake.
func (p *peer) head() string {
	p.t.Helper()
	var head []byte
	for !bytes.HasSuffix(head, []byte("\r\n\r\n")) {
		var b [1]byte
		if _, err := io.ReadFull(p.c, b[:]); err != nil {
			p.t.Fatalf("%q: %v", head, err)
		}
		head = append(head, b[0])
	}
	return string(head)
}

func (p *peer) send(op wire.Opcode, payload string) {
	p.write(wire.AppendFrame(nil, p.role, op, true, []byte(payload)))
}

func (p *peer) write(b []byte) {
	p.t.Helper()
	if _, err := p.c.Write(b); err != nil {
		p.t.Fatal(err)
	}
}

// next is the next message or control frame, such as "text:Hello", "ping:", "close:1000:bye"; the end is an error's text.
func (p *peer) next() string {
	if p.buf == nil {
		p.buf = make([]byte, 64<<10)
	}
	for {
		ev, n, err := p.dec.Next(p.in)
		p.in = p.in[n:]
		switch {
		case err != nil:
			return err.Error()
		case ev.Kind == wire.Message:
			p.msg = append(p.msg, ev.Data...)
			if ev.Last {
				m := fmt.Sprintf("%v:%s", ev.Op, p.msg)
				p.msg = nil
				return m
			}
			continue
		case ev.Kind == wire.PingFrame:
			return fmt.Sprintf("ping:%s", ev.Data)
		case ev.Kind == wire.PongFrame:
			return fmt.Sprintf("pong:%s", ev.Data)
		case ev.Kind == wire.Closed:
			return fmt.Sprintf("close:%d:%s", ev.Code, ev.Data)
		}
		k, err := p.c.Read(p.buf)
		if k == 0 && err != nil {
			return err.Error()
		}
		p.in = append(p.in, p.buf[:k]...)
	}
}

// want fails unless these come next.
func (p *peer) want(all ...string) {
	p.t.Helper()
	for _, w := range all {
		if got := p.next(); got != w {
			p.t.Fatalf("%q, want %q", got, w)
		}
	}
}

// record is a handler that notes what it hears; on, if not nil, is called for each message.
type record struct {
	on   func(c *websocket.Conn, op websocket.Opcode, p []byte)
	open chan *websocket.Conn
	end  chan error
	log  chan string
}

func newRecord() *record {
	return &record{open: make(chan *websocket.Conn, 1), end: make(chan error, 10), log: make(chan string, 1000)}
}

func (h *record) handler() websocket.Handler { return h }

func (h *record) OnOpen(c *websocket.Conn) { h.open <- c }

func (h *record) OnMessage(c *websocket.Conn, op websocket.Opcode, p []byte) {
	if h.on != nil {
		h.on(c, op, p)
		return
	}
	h.log <- fmt.Sprintf("%v:%s", op, p)
}

func (h *record) OnPing(_ *websocket.Conn, p []byte)   { h.log <- "ping:" + string(p) }
func (h *record) OnPong(_ *websocket.Conn, p []byte)   { h.log <- "pong:" + string(p) }
func (h *record) OnClose(_ *websocket.Conn, err error) { h.end <- err }
func (h *record) OnWritable(*websocket.Conn)           { h.log <- "writable" }
func (h *record) OnCloseFrame(_ *websocket.Conn, code websocket.CloseCode, reason string) {
	h.log <- fmt.Sprintf("close:%d:%s", code, reason)
}

// took fails unless d has passed since the start, by the bubble's clock.
func took(t *testing.T, start time.Time, d time.Duration) {
	t.Helper()
	if got := time.Since(start); got < d || got > d+late {
		t.Errorf("after %v, want %v", got, d)
	}
}
