package rtsphttp

import (
	"fmt"
	"io"
	"strings"
	"testing"
)

func TestTunnel(t *testing.T) {
	cam := newCamera(t)
	g := newGate(t, one(cam))
	get, post, c := tunnel(t, g, cam, "0123456789abcdef")
	io.WriteString(post, enc(optionsText))
	expect(t, c, optionsText)
	io.WriteString(c, okText)
	expect(t, get.r, okText)
	io.WriteString(post, enc(describe(2))+enc(frame(1, "RTCP of the viewer"))+enc(describe(3)))
	expect(t, c, describe(2)+frame(1, "RTCP of the viewer")+describe(3))
	media := strings.Repeat(frame(0, strings.Repeat("media", 280)), 200)
	go io.WriteString(c, okText+media)
	expect(t, get.r, okText+media)
	if st := g.Stats(); st.Open != 1 || st.Pending != 0 || st.Down != uint64(2*len(okText)+len(media)) {
		t.Errorf("%+v", st)
	}
}

// What a GET's head may look like, and what answers it.
func TestHeadsOfGet(t *testing.T) {
	cam := newCamera(t)
	g := newGate(t, one(cam))
	for i, c := range []struct{ name, head, status string }{
		{"HTTP/1.0", "GET / HTTP/1.0\r\nx-sessioncookie: %s\r\n\r\n", "HTTP/1.0 200 OK"},
		{"HTTP/1.1", "GET /a/b?c=d HTTP/1.1\r\nHost: h\r\nX-SessionCookie: %s\r\nAccept: application/x-rtsp-tunnelled\r\n\r\n", "HTTP/1.1 200 OK"},
		{"absolute", "GET http://h:8554/a HTTP/1.1\r\nHost: h\r\nX-SESSIONCOOKIE: %s\r\n\r\n", "HTTP/1.1 200 OK"},
		{"extended Accept", "GET / HTTP/1.0\r\nx-sessioncookie: %s\r\nAccept: application/x-rtsp-tunnelled, */*;q=0.1\r\n\r\n", "HTTP/1.0 200 OK"},
		{"Content-Length", "GET / HTTP/1.1\r\nHost: h\r\nx-sessioncookie: %s\r\nContent-Length: 30000\r\n\r\n", "HTTP/1.1 200 OK"},
		{"no cookie", "GET / HTTP/1.1\r\nHost: h\r\nX-Not: %s\r\n\r\n", "HTTP/1.1 400 Bad Request"},
		{"empty cookie", "GET / HTTP/1.1\r\nHost: h\r\nX-Not: %s\r\nx-sessioncookie:\r\n\r\n", "HTTP/1.1 400 Bad Request"},
		{"method", "PUT / HTTP/1.1\r\nHost: h\r\nx-sessioncookie: %s\r\n\r\n", "HTTP/1.1 405 Method Not Allowed"},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := dialHalf(t, g.addr, fmt.Sprintf(c.head, fmt.Sprintf("cookie%d", i)))
			line, fields := h.answer(t)
			if line != c.status {
				t.Fatalf("%s; want %s", line, c.status)
			}
			if !strings.HasSuffix(line, "200 OK") {
				return
			}
			if fields.Get("Content-Type") != contentType || fields.Get("Connection") != "close" || fields.Get("Cache-Control") != "no-store" ||
				fields.Get("Pragma") != "no-cache" || fields.Get("Date") == "" || fields["Content-Length"] != nil || fields["X-Server-Ip-Address"] != nil {
				t.Errorf("fields %v", fields)
			}
			io.WriteString(cam.next(t), "hello")
			expect(t, h.r, "hello")
		})
	}
}

