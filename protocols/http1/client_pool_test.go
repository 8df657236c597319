package http1_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/calandria-go/calandria/protocols/http1"
	"github.com/calandria-go/calandria/reactor"
	"github.com/calandria-go/calandria/reactor/reactortest"
)

// until waits for an event that another goroutine or a loop brings about.
func until(t testing.TB, what string, f func() bool) {
	t.Helper()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	limit := time.After(patience)
	for !f() {
		select {
		case <-tick.C:
		case <-limit:
			t.Fatalf("waited %v for %s", patience, what)
		}
	}
}

// accepting is a server whose connections a test handles by itself, in order.
func accepting(t testing.TB, f func(n int, c net.Conn, br *bufio.Reader)) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	wg.Add(1)
	var mu sync.Mutex
	var open []net.Conn
	go func() {
		defer wg.Done()
		for n := 0; ; n++ {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			mu.Lock()
			open = append(open, c)
			mu.Unlock()
			wg.Add(1)
			go func() {
				defer wg.Done()
				defer c.Close()
				f(n, c, bufio.NewReader(c))
			}()
		}
	}()
	t.Cleanup(func() {
		ln.Close()
		mu.Lock()
		for _, c := range open {
			c.Close()
		}
		mu.Unlock()
		wg.Wait()
	})
	return "http://" + ln.Addr().String()
}

// readRequest reads a request and its body.
func readRequest(br *bufio.Reader) (string, bool) {
	req, err := http.ReadRequest(br)
	if err != nil {
		return "", false
	}
	body, err := io.ReadAll(req.Body)
	return req.Method + " " + req.RequestURI + " " + string(body), err == nil
}

const okAnswer = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"

// TestIdleEndIsNoticed: what comes or ends between two requests takes the connection out of the pool at once.
func TestIdleEndIsNoticed(t *testing.T) {
	for name, extra := range map[string]string{"eof": "", "bytes": "HTTP/1.1 408 Timeout\r\n\r\n", "noise": "x"} {
		t.Run(name, func(t *testing.T) {
			next := make(chan struct{})
			url := accepting(t, func(_ int, c net.Conn, br *bufio.Reader) {
				readRequest(br)
				io.WriteString(c, okAnswer)
				<-next
				io.WriteString(c, extra)
				if extra != "" {
					io.Copy(io.Discard, br) // the client has to end it
				}
			})
			cl := newClient(t, &http1.Client{})
			for range 2 {
				fetch(t, cl, url)
				if s := cl.Stats(); s.Idle != 1 || s.Open != 1 {
					t.Fatalf("%+v", s)
				}
				next <- struct{}{}
				until(t, "the pool to be empty", func() bool { return cl.Stats() == http1.ClientStats{} })
			}
		})
	}
}

// TestRetries: a request is sent again only if that is safe.
func TestRetries(t *testing.T) {
	for _, c := range []struct {
		name   string
		method string
		body   io.Reader
		header string
		first  string // what the dying connection says to the second request
		sent   int    // times that the request is seen
		ok     bool
	}{
		{"GET", "GET", nil, "", "", 2, true},
		{"HEAD", "HEAD", nil, "", "", 2, true},
		{"OPTIONS", "OPTIONS", nil, "", "", 2, true},
		{"DELETE", "DELETE", nil, "", "", 2, true},
		{"PUT, body in memory", "PUT", bytes.NewReader([]byte("x")), "", "", 2, true},
		{"PUT, body that is gone", "PUT", io.MultiReader(strings.NewReader("x")), "", "", 1, false},
		{"POST", "POST", strings.NewReader("x"), "", "", 1, false},
		{"POST, with a key", "POST", strings.NewReader("x"), "Idempotency-Key", "", 2, true},
		{"PATCH", "PATCH", strings.NewReader("x"), "", "", 1, false},
		{"GET, answer begun", "GET", nil, "", "HTTP/1.1 2", 1, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			var seen atomic.Int32
			url := accepting(t, func(n int, w net.Conn, br *bufio.Reader) {
				for i := 0; ; i++ {
					what, ok := readRequest(br)
					if !ok {
						return
					}
					if strings.Contains(what, "/the-one") {
						seen.Add(1)
					}
					if n == 0 && i == 1 {
						io.WriteString(w, c.first)
						return
					}
					head := okAnswer
					if strings.HasPrefix(what, "HEAD") {
						head = strings.TrimSuffix(head, "ok")
					}
					io.WriteString(w, head)
				}
			})
			cl := newClient(t, &http1.Client{})
			fetch(t, cl, url)
			req, _ := http.NewRequestWithContext(t.Context(), c.method, url+"/the-one", c.body)
			if c.header != "" {
				req.Header.Set(c.header, "1")
			}
			res, err := cl.RoundTrip(req)
			if err == nil {
				io.Copy(io.Discard, res.Body)
				res.Body.Close()
			}
			if (err == nil) != c.ok || int(seen.Load()) != c.sent {
				t.Errorf("sent %d times, %v", seen.Load(), err)
			}
		})
	}
}

