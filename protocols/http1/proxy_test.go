package http1_test

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/calandria-go/calandria/protocols/http1"
	"github.com/calandria-go/calandria/reactor"
)

// serveProxy starts a proxy in front of the upstreams.
func serveProxy(t testing.TB, p *http1.Proxy, srv *http1.Server) (*host, string) {
	t.Helper()
	if p.Logger == nil {
		p.Logger = quiet
	}
	if err := p.Check(); err != nil {
		t.Fatal(err)
	}
	if srv == nil {
		srv = &http1.Server{}
	}
	srv.Handler = p
	h := serve(t, "tcp", srv, reactor.Config{Loops: 1})
	t.Cleanup(func() { p.Close() })
	return h, "http://" + h.addr.String()
}

func TestProxyPasses(t *testing.T) {
	s := newOrigin(t, func(w http.ResponseWriter, r *http.Request) {
		http.NewResponseController(w).EnableFullDuplex()
		for name, values := range r.Header {
			if name != "Connection" {
				w.Header()["Got-"+name] = values
			}
		}
		w.Header().Set("Got-Host", r.Host)
		w.Header().Set("Got-Target", r.RequestURI)
		w.Header().Set("Connection", "X-Private")
		w.Header().Set("X-Private", "1")
		w.Header().Set("Trailer", "Sum")
		if r.URL.Path == "/base/status" {
			w.WriteHeader(http.StatusTeapot)
		}
		n, _ := io.Copy(w, r.Body)
		w.Header().Set("Sum", fmt.Sprint(n, r.Trailer.Get("Count")))
	})
	_, url := serveProxy(t, &http1.Proxy{Upstreams: []string{s.URL + "/base/"}}, nil)
	cl := newClient(t, &http1.Client{})
	for _, n := range []int{0, 10, 100_000, 3 << 20} {
		for _, chunked := range []bool{false, true} {
			in := bytes.Repeat([]byte("x"), n)
			var body io.Reader = bytes.NewReader(in)
			if chunked {
				body = io.MultiReader(body)
			}
			req, _ := http.NewRequestWithContext(t.Context(), "POST", url+"/a%2Fb?c=%20d", body)
			req.Host = "public.example"
			req.Header = http.Header{
				"X-End": {"to end"}, "X-Forwarded-For": {"6.6.6.6"}, "X-Forwarded-Proto": {"gopher"}, "Forwarded": {"for=6.6.6.6"},
				"Proxy-Authorization": {"secret"}, "Te": {"trailers"}, "X-Real-Ip": {"6.6.6.6"},
			}
			if chunked {
				req.Trailer = http.Header{"Count": {"7"}}
			}
			res, err := cl.RoundTrip(req)
			if err != nil {
				t.Fatal(err)
			}
			out, err := io.ReadAll(res.Body)
			res.Body.Close()
			if err != nil || len(out) != n {
				t.Fatalf("%d bytes: %d came back, %v", n, len(out), err)
			}
			want := map[string]string{
				"Got-Host": "public.example", "Got-Target": "/base/a%2Fb?c=%20d", "Got-X-End": "to end", "Got-X-Forwarded-For": "127.0.0.1",
				"Got-X-Forwarded-Proto": "http", "Got-X-Forwarded-Host": "public.example", "Got-Via": "1.1 calandria",
				"Got-Forwarded": "for=127.0.0.1;host=public.example;proto=http", "Got-Proxy-Authorization": "", "X-Private": "",
				"Got-Te": "trailers", "Got-X-Real-Ip": "",
			}
			for name, v := range want {
				if got := res.Header.Get(name); got != v {
					t.Errorf("%s: %q; want %q", name, got, v)
				}
			}
			sum := fmt.Sprint(n)
			if chunked {
				sum = fmt.Sprint(n, "7")
			}
			if got := res.Trailer.Get("Sum"); got != sum {
				t.Errorf("trailer %q; want %q", got, sum)
			}
		}
	}
	if res, _ := fetch(t, cl, url+"/status"); res.StatusCode != http.StatusTeapot {
		t.Errorf("%v", res)
	}
	res, err := cl.Head(t.Context(), url+"/x")
	if err != nil || res.StatusCode != 200 {
		t.Errorf("%v %v", res, err)
	}
}

