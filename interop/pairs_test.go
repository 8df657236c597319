//go:build interop

package interop

import (
	"bufio"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/calandria-go/calandria/protocols/http1"
	"github.com/calandria-go/calandria/reactor"
	"github.com/calandria-go/calandria/transports/tcp"
)

const hidden = "GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n"

// ambiguous are requests in which one server may see an end where another sees none. What is hidden in them must never be
// taken for a request.
func ambiguous() (all []string) {
	post := func(fields, body string) {
		all = append(all, "POST /p HTTP/1.1\r\nHost: a\r\n"+fields+"\r\n"+body)
	}
	n := len(hidden)
	chunks := "0\r\n\r\n"
	post(fmt.Sprintf("Content-Length: %d\r\nTransfer-Encoding: chunked\r\n", len(chunks)+n), chunks+hidden)
	post(fmt.Sprintf("Transfer-Encoding: chunked\r\nContent-Length: %d\r\n", len(chunks)+n), chunks+hidden)
	post("Content-Length: 4\r\nTransfer-Encoding: chunked\r\n", fmt.Sprintf("%x\r\n%s\r\n0\r\n\r\n", n, hidden))
	for _, te := range []string{
		"Transfer-Encoding: xchunked", "Transfer-Encoding : chunked", "Transfer-Encoding: chunked, identity", "Transfer-Encoding: identity, chunked",
		"Transfer-Encoding:\tchunked", "Transfer-Encoding: \"chunked\"", "Transfer-Encoding: chunked;q=1", "Transfer-Encoding:\x0bchunked",
		" Transfer-Encoding: chunked", "X: y\rTransfer-Encoding: chunked", "X: y\nTransfer-Encoding: chunked", "Transfer-Encoding\x00: chunked",
		"Transfer-Encoding: chunked\r\nTransfer-Encoding: x", "Transfer_Encoding: chunked", "transfer-encoding: CHUNKED,",
	} {
		post(fmt.Sprintf("Content-Length: %d\r\n%s\r\n", len(chunks)+n, te), chunks+hidden)
	}
	for _, cl := range []string{
		"Content-Length: 0\r\nContent-Length: %d", "Content-Length: %d\r\nContent-Length: 0", "Content-Length: 0, %d", "Content-Length: +%d",
		"Content-Length: %d \x0b", "Content-Length : %d", "Content-Length: 0x%x", "Content-Length: 0%d", "X: y\nContent-Length: %d",
	} {
		post(fmt.Sprintf(cl+"\r\n", n), hidden)
	}
	for _, size := range []string{"%x ", "0%x;\n", "0x%x", "+%x", "%x\t;x", "%x\n", "1%016x"} {
		post("Transfer-Encoding: chunked\r\n", fmt.Sprintf(size+"\r\n%s\r\n0\r\n\r\n", n, hidden))
	}
	all = append(all, "GET / HTTP/1.1\r\n\r\n", "GET /p\r\n\r\n", "GET /p HTTP/1.1 \r\nHost: a\r\n\r\n", "GET  /p HTTP/1.1\r\nHost: a\r\n\r\n",
		"\n\nGET /p HTTP/1.1\r\nHost: a\r\n\r\n",
		"GET /p HTTP/1.1\r\nHost: a\r\nConnection: Content-Length\r\nContent-Length: "+fmt.Sprint(n)+"\r\n\r\n"+hidden,
		"GET /p HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: "+fmt.Sprint(n)+"\r\n\r\n"+hidden,
		"GET /p HTTP/1.0\r\nHost: a\r\nConnection: keep-alive\r\nTransfer-Encoding: chunked\r\n\r\n"+chunks+hidden)
	return all
}

// ours runs a handler of http1 and gives its address.
func ours(t *testing.T, h http1.Handler) string {
	t.Helper()
	ln, err := tcp.Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	r := reactor.New(reactor.Config{Loops: 1, StallAfter: -1})
	if _, err := r.Listen(ln, &http1.Server{Handler: h}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Shutdown(t.Context()) })
	return ln.Addr().String()
}

