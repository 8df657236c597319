package websocket_test

import (
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"sync"
	"testing"

	"github.com/calandria-go/calandria/protocols/http1"
	"github.com/calandria-go/calandria/protocols/websocket"
	"github.com/calandria-go/calandria/reactor"
	"github.com/calandria-go/calandria/transports/tls"
)

// Through an HTTP proxy, plain and with TLS inside of the tunnel.
func TestDialProxy(t *testing.T) {
	r := newReactor(t, reactor.Config{})
	srv := &websocket.Server{}
	h := &http1.Server{Handler: http1.HandlerFunc(func(x *http1.Exchange) { srv.Upgrade(x, echo{}) })}
	plain := serveProtocol(t, r, h)
	secure := serveProtocol(t, r, &tls.Server{Config: serverTLS(t), Next: h})
	tunnels := make(chan bool, 10)
	var wg sync.WaitGroup
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		up, err := net.Dial("tcp", q.Host)
		if err != nil || q.Method != http.MethodConnect {
			http.Error(w, "no", http.StatusBadGateway)
			return
		}
		down, _, err := w.(http.Hijacker).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		io.WriteString(down, "HTTP/1.1 200 OK\r\n\r\n")
		for _, pair := range [][2]net.Conn{{up, down}, {down, up}} {
			wg.Go(func() {
				io.Copy(pair[0], pair[1])
				pair[0].Close()
			})
		}
		tunnels <- true
	}))
	t.Cleanup(func() {
		proxy.Close()
		wg.Wait()
	})
	u, err := url.Parse(proxy.URL)
	if err != nil {
		t.Fatal(err)
	}
	for _, target := range []string{"ws://" + plain, "wss://" + secure} {
		roundTrip(t, dial(t, target, &websocket.DialOptions{Reactor: r, TLS: clientTLS(t), Dialer: &http1.ConnectDialer{Proxy: u}}))
		<-tunnels // it went through the proxy
	}
}
