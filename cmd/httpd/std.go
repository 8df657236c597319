package main

import (
	"errors"
	"io"
	"net/http"
	"strconv"
	"time"
)

// stdRoutes are the same routes as a net/http handler.
func stdRoutes() http.Handler {
	mux := http.NewServeMux()
	home := []byte(page("std"))
	get := func(pattern, contentType string, body []byte) {
		mux.HandleFunc("GET "+pattern, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", contentType)
			w.Write(body)
		})
		mux.HandleFunc(pattern, notAllowed("GET, HEAD"))
	}
	get("/{$}", "text/html; charset=utf-8", home)
	get("/plaintext", textPlain, helloBytes)
	get("/json", "application/json", jsonBytes)
	mux.HandleFunc("POST /echo", stdEcho)
	mux.HandleFunc("/echo", notAllowed("POST"))
	mux.HandleFunc("/sleep", stdSleep)
	mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) { plain(w, http.StatusNotFound, "not found\n") })
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "" && r.Method != http.MethodOptions && r.Method != http.MethodConnect {
			r.URL.Path = "/" // RFC 9110 section 4.2.3
		}
		switch r.URL.Path {
		case "*", "": // the server as a whole, or CONNECT; a mux knows neither
			if r.Method != http.MethodOptions {
				notAllowed("OPTIONS")(w, r)
				return
			}
			w.Header().Set("Allow", "GET, HEAD, POST, OPTIONS")
			w.WriteHeader(http.StatusNoContent)
		default:
			mux.ServeHTTP(w, r)
		}
	})
}

func plain(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", textPlain)
	w.WriteHeader(status)
	io.WriteString(w, text)
}

func notAllowed(methods string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Allow", methods)
		plain(w, http.StatusMethodNotAllowed, "method not allowed\n")
	}
}

// stdEcho answers with the request's body in the request's framing. It collects the body first: a client may send all before
// it reads, and a body that turns out bad is still answered with its error.
func stdEcho(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		http.Error(w, err.Error(), http.StatusRequestEntityTooLarge)
		return
	case err != nil:
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	w.Header().Set("Content-Type", "application/octet-stream")
	if r.ContentLength >= 0 {
		w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	} else {
		w.Header().Set("Transfer-Encoding", "chunked") // however short it is
	}
	w.Write(body)
}

// stdSleep answers after ms milliseconds, and never touches the body.
func stdSleep(w http.ResponseWriter, r *http.Request) {
	ms, ok := sleepTime([]byte(r.URL.RawQuery))
	if !ok {
		plain(w, http.StatusBadRequest, "ms must be a number up to 60000\n")
		return
	}
	wake := time.NewTimer(time.Duration(ms) * time.Millisecond)
	defer wake.Stop()
	select {
	case <-wake.C:
		plain(w, http.StatusOK, "slept "+strconv.Itoa(ms)+" ms\n")
	case <-r.Context().Done():
	}
}
