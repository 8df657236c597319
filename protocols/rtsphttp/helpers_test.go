package rtsphttp

import (
	"bufio"
	"encoding/base64"
	"fmt"
	"io"
	"net"
	"net/textproto"
	"os"
	"testing"
	"time"

	"github.com/calandria-go/calandria/protocols/http1"
	"github.com/calandria-go/calandria/reactor"
	"github.com/calandria-go/calandria/reactor/reactortest"
	"github.com/calandria-go/calandria/transports/tcp"
)

// patience bounds every wait: nothing takes so long, but for what is broken.
const patience = 30 * time.Second

// size is how often a test does something: n, fewer under the race detector, and all of it in a soak.
func size(n, race, soak int) int {
	switch {
	case os.Getenv("CALANDRIA_SOAK") != "":
		return soak
	case raceEnabled:
		return race
	}
	return n
}

// gate is a gateway that serves.
type gate struct {
	*Gateway
	addr string
	r    *reactor.Reactor
}

func newGate(t testing.TB, c Config) *gate {
	t.Helper()
	g, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	r := reactortest.NewDefault(t, reactor.Config{Loops: 2})
	ln, err := tcp.Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.Listen(ln, &http1.Server{Handler: g, MaxBodyBytes: -1}); err != nil {
		t.Fatal(err)
	}
	return &gate{g, ln.Addr().String(), r}
}

// one is the configuration of a gateway for one camera, whose messages pass as they are.
func one(cam *camera) Config { return Config{Routes: []Route{{Backend: "rtsp://" + cam.addr}}} }

// camera is a plain TCP server whose connections a test handles itself.
type camera struct {
	addr  string
	conns chan net.Conn
}

func newCamera(t testing.TB) *camera {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	cam := &camera{ln.Addr().String(), make(chan net.Conn, 4096)}
	done := make(chan struct{})
	var all []net.Conn
	go func() {
		defer close(done)
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			all = append(all, c)
			c.SetDeadline(time.Now().Add(patience))
			cam.conns <- c
		}
	}()
	t.Cleanup(func() {
		ln.Close()
		<-done
		close(cam.conns)
		for _, c := range all {
			c.Close()
		}
	})
	return cam
}

// next is the camera's next connection.
func (cam *camera) next(t testing.TB) net.Conn {
	t.Helper()
	select {
	case c := <-cam.conns:
		return c
	case <-time.After(patience):
		t.Fatal("no connection came to the camera")
		return nil
	}
}

// half is a client's connection.
type half struct {
	net.Conn
	r *bufio.Reader
}

func dialHalf(t testing.TB, addr, head string) *half {
	t.Helper()
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	c.SetDeadline(time.Now().Add(patience))
	if _, err := io.WriteString(c, head); err != nil {
		t.Fatal(err)
	}
	return &half{c, bufio.NewReader(c)}
}

// answer reads the head of an HTTP answer: its first line, and its fields.
func (h *half) answer(t testing.TB) (string, textproto.MIMEHeader) {
	t.Helper()
	tp := textproto.NewReader(h.r)
	line, err := tp.ReadLine()
	if err != nil {
		t.Fatalf("answer: %v", err)
	}
	fields, err := tp.ReadMIMEHeader()
	if err != nil {
		t.Fatalf("answer's fields: %v", err)
	}
	return line, fields
}

// expect reads what has to come next.
func expect(t testing.TB, r io.Reader, want string) {
	t.Helper()
	got := make([]byte, len(want))
	n, err := io.ReadFull(r, got)
	if string(got[:n]) != want {
		at := 0
		for at < n && got[at] == want[at] {
			at++
		}
		t.Fatalf("%d bytes, %v, of %d; from %d on %q; want %q", n, err, len(want), at, got[at:min(n, at+300)], want[at:min(len(want), at+300)])
	}
}

// expectEnd reads until the connection ends, with what may be left.
func expectEnd(t testing.TB, r io.Reader, want string) {
	t.Helper()
	got, err := io.ReadAll(r)
	if ne, ok := err.(net.Error); ok && ne.Timeout() {
		t.Fatalf("connection goes on, after %q", got)
	}
	if string(got) != want {
		t.Fatalf("at the end: %q, %v; want %q", got, err, want)
	}
}

func getHead(path, cookie string) string {
	return "GET " + path + " HTTP/1.0\r\nx-sessioncookie: " + cookie + "\r\nAccept: application/x-rtsp-tunnelled\r\nPragma: no-cache\r\nCache-Control: no-cache\r\n\r\n"
}

func postHead(path, cookie string) string {
	return "POST " + path + " HTTP/1.0\r\nx-sessioncookie: " + cookie + "\r\nContent-Type: application/x-rtsp-tunnelled\r\n" +
		"Content-Length: 32767\r\nExpires: Sun, 9 Jan 1972 00:00:00 GMT\r\n\r\n"
}

func enc(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }

// openGet opens a GET that is taken.
func openGet(t testing.TB, addr, path, cookie string) *half {
	t.Helper()
	h := dialHalf(t, addr, getHead(path, cookie))
	if line, _ := h.answer(t); line != "HTTP/1.0 200 OK" {
		t.Fatalf("GET: %s", line)
	}
	return h
}

// tunnel is a tunnel with both halves, and its camera's side.
func tunnel(t testing.TB, g *gate, cam *camera, cookie string) (get, post *half, c net.Conn) {
	t.Helper()
	get = openGet(t, g.addr, "/", cookie)
	c = cam.next(t)
	post = dialHalf(t, g.addr, postHead("/", cookie))
	return get, post, c
}

const (
	optionsText = "OPTIONS rtsp://camera/ RTSP/1.0\r\nCSeq: 1\r\n\r\n"
	okText      = "RTSP/1.0 200 OK\r\nCSeq: 1\r\n\r\n"
)

func describe(n int) string {
	return fmt.Sprintf("DESCRIBE rtsp://camera/movie.sdp RTSP/1.0\r\nCSeq: %d\r\nAccept: application/sdp\r\n\r\n", n)
}

// wait waits until f holds.
func wait(t testing.TB, what string, f func() bool) {
	t.Helper()
	end := time.Now().Add(patience)
	for !f() {
		if time.Now().After(end) {
			t.Fatal("in vain: " + what)
		}
		<-time.After(2 * time.Millisecond)
	}
}

// ended waits for a tunnel's end, with its reason.
func (g *gate) ended(t testing.TB, reason string, n uint64) {
	t.Helper()
	wait(t, fmt.Sprintf("%d tunnels end for %s", n, reason), func() bool { return g.Stats().Ended[reason] >= n })
}

func frame(channel byte, payload string) string {
	return string([]byte{'$', channel, byte(len(payload) >> 8), byte(len(payload))}) + payload
}

// tick comes after a while in which what is in flight arrives.
func tick() <-chan time.Time { return time.After(100 * time.Millisecond) }
