package http1_test

import (
	"crypto/sha256"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/calandria-go/calandria/protocols/http1"
	"github.com/calandria-go/calandria/reactor"
)

// anyhow answers with the path, in the way that its first part names.
func anyhow(x *http1.Exchange) {
	path := string(x.Path())
	answer := func() { x.Respond(200, "", []byte(path)) }
	switch {
	case strings.HasPrefix(path, "/timer"):
		x.Conn().AfterFunc(time.Millisecond, answer)
	case strings.HasPrefix(path, "/post"):
		x.Post(func(*http1.Exchange) { answer() })
	case strings.HasPrefix(path, "/offload"):
		x.Offload(func() { x.Post(func(*http1.Exchange) { answer() }) })
	case strings.HasPrefix(path, "/stream"):
		x.Start(200, "", -1)
		x.Conn().AfterFunc(time.Millisecond, func() {
			x.Write([]byte(path[:1]))
			x.Write([]byte(path[1:]))
			x.Finish()
		})
	case strings.HasPrefix(path, "/body"):
		x.ReadBody(1000, func(x *http1.Exchange, b []byte) { x.Respond(200, "", []byte(path)) })
	default:
		answer()
	}
}

// Answers come in the order of the requests, however long each takes.
func TestPipelinedAnswersInOrder(t *testing.T) {
	var in strings.Builder
	var want []string
	for i := range 200 {
		way := []string{"/now", "/timer", "/post", "/now", "/offload", "/stream", "/body"}[i%7]
		path := fmt.Sprintf("%s/%d", way, i)
		want = append(want, path)
		if way == "/body" {
			in.WriteString(post(path, strings.Repeat("b", i)))
		} else {
			in.WriteString(get(path))
		}
	}
	check := func(t *testing.T, p *peer) {
		for _, path := range want {
			p.want(200, path)
		}
	}
	srv := &http1.Server{Logger: quiet, Handler: http1.HandlerFunc(anyhow)}
	t.Run("in memory", func(t *testing.T) {
		bubble(t, srv, reactor.Config{}, func(t *testing.T, h *host) {
			p := h.dial()
			p.send(in.String())
			check(t, p)
			p.halfClose()
			p.end()
		})
	})
	for _, network := range []string{"tcp", "unix"} {
		t.Run(network, func(t *testing.T) {
			h := serve(t, network, srv, reactor.Config{})
			p := h.connect()
			p.send(in.String())
			p.halfClose()
			check(t, p)
			p.end()
		})
	}
}

// A batch of pipelined requests is answered with one system call.
func TestOneWritePerBatch(t *testing.T) {
	const batch = 64
	write := func(t *testing.T, h *host, p *peer) {
		t.Helper()
		p.send(get("/"))
		p.want(200, "hello")
		before := h.stats()
		p.send(strings.Repeat(get("/"), batch))
		for range batch {
			p.want(200, "hello")
		}
		after := h.stats()
		if n := after.Writes - before.Writes; n != after.Reads-before.Reads || n > 3 {
			t.Errorf("%d answers took %d writes, in %d reads", batch, n, after.Reads-before.Reads)
		}
	}
	srv := &http1.Server{Handler: http1.HandlerFunc(hello)}
	t.Run("in memory", func(t *testing.T) {
		bubble(t, srv, reactor.Config{}, func(t *testing.T, h *host) { write(t, h, h.dial()) })
	})
	t.Run("tcp", func(t *testing.T) {
		h := serve(t, "tcp", srv, reactor.Config{})
		write(t, h, h.connect())
	})
	// Also when the answers are streamed, or the requests have bodies, or the last one is bad.
	bubble(t, &http1.Server{Handler: http1.HandlerFunc(func(x *http1.Exchange) {
		x.ReadBody(100, func(x *http1.Exchange, b []byte) {
			x.Start(200, "", -1)
			x.Write(b)
			x.Write(b)
			x.Finish()
		})
	})}, reactor.Config{}, func(t *testing.T, h *host) {
		p := h.dial()
		before := h.stats()
		p.send(strings.Repeat(post("/", "ab")+chunked("/", "", "c", "d"), 20) + "bad\r\n\r\n")
		for range 20 {
			p.want(200, "abab")
			p.want(200, "cdcd")
		}
		p.want(400, any)
		p.end()
		if n := h.stats().Writes - before.Writes; n != 1 {
			t.Errorf("%d writes", n)
		}
	})
}

