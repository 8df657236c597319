package http1

import (
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"testing"

	"github.com/calandria-go/calandria/reactor"
)

// benchRequest is what a load generator sends.
const benchRequest = "GET /plaintext HTTP/1.1\r\nHost: 127.0.0.1:8080\r\n\r\n"

func benchHandler(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	io.WriteString(w, "Hello, World!")
}

// BenchmarkStd has the allocations of one request over a real socket, the client's being none: ours and net/http's.
func BenchmarkStd(b *testing.B) {
	ln := listenBench(b)
	r := reactor.New(reactor.Config{})
	if _, err := r.Listen(ln, &Server{Handler: Std(http.HandlerFunc(benchHandler)), Logger: slog.New(slog.DiscardHandler)}); err != nil {
		b.Fatal(err)
	}
	defer r.Shutdown(context.Background())
	benchLoop(b, ln.Addr().String())
}

func BenchmarkStdNetHTTP(b *testing.B) {
	ln := listenBench(b)
	srv := &http.Server{Handler: http.HandlerFunc(benchHandler)}
	go srv.Serve(ln)
	defer srv.Close()
	benchLoop(b, ln.Addr().String())
}

func listenBench(b *testing.B) net.Listener {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	return ln
}

func benchLoop(b *testing.B, addr string) {
	c, err := net.Dial("tcp", addr)
	if err != nil {
		b.Fatal(err)
	}
	defer c.Close()
	buf := make([]byte, 4096)
	request := []byte(benchRequest)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := c.Write(request); err != nil {
			b.Fatal(err)
		}
		if n, err := c.Read(buf); err != nil || n < 100 {
			b.Fatal(n, err)
		}
	}
}