// backs are servers that say the path of each request.
var backs = map[string]func(t *testing.T) string{
	"ours": func(t *testing.T) string {
		return ours(t, http1.HandlerFunc(func(x *http1.Exchange) {
			x.ReadBody(1<<20, func(x *http1.Exchange, body []byte) {
				x.Respond(200, "text/plain", fmt.Appendf(nil, "path %s %d", x.Path(), len(body)))
			})
		}))
	},
	"net/http": func(t *testing.T) string {
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			n, _ := io.Copy(io.Discard, r.Body)
			fmt.Fprintf(w, "path %s %d", r.URL.Path, n)
		}))
		t.Cleanup(s.Close)
		return s.Listener.Addr().String()
	},
	"nginx": func(t *testing.T) string {
		addr := freePort(t)
		nginxAt(t, addr, "server { listen "+addr+"; keepalive_requests 100000; location / { return 200 \"path $uri 0\"; } }")
		return addr
	},
	"node": func(t *testing.T) string {
		addr := freePort(t)
		runAt(t, addr, program(t, "node"), write(t, t.TempDir(), "s.js", nodeOrigin), addr)
		return addr
	},
}

// fronts are reverse proxies.
var fronts = map[string]func(t *testing.T, back string) string{
	"ours": func(t *testing.T, back string) string {
		return ours(t, &http1.Proxy{Upstreams: []string{"http://" + back}, Logger: slog.New(slog.DiscardHandler), MaxFails: -1})
	},
	"net/http": func(t *testing.T, back string) string {
		s := httptest.NewServer(&httputil.ReverseProxy{
			Rewrite:  func(r *httputil.ProxyRequest) { r.SetURL(&url.URL{Scheme: "http", Host: back}) },
			ErrorLog: slog.NewLogLogger(slog.DiscardHandler, 0),
		})
		t.Cleanup(func() { s.Close(); http.DefaultTransport.(*http.Transport).CloseIdleConnections() })
		return s.Listener.Addr().String()
	},
	"nginx": func(t *testing.T, back string) string {
		addr := freePort(t)
		nginxAt(t, addr, "upstream b { server "+back+"; keepalive 4; } server { listen "+addr+"; location / { proxy_pass http://b; "+
			"proxy_http_version 1.1; proxy_set_header Connection \"\"; proxy_request_buffering off; } }")
		return addr
	},
	"haproxy": func(t *testing.T, back string) string {
		addr := freePort(t)
		haproxyAt(t, addr, back)
		return addr
	},
	"node": func(t *testing.T, back string) string {
		addr := freePort(t)
		runAt(t, addr, program(t, "node"), write(t, t.TempDir(), "p.js", nodeProxy), addr, back)
		return addr
	},
}

// TestSmugglingPairs: ours in front of each, and each in front of ours: no response is ever another request's.
func TestSmugglingPairs(t *testing.T) {
	type pair struct{ front, back string }
	var pairs []pair
	for back := range backs {
		pairs = append(pairs, pair{"ours", back})
	}
	for front := range fronts {
		if front != "ours" {
			pairs = append(pairs, pair{front, "ours"})
		}
	}
	for _, p := range pairs {
		t.Run(p.front+" in front of "+p.back, func(t *testing.T) {
			addr := fronts[p.front](t, backs[p.back](t))
			desyncs := 0
			for i, raw := range ambiguous() {
				if why := attack(addr, raw, i); why != "" {
					desyncs++
					t.Errorf("%q: %s", raw, why)
				}
			}
			t.Logf("%d requests, %d desyncs", len(ambiguous()), desyncs)
		})
	}
}

// attack sends an ambiguous request and a check behind it on one connection, then checks on others, and says what went wrong.
func attack(addr, raw string, i int) string {
	c, err := net.Dial("tcp", addr)
	if err != nil {
		return err.Error()
	}
	defer c.Close()
	check := fmt.Sprintf("/check-%d", i)
	c.SetDeadline(time.Now().Add(3 * time.Second))
	io.WriteString(c, raw+"GET "+check+" HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
	c.(*net.TCPConn).CloseWrite()
	answers, _ := io.ReadAll(c)
	if strings.Contains(string(answers), "/smuggled") {
		return "the hidden request was answered"
	}
	for k := range 3 {
		path := fmt.Sprintf("/next-%d-%d", i, k)
		c, err := net.Dial("tcp", addr)
		if err != nil {
			return err.Error()
		}
		c.SetDeadline(time.Now().Add(10 * time.Second))
		fmt.Fprintf(c, "GET %s HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", path)
		res, err := http.ReadResponse(bufio.NewReader(c), nil)
		if err != nil {
			c.Close()
			return "no answer to another's request: " + err.Error()
		}
		body, _ := io.ReadAll(res.Body)
		c.Close()
		if res.StatusCode != 200 || !strings.HasPrefix(string(body), "path "+path+" ") {
			return fmt.Sprintf("another's request was answered with %d %q", res.StatusCode, body)
		}
	}
	return ""
}
