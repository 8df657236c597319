package http1_test

import (
	"bufio"
	"bytes"
	ctls "crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/calandria-go/calandria/protocols/http1"
	"github.com/calandria-go/calandria/protocols/http1/internal/conform"
	"github.com/calandria-go/calandria/reactor"
	"github.com/calandria-go/calandria/reactor/reactortest"
	"github.com/calandria-go/calandria/transports/tcp"
	"github.com/calandria-go/calandria/transports/tls"
)

// tlsHost is a Server behind TLS.
type tlsHost struct {
	addr string
	cert ctls.Certificate
	r    *reactor.Reactor
}

// serveTLS starts srv behind TLS; change may alter the server's Config.
func serveTLS(t *testing.T, srv *http1.Server, change func(h *tlsHost, cfg *ctls.Config)) *tlsHost {
	t.Helper()
	cert, err := tls.SelfSigned("localhost")
	if err != nil {
		t.Fatal(err)
	}
	h := &tlsHost{cert: cert, r: reactortest.NewDefault(t, reactor.Config{StallAfter: -1})}
	cfg := &ctls.Config{Certificates: []ctls.Certificate{cert}, NextProtos: []string{"http/1.1"}}
	if change != nil {
		change(h, cfg)
	}
	ln, err := tcp.Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	h.addr = ln.Addr().String()
	if _, err := h.r.Listen(ln, &tls.Server{Config: cfg, Next: srv, MaxHandshakesPerIP: -1}); err != nil {
		t.Fatal(err)
	}
	return h
}

func (h *tlsHost) roots() *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AddCert(h.cert.Leaf)
	return pool
}

func (h *tlsHost) config() *ctls.Config {
	return &ctls.Config{RootCAs: h.roots(), ServerName: "localhost"}
}

func (h *tlsHost) dial(t *testing.T, cfg *ctls.Config) *ctls.Conn {
	t.Helper()
	c, err := ctls.Dial("tcp", h.addr, cfg)
	if err != nil {
		t.Fatal(err)
	}
	c.SetDeadline(time.Now().Add(patience))
	t.Cleanup(func() { c.Close() })
	return c
}

// tableRoutes are what the conformance table asks for, as cmd/httpd has them.
func tableRoutes(x *http1.Exchange) {
	allow := func(methods ...string) bool {
		for _, m := range methods {
			if string(x.Method()) == m {
				return true
			}
		}
		x.SetHeader("Allow", strings.Join(methods, ", "))
		x.Respond(http.StatusMethodNotAllowed, "text/plain", []byte("method not allowed\n"))
		return false
	}
	switch path := string(x.Path()); path {
	case "/":
		if allow("GET", "HEAD") {
			x.Respond(http.StatusOK, "text/html; charset=utf-8", []byte("<!DOCTYPE html><title>table</title>"))
		}
	case "/plaintext":
		if allow("GET", "HEAD") {
			x.Respond(http.StatusOK, "text/plain; charset=utf-8", []byte("Hello, World!"))
		}
	case "/json":
		if allow("GET", "HEAD") {
			x.Respond(http.StatusOK, "application/json", []byte(`{"message":"Hello, World!"}`))
		}
	case "/echo":
		if allow("POST") {
			tableEcho(x)
		}
	case "/sleep":
		ms, ok := tableSleep(string(x.Request().RawQuery()))
		if !ok {
			x.Respond(http.StatusBadRequest, "text/plain", []byte("no such time\n"))
			return
		}
		x.Conn().AfterFunc(time.Duration(ms)*time.Millisecond, func() { x.Respond(http.StatusOK, "text/plain", []byte("slept\n")) })
	case "*", "":
		if allow("OPTIONS") {
			x.SetHeader("Allow", "GET, HEAD, POST, OPTIONS")
			x.Respond(http.StatusNoContent, "", nil)
		}
	default:
		x.Respond(http.StatusNotFound, "text/plain; charset=utf-8", []byte("not found\n"))
	}
}

func tableSleep(query string) (ms int, ok bool) {
	ms, err := strconv.Atoi(strings.TrimPrefix(query, "ms="))
	return ms, err == nil && ms >= 0 && ms <= 60_000
}

func tableEcho(x *http1.Exchange) {
	x.ReadBody(1<<62, func(x *http1.Exchange, body []byte) {
		if !x.Request().Chunked() {
			x.Respond(http.StatusOK, "application/octet-stream", body)
			return
		}
		if x.Start(http.StatusOK, "application/octet-stream", -1) == nil {
			x.Write(body)
			x.Finish()
		}
	})
}

