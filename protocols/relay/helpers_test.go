package relay

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/calandria-go/calandria/protocols/http1"
	"github.com/calandria-go/calandria/protocols/relay/access"
	"github.com/calandria-go/calandria/protocols/relay/link"
	"github.com/calandria-go/calandria/protocols/relay/wire"
	"github.com/calandria-go/calandria/reactor"
	"github.com/calandria-go/calandria/transports/tcp"
)

// patience bounds every wait of a test.
const patience = 30 * time.Second

// The secrets of the tests.
const (
	agentSecret  = "agent-secret"
	clientSecret = "client-secret"
)

// size chooses how much a test does.
func size(short, race, soak int) int {
	switch {
	case os.Getenv("CALANDRIA_SOAK") != "":
		return soak
	case raceEnabled:
		return race
	}
	return short
}

// world is a relay with whatever else a test starts, each on a reactor of its own.
type world struct {
	t    testing.TB
	srv  *Server
	http *http1.Server
	link string // URL of the links
	web  string // address of the public HTTP
}

func newReactor(t testing.TB) *reactor.Reactor {
	t.Helper()
	r := reactor.New(reactor.Config{})
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		stop, now := context.WithCancel(ctx)
		now() // what is still open is a test's to have closed, or is aborted
		r.Shutdown(stop)
	})
	return r
}

// newWorld starts a relay; change may change it before.
func newWorld(t testing.TB, change func(s *Server)) *world {
	t.Helper()
	r := newReactor(t)
	s := &Server{
		Reactor: r,
		Rules: access.Rules{Tokens: []access.Token{
			{Secret: agentSecret, Grant: access.Grant{Name: "agents", Agent: true, Services: []string{"*"}}},
			{Secret: clientSecret, Grant: access.Grant{Name: "clients", Client: true, Services: []string{"*"}}},
		}},
		PathPrefix: true,
	}
	if change != nil {
		change(s)
	}
	if err := s.Check(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	w := &world{t: t, srv: s}
	w.link = "ws://" + listen(t, r, &http1.Server{Handler: s.Links()}) + "/"
	w.http = &http1.Server{Handler: s.HTTP()}
	w.web = listen(t, r, w.http)
	return w
}

func listen(t testing.TB, r *reactor.Reactor, p reactor.Protocol) string {
	t.Helper()
	ln, err := tcp.Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := ln.Addr().String()
	if _, err := r.Listen(ln, p); err != nil {
		t.Fatal(err)
	}
	return addr
}

// expose makes a service with a public address, and returns that.
func (w *world) expose(s Service) string {
	w.t.Helper()
	if err := w.srv.AddService(s); err != nil {
		w.t.Fatal(err)
	}
	a, err := w.srv.Listen(s.Name, "tcp://127.0.0.1:0")
	if err != nil {
		w.t.Fatal(err)
	}
	return a.String()
}

// agent starts an agent, and returns when it is linked and its services are known.
func (w *world) agent(services []AgentService, change func(a *Agent)) (a *Agent, stop func()) {
	w.t.Helper()
	a = &Agent{Services: services}
	a.Reactor, a.URL, a.Token = newReactor(w.t), w.link, agentSecret
	a.MinBackoff, a.MaxBackoff = 10*time.Millisecond, 100*time.Millisecond
	if change != nil {
		change(a)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() { a.Run(ctx) })
	stop = sync.OnceFunc(func() {
		cancel()
		wg.Wait()
	})
	w.t.Cleanup(stop)
	for _, s := range services {
		w.served(s.Name, a.ID, true)
	}
	return a, stop
}

// served waits until the service is offered by the agent, or is not any more.
func (w *world) served(name, id string, want bool) {
	w.t.Helper()
	if id == "" {
		id = "agents"
	}
	w.until("service "+name+" of "+id, func() bool {
		v := w.srv.lookup(name)
		if v == nil {
			return !want
		}
		v.mu.Lock()
		defer v.mu.Unlock()
		for _, o := range v.offers {
			if o.peer.id == id && o.peer.state.Load() == peerUp {
				return want
			}
		}
		return !want
	})
}

// until waits for something that no event tells of.
func (w *world) until(what string, ok func() bool) {
	w.t.Helper()
	deadline := time.After(patience)
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for !ok() {
		select {
		case <-tick.C:
		case <-deadline:
			w.t.Fatalf("not in %v: %s", patience, what)
		}
	}
}

// client makes a client of the relay.
func (w *world) client(change func(c *Client)) *Client {
	w.t.Helper()
	c := &Client{}
	c.Reactor, c.URL, c.Token = newReactor(w.t), w.link, clientSecret
	c.MinBackoff, c.MaxBackoff = 10*time.Millisecond, 100*time.Millisecond
	if change != nil {
		change(c)
	}
	w.t.Cleanup(func() { c.Close() })
	return c
}

// backend serves each connection with f on a goroutine, as a target.
func backend(t testing.TB, f func(c *net.TCPConn)) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			c.SetDeadline(time.Now().Add(2 * patience))
			wg.Go(func() {
				defer c.Close()
				f(c.(*net.TCPConn))
			})
		}
	})
	t.Cleanup(func() {
		ln.Close()
		wg.Wait()
	})
	return ln.Addr().String()
}

// echo sends back what it gets, and ends when its peer does.
func echo(c *net.TCPConn) {
	io.Copy(c, c)
	c.CloseWrite()
}

func dial(t testing.TB, addr string) *net.TCPConn {
	t.Helper()
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	c.SetDeadline(time.Now().Add(patience))
	t.Cleanup(func() { c.Close() })
	return c.(*net.TCPConn)
}

// pattern is n bytes, of which each part is at one place only.
func pattern(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(i ^ i>>8*31 ^ i>>16*7)
	}
	return b
}

// halfDuplex is what echoed needs of a connection.
type halfDuplex interface {
	io.ReadWriter
	CloseWrite() error
}

// echoed sends data, closes that half, and wants it all back, and then the end.
func echoed(c halfDuplex, data []byte) error {
	done := make(chan error, 1)
	go func() {
		_, err := c.Write(data)
		if err == nil {
			err = c.CloseWrite()
		}
		done <- err
	}()
	got, err := io.ReadAll(c)
	if werr := <-done; werr != nil {
		return werr
	}
	if err != nil {
		return err
	}
	if !bytes.Equal(got, data) {
		return errors.New("other bytes came back")
	}
	return nil
}

func target(addr string) string { return "tcp://" + addr }

// codeOf is the code of an error that a dial returned.
func codeOf(err error) wire.Code {
	var op *net.OpError
	if errors.As(err, &op) {
		err = op.Err
	}
	return link.CodeOf(err)
}
