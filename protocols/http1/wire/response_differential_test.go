package wire

import (
	"bufio"
	"bytes"
	"io"
	"net/http"
	"testing"
)

// responseSeen is what a reader makes of a response and its body.
type responseSeen struct {
	ok     bool
	status int
	body   string
	rest   int
	header http.Header
}

// oursOf reads a response as a client does, that asked with method.
func oursOf(b []byte, method string) (v responseSeen) {
	var r Response
	n, err := r.Parse(b, nil)
	if n == 0 || err != nil {
		return v
	}
	v.header = http.Header{}
	for i := range r.NumFields() {
		name, value := r.Field(i)
		v.header.Add(string(name), string(value))
	}
	v.status = r.Status()
	rest := b[n:]
	switch kind, length := r.Framing(method); kind {
	case BodyNone:
		v.ok, v.rest = true, len(rest)
	case BodyFixed:
		if v.ok = int64(len(rest)) >= length; v.ok {
			v.body, v.rest = string(rest[:length]), len(rest)-int(length)
		}
	case BodyUntilClose:
		v.ok, v.body = true, string(rest)
	default:
		var c Chunked
		for !c.Done() {
			data, k, err := c.Next(rest, nil)
			if err != nil || k == 0 {
				return v
			}
			v.body += string(data)
			rest = rest[k:]
		}
		v.ok, v.rest = true, len(rest)
	}
	return v
}

// theirsOf is net/http's ReadResponse.
func theirsOf(b []byte, method string) (v responseSeen) {
	in := bytes.NewReader(b)
	br := bufio.NewReader(in)
	res, err := http.ReadResponse(br, &http.Request{Method: method})
	if err != nil {
		return v
	}
	body, err := io.ReadAll(res.Body)
	if err != nil {
		return v
	}
	return responseSeen{true, res.StatusCode, string(body), br.Buffered() + in.Len(), res.Header}
}

// TestResponseDifferential: what we take, net/http takes the same way; what it refuses, we do not take.
func TestResponseDifferential(t *testing.T) {
	lines := []string{"HTTP/1.1 200 OK", "HTTP/1.0 200 OK", "HTTP/1.1 204 No Content", "HTTP/1.1 304 X", "HTTP/1.1 404", "HTTP/1.1 500 ", "HTTP/2.0 200 OK", "HTTP/1.1 20 OK", "X"}
	fields := []string{
		"", "Content-Length: 5\r\n", "Content-Length: 0\r\n", "Content-Length: 5\r\nContent-Length: 5\r\n", "Content-Length: 5\r\nContent-Length: 6\r\n",
		"Content-Length: +5\r\n", "Content-Length: 5, 5\r\n", "Content-Length: 99\r\n", "Transfer-Encoding: chunked\r\n", "Transfer-Encoding: gzip\r\n",
		"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n", "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", "Transfer-Encoding: identity\r\n",
		"Connection: close\r\n", "A: b\r\n c\r\n", "A : b\r\n", "A\r\n", "A: b\x00\r\n", "A: b\nC: d\r\n", "A: \x80\r\n", ": x\r\n",
	}
	bodies := []string{"", "hello", "hello more", "5\r\nhello\r\n0\r\n\r\n", "5\r\nhello\r\n0\r\n\r\nmore", "5\r\nhello", "5;a=b\r\nhello\r\n0\r\nT: v\r\n\r\n", "x\r\n", "5\r\nhelloX\r\n0\r\n\r\n"}
	both, stricter := 0, 0
	for _, line := range lines {
		for _, f := range fields {
			for _, body := range bodies {
				for _, method := range []string{"GET", "HEAD"} {
					in := []byte(line + "\r\n" + f + "\r\n" + body)
					a, b := oursOf(in, method), theirsOf(in, method)
					switch {
					case a.ok && !b.ok:
						t.Errorf("%s %q: we take it, net/http does not", method, in)
					case a.ok && (a.status != b.status || a.body != b.body || a.rest != b.rest):
						t.Errorf("%s %q: %d %q and %d more; net/http: %d %q and %d more", method, in, a.status, a.body, a.rest, b.status, b.body, b.rest)
					case a.ok:
						both++
						if got, want := a.header.Get("A"), b.header.Get("A"); got != want {
							t.Errorf("%q: %q, %q", in, got, want)
						}
					case b.ok:
						stricter++
					}
				}
			}
		}
	}
	if both < 300 || stricter == 0 {
		t.Errorf("%d taken by both, %d by net/http alone", both, stricter)
	}
	t.Logf("%d taken by both, %d by net/http alone", both, stricter)
}
