package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/calandria-go/calandria/protocols/http1"
	"github.com/calandria-go/calandria/protocols/websocket"
	"github.com/calandria-go/calandria/protocols/websocket/wire"
	"github.com/calandria-go/calandria/reactor"
	"github.com/calandria-go/calandria/transports/tcp"
)

// wsSite is a WebSocket server: an echo, one that closes, one that refuses, and one that plays a fuzzing server of three cases.
type wsSite struct {
	url string

	mu      sync.Mutex
	echoed  []string
	reports int
}

type wsHandler struct {
	open    func(c *websocket.Conn)
	message func(c *websocket.Conn, op websocket.Opcode, p []byte)
}

func (h wsHandler) OnOpen(c *websocket.Conn) {
	if h.open != nil {
		h.open(c)
	}
}

func (h wsHandler) OnMessage(c *websocket.Conn, op websocket.Opcode, p []byte) {
	if h.message != nil {
		h.message(c, op, p)
	}
}
func (h wsHandler) OnClose(*websocket.Conn, error) {}

func newWSSite(t *testing.T) *wsSite {
	t.Helper()
	s := &wsSite{}
	r := reactor.New(reactor.Config{StallAfter: -1})
	t.Cleanup(func() { r.Shutdown(context.Background()) })
	ln, err := tcp.Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ws := &websocket.Server{Config: websocket.Config{Deflate: &websocket.Deflate{}}, Protocols: []string{"b"}}
	_, err = r.Listen(ln, &http1.Server{Handler: http1.HandlerFunc(func(x *http1.Exchange) {
		if h, ok := s.handler(string(x.Path()), string(x.Request().RawQuery())); ok {
			ws.Upgrade(x, h)
			return
		}
		x.Respond(http.StatusForbidden, "text/plain", []byte("no\n"))
	})})
	if err != nil {
		t.Fatal(err)
	}
	s.url = "ws://" + ln.Addr().String()
	return s
}

func (s *wsSite) handler(path, query string) (wsHandler, bool) {
	say := func(text string) func(c *websocket.Conn) {
		return func(c *websocket.Conn) {
			c.Send(websocket.Text, []byte(text))
			c.Close(websocket.NormalClosure, "")
		}
	}
	switch path {
	case "/echo":
		return wsHandler{message: func(c *websocket.Conn, op websocket.Opcode, p []byte) { c.Send(op, p) }}, true
	case "/about":
		return wsHandler{open: func(c *websocket.Conn) {
			_, packed := c.Compression()
			say(fmt.Sprint(c.Subprotocol(), " ", packed))(c)
		}}, true
	case "/bad":
		return wsHandler{open: func(c *websocket.Conn) { c.Close(wire.InternalError, "broken") }}, true
	case "/getCaseCount":
		return wsHandler{open: say("3")}, true
	case "/runCase":
		return wsHandler{
			open: func(c *websocket.Conn) { c.Send(websocket.Text, []byte(query)) },
			message: func(c *websocket.Conn, _ websocket.Opcode, p []byte) {
				s.mu.Lock()
				s.echoed = append(s.echoed, string(p))
				s.mu.Unlock()
				c.Close(websocket.NormalClosure, "")
			},
		}, true
	case "/updateReports":
		return wsHandler{open: func(c *websocket.Conn) {
			s.mu.Lock()
			s.reports++
			s.mu.Unlock()
			c.Close(websocket.NormalClosure, "")
		}}, true
	}
	return wsHandler{}, false
}

func TestWS(t *testing.T) {
	s := newWSSite(t)
	for _, tc := range []struct {
		name, in string
		args     []string
		code     int
		out      string
	}{
		{"lines", "one\ntwo\n", []string{"/echo", "-wait", "300ms"}, exitOK, "one\ntwo\n"},
		{"compressed", strings.Repeat("long ", 500), []string{"/echo", "-wait", "300ms", "-deflate"}, exitOK, strings.Repeat("long ", 500) + "\n"},
		{"binary", "\xff\xfe\n", []string{"/echo", "-wait", "300ms", "-binary"}, exitOK, "\xff\xfe"},
		{"sub-protocol", "", []string{"/about", "-wait", "-1s", "-protocol", "a", "-protocol", "b", "-deflate"}, exitOK, "b true\n"},
		{"the server closes with an error", "", []string{"/bad", "-wait", "-1s"}, exitProtocol, ""},
		{"refused", "", []string{"/other"}, exitStatus, ""},
		{"no URL", "", nil, exitUsage, ""},
	} {
		args := append([]string{"ws", "-noproxy"}, tc.args...)
		if len(tc.args) > 0 {
			args[2] = s.url + tc.args[0]
		}
		code, out, errs := cli(t, tc.in, args...)
		if code != tc.code || out != tc.out {
			t.Errorf("%s: %d, %q; want %d, %q\n%s", tc.name, code, out, tc.code, tc.out, errs)
		}
	}
	if code, _, errs := cli(t, "", "ws", "ws://127.0.0.1:1/", "-noproxy"); code != exitNetwork {
		t.Errorf("nobody there: %d\n%s", code, errs)
	}
}

func TestWSJSON(t *testing.T) {
	s := newWSSite(t)
	code, out, errs := cli(t, "a \"line\"\n", "ws", s.url+"/echo", "-wait", "300ms", "-json", "-noproxy")
	var m messageJSON
	if err := json.Unmarshal([]byte(out), &m); code != exitOK || err != nil || m.Type != "text" || *m.Text != `a "line"` {
		t.Errorf("%d, %q, %v\n%s", code, out, err, errs)
	}
}

// The usual loop against a fuzzing server.
func TestWSTestee(t *testing.T) {
	s := newWSSite(t)
	code, out, errs := cli(t, "", "ws-testee", s.url, "an agent", "-deflate", "-noproxy")
	if code != exitOK || !strings.HasPrefix(out, "3 cases run") {
		t.Fatalf("%d, %q\n%s", code, out, errs)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	want := "case=1&agent=an+agent|case=2&agent=an+agent|case=3&agent=an+agent"
	if got := strings.Join(s.echoed, "|"); got != want || s.reports != 1 {
		t.Errorf("echoed %q; want %q; %d reports", got, want, s.reports)
	}
	if code, _, _ := cli(t, "", "ws-testee", s.url+"/x", "a", "-noproxy"); code != exitStatus {
		t.Errorf("no such server: %d", code)
	}
}
