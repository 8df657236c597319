package main

import (
	"bytes"
	"net/http"
	"strconv"
	"time"

	"github.com/calandria-go/calandria/protocols/http1"
)

const (
	hello     = "Hello, World!"
	helloJSON = `{"message":"Hello, World!"}`
	textPlain = "text/plain; charset=utf-8"
	maxSleep  = 60_000
	maxEcho   = 1 << 62 // -max-body bounds it
	echoPiece = 64 << 10
)

var (
	helloBytes = []byte(hello)
	jsonBytes  = []byte(helloJSON)
)

// native answers on the loop. What it does not know is for others.
type native struct{ others http1.Handler }

// Handle is part of http1.Handler.
func (n *native) Handle(x *http1.Exchange) {
	switch path := x.Path(); string(path) {
	case "/plaintext":
		if allowed(x, http.MethodGet, http.MethodHead) {
			x.Respond(http.StatusOK, textPlain, helloBytes)
		}
	case "/json":
		if allowed(x, http.MethodGet, http.MethodHead) {
			x.Respond(http.StatusOK, "application/json", jsonBytes)
		}
	case "/":
		if allowed(x, http.MethodGet, http.MethodHead) {
			x.Respond(http.StatusOK, "text/html; charset=utf-8", []byte(page("native")))
		}
	case "/echo":
		if allowed(x, http.MethodPost) {
			echo(x)
		}
	case "/sleep":
		sleep(x)
	case "*": // the server as a whole
		if allowed(x, http.MethodOptions) {
			wholeServer(x)
		}
	case "":
		if allowed(x, http.MethodOptions) { // CONNECT, or OPTIONS of an absolute URI without a path
			wholeServer(x)
		}
	default:
		n.others.Handle(x)
	}
}

// wholeServer says what the server as a whole does.
func wholeServer(x *http1.Exchange) {
	x.SetHeader("Allow", "GET, HEAD, POST, OPTIONS")
	x.Respond(http.StatusNoContent, "", nil)
}

// allowed answers 405 to any other method than these.
func allowed(x *http1.Exchange, methods ...string) bool {
	var allow string
	for _, m := range methods {
		if string(x.Method()) == m {
			return true
		}
		if allow != "" {
			allow += ", "
		}
		allow += m
	}
	x.SetHeader("Allow", allow)
	x.Respond(http.StatusMethodNotAllowed, textPlain, []byte("method not allowed\n"))
	return false
}

// echo answers with the request's body in the request's framing. It collects the body first: a client may send all before it
// reads, and a body that turns out bad is still answered with its error.
func echo(x *http1.Exchange) {
	x.ReadBody(maxEcho, func(x *http1.Exchange, body []byte) {
		if x.Request().Chunked() {
			sendChunked(x, body)
			return
		}
		x.Respond(http.StatusOK, "application/octet-stream", body)
	})
}

// sendChunked streams body as the client takes it.
func sendChunked(x *http1.Exchange, body []byte) {
	if x.Start(http.StatusOK, "application/octet-stream", -1) != nil {
		return
	}
	more := func(x *http1.Exchange) {
		for len(body) > 0 {
			piece := body[:min(len(body), echoPiece)]
			body = body[len(piece):]
			if full, err := x.Write(piece); full || err != nil {
				return
			}
		}
		x.Finish()
	}
	x.OnWritable(more)
	more(x)
}

// sleep answers after ms milliseconds, and never touches the body.
func sleep(x *http1.Exchange) {
	ms, ok := sleepTime(x.Request().RawQuery())
	if !ok {
		x.Respond(http.StatusBadRequest, textPlain, []byte("ms must be a number up to 60000\n"))
		return
	}
	x.Conn().AfterFunc(time.Duration(ms)*time.Millisecond, func() {
		x.Respond(http.StatusOK, textPlain, []byte("slept "+strconv.Itoa(ms)+" ms\n"))
	})
}

// sleepTime finds ms in a query.
func sleepTime(query []byte) (int, bool) {
	for pair := range bytes.SplitSeq(query, []byte("&")) {
		if v, ok := bytes.CutPrefix(pair, []byte("ms=")); ok {
			ms, err := strconv.Atoi(string(v))
			return ms, err == nil && ms >= 0 && ms <= maxSleep
		}
	}
	return 0, false
}
