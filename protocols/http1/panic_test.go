package http1_test

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/calandria-go/calandria/protocols/http1"
	"github.com/calandria-go/calandria/reactor"
)

// A panic costs its own connection, in whichever call it comes; it is logged once, and others are served on the same loop.
func TestPanicCostsOneConnection(t *testing.T) {
	boom := func() { panic("on purpose") }
	for _, c := range []struct {
		name   string
		handle func(x *http1.Exchange)
		in     string
	}{
		{"handler", func(x *http1.Exchange) { boom() }, get("/boom")},
		{"after the answer", func(x *http1.Exchange) { hello(x); boom() }, get("/boom")},
		{"in the middle of an answer", func(x *http1.Exchange) { x.Start(200, "", 5); x.Write([]byte("he")); boom() }, get("/boom")},
		{"ReadBody", func(x *http1.Exchange) { x.ReadBody(9, func(*http1.Exchange, []byte) { boom() }) }, post("/boom", "abc")},
		{"ReadBody without one", func(x *http1.Exchange) { x.ReadBody(9, func(*http1.Exchange, []byte) { boom() }) }, get("/boom")},
		{"StreamBody", func(x *http1.Exchange) { x.StreamBody(func(*http1.Exchange, []byte, bool) { boom() }) }, post("/boom", "abc")},
		{"OnWritable", func(x *http1.Exchange) {
			x.OnWritable(func(*http1.Exchange) { boom() })
			x.Start(200, "", -1)
			x.Write(make([]byte, 400<<10))
		}, get("/boom")},
		{"OnCancel", func(x *http1.Exchange) {
			x.OnCancel(func(*http1.Exchange, error) { boom() })
			echo(x)
		}, request("POST", "/boom", "Content-Length: 500000")},
		{"timer", func(x *http1.Exchange) { x.Conn().AfterFunc(time.Second, boom) }, get("/boom")},
		{"Post", func(x *http1.Exchange) { x.Post(func(*http1.Exchange) { boom() }) }, get("/boom")},
		{"Offload", func(x *http1.Exchange) { x.Offload(boom) }, get("/boom")},
	} {
		t.Run(c.name, func(t *testing.T) {
			srv := &http1.Server{Logger: quiet, Handler: http1.HandlerFunc(func(x *http1.Exchange) {
				if string(x.Path()) == "/boom" {
					c.handle(x)
					return
				}
				hello(x)
			})}
			bubble(t, srv, reactor.Config{}, func(t *testing.T, h *host) {
				bystander, p := h.dial(), h.dial()
				bystander.send(get("/"))
				bystander.want(200, "hello")
				p.send(get("/"))
				p.want(200, "hello")
				p.send(get("/") + get("/") + c.in + get("/")) // at once: a later one could meet the reset
				pass(30 * time.Second)                        // a client that reads nothing, for OnWritable
				p.gone()
				p.Close()
				synctest.Wait()
				if n := h.log.count("on purpose"); n != 1 {
					t.Errorf("logged %d times", n)
				}
				if got := h.closed(1); got != "panic" && c.name != "OnCancel" {
					t.Errorf("reason is %q", got)
				}
				// The loop's shared buffers hold nothing of it.
				bystander.send(strings.Repeat(get("/"), 50) + post("/", "abc"))
				for range 51 {
					bystander.want(200, "hello")
				}
				fresh := h.dial()
				fresh.send(get("/"))
				fresh.want(200, "hello")
				if n := h.stats().Opened - h.stats().Closed; n != 2 {
					t.Errorf("%d connections are open", n)
				}
			})
		})
	}
}
