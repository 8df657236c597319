package http1

import (
	"errors"
	"io"
	"net/http"
	"strconv"
)

func itoa(n int) string { return strconv.Itoa(n) }
func hex(n int) string  { return strconv.FormatInt(int64(n), 16) }

// posted is a case with a handler that uses the body.
func posted(name, send string, h func(w http.ResponseWriter, r *http.Request, note noteFunc)) diffCase {
	return diffCase{name: "body/" + name, send: send, h: h}
}

func ignore(w http.ResponseWriter, r *http.Request, note noteFunc) { io.WriteString(w, "done") }

func readAll(w http.ResponseWriter, r *http.Request, note noteFunc) {
	read(r, note, -1)
	io.WriteString(w, "done")
}

func readSome(w http.ResponseWriter, r *http.Request, note noteFunc) {
	read(r, note, 10)
	io.WriteString(w, "done")
}

func maxBytes(limit int64) func(http.ResponseWriter, *http.Request, noteFunc) {
	return func(w http.ResponseWriter, r *http.Request, note noteFunc) {
		r.Body = http.MaxBytesReader(w, r.Body, limit)
		_, err := io.Copy(io.Discard, r.Body)
		var e *http.MaxBytesError
		if errors.As(err, &e) {
			note("limit %d", e.Limit)
			http.Error(w, "too large", http.StatusBadRequest)
		}
	}
}

const expecting = "Expect: 100-continue\r\n"

var diffBodies = []diffCase{
	posted("ignored", post(1000), ignore),
	posted("ignored large", post(300_000), ignore),
	posted("ignored, just small enough", post(discardLimit-1), ignore),
	posted("ignored, just too large", post(discardLimit), ignore),
	posted("ignored chunked", chunkedPost("", chunks(10_000, 1000)), ignore),
	posted("read in part", post(1000), readSome),
	posted("read in part, large", post(400_000), readSome),
	posted("read in part, chunked", chunkedPost("", chunks(10_000, 1000)), readSome),
	posted("read", post(1_000_000), readAll),
	posted("read chunked", chunkedPost("", chunks(1_000_000, 8000)), readAll),
	posted("closed", post(1000), func(w http.ResponseWriter, r *http.Request, note noteFunc) {
		noteErr(note, "close", 0, r.Body.Close())
		noteErr(note, "close again", 0, r.Body.Close())
		n, err := r.Body.Read(make([]byte, 10))
		noteErr(note, "read", n, err)
	}),
	posted("read after the answer", post(10_000), func(w http.ResponseWriter, r *http.Request, note noteFunc) {
		w.(http.Flusher).Flush()
		n, err := r.Body.Read(make([]byte, 10))
		noteErr(note, "read", n, err)
	}),
	posted("read after the answer, full duplex", post(10_000), func(w http.ResponseWriter, r *http.Request, note noteFunc) {
		http.NewResponseController(w).EnableFullDuplex()
		w.(http.Flusher).Flush()
		read(r, note, -1)
	}),
	posted("echo, full duplex", post(200_000), func(w http.ResponseWriter, r *http.Request, note noteFunc) {
		http.NewResponseController(w).EnableFullDuplex()
		n, err := io.Copy(w, r.Body)
		noteErr(note, "copy", int(n), err)
	}),
	posted("read to the end, then the answer, then read", post(10), func(w http.ResponseWriter, r *http.Request, note noteFunc) {
		read(r, note, -1)
		w.(http.Flusher).Flush()
		n, err := r.Body.Read(make([]byte, 10))
		noteErr(note, "read", n, err)
	}),
	posted("empty read", post(10), func(w http.ResponseWriter, r *http.Request, note noteFunc) {
		n, err := r.Body.Read(nil)
		noteErr(note, "read", n, err)
		readAll(w, r, note)
	}),
	posted("expected and read", post(10, expecting), readAll),
	posted("expected and ignored", post(10, expecting), ignore),
	posted("expected, refused", post(10, expecting), func(w http.ResponseWriter, r *http.Request, note noteFunc) {
		w.WriteHeader(http.StatusForbidden)
	}),
	posted("expected, answered, read", post(10, expecting), func(w http.ResponseWriter, r *http.Request, note noteFunc) {
		w.(http.Flusher).Flush()
		read(r, note, -1)
	}),
	posted("expected, continued by hand", post(10, expecting), func(w http.ResponseWriter, r *http.Request, note noteFunc) {
		w.WriteHeader(http.StatusContinue)
		readAll(w, r, note)
	}),
	posted("expected, hints first", post(10, expecting), func(w http.ResponseWriter, r *http.Request, note noteFunc) {
		w.WriteHeader(http.StatusEarlyHints)
		readAll(w, r, note)
	}),
	posted("expected and closed", post(10, expecting), func(w http.ResponseWriter, r *http.Request, note noteFunc) {
		r.Body.Close()
		ignore(w, r, note)
	}),
	posted("max bytes, below", post(10), maxBytes(10)),
	posted("max bytes, above", post(20), maxBytes(10)),
	posted("max bytes, above, large", post(300_000), maxBytes(10)),
	posted("max bytes, above, chunked", chunkedPost("", chunks(20_000, 1000)), maxBytes(100)),
	posted("bad chunk", chunkedPost("", "5\r\nhello\r\nzz\r\n"), func(w http.ResponseWriter, r *http.Request, note noteFunc) {
		got, err := io.ReadAll(r.Body)
		note("%q %v", got, err != nil)
	}),
	posted("bad chunk, ignored", chunkedPost("", "zz\r\n"), ignore),
	posted("form", "POST /?q=1 HTTP/1.1\r\nHost: a\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 7\r\n\r\na=1&b=2",
		func(w http.ResponseWriter, r *http.Request, note noteFunc) {
			note("%v %v %v", r.ParseForm(), r.Form, r.PostForm)
		}),
	posted("1.0 with a body", "POST / HTTP/1.0\r\nContent-Length: 3\r\n\r\nabc", readAll),
	posted("1.0 with a body, ignored", "POST / HTTP/1.0\r\nConnection: keep-alive\r\nContent-Length: 3\r\n\r\nabc", ignore),
}
