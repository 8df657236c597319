package http1_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/calandria-go/calandria/protocols/http1"
	"github.com/calandria-go/calandria/reactor"
)

// What the host knows reaches the native handler; http.StripPrefix and the context's values work.
func TestAsStdCarries(t *testing.T) {
	t.Parallel()
	type key struct{}
	native := http1.HandlerFunc(func(x *http1.Exchange) {
		r := http1.HostRequest(x)
		x.Respond(200, "", fmt.Appendf(nil, "%s %v %v tls=%v %s %v", x.Path(), x.ClientAddr(), x.Conn().LocalAddr(),
			x.TLS() != nil && x.TLS().HandshakeComplete, r.Pattern, r.Context().Value(key{})))
	})
	for _, h2 := range []bool{false, true} {
		var remote string
		s, _ := hosted(t, &http1.Server{Handler: native}, h2, func(h http.Handler) http.Handler {
			mux := http.NewServeMux()
			mux.Handle("/sub/", http.StripPrefix("/sub", h))
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				remote = r.RemoteAddr
				mux.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), key{}, "value")))
			})
		})
		res, err := s.Client().Get(s.URL + "/sub/a%2Fb?c")
		if err != nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(res.Body)
		res.Body.Close()
		want := fmt.Sprintf("/a%%2Fb %s %s tls=%v /sub/ value", remote[:strings.LastIndexByte(remote, ':')], s.Listener.Addr(), h2)
		if string(body) != want || (res.ProtoMajor == 2) != h2 {
			t.Errorf("%s: got %q; want %q", res.Proto, body, want)
		}
	}
	native2 := serve(t, "tcp", &http1.Server{Handler: http1.HandlerFunc(func(x *http1.Exchange) {
		x.Respond(200, "", fmt.Append(nil, http1.HostRequest(x) == nil))
	})}, reactor.Config{})
	res, err := http.Get("http://" + native2.addr.String())
	if err != nil {
		t.Fatal(err)
	}
	body, _ := io.ReadAll(res.Body)
	res.Body.Close()
	http.DefaultClient.CloseIdleConnections()
	if string(body) != "true" {
		t.Error("there is a HostRequest without a host")
	}
}

// digest reads a body and answers with its hash and length.
func digest(x *http1.Exchange) {
	sum, n := sha256.New(), 0
	x.StreamBody(func(x *http1.Exchange, piece []byte, last bool) {
		sum.Write(piece)
		if n += len(piece); last {
			x.Respond(200, "", fmt.Appendf(nil, "%d %x", n, sum.Sum(nil)))
		}
	})
}

// pattern is n bytes that are not all alike.
func patternReader(n int64) io.Reader { return io.LimitReader(&counterReader{}, n) }

type counterReader struct{ n byte }

func (c *counterReader) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = c.n
		c.n += 7
	}
	return len(p), nil
}

// Bodies of some size arrive whole, both ways, over HTTP/1.1 and HTTP/2, with a length and without.
func TestAsStdLargeBodies(t *testing.T) {
	t.Parallel()
	total := int64(size(16<<20, 4<<20, 1<<30))
	want := sha256.New()
	io.Copy(want, patternReader(total))
	for _, h2 := range []bool{false, true} {
		s, _ := hosted(t, &http1.Server{MaxBodyBytes: -1, Handler: http1.HandlerFunc(func(x *http1.Exchange) {
			if x.Request().HasBody() {
				digest(x)
				return
			}
			download(x, total)
		})}, h2, nil)
		for _, length := range []int64{total, -1} {
			req, err := http.NewRequest("PUT", s.URL, patternReader(total))
			if err != nil {
				t.Fatal(err)
			}
			req.ContentLength = length
			res, err := s.Client().Do(req)
			if err != nil {
				t.Fatal(err)
			}
			body, err := io.ReadAll(res.Body)
			res.Body.Close()
			if exp := fmt.Sprintf("%d %x", total, want.Sum(nil)); string(body) != exp || err != nil {
				t.Errorf("%s: the upload arrived as %q, %v; want %q", res.Proto, body, err, exp)
			}
		}
		res, err := s.Client().Get(s.URL)
		if err != nil {
			t.Fatal(err)
		}
		got := sha256.New()
		n, err := io.Copy(got, res.Body)
		res.Body.Close()
		if n != total || err != nil || !bytes.Equal(got.Sum(nil), want.Sum(nil)) {
			t.Errorf("%s: %d bytes of %d came, %v: %s", res.Proto, n, total, err, hex.EncodeToString(got.Sum(nil)))
		}
	}
}

