package http1_test

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/calandria-go/calandria/protocols/http1"
	"github.com/calandria-go/calandria/reactor"
)

// One connection's handler answers for another's that waits, on the same loop.
func TestAnswerFromAnotherConnection(t *testing.T) {
	var waiting []*http1.Exchange
	srv := &http1.Server{Handler: http1.HandlerFunc(func(x *http1.Exchange) {
		if string(x.Path()) == "/wait" {
			waiting = append(waiting, x)
			return
		}
		for _, w := range waiting {
			w.Respond(200, "", x.Request().RawQuery())
		}
		waiting = nil
		hello(x)
	})}
	bubble(t, srv, reactor.Config{}, func(t *testing.T, h *host) {
		a, b, c := h.dial(), h.dial(), h.dial()
		for i := range 20 {
			a.send(get("/wait") + get("/"))
			b.send(get("/wait"))
			synctest.Wait()
			// In the middle of a batch of c's own answers.
			c.send(get("/") + get(fmt.Sprintf("/?n%d", i)) + get("/"))
			_ = i
			a.want(200, "")
			a.want(200, "hello")
			b.want(200, "")
			c.want(200, "hello")
			c.want(200, "hello")
			c.want(200, "hello")
		}
	})
}

// What a handler took out of an exchange stays its own while it waits: the read buffer is another's by then.
func TestExchangeOutlivesTheReadBuffer(t *testing.T) {
	var mu sync.Mutex
	show := func(x *http1.Exchange, body []byte) []byte {
		r := x.Request()
		v, _ := r.Get("X-Long")
		return fmt.Appendf(nil, "%s %s?%s %s %s %s", x.Method(), x.Path(), r.RawQuery(), r.Host(), v, body)
	}
	later := map[string]func(x *http1.Exchange, body []byte){
		"timer": func(x *http1.Exchange, body []byte) {
			x.Conn().AfterFunc(time.Minute, func() { x.Respond(200, "", show(x, body)) })
		},
		"post": func(x *http1.Exchange, body []byte) {
			x.Post(func(x *http1.Exchange) { x.Respond(200, "", show(x, body)) })
		},
		"offload": func(x *http1.Exchange, body []byte) {
			own := bytes.Clone(body)
			x.Offload(func() {
				mu.Lock()
				defer mu.Unlock()
				x.Post(func(x *http1.Exchange) { x.Respond(200, "", show(x, own)) })
			})
		},
	}
	for name, f := range later {
		t.Run(name, func(t *testing.T) {
			srv := &http1.Server{Logger: quiet, Handler: http1.HandlerFunc(func(x *http1.Exchange) {
				x.ReadBody(1<<20, func(x *http1.Exchange, b []byte) { f(x, b) })
			})}
			bubble(t, srv, reactor.Config{}, func(t *testing.T, h *host) {
				value := strings.Repeat("v", 300)
				p, q := h.dial(), h.dial()
				for _, n := range []int{0, 1, 100, 40_000} {
					body := strings.Repeat("b", n)
					p.send(post("/p?q=r", body, "X-Long: "+value) + get("/next"))
					q.send(post("/other", "o") + get("/next")) // overwrites the loop's buffer
					p.want(200, "POST /p?q=r a "+value+" "+body)
					p.want(200, "GET /next? a  ")
					q.want(200, "POST /other? a  o")
					q.want(200, "GET /next? a  ")
				}
			})
		})
	}
}

// A streamed answer goes on when OnWritable says so, and comes complete, through timers too.
func TestOnWritable(t *testing.T) {
	const total = 3 << 20
	srv := &http1.Server{Handler: http1.HandlerFunc(func(x *http1.Exchange) {
		left, stops := total, 0
		x.Start(200, "", -1)
		more := func(x *http1.Exchange) {
			for left > 0 {
				n := min(left, 10_000)
				left -= n
				full, err := x.Write(bytes.Repeat([]byte("w"), n))
				if err != nil {
					t.Error(err)
				}
				if full && left > 0 {
					stops++
					return
				}
			}
			if stops == 0 {
				t.Error("it never had to stop")
			}
			x.Finish()
		}
		x.OnWritable(more)
		more(x)
	})}
	bubble(t, srv, reactor.Config{}, func(t *testing.T, h *host) {
		p := h.dial()
		p.send(get("/") + get("/"))
		for range 2 {
			pass(10 * time.Second)
			if r := p.read("GET"); len(r.Body) != total {
				t.Fatalf("%d bytes", len(r.Body))
			}
		}
	})
}

// More blocking work than there may be is an error that the handler can answer.
func TestOffloadOverload(t *testing.T) {
	release := make(chan bool)
	srv := &http1.Server{Handler: http1.HandlerFunc(func(x *http1.Exchange) {
		err := x.Offload(func() {
			<-release
			x.Post(func(x *http1.Exchange) { hello(x) })
		})
		if errors.Is(err, reactor.ErrOverload) {
			x.Respond(503, "", nil)
		} else if err != nil {
			t.Error(err)
		}
	})}
	h := serve(t, "tcp", srv, reactor.Config{MaxWorkers: 1, MaxQueued: 1})
	var all []*peer
	for range 2 {
		p := h.connect()
		p.send(get("/"))
		all = append(all, p)
	}
	eventually(t, "both are taken", func() bool {
		p := h.connect()
		defer p.Close()
		p.send(get("/"))
		p.SetReadDeadline(time.Now().Add(50 * time.Millisecond))
		_, err := p.br.Peek(1)
		if err == nil {
			p.want(503, "")
			return true
		}
		return false
	})
	close(release)
	for _, p := range all {
		r := p.read("GET")
		if r.Status != 200 && r.Status != 503 {
			t.Error(r.Status)
		}
	}
}
