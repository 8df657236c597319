package http1_test

import (
	"context"
	"io"
	"testing"
	"testing/synctest"
	"time"

	"github.com/calandria-go/calandria/protocols/http1"
	"github.com/calandria-go/calandria/reactor"
)

func TestDrain(t *testing.T) {
	handler := http1.HandlerFunc(func(x *http1.Exchange) {
		if string(x.Path()) == "/later" {
			x.Conn().AfterFunc(3*time.Second, func() { hello(x) })
			return
		}
		hello(x)
	})
	shutdown := func(h *host) chan error {
		done := make(chan error, 1)
		go func() { done <- h.r.Shutdown(context.Background()) }()
		synctest.Wait()
		return done
	}
	for _, c := range []struct {
		name   string
		set    time.Duration
		want   time.Duration
		reason string
	}{
		{"default", 0, time.Second, "closed"},
		{"set", 4 * time.Second, 4 * time.Second, "closed"},
		{"not at all", -1, 0, "shutdown"},
	} {
		t.Run("idle/"+c.name, func(t *testing.T) {
			bubble(t, &http1.Server{Handler: handler, DrainIdle: c.set}, reactor.Config{}, func(t *testing.T, h *host) {
				p := h.dial()
				p.send(get("/"))
				p.want(200, "hello")
				start := time.Now()
				done := shutdown(h)
				p.end()
				onTime(t, start, c.want)
				p.Close()
				if err := <-done; err != nil {
					t.Error(err)
				}
				if got := h.reasons()[0]; got != c.reason {
					t.Errorf("reason is %q, want %q", got, c.reason)
				}
			})
		})
	}
	t.Run("a last request", func(t *testing.T) {
		bubble(t, &http1.Server{Handler: handler}, reactor.Config{}, func(t *testing.T, h *host) {
			p := h.dial()
			p.send(get("/"))
			p.want(200, "hello")
			done := shutdown(h)
			pass(900 * time.Millisecond)
			p.send(get("/"))
			if r := p.want(200, "hello"); !r.Has("Connection", "close") {
				t.Errorf("%+v", r.Fields)
			}
			p.end()
			p.Close()
			if err := <-done; err != nil {
				t.Error(err)
			}
		})
	})
	t.Run("in progress", func(t *testing.T) {
		bubble(t, &http1.Server{Handler: handler}, reactor.Config{}, func(t *testing.T, h *host) {
			p := h.dial()
			start := time.Now()
			p.send(get("/later"))
			pass(time.Second)
			done := shutdown(h)
			if r := p.want(200, "hello"); !r.Has("Connection", "close") {
				t.Errorf("%+v", r.Fields)
			}
			p.end()
			onTime(t, start, 3*time.Second)
			p.Close()
			if err := <-done; err != nil {
				t.Error(err)
			}
		})
	})
	t.Run("a head in progress", func(t *testing.T) {
		bubble(t, &http1.Server{Handler: handler}, reactor.Config{}, func(t *testing.T, h *host) {
			p := h.dial()
			p.send("GET / HTTP/1.1\r\n")
			synctest.Wait()
			done := shutdown(h)
			pass(5 * time.Second)
			p.send("Host: a\r\n\r\n")
			if r := p.want(200, "hello"); !r.Has("Connection", "close") {
				t.Errorf("%+v", r.Fields)
			}
			p.end()
			p.Close()
			<-done
		})
	})
	t.Run("cut short", func(t *testing.T) {
		canceled := make(chan error, 1)
		srv := &http1.Server{Handler: http1.HandlerFunc(func(x *http1.Exchange) {
			x.OnCancel(func(_ *http1.Exchange, err error) { canceled <- err })
		})}
		bubble(t, srv, reactor.Config{}, func(t *testing.T, h *host) {
			p := h.dial()
			p.send(get("/"))
			synctest.Wait()
			ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
			defer cancel()
			start := time.Now()
			if err := h.r.Shutdown(ctx); err == nil {
				t.Error("Shutdown says that all has drained")
			}
			onTime(t, start, 5*time.Second)
			if got := reactor.ReasonOf(<-canceled); got != "shutdown" {
				t.Errorf("canceled by %q", got)
			}
			if _, err := io.ReadAll(p.br); err == nil {
				t.Error("the client saw an orderly end")
			}
		})
	})
}
