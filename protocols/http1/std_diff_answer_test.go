package http1

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"
)

// answered is a case whose request is a plain GET.
func answered(name string, h func(w http.ResponseWriter, note noteFunc)) diffCase {
	return diffCase{name: "answer/" + name, send: get("/"), h: func(w http.ResponseWriter, _ *http.Request, note noteFunc) { h(w, note) }}
}

// variants asks the same handler by HEAD, by HTTP/1.0 with and without keep-alive, and to close.
func variants(name string, h func(w http.ResponseWriter, note noteFunc)) []diffCase {
	g := answered(name, h)
	head, old, keep, cl := g, g, g, g
	head.name, head.send, head.head = g.name+"/HEAD", "HEAD / HTTP/1.1\r\nHost: a\r\n\r\n", true
	old.name, old.send = g.name+"/1.0", "GET / HTTP/1.0\r\n\r\n"
	keep.name, keep.send = g.name+"/1.0 keep-alive", "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"
	cl.name, cl.send = g.name+"/close", "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
	return []diffCase{g, head, old, keep, cl}
}

// noteErr notes an error by what it is.
func noteErr(note noteFunc, what string, n int, err error) {
	for _, known := range []error{http.ErrContentLength, http.ErrBodyNotAllowed, http.ErrHijacked, http.ErrNotSupported, io.ErrUnexpectedEOF, http.ErrBodyReadAfterClose, io.EOF} {
		if errors.Is(err, known) {
			err = known
		}
	}
	note("%s %d %v", what, n, err)
}

func panics(note noteFunc, f func()) {
	defer func() { note("panic %v", recover()) }()
	f()
}

