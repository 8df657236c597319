package http1_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"

	"github.com/calandria-go/calandria/protocols/http1"
	"github.com/calandria-go/calandria/protocols/http1/wire"
	"github.com/calandria-go/calandria/reactor"
	"github.com/calandria-go/calandria/transports/tcp"
)

func ExampleClient() {
	origin := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, "hello, ", r.URL.Path) }))
	defer origin.Close()
	r := reactor.New(reactor.Config{Loops: 1, StallAfter: -1})
	cl := &http1.Client{Reactor: r, Proxy: http1.Direct}

	res, err := cl.Get(context.Background(), origin.URL+"/world")
	if err != nil {
		panic(err)
	}
	body, _ := io.ReadAll(res.Body)
	res.Body.Close()
	fmt.Printf("%d %s\n", res.StatusCode, body)

	cl.Close()
	fmt.Println(r.Shutdown(context.Background()))
	// Output:
	// 200 hello, /world
	// <nil>
}

// A proxy in front of one server.
func ExampleProxy() {
	origin := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, r.URL.Path, " for ", r.Header.Get("X-Forwarded-For"))
	}))
	defer origin.Close()
	r := reactor.New(reactor.Config{Loops: 1, StallAfter: -1})
	ln, err := tcp.Listen("127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	p := &http1.Proxy{Upstreams: []string{origin.URL + "/app"}}
	if _, err := r.Listen(ln, &http1.Server{Handler: p}); err != nil {
		panic(err)
	}

	cl := &http1.Client{Reactor: r, Proxy: http1.Direct}
	res, err := cl.Get(context.Background(), "http://"+ln.Addr().String()+"/x")
	if err != nil {
		panic(err)
	}
	body, _ := io.ReadAll(res.Body)
	res.Body.Close()
	fmt.Println(string(body))

	cl.Close()
	p.Close()
	fmt.Println(r.Shutdown(context.Background()))
	// Output:
	// /app/x for 127.0.0.1
	// <nil>
}

// printer prints what comes of a call.
type printer struct {
	call http1.Call
	done chan error
}

func (p *printer) OnInform(*http1.Call, *wire.Response) {}
func (p *printer) OnHead(_ *http1.Call, r *wire.Response) {
	fmt.Println(r.Status())
}
func (p *printer) OnPiece(_ *http1.Call, piece []byte) { fmt.Println(string(piece)) }
func (p *printer) OnWritable(*http1.Call)              {}
func (p *printer) OnDone(_ *http1.Call, err error)     { p.done <- err }

// A request on a connection of one's own, with callbacks on its loop.
func ExampleClientConn() {
	origin := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "hello") }))
	defer origin.Close()
	r := reactor.New(reactor.Config{Loops: 1, StallAfter: -1})
	cc := &http1.ClientConn{}
	if _, err := r.Dial(context.Background(), origin.Listener.Addr().(*net.TCPAddr), reactor.DialOptions{}, cc); err != nil {
		panic(err)
	}
	p := &printer{done: make(chan error, 1)}
	if err := cc.Send(&p.call, &http1.ClientRequest{Target: "/", Host: "localhost", NoLength: true}, nil, p); err != nil {
		panic(err)
	}
	fmt.Println(<-p.done)
	cc.Close()
	fmt.Println(r.Shutdown(context.Background()))
	// Output:
	// 200
	// hello
	// <nil>
	// <nil>
}
