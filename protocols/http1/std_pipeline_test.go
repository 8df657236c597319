package http1

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/calandria-go/calandria/reactor"
)

// Requests that come in one piece are answered one after the other, in order, whatever each takes.
func TestStdPipelined(t *testing.T) {
	const n = 200
	var mu sync.Mutex
	running, most := 0, 0
	s := startStd(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		running++
		most = max(most, running)
		mu.Unlock()
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		fmt.Fprintf(w, "%s %s", r.URL.Path, body)
		if len(r.URL.Path)%2 == 0 {
			w.(http.Flusher).Flush()
		}
		mu.Lock()
		running--
		mu.Unlock()
	}))
	c := s.dial()
	go func() {
		var b strings.Builder
		for i := range n {
			switch i % 3 {
			case 0:
				b.WriteString(get(fmt.Sprint("/", i)))
			case 1:
				fmt.Fprintf(&b, "POST /%d HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nbody", i)
			case 2:
				fmt.Fprintf(&b, "POST /%d HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nbody\r\n0\r\n\r\n", i)
			}
		}
		io.WriteString(c, b.String())
	}()
	br := bufio.NewReader(c)
	for i := range n {
		want := fmt.Sprintf("/%d ", i)
		if i%3 > 0 {
			want += "body"
		}
		if _, body := readAnswer(t, br); body != want {
			t.Fatalf("answer %d is %q", i, body)
		}
	}
	mu.Lock()
	defer mu.Unlock()
	if most != 1 {
		t.Errorf("%d requests of one connection ran at once", most)
	}
}

// A client that sends requests and reads no answers is stopped, not answered into memory without end.
func TestStdPipelinedWithoutReading(t *testing.T) {
	var count atomic.Int32
	s := startStd(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		count.Add(1)
		w.Write(make([]byte, 2000))
	}), func(_ *Server, cfg *reactor.Config) { cfg.MaxUnsent = 1 << 20 })
	const n = 8000
	c := s.dial()
	c.(*net.TCPConn).SetReadBuffer(32 << 10)
	sent := make(chan error, 1)
	go func() {
		_, err := io.WriteString(c, strings.Repeat("GET / HTTP/1.1\r\nHost: a\r\nPad: "+strings.Repeat("x", 4000)+"\r\n\r\n", n))
		sent <- err
	}()
	select {
	case err := <-sent:
		t.Fatal("the server took all requests", err)
	case <-time.After(300 * time.Millisecond):
	}
	br := bufio.NewReader(c)
	for range n {
		if _, body := readAnswer(t, br); len(body) != 2000 {
			t.Fatal(len(body))
		}
	}
	if err := wait(t, sent, "requests"); err != nil || count.Load() != n {
		t.Error(err, count.Load())
	}
}

// A client that half-closes gets its whole answer, every time.
func TestStdHalfClosed(t *testing.T) {
	n := 1000
	if os.Getenv("CALANDRIA_SOAK") != "" {
		n = 10_000
	}
	h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		if len(body) > 2 {
			w.(http.Flusher).Flush()
		}
		w.Write(body)
	})
	for name, start := range map[string]func(*testing.T, http.Handler, ...func(*Server, *reactor.Config)) *stdServer{"tcp": startStd, "unix": startUnix} {
		t.Run(name, func(t *testing.T) {
			s := start(t, h)
			var wg sync.WaitGroup
			for worker := range 4 {
				wg.Go(func() {
					for i := worker; i < n; i += 4 {
						body := strings.Repeat("x", i%5*1000)
						got := s.exchange(fmt.Sprintf("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n%s", len(body), body))
						res, err := http.ReadResponse(bufio.NewReader(strings.NewReader(got)), nil)
						if err != nil {
							t.Errorf("request %d: %v", i, err)
							return
						}
						if all, err := io.ReadAll(res.Body); string(all) != body || err != nil {
							t.Errorf("request %d: %d bytes, %v", i, len(all), err)
						}
					}
				})
			}
			wg.Wait()
		})
	}
}
