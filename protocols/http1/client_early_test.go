package http1_test

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/calandria-go/calandria/protocols/http1"
	"github.com/calandria-go/calandria/reactor"
	"github.com/calandria-go/calandria/reactor/reactortest"
)

// zeros is an endless body.
type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}

// A server that answers an upload early and closes, without reading the rest, resets the connection behind its answer. The
// answer is not lost for it (RFC 9112 section 9.5).
func TestClientEarlyAnswerAndReset(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	go func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			br := bufio.NewReaderSize(c, 512)
			for {
				if line, err := br.ReadString('\n'); err != nil || line == "\r\n" {
					break
				}
			}
			io.WriteString(c, "HTTP/1.1 413 Content Too Large\r\nContent-Length: 9\r\nConnection: close\r\n\r\ntoo large")
			c.Close() // with bytes that were not read: a reset
		}
	}()
	cl := &http1.Client{Reactor: reactortest.NewDefault(t, reactor.Config{Loops: 1}), Proxy: http1.Direct}
	defer cl.Close()
	for range size(200, 50, 5000) {
		req, _ := http.NewRequest("POST", "http://"+ln.Addr().String()+"/", io.LimitReader(zeros{}, 64<<20))
		req.ContentLength = 64 << 20
		res, err := cl.RoundTrip(req)
		if err != nil {
			t.Fatal(err)
		}
		var b strings.Builder
		if _, err := io.Copy(&b, res.Body); err != nil || res.StatusCode != 413 || b.String() != "too large" {
			t.Fatalf("%s %q: %v", res.Status, b.String(), err)
		}
		res.Body.Close()
	}
}
