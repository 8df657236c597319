package rtsphttp_test

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"strings"

	"github.com/calandria-go/calandria/protocols/http1"
	"github.com/calandria-go/calandria/protocols/rtsphttp"
	"github.com/calandria-go/calandria/reactor"
	"github.com/calandria-go/calandria/transports/tcp"
)

// A gateway in front of a camera, and a client that reaches it through a tunnel.
func Example() {
	camera, err := net.Listen("tcp", "127.0.0.1:0") // stands for an RTSP camera
	if err != nil {
		fmt.Println(err)
		return
	}
	defer camera.Close()
	go func() {
		c, err := camera.Accept()
		if err != nil {
			return
		}
		defer c.Close()
		line, _ := bufio.NewReader(c).ReadString('\n')
		fmt.Printf("camera got %q\n", strings.ReplaceAll(line, camera.Addr().String(), "CAMERA"))
		fmt.Fprint(c, "RTSP/1.0 200 OK\r\nCSeq: 1\r\n\r\n")
	}()

	gateway, err := rtsphttp.New(rtsphttp.Config{Routes: []rtsphttp.Route{
		{Prefix: "/front", Backend: "rtsp://" + camera.Addr().String() + "/live"},
	}})
	if err != nil {
		fmt.Println(err)
		return
	}
	r := reactor.New(reactor.Config{Loops: 1})
	defer r.Shutdown(context.Background())
	ln, err := tcp.Listen("127.0.0.1:0")
	if err != nil {
		fmt.Println(err)
		return
	}
	if _, err := r.Listen(ln, &http1.Server{Handler: gateway, MaxBodyBytes: -1}); err != nil {
		fmt.Println(err)
		return
	}

	conn, err := rtsphttp.Dial(context.Background(), "http://"+ln.Addr().String()+"/front", &rtsphttp.DialOptions{Reactor: r})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer conn.Close()
	fmt.Fprint(conn, "OPTIONS rtsp://gateway/front RTSP/1.0\r\nCSeq: 1\r\n\r\n")
	line, _ := bufio.NewReader(conn).ReadString('\n')
	fmt.Printf("client got %q\n", line)
	// Output:
	// camera got "OPTIONS rtsp://CAMERA/live RTSP/1.0\r\n"
	// client got "RTSP/1.0 200 OK\r\n"
}
