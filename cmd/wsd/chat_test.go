package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/calandria-go/calandria/protocols/websocket"
	"github.com/calandria-go/calandria/protocols/websocket/wire"
)

// Two people in a room: messages, presence, a name that is taken, leaving.
func TestRoom(t *testing.T) {
	s := start(t, "")
	ann, hello := s.join("Lobby", " Ann  B ", nil)
	if g := hello[0]; g.T != "joined" || g.Room != "lobby" || g.Name != "Ann B" || g.Epoch == "" {
		t.Errorf("%+v", g)
	}
	ann.untilWho("Ann B")
	other, hello := s.join("lobby", "Ann B", nil)
	if hello[0].Name != "Ann B 2" {
		t.Errorf("%+v", hello[0])
	}
	ann.untilWho("Ann B", "Ann B 2")
	elsewhere, _ := s.join("kitchen", "Carl", nil)
	ann.say("1", "hello\x07 there ")
	for _, u := range []*user{ann, other} {
		g := u.last("msg")
		if g.Room != "lobby" || g.Seq != 1 || g.M.ID != "1" || g.M.From != "Ann B" || g.M.Text != "hello there" || g.M.At == 0 {
			t.Errorf("%+v", g)
		}
	}
	ann.say("1", "again") // sent twice, as after a lost connection
	if g := ann.last("ack"); g.ID != "1" {
		t.Errorf("%+v", g)
	}
	other.c.Close(websocket.NormalClosure, "")
	ann.untilWho("Ann B")
	elsewhere.untilWho("Carl")
}

// A person who comes back, by whose key it is known, keeps the name; the connection before is closed.
func TestComeBack(t *testing.T) {
	s := start(t, "")
	first, _ := s.join("lobby", "Ann", nil, "key")
	_, hello := s.join("lobby", "Ann", nil, "key")
	if hello[0].Name != "Ann" {
		t.Errorf("%+v", hello[0])
	}
	for {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		_, _, err := first.c.Read(ctx)
		cancel()
		if err != nil {
			if got := websocket.CloseStatus(err); got != codeReplaced {
				t.Errorf("closed with %d: %v", got, err)
			}
			break
		}
	}
}

func TestRefused(t *testing.T) {
	s := start(t, "")
	u := s.dial("/chat")
	for in, want := range map[string]string{
		`{"t":"say","text":"x"}`:                     "join a room first",
		`{"t":"join","room":"a b","name":"x"}`:       errRoom.Error(),
		`{"t":"join","room":"#presence","name":"x"}`: errRoom.Error(),
		`{"t":"join","room":"a","name":" "}`:         errName.Error(),
		`{"t":"join","room":"a","name":"\u0001"}`:    errName.Error(),
		`{"t":"dance"}`:                              "unknown message",
		`{`:                                          errJSON.Error(),
	} {
		u.c.Send(websocket.Text, []byte(in))
		if g := u.read(); g.T != "error" || g.Text != want {
			t.Errorf("%s: %+v", in, g)
		}
	}
	u.c.Send(websocket.Binary, []byte{1})
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if _, _, err := u.c.Read(ctx); websocket.CloseStatus(err) != websocket.UnsupportedData {
		t.Error(err)
	}
	joined := s.dial("/chat?room=lobby&name=Dora")
	joined.until("ready")
	joined.c.Send(websocket.Text, []byte("just a text"))
	if g := joined.last("msg"); g.M.From != "Dora" || g.M.Text != "just a text" || g.M.ID == "" {
		t.Errorf("%+v", g)
	}
	for _, text := range []string{" ", strings.Repeat("x", maxText+1)} {
		joined.say("long", text)
		for {
			if g := joined.read(); g.T == "error" {
				if g.ID != "long" || g.Text != errText.Error() {
					t.Errorf("%+v", g)
				}
				break
			}
		}
	}
}

// One who says much in no time is slowed down, and nothing of it is lost.
func TestFast(t *testing.T) {
	s := start(t, "")
	u, _ := s.join("lobby", "Ann", nil)
	n := burst + 4
	for i := range n {
		u.say(fmt.Sprint(i), fmt.Sprint("text ", i))
	}
	for i := range n {
		if g := u.last("msg"); g.M.Text != fmt.Sprint("text ", i) {
			t.Fatalf("%d: %+v", i, g)
		}
	}
}

// What was said before a restart, and what others said meanwhile, is there for one who comes back, and for one who comes first.
func TestRestart(t *testing.T) {
	dir := t.TempDir()
	s := start(t, dir)
	ann, hello := s.join("lobby", "Ann", nil)
	epoch := hello[0].Epoch
	for _, text := range []string{"one", "two"} {
		ann.say("id-"+text, text)
		ann.until("msg")
	}
	if code := closedWith(ann); code != 0 {
		t.Error(code)
	}
	s.end()
	if code := closedWith(ann); code != websocket.GoingAway {
		t.Errorf("closed with %d", code)
	}
	// The last line was cut by a crash.
	name := filepath.Join(dir, "history.jsonl")
	b, err := os.ReadFile(name)
	if err != nil || os.WriteFile(name, append(b, `{"room":"lobby","seq":3,"da`...), 0o600) != nil {
		t.Fatal(err)
	}

	s = start(t, dir)
	bob, hello := s.join("lobby", "Bob", nil)
	if got := texts(hello); got != "one two" || hello[0].Epoch != epoch {
		t.Errorf("%q, %+v", got, hello[0])
	}
	bob.say("id-three", "three")
	bob.until("msg")
	ann, hello = s.join("lobby", "Ann", &since{Epoch: epoch, Seq: 2})
	if got := texts(hello); got != "three" || hello[len(hello)-1].Gap || hello[len(hello)-1].Seq != 3 {
		t.Errorf("%q, %+v", got, hello)
	}
	ann.say("id-two", "two") // its first sending was said before the restart
	ann.until("ack")
	if _, hello = s.join("lobby", "Carl", &since{Epoch: "other", Seq: 9}); texts(hello) != "one two three" {
		t.Errorf("%q", texts(hello))
	}
}