// TestFreshConnectionIsNotRetried: a server that closes every connection is asked once.
func TestFreshConnectionIsNotRetried(t *testing.T) {
	var seen atomic.Int32
	url := accepting(t, func(_ int, _ net.Conn, br *bufio.Reader) { readRequest(br); seen.Add(1) })
	cl := newClient(t, &http1.Client{})
	if _, err := cl.Get(t.Context(), url); !errors.Is(err, http1.ErrServerClosed) || !errors.Is(err, io.EOF) {
		t.Error(err)
	}
	if seen.Load() != 1 {
		t.Errorf("asked %d times", seen.Load())
	}
}

// TestConnsPerHost: no more connections than allowed; those who wait get one in order, or their context ends.
func TestConnsPerHost(t *testing.T) {
	release := make(chan struct{})
	var open, most atomic.Int32
	url := accepting(t, func(_ int, c net.Conn, br *bufio.Reader) {
		if n := open.Add(1); n > most.Load() {
			most.Store(n)
		}
		defer open.Add(-1)
		for {
			if _, ok := readRequest(br); !ok {
				return
			}
			<-release
			io.WriteString(c, okAnswer)
		}
	})
	cl := newClient(t, &http1.Client{MaxConnsPerHost: 3})
	var wg sync.WaitGroup
	for range 12 {
		wg.Go(func() {
			res, err := cl.Get(t.Context(), url)
			if err != nil {
				t.Error(err)
				return
			}
			io.Copy(io.Discard, res.Body)
			res.Body.Close()
		})
	}
	until(t, "waiters", func() bool { return cl.Stats().Waiting == 9 })
	ctx, cancel := context.WithCancel(t.Context())
	wg.Go(func() {
		if _, err := cl.Get(ctx, url); !errors.Is(err, context.Canceled) {
			t.Errorf("canceled: %v", err)
		}
	})
	until(t, "one more", func() bool { return cl.Stats().Waiting == 10 })
	cancel()
	until(t, "one less", func() bool { return cl.Stats().Waiting == 9 })
	close(release)
	wg.Wait()
	if most.Load() > 3 {
		t.Errorf("%d connections", most.Load())
	}
	if s := cl.Stats(); s.Open != 3 || s.Idle != 3 || s.Waiting != 0 {
		t.Errorf("%+v", s)
	}
	cl.CloseIdleConnections()
	until(t, "the pool to be empty", func() bool { return cl.Stats() == http1.ClientStats{} })
}

// TestPlacesAreFreed: what fails gives its place back.
func TestPlacesAreFreed(t *testing.T) {
	url := accepting(t, func(n int, c net.Conn, br *bufio.Reader) {
		readRequest(br)
		io.WriteString(c, []string{"", "nonsense", okAnswer[:20], "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nx"}[n%4])
	})
	cl := newClient(t, &http1.Client{MaxConnsPerHost: 1})
	for range 12 {
		if res, err := cl.Get(t.Context(), url); err == nil {
			io.Copy(io.Discard, res.Body)
			res.Body.Close()
		}
	}
	for range 3 {
		if _, err := cl.Get(t.Context(), "http://127.0.0.1:1/"); err == nil {
			t.Error("port 1 answers")
		}
	}
	until(t, "the pool to be empty", func() bool { return cl.Stats() == http1.ClientStats{} })
}