var diffAnswers = join(
	variants("nothing", func(http.ResponseWriter, noteFunc) {}),
	variants("small", func(w http.ResponseWriter, note noteFunc) {
		n, err := io.WriteString(w, "hello")
		noteErr(note, "write", n, err)
	}),
	variants("large", func(w http.ResponseWriter, note noteFunc) {
		n, err := w.Write([]byte(strings.Repeat("0123456789", 10_000)))
		noteErr(note, "write", n, err)
	}),
	variants("length", func(w http.ResponseWriter, note noteFunc) {
		w.Header().Set("Content-Length", "5")
		io.WriteString(w, "hello")
		n, err := io.WriteString(w, "more")
		noteErr(note, "too much", n, err)
	}),
	variants("short", func(w http.ResponseWriter, note noteFunc) {
		w.Header().Set("Content-Length", "9")
		io.WriteString(w, "hello")
	}),
	variants("flushed", func(w http.ResponseWriter, note noteFunc) {
		io.WriteString(w, "hello")
		noteErr(note, "flush", 0, http.NewResponseController(w).Flush())
		io.WriteString(w, " world")
	}),
	variants("no content", func(w http.ResponseWriter, note noteFunc) {
		w.Header().Set("Content-Length", "3")
		w.Header().Set("Content-Type", "a/b")
		w.WriteHeader(http.StatusNoContent)
		n, err := io.WriteString(w, "abc")
		noteErr(note, "write", n, err)
	}),
	variants("not modified", func(w http.ResponseWriter, note noteFunc) {
		w.Header().Set("Content-Length", "3")
		w.Header().Set("Content-Type", "a/b")
		w.Header().Set("Etag", `"x"`)
		w.WriteHeader(http.StatusNotModified)
		n, err := io.WriteString(w, "abc")
		noteErr(note, "write", n, err)
	}),
	variants("identity", func(w http.ResponseWriter, note noteFunc) {
		w.Header().Set("Transfer-Encoding", "identity")
		io.WriteString(w, "hello")
	}),
	variants("chunked set", func(w http.ResponseWriter, note noteFunc) {
		w.Header().Set("Transfer-Encoding", "chunked")
		io.WriteString(w, "hello")
	}),
	variants("keep-alive set", func(w http.ResponseWriter, note noteFunc) {
		w.Header().Set("Connection", "keep-alive")
		w.Header().Set("Content-Length", "5")
		io.WriteString(w, "hello")
	}),
	variants("close set", func(w http.ResponseWriter, note noteFunc) {
		w.Header().Set("Connection", "close")
		io.WriteString(w, "hello")
	}),
	variants("trailers", func(w http.ResponseWriter, note noteFunc) {
		w.Header().Set("Trailer", "A, x-b")
		w.Header().Add("Trailer", "Never")
		io.WriteString(w, "hello")
		w.Header().Set("A", "1")
		w.Header().Add("X-B", "2")
		w.Header().Add("X-B", "3")
		w.Header().Set(http.TrailerPrefix+"Late", "4")
	}),
	variants("late trailers", func(w http.ResponseWriter, note noteFunc) {
		io.WriteString(w, "hello")
		w.(http.Flusher).Flush()
		w.Header().Set(http.TrailerPrefix+"Late", "4")
	}),
	variants("status", func(w http.ResponseWriter, note noteFunc) {
		w.WriteHeader(http.StatusTeapot)
		w.WriteHeader(http.StatusOK) // superfluous
		io.WriteString(w, "hello")
	}),
	[]diffCase{
		answered("exactly the buffer", func(w http.ResponseWriter, note noteFunc) {
			w.Write(make([]byte, bodyBuffer))
		}),
		answered("one more than the buffer", func(w http.ResponseWriter, note noteFunc) {
			w.Write(make([]byte, bodyBuffer+1))
		}),
		answered("many small writes", func(w http.ResponseWriter, note noteFunc) {
			for i := range 3000 {
				fmt.Fprintf(w, "%d,", i)
			}
		}),
		answered("small then large", func(w http.ResponseWriter, note noteFunc) {
			io.WriteString(w, "<html>")
			w.Write([]byte(strings.Repeat("x", 100_000)))
		}),
		answered("large string", func(w http.ResponseWriter, note noteFunc) {
			n, err := io.WriteString(w, strings.Repeat("<p>", 100_000))
			noteErr(note, "write", n, err)
		}),
		answered("large with length", func(w http.ResponseWriter, note noteFunc) {
			w.Header().Set("Content-Length", "1000000")
			w.Write(make([]byte, 1_000_000))
		}),
		answered("copied", func(w http.ResponseWriter, note noteFunc) {
			n, err := io.Copy(w, strings.NewReader(strings.Repeat("copy", 50_000)))
			noteErr(note, "copy", int(n), err)
		}),
		answered("read from", func(w http.ResponseWriter, note noteFunc) {
			n, err := w.(io.ReaderFrom).ReadFrom(io.LimitReader(strings.NewReader("some text"), 4))
			noteErr(note, "copy", int(n), err)
		}),
		answered("empty write", func(w http.ResponseWriter, note noteFunc) {
			n, err := w.Write(nil)
			noteErr(note, "write", n, err)
		}),
		answered("status 999", func(w http.ResponseWriter, note noteFunc) { w.WriteHeader(999) }),
		answered("status 600", func(w http.ResponseWriter, note noteFunc) { w.WriteHeader(600); io.WriteString(w, "x") }),
		answered("status 99", func(w http.ResponseWriter, note noteFunc) { panics(note, func() { w.WriteHeader(99) }) }),
		answered("status 1000", func(w http.ResponseWriter, note noteFunc) { panics(note, func() { w.WriteHeader(1000) }) }),
		answered("status 0", func(w http.ResponseWriter, note noteFunc) { panics(note, func() { w.WriteHeader(0) }) }),
		answered("reset content", func(w http.ResponseWriter, note noteFunc) { w.WriteHeader(http.StatusResetContent) }),
		answered("early hints", func(w http.ResponseWriter, note noteFunc) {
			w.Header().Set("Link", "</a.css>; rel=preload")
			w.WriteHeader(http.StatusEarlyHints)
			w.Header().Add("Link", "</b.css>; rel=preload")
			w.WriteHeader(http.StatusEarlyHints)
			io.WriteString(w, "hello")
		}),
		answered("interim with a length", func(w http.ResponseWriter, note noteFunc) {
			w.Header().Set("Content-Length", "5")
			w.WriteHeader(http.StatusProcessing)
			io.WriteString(w, "hello")
		}),
		answered("continue by hand", func(w http.ResponseWriter, note noteFunc) {
			w.WriteHeader(http.StatusContinue)
			io.WriteString(w, "hello")
		}),
		answered("switching protocols", func(w http.ResponseWriter, note noteFunc) {
			w.Header().Set("Connection", "Upgrade")
			w.Header().Set("Upgrade", "foo")
			w.WriteHeader(http.StatusSwitchingProtocols)
			n, err := io.WriteString(w, "x")
			noteErr(note, "write", n, err)
		}),
		answered("redirect", func(w http.ResponseWriter, note noteFunc) {
			http.Redirect(w, &http.Request{Method: "GET"}, "/to", http.StatusFound)
		}),
		answered("error", func(w http.ResponseWriter, note noteFunc) { http.Error(w, "no", http.StatusForbidden) }),
		answered("served content", func(w http.ResponseWriter, note noteFunc) {
			http.ServeContent(w, &http.Request{Method: "GET", Header: http.Header{"Range": {"bytes=2-5"}}}, "x.txt", time.Unix(1e9, 0), strings.NewReader("0123456789"))
		}),
		answered("other coding", func(w http.ResponseWriter, note noteFunc) {
			w.Header().Set("Content-Length", "5")
			w.Header().Set("Transfer-Encoding", "identity")
			io.WriteString(w, "hello")
		}),
	},
)

func join(all ...[]diffCase) (out []diffCase) {
	for _, a := range all {
		out = append(out, a...)
	}
	return out
}