// tableRoutesStd are the same, as a net/http handler.
func tableRoutesStd(w http.ResponseWriter, r *http.Request) {
	allow := func(methods ...string) bool {
		for _, m := range methods {
			if r.Method == m {
				return true
			}
		}
		w.Header().Set("Allow", strings.Join(methods, ", "))
		w.WriteHeader(http.StatusMethodNotAllowed)
		return false
	}
	switch {
	case r.URL.Path == "/", r.URL.Path == "" && r.Method != "OPTIONS" && r.Method != "CONNECT":
		if allow("GET", "HEAD") {
			w.Header().Set("Content-Type", "text/html; charset=utf-8")
			io.WriteString(w, "<!DOCTYPE html><title>table</title>")
		}
	case r.URL.Path == "/plaintext":
		if allow("GET", "HEAD") {
			w.Header().Set("Content-Type", "text/plain; charset=utf-8")
			io.WriteString(w, "Hello, World!")
		}
	case r.URL.Path == "/json":
		if allow("GET", "HEAD") {
			w.Header().Set("Content-Type", "application/json")
			io.WriteString(w, `{"message":"Hello, World!"}`)
		}
	case r.URL.Path == "/echo":
		if allow("POST") {
			tableEchoStd(w, r)
		}
	case r.URL.Path == "/sleep":
		ms, ok := tableSleep(r.URL.RawQuery)
		if !ok {
			http.Error(w, "no such time", http.StatusBadRequest)
			return
		}
		select {
		case <-time.After(time.Duration(ms) * time.Millisecond):
			io.WriteString(w, "slept\n")
		case <-r.Context().Done():
		}
	case r.URL.Path == "*", r.URL.Path == "":
		if allow("OPTIONS") {
			w.Header().Set("Allow", "GET, HEAD, POST, OPTIONS")
			w.WriteHeader(http.StatusNoContent)
		}
	default:
		http.NotFound(w, r)
	}
}

func tableEchoStd(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		http.Error(w, err.Error(), http.StatusRequestEntityTooLarge)
		return
	case err != nil:
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	w.Header().Set("Content-Type", "application/octet-stream")
	if r.ContentLength >= 0 {
		w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	} else {
		w.Header().Set("Transfer-Encoding", "chunked")
	}
	w.Write(body)
}

// The conformance table over TLS: all of it for native handlers, and where that takes too long every few cases of what is
// the same code.
func TestTLSConformance(t *testing.T) {
	for _, c := range []struct {
		name    string
		handler http1.Handler
		step    int
	}{
		{"native", http1.HandlerFunc(tableRoutes), size(1, 7, 1)},
		{"std", http1.Std(http.HandlerFunc(tableRoutesStd)), size(5, 7, 1)},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := serveTLS(t, &http1.Server{Handler: c.handler, Logger: quiet}, nil)
			cfg := h.config()
			cfg.ClientSessionCache = ctls.NewLRUClientSessionCache(100) // a handshake per case: resumed ones are cheaper
			dial := func() (net.Conn, error) { return ctls.Dial("tcp", h.addr, cfg) }
			if c.step == 1 {
				conform.Run(t, dial)
				return
			}
			var some []conform.Case
			for i, one := range conform.Cases() {
				if i%c.step == 0 {
					some = append(some, one)
				}
			}
			for _, r := range conform.Evaluate(dial, some) {
				if r.Err != nil {
					t.Errorf("%s, %s: %v", r.Case.Name, r.Mode, r.Err)
				}
			}
		})
	}
}

