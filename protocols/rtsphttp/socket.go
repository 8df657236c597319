package rtsphttp

import (
	"net/http"

	"github.com/calandria-go/calandria/protocols/http1"
	"github.com/calandria-go/calandria/protocols/rtsphttp/internal/pairing"
	"github.com/calandria-go/calandria/protocols/websocket"
)

// openSocket takes a WebSocket: its camera is dialed, and then it is answered.
func (g *Gateway) openSocket(x *http1.Exchange, r *route) {
	if !x.Request().HasToken("Sec-WebSocket-Protocol", SubProtocol) {
		g.refuse(x, http.StatusBadRequest, "no_subprotocol", "a WebSocket here needs the sub-protocol "+SubProtocol)
		return
	}
	if g.full() {
		g.refuseHalf(x, pairing.ErrSessions)
		return
	}
	s := g.newSession(x, r, "websocket")
	g.count.sockets.Add(1)
	s.dial(x, func() {
		h := &socketSide{s: s}
		s.out = h
		if _, err := g.sockets.Upgrade(x, h); err != nil {
			g.count.refuse("bad_handshake")
			s.end(err)
		}
	})
}

// socketSide is a viewer's WebSocket. What comes is one stream, however it is framed.
type socketSide struct {
	s *session
	c *websocket.Conn
}

// OnOpen is part of websocket.Handler.
func (h *socketSide) OnOpen(c *websocket.Conn) {
	h.c = c
	h.s.opened(nil)
}

// OnMessage is part of websocket.Handler; OnPiece comes in its place.
func (h *socketSide) OnMessage(*websocket.Conn, websocket.Opcode, []byte) {}

// OnPiece is part of websocket.PieceHandler.
func (h *socketSide) OnPiece(c *websocket.Conn, op websocket.Opcode, p []byte, _, _ bool) {
	if op != websocket.Binary {
		c.Close(websocket.UnsupportedData, "RTSP is binary")
		h.s.end(ErrViewerGone)
		return
	}
	if h.s.fromViewer(p); h.s.full && h.s.state == live {
		c.Pause()
	}
}

// OnWritable is part of websocket.WritableHandler.
func (h *socketSide) OnWritable(*websocket.Conn) { h.s.writable() }

// OnClose is part of websocket.Handler.
func (h *socketSide) OnClose(_ *websocket.Conn, err error) { h.s.viewerClosed(err) }

// send is part of viewer.
func (h *socketSide) send(p []byte) error { return h.c.Send(websocket.Binary, p) }

// finish is part of viewer.
func (h *socketSide) finish(err error) {
	code := websocket.GoingAway
	if err == ErrViewerGone {
		code = websocket.NormalClosure
	}
	h.c.Close(code, "")
}
