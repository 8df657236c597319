package relay

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/calandria-go/calandria/protocols/http1"
	"github.com/calandria-go/calandria/protocols/relay/wire"
)

// origin serves a net/http handler as a target.
func origin(t *testing.T, h http.HandlerFunc) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	srv := &http.Server{Handler: h}
	done := make(chan struct{})
	go func() {
		defer close(done)
		srv.Serve(ln)
	}()
	t.Cleanup(func() {
		srv.Close()
		<-done
	})
	return ln.Addr().String()
}

// browser is a client that keeps no connections after the test.
func browser(t *testing.T) *http.Client {
	tr := &http.Transport{}
	t.Cleanup(tr.CloseIdleConnections)
	return &http.Client{Transport: tr, Timeout: patience}
}

func show(w http.ResponseWriter, r *http.Request) {
	fmt.Fprintf(w, "%s %s host=%s for=%s proto=%s fhost=%s prefix=%s real=%s hop=%s", r.Method, r.URL, r.Host,
		r.Header.Get("X-Forwarded-For"), r.Header.Get("X-Forwarded-Proto"), r.Header.Get("X-Forwarded-Host"),
		r.Header.Get("X-Forwarded-Prefix"), r.Header.Get("X-Real-IP"), r.Header.Get("X-Hop"))
}

func webWorld(t *testing.T, h http.HandlerFunc) *world {
	t.Helper()
	w := newWorld(t, nil)
	if err := w.srv.AddService(Service{Name: "web", Kind: wire.KindHTTP}); err != nil {
		t.Fatal(err)
	}
	w.agent([]AgentService{{Name: "web", Target: "http://" + origin(t, h)}}, nil)
	return w
}

// TestHTTPRoutes: by the first label of the host, by the path's first segment, and nothing else.
func TestHTTPRoutes(t *testing.T) {
	w := webWorld(t, show)
	b := browser(t)
	for _, c := range []struct{ path, host, want string }{
		{"/a?b=c", "web.example", "200 GET /a?b=c host=web.example for=127.0.0.1 proto=http fhost=web.example prefix= real= hop="},
		{"/a%2fb", "WEB.example:81", "200 GET /a%2fb host=WEB.example:81 for=127.0.0.1 proto=http fhost=WEB.example:81 prefix= real= hop="},
		{"/web/a?b", "x", "200 GET /a?b host=x for=127.0.0.1 proto=http fhost=x prefix=/web real= hop="},
		{"/web/", "x", "200 GET / host=x for=127.0.0.1 proto=http fhost=x prefix=/web real= hop="},
		{"/webs/", "x", "404 no such service\n"},
		{"/", "x", "404 no such service\n"},
		{"/", "other.example", "404 no such service\n"},
		{"/", "web", "404 no such service\n"},
	} {
		req, _ := http.NewRequest("GET", "http://"+w.web+c.path, nil)
		req.Host = c.host
		req.Header.Set("X-Forwarded-For", "6.6.6.6")
		req.Header.Set("X-Real-IP", "6.6.6.6")
		req.Header.Set("Connection", "X-Hop")
		req.Header.Set("X-Hop", "secret")
		res, err := b.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(res.Body)
		res.Body.Close()
		if got := fmt.Sprintf("%d %s", res.StatusCode, body); got != c.want {
			t.Errorf("%s of %s: %s\nwant %s", c.path, c.host, got, c.want)
		}
	}
}

// TestHTTPBodies: bodies of all sizes and framings go both ways, with trailers, one after another on the same connections.
func TestHTTPBodies(t *testing.T) {
	w := webWorld(t, func(rw http.ResponseWriter, r *http.Request) {
		h := sha256.New()
		n, err := io.Copy(h, r.Body)
		rw.Header().Set("Trailer", "X-Sum")
		rw.Header().Add("Set-Cookie", "a=1")
		rw.Header().Add("Set-Cookie", "b=2")
		if r.URL.Query().Get("chunked") == "" {
			rw.Header().Set("Content-Length", fmt.Sprint(n))
		}
		io.CopyN(rw, bytes.NewReader(pattern(int(n))), n)
		rw.Header().Set("X-Sum", fmt.Sprintf("%x %v", h.Sum(nil), err))
	})
	b := browser(t)
	for _, n := range []int{0, 1, 5000, 200_000, 5 << 20} {
		for _, chunked := range []string{"", "?chunked=1"} {
			var body io.Reader = bytes.NewReader(pattern(n))
			if chunked != "" {
				body = io.MultiReader(body) // hides the length
			}
			res, err := b.Post("http://"+w.web+"/web/up"+chunked, "application/x", body)
			if err != nil {
				t.Fatal(err)
			}
			got, err := io.ReadAll(res.Body)
			res.Body.Close()
			if err != nil || !bytes.Equal(got, pattern(n)) {
				t.Errorf("%d bytes%s: %d came, %v", n, chunked, len(got), err)
			}
			if chunked != "" && res.Trailer.Get("X-Sum") != fmt.Sprintf("%x <nil>", sha256.Sum256(pattern(n))) {
				t.Errorf("%d bytes: trailer %q", n, res.Trailer.Get("X-Sum"))
			}
			if len(res.Cookies()) != 2 {
				t.Errorf("cookies: %v", res.Cookies())
			}
		}
	}
}

