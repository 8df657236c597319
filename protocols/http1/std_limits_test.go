package http1

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/calandria-go/calandria/reactor"
)

func smallBody(srv *Server, _ *reactor.Config) { srv.MaxBodyBytes = 1000 }

func TestStdMaxBodyBytes(t *testing.T) {
	big := chunkedPost("", chunks(5000, 500))
	cases := []struct {
		name, send, want string
		h                http.HandlerFunc
	}{
		{"declared", post(1001), "HTTP/1.1 413 ", func(w http.ResponseWriter, r *http.Request) { t.Error("called") }},
		{"just fits", post(1000), "HTTP/1.1 200 ", func(w http.ResponseWriter, r *http.Request) {
			if n, err := io.Copy(io.Discard, r.Body); n != 1000 || err != nil {
				t.Error(n, err)
			}
			w.Header().Set("Connection", "close")
		}},
		{"chunked", big, "HTTP/1.1 413 ", func(w http.ResponseWriter, r *http.Request) {
			_, err := io.Copy(io.Discard, r.Body)
			var e *http.MaxBytesError
			if !errors.As(err, &e) || e.Limit != 1000 {
				t.Error(err)
			}
		}},
		{"chunked, answered by the handler", big, "HTTP/1.1 418 ", func(w http.ResponseWriter, r *http.Request) {
			io.Copy(io.Discard, r.Body)
			w.WriteHeader(418)
		}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			s := startStd(t, c.h, smallBody)
			got := s.exchange(c.send + get("/next"))
			if !strings.HasPrefix(got, c.want) || strings.Count(got, "HTTP/1.1 ") != 1 || !strings.Contains(got, "Connection: close\r\n") {
				t.Errorf("got %q", got)
			}
		})
	}
}

// A body that ends early is an unexpected end to the handler, which can still answer.
func TestStdTruncatedBody(t *testing.T) {
	for _, send := range []string{
		"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nabc",
		chunkedPost("", "5\r\nabc"),
		chunkedPost("", "3\r\nabc\r\n"),
		chunkedPost("", "3\r\nabc\r\n0\r\n"),
	} {
		s := startStd(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			b, err := io.ReadAll(r.Body)
			fmt.Fprintf(w, "%s %v", b, err == io.ErrUnexpectedEOF)
		}))
		got := s.exchange(send)
		if !strings.HasSuffix(got, "\r\n\r\nabc true") || !strings.Contains(got, "Connection: close\r\n") {
			t.Errorf("%q: got %q", send, got)
		}
	}
}

// A client that stalls in the middle of a body: the handler hears of it after BodyTimeout.
func TestStdBodyTimeout(t *testing.T) {
	s := startStd(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, err := io.ReadAll(r.Body)
		if !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Error(err)
		}
		w.WriteHeader(http.StatusRequestTimeout)
	}), func(srv *Server, _ *reactor.Config) { srv.BodyTimeout = 30 * time.Millisecond })
	c := s.dial()
	fmt.Fprint(c, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nabc")
	res, _ := readAnswer(t, bufio.NewReader(c))
	if res.StatusCode != http.StatusRequestTimeout || !res.Close {
		t.Error(res)
	}
}

func TestStdReadDeadline(t *testing.T) {
	for name, after := range map[string]time.Duration{"passed": -time.Second, "passes": 20 * time.Millisecond} {
		t.Run(name, func(t *testing.T) {
			s := startStd(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				c := http.NewResponseController(w)
				if err := c.SetReadDeadline(time.Now().Add(after)); err != nil {
					t.Error(err)
				}
				_, err := io.ReadAll(r.Body)
				fmt.Fprint(w, errors.Is(err, os.ErrDeadlineExceeded))
				c.SetReadDeadline(time.Time{})
			}))
			c := s.dial()
			fmt.Fprint(c, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nabc")
			if _, body := readAnswer(t, bufio.NewReader(c)); body != "true" {
				t.Error(body)
			}
		})
	}
}

func TestStdWriteDeadline(t *testing.T) {
	for name, after := range map[string]time.Duration{"passed": -time.Second, "passes": 20 * time.Millisecond} {
		t.Run(name, func(t *testing.T) {
			failed := make(chan error, 1)
			s := startStd(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				http.NewResponseController(w).SetWriteDeadline(time.Now().Add(after))
				for {
					if _, err := w.Write(make([]byte, 64<<10)); err != nil {
						failed <- err
						return
					}
				}
			}))
			c := s.dial()
			fmt.Fprint(c, get("/"))
			if err := wait(t, failed, "write"); !errors.Is(err, os.ErrDeadlineExceeded) {
				t.Error(err)
			}
			if _, err := io.Copy(io.Discard, c); err == nil {
				t.Error("the connection ended in order")
			}
		})
	}
}

// The writer that a handler has kept is of no use after it has returned, and does no harm.
func TestStdWriterIsOverWithHandler(t *testing.T) {
	kept := make(chan http.ResponseWriter, 1)
	bodies := make(chan io.ReadCloser, 1)
	s := startStd(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		kept <- w
		bodies <- r.Body
	}))
	s.exchange(post(10))
	w, body := <-kept, <-bodies
	if _, err := w.Write([]byte("late")); !errors.Is(err, ErrAnswered) {
		t.Error(err)
	}
	if err := http.NewResponseController(w).Flush(); !errors.Is(err, ErrAnswered) {
		t.Error(err)
	}
	if _, err := body.Read(make([]byte, 1)); !errors.Is(err, http.ErrBodyReadAfterClose) {
		t.Error(err)
	}
	if body.Close() != nil {
		t.Error("close")
	}
}

// What would wait on the loop says so instead.
func TestStdOnLoop(t *testing.T) {
	got := make(chan error, 2)
	s := startStd(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		done := make(chan struct{})
		w.(*stdResponse).c.Post(func() {
			defer close(done)
			_, err := r.Body.Read(make([]byte, 1))
			got <- err
			_, _, err = w.(http.Hijacker).Hijack()
			got <- err
		})
		<-done
	}))
	c := s.dial()
	fmt.Fprint(c, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n")
	for range 2 {
		if err := wait(t, got, "call"); !errors.Is(err, reactor.ErrOnLoop) {
			t.Error(err)
		}
	}
}

func TestStdPatterns(t *testing.T) {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /items/{id}/{rest...}", func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, r.Pattern, " ", r.PathValue("id"), " ", r.PathValue("rest"))
	})
	s := startStd(t, mux)
	for send, want := range map[string]string{
		get("/items/7/a/b"):                           "GET /items/{id}/{rest...} 7 a/b",
		"POST /items/7/a HTTP/1.1\r\nHost: a\r\n\r\n": "405 Method Not Allowed",
		"OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n":       "Content-Length: 0\r\n",
	} {
		if got := s.exchange(send); !strings.Contains(got, want) {
			t.Errorf("got %q", got)
		}
	}
}
