package rest_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/calandria-go/calandria/protocols/http1"
	"github.com/calandria-go/calandria/protocols/websocket"
	"github.com/calandria-go/calandria/protocols/websocket/rest"
	"github.com/calandria-go/calandria/protocols/websocket/wire"
)

// echo answers with what it got.
var echo = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("X-Was", r.Method+" "+r.URL.RequestURI()+" "+r.Header.Get("X-Sent")+" "+r.Host)
	w.WriteHeader(http.StatusAccepted)
	io.Copy(w, r.Body)
})

// Both ends ask at once, many requests at a time, with bodies of many sizes.
func TestBothWays(t *testing.T) {
	s, c := pair(t, rest.Protocol, rest.Config{Handler: echo}, rest.Config{Handler: echo})
	var wg sync.WaitGroup
	for _, p := range []*rest.Peer{s, c} {
		for i, n := range []int{0, 1, 100, 16 << 10, 16<<10 + 1, 64 << 10, 100_000, 700_000} {
			for _, method := range []string{"POST", "PUT"} {
				wg.Go(func() {
					body := strings.Repeat(string(rune('a'+i)), n)
					uri := fmt.Sprintf("http://other/%s/%d?q=1", method, n)
					resp, got := ask(t, p, method, uri, body, "X-Sent", "yes")
					want := fmt.Sprintf("%s /%s/%d?q=1 yes other", method, method, n)
					if resp.StatusCode != http.StatusAccepted || resp.Header.Get("X-Was") != want || got != body {
						t.Errorf("%s %s: %d, %q, %d bytes", method, uri, resp.StatusCode, resp.Header.Get("X-Was"), len(got))
					}
				})
			}
		}
	}
	wg.Wait()
}

// A native handler answers by AsStd, here for the client's end.
func TestNativeHandler(t *testing.T) {
	hosted := http1.AsStd(http1.HandlerFunc(func(x *http1.Exchange) {
		x.ReadBody(1000, func(x *http1.Exchange, body []byte) {
			x.Respond(http.StatusOK, "text/plain", fmt.Appendf(nil, "%s %s %s", x.Method(), x.Path(), body))
		})
	}))
	s, _ := pair(t, rest.Protocol, rest.Config{}, rest.Config{Handler: hosted})
	if resp, got := ask(t, s, "POST", "/native", "body"); resp.StatusCode != 200 || got != "POST /native body" {
		t.Errorf("%d %q", resp.StatusCode, got)
	}
	hosted.Shutdown(waiting(t))
}

// Bodies without a length go as they come, both ways in one request.
func TestStreaming(t *testing.T) {
	_, c := pair(t, rest.Protocol, rest.Config{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b := make([]byte, 100)
		for {
			n, err := r.Body.Read(b)
			if err != nil {
				return
			}
			fmt.Fprintf(w, "got %s", b[:n])
			w.(http.Flusher).Flush()
		}
	})}, rest.Config{})
	in, out := io.Pipe()
	r, _ := http.NewRequestWithContext(waiting(t), "POST", "/", in)
	go out.Write([]byte("first"))
	resp, err := c.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	for _, word := range []string{"first", "second", "third"} {
		if word != "first" {
			out.Write([]byte(word))
		}
		b := make([]byte, len("got ")+len(word))
		if _, err := io.ReadFull(resp.Body, b); err != nil || string(b) != "got "+word {
			t.Fatalf("%q, %v", b, err)
		}
	}
	out.Close()
	if _, err := resp.Body.Read(make([]byte, 1)); err != io.EOF {
		t.Error(err)
	}
}

// countingReader gives zeros for ever, and counts them.
type countingReader struct{ n atomic.Int64 }

func (r *countingReader) Read(p []byte) (int, error) {
	r.n.Add(int64(len(p)))
	return len(p), nil
}

