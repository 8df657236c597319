package main

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/calandria-go/calandria/protocols/websocket"
	"github.com/calandria-go/calandria/reactor"
)

const patience = 30 * time.Second

// running is a site in this process.
type running struct {
	*site
	t       testing.TB
	clients *reactor.Reactor
	addr    string
	done    bool
}

// start runs a site that keeps its history in dir, if that is given.
func start(t testing.TB, dir string, args ...string) *running {
	t.Helper()
	history := "off"
	if dir != "" {
		history = filepath.Join(dir, "history.jsonl")
	}
	if !slices.Contains(args, "-listen") {
		args = append(args, "-listen", "127.0.0.1:0")
	}
	o, err := parseFlags(append(args, "-history", history))
	if err != nil {
		t.Fatal(err)
	}
	s, err := newSite(o, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	urls, err := s.listen()
	if err != nil {
		t.Fatal(err)
	}
	r := &running{site: s, t: t, clients: reactor.New(reactor.Config{StallAfter: -1}), addr: strings.TrimSuffix(strings.TrimPrefix(urls[0], "http://"), "/")}
	t.Cleanup(r.end)
	return r
}

// end drains it.
func (r *running) end() {
	if r.done {
		return
	}
	r.done = true
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := r.drain(ctx); err != nil {
		r.t.Error(err)
	}
	r.close()
	r.t.Cleanup(func() { r.clients.Shutdown(context.Background()) }) // after those that end the clients
}

// user is a client of the chat.
type user struct {
	t testing.TB
	c *websocket.Conn
}

func (r *running) dial(path string) *user {
	r.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	c, err := websocket.Dial(ctx, "ws://"+r.addr+path, &websocket.DialOptions{Reactor: r.clients})
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(func() { c.Abort(nil) })
	return &user{r.t, c}
}

// join dials and joins, and gives the answers up to "ready".
func (r *running) join(room, name string, s *since, more ...string) (*user, []got) {
	r.t.Helper()
	u := r.dial("/chat")
	in := map[string]any{"t": "join", "room": room, "name": name, "since": s}
	if len(more) > 0 {
		in["key"] = more[0]
	}
	u.send(in)
	return u, u.until("ready")
}

func (u *user) send(m any) {
	u.t.Helper()
	b, err := json.Marshal(m)
	if err == nil {
		err = u.c.Send(websocket.Text, b)
	}
	if err != nil {
		u.t.Fatal(err)
	}
}

func (u *user) say(id, text string) { u.send(map[string]string{"t": "say", "id": id, "text": text}) }

// got is what a client gets.
type got struct {
	outgoing
	M said `json:"m"`
}

func (u *user) read() got {
	u.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	_, p, err := u.c.Read(ctx)
	if err != nil {
		u.t.Fatal(err)
	}
	var g got
	if err := json.Unmarshal(p, &g); err != nil {
		u.t.Fatalf("%s: %v", p, err)
	}
	return g
}

// until reads up to a message of that kind.
func (u *user) until(kind string) (all []got) {
	u.t.Helper()
	for {
		g := u.read()
		if all = append(all, g); g.T == kind {
			return all
		}
		if g.T == "error" {
			u.t.Fatalf("%+v", g)
		}
	}
}

// last is what until ended with.
func (u *user) last(kind string) got {
	u.t.Helper()
	all := u.until(kind)
	return all[len(all)-1]
}

// untilWho reads until these are there.
func (u *user) untilWho(names ...string) {
	u.t.Helper()
	for {
		if g := u.last("who"); slices.Equal(g.Names, names) && g.Count == len(names) {
			return
		}
	}
}

// texts are those of the room's messages among what came.
func texts(all []got) string {
	var s []string
	for _, g := range all {
		if g.T == "msg" {
			s = append(s, g.M.Text)
		}
	}
	return strings.Join(s, " ")
}

func get(t testing.TB, url string) (int, http.Header) {
	t.Helper()
	resp, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	http.DefaultClient.CloseIdleConnections()
	return resp.StatusCode, resp.Header
}
