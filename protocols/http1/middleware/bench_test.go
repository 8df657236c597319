package middleware

import (
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/calandria-go/calandria/protocols/http1"
	"github.com/calandria-go/calandria/protocols/http1/middleware/compress"
)

// BenchmarkRequest has what each middleware adds to a request with the fields of a browser: pipelined ones, so that the socket
// counts little. The allocations are the server's: the client has none.
func BenchmarkRequest(b *testing.B) {
	h := native(func(x *http1.Exchange) { x.Respond(200, "text/plain", []byte("hello")) })
	for _, bc := range []struct {
		name string
		wrap []http1.Middleware
	}{
		{"none", nil},
		{"recover", []http1.Middleware{(&Recover{}).Middleware()}},
		{"request-id", []http1.Middleware{(&RequestID{}).Middleware()}},
		{"cors", []http1.Middleware{(&CORS{Origins: []string{"https://a.example"}}).Middleware()}},
		{"security", []http1.Middleware{(&SecurityHeaders{}).Middleware()}},
		{"timeout", []http1.Middleware{(&Timeout{}).Middleware()}},
		{"etag", []http1.Middleware{(&ETag{}).Middleware()}},
		{"responses", []http1.Middleware{(&compress.Responses{}).Middleware()}},
		{"requests", []http1.Middleware{(&compress.Requests{}).Middleware()}},
		{"all", []http1.Middleware{
			(&RequestID{}).Middleware(), (&Recover{}).Middleware(), (&SecurityHeaders{}).Middleware(), (&CORS{Origins: []string{"https://a.example"}}).Middleware(),
			(&Timeout{}).Middleware(), (&compress.Responses{}).Middleware(), (&ETag{}).Middleware(), (&compress.Requests{}).Middleware(),
		}},
	} {
		b.Run(bc.name, func(b *testing.B) { benchRequests(b, http1.Chain(h, bc.wrap...)) })
	}
}

func benchRequests(b *testing.B, h http1.Handler) {
	const batch = 100
	c, err := net.Dial("tcp", serve(b, h))
	if err != nil {
		b.Fatal(err)
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(10 * time.Minute))
	in := []byte(strings.Repeat(request("GET", "User-Agent: Mozilla/5.0", "Accept: text/html", "Accept-Language: en", "Accept-Encoding: gzip, deflate, br, zstd",
		"Origin: https://a.example"), batch))
	buf := make([]byte, 256<<10)
	ask := func() {
		if _, err := c.Write(in); err != nil {
			b.Fatal(err)
		}
	}
	ask()
	size := 0
	for got := 0; got < batch; { // once, to know the size of an answer
		n, err := c.Read(buf[size:])
		if err != nil {
			b.Fatal(err)
		}
		size += n
		got = strings.Count(string(buf[:size]), "\r\n\r\nhello")
	}
	b.ReportAllocs()
	b.ResetTimer()
	for n := 0; n < b.N; n += batch {
		ask()
		if _, err := io.ReadFull(c, buf[:size]); err != nil {
			b.Fatal(err)
		}
	}
}