// TestHTTPHead: HEAD and 304 have a length and no body, and the connection goes on.
func TestHTTPHead(t *testing.T) {
	w := webWorld(t, func(rw http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/304" {
			rw.WriteHeader(304)
			return
		}
		rw.Header().Set("Content-Length", "12345")
		if r.Method != "HEAD" {
			rw.Write(pattern(12345))
		}
	})
	b := browser(t)
	for range 3 {
		res, err := b.Head("http://" + w.web + "/web/x")
		if err != nil || res.ContentLength != 12345 {
			t.Fatalf("%v, %v", res, err)
		}
		res, err = b.Get("http://" + w.web + "/web/304")
		if err != nil || res.StatusCode != 304 {
			t.Fatalf("%v, %v", res, err)
		}
	}
}

// TestServerSentEvents: what a service sends bit by bit arrives bit by bit.
func TestServerSentEvents(t *testing.T) {
	next := make(chan struct{})
	w := webWorld(t, func(rw http.ResponseWriter, r *http.Request) {
		rw.Header().Set("Content-Type", "text/event-stream")
		for i := range 3 {
			fmt.Fprintf(rw, "data: %d\n\n", i)
			rw.(http.Flusher).Flush()
			<-next
		}
	})
	res, err := browser(t).Get("http://" + w.web + "/web/events")
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	r := bufio.NewReader(res.Body)
	for i := range 3 {
		line, err := r.ReadString('\n')
		if err != nil || line != fmt.Sprintf("data: %d\n", i) {
			t.Fatalf("%q, %v", line, err)
		}
		r.ReadString('\n')
		next <- struct{}{}
	}
}

