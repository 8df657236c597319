package http1_test

import (
	"errors"
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/calandria-go/calandria/protocols/http1"
	"github.com/calandria-go/calandria/reactor"
	"github.com/calandria-go/calandria/reactor/reactortest"
)

// shout is another protocol: it answers in capitals, and ends with the peer.
type shout struct{}

func (shout) OnOpen(c *reactor.Conn) { c.Write([]byte("<")) }

func (shout) OnData(c *reactor.Conn, in []byte) int {
	c.Write([]byte(strings.ToUpper(string(in))))
	return len(in)
}

func (shout) OnEOF(c *reactor.Conn) {
	c.Write([]byte(">"))
	c.Close()
}

func (shout) OnClose(*reactor.Conn, error) {}

const (
	upgradeRequest  = "GET /up HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: shout\r\n\r\n"
	switched        = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: shout\r\n\r\n"
	connectRequest  = "CONNECT b:1 HTTP/1.1\r\nHost: b:1\r\n\r\n"
	tunnelled       = "HTTP/1.1 200 OK\r\n\r\n"
	earlyBytes      = "early \r\n\r\n bytes"
	earlyBytesAloud = "EARLY \r\n\r\n BYTES"
)

// Early bytes reach the new handler, exactly, at every cut, and the answers to earlier requests come first.
func TestUpgrade(t *testing.T) {
	up := func(x *http1.Exchange) error {
		switch string(x.Method()) {
		case "CONNECT":
			return x.Connect(shout{})
		}
		return x.SwitchProtocols("shout", shout{})
	}
	ways := map[string]http1.HandlerFunc{
		"from the handler": func(x *http1.Exchange) {
			if string(x.Path()) == "/" {
				hello(x)
			} else if err := up(x); err != nil {
				t.Error(err)
			}
		},
		"from a post": func(x *http1.Exchange) {
			x.Post(func(x *http1.Exchange) {
				if string(x.Path()) == "/" {
					hello(x)
				} else if err := up(x); err != nil {
					t.Error(err)
				}
			})
		},
		"from ReadBody": func(x *http1.Exchange) {
			x.ReadBody(10, func(x *http1.Exchange, _ []byte) {
				if string(x.Path()) == "/" {
					hello(x)
				} else if err := up(x); err != nil {
					t.Error(err)
				}
			})
		},
	}
	for name, h := range ways {
		t.Run(name, func(t *testing.T) {
			everySplit(t, h, get("/")+upgradeRequest+earlyBytes, helloAnswer+switched+"<"+earlyBytesAloud+">")
			everySplit(t, h, get("/")+get("/")+connectRequest+earlyBytes, helloAnswer+helloAnswer+tunnelled+"<"+earlyBytesAloud+">")
			everySplit(t, h, upgradeRequest, switched+"<>")
		})
	}
	t.Run("later, while many bytes come", func(t *testing.T) {
		srv := &http1.Server{Handler: http1.HandlerFunc(func(x *http1.Exchange) {
			x.Conn().AfterFunc(time.Minute, func() {
				if err := x.SwitchProtocols("shout", shout{}); err != nil {
					t.Error(err)
				}
			})
		})}
		bubble(t, srv, reactor.Config{}, func(t *testing.T, h *host) {
			p := h.dial()
			many := strings.Repeat("abcdefgh", 50_000)
			go func() {
				p.Write([]byte(upgradeRequest + many))
				p.halfClose()
			}()
			got, err := io.ReadAll(p.br)
			if err != nil || string(got) != switched+"<"+strings.ToUpper(many)+">" {
				t.Errorf("%d bytes, %v", len(got), err)
			}
		})
	})
}

