package rtsphttp

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/calandria-go/calandria/protocols/http1/auth"
	"github.com/calandria-go/calandria/transports/netaddr"
)

func TestRoutes(t *testing.T) {
	cams := []*camera{newCamera(t), newCamera(t), newCamera(t), newCamera(t)}
	g := newGate(t, Config{Routes: []Route{
		{Prefix: "/", Backend: "rtsp://" + cams[0].addr},
		{Prefix: "/cam1", Backend: "rtsp://" + cams[1].addr},
		{Prefix: "/cam1/low/", Backend: "rtsp://" + cams[2].addr},
		{Host: "Gate.Example", Backend: "rtsp://" + cams[3].addr},
	}})
	for i, c := range []struct {
		host, path string
		want       int
	}{
		{"h", "/", 0},
		{"h", "/cam12", 0},
		{"h", "/cam1", 1},
		{"h", "/cam1/x?y", 1},
		{"h", "/cam1/lower", 1},
		{"h", "/cam1/low", 2},
		{"h:8554", "/cam1/low/x", 2},
		{"gate.example", "/", 3},
		{"GATE.example:80", "/cam1", 3},
		{"[::1]:80", "/", 0},
	} {
		dialHalf(t, g.addr, fmt.Sprintf("GET %s HTTP/1.1\r\nHost: %s\r\nx-sessioncookie: c%d\r\n\r\n", c.path, c.host, i)).answer(t)
		cams[c.want].next(t)
	}
}

func TestNoRoute(t *testing.T) {
	g := newGate(t, Config{Routes: []Route{{Prefix: "/cam", Backend: "rtsp://127.0.0.1:1"}}})
	for _, head := range []string{getHead("/", "c"), postHead("/camera", "c")} {
		if line, _ := dialHalf(t, g.addr, head).answer(t); !strings.HasSuffix(line, "404 Not Found") {
			t.Error(line)
		}
	}
}

func TestBadRoutes(t *testing.T) {
	for _, r := range []Route{
		{},
		{Backend: "127.0.0.1:554"},
		{Backend: "http://h/"},
		{Backend: "rtsp://"},
		{Backend: "rtsp://h/?q"},
		{Backend: "rtsp://h/a/../b"},
		{Backend: "rtsp://h", Prefix: "cam"},
		{Backend: "rtsp://h", Prefix: "/a?b"},
		{Backend: "rtsp://h", Prefix: "/../a"},
		{Backend: "rtsp://u:hunter2@h:port"},
		{Backend: "rtsp://a:b:1"},
		{Backend: "rtsp://h:0"},
		{Backend: "rtsp://h:65536"},
	} {
		_, err := New(Config{Routes: []Route{r}})
		if err == nil || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%+v: %v", r, err)
		}
	}
}

func TestURLsAreMapped(t *testing.T) {
	cam := newCamera(t)
	g := newGate(t, Config{Routes: []Route{{Prefix: "/front", Backend: "rtsp://" + cam.addr + "/Streaming/Channels"}}})
	get := openGet(t, g.addr, "/front/101", "c")
	c := cam.next(t)
	post := dialHalf(t, g.addr, postHead("/front/101", "c"))
	ask := func(method, url string) {
		t.Helper()
		io.WriteString(post, enc(method+" "+url+" RTSP/1.0\r\nCSeq: 1\r\n\r\n"))
	}
	camera := "rtsp://" + cam.addr + "/Streaming/Channels"
	for _, m := range [][2]string{
		{"rtsp://gate/front/101?x=1", camera + "/101?x=1"},
		{"rtsp://gate/front", camera},
		{camera + "/101/trackID=1", camera + "/101/trackID=1"},
		{"*", "*"},
	} {
		ask("OPTIONS", m[0])
		expect(t, c, "OPTIONS "+m[1]+" RTSP/1.0\r\nCSeq: 1\r\n\r\n")
	}
	for _, url := range []string{
		"rtsp://gate/back/101", "rtsp://gate/", "rtsp://gate/front/../back", "rtsp://gate/front/%2E%2e/back", "rtsp://gate/front/a%2f../x", "http://gate/front", "x",
	} {
		ask("DESCRIBE", url)
		expect(t, get.r, "RTSP/1.0 404 Not Found\r\nCSeq: 1\r\n\r\n")
	}
	sdp := "v=0\r\na=control:*\r\nm=video 0 RTP/AVP 96\r\na=control:" + camera + "/101/trackID=1\r\n"
	mapped := strings.ReplaceAll(sdp, camera, "rtsp://gate/front")
	io.WriteString(c, fmt.Sprintf("RTSP/1.0 200 OK\r\nCSeq: 1\r\nContent-Base: %s/101/\r\nContent-Type: application/sdp\r\nContent-Length: %d\r\n\r\n%s", camera, len(sdp), sdp)+
		"RTSP/1.0 200 OK\r\nRTP-Info: url="+camera+"/101/trackID=1;seq=1,url="+camera+"/102\r\n\r\n"+frame(0, camera)+
		"RTSP/1.0 302 Moved\r\nLocation: "+camera+"/103\r\n\r\nRTSP/1.0 302 Moved\r\nLocation: rtsp://other/Streaming/Channels/1\r\n\r\n")
	expect(t, get.r, fmt.Sprintf("RTSP/1.0 200 OK\r\nCSeq: 1\r\nContent-Base: rtsp://gate/front/101/\r\nContent-Type: application/sdp\r\nContent-Length: %d\r\n\r\n%s", len(mapped), mapped)+
		"RTSP/1.0 200 OK\r\nRTP-Info: url=rtsp://gate/front/101/trackID=1;seq=1,url=rtsp://gate/front/102\r\n\r\n"+frame(0, camera)+
		"RTSP/1.0 302 Moved\r\nLocation: rtsp://gate/front/103\r\n\r\nRTSP/1.0 302 Moved\r\nLocation: rtsp://other/Streaming/Channels/1\r\n\r\n")
}

