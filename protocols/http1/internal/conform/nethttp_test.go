package conform_test

import (
	"errors"
	"io"
	"net"
	"net/http"
	"strconv"
	"testing"
	"time"
)

const (
	maxBody   = 8 << 20
	maxTarget = 8 << 10
	maxFields = 100
)

// startNetHTTP serves the routes with net/http and returns a dialer.
func startNetHTTP(t *testing.T) func() (net.Conn, error) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	srv := &http.Server{Handler: limits(routes()), MaxHeaderBytes: 16 << 10, ReadHeaderTimeout: 30 * time.Second}
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = srv.Serve(lingerListener{ln})
	}()
	t.Cleanup(func() {
		srv.Close()
		<-done
	})
	addr := ln.Addr().String()
	return func() (net.Conn, error) { return net.Dial("tcp", addr) }
}

// routes are those that the package documents.
func routes() http.Handler {
	mux := http.NewServeMux()
	page := func(typ, body string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", typ)
			w.Header().Set("Content-Length", strconv.Itoa(len(body)))
			_, _ = io.WriteString(w, body)
		}
	}
	mux.HandleFunc("GET /{$}", page("text/html; charset=utf-8", "<!doctype html><title>conform</title>"))
	mux.HandleFunc("GET /plaintext", page("text/plain", "Hello, World!"))
	mux.HandleFunc("GET /json", page("application/json", `{"message":"Hello, World!"}`))
	mux.HandleFunc("POST /echo", echo)
	mux.HandleFunc("/sleep", sleep)
	return mux
}

func echo(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if err != nil {
		code := http.StatusBadRequest
		if tooLarge := new(http.MaxBytesError); errors.As(err, &tooLarge) {
			code = http.StatusRequestEntityTooLarge
		}
		refuse(w, code)
		return
	}
	if r.ContentLength >= 0 {
		w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	} else {
		w.WriteHeader(http.StatusOK)
		_ = http.NewResponseController(w).Flush()
	}
	_, _ = w.Write(body)
}

func sleep(w http.ResponseWriter, r *http.Request) {
	ms, err := strconv.ParseUint(r.URL.Query().Get("ms"), 10, 32)
	if err != nil || ms > 60000 {
		refuse(w, http.StatusBadRequest)
		return
	}
	select {
	case <-time.After(time.Duration(ms) * time.Millisecond):
	case <-r.Context().Done(): // also after a half-close, and then too it is answered
	}
}

// limits adds the limits that net/http has no fields for.
func limits(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fields := 1 // Host, which is not in Header
		for _, v := range r.Header {
			fields += len(v)
		}
		switch {
		case len(r.RequestURI) > maxTarget:
			refuse(w, http.StatusRequestURITooLong)
		case fields > maxFields:
			refuse(w, http.StatusRequestHeaderFieldsTooLarge)
		case r.ContentLength > maxBody:
			refuse(w, http.StatusRequestEntityTooLarge)
		default:
			h.ServeHTTP(w, r)
		}
	})
}

func refuse(w http.ResponseWriter, code int) {
	w.Header().Set("Connection", "close")
	http.Error(w, http.StatusText(code), code)
}

// lingerListener makes every close a lingering one. net/http closes at once
// after most of its own 400s; whether the client then sees the answer or a
// reset is a race, and a list of deviations needs fixed outcomes.
type lingerListener struct{ net.Listener }

func (l lingerListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return lingerConn{c.(*net.TCPConn)}, nil
}

type lingerConn struct{ *net.TCPConn }

func (c lingerConn) Close() error {
	_ = c.CloseWrite()
	_ = c.SetReadDeadline(time.Now().Add(10 * time.Second))
	go func() {
		_, _ = io.Copy(io.Discard, c.TCPConn)
		c.TCPConn.Close()
	}()
	return nil
}
