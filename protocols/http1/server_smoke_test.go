package http1

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/calandria-go/calandria/reactor"
)

func smokeHandler(x *Exchange) {
	switch string(x.Path()) {
	case "/echo":
		x.ReadBody(1<<20, func(x *Exchange, b []byte) { x.Respond(200, "text/plain", b) })
	case "/big":
		x.Respond(200, "text/plain", bytes.Repeat([]byte("x"), 3<<20))
	case "/later":
		x.Conn().AfterFunc(10*time.Millisecond, func() { x.Respond(200, "text/plain", []byte("later")) })
	default:
		x.Respond(200, "text/plain", []byte("Hello, World!"))
	}
}

func TestServerSmoke(t *testing.T) {
	r := reactor.New(reactor.Config{})
	addr := "127.0.0.1:0"
	if a := os.Getenv("HOLD"); a != "" {
		addr = a
	}
	ln, err := net.Listen("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	go r.Serve(ln, &Server{Handler: HandlerFunc(smokeHandler)})
	if os.Getenv("HOLD") != "" {
		time.Sleep(60 * time.Second)
	}
	base := "http://" + ln.Addr().String()
	for _, p := range []string{"/", "/later", "/big"} {
		res, err := http.Get(base + p)
		if err != nil {
			t.Fatal(err)
		}
		b, err := io.ReadAll(res.Body)
		fmt.Println(res.Status, res.Header, len(b), err)
	}
	res, err := http.Post(base+"/echo", "x/y", strings.NewReader("some body"))
	if err != nil {
		t.Fatal(err)
	}
	b, err := io.ReadAll(res.Body)
	fmt.Println(res.Status, res.Header, string(b), err)
	c, _ := net.Dial("tcp", ln.Addr().String())
	fmt.Fprintf(c, "GET / HTTP/1.1\r\nHost: a\r\n\r\nGET /later HTTP/1.1\r\nHost: a\r\n\r\nPOST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\nGET / HTTP/1.1\r\nHost : a\r\n\r\n")
	c.(*net.TCPConn).CloseWrite()
	br, err := io.ReadAll(bufio.NewReader(c))
	fmt.Println(string(br), err)
	fmt.Println(r.Shutdown(context.Background()))
}
