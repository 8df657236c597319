package rest_test

import (
	"context"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/calandria-go/calandria/protocols/http1"
	"github.com/calandria-go/calandria/protocols/websocket"
	"github.com/calandria-go/calandria/protocols/websocket/rest"
	"github.com/calandria-go/calandria/reactor"
	"github.com/calandria-go/calandria/transports/tcp"
)

const patience = 30 * time.Second

func newReactor(t testing.TB) *reactor.Reactor {
	t.Helper()
	r := reactor.New(reactor.Config{StallAfter: -1})
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		r.Shutdown(ctx)
	})
	return r
}

func waiting(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	t.Cleanup(cancel)
	return ctx
}

// serve upgrades every request to what mk makes.
func serve(t testing.TB, r *reactor.Reactor, mk func() websocket.Handler) string {
	t.Helper()
	ln, err := tcp.Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &websocket.Server{Protocols: []string{rest.Protocol, rest.Synopse}}
	l, err := r.Listen(ln, &http1.Server{Handler: http1.HandlerFunc(func(x *http1.Exchange) { s.Upgrade(x, mk()) })})
	if err != nil {
		t.Fatal(err)
	}
	return "ws://" + l.Addr().String() + "/"
}

// pair connects two peers: the one that was dialed, and the one that dialed.
func pair(t testing.TB, protocol string, server, client rest.Config) (s, c *rest.Peer) {
	t.Helper()
	r := newReactor(t)
	opened := make(chan *rest.Peer, 1)
	server.OnOpen = func(p *rest.Peer) { opened <- p }
	url := serve(t, r, func() websocket.Handler { return rest.New(server) })
	c = rest.New(client)
	conn, err := websocket.Dial(waiting(t), url, &websocket.DialOptions{Reactor: r, Handler: c, Protocols: []string{protocol}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		conn.Abort(nil)
		<-c.Done()
	})
	select {
	case s = <-opened:
	case <-time.After(patience):
		t.Fatal("the server's end does not open")
	}
	return s, c
}

// ask makes a request and reads the answer.
func ask(t testing.TB, p *rest.Peer, method, uri, body string, fields ...string) (*http.Response, string) {
	t.Helper()
	var b io.Reader
	if body != "" {
		b = strings.NewReader(body)
	}
	r, err := http.NewRequestWithContext(waiting(t), method, uri, b)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(fields); i += 2 {
		r.Header.Add(fields[i], fields[i+1])
	}
	resp, err := p.Client().Do(r)
	if err != nil {
		t.Fatalf("%s %s: %v", method, uri, err)
	}
	defer resp.Body.Close()
	got, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatalf("%s %s: body: %v", method, uri, err)
	}
	return resp, string(got)
}

// raw is a client that speaks frames by hand.
type raw struct {
	t testing.TB
	c *websocket.Conn
}

func dialRaw(t testing.TB, cfg rest.Config, protocol string) *raw {
	t.Helper()
	r := newReactor(t)
	url := serve(t, r, func() websocket.Handler { return rest.New(cfg) })
	o := &websocket.DialOptions{Reactor: r}
	if protocol != "" {
		o.Protocols = []string{protocol}
	}
	c, err := websocket.Dial(waiting(t), url, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Abort(nil) })
	return &raw{t, c}
}

func (w *raw) send(op websocket.Opcode, p string) {
	w.t.Helper()
	if err := w.c.Send(op, []byte(p)); err != nil {
		w.t.Fatal(err)
	}
}

func (w *raw) read() (string, error) {
	_, p, err := w.c.Read(waiting(w.t))
	return string(p), err
}

func (w *raw) want(p string) {
	w.t.Helper()
	got, err := w.read()
	if err != nil || got != p {
		w.t.Errorf("got %q, %v; want %q", got, err, p)
	}
}

// eventually waits for what only a hang keeps from happening.
func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	limit, tick := time.After(patience), time.NewTicker(2*time.Millisecond)
	defer tick.Stop()
	for !ok() {
		select {
		case <-tick.C:
		case <-limit:
			t.Fatalf("not within %v: %s", patience, what)
		}
	}
}