// closedWith is the code that the connection was closed with; 0 while it is open and nothing came.
func closedWith(u *user) websocket.CloseCode {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	u.c.Send(websocket.Text, []byte(`{"t":"ping"}`)) // fails if it is closed
	for {
		_, p, err := u.c.Read(ctx)
		if err != nil {
			return websocket.CloseStatus(err)
		}
		if bytes.Contains(p, []byte(`"pong"`)) {
			return 0
		}
	}
}

// A journal that has grown is written anew with what the rooms keep.
func TestRewrite(t *testing.T) {
	dir := t.TempDir()
	s := start(t, dir)
	data := bytes.Repeat([]byte("x"), 1000)
	data = append(append([]byte(`{"id":"`), data...), `"}`...)
	for range 3 * roomHistory {
		if _, err := s.chat.hub.Publish("lobby", websocket.Text, data); err != nil {
			t.Fatal(err)
		}
	}
	s.end()
	name := filepath.Join(dir, "history.jsonl")
	before, err := os.Stat(name)
	if err != nil {
		t.Fatal(err)
	}
	s = start(t, dir)
	after, err := os.Stat(name)
	if err != nil {
		t.Fatal(err)
	}
	if after.Size() > before.Size()/2 || len(s.chat.hub.History("lobby")) != roomHistory {
		t.Errorf("%d bytes, then %d, %d messages", before.Size(), after.Size(), len(s.chat.hub.History("lobby")))
	}
}

// A history that cannot be kept is no reason not to chat.
func TestNoJournal(t *testing.T) {
	dir := t.TempDir()
	if err := os.MkdirAll(filepath.Join(dir, "history.jsonl"), 0o700); err != nil {
		t.Fatal(err)
	}
	s := start(t, dir)
	u, _ := s.join("lobby", "Ann", nil)
	u.say("1", "hello")
	u.until("msg")
}

func TestEcho(t *testing.T) {
	s := start(t, "", "-deflate", "-max-message", "16MiB")
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	c, err := websocket.Dial(ctx, "ws://"+s.addr+"/echo", &websocket.DialOptions{
		Reactor: s.reactor, Config: websocket.Config{Limits: wire.Limits{MaxMessage: 16 << 20}},
	})
	if err != nil {
		t.Fatal(err)
	}
	p := bytes.Repeat([]byte("calandria "), 16<<20/10)
	if err := c.Send(websocket.Binary, p); err != nil {
		t.Fatal(err)
	}
	if op, got, err := c.Read(ctx); err != nil || op != websocket.Binary || !bytes.Equal(got, p) {
		t.Fatalf("%v, %d bytes, %v", op, len(got), err)
	}

	// More than is read away while a connection lingers would be answered with a reset: so a small limit here.
	small := start(t, "", "-max-message", "64KiB").dial("/echo")
	small.c.Send(websocket.Binary, make([]byte, 64<<10+1))
	if _, _, err := small.c.Read(ctx); websocket.CloseStatus(err) != websocket.MessageTooBig {
		t.Error(err)
	}
}

func TestPaths(t *testing.T) {
	s := start(t, "")
	for path, want := range map[string]int{
		"/": 200, "/app.js": 200, "/style.css": 200, "/icon.svg": 200, "/healthz": 200, "/metrics": 200, "/debug/calandria/": 200,
		"/chat": 400, "/echo": 400, "/other": 404,
	} {
		code, h := get(t, "http://"+s.addr+path)
		if code != want && !(want == 400 && code == 426) {
			t.Errorf("%s: %d", path, code)
		}
		if path == "/" && !strings.Contains(h.Get("Content-Security-Policy"), "default-src 'none'") {
			t.Errorf("%v", h)
		}
	}
	own := start(t, "", "-metrics", "127.0.0.1:0")
	if code, _ := get(t, "http://"+own.addr+"/metrics"); code != 404 {
		t.Errorf("metrics on the main listener: %d", code)
	}
}

func TestFlags(t *testing.T) {
	for _, args := range [][]string{{"-max-message", "0"}, {"-max-message", "x"}, {"-max-message", "2000GiB"}, {"more"}, {"-what"}} {
		if o, err := parseFlags(args); err == nil {
			t.Errorf("%q: %+v", args, o)
		}
	}
	o, err := parseFlags([]string{"-max-message", "64KiB", "-listen", "127.0.0.1:8081"})
	if err != nil || o.maxMessage != 64<<10 {
		t.Fatal(o, err)
	}
	t.Setenv("XDG_CACHE_HOME", "/c")
	if name, err := o.historyFile(); name != "/c/calandria-wsd/127.0.0.1_8081.jsonl" || err != nil {
		t.Error(name, err)
	}
	o.listen = "127.0.0.1:0"
	if name, _ := o.historyFile(); name != "" {
		t.Error(name)
	}
}
