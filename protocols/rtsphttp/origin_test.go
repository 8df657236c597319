package rtsphttp

import (
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"strings"
	"testing"
)

// TestOrigin is the regression test of the gateway that this one descends from: 100 clients, all GETs and then all POSTs; 11 rounds, in
// every eighth of which each POST sends one DESCRIBE, wrapped as QuickTime does, whose text the camera checks; in each round the camera
// sends a line, which the GET must read exactly. At the end half of the clients close their POST first, and half their GET.
func TestOrigin(t *testing.T) {
	const clients, rounds = 100, 11
	cam := newCamera(t)
	g := newGate(t, one(cam))
	type client struct {
		cookie    string
		get, post *half
		cam       net.Conn
	}
	all := make([]*client, clients)
	for i := range all {
		c := &client{cookie: fmt.Sprintf("%04d", i) + strings.Repeat("abcdefghijklmnopqrstuvwxyz12345", 1)[:16+rand.IntN(16)]}
		c.get = openGet(t, g.addr, "/", c.cookie)
		c.cam = cam.next(t)
		all[i] = c
	}
	if st := g.Stats(); st.Pending != clients {
		t.Errorf("%d halves wait", st.Pending)
	}
	for _, c := range all {
		c.post = dialHalf(t, g.addr, postHead("/", c.cookie))
	}
	for round := range rounds {
		for i, c := range all {
			if round%8 == 0 {
				text := fmt.Sprintf("DESCRIBE rtsp://localhost:554/movie%d.sdp RTSP/1.0\r\nCSeq: %d\r\nAccept: application/sdp\r\nBandwidth: 1500000\r\nAccept-Language: en-US\r\nUser-Agent: QTS (qtver=4.1;cpu=PPC;os=Mac 8.6)\r\n\r\n", i, round)
				b := enc(text)
				io.WriteString(c.post, b[:60]+"\r\n"+b[60:120]+"\r\n"+b[120:])
				expect(t, c.cam, text)
			}
			io.WriteString(c.cam, fmt.Sprintf("session %d %s\n", round, c.cookie))
		}
		for _, c := range all {
			expect(t, c.get.r, fmt.Sprintf("session %d %s\n", round, c.cookie))
		}
	}
	if st := g.Stats(); st.Open != clients || st.Pending != 0 {
		t.Errorf("%+v", st)
	}
	for i, c := range all {
		if i%2 == 0 {
			c.post.Close()
			c.get.Close()
		} else {
			c.get.Close()
			c.post.Close()
		}
	}
	for _, c := range all {
		expectEnd(t, c.cam, "")
	}
	g.ended(t, "viewer_gone", clients)
}
