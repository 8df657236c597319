package http1_test

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/calandria-go/calandria/protocols/http1"
	"github.com/calandria-go/calandria/reactor"
	"github.com/calandria-go/calandria/reactor/reactortest"
)

// ok is an answer with a body.
func ok(body string) string {
	return fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
}

func TestReadBody(t *testing.T) {
	everySplit(t, echo,
		post("/", "abc")+post("/", "")+get("/")+chunked("/", "", "d", "ef", "ghi")+chunked("/", "T: x\r\n")+post("/", "jkl"),
		ok("abc")+ok("")+ok("")+ok("defghi")+ok("")+ok("jkl"))
}

// Only the first ReadBody or StreamBody counts.
func TestBodyIsReadOnce(t *testing.T) {
	h := func(x *http1.Exchange) {
		echo(x)
		x.ReadBody(10, func(*http1.Exchange, []byte) { t.Error("a second ReadBody") })
		x.StreamBody(func(*http1.Exchange, []byte, bool) { t.Error("StreamBody after ReadBody") })
	}
	everySplit(t, h, post("/", "abc")+get("/"), ok("abc")+ok(""))
}

func TestStreamBody(t *testing.T) {
	h := func(x *http1.Exchange) {
		var got []byte
		ended := false
		x.StreamBody(func(x *http1.Exchange, piece []byte, last bool) {
			if ended {
				t.Error("a piece after the last")
			}
			if len(piece) == 0 && !last {
				t.Error("an empty piece")
			}
			ended = last
			got = append(got, piece...)
			if last {
				x.Respond(200, "", got)
			}
		})
	}
	everySplit(t, h, post("/", "abc")+post("/", "")+get("/")+chunked("/", "", "d", "ef", "ghi")+chunked("/", "T: x\r\n")+post("/", "jkl"),
		ok("abc")+ok("")+ok("")+ok("defghi")+ok("")+ok("jkl"))
}

// The answer may start, and end, while the body still comes.
func TestAnswerBesideBody(t *testing.T) {
	duplex := func(x *http1.Exchange) {
		x.Start(200, "", -1)
		n := 0
		x.StreamBody(func(x *http1.Exchange, piece []byte, last bool) {
			n += len(piece)
			if last {
				x.Write([]byte(itoa(n)))
				x.Finish()
			}
		})
	}
	const answer = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n6\r\n0\r\n\r\n"
	everySplit(t, duplex, post("/", "abcdef")+chunked("/", "", "abc", "def")+post("/", "abcdef"), answer+answer+answer)

	early := func(x *http1.Exchange) {
		x.StreamBody(func(x *http1.Exchange, piece []byte, last bool) {
			if !x.Answered() {
				x.Respond(200, "", []byte("enough"))
			} else {
				t.Error("a piece after the answer")
			}
		})
	}
	everySplit(t, early, post("/", "abcdef")+chunked("/", "", "abc", "def")+get("/"), ok("enough")+ok("enough")+ok("enough"))
}

// Each piece is paused after, and gone on with by a posted function.
func TestPauseBody(t *testing.T) {
	h := func(x *http1.Exchange) {
		var got []byte
		paused := false
		x.StreamBody(func(x *http1.Exchange, piece []byte, last bool) {
			if paused {
				t.Error("a piece while paused")
			}
			got = append(got, piece...)
			if last {
				x.PauseBody() // too late to mean anything
				x.Respond(200, "", got)
				return
			}
			paused = true
			x.PauseBody()
			x.PauseBody()
			x.Post(func(x *http1.Exchange) {
				paused = false
				x.ResumeBody()
				x.ResumeBody()
			})
		})
	}
	everySplit(t, h, post("/", "abc")+chunked("/", "", "d", "ef", "ghi")+get("/")+post("/", "jkl"),
		ok("abc")+ok("defghi")+ok("")+ok("jkl"))
}

// A handler that answers while its body is paused is done with it.
func TestAnswerWhilePaused(t *testing.T) {
	h := func(x *http1.Exchange) {
		if !x.Request().HasBody() {
			hello(x)
			return
		}
		x.StreamBody(func(x *http1.Exchange, piece []byte, last bool) {
			if last {
				x.Respond(200, "", []byte("enough"))
				return
			}
			x.PauseBody()
			x.Post(func(x *http1.Exchange) { x.Respond(200, "", []byte("enough")) })
		})
	}
	everySplit(t, h, chunked("/", "", "abc", "def")+get("/")+post("/", "ghi")+get("/"),
		ok("enough")+helloAnswer+ok("enough")+helloAnswer)
}