// A bad request does not cost the answers to those before it, even if they take their time.
func TestBadRequestBehindGoodOnes(t *testing.T) {
	srv := &http1.Server{Logger: quiet, Handler: http1.HandlerFunc(anyhow)}
	for _, way := range []string{"/now", "/timer", "/post", "/offload", "/stream"} {
		for name, bad := range map[string]string{"bad": "bad\r\n\r\n", "truncated": "GET / HTTP/1.1\r\nHo", "truncated body": "POST /body HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nabc"} {
			t.Run(way[1:]+"/"+name, func(t *testing.T) {
				bubble(t, srv, reactor.Config{}, func(t *testing.T, h *host) {
					p := h.dial()
					start := time.Now()
					p.send(get(way) + get(way) + bad)
					p.halfClose()
					p.want(200, way)
					p.want(200, way)
					p.want(400, any)
					p.end()
					if d := time.Since(start); d > time.Second {
						t.Errorf("it took %v", d)
					}
				})
			})
		}
	}
}

// What is pipelined behind a request in progress is left in the socket for the most part.
func TestPipelinedInputIsNotRead(t *testing.T) {
	srv := &http1.Server{Handler: http1.HandlerFunc(func(x *http1.Exchange) {
		x.Conn().AfterFunc(time.Minute, func() { hello(x) })
	})}
	bubble(t, srv, reactor.Config{}, func(t *testing.T, h *host) {
		p := h.dial()
		go p.Write([]byte(strings.Repeat(get("/"), 20_000)))
		pass(time.Second)
		synctest.Wait()
		if got := h.stats().BytesRead; got > 130<<10 {
			t.Errorf("%d bytes were read", got)
		}
		p.want(200, "hello")
		p.want(200, "hello")
	})
}

// Large answers to pipelined requests wait for the client to read them, instead of being queued without bound.
func TestPipelinedLargeAnswers(t *testing.T) {
	n := size(400, 100, 1000)
	large := []byte(strings.Repeat("0123456789", 10_000))
	for _, c := range []struct {
		name string
		h    http1.HandlerFunc
	}{
		{"at once", func(x *http1.Exchange) { x.Respond(200, "", large) }},
		{"by post", func(x *http1.Exchange) { x.Post(func(x *http1.Exchange) { x.Respond(200, "", large) }) }},
		{"streamed", func(x *http1.Exchange) {
			x.Start(200, "", -1)
			x.Write(large)
			x.Finish()
		}},
		{"streamed in small pieces", func(x *http1.Exchange) {
			x.Start(200, "", -1)
			for i := 0; i < len(large); i += 1000 {
				x.Write(large[i : i+1000])
			}
			x.Finish()
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			bubble(t, &http1.Server{Logger: quiet, Handler: c.h}, reactor.Config{MaxUnsent: 1 << 20}, func(t *testing.T, h *host) {
				p := h.dial()
				go p.Write([]byte(strings.Repeat(get("/"), n)))
				pass(time.Second) // nobody reads
				for range n {
					if r := p.want(200, any); r.Body != string(large) {
						t.Fatal("the answer is another")
					}
				}
				if got := h.reasons(); len(got) > 0 {
					t.Errorf("closed: %q", got)
				}
			})
		})
	}
}

// A large fixed answer is fed to a client that reads slowly, not queued, and is exact.
func TestLargeAnswerToSlowReader(t *testing.T) {
	body := make([]byte, 10<<20+12345)
	for i := range body {
		body[i] = byte(i*i>>8 + i)
	}
	want := sha256.Sum256(body)
	srv := &http1.Server{Logger: quiet, Handler: http1.HandlerFunc(func(x *http1.Exchange) { x.Respond(200, "", body) })}
	bubble(t, srv, reactor.Config{MaxUnsent: 512 << 10}, func(t *testing.T, h *host) {
		p := h.dial()
		p.send(get("/") + get("/"))
		for range 2 {
			hash := sha256.New()
			for left, piece := len(body), make([]byte, 100_000); left > 0; {
				if left == len(body) {
					for {
						line, err := p.br.ReadString('\n')
						if err != nil {
							t.Fatal(err)
						}
						if line == "\r\n" {
							break
						}
					}
				}
				pass(time.Second)
				n, err := io.ReadFull(p.br, piece[:min(left, len(piece))])
				if err != nil {
					t.Fatal(err)
				}
				hash.Write(piece[:n])
				left -= n
			}
			if got := hash.Sum(nil); string(got) != string(want[:]) {
				t.Error("the bytes are others")
			}
		}
		p.halfClose()
		p.end()
	})
}