// A net/http handler sees the state of the connection, and who the client is.
func TestTLSStdState(t *testing.T) {
	client, err := tls.SelfSigned("a client")
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range []uint16{ctls.VersionTLS12, ctls.VersionTLS13} {
		h := serveTLS(t, &http1.Server{Handler: http1.Std(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.TLS == nil || len(r.TLS.VerifiedChains) == 0 {
				http.Error(w, "no state", http.StatusInternalServerError)
				return
			}
			s := r.TLS
			io.WriteString(w, strings.Join([]string{
				s.PeerCertificates[0].Subject.CommonName, s.ServerName, s.NegotiatedProtocol, ctls.VersionName(s.Version), strconv.FormatBool(s.DidResume),
			}, "|"))
		}))}, func(_ *tlsHost, cfg *ctls.Config) {
			pool := x509.NewCertPool()
			pool.AddCert(client.Leaf)
			cfg.ClientAuth, cfg.ClientCAs = ctls.RequireAndVerifyClientCert, pool
		})
		cfg := h.config()
		cfg.MinVersion, cfg.MaxVersion = v, v
		cfg.Certificates, cfg.NextProtos = []ctls.Certificate{client}, []string{"h2", "http/1.1"}
		cfg.ClientSessionCache = ctls.NewLRUClientSessionCache(1)
		for i := range 2 {
			cl := &http.Client{Transport: &http.Transport{TLSClientConfig: cfg}, Timeout: patience}
			resp, err := cl.Get("https://" + h.addr + "/")
			if err != nil {
				t.Fatal(err)
			}
			body, _ := io.ReadAll(resp.Body)
			resp.Body.Close()
			cl.CloseIdleConnections()
			if want := "a client|localhost|http/1.1|" + ctls.VersionName(v) + "|" + strconv.FormatBool(i > 0); string(body) != want {
				t.Errorf("%d: %q, want %q", resp.StatusCode, body, want)
			}
		}
		if c, err := ctls.Dial("tcp", h.addr, h.config()); err == nil { // TLS 1.3: the client is told after its handshake
			_, err = c.Read(make([]byte, 1))
			c.Close()
			if err == nil {
				t.Error("a client without a certificate")
			}
		}
	}
}

// A native handler sees it too, and Exchange.TLS is nil without TLS.
func TestTLSNativeState(t *testing.T) {
	srv := &http1.Server{Handler: http1.HandlerFunc(func(x *http1.Exchange) {
		name := "plain"
		if s := x.TLS(); s != nil {
			name = s.ServerName
		}
		x.Respond(http.StatusOK, "text/plain", []byte(name))
	})}
	h := serveTLS(t, srv, nil)
	c := h.dial(t, h.config())
	io.WriteString(c, get("/"))
	resp, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		t.Fatal(err)
	}
	if body, _ := io.ReadAll(resp.Body); string(body) != "localhost" {
		t.Errorf("%q", body)
	}
	p := serve(t, "tcp", srv, reactor.Config{})
	raw, err := net.Dial("tcp", p.addr.String())
	if err != nil {
		t.Fatal(err)
	}
	defer raw.Close()
	newPeer(t, raw).send(get("/"))
	resp, err = http.ReadResponse(bufio.NewReader(raw), nil)
	if err != nil {
		t.Fatal(err)
	}
	if body, _ := io.ReadAll(resp.Body); string(body) != "plain" {
		t.Errorf("%q", body)
	}
}

// Wrong ports, both ways: each side says what is wrong.
func TestTLSWrongPort(t *testing.T) {
	srv := &http1.Server{Handler: http1.HandlerFunc(tableRoutes)}
	h := serveTLS(t, srv, nil)
	resp, err := http.Get("http://" + h.addr + "/")
	if err != nil {
		t.Fatal(err)
	}
	body, _ := io.ReadAll(resp.Body)
	resp.Body.Close()
	if resp.StatusCode != http.StatusBadRequest || !bytes.Contains(body, []byte("TLS")) {
		t.Errorf("%s: %q", resp.Status, body)
	}
	p := serve(t, "tcp", srv, reactor.Config{})
	raw, err := net.Dial("tcp", p.addr.String())
	if err != nil {
		t.Fatal(err)
	}
	defer raw.Close()
	if err := ctls.Client(raw, h.config()).Handshake(); err == nil {
		t.Error("a handshake with a plain port")
	}
	raw.Close()
	if got := p.closed(1); got != "tls_on_plain" {
		t.Errorf("closed for %q", got)
	}
}

// Uploads and downloads of megabytes, through net/http's client, and a streamed answer under back-pressure.
func TestTLSLargeBodies(t *testing.T) {
	h := serveTLS(t, &http1.Server{Handler: http1.Std(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		io.Copy(w, r.Body)
	})), MaxBodyBytes: 1 << 30}, nil)
	cl := &http.Client{Transport: &http.Transport{TLSClientConfig: h.config()}, Timeout: patience}
	defer cl.CloseIdleConnections()
	data := bytes.Repeat([]byte("0123456789abcdef"), size(1<<18, 1<<16, 1<<22))
	resp, err := cl.Post("https://"+h.addr+"/", "application/octet-stream", bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	got, err := io.ReadAll(resp.Body)
	if err != nil || !bytes.Equal(got, data) {
		t.Errorf("%d bytes of %d, %v", len(got), len(data), err)
	}
}
