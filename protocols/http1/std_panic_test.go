package http1

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"runtime"
	"strings"
	"testing"

	"github.com/calandria-go/calandria/reactor"
)

func TestStdPanics(t *testing.T) {
	var nilMap map[string]int
	cases := []struct {
		name   string
		h      func(w http.ResponseWriter, r *http.Request)
		logged string
	}{
		{"value", func(http.ResponseWriter, *http.Request) { panic("oh no") }, "oh no"},
		{"runtime error", func(http.ResponseWriter, *http.Request) { nilMap["x"] = 1 }, "nil map"},
		{"nil", func(http.ResponseWriter, *http.Request) { panic(nil) }, "panic called with nil"},
		{"abort", func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, ""},
		{"goexit", func(http.ResponseWriter, *http.Request) { runtime.Goexit() }, ""},
		{"after a part", func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "part"); panic("late") }, "late"},
		{"after a flush", func(w http.ResponseWriter, _ *http.Request) {
			io.WriteString(w, "part")
			w.(http.Flusher).Flush()
			panic("later")
		}, "later"},
		{"bad status", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(1) }, "invalid WriteHeader code 1"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			s := startStd(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Path == "/good" {
					return
				}
				c.h(w, r)
			}))
			conn := s.dial()
			fmt.Fprint(conn, get("/")+get("/good"))
			all, err := io.ReadAll(conn)
			if err == nil || strings.Contains(string(all), "0\r\n\r\n") {
				t.Errorf("%q, %v: not a reset", all, err)
			}
			if got := s.exchange(get("/good")); !strings.HasPrefix(got, "HTTP/1.1 200") {
				t.Errorf("the server does not live on: %q", got)
			}
			log := s.log.String()
			if c.logged == "" {
				if log != "" {
					t.Errorf("logged %q", log)
				}
				return
			}
			if strings.Count(log, "http1: panic serving") != 1 || !strings.Contains(log, c.logged) ||
				!strings.Contains(log, "std_panic_test.go") || !strings.Contains(log, "127.0.0.1:") {
				t.Errorf("logged %q", log)
			}
		})
	}
}

// A panic after Hijack leaves the connection to the handler, as net/http does.
func TestStdPanicAfterHijack(t *testing.T) {
	conns := make(chan net.Conn, 1)
	s := startStd(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c, _, err := w.(http.Hijacker).Hijack()
		if err != nil {
			t.Error(err)
		}
		conns <- c
		panic("after hijack")
	}))
	c := s.dial()
	fmt.Fprint(c, get("/"))
	h := wait(t, conns, "hijack")
	for !strings.Contains(s.log.String(), "after hijack") {
		runtime.Gosched()
	}
	io.WriteString(h, "alive")
	h.Close()
	if got, err := io.ReadAll(c); string(got) != "alive" {
		t.Errorf("%q %v", got, err)
	}
}

func TestStdOverload(t *testing.T) {
	h := newWaiter()
	s := startStd(t, h, func(_ *Server, cfg *reactor.Config) { cfg.MaxWorkers, cfg.MaxQueued = 1, -1 })
	first := s.dial()
	fmt.Fprint(first, get("/"))
	wait(t, h.entered, "handler")
	got := s.exchange(get("/") + get("/"))
	if !strings.HasPrefix(got, "HTTP/1.1 503 ") || strings.Count(got, "HTTP/1.1") != 1 ||
		!strings.Contains(got, "Retry-After: 1\r\n") || !strings.Contains(got, "Connection: close\r\n") {
		t.Errorf("got %q", got)
	}
	close(h.release)
	wait(t, h.ended, "handler")
}

func TestStdLogsMistakes(t *testing.T) {
	s := startStd(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Length", "x")
		w.WriteHeader(200)
		w.WriteHeader(201)
	}))
	s.exchange(get("/"))
	for _, want := range []string{"superfluous WriteHeader", "invalid Content-Length", "std_panic_test.go"} {
		if log := s.log.String(); !strings.Contains(log, want) {
			t.Errorf("no %q in %q", want, log)
		}
	}
}
