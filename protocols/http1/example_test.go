package http1_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"

	"github.com/calandria-go/calandria/protocols/http1"
	"github.com/calandria-go/calandria/reactor"
	"github.com/calandria-go/calandria/transports/tcp"
)

// start serves h on a free port, and gives its address and what stops it.
func start(h http1.HandlerFunc) (addr string, stop func()) {
	ln, err := tcp.Listen("127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	r := reactor.New(reactor.Config{})
	if _, err := r.Listen(ln, &http1.Server{Handler: h, DrainIdle: -1}); err != nil {
		panic(err)
	}
	return ln.Addr().String(), func() {
		http.DefaultClient.CloseIdleConnections()
		r.Shutdown(context.Background())
	}
}

// show prints an answer.
func show(res *http.Response, err error) {
	if err != nil {
		fmt.Println(err)
		return
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	fmt.Println(res.StatusCode, len(body), strings.TrimSpace(string(body[:min(len(body), 30)])), err)
}

// A server in a few lines, and how it ends: what is in progress is finished.
func ExampleServer() {
	ln, err := tcp.Listen("127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	r := reactor.New(reactor.Config{})
	srv := &http1.Server{Handler: http1.HandlerFunc(func(x *http1.Exchange) {
		x.Respond(200, "text/plain", []byte("Hello from the loop!\n"))
	})}
	done := make(chan error)
	go func() { done <- r.Serve(ln, srv) }()

	res, err := http.Get("http://" + ln.Addr().String())
	show(res, err)
	http.DefaultClient.CloseIdleConnections()
	r.Shutdown(context.Background())
	fmt.Println(<-done)
	// Output:
	// 200 21 Hello from the loop! <nil>
	// <nil>
}

// An answer of any length: Write says when to stop, OnWritable when to go on. So memory stays flat, however slowly the
// client reads.
func ExampleExchange_Start() {
	addr, stop := start(func(x *http1.Exchange) {
		line := 0
		produce := func(x *http1.Exchange) {
			for line < 100_000 {
				line++
				full, err := x.Write(fmt.Appendf(nil, "line %d\n", line))
				if err != nil || full {
					return // OnCancel or OnWritable follows
				}
			}
			x.Finish()
		}
		x.OnWritable(produce)
		if x.Start(200, "text/plain", -1) == nil {
			produce(x)
		}
	})
	defer stop()
	res, err := http.Get("http://" + addr)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer res.Body.Close()
	n, last := 0, ""
	for s := bufio.NewScanner(res.Body); s.Scan(); n++ {
		last = s.Text()
	}
	fmt.Println(n, last)
	// Output: 100000 line 100000
}

// A body up to a limit, collected. What is larger is answered with 413 by the server.
func ExampleExchange_ReadBody() {
	addr, stop := start(func(x *http1.Exchange) {
		x.ReadBody(10, func(x *http1.Exchange, body []byte) {
			x.Respond(200, "text/plain", fmt.Appendf(nil, "got %q", body))
		})
	})
	defer stop()
	show(http.Post("http://"+addr, "text/plain", strings.NewReader("a body")))
	show(http.Post("http://"+addr, "text/plain", strings.NewReader("a larger body")))
	// Output:
	// 200 12 got "a body" <nil>
	// 413 49 Request Entity Too Large: requ <nil>
}

// A body of any length, piece by piece. PauseBody and ResumeBody stop the client while a piece is worked on.
func ExampleExchange_StreamBody() {
	addr, stop := start(func(x *http1.Exchange) {
		sum := 0
		x.StreamBody(func(x *http1.Exchange, piece []byte, last bool) {
			for _, b := range piece {
				sum += int(b)
			}
			if last {
				x.Respond(200, "text/plain", fmt.Append(nil, sum))
			}
		})
	})
	defer stop()
	show(http.Post("http://"+addr, "text/plain", strings.NewReader(strings.Repeat("\x01", 1_000_000))))
	// Output: 200 7 1000000 <nil>
}

// What blocks runs on a goroutine of its own, and answers by Post.
func ExampleExchange_Offload() {
	query := func(name string) string { return "row of " + name } // a database, say
	addr, stop := start(func(x *http1.Exchange) {
		name := string(x.Path()[1:]) // a copy: x belongs to the loop
		err := x.Offload(func() {
			row := query(name)
			x.Post(func(x *http1.Exchange) { x.Respond(200, "text/plain", []byte(row)) })
		})
		if err != nil { // too much work waits already
			x.Respond(503, "", nil)
		}
	})
	defer stop()
	res, err := http.Get("http://" + addr + "/ada")
	show(res, err)
	// Output: 200 10 row of ada <nil>
}

// echoLoud is a protocol of its own, to which a request upgrades.
type echoLoud struct{}

func (echoLoud) OnOpen(*reactor.Conn) {}

func (echoLoud) OnData(c *reactor.Conn, in []byte) int {
	c.Write([]byte(strings.ToUpper(string(in))))
	return len(in)
}

func (echoLoud) OnClose(*reactor.Conn, error) {}

// The connection goes over to another protocol in place, with the bytes that came early.
func ExampleExchange_SwitchProtocols() {
	addr, stop := start(func(x *http1.Exchange) {
		if x.SwitchProtocols("loud", echoLoud{}) != nil {
			x.Respond(426, "", nil)
		}
	})
	defer stop()
	c, err := net.Dial("tcp", addr)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer c.Close()
	io.WriteString(c, "GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: loud\r\n\r\nhello\n")
	s := bufio.NewScanner(c)
	for range 5 {
		s.Scan()
		fmt.Println(s.Text())
	}
	// Output:
	// HTTP/1.1 101 Switching Protocols
	// Connection: Upgrade
	// Upgrade: loud
	//
	// HELLO
}
