package http1_test

import (
	"errors"
	"net"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/calandria-go/calandria/protocols/http1"
	"github.com/calandria-go/calandria/reactor"
	"github.com/calandria-go/calandria/reactor/reactortest"
)

// An exchange that ends before it is answered says so once, with the reason; one that is answered does not.
func TestOnCancel(t *testing.T) {
	reset := func(p *peer) {
		p.Conn.(interface{ SetLinger(int) error }).SetLinger(0)
		p.Close()
	}
	for _, c := range []struct {
		name   string
		handle func(x *http1.Exchange)
		in     string
		after  func(p *peer)
		want   []string
	}{
		{"reset", func(x *http1.Exchange) {}, get("/"), reset, []string{"reset"}},
		{
			"reset while streaming",
			func(x *http1.Exchange) { x.Start(200, "", -1); x.Write([]byte("x")) }, get("/"), reset,
			[]string{"reset"},
		},
		{"reset in a body", func(x *http1.Exchange) { echo(x) }, request("POST", "/", "Content-Length: 5"), reset, []string{"reset"}},
		{"bad body", func(x *http1.Exchange) { echo(x) }, request("POST", "/", "Transfer-Encoding: chunked") + "x\r\n", nil, []string{"bad_chunk_size"}},
		{"truncated body", func(x *http1.Exchange) { echo(x) }, request("POST", "/", "Content-Length: 5"), (*peer).halfClose, []string{"truncated"}},
		{"slow body", func(x *http1.Exchange) { echo(x) }, request("POST", "/", "Content-Length: 5"), nil, []string{"body_rate"}},
		{"large body", func(x *http1.Exchange) { x.ReadBody(3, nil) }, post("/", "1234"), nil, []string{"body_too_large"}},
		{"panic", func(x *http1.Exchange) { panic("on purpose") }, get("/"), nil, []string{"panic"}},
		{"connection aborted", func(x *http1.Exchange) { x.Conn().Abort(nil) }, get("/"), nil, []string{"aborted"}},
		{"connection closed", func(x *http1.Exchange) { x.Conn().Close() }, get("/"), nil, []string{"answered"}},
		{"answered", hello, get("/"), nil, nil},
		{"answered, then reset", hello, get("/"), reset, nil},
		{"half-closed", func(x *http1.Exchange) { x.Conn().AfterFunc(time.Hour, func() { hello(x) }) }, get("/"), (*peer).halfClose, nil},
		{"own Abort", func(x *http1.Exchange) { x.Abort(nil) }, get("/"), nil, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			var got []string
			srv := &http1.Server{Logger: quiet, Handler: http1.HandlerFunc(func(x *http1.Exchange) {
				x.OnCancel(func(_ *http1.Exchange, err error) { got = append(got, reactor.ReasonOf(err)) })
				c.handle(x)
				if !x.Answered() && strings.HasPrefix(c.name, "answered") {
					t.Error("not answered")
				}
			})}
			bubble(t, srv, reactor.Config{}, func(t *testing.T, h *host) {
				p := h.dial()
				p.send(c.in)
				synctest.Wait()
				if c.after != nil {
					c.after(p)
				}
				pass(2 * time.Hour)
				synctest.Wait()
				if len(got) != len(c.want) || len(got) > 0 && got[0] != c.want[0] {
					t.Errorf("canceled %q, want %q", got, c.want)
				}
			})
		})
	}
}

// A peer that stalls while an answer is streamed is given up, and the handler hears it.
func TestOnCancelOfStalledReader(t *testing.T) {
	for _, c := range []struct {
		name  string
		write func(x *http1.Exchange)
		cfg   reactor.Config
		want  string
	}{
		{"write stall", func(x *http1.Exchange) { x.Write(make([]byte, 300<<10)) }, reactor.Config{WriteStall: 10 * time.Second}, "write_stall"},
		{"too much", func(x *http1.Exchange) {
			for {
				if _, err := x.Write(make([]byte, 64<<10)); err != nil {
					return
				}
			}
		}, reactor.Config{MaxUnsent: 1 << 20}, "slow_peer"},
	} {
		t.Run(c.name, func(t *testing.T) {
			var label string
			srv := &http1.Server{Handler: http1.HandlerFunc(func(x *http1.Exchange) {
				x.OnCancel(func(_ *http1.Exchange, err error) { label = reactor.ReasonOf(err) })
				x.Start(200, "", -1)
				c.write(x)
			})}
			bubble(t, srv, c.cfg, func(t *testing.T, h *host) {
				p := h.dial()
				p.send(get("/"))
				if end := h.closed(1); end != c.want || label != c.want {
					t.Errorf("ended by %q, canceled by %q, want %q", end, label, c.want)
				}
			})
		})
	}
}

