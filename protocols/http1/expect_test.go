package http1_test

import (
	"testing"
	"time"

	"github.com/calandria-go/calandria/protocols/http1"
	"github.com/calandria-go/calandria/reactor"
)

const continued = "HTTP/1.1 100 Continue\r\n\r\n"

func expecting(body string) string { return post("/", body, "Expect: 100-continue") }

// 100 is sent when the handler reads, once, before the answer.
func TestContinueWhenTheHandlerReads(t *testing.T) {
	everySplit(t, echo, expecting("abc")+expecting("def"), continued+ok("abc")+continued+ok("def"))
	everySplit(t, func(x *http1.Exchange) {
		var got []byte
		x.StreamBody(func(x *http1.Exchange, piece []byte, last bool) {
			if got = append(got, piece...); last {
				x.Respond(200, "", got)
			}
		})
	}, expecting("abc")+get("/"), continued+ok("abc")+ok(""))
	// There is nothing to wait for (RFC 9110 section 10.1.1).
	everySplit(t, echo, expecting("")+get("/", "Expect: 100-continue"), ok("")+ok(""))
	everySplit(t, echo, "POST / HTTP/1.0\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\nabc",
		"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nConnection: close\r\n\r\nabc")
}

// The client really waits, and gets it at once.
func TestContinueComesBeforeTheBody(t *testing.T) {
	bubble(t, &http1.Server{Handler: http1.HandlerFunc(echo)}, reactor.Config{}, func(t *testing.T, h *host) {
		p := h.dial()
		for range 3 {
			start := time.Now()
			p.send(request("POST", "/", "Content-Length: 3", "Expect: 100-continue"))
			if r := p.read("POST"); r.Status != 100 {
				t.Fatal(r.Status)
			}
			onTime(t, start, 0)
			p.send("abc")
			p.want(200, "abc")
		}
	})
}

// Also when the handler makes up its mind later.
func TestContinueLater(t *testing.T) {
	srv := &http1.Server{Handler: http1.HandlerFunc(func(x *http1.Exchange) {
		x.Conn().AfterFunc(time.Minute, func() { echo(x) })
	})}
	bubble(t, srv, reactor.Config{}, func(t *testing.T, h *host) {
		p := h.dial()
		start := time.Now()
		p.send(request("POST", "/", "Content-Length: 3", "Expect: 100-continue"))
		if r := p.read("POST"); r.Status != 100 {
			t.Fatal(r.Status)
		}
		onTime(t, start, time.Minute)
		p.send("abc")
		p.want(200, "abc")
	})
}

// A final status without 100 closes: nobody can know whether the client will send its body (RFC 9110 section 10.1.1).
func TestFinalStatusInsteadOfContinueCloses(t *testing.T) {
	for name, c := range map[string]struct {
		h    http1.HandlerFunc
		want string
	}{
		"Respond": {
			func(x *http1.Exchange) { x.Respond(403, "", nil) },
			"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
		},
		"Start": {
			func(x *http1.Exchange) { x.Start(403, "", -1); x.Finish() },
			"HTTP/1.1 403 Forbidden\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n0\r\n\r\n",
		},
	} {
		t.Run(name, func(t *testing.T) {
			everySplit(t, c.h, expecting("GET / HTTP/1.1\r\nHost: a\r\n\r\n")+get("/"), c.want)
			everySplit(t, c.h, request("POST", "/", "Transfer-Encoding: chunked", "Expect: 100-continue")+"3\r\nabc\r\n0\r\n\r\n"+get("/"), c.want)
		})
	}
	bubble(t, &http1.Server{Handler: http1.HandlerFunc(hello)}, reactor.Config{}, func(t *testing.T, h *host) {
		p := h.dial()
		p.send(request("POST", "/", "Content-Length: 3", "Expect: 100-continue"))
		if r := p.want(200, "hello"); !r.Has("Connection", "close") {
			t.Errorf("%+v", r.Fields)
		}
		p.end()
	})
}

// Too large is said instead of 100, not after it; and so is an expectation that nobody knows.
func TestRefusalInsteadOfContinue(t *testing.T) {
	h := func(*http1.Exchange) { t.Error("the handler was called") }
	for in, status := range map[string]int{
		request("POST", "/", "Content-Length: 9000000", "Expect: 100-continue"): 413,
		post("/", "abc", "Expect: magic"):                                       417,
		get("/", "Expect: 100-continue, magic"):                                 417,
	} {
		got := answers(t, []byte(fed(t, h, in+get("/"))))
		if len(got) != 1 || got[0].Status != status || !got[0].Has("Connection", "close") {
			t.Errorf("%q: %+v", in, got)
		}
	}
	// And a limit of the handler's.
	small := func(x *http1.Exchange) { x.ReadBody(2, func(*http1.Exchange, []byte) {}) }
	if got := answers(t, []byte(fed(t, small, expecting("abc")+get("/")))); len(got) != 1 || got[0].Status != 413 {
		t.Errorf("%+v", got)
	}
}

// An interim answer of the handler's own does not take 100's place.
func TestInformBesideContinue(t *testing.T) {
	everySplit(t, func(x *http1.Exchange) {
		x.Inform(102)
		x.SetHeader("A", "b")
		echo(x)
	}, expecting("abc"), "HTTP/1.1 102 Processing\r\n\r\n"+continued+"HTTP/1.1 200 OK\r\nA: b\r\nContent-Length: 3\r\n\r\nabc")
}