// A handler that does not read stops the sender of the body at the window, and others are not held up; the same for an answer that
// is not read.
func TestBackPressure(t *testing.T) {
	begun, release := make(chan struct{}), make(chan struct{})
	var written atomic.Int64
	_, c := pair(t, rest.Protocol, rest.Config{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/stuck":
			close(begun)
			<-release
		case "/flood":
			for {
				n, err := w.Write(make([]byte, 1000))
				written.Add(int64(n))
				if err != nil {
					return
				}
			}
		}
	})}, rest.Config{})
	src := &countingReader{}
	r, _ := http.NewRequestWithContext(waiting(t), "POST", "/stuck", src)
	done := make(chan error, 1)
	go func() {
		resp, err := c.RoundTrip(r)
		if err == nil {
			resp.Body.Close()
		}
		done <- err
	}()
	<-begun
	eventually(t, "the window is used", func() bool { return src.n.Load() >= 64<<10 })
	flood, _ := http.NewRequestWithContext(waiting(t), "GET", "/flood", nil)
	resp, err := c.RoundTrip(flood)
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, "the answer fills the window", func() bool { return written.Load() >= 64<<10 })
	for range 50 {
		ask(t, c, "GET", "/other", "")
	}
	if n := src.n.Load(); n > 64<<10+16<<10 {
		t.Errorf("%d bytes of the body were taken", n)
	}
	if n := written.Load(); n > 64<<10+17<<10 {
		t.Errorf("%d bytes of the answer were taken", n)
	}
	resp.Body.Close()
	close(release)
	if err := <-done; err != nil { // the answer stands though the body was not read
		t.Error(err)
	}
	eventually(t, "the handler of the flood ends", func() bool { n := written.Load(); return n == written.Load() })
}

// The end of a context reaches the handler, and its deadline goes along.
func TestCancel(t *testing.T) {
	seen := make(chan error, 1)
	deadline, hold := make(chan time.Duration, 1), make(chan struct{})
	_, c := pair(t, rest.Protocol, rest.Config{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if d, ok := r.Context().Deadline(); ok {
			deadline <- time.Until(d)
		}
		if r.URL.Path == "/body" {
			w.(http.Flusher).Flush()
		}
		<-r.Context().Done()
		seen <- context.Cause(r.Context())
		if r.URL.Path == "/hold" {
			<-hold
		}
	})}, rest.Config{})
	for _, path := range []string{"/head", "/body"} {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		r, _ := http.NewRequestWithContext(ctx, "GET", path, nil)
		if path == "/body" {
			resp, err := c.RoundTrip(r)
			if err != nil {
				t.Fatal(err)
			}
			cancel()
			if _, err := io.ReadAll(resp.Body); !errors.Is(err, context.Canceled) {
				t.Errorf("%s: %v", path, err)
			}
		} else {
			done := make(chan error, 1)
			go func() {
				_, err := c.RoundTrip(r)
				done <- err
			}()
			if d := <-deadline; d < patience/2 || d > patience {
				t.Errorf("deadline in %v", d)
			}
			cancel()
			if err := <-done; !errors.Is(err, context.Canceled) {
				t.Errorf("%s: %v", path, err)
			}
		}
		select {
		case err := <-seen:
			if !errors.Is(err, rest.ErrCanceled) || !errors.Is(err, context.Canceled) {
				t.Errorf("%s: the handler saw %v", path, err)
			}
		case <-time.After(patience):
			t.Fatal("the handler goes on")
		}
	}
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Millisecond)
	defer cancel()
	r, _ := http.NewRequestWithContext(ctx, "GET", "/hold", nil)
	for len(deadline) > 0 {
		<-deadline
	}
	if _, err := c.RoundTrip(r); !errors.Is(err, os.ErrDeadlineExceeded) && !errors.Is(err, context.DeadlineExceeded) {
		t.Error(err)
	}
	if err := <-seen; !errors.Is(err, os.ErrDeadlineExceeded) && !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("the handler saw %v", err)
	}
	close(hold)
}

// A panic of a handler's is a 500, or the end of the answer that had begun.
func TestPanic(t *testing.T) {
	_, c := pair(t, rest.Protocol, rest.Config{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/late" {
			w.Write([]byte("begun"))
			w.(http.Flusher).Flush()
		}
		panic("of a test")
	})}, rest.Config{})
	if resp, _ := ask(t, c, "GET", "/early", ""); resp.StatusCode != http.StatusInternalServerError {
		t.Errorf("status %d", resp.StatusCode)
	}
	r, _ := http.NewRequestWithContext(waiting(t), "GET", "/late", nil)
	resp, err := c.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	if b, err := io.ReadAll(resp.Body); string(b) != "begun" || !errors.Is(err, rest.ErrCanceled) {
		t.Errorf("%q, %v", b, err)
	}
	ask(t, c, "GET", "/early", "") // the connection lives
}