// A client of a unix socket that is gone is noticed even while its request is in progress.
func TestOnCancelByHangup(t *testing.T) {
	got := make(chan error, 1)
	started := make(chan bool, 1)
	srv := &http1.Server{Handler: http1.HandlerFunc(func(x *http1.Exchange) {
		x.OnCancel(func(_ *http1.Exchange, err error) { got <- err })
		started <- true
	})}
	h := serve(t, "unix", srv, reactor.Config{})
	if h.r.Engine() == "portable" {
		t.Skip("package net does not tell")
	}
	p := h.connect()
	p.send(get("/"))
	<-started
	p.Close()
	select {
	case err := <-got:
		if label := reactor.ReasonOf(err); label != "hangup" {
			t.Errorf("%q", label)
		}
	case <-time.After(patience):
		t.Fatal("nothing was noticed")
	}
}

// What is posted for an exchange that is over does not run, least of all for another exchange.
func TestPostAfterTheEnd(t *testing.T) {
	t.Run("answered", func(t *testing.T) {
		h := func(x *http1.Exchange) {
			x.Post(func(*http1.Exchange) { t.Error("it ran") })
			hello(x)
		}
		everySplit(t, h, get("/")+get("/"), helloAnswer+helloAnswer)
	})
	t.Run("used again", func(t *testing.T) {
		srv := &http1.Server{Handler: http1.HandlerFunc(func(x *http1.Exchange) {
			if string(x.Path()) == "/first" {
				x.Post(func(*http1.Exchange) { t.Error("it ran") })
				hello(x)
				return
			}
			x.Conn().AfterFunc(time.Minute, func() { hello(x) })
		})}
		bubble(t, srv, reactor.Config{}, func(t *testing.T, h *host) {
			p := h.dial()
			p.send(get("/first") + get("/waits"))
			p.want(200, "hello")
			p.want(200, "hello")
		})
	})
	t.Run("gone", func(t *testing.T) {
		var mu sync.Mutex
		var post func(func(*http1.Exchange)) bool
		srv := &http1.Server{Handler: http1.HandlerFunc(func(x *http1.Exchange) {
			mu.Lock()
			defer mu.Unlock()
			post = x.Post
		})}
		bubble(t, srv, reactor.Config{}, func(t *testing.T, h *host) {
			p := h.dial()
			p.send(get("/"))
			synctest.Wait()
			p.Conn.(*reactortest.Conn).SetLinger(0)
			p.Close()
			synctest.Wait()
			mu.Lock()
			defer mu.Unlock()
			post(func(*http1.Exchange) { t.Error("it ran") })
			synctest.Wait()
		})
	})
}

// Abort is no end that could be taken for a whole answer.
func TestAbort(t *testing.T) {
	for name, handle := range map[string]http1.HandlerFunc{
		"before":    func(x *http1.Exchange) { x.Abort(errors.New("no")) },
		"streaming": func(x *http1.Exchange) { x.Start(200, "", -1); x.Write([]byte("x")); x.Abort(nil) },
		"later": func(x *http1.Exchange) {
			x.Start(200, "", -1)
			x.Write([]byte("x"))
			x.Conn().AfterFunc(time.Second, func() { x.Abort(nil); x.Abort(nil); x.Finish(); hello(x) })
		},
		"1.0": func(x *http1.Exchange) { x.Start(200, "", -1); x.Write([]byte("x")); x.Abort(nil) },
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, &http1.Server{Handler: handle}, reactor.Config{}, func(t *testing.T, h *host) {
				p := h.dial()
				if name == "1.0" {
					p.send(http10)
				} else {
					p.send(get("/") + get("/"))
				}
				buf := make([]byte, 1<<10)
				for {
					if _, err := p.br.Read(buf); err != nil {
						var op *net.OpError
						if !errors.As(err, &op) {
							t.Errorf("the client saw %v", err)
						}
						break
					}
				}
			})
		})
	}
}
