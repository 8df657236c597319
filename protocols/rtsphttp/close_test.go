package rtsphttp

import (
	"io"
	"net"
	"testing"
	"time"
)

func TestViewerEndsItsGet(t *testing.T) {
	for name, leave := range map[string]func(*half){
		"close":      func(h *half) { h.Close() },
		"half-close": func(h *half) { h.Conn.(*net.TCPConn).CloseWrite() },
		"reset":      func(h *half) { h.Conn.(*net.TCPConn).SetLinger(0); h.Close() },
	} {
		t.Run(name, func(t *testing.T) {
			cam := newCamera(t)
			g := newGate(t, one(cam))
			get, post, c := tunnel(t, g, cam, "c")
			io.WriteString(post, enc(optionsText))
			expect(t, c, optionsText)
			leave(get)
			expectEnd(t, c, "")
			expectEnd(t, post.r, "")
			wait(t, "the tunnel ends", func() bool { return g.Stats().Open == 0 })
		})
	}
}

func TestViewerEndsBeforeItsPost(t *testing.T) {
	cam := newCamera(t)
	g := newGate(t, one(cam))
	get := openGet(t, g.addr, "/", "c")
	c := cam.next(t)
	get.Conn.(*net.TCPConn).SetLinger(0)
	get.Close()
	expectEnd(t, c, "")
	wait(t, "the tunnel ends", func() bool { st := g.Stats(); return st.Open == 0 && st.Pending == 0 })
}

// The camera's last bytes reach the viewer.
func TestCameraEnds(t *testing.T) {
	cam := newCamera(t)
	g := newGate(t, one(cam))
	get, post, c := tunnel(t, g, cam, "c")
	io.WriteString(post, enc(optionsText))
	expect(t, c, optionsText)
	io.WriteString(c, okText+frame(0, "last"))
	c.Close()
	expectEnd(t, get.r, okText+frame(0, "last"))
	expectEnd(t, post.r, "")
	g.ended(t, "camera_gone", 1)
}

func TestCameraResets(t *testing.T) {
	cam := newCamera(t)
	g := newGate(t, one(cam))
	get, post, c := tunnel(t, g, cam, "c")
	io.WriteString(post, enc(optionsText))
	expect(t, c, optionsText)
	c.(*net.TCPConn).SetLinger(0)
	c.Close()
	expectEnd(t, get.r, "")
	expectEnd(t, post.r, "")
}

// The end of the POST is not the tunnel's; that of the GET is. Both orders.
func TestPostEndsFirst(t *testing.T) {
	cam := newCamera(t)
	g := newGate(t, one(cam))
	get, post, c := tunnel(t, g, cam, "c")
	io.WriteString(post, enc(optionsText))
	expect(t, c, optionsText)
	post.Close()
	io.WriteString(c, okText)
	expect(t, get.r, okText)
	get.Close()
	expectEnd(t, c, "")
	g.ended(t, "viewer_gone", 1)
}

func TestTeardown(t *testing.T) {
	cam := newCamera(t)
	g := newGate(t, one(cam))
	get, post, c := tunnel(t, g, cam, "c")
	const teardown = "TEARDOWN rtsp://camera/ RTSP/1.0\r\nCSeq: 1\r\n\r\n"
	io.WriteString(post, enc(teardown))
	expect(t, c, teardown)
	io.WriteString(c, okText)
	expect(t, get.r, okText)
	post.Close()
	expectEnd(t, get.r, "") // though the camera and the GET stay: the POST's linger is over at once
	expectEnd(t, c, "")
	g.ended(t, "post_timeout", 1)
}

func TestShutdownEndsTunnels(t *testing.T) {
	cam := newCamera(t)
	var get *half
	t.Run("serve", func(t *testing.T) { // its end is the reactor's
		g := newGate(t, one(cam))
		c, err := net.Dial("tcp", g.addr)
		if err != nil {
			t.Fatal(err)
		}
		c.SetDeadline(time.Now().Add(patience))
		io.WriteString(c, getHead("/", "c"))
		get = &half{c, nil}
		cam.next(t)
		expect(t, c, "HTTP/1.0 200 OK\r\n")
	})
	defer get.Close()
	if _, err := io.ReadAll(get); err != nil {
		t.Error(err)
	}
}