// TestProxyConnectionFields: those that Connection names stay behind, in both directions (RFC 9110 section 7.6.1).
func TestProxyConnectionFields(t *testing.T) {
	got := make(chan string, 1)
	up := accepting(t, func(_ int, c net.Conn, br *bufio.Reader) {
		var head strings.Builder
		for {
			line, err := br.ReadString('\n')
			if err != nil {
				return
			}
			head.WriteString(line)
			if line == "\r\n" {
				got <- head.String()
				head.Reset()
				io.WriteString(c, "HTTP/1.1 200 OK\r\nConnection: X-Hop, close\r\nX-Hop: 1\r\nKeep-Alive: timeout=5\r\nX-End: 1\r\nContent-Length: 0\r\n\r\n")
				return
			}
		}
	})
	h, _ := serveProxy(t, &http1.Proxy{Upstreams: []string{up}}, nil)
	c, err := net.Dial("tcp", h.addr.String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	io.WriteString(c, "GET / HTTP/1.1\r\nHost: a\r\nConnection: keep-alive, X-Mine\r\nX-Mine: 1\r\nX-Theirs: 2\r\nKeep-Alive: x\r\nProxy-Connection: x\r\nTE: gzip\r\nUpgrade: h2c\r\n\r\n")
	res, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		t.Fatal(err)
	}
	if res.Header.Get("X-Hop") != "" || res.Header.Get("Keep-Alive") != "" || res.Header.Get("X-End") != "1" || res.Close {
		t.Errorf("%v", res)
	}
	head := <-got
	for _, name := range []string{"X-Mine", "Keep-Alive", "Proxy-Connection", "TE:", "Upgrade", "Connection"} {
		if strings.Contains(head, name) {
			t.Errorf("%s in %q", name, head)
		}
	}
	if !strings.Contains(head, "X-Theirs: 2\r\n") {
		t.Errorf("%q", head)
	}
}

