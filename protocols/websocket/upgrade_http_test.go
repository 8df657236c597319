package websocket_test

import (
	"bufio"
	"bytes"
	ctls "crypto/tls"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/calandria-go/calandria/protocols/http1"
	"github.com/calandria-go/calandria/protocols/websocket"
	"github.com/calandria-go/calandria/protocols/websocket/wire"
	"github.com/calandria-go/calandria/reactor"
	"github.com/calandria-go/calandria/transports/tls"
)

// hosts are the servers that a request can come from.
var hosts = []struct {
	name string
	tls  bool
	run  func(t *testing.T, r *reactor.Reactor, h http.Handler) string
}{
	{"net/http", false, func(t *testing.T, _ *reactor.Reactor, h http.Handler) string {
		return serveStd(t, h, func(s *http.Server, ln net.Listener) { s.Serve(ln) })
	}},
	{"net/http with TLS", true, func(t *testing.T, _ *reactor.Reactor, h http.Handler) string {
		return serveStd(t, h, func(s *http.Server, ln net.Listener) { s.ServeTLS(ln, "", "") })
	}},
	{"net/http with movable TLS", true, func(t *testing.T, _ *reactor.Reactor, h http.Handler) string {
		return serveStd(t, h, func(s *http.Server, ln net.Listener) { s.ServeTLS(tls.Movable(ln), "", "") })
	}},
	{"http1.Std", false, func(t *testing.T, r *reactor.Reactor, h http.Handler) string {
		return serveHTTP(t, r, http1.Std(h))
	}},
	{"http1.Std with TLS", true, func(t *testing.T, r *reactor.Reactor, h http.Handler) string {
		return serveProtocol(t, r, &tls.Server{Config: serverTLS(t), Next: &http1.Server{Handler: http1.Std(h)}})
	}},
}

func serveStd(t *testing.T, h http.Handler, serve func(*http.Server, net.Listener)) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &http.Server{Handler: h, TLSConfig: serverTLS(t)}
	done := make(chan struct{})
	go func() {
		defer close(done)
		serve(s, ln)
	}()
	t.Cleanup(func() {
		s.Close()
		<-done
	})
	return ln.Addr().String()
}

// A handler of net/http upgrades, whatever server it runs under: frames that came with the request are the first, and the
// echo of 256 KiB and more comes back whole.
func TestUpgradeHTTP(t *testing.T) {
	for _, host := range hosts {
		t.Run(host.name, func(t *testing.T) {
			r := newReactor(t, reactor.Config{})
			srv := &websocket.Server{Reactor: r, KeepRequest: true, Protocols: []string{"p"}}
			addr := host.run(t, r, http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
				w.Header().Set("X-Extra", "yes")
				c, err := srv.UpgradeHTTP(w, req, echo{})
				if err == nil && c.Request().Path != "/a" {
					t.Errorf("request %+v", c.Request())
				}
			}))
			nc := rawDial(t, addr)
			if host.tls {
				nc = ctls.Client(nc, clientTLS(t))
			}
			big := bytes.Repeat([]byte("0123456789abcdef"), 16<<10)
			req := []byte(rawRequest("/a", "Sec-WebSocket-Protocol: p"))
			req = wire.AppendMessage(req, wire.Client, wire.Text, []byte("early"), nil)
			go func() {
				nc.Write(wire.AppendMessage(req, wire.Client, wire.Binary, big, nil))
			}()
			br := bufio.NewReader(nc)
			res, err := http.ReadResponse(br, nil)
			if err != nil {
				t.Fatal(err)
			}
			if res.StatusCode != 101 || res.Header.Get("X-Extra") != "yes" || res.Header.Get("Sec-WebSocket-Protocol") != "p" ||
				res.Header.Get("Sec-WebSocket-Accept") != wire.Accept(rawKey) {
				t.Fatal(res)
			}
			want := wire.AppendMessage(nil, wire.Server, wire.Text, []byte("early"), nil)
			want = wire.AppendMessage(want, wire.Server, wire.Binary, big, nil)
			got := make([]byte, len(want))
			if _, err := io.ReadFull(br, got); err != nil || !bytes.Equal(got, want) {
				t.Fatalf("%.40q, %v", got, err)
			}
			nc.Write(wire.AppendClose(nil, wire.Client, 1000, "bye"))
			rest, err := io.ReadAll(br)
			if want := wire.AppendClose(nil, wire.Server, 1000, ""); !bytes.Equal(rest, want) || err != nil {
				t.Errorf("%q, %v", rest, err)
			}
		})
	}
}

// What is refused is answered by the net/http server, whose connection goes on.
func TestUpgradeHTTPRefused(t *testing.T) {
	r := newReactor(t, reactor.Config{})
	srv := &websocket.Server{Reactor: r}
	for _, host := range hosts {
		if host.tls {
			continue
		}
		addr := host.run(t, r, http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) { srv.UpgradeHTTP(w, req, echo{}) }))
		nc := rawDial(t, addr)
		br := bufio.NewReader(nc)
		for _, c := range []struct {
			request string
			status  int
		}{
			{"GET / HTTP/1.1\r\nHost: a\r\n\r\n", 426},
			{strings.Replace(rawRequest("/"), "-Version: 13", "-Version: 8", 1), 426},
			{strings.Replace(rawRequest("/"), "Key: d", "Key: ", 1), 400},
			{rawRequest("/", "Origin: http://evil.example"), 403},
		} {
			io.WriteString(nc, c.request)
			res, err := http.ReadResponse(br, nil)
			if err != nil || res.StatusCode != c.status {
				t.Fatalf("%s: %v %v, want %d", host.name, res, err, c.status)
			}
			if c.status == 426 && (res.Header.Get("Upgrade") != "websocket" || res.Header.Get("Sec-WebSocket-Version") != "13") {
				t.Errorf("426 with %v", res.Header)
			}
			io.Copy(io.Discard, res.Body)
		}
	}
	if n := srv.Stats().Refused; n["no_upgrade"] != 2 || n["version_not_13"] != 2 || n["bad_key"] != 2 || n["bad_origin"] != 2 {
		t.Errorf("counted %v", n)
	}
}
