package rtsphttp

import (
	"io"
	"testing"
)

func setup(transport string) string {
	return "SETUP rtsp://camera/t1 RTSP/1.0\r\nCSeq: 3\r\nTransport: " + transport + "\r\n\r\n"
}

func TestSetupOverUDPIsRefused(t *testing.T) {
	cam := newCamera(t)
	g := newGate(t, one(cam))
	get, post, c := tunnel(t, g, cam, "c")
	io.WriteString(post, enc(setup("RTP/AVP;unicast;client_port=4000-4001")))
	expect(t, get.r, "RTSP/1.0 461 Unsupported Transport\r\nCSeq: 3\r\n\r\n")
	io.WriteString(post, enc(setup("RTP/AVP;unicast;client_port=4000-4001,RTP/AVP/TCP;interleaved=0-1")))
	expect(t, c, setup("RTP/AVP/TCP;interleaved=0-1"))
	io.WriteString(post, enc(setup("RTP/AVP/TCP;unicast;interleaved=2-3")))
	expect(t, c, setup("RTP/AVP/TCP;unicast;interleaved=2-3"))
}

func TestSetupOverUDPIsRewritten(t *testing.T) {
	cam := newCamera(t)
	cfg := one(cam)
	cfg.Routes[0].Interleave = true
	g := newGate(t, cfg)
	_, post, c := tunnel(t, g, cam, "c")
	for _, channels := range []string{"0-1", "2-3"} {
		io.WriteString(post, enc(setup("RTP/AVP;unicast;client_port=4000-4001")))
		expect(t, c, setup("RTP/AVP/TCP;unicast;interleaved="+channels))
	}
}

// The gateway's own answer does not fall into a frame or a body of the camera's.
func TestAnswerBetweenFrames(t *testing.T) {
	const refused = "RTSP/1.0 461 Unsupported Transport\r\nCSeq: 3\r\n\r\n"
	const body = "RTSP/1.0 200 OK\r\nCSeq: 2\r\nContent-Length: 10\r\n\r\n0123456789"
	for name, first := range map[string]struct{ one, two string }{
		"frame": {frame(0, "0123456789")[:8], frame(0, "0123456789")[8:]},
		"body":  {body[:len(body)-5], body[len(body)-5:]},
	} {
		t.Run(name, func(t *testing.T) {
			cam := newCamera(t)
			g := newGate(t, one(cam))
			get, post, c := tunnel(t, g, cam, "c")
			io.WriteString(c, first.one)
			expect(t, get.r, first.one)
			io.WriteString(post, enc(setup("RTP/AVP;unicast")+optionsText))
			expect(t, c, optionsText) // so the SETUP has been answered
			io.WriteString(c, first.two+frame(1, "next"))
			expect(t, get.r, first.two+refused+frame(1, "next"))
		})
	}
}