// TestHTTPUpgrade: behind a 101 the connection is a byte stream, with the bytes that came early, and half-close.
func TestHTTPUpgrade(t *testing.T) {
	w := newWorld(t, nil)
	w.srv.AddService(Service{Name: "web", Kind: wire.KindHTTP})
	addr := backend(t, func(c *net.TCPConn) {
		r := bufio.NewReader(c)
		req, err := http.ReadRequest(r)
		if err != nil || req.Header.Get("Upgrade") != "echo" || req.Header.Get("Connection") != "Upgrade" {
			io.WriteString(c, "HTTP/1.1 400 Bad Request\r\n\r\n")
			return
		}
		io.WriteString(c, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\nX-A: b\r\n\r\nearly")
		io.Copy(c, r)
		c.CloseWrite()
	})
	w.agent([]AgentService{{Name: "web", Target: "http://" + addr}}, nil)
	c := dial(t, w.web)
	io.WriteString(c, "GET /web/x HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n")
	r := bufio.NewReader(c)
	res, err := http.ReadResponse(r, nil)
	if err != nil || res.StatusCode != 101 || res.Header.Get("X-A") != "b" {
		t.Fatalf("%v, %v", res, err)
	}
	data := pattern(1 << 20)
	go func() {
		c.Write(data)
		c.CloseWrite()
	}()
	got, err := io.ReadAll(r)
	if err != nil || !bytes.Equal(got, append([]byte("early"), data...)) {
		t.Errorf("%d bytes, %v", len(got), err)
	}
}

// TestHTTPFailures: each failure has its status, and a body that breaks off never looks whole.
func TestHTTPFailures(t *testing.T) {
	w := newWorld(t, nil)
	for _, name := range []string{"none", "dead", "cut", "mute", "closed"} {
		w.srv.AddService(Service{Name: name, Kind: wire.KindHTTP})
	}
	dead, _ := net.Listen("tcp", "127.0.0.1:0")
	deadAddr := dead.Addr().String()
	dead.Close()
	cut := backend(t, func(c *net.TCPConn) {
		http.ReadRequest(bufio.NewReader(c))
		io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
		c.Write(make([]byte, 5000))
	})
	closed := backend(t, func(c *net.TCPConn) { http.ReadRequest(bufio.NewReader(c)) })
	w.agent([]AgentService{
		{Name: "dead", Target: "http://" + deadAddr}, {Name: "cut", Target: "http://" + cut}, {Name: "closed", Target: "http://" + closed},
	}, nil)
	b := browser(t)
	for _, c := range []struct {
		name string
		want int
	}{{"none", 503}, {"dead", 502}, {"closed", 502}} {
		res, err := b.Get("http://" + w.web + "/" + c.name + "/")
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		if res.StatusCode != c.want {
			t.Errorf("%s: %d; want %d", c.name, res.StatusCode, c.want)
		}
	}
	res, err := b.Get("http://" + w.web + "/cut/")
	if err != nil {
		return // the reset was faster than the head
	}
	if n, err := io.Copy(io.Discard, res.Body); err == nil || n > 5000 {
		t.Errorf("cut off: %d bytes, %v", n, err)
	}
	res.Body.Close()
}

// TestInProcess: servers of this process are published without any port of their own, on the loops and by a net.Listener.
func TestInProcess(t *testing.T) {
	w := newWorld(t, nil)
	w.srv.AddService(Service{Name: "loop", Kind: wire.KindHTTP})
	w.srv.AddService(Service{Name: "std", Kind: wire.KindHTTP})
	ln := NewListener("std")
	std := &http.Server{Handler: http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) { io.WriteString(rw, "std "+r.RemoteAddr) })}
	done := make(chan error, 1)
	go func() { done <- std.Serve(ln) }()
	native := &http1.Server{Handler: http1.HandlerFunc(func(x *http1.Exchange) {
		x.Respond(200, "text/plain", []byte("loop "+x.ClientAddr().String()))
	})}
	w.agent([]AgentService{{Name: "loop", Protocol: native, HTTP: true}, {Name: "std", Protocol: ln, HTTP: true}}, nil)
	b := browser(t)
	for _, c := range []struct{ path, want string }{{"/loop/", "loop 127.0.0.1"}, {"/std/", "std 127.0.0.1:"}} {
		for range 20 {
			res, err := b.Get("http://" + w.web + c.path)
			if err != nil {
				t.Fatal(err)
			}
			body, err := io.ReadAll(res.Body)
			res.Body.Close()
			if err != nil || !strings.HasPrefix(string(body), c.want) {
				t.Fatalf("%q, %v", body, err)
			}
		}
	}
	std.Close()
	if err := <-done; !errors.Is(err, http.ErrServerClosed) {
		t.Error(err)
	}
}

// TestAgentsComeAndGo: with several agents no request is lost while they are killed and started in turn.
func TestAgentsComeAndGo(t *testing.T) {
	w := newWorld(t, nil)
	w.srv.AddService(Service{Name: "web", Kind: wire.KindHTTP})
	addr := origin(t, func(rw http.ResponseWriter, r *http.Request) { io.WriteString(rw, "ok") })
	agents := size(8, 4, 100)
	start := func(i int) func() {
		_, stop := w.agent([]AgentService{{Name: "web", Target: "http://" + addr}}, func(a *Agent) { a.ID = fmt.Sprintf("agent-%d", i) })
		return stop
	}
	stops := make([]func(), agents)
	for i := range stops {
		stops[i] = start(i)
	}
	b := browser(t)
	quit := make(chan struct{})
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for {
				select {
				case <-quit:
					return
				default:
				}
				res, err := b.Get("http://" + w.web + "/web/")
				if err != nil {
					t.Error(err)
					return
				}
				body, err := io.ReadAll(res.Body)
				res.Body.Close()
				if err != nil || string(body) != "ok" || res.StatusCode != 200 {
					t.Errorf("%d %q %v", res.StatusCode, body, err)
					return
				}
			}
		})
	}
	for i := range stops {
		stops[i]()
		w.served("web", fmt.Sprintf("agent-%d", i), false)
		stops[i] = start(i)
	}
	close(quit)
	wg.Wait()
}

var _ = time.Second