func TestLimits(t *testing.T) {
	release := make(chan struct{})
	s, c := pair(t, rest.Protocol, rest.Config{MaxRequests: 2, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		<-release
	})}, rest.Config{MaxCalls: 3, MaxHeadBytes: 200})
	type outcome struct {
		status int
		err    error
	}
	all := make(chan outcome, 3)
	get := func() {
		r, _ := http.NewRequestWithContext(waiting(t), "GET", "/", nil)
		resp, err := c.RoundTrip(r)
		if err != nil {
			all <- outcome{err: err}
			return
		}
		resp.Body.Close()
		all <- outcome{status: resp.StatusCode}
	}
	go get()
	go get()
	go get()
	if o := <-all; o.status != http.StatusServiceUnavailable { // whichever is the third
		t.Errorf("%+v", o)
	}
	go get()
	if o := <-all; o.status != http.StatusServiceUnavailable {
		t.Errorf("%+v", o)
	}
	close(release)
	for range 2 {
		if o := <-all; o.status != 200 {
			t.Errorf("%+v", o)
		}
	}
	r, _ := http.NewRequest("GET", "/", nil)
	r.Header.Set("Big", strings.Repeat("x", 200))
	if _, err := c.RoundTrip(r); !errors.Is(err, rest.ErrHead) {
		t.Error(err)
	}
	r.Header = http.Header{"Bad": {"a\r\nInjected: b"}}
	if _, err := c.RoundTrip(r); !errors.Is(err, rest.ErrHead) {
		t.Error(err)
	}
	if resp, _ := ask(t, s, "GET", "/", ""); resp.StatusCode != http.StatusNotFound { // no handler
		t.Errorf("status %d", resp.StatusCode)
	}
}

// More calls than MaxCalls are refused here.
func TestBusy(t *testing.T) {
	release, begun := make(chan struct{}), make(chan struct{})
	_, c := pair(t, rest.Protocol, rest.Config{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		close(begun)
		<-release
	})}, rest.Config{MaxCalls: 1})
	done := make(chan struct{})
	go func() {
		defer close(done)
		ask(t, c, "GET", "/", "")
	}()
	<-begun
	r, _ := http.NewRequest("GET", "/", nil)
	if _, err := c.RoundTrip(r); !errors.Is(err, rest.ErrBusy) {
		t.Error(err)
	}
	close(release)
	<-done
}

// What is in progress when the connection ends fails, at both ends.
func TestConnectionEnds(t *testing.T) {
	begun, seen := make(chan struct{}), make(chan error, 1)
	s, c := pair(t, rest.Protocol, rest.Config{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		close(begun)
		<-r.Context().Done()
		seen <- context.Cause(r.Context())
	})}, rest.Config{})
	done := make(chan error, 1)
	go func() {
		r, _ := http.NewRequest("GET", "/", nil)
		_, err := c.RoundTrip(r)
		done <- err
	}()
	<-begun
	c.Conn().Abort(nil)
	if err := <-done; !errors.Is(err, rest.ErrClosed) || !errors.Is(err, net.ErrClosed) {
		t.Error(err)
	}
	if err := <-seen; !errors.Is(err, rest.ErrClosed) {
		t.Error(err)
	}
	<-s.Done()
	r, _ := http.NewRequest("GET", "/", nil)
	if _, err := s.RoundTrip(r); !errors.Is(err, rest.ErrClosed) {
		t.Error(err)
	}
	if _, err := rest.New(rest.Config{}).RoundTrip(r); !errors.Is(err, rest.ErrClosed) {
		t.Error("before it opened:", err)
	}
}

// A drain lets what is in progress finish, refuses what is new, and closes then.
func TestShutdown(t *testing.T) {
	begun, release := make(chan struct{}), make(chan struct{})
	s, c := pair(t, rest.Protocol, rest.Config{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		close(begun)
		<-release
		w.Write([]byte("finished"))
	})}, rest.Config{})
	got := make(chan string, 1)
	go func() {
		_, b := ask(t, c, "GET", "/", "")
		got <- b
	}()
	<-begun
	ended := make(chan error, 1)
	go func() { ended <- s.Shutdown(waiting(t)) }()
	eventually(t, "word of the drain", func() bool {
		r, _ := http.NewRequest("GET", "/", nil)
		resp, err := c.RoundTrip(r)
		if err == nil {
			resp.Body.Close()
		}
		return errors.Is(err, rest.ErrDraining)
	})
	close(release)
	if b := <-got; b != "finished" {
		t.Errorf("got %q", b)
	}
	if err := <-ended; err != nil {
		t.Error(err)
	}
	<-c.Done()
}