func TestSetRoutes(t *testing.T) {
	a, b := newCamera(t), newCamera(t)
	g := newGate(t, one(a))
	get, post, c := tunnel(t, g, a, "c")
	if err := g.SetRoutes([]Route{{Backend: "rtsp://" + b.addr}}); err != nil {
		t.Fatal(err)
	}
	if err := g.SetRoutes([]Route{{Backend: "x"}}); err == nil {
		t.Fatal("a bad route was taken")
	}
	io.WriteString(post, enc(optionsText))
	expect(t, c, optionsText)
	io.WriteString(c, okText)
	expect(t, get.r, okText)
	openGet(t, g.addr, "/", "d")
	b.next(t)
}

func TestAllowAndDeny(t *testing.T) {
	cam := newCamera(t)
	backend := "rtsp://" + cam.addr
	g := newGate(t, Config{Routes: []Route{
		{Prefix: "/a", Backend: backend, Allow: netaddr.MustSet("10.0.0.0/8")},
		{Prefix: "/b", Backend: backend, Allow: netaddr.MustSet("127.0.0.0/8")},
		{Prefix: "/c", Backend: backend, Allow: netaddr.MustSet("127.0.0.0/8"), Deny: netaddr.MustSet("127.0.0.1/32")},
	}})
	for path, want := range map[string]string{"/a": "403 Forbidden", "/b": "200 OK", "/c": "403 Forbidden"} {
		if line, _ := dialHalf(t, g.addr, getHead(path, "x"+path[1:])).answer(t); !strings.HasSuffix(line, want) {
			t.Errorf("%s: %s", path, line)
		}
	}
}

// Both halves have to be of the same user; a 401 leaves the cookie unused.
func TestUsers(t *testing.T) {
	cam := newCamera(t)
	require, err := auth.Require(&auth.Basic{Realm: "r", Verify: auth.Passwords(map[string]string{"ann": "1", "bob": "2"})})
	if err != nil {
		t.Fatal(err)
	}
	cfg := one(cam)
	cfg.Auth = require
	g := newGate(t, cfg)
	as := func(head, user, password string) string {
		r, _ := http.NewRequest("GET", "/", nil)
		r.SetBasicAuth(user, password)
		return strings.TrimSuffix(head, "\r\n") + "Authorization: " + r.Header.Get("Authorization") + "\r\n\r\n"
	}
	if line, h := dialHalf(t, g.addr, getHead("/", "c")).answer(t); !strings.HasSuffix(line, "401 Unauthorized") || h.Get("WWW-Authenticate") == "" {
		t.Error(line)
	}
	get := dialHalf(t, g.addr, as(getHead("/", "c"), "ann", "1"))
	if line, _ := get.answer(t); line != "HTTP/1.0 200 OK" {
		t.Fatal(line)
	}
	c := cam.next(t)
	if line, _ := dialHalf(t, g.addr, postHead("/", "c")).answer(t); !strings.HasSuffix(line, "401 Unauthorized") {
		t.Error(line)
	}
	dialHalf(t, g.addr, as(postHead("/", "c"), "bob", "2")+enc(describe(666)))
	wait(t, "bob's POST waits for a GET of bob's", func() bool { return g.Stats().Pending == 2 })
	dialHalf(t, g.addr, as(postHead("/", "c"), "ann", "1")+enc(optionsText))
	expect(t, c, optionsText)
	if all := g.Sessions(0); len(all) != 1 || all[0].User != "ann" || all[0].Kind != "http" || all[0].Viewer != "127.0.0.1" || all[0].Camera != "rtsp://"+cam.addr {
		t.Errorf("%+v", all)
	}
}
