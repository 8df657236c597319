package wire_test

import (
	"errors"
	"fmt"

	"github.com/calandria-go/calandria/protocols/http1/wire"
)

// A head comes in pieces; Parse is called with all that has come so far.
func ExampleRequest() {
	var r wire.Request
	in := []byte("GET /search?q=reactor HTTP/1.1\r\nHost: example.com\r\nAccept: */*\r\n\r\n")
	n, err := r.Parse(in[:20], nil)
	fmt.Println(n, err)
	n, err = r.Parse(in, nil)
	fmt.Println(n == len(in), err)
	accept, _ := r.Get("accept")
	fmt.Printf("%s %s %s %s %s\n", r.Method(), r.Path(), r.RawQuery(), r.Authority(), accept)
	// Output:
	// 0 <nil>
	// true <nil>
	// GET /search q=reactor example.com */*
}

// A refusal says what to answer, what to count, and which rule it rests on.
func ExampleError() {
	var r wire.Request
	_, err := r.Parse([]byte("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n"), nil)
	var e *wire.Error
	if errors.As(err, &e) {
		fmt.Println(e.Status, e.Reason, e.Section)
		fmt.Println(err)
	}
	// Output:
	// 400 both_cl_and_te RFC 9112 6.3
	// http1: both Content-Length and Transfer-Encoding (RFC 9112 6.3)
}

func ExampleChunked() {
	var c wire.Chunked
	in := []byte("5\r\nhello\r\n7;x=y\r\n, world\r\n0\r\nDigest: abc\r\n\r\nnext message")
	for !c.Done() {
		data, n, err := c.Next(in, nil)
		if err != nil || n == 0 {
			break // a bad body, or more bytes are needed
		}
		fmt.Printf("%s", data)
		in = in[n:]
	}
	fmt.Println()
	fmt.Println(c.Trailers())
	fmt.Printf("%s\n", in)
	// Output:
	// hello, world
	// [{Digest abc}]
	// next message
}

func ExampleResponse() {
	var r wire.Response
	in := []byte("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello")
	n, err := r.Parse(in, nil)
	fmt.Println(r.Status(), string(r.Reason()), string(in[n:]), err)
	fmt.Println(r.Framing("GET"))
	fmt.Println(r.Framing("HEAD"))
	// Output:
	// 200 OK hello <nil>
	// fixed 5
	// none 0
}

func ExampleAppendField() {
	b := wire.AppendStatusLine(nil, 200)
	b, _ = wire.AppendField(b, "Content-Type", "text/plain")
	b, err := wire.AppendField(b, "X-User", "eve\r\nSet-Cookie: admin=1")
	fmt.Println(err)
	b = wire.AppendContentLength(b, 2)
	b = append(b, "\r\nhi"...)
	fmt.Printf("%q\n", b)
	// Output:
	// http1: control character in a field value (RFC 9110 5.5)
	// "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 2\r\n\r\nhi"
}

func ExampleAppendLastChunk() {
	b := wire.AppendChunk(nil, []byte("hello"))
	b, err := wire.AppendLastChunk(b, []wire.Field{{Name: "Digest", Value: "abc"}})
	fmt.Printf("%q %v\n", b, err)
	// Output:
	// "5\r\nhello\r\n0\r\nDigest: abc\r\n\r\n" <nil>
}