// download answers with the first total bytes of the pattern, as the connection takes them.
func download(x *http1.Exchange, total int64) {
	src := patternReader(total)
	buf := make([]byte, 32<<10)
	produce := func(x *http1.Exchange) {
		for {
			n, err := src.Read(buf)
			if err == io.EOF {
				x.Finish()
				return
			}
			if full, err := x.Write(buf[:n]); full || err != nil {
				return
			}
		}
	}
	x.OnWritable(func(x *http1.Exchange) { produce(x) })
	x.Start(200, "", -1)
	produce(x)
}

// A side that stops taking stops the other one: what is in between stays small.
func TestAsStdBackPressure(t *testing.T) {
	t.Parallel()
	const most = 24 << 20 // the kernel's buffers for two sockets, the reactor's for one, and the pipes'
	t.Run("download", func(t *testing.T) {
		var written atomic.Int64
		stalled := make(chan struct{}, 1000)
		s, _ := hosted(t, &http1.Server{Handler: http1.HandlerFunc(func(x *http1.Exchange) {
			piece := make([]byte, 64<<10)
			produce := func(x *http1.Exchange) {
				for {
					full, err := x.Write(piece)
					if err != nil {
						return
					}
					if written.Add(int64(len(piece))); full {
						stalled <- struct{}{}
						return
					}
				}
			}
			x.OnWritable(func(x *http1.Exchange) { produce(x) })
			x.Start(200, "", 1<<40)
			produce(x)
		})}, false, nil)
		c := hostDial(t, s.Listener.Addr())
		io.WriteString(c, "GET / HTTP/1.1\r\nHost: h\r\n\r\n")
		<-stalled
		settles(t, &written)
		if n := written.Load(); n > most {
			t.Errorf("%d bytes were produced for a client that reads none", n)
		}
	})
	t.Run("upload", func(t *testing.T) {
		paused, release, over := make(chan struct{}), make(chan struct{}), make(chan struct{})
		s, _ := hosted(t, &http1.Server{MaxBodyBytes: -1, Handler: http1.HandlerFunc(func(x *http1.Exchange) {
			first := true
			x.OnCancel(func(*http1.Exchange, error) { close(over) })
			x.StreamBody(func(x *http1.Exchange, _ []byte, _ bool) {
				if !first {
					return
				}
				first = false
				x.PauseBody()
				x.Offload(func() {
					close(paused)
					<-release
					x.Post((*http1.Exchange).ResumeBody)
				})
			})
		})}, false, nil)
		var sent atomic.Int64
		c := hostDial(t, s.Listener.Addr())
		io.WriteString(c, "PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: 1000000000000\r\n\r\n")
		var wg sync.WaitGroup
		wg.Go(func() {
			piece := make([]byte, 64<<10)
			for {
				n, err := c.Write(piece)
				if sent.Add(int64(n)); err != nil {
					return
				}
			}
		})
		<-paused
		settles(t, &sent)
		if n := sent.Load(); n > most {
			t.Errorf("%d bytes were taken for a handler that reads none", n)
		}
		c.Close()
		wg.Wait()
		close(release) // net/http looks for the client's end only when it reads
		await(t, over)
	})
}

// settles waits until n has stayed the same for a while.
func settles(t *testing.T, n *atomic.Int64) {
	t.Helper()
	last, same := int64(-1), 0
	eventually(t, "a standstill", func() bool {
		now := n.Load()
		if now != last {
			last, same = now, 0
			return false
		}
		same++
		return same > 100
	})
}

// A thousand requests at a time.
func TestAsStdManyAtOnce(t *testing.T) {
	t.Parallel()
	many := size(1000, 200, 5000)
	var waiting sync.WaitGroup
	waiting.Add(many)
	h := http1.AsStd(http1.HandlerFunc(func(x *http1.Exchange) {
		text := string(x.Path())
		waiting.Done()
		x.Offload(func() {
			waiting.Wait() // all of them are here
			x.Post(func(x *http1.Exchange) { x.Respond(200, "", []byte(text)) })
		})
	}))
	defer h.Close()
	var failed atomic.Int64
	var wg sync.WaitGroup
	for i := range many {
		wg.Go(func() {
			w := httptest.NewRecorder()
			r := httptest.NewRequest("GET", fmt.Sprintf("/%d", i), nil)
			h.ServeHTTP(w, r)
			if w.Code != 200 || w.Body.String() != fmt.Sprintf("/%d", i) {
				failed.Add(1)
			}
		})
	}
	wg.Wait()
	if n := failed.Load(); n > 0 {
		t.Errorf("%d of %d failed", n, many)
	}
}