// A body that nobody reads is skipped up to 256 KiB, then the connection goes on; beyond that it is closed.
func TestUnreadBody(t *testing.T) {
	const limit = 256 << 10
	big := strings.Repeat("b", limit)
	for _, c := range []struct {
		name  string
		in    string
		kept  bool
		close bool // said in the answer
	}{
		{"fixed, none", request("POST", "/", "Content-Length: 0"), true, false},
		{"fixed, small", post("/", "abc"), true, false},
		{"fixed, at the limit", post("/", big), true, false},
		{"fixed, above it", post("/", big+"x"), false, true},
		{"chunked, small", chunked("/", "", "abc"), true, false},
		{"chunked, at the limit", chunked("/", "", big[:limit/2], big[:limit/2]), true, false},
		{"chunked, above it", chunked("/", "", big[:limit/2], big[:limit/2], "x"), false, false},
		{"chunked, bad", request("POST", "/", "Transfer-Encoding: chunked") + "3\r\nabc\r\nbad\r\n", false, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			srv := &http1.Server{Logger: quiet, Handler: http1.HandlerFunc(hello)}
			got := reactortest.Feed(t, reactor.Config{}, srv, pieces([]byte(c.in+get("/")), 60_000))
			all := answers(t, got.Out)
			if want := map[bool]int{true: 2, false: 1}[c.kept]; len(all) != want {
				t.Fatalf("%d answers, want %d", len(all), want)
			}
			if said := all[0].Has("Connection", "close"); said != c.close {
				t.Errorf("Connection: close is %v", said)
			}
			if !got.Closed || got.Reset {
				t.Errorf("%+v", got.Err)
			}
		})
	}
}

// Bytes of a body that come before the handler wants it wait, in the socket for the most part.
func TestBodyWaitsForTheHandler(t *testing.T) {
	srv := &http1.Server{Logger: quiet, Handler: http1.HandlerFunc(func(x *http1.Exchange) {
		x.Conn().AfterFunc(time.Minute, func() { echo(x) })
	})}
	bubble(t, srv, reactor.Config{}, func(t *testing.T, h *host) {
		p := h.dial()
		body := strings.Repeat("0123456789", 100_000)
		start := time.Now()
		go p.Write([]byte(post("/", body) + get("/")))
		pass(time.Second)
		synctest.Wait()
		if got := h.stats().BytesRead; got > 130<<10 {
			t.Errorf("%d bytes were read", got)
		}
		p.want(200, body)
		onTime(t, start, time.Minute)
		p.want(200, "")
	})
}

// A client that breaks off in a body gets a 400, and the handler hears of it instead of the body.
func TestTruncatedBody(t *testing.T) {
	for _, in := range []string{
		request("POST", "/", "Content-Length: 5"), request("POST", "/", "Content-Length: 5") + "abcd",
		request("POST", "/", "Transfer-Encoding: chunked"), request("POST", "/", "Transfer-Encoding: chunked") + "3\r\nab",
		request("POST", "/", "Transfer-Encoding: chunked") + "3\r\nabc\r\n", request("POST", "/", "Transfer-Encoding: chunked") + "3\r\nabc\r\n0\r\n",
	} {
		for _, stream := range []bool{false, true} {
			var canceled []string
			h := http1.HandlerFunc(func(x *http1.Exchange) {
				x.OnCancel(func(_ *http1.Exchange, err error) { canceled = append(canceled, reactor.ReasonOf(err)) })
				if stream {
					x.StreamBody(func(_ *http1.Exchange, _ []byte, last bool) {
						if last {
							t.Error("the end of the body")
						}
					})
					return
				}
				x.ReadBody(10, func(*http1.Exchange, []byte) { t.Error("a body") })
			})
			reactortest.SplitsHandler(t, reactor.Config{}, &http1.Server{Logger: quiet, Handler: h}, []byte(in), func(t *testing.T, got reactortest.Fed) {
				all := answers(t, got.Out)
				if len(all) != 1 || all[0].Status != 400 || !all[0].Has("Connection", "close") || !got.Closed || got.Reset {
					t.Errorf("%+v", got)
				}
				if len(canceled) != 1 || canceled[0] != "truncated" {
					t.Errorf("canceled: %q", canceled)
				}
				canceled = nil
			})
		}
	}
}

// The same for a body whose answer has begun: the client must not take it for whole.
func TestTruncatedBodyOfStartedAnswer(t *testing.T) {
	canceled := 0
	h := http1.HandlerFunc(func(x *http1.Exchange) {
		x.OnCancel(func(*http1.Exchange, error) { canceled++ })
		x.Start(200, "", -1)
		x.StreamBody(func(*http1.Exchange, []byte, bool) {})
	})
	srv := &http1.Server{Logger: quiet, Handler: h}
	got := reactortest.Feed(t, reactor.Config{}, srv, [][]byte{[]byte(request("POST", "/", "Content-Length: 5") + "abc")})
	if !got.Reset || reactor.ReasonOf(got.Err) != "truncated" || canceled != 1 {
		t.Errorf("%+v, canceled %d times", got, canceled)
	}
}
