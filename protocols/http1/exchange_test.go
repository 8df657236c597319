package http1_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/calandria-go/calandria/protocols/http1"
	"github.com/calandria-go/calandria/reactor"
	"github.com/calandria-go/calandria/reactor/reactortest"
)

const http10 = "GET / HTTP/1.0\r\n\r\n"

// keepAlive10 is an HTTP/1.0 request that asks for more.
const keepAlive10 = "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"

// What goes out, to the byte, for each way to answer.
func TestAnswers(t *testing.T) {
	respond := func(status int, ctype, body string) http1.HandlerFunc {
		return func(x *http1.Exchange) { x.Respond(status, ctype, []byte(body)) }
	}
	stream := func(status int, length int64, pieces ...string) http1.HandlerFunc {
		return func(x *http1.Exchange) {
			if err := x.Start(status, "text/plain", length); err != nil {
				t.Errorf("Start: %v", err)
			}
			for _, p := range pieces {
				if _, err := x.Write([]byte(p)); err != nil {
					t.Errorf("Write: %v", err)
				}
			}
			if err := x.Finish(); err != nil {
				t.Errorf("Finish: %v", err)
			}
		}
	}
	head := strings.Replace(get("/"), "GET", "HEAD", 1)
	for _, c := range []struct {
		name    string
		handler http1.HandlerFunc
		in      string
		want    string
	}{
		{"Respond", respond(200, "text/plain", "hello"), get("/"), helloAnswer},
		{"Respond without a type", respond(200, "", "x"), get("/"), "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx"},
		{"Respond without a body", respond(200, "", ""), get("/"), "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"},
		{"Respond 404", respond(404, "a/b", "no"), get("/"), "HTTP/1.1 404 Not Found\r\nContent-Type: a/b\r\nContent-Length: 2\r\n\r\nno"},
		{"Respond 599", respond(599, "", "no"), get("/"), "HTTP/1.1 599 \r\nContent-Length: 2\r\n\r\nno"},
		{"Respond to HEAD", respond(200, "", "hello"), head, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n"},
		{"Respond 204", respond(204, "", "ignored"), get("/"), "HTTP/1.1 204 No Content\r\n\r\n"},
		{"Respond 304", respond(304, "", "ignored"), get("/"), "HTTP/1.1 304 Not Modified\r\n\r\n"},
		{"Respond to 1.0", respond(200, "", "x"), http10, "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nConnection: close\r\n\r\nx"},
		{
			"Respond to 1.0 with keep-alive", respond(200, "", "x"), keepAlive10 + http10,
			"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nConnection: keep-alive\r\n\r\nx" +
				"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nConnection: close\r\n\r\nx",
		},
		{
			"Respond to close", respond(200, "", "x"), get("/", "Connection: close") + get("/"),
			"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nConnection: close\r\n\r\nx",
		},
		{
			"CloseAfter", func(x *http1.Exchange) { x.CloseAfter(); x.Respond(200, "", nil) }, get("/") + get("/"),
			"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
		},
		// A status that cannot end an exchange would have the client take the next answer for this one's.
		{"Respond 103", respond(103, "", "ignored"), get("/"), "HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\n\r\n"},
		{"Respond 0", respond(0, "", "ignored"), get("/"), "HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\n\r\n"},
		{
			"Respond 1000 with a large body", respond(1000, "", strings.Repeat("x", 300<<10)), get("/"),
			"HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\n\r\n",
		},
		{
			"twice", func(x *http1.Exchange) { hello(x); hello(x); x.Start(200, "", 3); x.Write([]byte("x")); x.Finish() },
			get("/"), helloAnswer,
		},

		{
			"Start with a length", stream(200, 5, "he", "", "llo"), get("/") + get("/"),
			helloAnswer + helloAnswer,
		},
		{
			"Start without", stream(200, -1, "he", "", "llo"), get("/") + get("/"),
			strings.Repeat("HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n", 2),
		},
		{"Start with no bytes", stream(200, 0), get("/"), "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 0\r\n\r\n"},
		{
			"Start without, no bytes", stream(200, -1), get("/"),
			"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
		},
		{
			"Start without, to 1.0", stream(200, -1, "he", "llo"), keepAlive10 + http10,
			"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nConnection: close\r\n\r\nhello",
		},
		{
			"Start with a length, to 1.0", stream(200, 5, "he", "llo"), keepAlive10 + http10,
			"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 5\r\nConnection: keep-alive\r\n\r\nhello" +
				"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello",
		},
		{
			"Start with a length, to HEAD", stream(200, 5, "hello"), head + get("/"),
			"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 5\r\n\r\n" + helloAnswer,
		},
		{
			"Start with a length, to HEAD, no bytes", stream(200, 5), head,
			"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 5\r\n\r\n",
		},
		{
			"Start without, to HEAD", stream(200, -1, "hello"), head + head,
			strings.Repeat("HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked\r\n\r\n", 2),
		},
		{"Start 204", stream(204, -1, "hello"), get("/"), "HTTP/1.1 204 No Content\r\nContent-Type: text/plain\r\n\r\n"},
		{"Start 304", stream(304, 5, "hello"), get("/"), "HTTP/1.1 304 Not Modified\r\nContent-Type: text/plain\r\n\r\n"},

		{
			"trailers", func(x *http1.Exchange) {
				x.Start(200, "", -1)
				x.Write([]byte("x"))
				if err := errors.Join(x.SetTrailer("A", "b"), x.SetTrailer("C", "d")); err != nil {
					t.Error(err)
				}
				x.Finish()
			}, get("/") + get("/"),
			strings.Repeat("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\nA: b\r\nC: d\r\n\r\n", 2),
		},
		{
			"trailers that are refused do not take the others along", func(x *http1.Exchange) {
				x.Start(200, "", -1)
				x.SetTrailer("A", "b")
				for _, f := range [][2]string{{"C", "d\r\nE: f"}, {"C d", "e"}, {"", "x"}, {"Content-Length", "5"}, {"Transfer-Encoding", "x"}} {
					if x.SetTrailer(f[0], f[1]) == nil {
						t.Errorf("trailer %q was taken", f)
					}
				}
				x.Finish()
			}, get("/"), "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nA: b\r\n\r\n",
		},
		{
			"Inform", func(x *http1.Exchange) {
				if err := errors.Join(x.Inform(103, "Link", "</a>"), x.Inform(102)); err != nil {
					t.Error(err)
				}
				hello(x)
			}, get("/") + http10,
			"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 102 Processing\r\n\r\n" + helloAnswer +
				strings.Replace(helloAnswer, "5\r\n\r", "5\r\nConnection: close\r\n\r", 1),
		},
		{
			"Inform, and what it refuses", func(x *http1.Exchange) {
				for _, err := range []error{
					x.Inform(99), x.Inform(200), x.Inform(101), x.Inform(0),
					x.Inform(103, "A", "b\r\nC: d"), x.Inform(103, "A\n", "b"),
					x.Inform(103, "Content-Length", "5"), x.Inform(103, "Transfer-Encoding", "chunked"),
				} {
					if err == nil {
						t.Error("taken")
					}
				}
				hello(x)
				if x.Inform(103) == nil {
					t.Error("after the answer")
				}
			}, get("/"), helloAnswer,
		},
		{
			"SetHeader", func(x *http1.Exchange) {
				if err := errors.Join(x.SetHeader("A", "b"), x.SetHeader("A", "c"), x.SetHeader("X-Y", "\tz \x80 ")); err != nil {
					t.Error(err)
				}
				hello(x)
			}, get("/") + get("/"),
			strings.Repeat("HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nA: b\r\nA: c\r\nX-Y: z \x80\r\nContent-Length: 5\r\n\r\nhello", 2),
		},
		{
			"SetHeader Date", func(x *http1.Exchange) { x.SetHeader("dAtE", "once"); hello(x) }, get("/"),
			strings.Replace(helloAnswer, "plain\r\n", "plain\r\ndAtE: once\r\n", 1),
		},
		{
			"SetHeader, and what it refuses", func(x *http1.Exchange) {
				for _, f := range [][2]string{
					{"A", "b\r\nC: d"},
					{"A", "b\rc"},
					{"A", "b\nc"},
					{"A", "b\x00"},
					{"A", "\x7f"},
					{"A\r\nB", "c"},
					{"A:", "b"},
					{"A ", "b"},
					{"", "b"},
					{"\x80", "b"},
					{"Connection", "close"},
					{"Content-Length", "3"},
					{"content-length", "3"},
					{"Transfer-Encoding", "chunked"},
					{"TRANSFER-ENCODING", "x"},
					{"Trailer", "A"},
					{"Upgrade", "x"},
					{"Keep-Alive", "x"},
				} {
					if x.SetHeader(f[0], f[1]) == nil {
						t.Errorf("%q was taken", f)
					}
				}
				hello(x)
				if err := x.SetHeader("A", "b"); !errors.Is(err, http1.ErrAnswered) {
					t.Errorf("after the answer: %v", err)
				}
			}, get("/"), helloAnswer,
		},
		{
			"a content type with CRLF is not sent", respond(200, "a\r\nSet-Cookie: b", "x"), get("/"),
			"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx",
		},
		{
			"content types in turn", func(x *http1.Exchange) { x.Respond(200, string(x.Path()[1:]), nil) },
			get("/a") + get("/b") + get("/b") + get("/a"),
			"HTTP/1.1 200 OK\r\nContent-Type: a\r\nContent-Length: 0\r\n\r\nHTTP/1.1 200 OK\r\nContent-Type: b\r\nContent-Length: 0\r\n\r\n" +
				"HTTP/1.1 200 OK\r\nContent-Type: b\r\nContent-Length: 0\r\n\r\nHTTP/1.1 200 OK\r\nContent-Type: a\r\nContent-Length: 0\r\n\r\n",
		},
		{
			"nothing of an exchange shows in the next", func(x *http1.Exchange) {
				if string(x.Path()) == "/a" {
					x.SetHeader("A", "b")
					x.Start(200, "", -1)
					x.SetTrailer("T", "u")
					x.Finish()
					return
				}
				x.Start(200, "", -1)
				x.Finish()
			}, get("/a") + get("/"),
			"HTTP/1.1 200 OK\r\nA: b\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nT: u\r\n\r\n" +
				"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
		},
	} {
		t.Run(c.name, func(t *testing.T) { everySplit(t, c.handler, c.in, c.want) })
	}
}

func TestServerName(t *testing.T) {
	for name, want := range map[string]string{
		"": helloAnswer, "me/1.0": strings.Replace(helloAnswer, "\r\n", "\r\nServer: me/1.0\r\n", 1), "a\r\nB: c": helloAnswer,
	} {
		srv := &http1.Server{Logger: quiet, Handler: http1.HandlerFunc(hello), Name: name}
		got := reactortest.Feed(t, reactor.Config{}, srv, [][]byte{[]byte(get("/"))})
		if out := undated(got.Out); out != want {
			t.Errorf("%q: %q", name, out)
		}
	}
}

// What was announced and what was sent must agree, or the client must see that they do not.
func TestBodyLength(t *testing.T) {
	for name, h := range map[string]http1.HandlerFunc{
		"too many at once": func(x *http1.Exchange) {
			x.Start(200, "", 3)
			if _, err := x.Write([]byte("four")); !errors.Is(err, http1.ErrBodyLength) {
				t.Errorf("Write: %v", err)
			}
			if err := x.Finish(); !errors.Is(err, http1.ErrAnswered) {
				t.Errorf("Finish: %v", err)
			}
		},
		"too many in all": func(x *http1.Exchange) {
			x.Start(200, "", 3)
			x.Write([]byte("two"))
			if _, err := x.Write([]byte("x")); !errors.Is(err, http1.ErrBodyLength) {
				t.Errorf("Write: %v", err)
			}
		},
		"too few": func(x *http1.Exchange) {
			x.Start(200, "", 3)
			x.Write([]byte("on"))
			if err := x.Finish(); !errors.Is(err, http1.ErrBodyLength) {
				t.Errorf("Finish: %v", err)
			}
			if _, err := x.Write([]byte("x")); !errors.Is(err, http1.ErrAnswered) {
				t.Errorf("Write: %v", err)
			}
		},
		"none": func(x *http1.Exchange) {
			x.Start(200, "", 3)
			if err := x.Finish(); !errors.Is(err, http1.ErrBodyLength) {
				t.Errorf("Finish: %v", err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			srv := &http1.Server{Logger: quiet, Handler: h}
			got := reactortest.Feed(t, reactor.Config{}, srv, [][]byte{[]byte(get("/") + get("/"))})
			if !got.Closed || !got.Reset || !errors.Is(got.Err, http1.ErrBodyLength) {
				t.Errorf("%+v", got)
			}
		})
	}
}

// The calls that come too late, or too early, are errors and send nothing.
func TestCallsOutOfOrder(t *testing.T) {
	h := func(x *http1.Exchange) {
		if _, err := x.Write([]byte("x")); !errors.Is(err, http1.ErrAnswered) {
			t.Errorf("Write before Start: %v", err)
		}
		if err := x.Finish(); !errors.Is(err, http1.ErrAnswered) {
			t.Errorf("Finish before Start: %v", err)
		}
		if err := x.SetTrailer("A", "b"); err == nil {
			t.Error("SetTrailer before Start")
		}
		for _, status := range []int{-1, 0, 100, 101, 199, 1000} {
			if err := x.Start(status, "", 0); err == nil {
				t.Errorf("Start(%d)", status)
			}
		}
		if err := x.Start(200, "", 2); err != nil {
			t.Error(err)
		}
		if err := x.Start(200, "", 2); !errors.Is(err, http1.ErrAnswered) {
			t.Errorf("Start twice: %v", err)
		}
		if err := x.SetHeader("A", "b"); !errors.Is(err, http1.ErrAnswered) {
			t.Errorf("SetHeader after Start: %v", err)
		}
		if err := x.Inform(103); !errors.Is(err, http1.ErrAnswered) {
			t.Errorf("Inform after Start: %v", err)
		}
		if err := x.SetTrailer("A", "b"); err == nil {
			t.Error("SetTrailer of a fixed answer")
		}
		if err := x.SwitchProtocols("x", nil); !errors.Is(err, http1.ErrAnswered) {
			t.Errorf("SwitchProtocols after Start: %v", err)
		}
		if err := x.Connect(nil); !errors.Is(err, http1.ErrAnswered) {
			t.Errorf("Connect after Start: %v", err)
		}
		x.Respond(500, "", nil) // ignored
		if x.Answered() {
			t.Error("answered")
		}
		x.Write([]byte("ok"))
		if err := x.Finish(); err != nil {
			t.Error(err)
		}
		if !x.Answered() {
			t.Error("not answered")
		}
	}
	if got := fed(t, h, get("/")); got != "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok" {
		t.Errorf("%q", got)
	}
}

// What a handler sees of a request, whatever the cuts.
func TestRequestView(t *testing.T) {
	h := func(x *http1.Exchange) {
		r := x.Request()
		x.ReadBody(100, func(x *http1.Exchange, body []byte) {
			var b bytes.Buffer
			b.WriteString(string(x.Method()) + " " + string(x.Path()) + " " + string(r.RawQuery()) + " " + string(r.Authority()))
			if v, ok := r.Get("x-one"); ok {
				b.WriteString(" one=" + string(v))
			}
			b.WriteString(" body=" + string(body))
			for _, f := range x.Trailers() {
				b.WriteString(" " + f.Name + "=" + f.Value)
			}
			x.Respond(200, "", b.Bytes())
		})
	}
	answer := func(s string) string {
		return "HTTP/1.1 200 OK\r\nContent-Length: " + itoa(len(s)) + "\r\n\r\n" + s
	}
	everySplit(t, h, post("/p?q=r", "abc", "X-One: 1")+get("http://h/z")+chunked("/c", "T: u\r\n", "x", "yz")+get("/")+post("/", "de"),
		answer("POST /p q=r a one=1 body=abc")+answer("GET /z  h body=")+answer("POST /c  a body=xyz T=u")+
			answer("GET /  a body=")+answer("POST /  a body=de"))
}

// Exchanges are used again for other connections: nothing of one may show in the other.
func TestTrailersOfAnotherRequest(t *testing.T) {
	h := http1.HandlerFunc(func(x *http1.Exchange) {
		x.ReadBody(100, func(x *http1.Exchange, _ []byte) { x.Respond(200, "", []byte(itoa(len(x.Trailers())))) })
	})
	bubble(t, &http1.Server{Handler: h}, reactor.Config{}, func(t *testing.T, h *host) {
		a, b := h.dial(), h.dial()
		a.send(chunked("/", "Secret: of-a\r\n", "x"))
		a.want(200, "1")
		b.send(post("/", "y"))
		b.want(200, "0")
		a.send(chunked("/", "Secret: of-a\r\n", "x") + get("/"))
		a.want(200, "1")
		a.want(200, "0")
		// Before its own have come there are none either.
		b.send(chunked("/", "Own: t\r\n", "x"))
		b.want(200, "1")
	})
}
