package rtsphttp

import (
	"context"
	"io"
	"strings"
	"testing"

	"github.com/calandria-go/calandria/protocols/websocket"
)

func openSocket(t testing.TB, g *gate, path string) *websocket.Conn {
	t.Helper()
	c, err := websocket.Dial(t.Context(), "ws://"+g.addr+path, &websocket.DialOptions{Reactor: g.r, Protocols: []string{SubProtocol}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Abort(nil) })
	return c
}

// read reads n bytes, however they are framed.
func read(t testing.TB, c *websocket.Conn, n int) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	var out []byte
	for len(out) < n {
		op, p, err := c.Read(ctx)
		if err != nil || op != websocket.Binary {
			t.Fatalf("after %q: %v, %v", out, op, err)
		}
		out = append(out, p...)
	}
	return string(out)
}

func TestSocket(t *testing.T) {
	cam := newCamera(t)
	g := newGate(t, one(cam))
	c := openSocket(t, g, "/rtspoverwebsocket")
	if c.Subprotocol() != SubProtocol {
		t.Errorf("sub-protocol %q", c.Subprotocol())
	}
	conn := cam.next(t)
	c.Send(websocket.Binary, []byte(optionsText[:10]))
	c.Send(websocket.Binary, []byte(optionsText[10:]+describe(2)+frame(1, "RTCP")))
	expect(t, conn, optionsText+describe(2)+frame(1, "RTCP"))
	media := okText + strings.Repeat(frame(0, strings.Repeat("media", 280)), 100)
	go io.WriteString(conn, media)
	if got := read(t, c, len(media)); got != media {
		t.Errorf("%d bytes differ", len(got))
	}
	c.Send(websocket.Binary, []byte(setup("RTP/AVP;unicast")))
	if got, want := read(t, c, 10), "RTSP/1.0 461 Unsupported Transport\r\nCSeq: 3\r\n\r\n"; got != want {
		t.Errorf("%q", got)
	}
	if st := g.Stats(); st.Open != 1 || st.Sockets != 1 {
		t.Errorf("%+v", st)
	}
	conn.Close()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if _, _, err := c.Read(ctx); websocket.CloseStatus(err) != websocket.GoingAway {
		t.Errorf("camera gone: %v", err)
	}
	wait(t, "the tunnel ends", func() bool { st := g.Stats(); return st.Open == 0 && st.Sockets == 0 })
}

func TestSocketsCountAsSessions(t *testing.T) {
	cam := newCamera(t)
	cfg := one(cam)
	cfg.MaxSessions = 2
	g := newGate(t, cfg)
	c := openSocket(t, g, "/")
	openGet(t, g.addr, "/", "a")
	if line, _ := dialHalf(t, g.addr, getHead("/", "b")).answer(t); !strings.HasSuffix(line, "503 Service Unavailable") {
		t.Error(line)
	}
	if _, err := websocket.Dial(t.Context(), "ws://"+g.addr+"/", &websocket.DialOptions{Reactor: g.r, Protocols: []string{SubProtocol}}); err == nil {
		t.Error("a third tunnel was taken")
	}
	c.Close(websocket.NormalClosure, "")
	wait(t, "the WebSocket ends", func() bool { return g.Stats().Sockets == 0 })
	openGet(t, g.addr, "/", "b")
}

func TestSocketViewerLeaves(t *testing.T) {
	cam := newCamera(t)
	g := newGate(t, one(cam))
	c := openSocket(t, g, "/")
	conn := cam.next(t)
	c.Close(websocket.NormalClosure, "")
	expectEnd(t, conn, "")
	wait(t, "the tunnel ends", func() bool { st := g.Stats(); return st.Open == 0 && st.Sockets == 0 })
}

func TestSocketText(t *testing.T) {
	cam := newCamera(t)
	g := newGate(t, one(cam))
	c := openSocket(t, g, "/")
	conn := cam.next(t)
	c.Send(websocket.Text, []byte("hello"))
	expectEnd(t, conn, "")
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if _, _, err := c.Read(ctx); websocket.CloseStatus(err) != websocket.UnsupportedData {
		t.Error(err)
	}
}

func TestSocketHandshakes(t *testing.T) {
	cam := newCamera(t)
	g := newGate(t, one(cam))
	const head = "GET / HTTP/1.1\r\nHost: h\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
	for _, c := range []struct{ fields, want string }{
		{"Connection: keep-alive, Upgrade\r\nUpgrade: WebSocket\r\nSec-WebSocket-Protocol: a, rtsp.onvif.org\r\n\r\n", "HTTP/1.1 101 Switching Protocols"},
		{"Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n", "HTTP/1.1 400 Bad Request"},
		{"Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Protocol: chat\r\n\r\n", "HTTP/1.1 400 Bad Request"},
		{"Connection: Upgrade\r\nUpgrade: h2c\r\nSec-WebSocket-Protocol: rtsp.onvif.org\r\n\r\n", "HTTP/1.1 426 Upgrade Required"},
	} {
		if line, _ := dialHalf(t, g.addr, head+c.fields).answer(t); line != c.want {
			t.Errorf("%q: %s", c.fields, line)
		}
	}
	wait(t, "what was no WebSocket leaves nothing", func() bool { return g.Stats().Open <= 1 })
}