// TestClientPipeline: with one connection, several requests are on their way, and the answers find theirs.
func TestClientPipeline(t *testing.T) {
	const n = 8
	url := accepting(t, func(_ int, c net.Conn, br *bufio.Reader) {
		readRequest(br)
		io.WriteString(c, okAnswer)
		var targets []string
		for range n {
			what, ok := readRequest(br)
			if !ok {
				return
			}
			targets = append(targets, strings.Fields(what)[1])
		}
		for _, target := range targets {
			fmt.Fprintf(c, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", len(target), target)
		}
		io.Copy(io.Discard, br)
	})
	cl := newClient(t, &http1.Client{MaxConnsPerHost: 1, Pipeline: n})
	fetch(t, cl, url)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() {
			res, err := cl.Get(ctx, fmt.Sprintf("%s/%d", url, i))
			if err != nil {
				t.Error(err)
				return
			}
			defer res.Body.Close()
			if body, err := io.ReadAll(res.Body); string(body) != fmt.Sprintf("/%d", i) {
				t.Errorf("%d got %q, %v", i, body, err)
			}
		})
	}
	wg.Wait()
}

// clock runs f in a bubble with a client and a server in memory, whose connections are handled by serve.
func clock(t *testing.T, cl *http1.Client, serve func(c net.Conn, br *bufio.Reader), f func(t *testing.T, url string)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		cl.Reactor = reactortest.New(t, reactor.Config{Loops: 1, StallAfter: -1})
		ln := reactortest.Listen()
		go func() {
			for {
				c, err := ln.Accept()
				if err != nil {
					return
				}
				go func() {
					defer c.Close()
					serve(c, bufio.NewReader(c))
				}()
			}
		}()
		newClient(t, cl)
		t.Cleanup(func() { ln.Close() })
		f(t, "http://"+ln.Addr().String())
		cl.Close()
	})
}

// TestClientDeadlines: each phase has its own, and its own error.
func TestClientDeadlines(t *testing.T) {
	for _, c := range []struct {
		name string
		cl   *http1.Client
		says string
		want error
		at   time.Duration
	}{
		{"head", &http1.Client{HeadTimeout: 3 * time.Second}, "", http1.ErrResponseTimeout, 3 * time.Second},
		{"half a head", &http1.Client{HeadTimeout: 3 * time.Second}, "HTTP/1.1 200 OK\r\n", http1.ErrResponseTimeout, 3 * time.Second},
		{"head by default", &http1.Client{}, "", http1.ErrResponseTimeout, time.Minute},
		{"body", &http1.Client{BodyTimeout: 5 * time.Second}, "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nx", http1.ErrResponseStalled, 5 * time.Second},
	} {
		t.Run(c.name, func(t *testing.T) {
			clock(t, c.cl, func(w net.Conn, br *bufio.Reader) {
				readRequest(br)
				io.WriteString(w, c.says)
				io.Copy(io.Discard, br)
			}, func(t *testing.T, url string) {
				start := time.Now()
				res, err := c.cl.Get(t.Context(), url)
				if err == nil {
					_, err = io.ReadAll(res.Body)
					res.Body.Close()
				}
				if d := time.Since(start); !errors.Is(err, c.want) || d < c.at || d > c.at+late {
					t.Errorf("%v after %v", err, d)
				}
				synctest.Wait()
				if s := c.cl.Stats(); s.Open != 0 {
					t.Errorf("%+v", s)
				}
			})
		})
	}
}