// What a POST's head may look like. Bytes of the body come with it.
func TestHeadsOfPost(t *testing.T) {
	cam := newCamera(t)
	g := newGate(t, one(cam))
	long := strings.Repeat(describe(7), 600) // more than any of the lengths
	for i, c := range []struct{ name, head, body string }{
		{"no length, HTTP/1.0", "POST / HTTP/1.0\r\n", long},
		{"no length, HTTP/1.1", "POST / HTTP/1.1\r\nHost: h\r\n", long},
		{"length 0", "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n", long},
		{"length 32767", "POST / HTTP/1.0\r\nContent-Length: 32767\r\n", long},
		{"length of gigabytes", "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 9999999999\r\n", long},
		{"with parameters", "POST / HTTP/1.1\r\nHost: h\r\nContent-Type: Application/X-RTSP-Tunnelled ; x=y\r\n", long},
		{"another path", "POST /elsewhere?x HTTP/1.1\r\nHost: h\r\nContent-Length: 30000\r\n", long},
	} {
		t.Run(c.name, func(t *testing.T) {
			cookie := fmt.Sprintf("cookie%d", i)
			openGet(t, g.addr, "/", cookie)
			conn := cam.next(t)
			body := enc(c.body)
			p := dialHalf(t, g.addr, c.head+"x-sessioncookie: "+cookie+"\r\n\r\n"+body[:1001])
			go io.WriteString(p, body[1001:])
			expect(t, conn, c.body)
		})
	}
	t.Run("chunked", func(t *testing.T) {
		openGet(t, g.addr, "/", "chunked")
		conn := cam.next(t)
		b := enc(optionsText)
		body := fmt.Sprintf("5\r\n%s\r\n%x\r\n%s\r\n0\r\n\r\n", b[:5], len(b)-5, b[5:])
		p := dialHalf(t, g.addr, "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\nx-sessioncookie: chunked\r\n\r\n"+body)
		expect(t, conn, optionsText)
		expectEnd(t, p.r, "")
	})
	t.Run("100-continue", func(t *testing.T) {
		openGet(t, g.addr, "/", "continue")
		conn := cam.next(t)
		p := dialHalf(t, g.addr, "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 99\r\nExpect: 100-continue\r\nx-sessioncookie: continue\r\n\r\n")
		expect(t, p.r, "HTTP/1.1 100 Continue\r\n\r\n")
		io.WriteString(p, enc(optionsText))
		expect(t, conn, optionsText)
	})
	t.Run("another type", func(t *testing.T) {
		p := dialHalf(t, g.addr, "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\nContent-Type: text/plain\r\nx-sessioncookie: z\r\n\r\n")
		if line, _ := p.answer(t); line != "HTTP/1.1 415 Unsupported Media Type" {
			t.Error(line)
		}
	})
}

// Base64 as QuickTime wraps it, and requests that end in the middle of a quantum's line.
func TestWrappedBase64(t *testing.T) {
	cam := newCamera(t)
	g := newGate(t, one(cam))
	_, post, c := tunnel(t, g, cam, "c")
	b := enc(describe(1))
	io.WriteString(post, b[:40]+"\r\n"+b[40:80]+"\r\n \t"+b[80:]+"\r\n")
	expect(t, c, describe(1))
	for _, x := range []byte(enc(optionsText)) {
		post.Write([]byte{x})
	}
	expect(t, c, optionsText)
}

func TestGarbageOnPost(t *testing.T) {
	cam := newCamera(t)
	g := newGate(t, one(cam))
	get, post, c := tunnel(t, g, cam, "c")
	other, otherPost, otherCam := tunnel(t, g, cam, "other")
	io.WriteString(post, enc(optionsText)+"!!!!")
	expect(t, c, optionsText)
	expectEnd(t, get.r, "RTSP/1.0 400 Bad Request\r\n\r\n")
	expectEnd(t, c, "")
	g.ended(t, "bad_base64", 1)
	io.WriteString(otherPost, enc(optionsText))
	expect(t, otherCam, optionsText)
	io.WriteString(otherCam, okText)
	expect(t, other.r, okText)
}

func TestTextThatIsNoRTSP(t *testing.T) {
	cam := newCamera(t)
	g := newGate(t, one(cam))
	get, post, c := tunnel(t, g, cam, "c")
	io.WriteString(post, enc("hello, camera\r\n"))
	expectEnd(t, get.r, "RTSP/1.0 400 Bad Request\r\n\r\n")
	expectEnd(t, c, "")
	g.ended(t, "bad_start", 1)
}

// A backend that speaks something else is passed on as it is.
func TestCameraThatSpeaksNoRTSP(t *testing.T) {
	cam := newCamera(t)
	g := newGate(t, one(cam))
	get, _, c := tunnel(t, g, cam, "c")
	for i := range 10 {
		text := fmt.Sprintf("session %d\n", i)
		io.WriteString(c, text)
		expect(t, get.r, text)
	}
}

func TestServerIPAddressIsNotPassedOn(t *testing.T) {
	cam := newCamera(t)
	cfg := one(cam)
	cfg.ServerIP = "198.51.100.7"
	g := newGate(t, cfg)
	h := dialHalf(t, g.addr, getHead("/", "c"))
	if _, fields := h.answer(t); fields.Get("x-server-ip-address") != "198.51.100.7" {
		t.Errorf("fields %v", fields)
	}
	c := cam.next(t)
	io.WriteString(c, frame(0, "a")+"RTSP/1.0 200 OK\r\nX-Server-IP-Address: 10.0.0.1\r\nCSeq: 1\r\nContent-Length: 2\r\n\r\nab"+frame(0, "b"))
	expect(t, h.r, frame(0, "a")+"RTSP/1.0 200 OK\r\nCSeq: 1\r\nContent-Length: 2\r\n\r\nab"+frame(0, "b"))
}
