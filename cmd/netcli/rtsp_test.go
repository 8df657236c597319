package main

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/calandria-go/calandria/protocols/http1"
	"github.com/calandria-go/calandria/protocols/rtsphttp"
	"github.com/calandria-go/calandria/reactor"
	"github.com/calandria-go/calandria/reactor/reactortest"
	"github.com/calandria-go/calandria/transports/tcp"
)

func TestRTSP(t *testing.T) {
	camera, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer camera.Close()
	go func() {
		for {
			c, err := camera.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				if line, err := bufio.NewReader(c).ReadString('\n'); err == nil {
					io.WriteString(c, "RTSP/1.0 200 OK\r\nCSeq: 1\r\nX-Was: "+line+"\r\n")
				}
			}()
		}
	}()
	g, err := rtsphttp.New(rtsphttp.Config{Routes: []rtsphttp.Route{{Backend: "rtsp://" + camera.Addr().String()}}})
	if err != nil {
		t.Fatal(err)
	}
	r := reactortest.NewDefault(t, reactor.Config{Loops: 1})
	ln, err := tcp.Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.Listen(ln, &http1.Server{Handler: g, MaxBodyBytes: -1}); err != nil {
		t.Fatal(err)
	}

	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	out, w := io.Pipe()
	var errs bytes.Buffer
	ended := make(chan int, 1)
	go func() {
		ended <- run(ctx, &env{in: strings.NewReader(""), out: w, err: &errs, getenv: func(string) string { return "" }}, []string{"rtsp", "-1", "http://" + ln.Addr().String() + "/live?x"})
		w.Close()
	}()
	url, err := bufio.NewReader(out).ReadString('\n')
	if err != nil || !strings.HasPrefix(url, "rtsp://127.0.0.1:") || !strings.HasSuffix(url, "/live?x\n") {
		t.Fatalf("%q, %v; %s", url, err, errs.String())
	}
	addr, _, _ := strings.Cut(strings.TrimPrefix(url, "rtsp://"), "/")
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(30 * time.Second))
	io.WriteString(c, "OPTIONS rtsp://x/live RTSP/1.0\r\nCSeq: 1\r\n\r\n")
	if got, err := io.ReadAll(c); err != nil || !strings.Contains(string(got), "X-Was: OPTIONS rtsp://x/live RTSP/1.0\r\n") {
		t.Errorf("%q, %v", got, err)
	}
	if code := <-ended; code != exitOK {
		t.Errorf("exit %d: %s", code, errs.String())
	}
}

func TestRTSPFails(t *testing.T) {
	for _, c := range []struct {
		url  string
		code int
	}{{"http://127.0.0.1:1/x", exitNetwork}, {"rtsp://h/", exitUsage}} {
		if code, _, errs := cli(t, "", "rtsp", c.url); code != c.code {
			t.Errorf("%s: exit %d, %s", c.url, code, errs)
		}
	}
}