// TestProxyUpgrade: bytes go both ways after a 101, those that came early too, and half-closes.
func TestProxyUpgrade(t *testing.T) {
	up := accepting(t, func(_ int, c net.Conn, br *bufio.Reader) {
		req, err := http.ReadRequest(br)
		if err != nil || req.Header.Get("Upgrade") != "echo" || req.Header.Get("Sec-Key") != "k" {
			t.Errorf("%v %v", req, err)
			return
		}
		io.WriteString(c, "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: echo\r\nSec-Accept: a\r\n\r\nearly ")
		io.Copy(c, br)
	})
	p := &http1.Proxy{Upstreams: []string{up}}
	h, _ := serveProxy(t, p, nil)
	c, err := net.Dial("tcp", h.addr.String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	io.WriteString(c, "GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: echo\r\nSec-Key: k\r\n\r\nsoon ")
	br := bufio.NewReader(c)
	res, err := http.ReadResponse(br, nil)
	if err != nil || res.StatusCode != 101 || res.Header.Get("Sec-Accept") != "a" || res.Header.Get("Upgrade") != "echo" {
		t.Fatalf("%v %v", res, err)
	}
	big := bytes.Repeat([]byte("0123456789"), 200_000)
	go func() {
		c.Write(big)
		c.(*net.TCPConn).CloseWrite()
	}()
	all, err := io.ReadAll(br)
	if want := "early soon " + string(big); err != nil || string(all) != want {
		t.Errorf("%d bytes, %v", len(all), err)
	}
	until(t, "the tunnel to end", func() bool { s := p.Stats()[0]; return s.Active == 0 && s.Conns == 0 })
}

// TestProxyBalances: requests go where the fewest are in progress, and around who is down.
func TestProxyBalances(t *testing.T) {
	var hits [3]atomic.Int32
	hold := make(chan struct{})
	var ups []string
	for i := range 3 {
		s := newOrigin(t, func(w http.ResponseWriter, r *http.Request) {
			hits[i].Add(1)
			if r.URL.Path == "/hold" {
				<-hold
			}
			fmt.Fprint(w, i)
		})
		ups = append(ups, s.URL)
	}
	ups = append(ups, "http://127.0.0.1:1") // nobody is there
	p := &http1.Proxy{Upstreams: ups}
	_, url := serveProxy(t, p, nil)
	cl := newClient(t, &http1.Client{})
	var wg sync.WaitGroup
	for range 9 {
		wg.Go(func() { fetch(t, cl, url+"/hold") })
	}
	until(t, "all to be held", func() bool { return hits[0].Load()+hits[1].Load()+hits[2].Load() == 9 })
	for i := range hits {
		if n := hits[i].Load(); n != 3 {
			t.Errorf("upstream %d has %d", i, n)
		}
	}
	close(hold)
	wg.Wait()
	for range 20 {
		if res, _ := fetch(t, cl, url); res.StatusCode != 200 {
			t.Errorf("%v", res)
		}
	}
	if s := p.Stats()[3]; !s.Down || s.Failures < 3 {
		t.Errorf("%+v", s)
	}
}

// TestProxyFailures: what the client gets when an upstream fails.
func TestProxyFailures(t *testing.T) {
	for _, c := range []struct {
		name, bytes string
		status      int
		cut         bool
	}{
		{"nothing", "", 502, false},
		{"nonsense", "nonsense\r\n\r\n", 502, false},
		{"half a head", "HTTP/1.1 200 OK\r\nA: b", 502, false},
		{"both lengths", "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 502, false},
		{"body cut short", "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc", 200, true},
		{"chunks cut short", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n", 200, true},
		{"bad chunk", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\nx\r\n", 200, true},
		{"until close", "HTTP/1.1 200 OK\r\n\r\nabc", 200, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newScripted(t, c.bytes, closes, false)
			_, url := serveProxy(t, &http1.Proxy{Upstreams: []string{strings.TrimSuffix(s.url(), "/")}, MaxFails: -1}, nil)
			cl := newClient(t, &http1.Client{})
			for range 2 {
				status := 0
				res, err := cl.Get(t.Context(), url)
				if err == nil {
					status = res.StatusCode
					_, err = io.ReadAll(res.Body)
					res.Body.Close()
				}
				// A reset may overtake the bytes: then there is no response at all.
				if c.cut && err == nil || !c.cut && (err != nil || status != c.status) {
					t.Errorf("%d, %v", status, err)
				}
			}
		})
	}
}

// TestProxyRetries: an idle connection that has died costs the client nothing, unless the request may not be repeated.
func TestProxyRetries(t *testing.T) {
	for method, want := range map[string]int{"GET": 200, "POST": 502} {
		t.Run(method, func(t *testing.T) {
			up := accepting(t, func(n int, c net.Conn, br *bufio.Reader) {
				for i := 0; ; i++ {
					if _, ok := readRequest(br); !ok || n == 0 && i == 1 {
						return
					}
					io.WriteString(c, okAnswer)
				}
			})
			_, url := serveProxy(t, &http1.Proxy{Upstreams: []string{up}}, nil)
			cl := newClient(t, &http1.Client{})
			fetch(t, cl, url)
			req, _ := http.NewRequestWithContext(t.Context(), method, url, nil)
			res, err := cl.RoundTrip(req)
			if err != nil || res.StatusCode != want {
				t.Fatalf("%v %v", res, err)
			}
			res.Body.Close()
		})
	}
}

// TestProxyLimits: connections to an upstream are bounded; who waits gets one, or 503.
func TestProxyLimits(t *testing.T) {
	var open, most atomic.Int32
	hold := make(chan struct{})
	s := newOrigin(t, func(http.ResponseWriter, *http.Request) {
		if n := open.Add(1); n > most.Load() {
			most.Store(n)
		}
		<-hold
		open.Add(-1)
	})
	p := &http1.Proxy{Upstreams: []string{s.URL}, MaxConns: 2, MaxQueued: 5}
	_, url := serveProxy(t, p, nil)
	cl := newClient(t, &http1.Client{})
	var wg sync.WaitGroup
	var good, refused atomic.Int32
	for range 12 {
		wg.Go(func() {
			res, err := cl.Get(t.Context(), url)
			if err != nil {
				t.Error(err)
				return
			}
			res.Body.Close()
			if res.StatusCode == 200 {
				good.Add(1)
			} else if res.StatusCode == 503 {
				refused.Add(1)
			}
		})
	}
	until(t, "five to be refused", func() bool { return refused.Load() == 5 && open.Load() == 2 })
	close(hold)
	wg.Wait()
	if good.Load() != 7 || most.Load() != 2 {
		t.Errorf("%d good, %d at a time", good.Load(), most.Load())
	}
}

// TestProxyHealth: a sick upstream gets nothing until it is well.
func TestProxyHealth(t *testing.T) {
	var sick atomic.Bool
	sick.Store(true)
	s := newOrigin(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/healthz" && sick.Load() {
			w.WriteHeader(503)
		}
	})
	p := &http1.Proxy{Upstreams: []string{s.URL}, HealthPath: "/healthz", HealthEvery: 10 * time.Millisecond}
	_, url := serveProxy(t, p, nil)
	cl := newClient(t, &http1.Client{})
	status := func() int { res, _ := fetch(t, cl, url); return res.StatusCode }
	status()
	until(t, "the upstream to be sick", func() bool { return status() == 503 })
	sick.Store(false)
	until(t, "the upstream to be well", func() bool { return status() == 200 })
}

// TestProxyClientGone: the upstream hears of it, and nothing is left.
func TestProxyClientGone(t *testing.T) {
	entered, gone := make(chan struct{}, 1), make(chan struct{}, 1)
	s := newOrigin(t, func(_ http.ResponseWriter, r *http.Request) {
		entered <- struct{}{}
		<-r.Context().Done()
		gone <- struct{}{}
	})
	p := &http1.Proxy{Upstreams: []string{s.URL}}
	h, _ := serveProxy(t, p, nil)
	c, err := net.Dial("tcp", h.addr.String())
	if err != nil {
		t.Fatal(err)
	}
	io.WriteString(c, "GET / HTTP/1.1\r\nHost: a\r\n\r\n")
	<-entered
	c.(*net.TCPConn).SetLinger(0)
	c.Close()
	<-gone
	until(t, "the call to end", func() bool { s := p.Stats()[0]; return s.Active == 0 && s.Conns == 0 })
}

// TestProxyBackPressure: in both directions, who does not read stops who sends.
func TestProxyBackPressure(t *testing.T) {
	total := size(64<<20, 24<<20, 1<<30)
	var sent, taken atomic.Int64
	next := make(chan struct{})
	s := newOrigin(t, func(w http.ResponseWriter, r *http.Request) {
		piece := make([]byte, 64<<10)
		if r.Method == "POST" {
			<-next
			io.Copy(io.Discard, r.Body)
			return
		}
		for range total / len(piece) {
			if _, err := w.Write(piece); err != nil {
				return
			}
			sent.Add(int64(len(piece)))
		}
	})
	_, url := serveProxy(t, &http1.Proxy{Upstreams: []string{s.URL}}, &http1.Server{MaxBodyBytes: -1})
	cl := newClient(t, &http1.Client{HeadTimeout: -1})
	settle := func(n *atomic.Int64) int64 {
		last, same := int64(-1), 0
		until(t, "the flow to stop", func() bool {
			if v := n.Load(); v == last {
				same++
			} else {
				last, same = v, 0
			}
			return same > 200 && last > 0
		})
		return last
	}
	res, err := cl.Get(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	if n := settle(&sent); n > int64(total/2) {
		t.Errorf("%d bytes were sent to nobody", n)
	}
	if n, err := io.Copy(io.Discard, res.Body); err != nil || n != int64(total) {
		t.Errorf("%d, %v", n, err)
	}
	res.Body.Close()

	done := make(chan error, 1)
	go func() {
		res, err := cl.Post(t.Context(), url, "", &countingReader{left: total, read: &taken})
		if err == nil {
			res.Body.Close()
		}
		done <- err
	}()
	if n := settle(&taken); n > int64(total/2) {
		t.Errorf("%d bytes were taken for nobody", n)
	}
	close(next)
	if err := <-done; err != nil || taken.Load() != int64(total) {
		t.Errorf("%d, %v", taken.Load(), err)
	}
}

// TestProxyContinue: the expectation and its answer go through.
func TestProxyContinue(t *testing.T) {
	up := accepting(t, func(_ int, c net.Conn, br *bufio.Reader) {
		req, err := http.ReadRequest(br)
		if err != nil {
			return
		}
		if req.URL.Path == "/no" {
			io.WriteString(c, "HTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n")
			io.Copy(io.Discard, br)
			return
		}
		io.WriteString(c, "HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n")
		body, _ := io.ReadAll(req.Body)
		fmt.Fprintf(c, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
	})
	h, _ := serveProxy(t, &http1.Proxy{Upstreams: []string{up}}, nil)
	for path, want := range map[string]string{
		"/yes": "HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n",
		"/no":  "HTTP/1.1 403 ",
	} {
		c, err := net.Dial("tcp", h.addr.String())
		if err != nil {
			t.Fatal(err)
		}
		c.SetDeadline(time.Now().Add(patience))
		fmt.Fprintf(c, "POST %s HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n", path)
		got := make([]byte, len(want))
		if _, err := io.ReadFull(c, got); err != nil || string(got) != want {
			t.Errorf("%s: %q %v", path, got, err)
		}
		if path == "/yes" {
			io.WriteString(c, "hello")
			res, err := http.ReadResponse(bufio.NewReader(c), nil)
			if err != nil {
				t.Fatal(err)
			}
			if body, _ := io.ReadAll(res.Body); string(body) != "hello" {
				t.Errorf("%q", body)
			}
		}
		c.Close()
	}
}

func TestProxyConfig(t *testing.T) {
	for _, ups := range [][]string{nil, {"ftp://x"}, {"http://"}, {"unix:"}, {"http://a?b"}, {"http://u:p@a"}, {"a:80"}} {
		if err := (&http1.Proxy{Upstreams: ups, Logger: quiet}).Check(); err == nil {
			t.Errorf("%q is taken", ups)
		}
	}
	if err := (&http1.Proxy{Upstreams: []string{"http://a"}, Name: "a b", Logger: quiet}).Check(); err == nil {
		t.Error("a name with a space is taken")
	}
}