// TestClientContext: a context ends every wait at once, and the connection with it.
func TestClientContext(t *testing.T) {
	for name, says := range map[string]string{"head": "", "body": "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nx"} {
		t.Run(name, func(t *testing.T) {
			cl := &http1.Client{}
			clock(t, cl, func(w net.Conn, br *bufio.Reader) {
				readRequest(br)
				io.WriteString(w, says)
				io.Copy(io.Discard, br)
			}, func(t *testing.T, url string) {
				ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
				defer cancel()
				start := time.Now()
				res, err := cl.Get(ctx, url)
				if err == nil {
					_, err = io.ReadAll(res.Body)
					res.Body.Close()
				}
				if d := time.Since(start); !errors.Is(err, context.DeadlineExceeded) || d != 2*time.Second {
					t.Errorf("%v after %v", err, d)
				}
				synctest.Wait()
				if s := cl.Stats(); s.Open != 0 {
					t.Errorf("%+v", s)
				}
			})
		})
	}
}

// TestIdleTimeout: an idle connection is closed when its time is over, counted from its last use.
func TestClientIdleTimeout(t *testing.T) {
	cl := &http1.Client{IdleTimeout: 10 * time.Second}
	clock(t, cl, func(w net.Conn, br *bufio.Reader) {
		for {
			if _, ok := readRequest(br); !ok {
				return
			}
			io.WriteString(w, okAnswer)
		}
	}, func(t *testing.T, url string) {
		for range 3 {
			fetch(t, cl, url)
			<-time.After(9 * time.Second)
			if s := cl.Stats(); s.Idle != 1 {
				t.Fatalf("%+v", s)
			}
		}
		<-time.After(time.Second + late)
		synctest.Wait()
		if s := cl.Stats(); s.Open != 0 {
			t.Errorf("%+v", s)
		}
	})
}

// TestPoolTimeout: who waits for a connection too long hears so.
func TestPoolTimeout(t *testing.T) {
	cl := &http1.Client{MaxConnsPerHost: 1, PoolTimeout: 4 * time.Second}
	clock(t, cl, func(w net.Conn, br *bufio.Reader) {
		readRequest(br)
		io.WriteString(w, "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nx")
		io.Copy(io.Discard, br)
	}, func(t *testing.T, url string) {
		res, err := cl.Get(t.Context(), url)
		if err != nil {
			t.Fatal(err)
		}
		start := time.Now()
		if _, err := cl.Get(t.Context(), url); !errors.Is(err, http1.ErrPoolTimeout) || time.Since(start) != 4*time.Second {
			t.Errorf("%v after %v", err, time.Since(start))
		}
		res.Body.Close()
	})
}

// TestContinue: the body waits for 100 (Continue), for a while, and is not sent behind a final answer.
func TestClientContinue(t *testing.T) {
	for _, c := range []struct {
		name, first string
		body        bool
		after       time.Duration
	}{
		{"continue", "HTTP/1.1 100 Continue\r\n\r\n", true, 0},
		{"silence", "", true, time.Second},
		{"refusal", "HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n", false, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			cl := &http1.Client{}
			got := make(chan string, 1)
			clock(t, cl, func(w net.Conn, br *bufio.Reader) {
				req, err := http.ReadRequest(br)
				if err != nil || req.Header.Get("Expect") != "100-continue" {
					t.Errorf("%v %v", req, err)
					return
				}
				io.WriteString(w, c.first)
				body, _ := io.ReadAll(req.Body)
				got <- string(body)
				if c.body {
					io.WriteString(w, okAnswer)
				}
			}, func(t *testing.T, url string) {
				req, _ := http.NewRequestWithContext(t.Context(), "POST", url, io.MultiReader(strings.NewReader("body")))
				req.Header.Set("Expect", "100-continue")
				start := time.Now()
				res, err := cl.RoundTrip(req)
				if err != nil {
					t.Fatal(err)
				}
				io.Copy(io.Discard, res.Body)
				res.Body.Close()
				if d := time.Since(start); d != c.after {
					t.Errorf("answer after %v", d)
				}
				if body := <-got; (body == "body") != c.body {
					t.Errorf("body %q", body)
				}
			})
		})
	}
}
