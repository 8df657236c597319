package http1_test

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/calandria-go/calandria/protocols/http1"
	"github.com/calandria-go/calandria/reactor"
)

func TestLingerTimeout(t *testing.T) {
	for _, c := range []struct {
		name string
		set  time.Duration
		want time.Duration
	}{{"default", 0, 5 * time.Second}, {"set", 2 * time.Second, 2 * time.Second}} {
		t.Run(c.name, func(t *testing.T) {
			srv := &http1.Server{Logger: quiet, Handler: http1.HandlerFunc(echo), LingerTimeout: c.set}
			bubble(t, srv, reactor.Config{}, func(t *testing.T, h *host) {
				p := h.dial()
				start := time.Now()
				p.send("bad\r\n\r\n")
				p.want(400, any)
				p.end() // FIN at once
				if time.Since(start) > late {
					t.Errorf("FIN after %v", time.Since(start))
				}
				drip(p, "xxxx", 100*time.Millisecond) // does not extend it
				if got := h.closed(1); got == "" || got == "closed" {
					t.Errorf("reason %q", got)
				}
				onTime(t, start, c.want)
			})
		})
	}
}

func TestLingerBytes(t *testing.T) {
	for _, c := range []struct {
		name      string
		set, want int
	}{{"default", 0, 4 << 20}, {"set", 100 << 10, 100 << 10}} {
		t.Run(c.name, func(t *testing.T) {
			srv := &http1.Server{Logger: quiet, Handler: http1.HandlerFunc(echo), LingerBytes: c.set, LingerTimeout: hour}
			bubble(t, srv, reactor.Config{}, func(t *testing.T, h *host) {
				p := h.dial()
				p.send("bad\r\n\r\n")
				p.want(400, any)
				p.end()
				sent, piece := 0, make([]byte, 1<<10)
				for len(h.reasons()) == 0 {
					n, err := p.Write(piece)
					sent += n
					if err != nil {
						break
					}
					synctest.Wait()
				}
				if sent < c.want || sent > c.want+128<<10 {
					t.Errorf("%d bytes were thrown away, want %d", sent, c.want)
				}
			})
		})
	}
}

// The client that is told why can read it, however much it goes on sending: no reset overtakes the answer.
func TestLingerLetsTheAnswerThrough(t *testing.T) {
	srv := &http1.Server{Logger: quiet, Handler: http1.HandlerFunc(echo), MaxBodyBytes: 10}
	h := serve(t, "tcp", srv, reactor.Config{})
	for range 50 {
		p := h.connect()
		p.send(request("POST", "/", "Content-Length: 1000000") + strings.Repeat("x", 1000000))
		p.want(413, any)
		p.end()
		p.Close()
	}
}