// The fields of the answer: SetHeader's, and those given.
func TestUpgradeFields(t *testing.T) {
	everySplit(t, func(x *http1.Exchange) {
		x.SetHeader("A", "b")
		if err := x.SwitchProtocols("shout", shout{}, "C", "d"); err != nil {
			t.Error(err)
		}
	}, upgradeRequest, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: shout\r\nA: b\r\nC: d\r\n\r\n<>")
	everySplit(t, func(x *http1.Exchange) {
		if err := x.Connect(shout{}, "C", "d"); err != nil {
			t.Error(err)
		}
	}, connectRequest, "HTTP/1.1 200 OK\r\nC: d\r\n\r\n<>")
}

// What cannot be upgraded is not, nothing is sent, and the handler can answer otherwise.
func TestUpgradeRefused(t *testing.T) {
	refusing := func(f func(x *http1.Exchange) error, want error) http1.HandlerFunc {
		return func(x *http1.Exchange) {
			if err := f(x); err == nil || want != nil && !errors.Is(err, want) {
				t.Errorf("%s: %v, want %v", x.Path(), err, want)
			}
			hello(x)
		}
	}
	to := func(fields ...string) func(x *http1.Exchange) error {
		return func(x *http1.Exchange) error { return x.SwitchProtocols("shout", shout{}, fields...) }
	}
	tunnel := func(fields ...string) func(x *http1.Exchange) error {
		return func(x *http1.Exchange) error { return x.Connect(shout{}, fields...) }
	}
	no := http1.ErrNoUpgrade
	closing := strings.Replace(helloAnswer, "\r\n\r\n", "\r\nConnection: close\r\n\r\n", 1)
	for _, c := range []struct {
		name string
		h    http1.HandlerFunc
		in   string
		want string
	}{
		{"not asked for", refusing(to(), no), get("/"), helloAnswer},
		{"half asked for", refusing(to(), no), get("/", "Upgrade: shout"), helloAnswer},
		{"1.0", refusing(to(), no), "GET / HTTP/1.0\r\nConnection: Upgrade\r\nUpgrade: shout\r\n\r\n", closing},
		{"with a body", refusing(to(), no), post("/", "abc", "Connection: Upgrade", "Upgrade: shout"), helloAnswer},
		{"CRLF in the name", refusing(func(x *http1.Exchange) error { return x.SwitchProtocols("a\r\nB: c", shout{}) }, nil), upgradeRequest, helloAnswer},
		{"CRLF in a field", refusing(to("A", "b\r\nC: d"), nil), upgradeRequest, helloAnswer},
		{"a framing field", refusing(to("Content-Length", "3"), nil), upgradeRequest, helloAnswer},
		{"no CONNECT", refusing(tunnel(), no), get("/"), helloAnswer},
		{"CONNECT with a framing field", refusing(tunnel("Transfer-Encoding", "chunked"), nil), connectRequest, helloAnswer},
		{"CONNECT is not SwitchProtocols", refusing(to(), no), connectRequest, helloAnswer},
	} {
		t.Run(c.name, func(t *testing.T) { everySplit(t, c.h, c.in, c.want) })
	}
}

// HandOver writes nothing of its own.
func TestHandOver(t *testing.T) {
	everySplit(t, func(x *http1.Exchange) {
		x.HandOver(shout{})
		x.HandOver(shout{})
		if !x.Answered() || x.SetHeader("A", "b") == nil {
			t.Error("the exchange is not over")
		}
		hello(x)
	}, get("/")+earlyBytes, "<"+earlyBytesAloud+">")
}

// The server's clocks do not go on under another protocol, and a half-close before it is told to it.
func TestNothingOfHTTPGoesOnAfterUpgrade(t *testing.T) {
	srv := &http1.Server{Handler: http1.HandlerFunc(func(x *http1.Exchange) {
		x.OnCancel(func(_ *http1.Exchange, err error) { t.Errorf("canceled: %v", err) })
		x.SwitchProtocols("shout", shout{})
	})}
	bubble(t, srv, reactor.Config{}, func(t *testing.T, h *host) {
		p := h.dial()
		p.send(upgradeRequest)
		if r := p.read("GET"); r.Status != 101 {
			t.Fatal(r.Status)
		}
		pass(24 * time.Hour)
		p.send("still there")
		buf := make([]byte, len("<STILL THERE"))
		if _, err := io.ReadFull(p.br, buf); err != nil || string(buf) != "<STILL THERE" {
			t.Errorf("%q %v", buf, err)
		}
		p.halfClose()
		rest, err := io.ReadAll(p.br)
		if string(rest) != ">" || err != nil {
			t.Errorf("%q, %v", rest, err)
		}
	})
	late := &http1.Server{Handler: http1.HandlerFunc(func(x *http1.Exchange) {
		x.Conn().AfterFunc(time.Minute, func() { x.SwitchProtocols("shout", shout{}) })
	})}
	bubble(t, late, reactor.Config{}, func(t *testing.T, h *host) {
		p := h.dial()
		p.send(upgradeRequest + earlyBytes)
		p.halfClose()
		got, err := io.ReadAll(p.br)
		if string(got) != switched+"<"+earlyBytesAloud+">" || err != nil {
			t.Errorf("%q, %v", got, err)
		}
	})
}

// toHTTP hands a connection over to HTTP once it has seen a greeting.
type toHTTP struct{ srv *http1.Server }

func (h toHTTP) OnOpen(*reactor.Conn) {}

func (h toHTTP) OnData(c *reactor.Conn, in []byte) int {
	const greeting = "hi\n"
	if len(in) < len(greeting) {
		return 0
	}
	c.Upgrade(h.srv.NewConn())
	return len(greeting)
}

func (h toHTTP) OnClose(*reactor.Conn, error) {}

// NewConn serves HTTP on a connection that began as something else.
func TestNewConn(t *testing.T) {
	srv := &http1.Server{Handler: http1.HandlerFunc(echo)}
	proto := reactor.ProtocolFunc(func(*reactor.Conn) reactor.Handler { return toHTTP{srv} })
	in := "hi\n" + get("/") + post("/", "abc")
	reactortest.SplitsHandler(t, reactor.Config{}, proto, []byte(in), func(t *testing.T, got reactortest.Fed) {
		if out := undated(got.Out); out != ok("")+ok("abc") || !got.Closed {
			t.Errorf("%q", out)
		}
	})
	// It has HTTP's clocks from then on.
	synctest.Test(t, func(t *testing.T) {
		r := reactortest.New(t, reactor.Config{Loops: 1, StallAfter: -1})
		ln := reactortest.Listen()
		if _, err := r.Listen(ln, proto); err != nil {
			t.Fatal(err)
		}
		c, err := ln.Dial()
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		p := newPeer(t, c)
		pass(time.Hour)
		start := time.Now()
		p.send("hi\n")
		p.end()
		onTime(t, start, 120*time.Second)
	})
}

// An answer may offer an upgrade; a handler's answer that is complete may not any more, and no name forges fields.
func TestOfferUpgrade(t *testing.T) {
	everySplit(t, func(x *http1.Exchange) {
		if x.OfferUpgrade("a\r\nB: c") == nil {
			t.Error("CRLF in the name")
		}
		if err := x.OfferUpgrade("shout"); err != nil {
			t.Error(err)
		}
		x.Respond(426, "", []byte("no"))
		if x.OfferUpgrade("shout") == nil {
			t.Error("after the answer")
		}
	}, get("/"), "HTTP/1.1 426 Upgrade Required\r\nUpgrade: shout\r\nConnection: Upgrade\r\nContent-Length: 2\r\n\r\nno")
}
