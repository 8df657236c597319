package http1_test

import (
	"bytes"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/calandria-go/calandria/protocols/http1"
	"github.com/calandria-go/calandria/protocols/http1/internal/conform"
	"github.com/calandria-go/calandria/reactor"
	"github.com/calandria-go/calandria/reactor/reactortest"
)

// mix answers in every way that needs no clock and no other goroutine, and counts the requests.
type mix struct {
	requests int
	switched bool     // to another protocol
	methods  []string // of the requests, for how their answers are framed
}

func (m *mix) Handle(x *http1.Exchange) {
	m.requests++
	m.methods = append(m.methods, string(x.Method()))
	switch string(x.Path()) {
	case "/echo":
		x.ReadBody(1<<10, func(x *http1.Exchange, b []byte) { x.Respond(200, "a/b", b) })
	case "/pieces":
		x.StreamBody(func(x *http1.Exchange, piece []byte, last bool) {
			if last {
				x.SetHeader("Trailers", itoa(len(x.Trailers())))
				x.Respond(200, "", nil)
				return
			}
			x.PauseBody()
			x.Post(func(x *http1.Exchange) { x.ResumeBody() })
		})
	case "/stream":
		x.Start(200, "", -1)
		x.Write(x.Path())
		x.SetTrailer("T", string(x.Path()))
		x.Finish()
	case "/later":
		x.Post(func(x *http1.Exchange) {
			x.ReadBody(10, func(x *http1.Exchange, b []byte) {
				x.Post(func(x *http1.Exchange) { x.Respond(200, "", b) })
			})
		})
	case "/up":
		if m.switched = x.SwitchProtocols("mute", mute{}) == nil; !m.switched {
			x.Respond(426, "", nil)
		}
	case "/inform":
		x.Inform(103, "Link", "</a>")
		x.Respond(204, "", nil)
	case "/header":
		v, _ := x.Request().Get("V")
		x.SetHeader("V", string(v))
		x.SetHeader(string(v), "V")
		x.Respond(200, string(v), v)
	case "/abort":
		x.Abort(nil)
	case "/unread":
		x.Post(func(x *http1.Exchange) { x.Respond(404, "", nil) })
	default:
		if string(x.Method()) == "CONNECT" && x.Connect(mute{}) == nil {
			m.switched = true
			return
		}
		hello(x)
	}
}

// mute is another protocol, which says nothing.
type mute struct{}

func (mute) OnOpen(*reactor.Conn) {}

func (mute) OnData(_ *reactor.Conn, in []byte) int { return len(in) }

func (mute) OnClose(*reactor.Conn, error) {}

// seeds are conversations that have gone wrong somewhere once, and what reaches every part of mix.
var seeds = []string{
	get("/") + get("/stream") + get("/later") + get("/inform") + get("/header", "V: x"),
	post("/echo", "abc") + chunked("/echo", "T: u\r\n", "a", "bc") + post("/pieces", "abc") + chunked("/pieces", "T: u\r\n", "a", "bc"),
	post("/later", "abc") + chunked("/unread", "", "abc") + post("/unread", "abc") + get("/"),
	upgradeRequest + earlyBytes, connectRequest + earlyBytes, get("/up"), get("/abort") + get("/"),
	expecting("abc") + post("/echo", "abc", "Expect: 100-continue") + post("/echo", "abc", "Expect: other"),
	"HEAD /stream HTTP/1.1\r\nHost: a\r\n\r\nHEAD /echo HTTP/1.1\r\nHost: a\r\n\r\n" + http10, keepAlive10 + "GET /stream HTTP/1.0\r\n\r\n",
	get("/header", "V: a\tb"), get("/header", "V: Content-Length"), get("/header", "V: \x80"),
	get("/") + "GET / HTTP/1.1\r\nHo", request("POST", "/echo", "Content-Length: 5") + "abc", "\r\n" + get("/"), "",
}