// A notification is handled and not answered.
func TestNotify(t *testing.T) {
	for _, protocol := range []string{rest.Protocol, rest.Synopse} {
		t.Run(protocol, func(t *testing.T) {
			seen := make(chan string, 1)
			_, c := pair(t, protocol, rest.Config{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				b, _ := io.ReadAll(r.Body)
				w.Write([]byte("for nobody"))
				if r.Method == "PUT" {
					seen <- r.URL.Path + " " + string(b)
				}
			})}, rest.Config{})
			r, _ := http.NewRequestWithContext(waiting(t), "PUT", "/note", strings.NewReader("hello"))
			r.Header.Set("Content-Type", "text/plain")
			if err := c.Notify(r); err != nil {
				t.Fatal(err)
			}
			if got := <-seen; got != "/note hello" {
				t.Errorf("got %q", got)
			}
			if _, b := ask(t, c, "GET", "/", ""); b != "for nobody" { // not the other's answer, of which there is none
				t.Errorf("got %q", b)
			}
		})
	}
}

// What is against the sub-protocol closes the connection with 1002.
func TestViolations(t *testing.T) {
	request := "\x01\x01\x01\x00\x03GET\x01/\x00"
	stuck := "\x01\x00\x01\x00\x03GET\x01/\x00"
	for name, messages := range map[string][]string{
		"empty":             {""},
		"unknown kind":      {"\x07\x00\x01"},
		"flags":             {"\x01\x08\x01\x00\x03GET\x01/\x00"},
		"answer as request": {"\x01\x02\x01\x00\x03GET\x01/\x00"},
		"cut":               {request[:6]},
		"no target":         {"\x01\x01\x01\x00\x03GET\x00\x00"},
		"absolute target":   {"\x01\x01\x01\x00\x03GET\x0ahttp://a/b\x00"},
		"bad method":        {"\x01\x01\x01\x00\x03G T\x01/\x00"},
		"bad field":         {"\x01\x01\x01\x00\x03GET\x01/\x01\x01:\x01a"},
		"many fields":       {"\x01\x01\x01\x00\x03GET\x01/\xff\xff\xff\xff\x0f"},
		"id in use":         {stuck, stuck},
		"window of none":    {"\x04\x00\x01\x00"},
		"window overflows":  {stuck, "\x04\x00\x01\xff\xff\xff\xff\x07"},
		"more than allowed": {stuck, "\x03\x00\x01" + strings.Repeat("x", 64<<10+1)},
		"after the end":     {stuck, "\x03\x01\x01", "\x03\x00\x01x"},
		"long number":       {"\x03\x00\x81\x00"},
		"long reason":       {"\x05\x00\x01\x00" + strings.Repeat("x", 257)},
		"goaway with an id": {"\x06\x00\x01"},
	} {
		t.Run(name, func(t *testing.T) {
			release := make(chan struct{})
			w := dialRaw(t, rest.Config{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { <-release })}, rest.Protocol)
			for _, m := range messages {
				w.send(websocket.Binary, m)
			}
			_, err := w.read()
			close(release)
			if got := websocket.CloseStatus(err); got != wire.ProtocolError {
				t.Errorf("closed with %d: %v", got, err)
			}
		})
	}
	t.Run("text", func(t *testing.T) {
		w := dialRaw(t, rest.Config{}, rest.Protocol)
		w.send(websocket.Text, request)
		if _, err := w.read(); websocket.CloseStatus(err) != wire.ProtocolError {
			t.Error(err)
		}
	})
	t.Run("no sub-protocol", func(t *testing.T) {
		w := dialRaw(t, rest.Config{}, "")
		if _, err := w.read(); websocket.CloseStatus(err) != wire.ProtocolError {
			t.Error(err)
		}
	})
}

// The bytes of docs/websocket-rest.md's example.
func TestBytes(t *testing.T) {
	w := dialRaw(t, rest.Config{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		w.Header().Set("X", r.Header.Get("A")+string(b))
		w.Write([]byte("hi"))
	})}, rest.Protocol)
	w.send(websocket.Binary, "\x01\x01\x05\x00\x04POST\x02/a\x01\x01A\x01b"+"body")
	w.want("\x02\x03\x05\xc8\x01\x03" + "\x0cContent-Type\x19text/plain; charset=utf-8" + "\x01X\x05bbody" + "\x0eContent-Length\x012" + "hi")
	w.send(websocket.Binary, "\x03\x01\x05late") // of a request that is over: ignored
	w.send(websocket.Binary, "\x05\x00\x05\x01")
	w.send(websocket.Binary, "\x01\x01\x06\x00\x04HEAD\x01/\x00")
	w.want("\x02\x03\x06\xc8\x01\x02" + "\x0cContent-Type\x19text/plain; charset=utf-8" + "\x01X\x00")
}
