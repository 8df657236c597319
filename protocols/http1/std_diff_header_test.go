package http1

import (
	"errors"
	"io"
	"net/http"
	"strings"
	"time"
)

var diffHeaders = []diffCase{
	answered("fields", func(w http.ResponseWriter, note noteFunc) {
		h := w.Header()
		h.Set("z-last", "1")
		h.Add("A-First", "2")
		h.Add("A-First", " 3 ")
		h.Set("Empty", "")
		h["lower-case"] = []string{"kept"}
		h["None"] = nil
		io.WriteString(w, "x")
	}),
	answered("changed after WriteHeader", func(w http.ResponseWriter, note noteFunc) {
		w.Header().Set("A", "1")
		w.WriteHeader(201)
		w.Header().Set("A", "2")
		w.Header().Set("B", "2")
		w.Header().Del("Date")
		io.WriteString(w, "x")
	}),
	answered("changed after Write", func(w http.ResponseWriter, note noteFunc) {
		io.WriteString(w, "x")
		w.Header().Set("B", "2")
	}),
	answered("first seen after Write", func(w http.ResponseWriter, note noteFunc) {
		w.WriteHeader(200)
		w.Header().Set("Content-Type", "late/no")
		io.WriteString(w, "<html>")
	}),
	answered("newline in a value", func(w http.ResponseWriter, note noteFunc) {
		w.Header().Set("A", "1\r\nInjected: yes\nmore\rx")
		io.WriteString(w, "x")
	}),
	answered("newline in a name", func(w http.ResponseWriter, note noteFunc) {
		w.Header()["A\r\nInjected: x"] = []string{"1"}
		w.Header()["bad name"] = []string{"1"}
		w.Header()[""] = []string{"1"}
		io.WriteString(w, "x")
	}),
	answered("type set", func(w http.ResponseWriter, note noteFunc) {
		w.Header().Set("Content-Type", "a/b")
		io.WriteString(w, "<html>")
	}),
	answered("type set to nothing", func(w http.ResponseWriter, note noteFunc) {
		w.Header()["Content-Type"] = nil
		io.WriteString(w, "<html>")
	}),
	answered("type with coding", func(w http.ResponseWriter, note noteFunc) {
		w.Header().Set("Content-Encoding", "gzip")
		io.WriteString(w, "<html>")
	}),
	answered("type with empty coding", func(w http.ResponseWriter, note noteFunc) {
		w.Header().Set("Content-Encoding", "")
		io.WriteString(w, "<html>")
	}),
	answered("sniffed html", func(w http.ResponseWriter, note noteFunc) { io.WriteString(w, "  <!DOCTYPE html>") }),
	answered("sniffed png", func(w http.ResponseWriter, note noteFunc) { io.WriteString(w, "\x89PNG\x0D\x0A\x1A\x0A") }),
	answered("sniffed in parts", func(w http.ResponseWriter, note noteFunc) {
		io.WriteString(w, "<ht")
		io.WriteString(w, "ml>")
	}),
	answered("sniffed after a flush", func(w http.ResponseWriter, note noteFunc) {
		w.(http.Flusher).Flush()
		io.WriteString(w, "<html>")
	}),
	answered("date set", func(w http.ResponseWriter, note noteFunc) {
		w.Header().Set("Date", "Sun, 06 Nov 1994 08:49:37 GMT")
		io.WriteString(w, "x")
	}),
	answered("other connection option", func(w http.ResponseWriter, note noteFunc) {
		w.Header().Set("Connection", "foo")
		io.WriteString(w, "x")
	}),
	answered("close in a list", func(w http.ResponseWriter, note noteFunc) {
		w.Header().Set("Connection", "foo, close")
		io.WriteString(w, "x")
	}),
	answered("forbidden trailer", func(w http.ResponseWriter, note noteFunc) {
		w.Header().Set("Trailer", "Content-Length, A")
		io.WriteString(w, "x")
		w.Header().Set("A", "1")
	}),
	answered("trailer with newline", func(w http.ResponseWriter, note noteFunc) {
		w.Header().Set("Trailer", "A")
		io.WriteString(w, "x")
		w.Header().Set("A", "1\r\nB: 2")
	}),
	answered("controller", func(w http.ResponseWriter, note noteFunc) {
		c := http.NewResponseController(w)
		note("%v %v %v", c.SetReadDeadline(time.Now().Add(time.Hour)), c.SetWriteDeadline(time.Time{}), c.EnableFullDuplex())
		note("%v", errors.Is(http.NewResponseController(struct{ http.ResponseWriter }{w}).Flush(), http.ErrNotSupported))
	}),
	{
		name: "answer/wrong length", send: get("/"), differs: "framing fields",
		h: func(w http.ResponseWriter, _ *http.Request, note noteFunc) {
			w.Header().Set("Content-Length", "five")
			io.WriteString(w, "hello")
			note("length now %q", w.Header()["Content-Length"])
		},
	},
	{
		name: "answer/negative length", send: get("/"), differs: "framing fields",
		h: func(w http.ResponseWriter, _ *http.Request, note noteFunc) {
			w.Header().Set("Content-Length", "-1")
			io.WriteString(w, "hello")
		},
	},
	{
		name: "answer/two lengths", send: get("/"), differs: "framing fields",
		h: func(w http.ResponseWriter, _ *http.Request, note noteFunc) {
			w.Header()["content-length"] = []string{"7"}
			w.Header().Set("Content-Length", "5")
			io.WriteString(w, "hello")
		},
	},
	{
		name: "answer/control characters", send: get("/"), differs: "control characters",
		h: func(w http.ResponseWriter, _ *http.Request, note noteFunc) {
			w.Header().Set("A", "x\x01y")
			w.Header().Set("Content-Length", "1")
			io.WriteString(w, "x")
		},
	},
	{
		name: "answer/early hints to 1.0", send: "GET / HTTP/1.0\r\n\r\n", differs: "interim answers to HTTP/1.0",
		h: func(w http.ResponseWriter, _ *http.Request, note noteFunc) { w.WriteHeader(http.StatusEarlyHints) },
	},
	{
		name: "answer/close notifier", send: get("/"), differs: "http.CloseNotifier",
		h: func(w http.ResponseWriter, _ *http.Request, note noteFunc) {
			_, ok := w.(interface{ CloseNotify() <-chan bool })
			note("%v", ok)
		},
	},
	{
		name: "answer/server context", send: get("/"), differs: "http.ServerContextKey",
		h: func(w http.ResponseWriter, r *http.Request, note noteFunc) {
			note("%v", r.Context().Value(http.ServerContextKey) != nil)
		},
	},
}

// read reads n bytes of the body, or all for a negative n.
func read(r *http.Request, note noteFunc, n int64) {
	body := io.Reader(r.Body)
	if n >= 0 {
		body = io.LimitReader(body, n)
	}
	got, err := io.Copy(io.Discard, body)
	noteErr(note, "read", int(got), err)
}

func post(n int, fields ...string) string {
	return "POST / HTTP/1.1\r\nHost: a\r\n" + strings.Join(fields, "") + "Content-Length: " + itoa(n) + "\r\n\r\n" + strings.Repeat("b", n)
}

func chunks(n, size int) string {
	var b strings.Builder
	for range n / size {
		b.WriteString(hex(size) + "\r\n" + strings.Repeat("c", size) + "\r\n")
	}
	return b.String() + "0\r\n\r\n"
}
