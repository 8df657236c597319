package http1

import (
	"bufio"
	"crypto/sha256"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"runtime"
	"testing"
	"time"

	"github.com/calandria-go/calandria/reactor"
)

// A handler that never reads stops the client, and costs no memory.
func TestStdStuckHandler(t *testing.T) {
	offered := int64(256 << 20)
	if os.Getenv("CALANDRIA_SOAK") != "" {
		offered = 2 << 30
	}
	for name, framing := range map[string]string{"length": "Content-Length: 4294967296", "chunked": "Transfer-Encoding: chunked"} {
		t.Run(name, func(t *testing.T) { stuckHandler(t, framing, offered) })
	}
}

func stuckHandler(t *testing.T, framing string, offered int64) {
	entered, release := make(chan struct{}), make(chan struct{})
	s := startStd(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		close(entered)
		<-release
	}), func(srv *Server, _ *reactor.Config) { srv.MaxBodyBytes = -1 })
	defer close(release)
	c := s.dial()
	fmt.Fprintf(c, "POST / HTTP/1.1\r\nHost: a\r\n%s\r\n\r\n", framing)
	if framing[0] == 'T' {
		fmt.Fprint(c, "100000000\r\n")
	}
	wait(t, entered, "handler")
	piece := make([]byte, 1<<20)
	before := heap()
	var sent int64
	for sent < offered {
		// The window is closed when nothing fits for this long.
		c.SetWriteDeadline(time.Now().Add(300 * time.Millisecond))
		n, err := c.Write(piece)
		sent += int64(n)
		if err != nil {
			break
		}
	}
	grown := int64(heap()) - int64(before)
	if sent >= offered {
		t.Errorf("the server took all of %d bytes", sent)
	}
	if grown > 8<<20 {
		t.Errorf("the heap grew by %d bytes", grown)
	}
	t.Logf("%d bytes taken by kernel and server, heap grew by %d", sent, grown)
}

func heap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapInuse
}

// A handler that reads slowly gets every byte.
func TestStdSlowHandlerGetsAll(t *testing.T) {
	const size = 5 << 20
	s := startStd(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		sum := sha256.New()
		buf := make([]byte, 1000)
		for {
			n, err := r.Body.Read(buf)
			sum.Write(buf[:n])
			runtime.Gosched()
			if err != nil {
				fmt.Fprintf(w, "%x %v", sum.Sum(nil), err)
				return
			}
		}
	}))
	body := pattern(size)
	for _, framing := range []string{"length", "chunked"} {
		t.Run(framing, func(t *testing.T) {
			c := s.dial()
			go func() {
				if framing == "length" {
					fmt.Fprintf(c, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n", size)
					c.Write(body)
					return
				}
				fmt.Fprint(c, "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n")
				for i := 0; i < size; i += 70_000 {
					p := body[i:min(i+70_000, size)]
					fmt.Fprintf(c, "%x\r\n%s\r\n", len(p), p)
				}
				fmt.Fprint(c, "0\r\n\r\n")
			}()
			_, got := readAnswer(t, bufio.NewReader(c))
			if want := fmt.Sprintf("%x EOF", sha256.Sum256(body)); got != want {
				t.Errorf("got %s, want %s", got, want)
			}
		})
	}
}

func pattern(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(i * i >> 5)
	}
	return b
}

// A client that does not read stops the handler at HighWater, and gets every byte when it goes on.
func TestStdSlowReader(t *testing.T) {
	const pieces, size = 1000, 64 << 10
	written := make(chan int, pieces)
	s := startStd(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer close(written) // by the handler alone: the client may have all of the body before the last send
		p := pattern(size)
		for i := range pieces {
			if _, err := w.Write(p); err != nil {
				return
			}
			written <- i
		}
	}))
	c := s.dial()
	c.(*net.TCPConn).SetReadBuffer(64 << 10)
	fmt.Fprint(c, get("/"))
	last := 0
	for stopped := false; !stopped; {
		select {
		case i, ok := <-written:
			if !ok {
				t.Fatalf("the handler has ended after %d pieces to a client that does not read", last)
			}
			last = i
		case <-time.After(300 * time.Millisecond): // nothing moves any more
			stopped = true
		}
	}
	if last > pieces/2 {
		t.Errorf("the handler has written %d of %d pieces to a client that does not read", last, pieces)
	}
	go func() {
		for range written {
		}
	}()
	res, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		t.Fatal(err)
	}
	sum, want := sha256.New(), sha256.New()
	n, err := io.Copy(sum, res.Body)
	for range pieces {
		want.Write(pattern(size))
	}
	if n != pieces*size || err != nil || string(sum.Sum(nil)) != string(want.Sum(nil)) {
		t.Errorf("%d bytes, %v", n, err)
	}
}