func FuzzServer(f *testing.F) {
	for i, s := range seeds {
		f.Add([]byte(s), uint64(i))
	}
	for i, c := range conform.Cases() {
		if c.Level == conform.Security && c.Size() < 2000 && i%5 == 0 {
			var all strings.Builder
			for _, s := range c.Steps {
				all.WriteString(s.Send)
			}
			f.Add([]byte(all.String()), uint64(i))
		}
	}
	f.Fuzz(func(t *testing.T, in []byte, seed uint64) {
		if len(in) > 64<<10 {
			t.Skip("more than one read")
		}
		whole := fuzzServer(t, [][]byte{in})
		for range 2 {
			cut := fuzzServer(t, random(in, &seed))
			if undated(cut.Out) != undated(whole.Out) || cut.Reset != whole.Reset || reactor.ReasonOf(cut.Err) != reactor.ReasonOf(whole.Err) {
				t.Fatalf("whole %q, %v\ncut   %q, %v", whole.Out, whole.Err, cut.Out, cut.Err)
			}
		}
	})
}

// random cuts in into pieces. The input's bytes are copied: a server may overwrite what it was given.
func random(in []byte, seed *uint64) (all [][]byte) {
	r := rand.New(rand.NewPCG(*seed, 1))
	*seed = r.Uint64()
	most := 1 + r.IntN(max(len(in), 1))
	for len(in) > 0 {
		n := 1 + r.IntN(min(len(in), most))
		all = append(all, bytes.Clone(in[:n]))
		in = in[n:]
	}
	return all
}

// fuzzServer feeds a server, and checks what must hold whatever was sent.
func fuzzServer(t *testing.T, pieces [][]byte) reactortest.Fed {
	t.Helper()
	m, log := &mix{}, &journal{}
	cfg := reactor.Config{Logger: logger(log)}
	for i := range pieces {
		pieces[i] = bytes.Clone(pieces[i])
	}
	got := reactortest.Feed(t, cfg, &http1.Server{Handler: m, Logger: quiet, Name: "fuzz"}, pieces)
	if n := log.count("panicked"); n > 0 {
		t.Fatalf("panic: %s", log.buf.Bytes())
	}
	if !got.Closed {
		t.Fatalf("the connection is open after the end of its input, having sent %q", got.Out)
	}
	if got.Reset {
		return got // the answers are cut off, on purpose
	}
	checkAnswers(t, got.Out, m)
	return got
}

// checkAnswers wants as many strict answers as there were requests, and at most a refusal more. The answer that switches
// protocols is the last.
func checkAnswers(t *testing.T, out []byte, m *mix) {
	t.Helper()
	if m.switched {
		i := max(bytes.LastIndex(out, []byte("HTTP/1.1 ")), 0)
		last := undated(out[i:])
		if !strings.HasPrefix(last, "HTTP/1.1 101 ") && last != tunnelled || !strings.HasSuffix(last, "\r\n\r\n") {
			t.Fatalf("no switch in %q", out)
		}
		out = out[:i]
	}
	methods := m.methods
	if head := bytes.LastIndex(out, []byte("HTTP/1.1 ")); head > 0 || head == 0 && len(methods) == 0 {
		if rest := out[head:]; bytes.HasSuffix(rest, []byte("\r\n\r\n")) && !bytes.Contains(rest, []byte("Content-Length: 0\r\n")) {
			methods = append(methods[:len(methods):len(methods)], "HEAD") // a bad request that began with it was refused
		}
	}
	all := answers(t, out, methods...)
	final := 0
	for i, r := range all {
		if r.Status < 200 {
			continue
		}
		if final++; final > m.requests && (r.Status < 400 || i < len(all)-1 || !r.Has("Connection", "close")) {
			t.Fatalf("answer %d is %d, to %d requests", final, r.Status, m.requests)
		}
		if r.Has("Connection", "close") && i < len(all)-1 {
			t.Fatalf("answer %d says close, but %d more come", i+1, len(all)-1-i)
		}
	}
	if final > m.requests+1 {
		t.Fatalf("%d answers to %d requests", final, m.requests)
	}
}
