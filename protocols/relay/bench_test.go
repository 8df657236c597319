package relay

import (
	"io"
	"net"
	"net/http"
	"testing"

	"github.com/calandria-go/calandria/protocols/relay/wire"
)

// benchWorld is a relay with one agent, for benchmarks.
func benchWorld(b *testing.B, kind wire.Kind, addr string) (string, string) {
	var t testing.TB = b
	w := newWorld(t, nil)
	public := w.expose(Service{Name: "x", Kind: kind})
	w.agent([]AgentService{{Name: "x", Target: "http://" + addr}}, nil)
	return public, w.web
}

// BenchmarkDownload is 64 MiB through the relay, everything in one process: the clients' and the backend's share of the CPU is in it.
func BenchmarkDownload(b *testing.B) {
	const size = 64 << 20
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	defer ln.Close()
	go func() {
		buf := make([]byte, 64<<10)
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				for range size / len(buf) {
					if _, err := c.Write(buf); err != nil {
						return
					}
				}
			}()
		}
	}()
	public, _ := benchWorld(b, wire.KindTCP, ln.Addr().String())
	b.SetBytes(size)
	start := cpu()
	for b.Loop() {
		c, err := net.Dial("tcp", public)
		if err != nil {
			b.Fatal(err)
		}
		buf := make([]byte, 256<<10)
		n := 0
		for {
			k, err := c.Read(buf)
			n += k
			if err == io.EOF {
				break
			}
			if err != nil {
				b.Fatal(err)
			}
		}
		if n != size {
			b.Fatal(n)
		}
		c.Close()
	}
	b.ReportMetric((cpu()-start).Seconds()/(float64(b.N)*size/1e9), "cpu-s/GB")
}

// BenchmarkGet is a small GET through the relay's HTTP, on one connection.
func BenchmarkGet(b *testing.B) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	srv := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "hello") })}
	go srv.Serve(ln)
	defer srv.Close()
	_, web := benchWorld(b, wire.KindHTTP, ln.Addr().String())
	tr := &http.Transport{}
	defer tr.CloseIdleConnections()
	c := &http.Client{Transport: tr}
	for b.Loop() {
		res, err := c.Get("http://" + web + "/x/")
		if err != nil {
			b.Fatal(err)
		}
		io.Copy(io.Discard, res.Body)
		res.Body.Close()
	}
}
