package http1_test

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/calandria-go/calandria/protocols/http1"
	"github.com/calandria-go/calandria/reactor"
)

// forwardProxy is an HTTP proxy of net/http's, with a password.
type forwardProxy struct {
	tunnels, requests atomic.Int32
	status            int // of every answer to CONNECT, if set
}

func (p *forwardProxy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if user, _, ok := basicOf(r.Header.Get("Proxy-Authorization")); !ok || user != "u" {
		w.WriteHeader(http.StatusProxyAuthRequired)
		return
	}
	if r.Method != http.MethodConnect {
		p.requests.Add(1)
		if !r.URL.IsAbs() {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		r.Header.Del("Proxy-Authorization")
		res, err := http.DefaultTransport.RoundTrip(r)
		if err != nil {
			w.WriteHeader(http.StatusBadGateway)
			return
		}
		defer res.Body.Close()
		w.WriteHeader(res.StatusCode)
		io.Copy(w, res.Body)
		return
	}
	if p.status != 0 {
		w.WriteHeader(p.status)
		return
	}
	p.tunnels.Add(1)
	to, err := net.Dial("tcp", r.Host)
	if err != nil {
		w.WriteHeader(http.StatusBadGateway)
		return
	}
	c, brw, err := w.(http.Hijacker).Hijack()
	if err != nil {
		to.Close()
		return
	}
	io.WriteString(c, "HTTP/1.1 200 OK\r\n\r\n")
	go func() {
		io.Copy(to, brw)
		to.Close()
	}()
	io.Copy(c, to)
	c.Close()
}

func basicOf(field string) (user, password string, ok bool) {
	r := http.Request{Header: http.Header{"Authorization": {field}}}
	return r.BasicAuth()
}

// TestForwardProxies: requests by absolute-form, https by CONNECT; the proxy over TCP and over TLS.
func TestForwardProxies(t *testing.T) {
	say := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, "origin ", r.URL.Path) })
	plain := httptest.NewServer(say)
	secure := httptest.NewTLSServer(say)
	t.Cleanup(func() { plain.Close(); secure.Close(); http.DefaultTransport.(*http.Transport).CloseIdleConnections() })
	trust := &tls.Config{RootCAs: secure.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs}
	for _, overTLS := range []bool{false, true} {
		p := &forwardProxy{}
		var s *httptest.Server
		if overTLS {
			s = httptest.NewTLSServer(p)
		} else {
			s = httptest.NewServer(p)
		}
		via, _ := url.Parse(s.URL)
		via.User = url.UserPassword("u", "p")
		cl := newClient(t, &http1.Client{Proxy: http.ProxyURL(via), TLS: trust})
		for range 3 {
			for _, to := range []string{plain.URL, secure.URL} {
				if res, body := fetch(t, cl, to+"/x"); res.StatusCode != 200 || body != "origin /x" {
					t.Errorf("TLS %v: %d %q", overTLS, res.StatusCode, body)
				}
			}
		}
		if p.requests.Load() != 3 || p.tunnels.Load() != 1 {
			t.Errorf("TLS %v: %d requests, %d tunnels", overTLS, p.requests.Load(), p.tunnels.Load())
		}
		p.status = http.StatusForbidden
		cl.CloseIdleConnections()
		until(t, "the pool to be empty", func() bool { return cl.Stats().Open == 0 })
		_, err := cl.Get(t.Context(), secure.URL)
		var pe *http1.ProxyError
		if !errors.Is(err, http1.ErrProxyRefused) || !errors.As(err, &pe) || pe.Status != 403 || strings.Contains(err.Error(), ":p@") {
			t.Error(err)
		}
		until(t, "the place to be free", func() bool { return cl.Stats().Open == 0 })
		cl.Close()
		s.Close()
	}
}

// TestTLSInTLS: much goes both ways through a tunnel in a tunnel, and its ends are ends.
func TestTLSInTLS(t *testing.T) {
	p := &forwardProxy{}
	ps := httptest.NewTLSServer(p)
	t.Cleanup(ps.Close)
	origin := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.NewResponseController(w).EnableFullDuplex()
		io.Copy(w, r.Body)
	}))
	t.Cleanup(origin.Close)
	via, _ := url.Parse(ps.URL)
	via.User = url.User("u")
	cl := newClient(t, &http1.Client{
		Proxy: http.ProxyURL(via), TLS: &tls.Config{RootCAs: ps.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs},
	})
	in := strings.Repeat("calandria", 500_000)
	for range 2 {
		res, err := cl.Post(t.Context(), origin.URL, "", io.MultiReader(strings.NewReader(in)))
		if err != nil {
			t.Fatal(err)
		}
		out, err := io.ReadAll(res.Body)
		res.Body.Close()
		if err != nil || string(out) != in {
			t.Errorf("%d of %d bytes, %v", len(out), len(in), err)
		}
	}
	origin.CloseClientConnections()
	until(t, "the end to be noticed", func() bool { return cl.Stats().Open == 0 })
	cl.Close()
}

// TestConnectErrors: no proxy, a silent one, and an address that is none.
func TestConnectErrors(t *testing.T) {
	cl := newClient(t, &http1.Client{})
	gone, _ := url.Parse("http://127.0.0.1:1")
	odd, _ := url.Parse("gopher://127.0.0.1:1")
	for _, via := range []*url.URL{gone, odd} {
		d := &http1.ConnectDialer{Proxy: via}
		var pe *http1.ProxyError
		if _, err := d.DialConn(t.Context(), cl.Reactor, "a:1", reactor.NewStream()); !errors.As(err, &pe) {
			t.Errorf("%s: %v", via, err)
		}
	}
	silent := accepting(t, func(_ int, c net.Conn, _ *bufio.Reader) { io.Copy(io.Discard, c) })
	via, _ := url.Parse(silent)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() {
		_, err := (&http1.ConnectDialer{Proxy: via}).DialConn(ctx, cl.Reactor, "a:1", reactor.NewStream())
		done <- err
	}()
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	if _, err := (&http1.ConnectDialer{Proxy: via}).DialConn(t.Context(), cl.Reactor, "a:1\r\nX: y", reactor.NewStream()); err == nil {
		t.Error("CR LF in an address")
	}
}