// The limit of requests in progress.
func TestAsStdLimit(t *testing.T) {
	t.Parallel()
	began, release := make(chan struct{}), make(chan struct{})
	h := (&http1.Server{Handler: http1.HandlerFunc(func(x *http1.Exchange) {
		x.Offload(func() {
			began <- struct{}{}
			<-release
			x.Post(hello)
		})
	})}).AsStd(reactor.Config{MaxConns: 1})
	defer h.Close()
	first := httptest.NewRecorder()
	var wg sync.WaitGroup
	wg.Go(func() { h.ServeHTTP(first, httptest.NewRequest("GET", "/", nil)) })
	<-began
	second := httptest.NewRecorder()
	h.ServeHTTP(second, httptest.NewRequest("GET", "/", nil))
	if second.Code != 503 || second.Header().Get("Retry-After") == "" {
		t.Errorf("the second request got %d", second.Code)
	}
	close(release)
	wg.Wait()
	if first.Code != 200 || first.Body.String() != "hello" {
		t.Errorf("the first request got %d %q", first.Code, first.Body)
	}
}

// After Shutdown requests are refused, and those before it finished.
func TestAsStdShutdown(t *testing.T) {
	t.Parallel()
	idle := http1.AsStd(http1.HandlerFunc(hello))
	if err := idle.Shutdown(context.Background()); err != nil {
		t.Errorf("Shutdown before the first request: %v", err)
	}
	began, release := make(chan struct{}), make(chan struct{})
	h := http1.AsStd(http1.HandlerFunc(func(x *http1.Exchange) {
		if string(x.Path()) == "/late" {
			hello(x)
			return
		}
		x.Offload(func() {
			close(began)
			<-release
			x.Post(hello)
		})
	}))
	first := httptest.NewRecorder()
	var wg sync.WaitGroup
	wg.Go(func() { h.ServeHTTP(first, httptest.NewRequest("GET", "/", nil)) })
	<-began
	done := make(chan error, 1)
	go func() { done <- h.Shutdown(context.Background()) }()
	eventually(t, "a refusal", func() bool {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest("GET", "/late", nil))
		if w.Code != 200 && w.Code != 503 {
			t.Errorf("a late request got %d", w.Code)
		}
		return w.Code == 503
	})
	close(release)
	wg.Wait()
	if err := <-done; err != nil || first.Code != 200 {
		t.Errorf("Shutdown: %v; the request in progress got %d", err, first.Code)
	}
}

// A host's deadline is 503, if the native side has not answered.
func TestAsStdHostDeadline(t *testing.T) {
	t.Parallel()
	ctx := expiring{context.Background(), make(chan struct{})}
	canceled := make(chan error, 1)
	h := http1.AsStd(http1.HandlerFunc(func(x *http1.Exchange) {
		x.OnCancel(func(_ *http1.Exchange, err error) { canceled <- err })
		close(ctx.done) // not before: a deadline that has passed already ends the request before it comes here
	}))
	defer h.Close()
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest("GET", "/", nil).WithContext(ctx))
	if err := <-canceled; w.Code != 503 || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %d; the exchange ended with %v", w.Code, err)
	}
}

// A host's deadline that has passed before the native side hears of the request is 503 too.
func TestAsStdHostDeadlinePassed(t *testing.T) {
	t.Parallel()
	h := http1.AsStd(http1.HandlerFunc(hello))
	defer h.Close()
	ctx := expiring{context.Background(), make(chan struct{})}
	close(ctx.done)
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest("GET", "/", nil).WithContext(ctx))
	if w.Code != 503 && w.Code != 200 { // it may have been answered in the same moment
		t.Errorf("got %d", w.Code)
	}
}

// expiring is a context whose deadline passes when done is closed.
type expiring struct {
	context.Context
	done chan struct{}
}

func (e expiring) Done() <-chan struct{} { return e.done }

func (e expiring) Err() error {
	select {
	case <-e.done:
		return context.DeadlineExceeded
	default:
		return nil
	}
}

// Memory and goroutines after many requests are as before.
func TestAsStdLeavesNothing(t *testing.T) {
	h := http1.AsStd(http1.HandlerFunc(digest))
	for i := range size(500, 100, 20_000) {
		w := httptest.NewRecorder()
		body := strings.Repeat("x", i%3000)
		h.ServeHTTP(w, httptest.NewRequest("PUT", "/", strings.NewReader(body)))
		if w.Code != 200 || !strings.HasPrefix(w.Body.String(), fmt.Sprint(len(body), " ")) {
			t.Fatalf("request %d: %d %q", i, w.Code, w.Body)
		}
	}
	eventually(t, "the connections' end", func() bool { return runtime.NumGoroutine() < 100 })
	if err := h.Close(); err != nil {
		t.Error(err)
	}
}

// BenchmarkAsStd is a request and its answer without a client.
func BenchmarkAsStd(b *testing.B) {
	h := http1.AsStd(http1.HandlerFunc(hello))
	defer h.Close()
	b.ReportAllocs()
	for b.Loop() {
		w := httptest.NewRecorder()
		if h.ServeHTTP(w, httptest.NewRequest("GET", "/", nil)); w.Code != 200 {
			b.Fatal(w.Code)
		}
	}
}
