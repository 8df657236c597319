package http1_test

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/calandria-go/calandria/protocols/http1/internal/conform"
)

// peer is the client's end of a connection, which reads answers strictly.
type peer struct {
	net.Conn
	t  testing.TB
	br *bufio.Reader
}

func newPeer(t testing.TB, c net.Conn) *peer { return &peer{c, t, bufio.NewReader(c)} }

func (p *peer) send(s string) {
	p.t.Helper()
	if _, err := io.WriteString(p.Conn, s); err != nil {
		p.t.Fatalf("send: %v", err)
	}
}

// halfClose sends FIN.
func (p *peer) halfClose() {
	p.t.Helper()
	if err := p.Conn.(interface{ CloseWrite() error }).CloseWrite(); err != nil {
		p.t.Fatal(err)
	}
}

// read reads one answer to a request of that method, an interim one included.
func (p *peer) read(method string) *conform.Response {
	p.t.Helper()
	r, err := conform.ReadResponse(p.br, &conform.Answer{Method: method})
	if err != nil {
		p.t.Fatal(err)
	}
	return r
}

// want reads an answer to a GET or POST and compares it.
func (p *peer) want(status int, body string) *conform.Response {
	p.t.Helper()
	r := p.read("GET")
	if r.Status != status || body != any && r.Body != body {
		p.t.Fatalf("answer is %d %.80q, want %d %.80q", r.Status, r.Body, status, body)
	}
	return r
}

// any stands for a body that does not matter.
const any = "\x00any"

// end wants FIN, and nothing before it.
func (p *peer) end() {
	p.t.Helper()
	if rest, err := io.ReadAll(p.br); err != nil || len(rest) > 0 {
		p.t.Fatalf("instead of the end: %.200q, %v", rest, err)
	}
}

// gone wants a reset or the end, after whatever.
func (p *peer) gone() {
	p.t.Helper()
	if _, err := io.Copy(io.Discard, p.br); errors.Is(err, os.ErrDeadlineExceeded) {
		p.t.Fatalf("the connection is still there")
	}
}

// silent wants nothing to come for d, by the bubble's clock.
func (p *peer) silent(d time.Duration) {
	p.t.Helper()
	p.SetReadDeadline(time.Now().Add(d))
	if b, err := p.br.Peek(1); !errors.Is(err, os.ErrDeadlineExceeded) {
		p.t.Fatalf("instead of silence: %q, %v", b, err)
	}
	p.SetReadDeadline(time.Time{})
}

// get is a request.
func get(path string, fields ...string) string {
	return "GET " + path + " HTTP/1.1\r\nHost: a\r\n" + lines(fields) + "\r\n"
}

func request(method, path string, fields ...string) string {
	return method + " " + path + " HTTP/1.1\r\nHost: a\r\n" + lines(fields) + "\r\n"
}

// post is a request with a body.
func post(path, body string, fields ...string) string {
	return request("POST", path, append(fields, fmt.Sprintf("Content-Length: %d", len(body)))...) + body
}

// chunked is a request with a chunked body of these pieces.
func chunked(path string, trailers string, pieces ...string) string {
	var b strings.Builder
	b.WriteString(request("POST", path, "Transfer-Encoding: chunked"))
	for _, p := range pieces {
		fmt.Fprintf(&b, "%x\r\n%s\r\n", len(p), p)
	}
	b.WriteString("0\r\n" + trailers + "\r\n")
	return b.String()
}

func lines(fields []string) string {
	var b strings.Builder
	for _, f := range fields {
		b.WriteString(f + "\r\n")
	}
	return b.String()
}
